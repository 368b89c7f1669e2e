"""Requests in words: what a change was, how to undo it, and what `ip` and `bridge` would be told instead.

    Create(routes, {…})  ──►  holdfast add route 10.0.0.0/8 via 192.0.2.1 dev eth0      as one types it here
                              ip route add 10.0.0.0/8 via 192.0.2.1 dev eth0            as one types it there

Words that are read back by `Order.read` give the same fields again. Pure: names come from the `Spelling`.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from holdfast.cli.language.spelling import Spelling
from holdfast.model import INTERFACES, KINDS
from holdfast.model.neighbour import NTF_PROXY
from holdfast.model.route import METRICS
from holdfast.netlink.uapi import number
from holdfast.transactions.contract import Change, Create, Delete, Named, Request
from holdfast.transactions.merging import merged

from .interface import short_name
from .port import said_port

__all__ = ["as_ip", "as_order"]

Row = Mapping[str, Any]

_TOOLS: Final = {
    "interfaces": "ip link", "addresses": "ip address", "routes": "ip route", "neighbours": "ip neighbour", "rules": "ip rule",
    "nexthops": "ip nexthop", "fdb": "bridge fdb", "vlans": "bridge vlan", "netns": "ip netns",
}  # fmt: skip
_REPLACED: Final = ("routes", "neighbours", "nexthops", "addresses", "fdb")
"""What iproute2 can replace in place."""
_FIB_RULE_INVERT: Final = 2
_AF_INET6: Final = 10
_TAP: Final = 2
_MAIN: Final = 254
_FAMILIES: Final = {2: "inet", 10: "inet6"}
_ENCAPS: Final = {1: "mpls", 2: "ip", 4: "ip6", 5: "seg6", 7: "seg6local"}
_NUD: Final = {0x80: "permanent", 0x40: "noarp", 0x02: "reachable", 0x04: "stale", 0x08: "delay", 0x10: "probe"}


class _Speaker:
    """Spells one row's values."""

    def __init__(self, spelling: Spelling, target: str) -> None:
        self._spelling = spelling
        self._target = target

    def device(self, value: Any) -> str:
        return value.ifname if isinstance(value, Named) else self._spelling.device(self._target, value)

    def name(self, table: str, value: Any) -> str:
        return self._spelling.name(table, value) if isinstance(value, int) else str(value)

    def flags(self, table: str, value: Any, known: tuple[str, ...]) -> list[str]:
        return [word for word in self._spelling.flags(table, value) if word in known] if isinstance(value, int) else []


def as_order(request: Request, spelling: Spelling, localhost: str) -> str:
    """`holdfast del route 10.0.0.0/8 via 192.0.2.1 dev eth0`"""
    verb = "add" if isinstance(request, Create) else "set" if isinstance(request, Change) else "del"
    where = "" if request.target == localhost else f" --target {shlex.quote(request.target)}"
    words = shlex.join(_words(request, _Speaker(spelling, request.target)))
    return f"holdfast {verb} {request.table.noun.replace('bridge vlan', 'vlan')} {words}{where}"


def as_ip(request: Request, spelling: Spelling, localhost: str) -> list[str]:
    """The commands of iproute2 that do the same; an interface that is made and up takes two."""
    speaker = _Speaker(spelling, request.target)
    tool = _TOOLS[request.table.name]
    if request.target != localhost:
        program, _, rest = tool.partition(" ")
        where = shlex.quote(request.target)
        tool = f"nsenter --net={where} {tool}" if "/" in where else f"{program} -n {where} {rest}"
    if request.table is INTERFACES:
        return [f"{tool.removesuffix('link')}{line}" for line in _link_commands(request, speaker, localhost)]
    verb = "del" if isinstance(request, Delete) else "add"
    row = dict(request.row)
    if isinstance(request, Change):
        verb, row = "replace" if request.table.name in _REPLACED else "add", merged(request.table, row, request.fields)
    if row.get("family") == _AF_INET6 and request.table.name in ("routes", "rules"):
        tool = tool.replace("ip ", "ip -6 ", 1)
    words = shlex.join(_SAID[request.table.name](row, speaker))
    commands = [f"{tool} {verb} {words}"]
    if isinstance(request, Change) and verb == "add":
        commands.insert(0, f"{tool} del {shlex.join(_SAID[request.table.name](request.row, speaker))}")
    return commands


def _words(request: Request, speaker: _Speaker) -> list[str]:
    table = request.table
    if table is INTERFACES:
        return _link_words(request, speaker)
    if isinstance(request, Change):
        row = merged(table, request.row, request.fields)
        said = {name for name in row if name in table.key or name.endswith("_len") or name == "prefixlen"} | request.fields.keys()
        return _SAID[table.name]({name: row[name] for name in said}, speaker)
    return _SAID[table.name](request.row, speaker)


# -- interfaces --------------------------------------------------------------------------------------------------------


def _link_name(row: Row, speaker: _Speaker) -> str:
    return str(row.get("ifname") or speaker.device(row.get("ifindex")))


def _link_words(request: Request, speaker: _Speaker) -> list[str]:
    name = _link_name(request.row, speaker)
    if isinstance(request, Delete):
        return [name]
    if isinstance(request, Create):
        kind = ["type", request.row["kind"], *_kind_words(request.row, speaker)] if request.row.get("kind") else []
        return [name, *kind, *_common_words(request.row, speaker), *_state(request.row), *_name_words(*_names(request))]
    changed = _changed_words(request.fields, speaker)
    return [name, *changed, *_switched(request), *_state(request.fields), *_name_words(*_names(request))]


def _names(request: Request) -> tuple[list[str], list[str]]:
    """The alternative names that an interface gets, and those that it loses."""
    if isinstance(request, Create):
        return list(request.row.get("altnames") or ()), []
    if not isinstance(request, Change) or "altnames" not in request.fields:
        return [], []
    had, has = request.row.get("altnames") or (), request.fields["altnames"] or ()
    return [one for one in has if one not in had], [one for one in had if one not in has]


def _name_words(more: list[str], less: list[str]) -> list[str]:
    return [word for said, names in (("altname", more), ("noaltname", less)) for one in names for word in (said, one)]


def _link_commands(request: Request, speaker: _Speaker, localhost: str) -> Iterator[str]:
    name = shlex.quote(_link_name(request.row, speaker))
    if isinstance(request, Delete):
        yield f"link del {name}"
        return
    if isinstance(request, Create):
        common = _common_words(request.row, speaker)
        kind = ["type", request.row["kind"], *_kind_words(request.row, speaker)] if request.row.get("kind") else []
        tun = _tuntap_words(request.row) if request.row.get("kind") == "tun" else None
        yield f"tuntap add dev {name} {tun}" if tun else f"link add {name} {shlex.join([*common, *kind])}".rstrip()
        if tun and common:
            yield f"link set {name} {shlex.join(common)}"
        fields = {key: request.row[key] for key in ("master", "state") if request.row.get(key)}
    else:
        fields = dict(request.fields)
        if fields.get("target"):
            fields.pop("ifindex", None)  # ip cannot say which one it is to have there
            fields["target"] = "1" if fields["target"] == localhost else fields["target"]
    for verb, names in zip(("add", "del"), _names(request), strict=True):
        for one in names:
            yield f"link property {verb} dev {name} altname {shlex.quote(one)}"
    data, port = fields.pop("kind_data", None), said_port(fields.pop("port_data", None) or {})
    if words := [*_changed_words(fields, speaker), *_switched(request), *_state(fields)]:
        yield f"link set {name} {shlex.join(words)}"
    if data and request.row.get("kind"):
        of_kind = _kind_words({"kind": request.row["kind"], "kind_data": data}, speaker)
        yield f"link set {name} type {request.row['kind']} {shlex.join(of_kind)}"
    if port:
        yield f"link set {name} {shlex.join(port)}"


def _tuntap_words(row: Row) -> str:
    """`mode tap user 1000 vnet_hdr`: `ip link` makes none of them."""
    data = row.get("kind_data") or {}
    words = ["mode", "tap" if data.get("tun_type") == _TAP else "tun"]
    for name, word in (("tun_owner", "user"), ("tun_group", "group")):
        words += [word, str(data[name])] if data.get(name) is not None else []
    return " ".join([*words, *(name.removeprefix("tun_") for name in ("tun_pi", "tun_vnet_hdr", "tun_multi_queue") if data.get(name))])


_SWITCHES: Final = {"promisc": 0x100, "allmulticast": 0x200, "multicast": 0x1000, "arp": 0x80, "dynamic": 0x8000}
"""IFF_PROMISC, ALLMULTI, MULTICAST, NOARP, DYNAMIC, in the words of ip."""


def _switched(request: Request) -> list[str]:
    """The flags that become others."""
    if not isinstance(request, Change) or request.row.get("flags") is None or request.fields.get("flags") is None:
        return []
    new, other = request.fields["flags"], request.fields["flags"] ^ request.row["flags"]
    words = ["up" if new & 1 else "down"] if other & 1 and "state" not in request.fields else []
    for word, bit in _SWITCHES.items():
        if other & bit:
            words += [word, "on" if bool(new & bit) != (word == "arp") else "off"]
    return words


def _state(row: Row) -> list[str]:
    return [row["state"]] if row.get("state") in ("up", "down") else []


_PLAIN: Final = (("mtu", "mtu"), ("address", "address"), ("txqlen", "txqueuelen"), ("ifalias", "alias"), ("group_id", "group"))


def _common_words(row: Row, speaker: _Speaker) -> list[str]:
    words = ["link", speaker.device(row["link"])] if row.get("link") and row.get("kind") not in ("veth", "vxlan") else []
    for field, word in _PLAIN:
        if row.get(field) not in (None, ""):
            words += [word, str(row[field])]
    return words


def _changed_words(fields: Row, speaker: _Speaker) -> list[str]:
    words = _common_words(fields, speaker)
    if fields.get("ifname"):
        words += ["name", str(fields["ifname"])]
    if "master" in fields:
        words += ["master", speaker.device(fields["master"])] if fields["master"] else ["nomaster"]
    if fields.get("target"):
        words += ["netns", str(fields["target"])]
    for name, value in (fields.get("kind_data") or {}).items():
        words += [name, str(value)]
    for name, value in fields.items():
        if name not in _SPOKEN and value is not None and not isinstance(value, dict | list):
            words += [name, str(value)]
    return words + said_port(fields.get("port_data") or {})


_SPOKEN: Final = frozenset(("ifname", "master", "target", "state", "flags", "change", "link", *(field for field, _ in _PLAIN)))
"""Fields of an interface that have words of their own, or follow from those."""


def _kind_words(row: Row, speaker: _Speaker) -> list[str]:
    kind = KINDS.get(row["kind"])
    words: list[str] = []
    if row.get("peer"):
        peer = row["peer"]
        words += ["peer", "name", str(peer.get("ifname", ""))]
        where = peer.get("target") or peer.get("net_ns_fd")
        words += ["netns", str(where)] if where else []
    data = row.get("kind_data") or {}
    for field in kind.data if kind else ():
        if data.get(field.name) is None or isinstance(data[field.name], dict | list):
            continue
        value = speaker.device(data[field.name]) if field.names == "ifindex" else speaker.name(field.names, data[field.name])
        words += [short_name(row["kind"], field.name), value]
    return words


# -- the other nouns ---------------------------------------------------------------------------------------------------


def _pairs(row: Row, *pairs: tuple[str, str]) -> list[str]:
    return [part for field, word in pairs if row.get(field) not in (None, "", 0) for part in (word, str(row[field]))]


def _dev(row: Row, speaker: _Speaker, field: str = "ifindex") -> list[str]:
    return ["dev", speaker.device(row[field])] if row.get(field) else []


def _prefix(row: Row, field: str, length: str) -> str:
    text = str(row.get(field) or "default")
    return text if text == "default" or row.get(length) is None or "/" in text else f"{text}/{row[length]}"


def _address(row: Row, speaker: _Speaker) -> list[str]:
    own, other = row.get("local") or row.get("address"), row.get("address")
    words = [f"{own}/{row['prefixlen']}" if row.get("prefixlen") is not None else str(own)]
    if other and other != own:
        words = [str(own), "peer", f"{other}/{row.get('prefixlen', 32)}"]
    words += _dev(row, speaker)
    words += _pairs(row, ("label", "label"), ("rt_priority", "metric"))
    for field in ("valid_lft", "preferred_lft"):
        words += [field, str(row[field])] if row.get(field) is not None else []
    return words + speaker.flags("ifa_flags", row.get("flags"), ("home", "mngtmpaddr", "nodad", "noprefixroute", "autojoin"))


def _way(row: Row, speaker: _Speaker) -> list[str]:
    words: list[str] = []
    if row.get("encap"):
        words += _encap(row)
    if row.get("gateway"):
        words += ["via", str(row["gateway"])]
    elif row.get("via"):
        words += ["via", _FAMILIES.get(row["via"]["family"], "inet"), row["via"]["addr"]]
    return words + _dev(row, speaker, "oif")


def _encap(row: Row) -> list[str]:
    kind = _ENCAPS.get(row.get("encap_type", 0), str(row.get("encap_type")))
    words = ["encap", kind]
    for name, value in row["encap"].items():
        if name == "labels":
            words.append("/".join(str(one["label"] if isinstance(one, dict) else one) for one in value))
        elif name != "flags":
            words += [name, str(value)]
    return words


def _route(row: Row, speaker: _Speaker) -> list[str]:
    kind = speaker.name("rtn_type", row.get("type") or 1)
    words = [] if kind == "unicast" else [kind]
    words.append(_prefix(row, "dst", "dst_len"))
    if row.get("src"):
        words += ["from", _prefix(row, "src", "src_len")]
    words += _way(row, speaker)
    if row.get("table_id") not in (None, 0, _MAIN):
        words += ["table", speaker.name("rt_tables", row["table_id"])]
    words += _pairs(row, ("priority", "metric"), ("tos", "tos"), ("prefsrc", "src"), ("nh_id", "nhid"))
    if row.get("proto") not in (None, 0, 3):
        words += ["proto", speaker.name("rt_protos", row["proto"])]
    if row.get("scope") not in (None, 0) and row.get("family") != _AF_INET6:
        words += ["scope", speaker.name("rt_scopes", row["scope"])]
    words += _metrics(row.get("metrics") or {})
    for hop in row.get("multipath") or ():
        words += ["nexthop", *_way(hop, speaker)]
        words += ["weight", str(hop["weight"])] if hop.get("weight", 1) != 1 else []
    return words + speaker.flags("rt_flags", row.get("flags"), ("onlink",))


def _metrics(metrics: Row) -> Iterator[str]:
    locked = metrics.get("lock", 0)
    for one in METRICS:
        if one.name != "lock" and one.name in metrics:
            yield one.name
            if locked & 1 << number(one.attrs[0]):
                yield "lock"
            yield str(metrics[one.name])


def _neighbour(row: Row, speaker: _Speaker) -> list[str]:
    if row.get("proxy") or row.get("flags", 0) & NTF_PROXY:
        return ["proxy", str(row["dst"]), *_dev(row, speaker)]
    state = row.get("state")
    words = [str(row["dst"]), *_pairs(row, ("lladdr", "lladdr")), *_dev(row, speaker)]
    words += ["nud", _NUD[state]] if state in _NUD else []
    return words + speaker.flags("ntf", row.get("flags"), ("router", "extern_learn"))


def _rule(row: Row, speaker: _Speaker) -> list[str]:
    words = ["not"] if row.get("flags", 0) & _FIB_RULE_INVERT else []
    words += ["from", _prefix(row, "src", "src_len") if row.get("src") else "all"]
    words += ["to", _prefix(row, "dst", "dst_len")] if row.get("dst") else []
    words += _pairs(row, ("iifname", "iif"), ("oifname", "oif"))
    if row.get("fwmark"):
        mask = row.get("fwmask")
        words += ["fwmark", f"{row['fwmark']:#x}" + (f"/{mask:#x}" if mask not in (None, 0xFFFFFFFF) else "")]
    if row.get("ip_proto"):
        words += ["ipproto", speaker.name("ip_proto", row["ip_proto"])]
    for field, word in (("sport_range", "sport"), ("dport_range", "dport"), ("uid_range", "uidrange")):
        if row.get(field):
            words += [word, f"{row[field]['start']}-{row[field]['end']}"]
    if row.get("tos"):
        words += ["tos", speaker.name("rt_dsfield", row["tos"])]
    words += _rule_action(row, speaker)
    for field, word in (("suppress_prefixlen", "suppress_prefixlength"), ("suppress_ifgroup", "suppress_ifgroup")):
        words += [word, str(row[field])] if row.get(field, -1) not in (None, -1) else []
    return words + (["pref", str(row["priority"])] if row.get("priority") is not None else [])


def _rule_action(row: Row, speaker: _Speaker) -> list[str]:
    if row.get("l3mdev"):
        return ["l3mdev"]
    if row.get("goto"):
        return ["goto", str(row["goto"])]
    action = speaker.name("fr_act", row.get("action") or 1)
    return ["lookup", speaker.name("rt_tables", row.get("table_id") or _MAIN)] if action == "lookup" else [action]


def _nexthop(row: Row, speaker: _Speaker) -> list[str]:
    words = ["id", str(row["id"])]
    if row.get("group_members"):
        members = ("{id}".format(**one) + ("" if one.get("weight", 1) == 1 else f",{one['weight']}") for one in row["group_members"])
        words += ["group", "/".join(members)]
        words += ["type", speaker.name("nexthop_group_type", row["group_type"])] if row.get("group_type") else []
    elif row.get("blackhole"):
        words.append("blackhole")
    words += _way(row, speaker)
    words += ["proto", speaker.name("rt_protos", row["protocol"])] if row.get("protocol") else []
    return words + (["fdb"] if row.get("fdb") else [])


def _fdb(row: Row, speaker: _Speaker) -> list[str]:
    words = [str(row["lladdr"]), *_dev(row, speaker)]
    words += _pairs(row, ("dst", "dst"), ("vlan", "vlan"), ("vni", "vni"), ("port", "port"), ("nh_id", "nhid"))
    words += ["master"] if row.get("master") else ["self"]
    state = row.get("state", 0x80)
    return [*words, "static" if state & 0x40 else "permanent" if state & 0x80 else "dynamic"]


def _vlan(row: Row, speaker: _Speaker) -> list[str]:
    return ["vid", str(row["vid"]), *_dev(row, speaker), *speaker.flags("bridge_vlan_flags", row.get("flags"), ("pvid", "untagged"))]


def _netns(row: Row, speaker: _Speaker) -> list[str]:
    del speaker
    return [str(row["name"])]


_SAID: Final[dict[str, Callable[[Row, _Speaker], list[str]]]] = {
    "addresses": _address, "routes": _route, "neighbours": _neighbour, "rules": _rule, "nexthops": _nexthop, "fdb": _fdb, "vlans": _vlan,
    "netns": _netns,
}  # fmt: skip
