"""docs/reference/python.md, from the public classes: signatures and docstrings."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterator
from itertools import chain
from typing import Any

import holdfast
from holdfast.api.sync import db, ndb, sources, transaction, view, watch
from holdfast.api.sync.tree import drafts, extending, history, listening, session
from holdfast.api.sync.tree import transaction as tree_transaction
from holdfast.api.sync.tree.tree import Tree
from holdfast.database.backup import restore
from holdfast.objects.bulk import Difference
from holdfast.objects.checks import CheckProcess, Not, PingAddress
from holdfast.objects.records import Record, RecordSet
from holdfast.objects.snapshot import Snapshot
from holdfast.tree.commit import Change as TreeChange
from holdfast.tree.commit import Commit
from holdfast.tree.compaction import Retention
from holdfast.tree.looking import Info, Match

PAGE = "docs/reference/python.md"

HEAD = """<!-- made by scripts/generators/python.py from src/holdfast/api and objects; scripts/generate writes it anew -->

# Python

Names to import from `holdfast`: {names}.

`from holdfast.aio import NDB` is the same for asyncio: what waits is awaited, reading a field is not.
The fields of objects and records are the columns of [the tables](tables.md); errors are [listed here](errors.md).
"""

CLASSES = (ndb.NDB, view.View, view.Object, view.Interface, transaction.Transaction, transaction.ProbesView,
           CheckProcess, PingAddress, Not, Snapshot, Difference, RecordSet, Record, sources.SourcesView, sources.Source, watch.Watch,
           db.Database, watch.TaskManager, Tree, tree_transaction.Transaction, history.History, drafts.Drafts, drafts.Draft,
           session.Session, extending.Functions, listening.Channels, extending.Hooks, extending.Schemas, extending.Plugins,
           Commit, TreeChange, Info, Match, Retention)  # fmt: skip
"""In the order in which one meets them."""

FUNCTIONS = (restore,)

INNER = {
    "accept", "reading", "rows", "tick", "within", "adopt", "given", "matching", "not_found", "word_for",
    "become", "found", "gone", "leaving", "put_back", "settle", "take", "undone", "want",
}  # fmt: skip
"""Members that other parts of the house need, and users do not."""


def files() -> dict[str, str]:
    head = HEAD.format(names=", ".join(f"`{name}`" for name in holdfast.__all__ if isinstance(getattr(holdfast, name), type)))
    classes, functions = map(_class, CLASSES), map(_function, FUNCTIONS)
    return {PAGE: "\n".join([head, *chain.from_iterable(classes), *chain.from_iterable(functions)])}


def _class(one: type) -> Iterator[str]:
    yield f"## {one.__name__}\n"
    yield from _prose(one)
    for name, member in _members(one):
        yield f"### {one.__name__}.{name}\n"
        if not isinstance(member, property):
            yield f"```text\n{_signature(name, member)}\n```\n"
        yield from _prose(member)


def _function(one: Any) -> Iterator[str]:
    yield f"## {one.__name__}\n"
    yield f"```text\n{_signature(one.__name__, one)}\n```\n"
    yield from _prose(one)


def _members(one: type) -> Iterator[tuple[str, Any]]:
    """Public members that say what they are: those of the class itself first, then inherited ones, but none of Python's own."""
    seen = set()
    for home in one.__mro__:
        if not home.__module__.startswith("holdfast"):
            continue
        for name, member in vars(home).items():
            speaks = isinstance(member, property) or inspect.isfunction(member)
            if speaks and not name.startswith("_") and name not in seen | INNER and not _inherited(one, name):
                seen.add(name)
                if inspect.getdoc(getattr(one, name)):
                    yield name, member


def _inherited(one: type, name: str) -> bool:
    """Is it shown with another class on this page, from which this one has it?"""
    return any(name in vars(home) for other in CLASSES if other is not one and issubclass(one, other) for home in other.__mro__)


class _Bare(str):
    """An annotation that is printed as it was written."""

    __slots__ = ()
    __repr__ = str.__str__


def _signature(name: str, function: Any) -> str:
    signature = inspect.signature(function)
    shown = [one.replace(annotation=_Bare(one.annotation)) for one in signature.parameters.values() if one.name != "self"]
    return f"{name}{signature.replace(parameters=shown, return_annotation=_Bare(signature.return_annotation))}"


def _prose(thing: Any) -> Iterator[str]:
    """A docstring as Markdown: what stands in columns or indented becomes a drawing, the rest flows."""
    for paragraph in inspect.cleandoc(inspect.getdoc(thing) or "").split("\n\n"):
        first, *more = paragraph.split("\n")
        if first.startswith(" ") or (more and "   " in first):
            yield f"```text\n{textwrap.dedent(paragraph)}\n```\n"
        else:
            yield "\n".join([first, *(("\n" if line.startswith("Raises:") else "") + line.strip() for line in more)]) + "\n"
