"""One ICMP echo request and its answer: `ping` where there is no ping.

Source: RFC 792, RFC 4443. A raw socket needs CAP_NET_RAW; without it the kernel's own echo sockets serve, if it lets this
group use them (net.ipv4.ping_group_range).
"""

from __future__ import annotations

import os
import select
import socket
import struct
import time
from typing import Final

from holdfast.errors import Denied, Timeout, WorldError

__all__ = ["echo"]

_HEADER: Final = struct.Struct("!BBHHH")
_REQUEST: Final = {socket.AF_INET: 8, socket.AF_INET6: 128}
_REPLY: Final = {socket.AF_INET: 0, socket.AF_INET6: 129}
_PROTOCOL: Final = {socket.AF_INET: socket.IPPROTO_ICMP, socket.AF_INET6: socket.IPPROTO_ICMPV6}


def echo(address: str, timeout_s: float, source: str | None = None) -> float:
    """Ask once and wait for the answer; returns the seconds it took. Blocks.

    Raises: Timeout - no answer in time;  WorldError - it cannot be sent, or the name has no address;  Denied - no right to ask.
    """
    try:
        family, _, _, _, place = socket.getaddrinfo(address, None, type=socket.SOCK_DGRAM)[0]
    except OSError as cause:
        raise WorldError(f"no echo of `{address}`, of which no address is known: {cause.strerror}") from None
    with _socket(family) as link:
        began = time.monotonic()
        token = os.urandom(16)
        try:
            if source:
                link.bind((source, 0))
            link.sendto(_packet(family, token), place)
        except OSError as cause:
            raise WorldError(f"no echo of {address}: {cause.strerror}") from cause
        while (left := began + timeout_s - time.monotonic()) > 0:
            if select.select([link], [], [], left)[0] and _answers(link.recv(65535), family, token):
                return time.monotonic() - began
    raise Timeout(f"no echo of {address} within {timeout_s:g} s")


def _socket(family: int) -> socket.socket:
    for kind in (socket.SOCK_RAW, socket.SOCK_DGRAM):
        try:
            return socket.socket(family, kind, _PROTOCOL[socket.AddressFamily(family)])
        except PermissionError:
            continue
    hint = "give the program CAP_NET_RAW, or its group a place in net.ipv4.ping_group_range"
    raise Denied("not allowed to send echo requests", hint=hint)


def _packet(family: int, token: bytes) -> bytes:
    """The kernel fills in the checksum of ICMPv6."""
    kind = _REQUEST[socket.AddressFamily(family)]
    blank = _HEADER.pack(kind, 0, 0, 0, 1) + token
    total = sum(struct.unpack(f"!{len(blank) // 2}H", blank))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return _HEADER.pack(kind, 0, ~total & 0xFFFF, 0, 1) + token


def _answers(packet: bytes, family: int, token: bytes) -> bool:
    """Raw IPv4 sockets give the IP header too; which answer is ours is told by what was sent along."""
    body = packet[(packet[0] & 0xF) * 4 :] if family == socket.AF_INET and packet[0] >> 4 == 4 else packet
    return len(body) >= _HEADER.size and body[0] == _REPLY[socket.AddressFamily(family)] and body[_HEADER.size :] == token
