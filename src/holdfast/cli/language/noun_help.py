"""`holdfast show NOUN help`, `holdfast add NOUN help [KIND]`: the columns and words of one noun, from its declaration."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping

from holdfast.cli.language.looks import Look
from holdfast.cli.language.orders import Order
from holdfast.cli.presentation.style import Style
from holdfast.errors import UnknownName, did_you_mean
from holdfast.model import KINDS, Field

__all__ = ["noun_help", "order_help"]

_WIDTH = 78
_PORT_DOC = "What an interface has as a port of its master."


def noun_help(look: Look, style: Style) -> str:
    """What `show` takes: a page of text."""
    table = look.table
    own = {name for field in table.fields for name in (field.name, *field.aliases)}
    names = " | ".join(dict.fromkeys((table.name, *look.short)))
    lines = [
        f"{style('title', 'holdfast show')} {names} [FILTER]...",
        f"  {table.doc}",
        "",
        style("title", "Columns"),
        *_paragraph(view.heading for view in look.views),
        "",
        style("title", "Words of ip to filter by"),
        *_paragraph(sorted({*look.words, *look.special} - own) or ["none beside the fields"]),
    ]
    if look.flags:
        lines += ["", style("title", "Words without a value"), *_paragraph(look.flags)]
    lines += ["", style("title", "Fields: to filter by, for --columns, in --json and in SQL"), *_described(_by_name(table.fields))]
    if look.hidden:
        lines += ["", f"Left out unless asked for: what `{look.hidden.how}` shows. `all` leaves nothing out."]
    return "\n".join(lines)


def order_help(verb: str, look: Look, order: Order, kind: str, style: Style) -> str:
    """What `add`, `set`, `replace` and `del` take: a page of text; with a `kind`, what that has.

    Raises: UnknownName - there is no such kind.
    """
    noun = look.table.noun
    if kind:
        return _kind_help(kind, order, style)
    names = " | ".join(dict.fromkeys((noun, *look.short)))
    fields = _by_name(order.plain)
    own = {name for field in order.plain for name in (field.name, *field.aliases)}
    of_kinds = {field.name for kind in KINDS.values() for field in (*kind.data, *kind.port)}
    lines = [
        f"{style('title', f'holdfast {verb}')} {names} WORD...",
        f"  {look.table.doc}",
        "",
        style("title", "Words of ip and bridge"),
        *_paragraph(sorted(order.words.keys() - own - of_kinds) or ["none beside the fields"]),
        "",
        style("title", "Fields, each with its value behind it; `none` takes a value away"),
        *_described(fields),
    ]
    if order.kinds:
        lines += ["", style("title", f"Kinds; `holdfast {verb} {noun} help KIND` lists what one has"), *_paragraph(order.kinds)]
    return "\n".join([*lines, "", f"`holdfast {verb} --help` has examples."])


def _kind_help(kind: str, order: Order, style: Style) -> str:
    if kind not in order.kinds:
        known = f"there are {', '.join(order.kinds)}" if order.kinds else "only interfaces have kinds"
        raise UnknownName(f"there is no kind `{kind}` of {order.table.noun}", hint=did_you_mean(kind, order.kinds, also=known))
    words = {}
    for word, field in order.kinds[kind].items():
        spelled = field.name == word or field.name.endswith(f"_{word}")
        words[word if spelled else f"{word} ({field.name})"] = field
    doc = KINDS[kind].doc if kind in KINDS else _PORT_DOC
    lines = [f"{style('title', f'type {kind}')} [WORD VALUE]...", f"  {doc}", "", *_described(words)]
    whole = next((field.name for word, field in order.kinds[kind].items() if field.name != word), "")
    if whole:
        lines += ["", f"Elsewhere than behind `type {kind}` they have their whole names, as `{whole}`."]
    return "\n".join(lines if words else [*lines, "It has no words of its own."])


def _by_name(fields: Iterable[Field]) -> dict[str, Field]:
    return {"/".join((field.name, *field.aliases)): field for field in fields}


def _described(fields: Mapping[str, Field]) -> list[str]:
    """A line for each word, more where its text is long."""
    width = max(map(len, fields), default=0)
    lines = []
    for word, field in fields.items():
        doc = field.doc + (f", {field.unit}" if field.unit and field.unit not in field.doc else "")
        doc += f" (names: {field.names})" if field.names and field.names != "ifindex" else ""
        text = textwrap.wrap(doc, _WIDTH - width - 4)
        lines.append(f"  {word:{width}}  {text[0] if text else ''}".rstrip())
        lines += [" " * (width + 4) + more for more in text[1:]]
    return lines


def _paragraph(words: Iterable[str]) -> list[str]:
    return textwrap.wrap(" ".join(words), _WIDTH, initial_indent="  ", subsequent_indent="  ")
