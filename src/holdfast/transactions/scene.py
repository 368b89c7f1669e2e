"""What only the kernels know while a transaction runs: which index a name has now, which descriptor stands for a namespace.

An interface may move to a namespace that no source follows: such a guest is opened for the transaction, by its name or path.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import Any

from holdfast.errors import KernelError, NotFound
from holdfast.mirror.hand import Hand
from holdfast.model import INTERFACES, VLANS
from holdfast.netlink.batch import Batch
from holdfast.netlink.codec import decode
from holdfast.netlink.namespace import open_namespace
from holdfast.netlink.requests import RequestSocket
from holdfast.sources import Source, make
from holdfast.sources.netns import place_of

from .contract import Named
from .order import Step

__all__ = ["Scene"]


class Scene:
    """Makes the row of a step whole. For one thread; `close` lets go of the descriptors."""

    def __init__(self, hands: Mapping[str, Hand]) -> None:
        self._hands = hands
        self._indexes: dict[tuple[str, str], int] = {}
        self._bridges: dict[tuple[str, int], bool] = {}
        self._namespaces: dict[str, int] = {}
        self._guests: dict[str, Source] = {}
        self._guest_wires: dict[str, RequestSocket] = {}

    def close(self) -> None:
        for wire in self._guest_wires.values():
            wire.close()
        for source in self._guests.values():
            source.close()
        self._guest_wires.clear()
        self._guests.clear()
        for fd in self._namespaces.values():
            os.close(fd)
        self._namespaces.clear()

    def source(self, target: str) -> Source:
        """Who can be asked there. Raises: what opening a guest raises."""
        hand = self._hands.get(target)
        if hand is not None:
            return hand.source
        if target not in self._guests:
            guest = make(target, "netns", netns=target, tables=["interfaces"])
            guest.open()
            self._guests[target] = guest
        return self._guests[target]

    def guest_wire(self, target: str) -> RequestSocket:
        """The socket for changes in a namespace that no source follows."""
        if target not in self._guest_wires:
            self._guest_wires[target] = self.source(target).requests()
        return self._guest_wires[target]

    def forget(self) -> None:
        """Interfaces have come, gone, or changed their names."""
        self._indexes.clear()
        self._bridges.clear()

    def resolved(self, step: Step) -> Mapping[str, Any]:
        """The step's row, with numbers for what is Named and for namespaces. Raises: NotFound."""
        row = step.row
        if step.table is INTERFACES and ("net_ns" in row or "peer" in row):
            row = dict(row)
            if "net_ns" in row:
                row["net_ns"] = self.namespace(row["net_ns"])
            peer = row.get("peer")
            if peer and peer.get("target", step.target) != step.target:
                row["peer"] = {**peer, "net_ns": self.namespace(peer["target"])}
        for value in row.values():
            if value.__class__ in _HOLDING:
                row = {name: self._numbered(value, step.target) for name, value in row.items()}
                break
        return {**row, "self": self._is_bridge(step.target, row["ifindex"])} if step.table is VLANS else row

    def numbered(self, target: str, column: Sequence[Any]) -> Sequence[Any]:
        """The same of a column of plain values. Raises: NotFound."""
        return [self._numbered(value, target) for value in column] if Named in set(map(type, column)) else column

    def _numbered(self, value: Any, target: str) -> Any:
        if isinstance(value, Named):
            return self.index(value.target or target, value.ifname)
        if isinstance(value, dict):
            return {name: self._numbered(one, target) for name, one in value.items()}
        if isinstance(value, list | tuple):
            return [self._numbered(one, target) for one in value]
        return value

    def index(self, target: str, ifname: str) -> int:
        """Asked of the kernel itself: the tables may not show yet what this transaction made. Raises: NotFound."""
        key = target, ifname
        if key not in self._indexes:
            self._indexes[key] = self._ask(target, ifname)
        return self._indexes[key]

    def _is_bridge(self, target: str, ifindex: int) -> bool:
        """Of the VLANs of a bridge itself the kernel wants to be told so."""
        key = target, ifindex
        if key not in self._bridges:
            self._bridges[key] = self._asked(target, "ifindex", ifindex).get("kind") == "bridge"
        return self._bridges[key]

    def _ask(self, target: str, ifname: str) -> int:
        return int(self._asked(target, "ifname", ifname)["ifindex"])

    def _asked(self, target: str, name: str, value: Any) -> Mapping[str, Any]:
        """The interface with this name or index. Raises: NotFound."""
        try:
            answer = self.source(target).get(INTERFACES, {name: value})
        except KernelError as refusal:
            raise NotFound(f"there is no interface `{value}` – at `{target}`", target=target, **{name: value}) from refusal
        for batch in decode(answer):
            if isinstance(batch, Batch):
                return next(batch.dicts())
        raise NotFound(f"there is no interface `{value}` – at `{target}`", target=target, **{name: value})

    def means(self, target: str, nsid: int, other: str) -> bool:
        """Is this number, at a source, the namespace of another source?"""
        if other not in self._hands or target not in self._hands:
            return False
        return self._hands[target].source.nsid_of(self.namespace(other)) == nsid

    def namespace(self, target: str) -> int:
        """A descriptor of a source's namespace, or of one by its name or path. Raises: NotFound, Denied, InvalidValue."""
        if target not in self._namespaces:
            hand = self._hands.get(target)
            self._namespaces[target] = hand.source.namespace() if hand else open_namespace(place_of(target).path)
        return self._namespaces[target]


_HOLDING = frozenset((Named, dict, list, tuple))
