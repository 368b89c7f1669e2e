"""TUN and TAP: interfaces whose other side is a program.

Source: IFLA_TUN_*, include/uapi/linux/if_link.h; types, include/uapi/linux/if_tun.h. Both have the kind `tun`. They are made
  by an ioctl, not by netlink.
"""

from holdfast.model.field import U8, U32

from .kind import LinkKind, fields_of

_f = fields_of("tun", "IFLA_TUN")

TUN = LinkKind(
    kind="tun",
    doc="An interface whose other side is a program.",
    data=(
        _f("owner", U32, "user that may open it", readonly=True),
        _f("group", U32, "group that may open it", readonly=True),
        _f("type", U8, "1 tun: IP packets, 2 tap: Ethernet frames", names="tun_type", readonly=True),
        _f("pi", U8, "1: packet information in front", readonly=True),
        _f("vnet_hdr", U8, "1: offload information in front", readonly=True),
        _f("persist", U8, "1: stays when the program ends", readonly=True),
        _f("multi_queue", U8, "1: several programs at once", readonly=True),
        _f("num_queues", U32, "queues in use", readonly=True),
        _f("num_disabled_queues", U32, "queues not in use", readonly=True),
    ),
)
