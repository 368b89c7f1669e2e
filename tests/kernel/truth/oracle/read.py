"""A fresh look at a namespace through iproute2: six processes, about 25 ms.

`ip -batch` answers several commands in one process, each with one JSON value, in order. A table is asked for in every
family by its own process, because `ip` names the family on the command line and does not print it.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from holdfast.testing.netns import whole_json

from .words import handle

__all__ = ["Answers", "Json", "look"]

Json = dict[str, Any]

_LISTS: Final = ("link show", "addr show", "token", "nexthop show", "neigh show", "neigh show proxy")
_BY_FAMILY: Final = ("route show table all", "rule show")
_CLASSLESS: Final = ("noqueue", "pfifo", "bfifo", "pfifo_fast", "ingress", "clsact")
_FILTERLESS: Final = ("noqueue", "pfifo", "bfifo", "pfifo_fast", "mq", "tbf")


@dataclass(slots=True)
class Answers:
    """What iproute2 printed, parsed, with the names of interfaces resolved through `ifindex_of`."""

    links: list[Json] = field(default_factory=list)
    addresses: list[Json] = field(default_factory=list)
    tokens: dict[str, str] = field(default_factory=dict)
    nexthops: list[Json] = field(default_factory=list)
    neighbours: list[Json] = field(default_factory=list)
    proxies: list[Json] = field(default_factory=list)
    routes: dict[int, list[Json]] = field(default_factory=dict)
    rules: dict[int, list[Json]] = field(default_factory=dict)
    fdb: list[Json] = field(default_factory=list)
    vlans: list[Json] = field(default_factory=list)
    qdiscs: list[Json] = field(default_factory=list)
    classes: list[tuple[int, str]] = field(default_factory=list)
    filters: list[tuple[int, int, Json]] = field(default_factory=list)
    indexes: dict[str, int] = field(default_factory=dict)

    def ifindex_of(self, name: str) -> int:
        """The interface of this name; `if7` is what `ip` prints for an index that it does not find. -1: it has just gone."""
        if name not in self.indexes and name.startswith("if") and name[2:].isdigit():
            return int(name[2:])
        return self.indexes.get(name, -1)


def look(namespace: str) -> Answers:
    """Ask for all tables. A look is not atomic: the caller looks again while things move."""
    started = {
        "lists": _start(namespace, ["ip", "-N", "-j", "-d"], _LISTS),
        2: _start(namespace, ["ip", "-4", "-N", "-j", "-d"], _BY_FAMILY),
        10: _start(namespace, ["ip", "-6", "-N", "-j", "-d"], _BY_FAMILY),
        "fdb": _start(namespace, ["bridge", "-j", "-d"], ["fdb show"]),
        "vlans": _start(namespace, ["bridge", "-j", "-d"], ["vlan show"]),
        "qdiscs": _start(namespace, ["tc", "-N", "-j", "-d"], ["qdisc show"]),
    }
    said = {name: _end(process, commands) for name, (process, commands) in started.items()}
    answers = Answers()
    answers.links, answers.addresses, tokens, answers.nexthops, answers.neighbours, answers.proxies = _json(said["lists"], 6)
    answers.tokens = {one["ifname"]: one["token"] for one in tokens}
    answers.indexes = {one["ifname"]: one["ifindex"] for one in answers.links}
    for family in (2, 10):
        answers.routes[family], answers.rules[family] = _json(said[family], 2)
    (answers.fdb,) = _json(said["fdb"], 1)
    # A kernel without bridge VLANs refuses, and `bridge` prints an open bracket only.
    (answers.vlans,) = _json(said["vlans"], 1) if len(said["vlans"].strip()) > 1 else ([],)
    (answers.qdiscs,) = _json(said["qdiscs"], 1)
    _look_at_traffic(namespace, answers)
    return answers


def _look_at_traffic(namespace: str, answers: Answers) -> None:
    """Classes are shown by interface, filters by their parent: what these are the qdiscs and classes say."""
    interfaces = dict.fromkeys(one["dev"] for one in answers.qdiscs if one["kind"] not in _CLASSLESS)
    # Before version 6.2 tc prints classes as text only.
    shown = {name: _start(namespace, ["tc", "-N", "-d"], [f"class show dev {name}"]) for name in interfaces}
    for name, (process, commands) in shown.items():
        answers.classes += [(answers.ifindex_of(name), line) for line in _end(process, commands).splitlines() if line.startswith("class")]
    parents = list(_filter_parents(answers))
    asked = [_start(namespace, ["tc", "-N", "-j", "-d"], [f"filter show dev {name} {words}"]) for name, words, _ in parents]
    for (name, _, parent), (process, commands) in zip(parents, asked, strict=True):
        for filters in _json(_end(process, commands), 1):
            answers.filters += [(answers.ifindex_of(name), parent, one) for one in filters]


def _filter_parents(answers: Answers) -> Iterator[tuple[str, str, int]]:
    for one in answers.qdiscs:
        if one["kind"] in ("ingress", "clsact"):
            yield one["dev"], "ingress", handle("ffff:fff2")
        if one["kind"] == "clsact":
            yield one["dev"], "egress", handle("ffff:fff3")
        elif one["kind"] not in (*_FILTERLESS, "ingress") and one["handle"] != "0:":
            yield one["dev"], f"parent {one['handle']}", handle(one["handle"])
    names = {index: name for name, index in answers.indexes.items()}
    for ifindex, line in answers.classes:
        _, kind, classid, *_ = line.split()
        if kind not in _FILTERLESS and ifindex in names:
            yield names[ifindex], f"parent {classid}", handle(classid)


def _start(namespace: str, tool: list[str], commands: Sequence[str]) -> tuple[subprocess.Popen[str], str]:
    argv = [tool[0], "-netns", namespace, *tool[1:], "-force", "-batch", "-"]
    pipe = subprocess.PIPE
    return subprocess.Popen(argv, stdin=pipe, stdout=pipe, stderr=pipe, text=True), "\n".join(commands) + "\n"


def _end(process: subprocess.Popen[str], commands: str) -> str:
    return whole_json(process.communicate(commands, timeout=60)[0])


def _json(text: str, count: int) -> list[list[Json]]:
    """So many JSON values, one behind the other; nothing printed is an empty one."""
    decoder = json.JSONDecoder(object_pairs_hook=_keep_both)
    values, at = [], 0
    while (at := len(text) - len(text[at:].lstrip())) < len(text):
        value, at = decoder.raw_decode(text, at)
        values.append([one for one in value if one])
    if not values and count == 1:
        return [[]]
    if len(values) != count:
        raise ValueError(f"iproute2 answered {len(values)} of {count} commands: {text[:200]}")
    return values


def _keep_both(pairs: list[tuple[str, Any]]) -> Json:
    """`ip` prints a tunnel's `id` and `dst` beside those of the route or nexthop itself: the second one is kept as `dst#2`."""
    found: Json = {}
    for name, value in pairs:
        found[f"{name}#2" if name in found else name] = value
    return found
