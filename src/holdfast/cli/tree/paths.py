"""Tables and paths of the tree in one place: which of the two a word of `log`, `diff` and `watch` means."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from holdfast.cli.language.filters import is_noun
from holdfast.cli.language.looks import LOOKS, Look
from holdfast.errors import InvalidValue, NotFound, UnknownName, did_you_mean

from .values import read_path

if TYPE_CHECKING:
    from holdfast.cli.asking.reading import Reading

__all__ = ["is_nothing", "say_other_meaning", "tree_path"]


def tree_path(word: str) -> str | None:
    """The path that a word means; None: it is a noun of `show`, a word of `ip` for one, begins like one with three letters, or "".

    A dot in front always means the tree: `.routes`; `.` is all of it.
    Raises: UnknownName - neither a noun nor a path.
    """
    from holdfast.tree.paths import parse

    if word.startswith("."):
        parse(read_path(word))
        return read_path(word)
    if not word or is_noun(word):
        return None
    try:
        parse(word)
    except InvalidValue:
        hint = f"tables are {', '.join(LOOKS)}; a path of the tree is like nodes.r1.mtu"
        raise UnknownName(f"there is nothing called `{word}`", hint=hint) from None
    return word


def say_other_meaning(word: str, look: Look, reading: Reading) -> None:
    """On stderr, where a short word for a table is the first segment of paths as well: `a` is `ip`'s word for addresses."""
    short = word not in (look.table.name, look.table.noun)
    if short and reading.fetch("SELECT 1 FROM tree_roots WHERE root = ? LIMIT 1", (word,)):
        print(f"holdfast: `{word}` means {look.table.name} here; `.{word}` is the path in the tree", file=sys.stderr)


def is_nothing(path: str) -> NotFound:
    """A path at which nothing is or was: perhaps a table was meant."""
    tables = [name for look in LOOKS.values() for name in (look.table.name, *look.short)]
    hint = did_you_mean(path.lower(), tables, also=f"tables are {', '.join(LOOKS)}")
    return NotFound(f"nothing is or was at `{path}` in the tree", hint=hint, path=path)
