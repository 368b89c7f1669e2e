"""Where the past is read: the running node's file, or that of a stopped one. The kernel keeps none."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from holdfast.cli.declaring.options import Common
from holdfast.cli.language.spelling import Spelling
from holdfast.cli.presentation.style import Style
from holdfast.errors import InvalidValue, NotFound

from .file import node_of
from .reading import LINKS, Reading
from .state import RunningNode, database_files

if TYPE_CHECKING:
    from datetime import datetime

__all__ = ["kept_file", "open_past", "spelling_of_all_times", "stamp"]

_LINKS_THEN: Final = LINKS.replace("FROM interfaces ORDER BY ifindex", "FROM interfaces_history ORDER BY until")


def kept_file(common: Common) -> RunningNode:
    """The file to look back in. Raises: NotFound - there is none;  InvalidValue - the kernel is to be asked."""
    if common.netns:
        hint = "name the source of the node that is meant: `--target NAME`"
        if common.netns.isdigit():  # as people know it from tail, git log and journalctl
            hint = f"`-n` is that of `ip`; {common.netns} entries: `--limit {common.netns}`"
        raise InvalidValue("the kernel keeps no history – at `--netns`", hint=hint)
    node = node_of(common)
    if node is not None:
        return node
    for path in database_files():
        if os.access(path, os.R_OK):
            print(f"holdfast: no node is running: {path} ends where it stopped", file=sys.stderr)
            return RunningNode(path, 0)
    raise NotFound(
        "there is no history: no node is running, and none has left a file", hint="`holdfast run` keeps one; `--db FILE` names a file"
    )


@contextmanager
def open_past(common: Common) -> Iterator[Reading]:
    """Read what is kept; with `--at`, as it was then. Raises: as `kept_file`; what opening raises."""
    from holdfast.database.sqlite import open_reader
    from holdfast.model.names import Names
    from holdfast.sources.name_files import read_name_files

    with open_reader(kept_file(common).path) as reader:
        moment = reader.moment(common.at) if common.at else None
        if moment is not None and (common.verbose or sys.stdout.isatty()):
            print(f"holdfast: as of {moment}", file=sys.stderr)
        gap = reader.gap(common.at) if common.at else None
        if gap is not None:
            print(f"holdfast: {gap}", file=sys.stderr)
        yield Reading(reader, Names.parse(read_name_files()), at=None if moment is None else moment.revision)


def spelling_of_all_times(reading: Reading) -> Spelling:
    """Names of interfaces that are there, and of those that once were: the last name of an index counts."""
    return Spelling(reading.names, [*reading.fetch(_LINKS_THEN), *reading.fetch(LINKS)])


def stamp(time: datetime, revision: int, style: Style, today: datetime) -> str:
    """`14:03:22.123 r1200`, with the date where it is another day's."""
    date = "" if time.date() == today.date() else f"{time:%Y-%m-%d} "
    return style("dim", f"{date}{time:%H:%M:%S}.{time.microsecond // 1000:03d} r{revision}")
