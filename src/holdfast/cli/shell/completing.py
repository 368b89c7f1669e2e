"""What could follow in a line of the shell: what each command's own completion offers, spelt as this line has to have it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from click.shell_completion import ShellComplete

from holdfast.cli.declaring.command import Group
from holdfast.cli.sql.completing import Offer
from holdfast.cli.sql.completing import offers as sql_offers
from holdfast.cli.sql.schema import Schema

from .topics import TOPICS
from .words import Word, split

__all__ = ["offers"]

_SQL: Final = frozenset({"select", "with", "values"})


def offers(before: str, after: str, group: Group, schema: Callable[[], Schema]) -> list[Offer]:
    """Words for the place between the two texts. schema: of the live tables, asked for where SQL is typed."""
    words = split(before, unfinished=True)
    begun = words.pop() if (words and not before[-1:].isspace()) or _is_open(words, before) else None
    text = "" if begun is None else begun.raw
    if words and words[0] == "holdfast":
        words = words[1:]
    if words and (words[0] == "sql" or words[0].lower() in _SQL):
        start = words[1].where if words[0] == "sql" and len(words) > 1 else 0 if words[0] != "sql" else len(before) - len(text)
        if not text.startswith("-"):
            return sql_offers(before[start:].lstrip("\"'"), after, schema())
    if words and words[0] == "help":
        return _help(words[1:], text, group)
    found = ShellComplete(group, {}, "", "").get_completions([*map(str, words)], text)
    offered = [Offer(_spelt(one.value), len(text), "", one.help or "") for one in found if one.type == "plain"]
    return [*offered, *(Offer(word, len(text), "", "") for word in ("help", "exit") if not words and word.startswith(text))]


def _is_open(words: list[Word], before: str) -> bool:
    """Does the last word go on over the blank: a quote or a bracket is open?"""
    return bool(words) and before.endswith(words[-1].raw) and before[-1:].isspace()


def _help(words: list[Word], text: str, group: Group) -> list[Offer]:
    topics = [Offer(name, len(text), "", "how to write it") for name in TOPICS if not words and name.startswith(text)]
    found = ShellComplete(group, {}, "", "").get_completions([*map(str, words)], text)
    return [*(Offer(one.value, len(text), "", one.help or "") for one in found if not one.value.startswith("-")), *topics]


def _spelt(value: str) -> str:
    """What holds a blank is quoted, unless it is a path that has its quotes already."""
    return f'"{value}"' if " " in value and '"' not in value else value
