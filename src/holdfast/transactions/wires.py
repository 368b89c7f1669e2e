"""The sockets for changes, one per target, opened when first used and again when the source was."""

from __future__ import annotations

import threading

from holdfast.mirror.hand import Hand
from holdfast.netlink.requests import RequestSocket

__all__ = ["Wires"]


class Wires:
    """For one transaction at a time per target; `close` from anywhere."""

    def __init__(self) -> None:
        self._sockets: dict[str, tuple[object, RequestSocket]] = {}
        self._hands: dict[str, Hand] = {}
        self._lock = threading.Lock()

    def serve(self, hand: Hand) -> None:
        """Whose socket it will be."""
        self._hands[hand.target] = hand

    def prepare(self, target: str) -> None:
        """Open it now: opening enters the namespace by a thread, which the writer should not wait for."""
        _ = self[target]

    def __getitem__(self, target: str) -> RequestSocket:
        """Raises: NotSupported - a source that cannot be changed;  Closed, Denied, WorldError."""
        hand = self._hands[target]
        opened = hand.opened
        with self._lock:
            known = self._sockets.get(target)
            if known is not None and known[0] is opened:
                return known[1]
            if known is not None:
                known[1].close()
                del self._sockets[target]
            socket = hand.source.requests()
            self._sockets[target] = opened, socket
            return socket

    def close(self) -> None:
        with self._lock:
            for _, socket in self._sockets.values():
                socket.close()
            self._sockets.clear()
