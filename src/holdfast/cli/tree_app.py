"""The commands of the config tree. They are made from the verbs of the api, which costs some 0.1 s: only when they are wanted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import click

from .command import Group

__all__ = ["add_to"]

_TOP: Final = ("get", "put", "rm", "merge", "find", "keys", "blame", "rollback", "redo", "revert", "call")
"""Commands of their own; the others stand below `holdfast tree`."""


def add_to(group: Group) -> None:
    """Make these commands part of the program."""
    for name in _TOP:
        group.add_later(name, _top(name))
    group.add_later("edit", _edit)
    group.add_later("tree", _tree)


def _top(name: str) -> Callable[[], click.Command]:
    def make() -> click.Command:
        from .tree.verbs import top_command

        return top_command(name)

    return make


def _edit() -> click.Command:
    from .tree.editing import edit

    return edit


def _tree() -> click.Command:
    from .tree.verbs import tree_group

    return tree_group()
