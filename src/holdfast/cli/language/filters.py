"""The filter language: `dev eth0 table 100 not proto kernel` → conditions.

    FILTER := [not] NAME VALUE | [not] NAME=VALUE | [not] FLAG | VALUE | all
    VALUE  := one value, several with commas (any of them), or a pattern with * ? […]

NAME is a word of `ip` (`dev`, `via`, `table`), a field of the table (`oif`, `gateway`), or a place inside a JSON field
(`kind_data.vlan_id`). A value alone is what it looks like: an address, a MAC address, a number, an interface.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from holdfast.errors import InvalidValue, UnknownName, did_you_mean
from holdfast.model import Field
from holdfast.model.words import BITS

from .conditions import All, Among, Bits, Condition, Device, Either, Glob, Holds, Inside, Not, Prefix, columns_of
from .looks import LOOKS, Look
from .spelling import Spelling, is_device

if TYPE_CHECKING:
    from .conditions import Network

__all__ = ["Wanted", "find_look", "is_noun", "parse", "vocabulary"]

_RELATIONS: Final = {"exact": "exact", "root": "within", "match": "covers"}
_HEX: Final = frozenset("0123456789abcdefABCDEF")
_SHORTEST: Final = 3
_NOTHING: Final = ("none", "null", "-")


class Wanted(NamedTuple):
    """What a filter asks for. `everything`: also the rows that a listing leaves out."""

    conditions: tuple[Condition, ...]
    everything: bool


def find_look(word: str, among: Collection[str] = LOOKS) -> Look:
    """The noun behind a word: singular, plural, `ip`'s name, or the start of one.

    Raises: UnknownName - with the nouns that would do (`among`, names of tables).
    """
    low = word.lower()
    for look in LOOKS.values():
        if _is_named(look, low):
            return look
    for look in LOOKS.values():
        if any(name.startswith(low) for name in (*look.short, look.table.noun, look.table.name)):
            return look
    names = [name for table in among for name in (table, *LOOKS[table].short)]
    raise UnknownName(f"there is nothing called `{word}`", hint=did_you_mean(low, names, also=f"there are {', '.join(among)}"))


def _is_named(look: Look, low: str) -> bool:
    return bool({low, low.removesuffix("s")} & {look.table.name, look.table.noun, *look.short, *look.table.aliases})


def is_noun(word: str) -> bool:
    """Does a word that may mean something else mean a table: by its name, or by three letters of it?"""
    try:
        return _is_named(find_look(word), word.lower()) or len(word) >= _SHORTEST
    except UnknownName:
        return False


def vocabulary(look: Look) -> dict[str, tuple[str, ...]]:
    """Every word that takes a value, with the fields that it asks: `ip`'s words, fields, and their other names."""
    words: dict[str, tuple[str, ...]] = {}
    for field in look.table.fields:
        for name in (field.name, *field.aliases):
            words[name] = (field.name,)
    for view in look.views:
        words.setdefault(view.heading.lower(), view.fields[:1])
    return words | dict(look.words) | dict.fromkeys(look.special, ())


def parse(look: Look, tokens: Sequence[str], spelling: Spelling) -> Wanted:
    """Read a filter.

    Raises: UnknownName - no such word; InvalidValue - a value of the wrong form; NotFound - no such interface.
    """
    known = vocabulary(look)
    conditions: list[Condition] = []
    everything = False
    rest = list(tokens)
    while rest:
        token = rest.pop(0)
        negative = token == "not" and bool(rest)
        if negative:
            token = rest.pop(0)
        name, equals, value = token.partition("=")
        if equals and (name in known or _place(look, name)):
            condition = _named(look, known, name, value, spelling)
        elif token in look.flags and not (token in known and rest and _fits(rest[0])):
            condition = look.flags[token]
        elif token == "all":
            everything = True
            continue
        elif token in known or _place(look, token):
            if not rest:
                raise InvalidValue(f"expected a value behind `{token}` – in the filter of {look.table.name}")
            condition = _named(look, known, token, rest.pop(0), spelling)
        else:
            condition = _bare(look, known, token, spelling)
        conditions.append(Not(condition) if negative else condition)
    asked = look.hidden is not None and any(columns_of(condition) & look.hidden.unless for condition in conditions)
    return Wanted(tuple(conditions), everything or asked)


def _fits(token: str) -> bool:
    """Of a word that is a flag and a field (`fdb`): is what follows its value?"""
    return token in ("0", "1")


def _place(look: Look, word: str) -> tuple[str, str, Field | None] | None:
    """A place inside a JSON column: `metrics.mtu`, or what a link kind has, by its own name: `br_stp_state`."""
    head, dot, path = word.partition(".")
    if dot and any(field.name == head and field.json for field in look.table.fields):
        return head, path, None
    if look.table.name == "interfaces" and "_" in word:
        from holdfast.model.links import KINDS

        for kind in KINDS.values():
            for column, fields in (("kind_data", kind.data), ("port_data", kind.port)):
                for field in fields:
                    if field.name == word:
                        return column, word, field
    return None


def _named(look: Look, known: dict[str, tuple[str, ...]], name: str, value: str, spelling: Spelling) -> Condition:
    if name in look.special:
        return look.special[name](spelling, value)
    if name not in known:
        return _inside(look, known, name, value, spelling)
    parts = [_field(look, look.table[field], name, value, spelling) for field in known[name]]
    return parts[0] if len(parts) == 1 else Either(tuple(parts))


def _inside(look: Look, known: dict[str, tuple[str, ...]], name: str, value: str, spelling: Spelling) -> Condition:
    place = _place(look, name)
    if place is None:
        raise _unknown(look, known, name)
    column, path, field = place
    if value in _NOTHING:
        return Among(column, (), path)
    if field is not None and is_device(field):
        return Among(column, tuple(sorted(index for _, index in spelling.links(value))), path)
    if field is not None and field.names:
        return Among(column, tuple(spelling.number(field.names, one) for one in value.split(",")), path)
    return Among(column, tuple(_scalar(one) for one in value.split(",")), path)


def _field(look: Look, field: Field, word: str, value: str, spelling: Spelling) -> Condition:
    if value in _NOTHING:
        return Among(field.name, ())
    if is_device(field):
        return _device(look, field, value, spelling)
    if field.name in look.prefixes and value != "all":
        return _any([_prefix(look, field, word, one) for one in value.split(",")])
    if field.name in look.prefixes:
        return Among(field.name, ())
    if field.shape.sql == "TEXT" and any(mark in value for mark in "*?["):
        return Glob(field.name, value)
    if field.json:
        return _any([Holds(field.name, one) for one in value.split(",")])
    if field.names and value == "all":
        return Either((Among(field.name, ()), Not(Among(field.name, ()))))
    if field.names:
        return _any([_number(field, word, one, spelling) for one in value.split(",")])
    if field.shape.sql == "INTEGER":
        return Among(field.name, tuple(_integer(word, one) for one in value.split(",")))
    if getattr(field.shape, "name", "") == "ip":
        return _any([_address(look, field, word, one) for one in value.split(",")])
    if getattr(field.shape, "name", "") == "lladdr":
        return Among(field.name, tuple(one.lower().replace("-", ":") for one in value.split(",")))
    return Among(field.name, tuple(part for one in value.split(",") for part in {one, one.upper() if field.name == "operstate" else one}))


def _any(parts: list[Condition]) -> Condition:
    return parts[0] if len(parts) == 1 else Either(tuple(parts))


def _device(look: Look, field: Field, value: str, spelling: Spelling) -> Condition:
    hops = "multipath" if field.name == "oif" and "multipath" in look.table.columns else ""
    return Device(field.name, spelling.links(value), hops)


def _network(word: str, value: str) -> tuple[Network, str]:
    """A prefix and the address it was written with. `default` has no family: IPv4, and the caller thinks of IPv6."""
    from ipaddress import ip_interface

    try:
        interface = ip_interface("0.0.0.0/0" if value == "default" else value)
    except ValueError:
        raise InvalidValue(
            f"expected an address or a prefix, got `{value}` – at `{word}`", hint="for example 10.0.0.0/24, 2001:db8::1 or default"
        ) from None
    return interface.network, str(interface.ip)


def _prefix(look: Look, field: Field, word: str, value: str) -> Condition:
    length = look.prefixes[field.name]
    if field.name == "dst" and look.table.name == "routes" and value.isdecimal():
        return Among("dst", (value,))  # an MPLS label
    network, address = _network(word, value)
    relation = _RELATIONS.get(word, "exact")
    if value == "default" and relation == "exact":
        return Among(field.name, ("default",))  # of any family
    if look.table.name == "addresses":
        return _own_address(field, length, network, address, value)
    if str(network.network_address) != address:
        raise InvalidValue(f"expected a prefix, got `{value}`: it has host bits – at `{word}`", hint=f"the prefix is {network}")
    return Prefix(field.name, length, network, relation)


def _own_address(field: Field, length: str, network: Network, address: str, value: str) -> Condition:
    """10.0.0.1 and 10.0.0.1/24 are addresses, 10.0.0.0/24 is a range of them, as for `ip address show to`."""
    if "/" in value and address == str(network.network_address) and network.prefixlen < network.max_prefixlen:
        return Inside(field.name, network)
    same = Among(field.name, (address,))
    return All((same, Among(length, (network.prefixlen,)))) if "/" in value else same


def _address(look: Look, field: Field, word: str, value: str) -> Condition:
    network, address = _network(word, value)
    if "/" in value:
        return Inside(field.name, network)
    same = Among(field.name, (address,))
    if field.name == "gateway" and "multipath" in look.table.columns:
        return Either((same, Holds("multipath", address, "gateway"), Holds("via", address)))
    return same


def _number(field: Field, word: str, value: str, spelling: Spelling) -> Condition:
    number = spelling.number(field.names, value)
    return Bits(field.name, number) if number and field.names in BITS else Among(field.name, (number,))


def _integer(word: str, value: str) -> int:
    try:
        return int(value, 0)
    except ValueError:
        raise InvalidValue(f"expected a number, got `{value}` – at `{word}`") from None


def _scalar(value: str) -> Any:
    try:
        return int(value, 0)
    except ValueError:
        return value


def _bare(look: Look, known: dict[str, tuple[str, ...]], token: str, spelling: Spelling) -> Condition:
    """A value without a word, by its form."""
    for form in _forms(token):
        word = look.bare.get(form)
        if word is not None and (form != "device" or spelling.has_link(token)):
            return _named(look, known, word, token, spelling)
    raise _unknown(look, known, token, spelling)


def _forms(token: str) -> list[str]:
    parts = token.replace("-", ":").split(":")
    if len(parts) >= 6 and all(len(part) == 2 and set(part) <= _HEX for part in parts):
        return ["lladdr"]
    if token == "default" or "/" in token or token.count(".") == 3 or "::" in token or token.count(":") >= 2:
        return ["address"]
    return ["number", "device", "name"] if token.isdecimal() else ["device", "name"]


def _unknown(look: Look, known: dict[str, tuple[str, ...]], token: str, spelling: Spelling | None = None) -> UnknownName:
    maybe_device = spelling is not None and "device" in look.bare
    words = [*look.words, *look.special, *look.flags, *(field.name for field in look.table.fields)]
    devices = spelling.device_names if spelling and maybe_device else []
    hint = did_you_mean(token, [*words, *devices], also=f"`holdfast show {look.short[0]} help` lists the words")
    what = "neither a word of the filter nor an interface" if maybe_device else "no word of the filter"
    return UnknownName(f"`{token}` is {what} – in the filter of {look.table.name}", hint=hint)
