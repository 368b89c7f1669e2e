"""Neighbours: which link-layer address an IP address has, and the addresses that we answer for (proxies).

Source: struct ndmsg + NDA_*, struct nda_cacheinfo, include/uapi/linux/neighbour.h; family AF_INET and AF_INET6. The same
  messages with family AF_BRIDGE are rows of `fdb`.
Identity: an address on an interface. Proxy entries (NTF_PROXY) are a list of their own: the same address may be in both.
Volatile: the state moves with each probe (reachable, stale, delay …). What a person decides (permanent or noarp, or left to
  the probes) lasts and is in `fixed`; so is a link-layer address that is lost or found.
"""

from .field import FLAG, IP, LLADDR, U8, U16, U32, Field, Message, Packed, Struct, Table

NTF_PROXY = 0x08
NUD_FIXED = 0x40 | 0x80


def _proxy(flags: int) -> int:
    return 1 if flags & NTF_PROXY else 0


def _fixed(state: int) -> int:
    return 1 if state & NUD_FIXED else 0


NEIGHBOURS = Table(
    name="neighbours",
    noun="neighbour",
    doc="Neighbours: link-layer addresses of IP addresses, and proxied addresses.",
    message=Message(
        new="RTM_NEWNEIGH",
        delete="RTM_DELNEIGH",
        get="RTM_GETNEIGH",
        header="ndmsg",
        prefix="NDA",
        families=("AF_INET", "AF_INET6"),
        groups=("RTNLGRP_NEIGH",),
    ),
    fields=(
        Field("family", U8, "ndm_family", "address family", default=0, names="family"),
        Field("ifindex", U32, "ndm_ifindex", "interface", default=0, names="ifindex"),
        Field("dst", IP, "NDA_DST", "the neighbour's address"),
        Field("lladdr", LLADDR, "NDA_LLADDR", "its link-layer address; NULL while unknown"),
        Field("state", U16, "ndm_state", "NUD_* bits", default=0, names="nud", volatile=True),
        Field("fixed", FLAG, doc="1: permanent or noarp, not probed", default=0, derive=("state", _fixed)),
        Field("flags", U8, "ndm_flags", "NTF_* bits", default=0, names="ntf"),
        Field("flags_ext", U32, "NDA_FLAGS_EXT", "NTF_EXT_* bits", names="ntf_ext"),
        Field("ndm_type", U8, "ndm_type", "type of the address", default=0, names="rtn_type"),
        Field("proxy", FLAG, doc="1: we answer for this address", default=0, derive=("flags", _proxy)),
        Field("protocol", U8, "NDA_PROTOCOL", "who made it", names="rt_protos"),
        Field("probes", U32, "NDA_PROBES", "probes sent without an answer", volatile=True, readonly=True),
        Field("cacheinfo", Struct("IIII", ("confirmed", "used", "updated", "refcnt")), "NDA_CACHEINFO",
              "ages in 1/100 s, and how many use it", volatile=True, readonly=True),
        Field("unknown", Packed("unknown"), doc="attributes that this version does not know: number to hex"),
    ),
    key=("dst", "ifindex", "proxy", "family"),
    summary=("ifindex", "lladdr", "dst"),
    indexes=(("ifindex",), ("lladdr",)),
)  # fmt: skip
