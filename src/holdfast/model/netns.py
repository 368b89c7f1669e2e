"""Network namespaces that have a name: the mounts under /run/netns.

Source: no netlink message tells names; the directory is watched (holdfast.sources). `nsid` is the number by which this
  namespace's links refer to another one (RTM_GETNSID), where it has one.
"""

from .field import I32, TEXT, U32, Field, Table

NETNS = Table(
    name="netns",
    noun="netns",
    doc="Named network namespaces.",
    fields=(
        Field("name", TEXT, doc="its name", default="", aliases=("netns",)),
        Field("path", TEXT, doc="the file that it is mounted on", default=""),
        Field("inode", U32, doc="inode of the namespace: equal ones are the same namespace"),
        Field("nsid", I32, doc="number by which links refer to it", aliases=("netnsid",)),
    ),
    key=("path",),
    summary=("name",),
)  # fmt: skip
