"""A NETLINK_ROUTE socket for changes: many requests in one send, each with an ack of its own.

The kernel works the requests off inside send, one after another, whatever becomes of each; so when send returns all acks are
queued, and the receive buffer must hold them. `most` says how many that are.
"""

from __future__ import annotations

import errno
import select
import socket
import threading
import time
from collections.abc import Sequence
from struct import Struct
from typing import Final

from holdfast.errors import Closed, Lost, Timeout

from .ack import ERROR, HEADER, Ack, read_ack
from .socket import open_route_socket, world_error

__all__ = ["MOST_BYTES", "RequestSocket"]

MOST_BYTES: Final = 96 << 10
"""Bytes in one send. The kernel refuses what is larger than the send buffer (EMSGSIZE), 208 KiB by default."""

_RCVBUF: Final = 4 << 20
_ACK_COST: Final = 2048
"""What the kernel charges a receive buffer for an ack, at most: 1 KiB seen, more with a sentence."""
_REQUEST_ACK: Final = 0x01 | 0x04  # NLM_F_REQUEST | NLM_F_ACK
_PLAIN_ACK: Final = Struct("=IHHIIiIHHII")  # nlmsghdr, error, the request's nlmsghdr (NETLINK_CAP_ACK)
_FLAGS: Final = socket.MSG_DONTWAIT | socket.MSG_TRUNC
_SLICE_MS: Final = 100
_ROOM: Final = 64 << 10
_SEQ: Final = Struct("=HI")  # flags and sequence number, behind length and type


class RequestSocket:
    """Sends requests, matches their acks by port id and sequence number. For one thread at a time; closed by any."""

    def __init__(self, *, rcvbuf: int = _RCVBUF) -> None:
        """Opened in the network namespace of the calling thread. Raises: NotSupported, Denied, WorldError."""
        self._socket, granted = open_route_socket(rcvbuf)
        self.port: int = self._socket.getsockname()[0]
        self.most = max(1, granted // _ACK_COST)
        self.sent = 0  # requests
        self._seq = time.monotonic_ns() & 0xFFFFFF
        self._poll = select.poll()
        self._poll.register(self._socket, select.POLLIN)
        self._view = memoryview(bytearray(_ROOM))
        self._lock = threading.Lock()
        self._closed = False

    def close(self) -> None:
        """Idempotent. An exchange that waits in another thread ends with Closed."""
        self._closed = True
        with self._lock:
            self._socket.close()

    def exchange(self, messages: Sequence[bytes], timeout_s: float) -> list[tuple[int, Ack]]:
        """Send requests, at most `most` and `MOST_BYTES`, and wait for all acks: the refused ones with their places.

        Sequence numbers and the flags REQUEST and ACK are set here. What is not in the answer was done.
        Raises: Timeout, Lost - it is not known what of it was done;  Closed, WorldError.
        """
        with self._lock:
            if self._closed:
                raise Closed("the netlink socket was closed")
            first = self._send(messages)
            return self._acks(first, len(messages), time.monotonic() + timeout_s)

    def _send(self, messages: Sequence[bytes]) -> int:
        first = seq = (self._seq + 1) & 0x7FFFFFFF
        buffer = bytearray().join(messages)
        pack, unpack, at = _SEQ.pack_into, _SEQ.unpack_from, 0
        for message in messages:
            pack(buffer, at + 6, unpack(buffer, at + 6)[0] | _REQUEST_ACK, seq)
            seq += 1
            at += len(message)
        self._seq = seq
        try:
            self._socket.send(buffer)
        except OSError as cause:
            raise self._failure(cause) from cause
        self.sent += len(messages)
        return first

    def _acks(self, first: int, count: int, deadline: float) -> list[tuple[int, Ack]]:
        refused: list[tuple[int, Ack]] = []
        missing = set(range(first, first + count)) if count > 1 else {first}
        recv_into, view, unpack = self._socket.recv_into, self._view, _PLAIN_ACK.unpack_from
        port = self.port
        while missing:
            try:
                size = recv_into(view, 0, _FLAGS)
            except BlockingIOError:
                self._wait(deadline, len(missing))
                continue
            except OSError as cause:
                raise self._failure(cause) from cause
            if size == _PLAIN_ACK.size:
                _, kind, _, seq, to, error, *_ = unpack(view)
                if kind == ERROR and not error and to == port:
                    missing.discard(seq)
                    continue
            for seq, ack in self._read(view[: min(size, _ROOM)]):
                if seq in missing:
                    missing.discard(seq)
                    if ack.error:
                        refused.append((seq - first, ack))
        return refused

    def _read(self, view: memoryview) -> list[tuple[int, Ack]]:
        """The acks in a datagram; other messages (notifications that were asked for) are passed over."""
        found, at = [], 0
        while at + HEADER.size <= len(view):
            length, kind, _, seq, port = HEADER.unpack_from(view, at)
            if length < HEADER.size:
                break
            if kind == ERROR and port == self.port:
                found.append((seq, read_ack(view[at : at + length])))
            at += (length + 3) & ~3
        return found

    def _wait(self, deadline: float, missing: int) -> None:
        while not self._closed:
            if self._poll.poll(_SLICE_MS):
                return
            if time.monotonic() >= deadline:
                raise Timeout(f"the kernel did not answer {missing} requests in time", missing=missing)
        raise Closed("the netlink socket was closed")

    def _failure(self, cause: OSError) -> Exception:
        if self._closed or cause.errno == errno.EBADF:
            return Closed("the netlink socket was closed")
        if cause.errno == errno.ENOBUFS:
            return Lost("the kernel had no room for its acks", hint="the state is compared")
        return world_error(cause, "use a netlink socket")
