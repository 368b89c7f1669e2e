"""Random transactions, some of which cannot work: after a refused one everything is as before, after rollback as well.

What "everything" is, iproute2 says: links, addresses, routes, rules, neighbours, nexthops.
"""

import pytest

from holdfast.errors import HoldfastError

ROUNDS = 12


def everything(ns):
    """All that a person would compare, without what moves by itself and without numbers that are given anew."""
    links = {}
    for one in ns.ip_json("link show"):
        data = one.get("linkinfo", {}).get("info_data", {})
        kept = ("forward_delay", "ageing_time", "stp_state", "priority")
        flags = sorted(flag for flag in one["flags"] if flag in ("UP", "NOARP", "ALLMULTI"))
        links[one["ifname"]] = (one["mtu"], one["address"], one.get("master"), flags, one.get("ifalias"), one["txqlen"],
                                sorted(one.get("altnames", ())), {name: data.get(name) for name in kept})  # fmt: skip
    addresses = sorted(
        (one["ifname"], info["local"], info["prefixlen"], info["scope"])
        for one in ns.ip_json("addr show")
        for info in one["addr_info"]
        if not info["local"].startswith("fe80")
    )
    routes = []
    for family in ("-4", "-6"):
        for one in ns.ip_json(f"{family} route show table all"):
            if one["dst"].startswith(("fe80", "ff00", "multicast")) or one.get("table") == "local":
                continue
            hops = [(hop.get("gateway"), hop.get("weight")) for hop in one.get("nexthops", ())]
            routes.append(str((one["dst"], one.get("gateway"), one.get("dev"), one.get("table"), one.get("metric"), one.get("protocol"),
                               one.get("metrics"), one.get("nhid"), hops)))  # fmt: skip
    rules = sorted(str({**one}) for one in ns.ip_json("rule show"))
    neighbours = sorted(str((one["dst"], one["dev"], one["lladdr"])) for one in ns.ip_json("neigh show") if "PERMANENT" in one["state"])
    return {
        "links": links, "addresses": addresses, "routes": sorted(routes), "rules": rules, "neighbours": neighbours,
        "nexthops": sorted(str(one) for one in ns.ip_json("nexthop show")),
    }  # fmt: skip


class Dice:
    """Objects with something that waits, at random; now and then one that the kernel refuses."""

    def __init__(self, ndb, rng):
        self.ndb, self.rng, self.number = ndb, rng, 0

    def next(self):
        self.number += 1
        makers = (self.link, self.address, self.route, self.rule, self.neighbour, self.change, self.remove, self.replace)
        return self.rng.choice(makers)()

    def bridge(self):
        there = [link for link in self.ndb.interfaces.values() if link["kind"] == "bridge"]
        return self.rng.choice(there) if there else self.link()

    def link(self):
        link = self.ndb.interfaces.create(ifname=f"br{self.number}", kind="bridge", state=self.rng.choice(["up", "down"]))
        if self.rng.random() < 0.5:
            link.add_ip(f"10.{100 + self.number % 100}.{self.number}.1/24")
        return link

    def address(self):
        return self.bridge().ipaddr.create(f"10.50.{self.number}.1/24")

    def route(self):
        given = self.rng.choice([
            {"gateway": "10.0.0.2"}, {"oif": "v0"}, {"type": "blackhole"}, {"gateway": "10.0.0.3", "metrics": {"mtu": 1300}},
            {"multipath": [{"gateway": "10.0.0.2"}, {"gateway": "10.0.0.4", "weight": 5}]},
        ])  # fmt: skip
        return self.ndb.routes.create(dst=f"10.60.{self.number}.0/24", table=self.rng.choice([254, 77]), **given)

    def rule(self):
        return self.ndb.rules.create(src=f"10.70.{self.number}.0/24", table=77, priority=1000 + self.number)

    def neighbour(self):
        address = f"10.0.{self.number >> 8}.{self.number & 255 | 128}"
        return self.ndb.interfaces["v0"].neighbours.ensure(dst=address, lladdr="02:00:00:00:00:07")

    def change(self):
        fields = self.rng.choice([{"mtu": 1400}, {"txqlen": 50 + self.number}, {"state": "down"}, {"ifalias": f"n{self.number}"},
                                  {"br_forward_delay": 700}, {"alt_ifname_list": [f"other{self.number}"]}])  # fmt: skip
        return self.bridge().set(**fields)

    def remove(self):
        mine = [*self.ndb.routes.getmany(proto=4), *self.ndb.rules.getmany(table=77)]
        views = {True: self.ndb.routes, False: self.ndb.rules}
        if not mine or self.rng.random() < 0.3:
            link = self.bridge()
            return link if link.state == "invalid" else link.remove()  # made and removed at once it is still to be made
        chosen = self.rng.choice(mine)
        return views["dst_len" in chosen and "gateway" in chosen][chosen].remove()

    def replace(self):
        routes = [one for one in self.ndb.routes.getmany(proto=4) if one["gateway"]]
        return self.ndb.routes[self.rng.choice(routes)].set(gateway="10.0.0.9") if routes else self.route()

    def refused(self):
        return self.rng.choice([
            lambda: self.ndb.routes.create(dst="10.99.0.0/24", gateway="10.88.0.1"),
            lambda: self.ndb.interfaces.create(ifname="x0", kind="nosuchkind"),
            lambda: self.ndb.interfaces["v0"].ipaddr.create("10.0.0.1/24"),
            lambda: self.ndb.interfaces["v1"].set(mtu=10**6),
        ])()  # fmt: skip


def outcome(tx):
    try:
        tx.commit()
    except HoldfastError as error:
        return error
    return None


@pytest.mark.timeout(110)
def test_what_is_refused_or_taken_back_leaves_nothing(ns, ndb, rng):
    for name in ("br0", "br00"):
        ndb.interfaces.create(ifname=name, kind="bridge", state="up").add_ip(f"10.{40 + len(name)}.0.1/24").commit()
    dice = Dice(ndb, rng)
    done = refused = 0
    for _ in range(ROUNDS):
        before = everything(ns)
        wanted = {id(one): one for one in (dice.next() for _ in range(rng.randint(1, 5)))}
        objects = list(wanted.values())
        if rng.random() < 0.4:
            objects.insert(rng.randint(0, len(objects)), dice.refused())
        told = [repr((one.table, one.key_repr(), str(one.state), one.changed)) for one in objects]
        tx = ndb.begin().push(*objects)
        error = outcome(tx)
        if error is not None:
            refused += 1
            assert everything(ns) == before, f"{error} after {told}"
            assert not error.details.get("not_undone"), f"{error}: {error.details} after {told}"
            for one in objects:
                one.drop()
            continue
        done += 1
        now = [(str(one.state), one.changed) for one in objects]
        assert all(one.state in ("system", "invalid") and one.idle for one in objects), f"{told}: {now}"
        if rng.random() < 0.3 and len(objects) == 1:
            objects[0].rollback()
            assert everything(ns) == before, f"rollback of {told}"
    assert done and refused
