"""Addresses: IPv4 and IPv6, as interfaces have them.

Source: struct ifaddrmsg + IFA_*, struct ifa_cacheinfo, include/uapi/linux/if_addr.h. IFA_FLAGS (u32) replaces the u8 flags
  of the header.
Ours and theirs: `local` is our address, always; IPv6 without a peer carries it in IFA_ADDRESS alone. `address` is what the
  prefix is of: the peer on point-to-point links, ours elsewhere.
Identity: `local` on an interface. An IPv4 address can be there twice with different peers or prefix lengths, so these are
  part of it; the peer of an IPv6 address can be changed in place.
"""

from .field import IP, TEXT, U8, U32, Field, Message, Packed, Struct, Table

FAMILY_IPV4 = 2
FOREVER = 0xFFFFFFFF


def _ipv4_peer(family: int, address: str | None, local: str | None) -> str:
    return address if family == FAMILY_IPV4 and address is not None and address != local else ""


def _seconds(member: str, cacheinfo: dict[str, int] | None) -> int | None:
    left = FOREVER if cacheinfo is None else cacheinfo[member]
    return None if left == FOREVER else left


def _preferred(cacheinfo: dict[str, int] | None) -> int | None:
    return _seconds("prefered", cacheinfo)


def _valid(cacheinfo: dict[str, int] | None) -> int | None:
    return _seconds("valid", cacheinfo)


ADDRESSES = Table(
    name="addresses",
    noun="address",
    doc="The IP addresses of interfaces.",
    message=Message(
        new="RTM_NEWADDR",
        delete="RTM_DELADDR",
        get="RTM_GETADDR",
        header="ifaddrmsg",
        prefix="IFA",
        families=("AF_INET", "AF_INET6"),
        groups=("RTNLGRP_IPV4_IFADDR", "RTNLGRP_IPV6_IFADDR"),
    ),
    fields=(
        Field("family", U8, "ifa_family", "address family", default=0, names="family"),
        Field("ifindex", U32, "ifa_index", "interface", default=0, names="ifindex", aliases=("index",)),
        Field("address", IP, "IFA_ADDRESS", "address of the prefix: the peer's on point-to-point links"),
        Field("prefixlen", U8, "ifa_prefixlen", "prefix length", "bits", default=0),
        Field("local", IP, ("IFA_LOCAL", "IFA_ADDRESS"), "our address"),
        Field("label", TEXT, "IFA_LABEL", "label (IPv4): the interface's name, with a suffix"),
        Field("broadcast", IP, "IFA_BROADCAST", "broadcast address"),
        Field("anycast", IP, "IFA_ANYCAST", "anycast address"),
        Field("multicast", IP, "IFA_MULTICAST", "multicast address"),
        Field("scope", U8, "ifa_scope", "where it is valid", default=0, names="rt_scopes"),
        Field("flags", U32, ("IFA_FLAGS", "ifa_flags"), "IFA_F_* bits", default=0, names="ifa_flags"),
        Field("rt_priority", U32, "IFA_RT_PRIORITY", "metric of its prefix route", aliases=("metric",)),
        Field("proto", U8, "IFA_PROTO", "who made it", names="rt_addrprotos"),
        Field("cacheinfo", Struct("IIII", ("prefered", "valid", "cstamp", "tstamp")), "IFA_CACHEINFO",
              "seconds left (0xffffffff: forever), times of making and last change in 1/100 s since boot", volatile=True),
        Field("preferred_lft", U32, doc="preferred for so long; NULL: forever", unit="s", volatile=True, derive=("cacheinfo", _preferred)),
        Field("valid_lft", U32, doc="valid for so long; NULL: forever", unit="s", volatile=True, derive=("cacheinfo", _valid)),
        Field("ipv4_peer", TEXT, doc="the other end of an IPv4 point-to-point address: part of its identity", default="",
              derive=(("family", "address", "local"), _ipv4_peer)),
        Field("unknown", Packed("unknown"), doc="attributes that this version does not know: number to hex"),
    ),
    key=("local", "ifindex", "prefixlen", "family", "ipv4_peer"),
    summary=("ifindex", "address", "prefixlen"),
    indexes=(("ifindex",), ("address",)),
    silent={"IFA_TARGET_NETNSID": "which namespace was asked, not what is in it"},
)  # fmt: skip
