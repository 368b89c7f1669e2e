"""A NETLINK_ROUTE socket: datagrams in bulk, dumps, single requests.

Every read goes through one scratch buffer per thread, datagram behind datagram (recv_into at a growing offset), and
leaves as one `bytes`: per datagram there is one system call and no other work. Facts of the kernel that shape it:

- A dump runs inside recv: as long as one is unfinished, something is queued. So "nothing queued" is the moment to ask
  whether its end was in the last datagram.
- NLM_F_DUMP_INTR stands on the first message of the part where the kernel noticed, or on the DONE.
- ENOBUFS is reported once, before what is still queued, and the kernel drops everything more until the queue is empty.
- What is queued is charged with the memory that it takes: a route event of 60 bytes with 832. 256 MiB, which the kernel doubles,
  hold 645 000 of them, two seconds at full speed; `store` moves them to where they take 60.
- With MSG_TRUNC recv tells the whole length of a datagram, also when less fitted: no extra call is needed to notice.
- connect() to the kernel's port makes it refuse unicast from other processes.
"""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
import select
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Iterable, Iterator
from typing import Final

from holdfast.errors import Bug, Closed, Denied, HoldfastError, Lost, NotSupported, Timeout, WorldError

from .ack import DONE, ERROR, HEADER, read_ack

__all__ = ["CHUNK", "EVENTS_RCVBUF", "Socket", "open_route_socket", "world_error"]

CHUNK: Final = 4 << 20  # bytes that a read hands out at most (and up to one datagram more)
EVENTS_RCVBUF: Final = 256 << 20  # a bound, not an allocation
_PIECE: Final = 128 << 10  # what is stored is handed out in pieces of this size
STORED_MOST: Final = 256 << 20  # bytes that a socket keeps for a drain that is late

_NETLINK_ROUTE: Final = 0
_SOL_NETLINK: Final = 270
_ADD_MEMBERSHIP, _CAP_ACK, _EXT_ACK, _STRICT_CHK = 1, 10, 11, 12  # NETLINK_* socket options
_SO_RCVBUFFORCE, _SO_MEMINFO = 33, 55
_REQUEST, _ACK, _DUMP_INTR, _DUMP = 0x01, 0x04, 0x10, 0x300  # NLM_F_*
_FLAGS: Final = socket.MSG_DONTWAIT | socket.MSG_TRUNC
_PLAIN_DONE: Final = HEADER.size + 4  # its length when it carries no extended ack
_MEMINFO: Final = struct.Struct("=9I")  # SK_MEMINFO_RMEM_ALLOC, SK_MEMINFO_RCVBUF …, linux/sock_diag.h
_SLICE_MS: Final = 100  # how soon a waiting read sees that the socket was closed
_scratch = threading.local()


def _buffer(size: int) -> memoryview:
    """This thread's scratch memory. Anonymous memory costs nothing until it is written to, so it can be ample."""
    view: memoryview | None = getattr(_scratch, "view", None)
    if view is None or len(view) < size:
        view = memoryview(mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS))
        _scratch.view = view
    return view[:size]


class Socket:
    """A bound socket with strict checking and extended acks on.

    groups     numbers of the multicast groups to subscribe to (RTNLGRP_*).
    rcvbuf     bytes to ask for as receive buffer; 0 leaves the system's default.
    timeout_s  how long an answer may take to begin or go on.

    A socket with groups is for `drain`, one without for `dump` and `request`; each may be used from any thread, by one
    at a time (a lock sees to that), and closed from any other.
    """

    def __init__(self, groups: Iterable[int] = (), *, rcvbuf: int = 0, timeout_s: float = 10.0) -> None:
        """Raises: NotSupported - no strict checking (Linux before 4.20); Denied; WorldError - no more descriptors …"""
        self.timeout_s = timeout_s
        self.interrupted = False  # was the last dump torn by a change (or cut by a small buffer)? take it again
        self.lost = 0  # how many times the kernel said that events were lost
        self.truncated = 0  # datagrams larger than the space for them; the space grows with each
        self.received = 0  # bytes
        self._room = 256 << 10  # free space that a datagram finds at least; the kernel's own limit for most is 32 KiB
        self._lock = threading.Lock()
        self._closed = False
        self._unread = False  # a dump was given up: the rest of it is still to come
        self._stored: deque[bytes] = deque()
        self._loss = ""  # noticed, and not yet told
        self._seq = int.from_bytes(os.urandom(3), "little")
        self._socket, self.rcvbuf = open_route_socket(rcvbuf)
        self.rcvbuf_wanted = rcvbuf
        try:
            self._set_up(groups)
        except BaseException:
            self._socket.close()
            raise

    def _set_up(self, groups: Iterable[int]) -> None:
        sock = self._socket
        self.absent_groups = tuple(group for group in groups if not self._subscribe(group))
        self.port: int = sock.getsockname()[0]
        self._poll = select.poll()
        self._poll.register(sock, select.POLLIN)

    def _subscribe(self, group: int) -> bool:
        try:
            self._socket.setsockopt(_SOL_NETLINK, _ADD_MEMBERSHIP, group)
        except OSError as cause:
            if cause.errno == errno.EINVAL:  # a group that came with a later kernel
                return False
            raise world_error(cause, f"subscribe to netlink group {group}") from cause
        return True

    def fileno(self) -> int:
        """The descriptor, for poll; -1 when closed."""
        return self._socket.fileno()

    def close(self) -> None:
        """Close; a read that is under way in another thread ends with Closed. Idempotent."""
        self._closed = True
        with self._lock:
            self._socket.close()

    # -- events ----------------------------------------------------------------------------------------------------

    def drain(self, limit: int = CHUNK) -> bytes:
        """All that is queued now, datagrams one behind the other, without waiting; b"" when there is nothing.

        Reads on until the queue is empty or `limit` bytes are there (the last datagram may go beyond).
        Raises: Lost - the kernel dropped events. What else was queued is kept for the next call, and since the kernel
          drops more until the queue is empty: drain until b"" first, then read the state anew.
          Closed - also when close() comes while reading.
        """
        with self._lock:
            if not self._loss:
                data = self._take_stored(limit)
                if len(data) < limit:
                    data += self._drain(limit - len(data))
                if not self._loss:
                    return data
                if data:
                    self._stored.appendleft(data)
            lost, self._loss = self._loss, ""
        raise Lost(lost, hint="the state is read anew", rcvbuf=self.rcvbuf)

    def pressure(self) -> float:
        """How full the receive buffer is: 0 to 1, and a little more. Cheap, never waits; 0 when closed."""
        try:
            queued, size, *_ = _MEMINFO.unpack(self._socket.getsockopt(socket.SOL_SOCKET, _SO_MEMINFO, _MEMINFO.size))
        except OSError:
            return 0.0
        return float(queued / max(1, size))

    def store(self) -> None:
        """Move what is queued into our memory, for a drain that is late; it comes with the next `drain`, in its place.

        For any thread. Up to STORED_MOST bytes; what goes wrong is told by `drain`. Raises: Closed.
        """
        with self._lock:
            while not self._loss and sum(map(len, self._stored)) < STORED_MOST:
                data = self._drain(_PIECE)
                if data:
                    self._stored.append(data)
                if len(data) < _PIECE:
                    return

    def _take_stored(self, limit: int) -> bytes:
        taken = []
        while self._stored and limit > 0:
            taken.append(self._stored.popleft())
            limit -= len(taken[-1])
        return b"".join(taken)

    def _drain(self, limit: int) -> bytes:
        """Read what is queued; a loss is noted in `_loss`."""
        recv_into = self._socket.recv_into
        view = _buffer(limit + self._room)
        end, start, at = len(view), 0, 0
        while at < limit:
            try:
                while at < limit:
                    start = at
                    at += recv_into(view[start:], 0, _FLAGS)
            except BlockingIOError:
                break
            except OSError as cause:
                if cause.errno != errno.ENOBUFS:
                    raise self._failure(cause) from cause
                self.lost += 1
                self._loss = f"events were lost: the receive buffer of {self.rcvbuf} bytes was full"
            if at > end:  # a truncated datagram overshoots the buffer, and so ended the inner loop
                self.lost += 1
                self._loss = self._grow(at - start)
                at = start
        self.received += at
        return bytes(view[:at])

    def _grow(self, size: int) -> str:
        self.truncated += 1
        self._room = 2 * size
        return f"events were lost: a datagram of {size} bytes was larger than the space for it"

    # -- dumps and requests ----------------------------------------------------------------------------------------

    def dump(self, request: bytes | bytearray, limit: int = CHUNK, *, what: str = "") -> Iterator[bytes]:
        """Send a dump request; yield its answer in chunks of whole messages of about `limit` bytes. Blocks.

        Sequence number, port id and the flags REQUEST and DUMP of the request are set here. Only answers with our port
        id and that number count. A torn dump raises nothing; `interrupted` tells after the end.
        `what` says in an error what was asked for.
        Raises: KernelError - refused, or ended with an error; what was yielded before is part of the truth only.
          Timeout - no answer for `timeout_s`.  Lost - the kernel ran out of memory for it.  Closed.
        An iterator that is dropped half-way costs the next request the reading of the rest.
        """
        with self._lock:
            self.interrupted = False
            message = self._send(request, _DUMP)
        done = False
        while not done:
            with self._lock:
                if self._seq != HEADER.unpack_from(message)[3]:
                    raise Bug("a dump was read on after another request was made on its socket")
                chunk, done = self._receive(message, limit, what)
            if chunk:
                yield chunk

    def request(self, message: bytes | bytearray, *, what: str = "") -> list[bytes]:
        """Send one request that is not a dump, wait for its ack; return the messages that came before the ack.

        Sequence number, port id and the flags REQUEST and ACK are set here. Raises: as `dump`.
        """
        with self._lock:
            sent = self._send(message, _ACK)
            answer, done = self._receive(sent, CHUNK, what)
            while not done:
                more, done = self._receive(sent, CHUNK, what)
                answer += more
        return list(_split(answer))

    def _send(self, request: bytes | bytearray, flags: int) -> bytearray:
        if self._unread:
            self._discard()
        self._seq = (self._seq + 1) & 0xFFFFFFFF
        message = bytearray(request)
        length, kind, asked, _, _ = HEADER.unpack_from(message)
        HEADER.pack_into(message, 0, length, kind, asked | flags | _REQUEST, self._seq, 0)
        try:
            self._socket.send(message)
        except OSError as cause:
            raise self._failure(cause) from cause
        self._unread = True
        return message

    def _receive(self, sent: bytearray, limit: int, what: str) -> tuple[bytes, bool]:
        """Read answers until `limit`, a pause, or the end: the bytes without the closing message, and is it the end?"""
        recv_into = self._socket.recv_into
        view = _buffer(limit + self._room)
        last = at = 0
        while at < limit:
            try:
                size = recv_into(view[at:], 0, _FLAGS)
            except BlockingIOError:
                if at:
                    break
                self._wait(what)
                continue
            except OSError as cause:
                raise self._failure(cause) from cause
            if at + size > len(view):
                self._grow(size)
                self.interrupted = True  # a hole: to be taken again, now that there is room
                continue
            _, _, flags, seq, port = HEADER.unpack_from(view, at)
            if seq != self._seq or port != self.port:
                continue  # an answer to something given up
            self.interrupted |= bool(flags & _DUMP_INTR)
            last, at = at, at + size
            if self._closes(view, at - _PLAIN_DONE):
                break  # nothing more will come: saves the call that would say so
        self.received += at
        end = self._find_end(view, last, at)
        if end is None:
            return bytes(view[:at]), False
        self._unread = False
        self.interrupted |= bool(HEADER.unpack_from(view, end)[2] & _DUMP_INTR)
        verdict = read_ack(view[end:at])
        if verdict.error:
            raise verdict.refusal(sent, what)
        return bytes(view[:end]), True

    def _closes(self, view: memoryview, at: int) -> bool:
        """Does a DONE, or an ack, of the running request stand here?"""
        if at < 0:
            return False
        _, kind, _, seq, port = HEADER.unpack_from(view, at)
        return kind in (DONE, ERROR) and seq == self._seq and port == self.port

    def _find_end(self, view: memoryview, at: int, end: int) -> int | None:
        """Walk one datagram for the closing message: attributes could look like one, and extended acks make it longer."""
        while at + HEADER.size <= end:
            length = HEADER.unpack_from(view, at)[0]
            if length < HEADER.size or at + length > end:
                break
            if self._closes(view, at):
                return at
            at += (length + 3) & ~3
        return None

    def _wait(self, what: str) -> None:
        deadline = time.monotonic() + self.timeout_s
        while not self._closed:
            if self._poll.poll(_SLICE_MS):
                return
            if time.monotonic() >= deadline:
                raise Timeout(f"no answer from the kernel within {self.timeout_s} s" + (f" to {what}" if what else ""))
        raise Closed("the netlink socket was closed")

    def _discard(self) -> None:
        """Read the rest of a dump that was given up: until its end the kernel refuses another one (EBUSY)."""
        view = _buffer(CHUNK + self._room)
        with contextlib.suppress(BlockingIOError):
            while True:
                try:
                    self._socket.recv_into(view, 0, _FLAGS)
                except BlockingIOError:
                    raise
                except OSError as cause:
                    raise self._failure(cause) from cause
        self._unread = False

    def _failure(self, cause: OSError) -> HoldfastError:
        if self._closed or cause.errno == errno.EBADF:
            return Closed("the netlink socket was closed")
        if cause.errno == errno.ENOBUFS:
            return Lost("the kernel had no memory for its answer", hint="try again")
        return world_error(cause, "use a netlink socket")


def _split(chunk: bytes) -> Iterator[bytes]:
    at = 0
    while at < len(chunk):
        length = HEADER.unpack_from(chunk, at)[0]
        yield chunk[at : at + length]
        at += (length + 3) & ~3


def world_error(cause: OSError, doing: str) -> HoldfastError:
    """An OSError of a socket call as an error of ours."""
    name = errno.errorcode.get(cause.errno or 0, str(cause.errno))
    if cause.errno in (errno.EPERM, errno.EACCES):
        return Denied(f"not allowed to {doing}: {name}", hint="a sandbox (seccomp, RestrictAddressFamilies=) may forbid it", errno=name)
    if cause.errno in (errno.EMFILE, errno.ENFILE):
        return WorldError(f"cannot {doing}: no descriptor left", hint="raise LimitNOFILE= or `ulimit -n`", errno=name)
    return WorldError(f"cannot {doing}: {name} ({cause.strerror})", errno=name)


def open_route_socket(rcvbuf: int) -> tuple[socket.socket, int]:
    """A bound NETLINK_ROUTE socket with strict checking, extended and short acks; and the size of its receive buffer.

    rcvbuf: bytes to ask for; 0 leaves the system's default.  Raises: as Socket.
    """
    try:
        sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, _NETLINK_ROUTE)
    except OSError as cause:
        raise world_error(cause, "open a netlink socket") from cause
    try:
        for option in (_EXT_ACK, _CAP_ACK, _STRICT_CHK):
            sock.setsockopt(_SOL_NETLINK, option, 1)
    except OSError as cause:
        sock.close()
        raise NotSupported("this kernel has no strict checking of netlink requests; Linux 4.20 or later is needed") from cause
    granted = _size_buffer(sock, rcvbuf)
    try:
        sock.bind((0, 0))
        sock.connect((0, 0))
    except OSError as cause:
        sock.close()
        raise world_error(cause, "bind a netlink socket") from cause
    return sock, granted


def _size_buffer(sock: socket.socket, wanted: int) -> int:
    if wanted:
        try:
            sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, wanted)
        except OSError:  # no CAP_NET_ADMIN, or only in a user namespace: net.core.rmem_max is the bound, silently
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, wanted)
    # the kernel doubles what it is asked for, to pay for its bookkeeping: halved again both numbers compare
    return sock.getsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF) // 2
