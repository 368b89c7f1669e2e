"""`holdfast show NOUN help`: the columns and words of one noun, from its declaration."""

from __future__ import annotations

import textwrap

from holdfast.cli.language.looks import Look
from holdfast.cli.presentation.style import Style

__all__ = ["noun_help"]

_WIDTH = 78


def noun_help(look: Look, style: Style) -> str:
    """A page of text."""
    table = look.table
    own = {field.name for field in table.fields} | {alias for field in table.fields for alias in field.aliases}
    words = sorted({*look.words, *look.special} - own)
    names = " | ".join(dict.fromkeys((table.name, *look.short)))
    lines = [
        f"{style('title', 'holdfast show')} {names} [FILTER]...",
        f"  {table.doc}",
        "",
        style("title", "Columns"),
        *_paragraph(" ".join(view.heading for view in look.views)),
        "",
        style("title", "Words of ip to filter by"),
        *_paragraph(" ".join(words) or "none beside the fields"),
    ]
    if look.flags:
        lines += ["", style("title", "Words without a value"), *_paragraph(" ".join(look.flags))]
    lines += ["", style("title", "Fields: to filter by, for --columns, in --json and in SQL")]
    width = max(len(_spelled(field.name, field.aliases)) for field in table.fields)
    for field in table.fields:
        doc = field.doc + (f", {field.unit}" if field.unit and field.unit not in field.doc else "")
        doc += f" (names: {field.names})" if field.names and field.names != "ifindex" else ""
        text = textwrap.wrap(doc, _WIDTH - width - 4)
        lines.append(f"  {_spelled(field.name, field.aliases):{width}}  {text[0] if text else ''}")
        lines += [" " * (width + 4) + more for more in text[1:]]
    if look.hidden:
        lines += ["", f"Left out unless asked for: what `{look.hidden.how}` shows. `all` leaves nothing out."]
    return "\n".join(lines)


def _spelled(name: str, aliases: tuple[str, ...]) -> str:
    return "/".join((name, *aliases))


def _paragraph(text: str) -> list[str]:
    return textwrap.wrap(text, _WIDTH, initial_indent="  ", subsequent_indent="  ")
