"""The commands of the tree, as the program and the shell have them: names, sections, examples. All else is the verbs' own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

import click

from holdfast.cli.declaring.command import Group

from .derive import command_of, tree_verbs

__all__ = ["SHELL_ONLY", "commands", "top_command", "tree_group"]

_SECTION: Final = "The config tree"
_EXAMPLES: Final = {
    "get": """
        holdfast get nodes.r1
        holdfast get nodes.r1.mtu --back 1                 before its last change
        holdfast get nodes.r1 --at "10 minutes ago"
        holdfast get 'nodes.r1.routes."10.0.0.0/24"' --meta
    """,
    "put": """
        holdfast put nodes.r1.mtu 1500 -m "as ordered"
        holdfast put nodes.r1 '{name: r1, mtu: 1500}'
        holdfast put nodes.r1 @r1.yaml
        holdfast put nodes.r1.mtu 1400 --expected 12       only if it is still at version 12
    """,
    "rm": """
        holdfast rm nodes.r1.mtu
    """,
    "merge": """
        holdfast merge nodes.r1 '{mtu: 1400, alias: null}'     null takes a member away
    """,
    "find": """
        holdfast find 'nodes.*.mtu'
        holdfast find 'nodes\\.(r\\d+)\\.mtu' --regex            with what the groups matched
    """,
    "blame": """
        holdfast blame nodes.r1
    """,
    "rollback": """
        holdfast rollback nodes --back 1
        holdfast rollback nodes.r1 "yesterday 14:03"
    """,
    "revert": """
        holdfast revert 1234
    """,
    "load": """
        holdfast tree import backup.yaml                       a name that ends so is YAML, any other JSON
        holdfast tree import r1.json nodes.r1 -m "as delivered"
        holdfast tree import - copies --form yaml              what comes on standard input
    """,
    "rebase": """
        holdfast tree rebase lab
    """,
    "call": """
        holdfast call inventory.ne1.f6 1 '{x: 2}'
    """,
}
_NAMES: Final = {
    "draft_get": "cand", "draft_keys": "draft-keys", "draft_find": "draft-find",
    "draft_put": "draft-put", "draft_merge": "draft-merge", "draft_rm": "draft-rm", "draft_diff": "draft-diff",
    "draft_commit": "commit", "draft_drop": "cancel", "load": "import",
}  # fmt: skip
SHELL_ONLY: Final = frozenset({"session"})


def commands(names: Iterable[str], *, section: str = _SECTION) -> Iterator[click.Command]:
    """The commands of these verbs."""
    verbs = tree_verbs()
    for name in names:
        yield command_of(_NAMES.get(name, name), verbs[name], section=section, examples=_EXAMPLES.get(name, ""))


def top_command(name: str) -> click.Command:
    """One that stands by itself."""
    return next(commands((name,)))


def tree_group() -> click.Command:
    """`holdfast tree`: all of them."""
    for one in commands(name for name in tree_verbs() if name not in SHELL_ONLY):
        one.section = "Commands"  # type: ignore[attr-defined]
        tree.add_command(one)
    return tree


@click.group(
    "tree",
    cls=Group,
    section=_SECTION,
    examples="""
        holdfast tree log nodes.r1                   its commits, newest first
        holdfast tree diff 1200 1300 nodes
        holdfast tree watch nodes                    commits as they are made
        holdfast tree begin lab -m "try it"          a draft that outlives a restart
        holdfast tree import backup.yaml
    """,
)
def tree() -> None:
    """Drafts, schemas, channels, import: all that the tree can do."""
