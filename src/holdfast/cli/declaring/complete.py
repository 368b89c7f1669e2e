"""What the shell offers behind the cursor. Fast before complete: no database is opened, interfaces come from the kernel."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import click
from click.shell_completion import CompletionItem

from holdfast.errors import UnknownName

__all__ = ["columns", "filters", "formats", "nouns", "tables"]

Offer = tuple[str, str]


def nouns(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Nouns; `ip`'s words for them where these were begun."""
    from holdfast.cli.language.looks import LOOKS

    found = [(look.table.name, look.table.doc) for look in LOOKS.values() if look.table.name.startswith(incomplete)]
    short = [(name, look.table.doc) for look in LOOKS.values() for name in look.short if incomplete and name.startswith(incomplete)]
    drawing = [("topology", "What is connected with what.")] if context.command.name == "show" and "topology".startswith(incomplete) else []
    return _items((found or short) + drawing)


def nouns_and_paths(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """What `log`, `diff` and `watch` take: a table, or a place in the tree."""
    tables_ = [] if incomplete.startswith(".") else nouns(context, parameter, incomplete)
    known = {item.value for item in tables_}
    return tables_ + [item for item in tree_paths(context, parameter, incomplete) if item.value not in known]


def tree_paths(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Keys of the tree, level by level."""
    from holdfast.cli.tree.offering import paths

    return _items([(path, doc) for path, doc in paths(incomplete)])


def drafts(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from holdfast.cli.tree.offering import asked

    found = asked("tree.drafts") or []
    return _items([(one["name"], one["message"]) for one in found if one["name"].startswith(incomplete)])


def channels(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    from holdfast.cli.tree.offering import asked

    return _items([(name, f"{count} listen") for name, count in (asked("tree.channels") or {}).items() if name.startswith(incomplete)])


def formats(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    return _items([(name, "") for name in ("text", "dot", "svg", "json") if name.startswith(incomplete)])


def changeable(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """Nouns that can be changed, in the singular."""
    from holdfast.cli.language.orders import ORDERS

    named = [(one.table.noun.split()[-1], one.table.doc) for one in ORDERS.values()]
    return _items([(noun, doc) for noun, doc in named if noun.startswith(incomplete)])


def orders(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """A word of a change, or a value for the word before."""
    from holdfast.cli.language.filters import find_look
    from holdfast.cli.language.orders import ORDERS

    try:
        table = find_look(context.params.get("noun") or "").table.name
    except UnknownName:
        return []
    if table not in ORDERS:
        return []
    given = list(context.params.get("words") or ())
    offered = [(value, doc) for value, doc in _values(table, given[-1]) if value.startswith(incomplete)] if given else []
    words = ORDERS[table].words
    return _items(offered or [(word, "") for word in words if word.startswith(incomplete)])


def tables(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The last of a list with commas."""
    from holdfast.cli.language.looks import LOOKS

    before, comma, last = incomplete.rpartition(",")
    return _items([(f"{before}{comma}{name}", look.table.doc) for name, look in LOOKS.items() if name.startswith(last)])


def columns(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """The last of a list with commas."""
    from holdfast.cli.language.filters import find_look, vocabulary

    before, comma, last = incomplete.rpartition(",")
    try:
        # click stops reading at an option without its value, and leaves the rest in args
        look = find_look(context.params.get("noun") or next(iter(context.args), ""))
    except UnknownName:
        return []
    return _items([(f"{before}{comma}{word}", "") for word in vocabulary(look) if word.startswith(last)])


def filters(context: click.Context, parameter: click.Parameter, incomplete: str) -> list[CompletionItem]:
    """A word of the filter, or a value for the word before."""
    from holdfast.cli.language.filters import find_look

    given = list(context.params.get("filters") or ())
    noun = context.params.get("noun") or ""
    try:
        look = find_look("interfaces" if noun == "topology" else noun)
    except UnknownName:
        return []
    word, equals, begun = incomplete.partition("=")
    if equals:
        return _items([(f"{word}={value}", doc) for value, doc in _values(look.table.name, word) if value.startswith(begun)])
    previous = given[-1] if given else ""
    values = [] if previous in look.flags else list(_values(look.table.name, previous))
    offers = values or [*((name, "interface") for name in _interfaces() if "device" in look.bare), *_words(look.table.name)]
    return _items([(value, doc) for value, doc in offers if value.startswith(incomplete)])


def _items(offers: list[Offer]) -> list[CompletionItem]:
    return [CompletionItem(value, help=doc or None) for value, doc in dict(offers).items()]


def _words(table: str) -> Iterator[Offer]:
    from holdfast.cli.language.looks import LOOKS

    look = LOOKS[table]
    fields = {field.name: field.doc for field in look.table.fields}
    for word, names in look.words.items():
        yield word, fields.get(names[0], "")
    yield from ((word, "") for word in (*look.special, *look.flags))
    yield from fields.items()


def _values(table: str, word: str) -> Iterator[Offer]:
    """What can stand behind a word: interfaces, or names of numbers."""
    from holdfast.cli.language.filters import vocabulary
    from holdfast.cli.language.looks import LOOKS
    from holdfast.cli.language.spelling import is_device
    from holdfast.model.names import BUILTIN
    from holdfast.model.words import BITS, ENUMS

    look = LOOKS[table]
    if word in look.special:
        yield from ((name, "interface") for name in (_interfaces() if word in ("dev", "vrf") else _kinds()))
        return
    for name in vocabulary(look).get(word, ())[:1]:
        field = look.table[name]
        if is_device(field) or field.name in ("ifname", "iifname", "oifname"):
            yield from ((one, "interface") for one in _interfaces())
        elif field.names in BITS or field.names in ENUMS or field.names.startswith("rt_"):
            yield from ((one.lower(), "") for one in BUILTIN.table(field.names).values() if " " not in one)
        elif field.name == "state":
            yield from (("up", ""), ("down", ""))


def _interfaces() -> list[str]:
    return sorted(name for _, name in socket.if_nameindex())


def _kinds() -> list[str]:
    from holdfast.model.links import KINDS

    return sorted(KINDS)
