"""What a link kind is, and the short way to write its fields."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from holdfast.model.field import Field, Nest, Shape

__all__ = ["LinkKind", "fields_of"]


@dataclass(frozen=True, slots=True)
class LinkKind:
    """What a kind adds to an interface.

    kind    IFLA_INFO_KIND, and IFLA_INFO_SLAVE_KIND of its ports.
    data    fields in IFLA_INFO_DATA; they make `kind_data` and the SQL view `interfaces_<kind>`.
    port    fields in IFLA_INFO_SLAVE_DATA of an interface that has one of this kind as its master; they make `port_data`.
    silent, port_silent  attributes that are known and deliberately not kept: counters and running timers.
    born    what a new one has, of attributes that the kernel tells of each and does not take of each: not in this mode, or not in
            this build. They are not sent when one is made again.
    untold  what attributes are, of which nothing is told: none, off.
    whole   the kernel takes a change as all that is to be: what it does not name goes back to its default.
    """

    kind: str
    doc: str
    data: tuple[Field, ...] = ()
    port: tuple[Field, ...] = ()
    silent: tuple[str, ...] = ()
    port_silent: tuple[str, ...] = ()
    born: Mapping[str, Any] = field(default_factory=dict)
    untold: Mapping[str, Any] = field(default_factory=dict)
    whole: bool = False

    @property
    def data_nest(self) -> Nest:
        """IFLA_INFO_DATA as a shape."""
        return Nest(self.data, self.silent)

    @property
    def port_nest(self) -> Nest:
        """IFLA_INFO_SLAVE_DATA as a shape."""
        return Nest(self.port, self.port_silent)


def fields_of(prefix: str, words: str) -> Callable[..., Field]:
    """A maker of fields: `f("ttl", U8, "…")` with prefix `vxlan` and words `IFLA_VXLAN` is `vxlan_ttl`, `IFLA_VXLAN_TTL`."""

    def make(name: str, shape: Shape, doc: str, **more: Any) -> Field:
        return Field(f"{prefix}_{name}", shape, f"{words}_{name.upper()}", doc, **more)

    return make
