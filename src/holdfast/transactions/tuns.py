"""TUN and TAP interfaces made to stay, as `ip tuntap add` does it: rtnetlink refuses to.

Source: TUNSETIFF, TUNSETIFINDEX, TUNSETPERSIST, TUNSETOWNER, TUNSETGROUP, IFF_*, include/uapi/linux/if_tun.h. The device file makes
  them in the network namespace of the thread that asks.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import struct
from collections.abc import Mapping
from typing import Any, Final

from holdfast.errors import InvalidValue, KernelError, NotSupported
from holdfast.netlink.namespace import open_in

__all__ = ["TAKEN", "make"]

_DEVICE: Final = "/dev/net/tun"
_REQUEST: Final = struct.Struct("16sH22x")  # struct ifreq: name and flags
_TUNSETIFF, _TUNSETPERSIST, _TUNSETOWNER, _TUNSETGROUP, _TUNSETIFINDEX = 0x400454CA, 0x400454CB, 0x400454CC, 0x400454CE, 0x400454DA
_INDEX: Final = struct.Struct("I")
_IFF_EXCL: Final = 0x8000
_FLAGS: Final = {"tun_multi_queue": 0x0100, "tun_vnet_hdr": 0x4000}
_IFF_NO_PI: Final = 0x1000
_TYPES: Final = (1, 2)
TAKEN: Final = ("tun_type", "tun_owner", "tun_group", "tun_pi", "tun_vnet_hdr", "tun_multi_queue")
"""Attributes of the kind that can be chosen when one is made; rtnetlink tells them and takes none."""


def make(namespace: int, ifname: str, data: Mapping[str, Any], ifindex: int | None = None) -> None:
    """Make one in the namespace behind a descriptor; refused if the name is taken.

    ifindex: its index, as of one that is made again; else the kernel chooses.
    data: attributes of the kind, those in `TAKEN`; tun_type is 1 for tun, 2 for tap.
    Raises: KernelError - with EBUSY (the name is taken), EPERM …;  InvalidValue;  NotSupported - no /dev/net/tun.
    """
    kind = data.get("tun_type")
    if kind not in _TYPES:
        raise InvalidValue(f"expected `tun_type` to be tun or tap, got `{kind}` – at interface.kind_data")
    flags = kind | _IFF_EXCL | (0 if data.get("tun_pi") else _IFF_NO_PI)
    for name, bit in _FLAGS.items():
        flags |= bit if data.get(name) else 0
    open_in(namespace, lambda: _make(ifname, flags, data, ifindex))


def _make(ifname: str, flags: int, data: Mapping[str, Any], ifindex: int | None) -> None:
    try:
        device = os.open(_DEVICE, os.O_RDWR | os.O_CLOEXEC)
    except FileNotFoundError as cause:
        raise NotSupported(f"no `{_DEVICE}` on this host: TUN and TAP interfaces cannot be made") from cause
    try:
        if ifindex:
            fcntl.ioctl(device, _TUNSETIFINDEX, _INDEX.pack(ifindex))
        fcntl.ioctl(device, _TUNSETIFF, _REQUEST.pack(ifname.encode(), flags))
        for word, name in ((_TUNSETOWNER, "tun_owner"), (_TUNSETGROUP, "tun_group")):
            if data.get(name) is not None:
                fcntl.ioctl(device, word, int(data[name]))
        fcntl.ioctl(device, _TUNSETPERSIST, 1)
    except OSError as cause:
        raise KernelError(cause.errno or 0, os.strerror(cause.errno or 0), request=f"interface {ifname}") from cause
    finally:
        with contextlib.suppress(OSError):
            os.close(device)
