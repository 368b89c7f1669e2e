"""`log`, `diff` and `watch` of a path of the tree: asked of who has it, told as changes of tables are."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from contextlib import closing
from datetime import datetime
from typing import Any, Final

from holdfast.cli.asking.past import stamp
from holdfast.cli.asking.requests import ON_TERMINAL, LogRequest, WatchRequest
from holdfast.cli.asking.steering import KEPT, Caller, caller_of_tree, file_of
from holdfast.cli.declaring.options import Common
from holdfast.cli.presentation.style import Style, printable, style_for
from holdfast.errors import InvalidValue, NotFound, Unavailable

from .paths import is_nothing
from .showing import change_line, show

__all__ = ["print_path_diff", "print_path_log", "watch_path"]

_LINES: Final = 10
"""Changes of a commit that are told, unless all are asked for."""


def print_path_log(path: str, request: LogRequest, common: Common) -> None:
    """Commits that changed something there, newest first, each with what it changed.

    Raises: NotFound - nothing ever was there;  InvalidValue - a point in time, or an option that is for tables.
    """
    _only_tree(common, request.filters)
    limit = (ON_TERMINAL if sys.stdout.isatty() else 0) if request.limit is None else request.limit
    points = {name: _point(value) for name, value in (("since", request.since), ("until", request.until)) if value}
    with caller_of_tree(common.db, reads=True) as caller:
        wanted = 0 if request.author else limit
        found = caller.call("tree.log", path=path, limit=wanted, diff=True, **points)
        if not found and path and not _is_there(caller, path) and not points:
            raise is_nothing(path)
    mine = [one for one in found if one["author"] == request.author] if request.author else found
    shown = mine[:limit] if limit else mine
    style = style_for(sys.stdout, common.colour)
    today = datetime.now().astimezone()
    for one in shown:
        if common.json:
            print(json.dumps(one, ensure_ascii=False))
        else:
            _tell_entry(one, style, today, None if request.each else _LINES)
    if limit and len(shown) == limit and request.limit is None:
        print(style("dim", f"(the last {limit}: --limit says how many, 0 all of them)"), file=sys.stderr)


def _tell_entry(entry: dict[str, Any], style: Style, today: datetime, most: int | None) -> None:
    time = datetime.fromtimestamp(entry["time_ns"] / 1e9).astimezone()
    head = stamp(time, entry["revision"], style, today)
    why = f": {printable(entry['message'])}" if entry["message"] else ""
    print(f"{head} {style('title', 'commit')} by {printable(entry['author'])}{why}")
    changes = entry.get("diff")
    if changes is None:
        print(style("dim", "    what it changed is not kept any more"))
        return
    for change in changes[:most]:
        print(f"    {change_line(change, style)}")
    if len(changes) > len(changes[:most]):
        print(style("dim", f"    … and {len(changes) - len(changes[:most])} more changes: --all tells each"))


def print_path_diff(path: str, points: Sequence[str], common: Common) -> bool:
    """What is different there between two points in time, or one and now; False: nothing. Raises: InvalidValue, Compacted."""
    _only_tree(common)
    first, *second = map(_point, points)
    with caller_of_tree(common.db, reads=True) as caller:
        found = caller.call("tree.diff", before=first, after=second[0] if second else None, path=path)
        if not found and path and not _is_there(caller, path) and not caller.call("tree.log", path=path, limit=1):
            raise is_nothing(path)
    style = style_for(sys.stdout, common.colour)
    for change in found:
        print(json.dumps(change, ensure_ascii=False) if common.json else change_line(change, style))
    return bool(found)


def watch_path(path: str, request: WatchRequest, common: Common) -> None:
    """Commits as they are made. Raises: Unavailable - no node is running, so nobody could make any; InvalidValue, Compacted."""
    _only_tree(common, request.filters)
    if KEPT.get() is None and file_of(common.db) is None and not request.since:
        raise Unavailable("no node is running: nobody else can change the tree while this command has it", hint="`holdfast run` starts one")
    style = style_for(sys.stdout, common.colour)
    with caller_of_tree(common.db) as caller:
        if path and not _is_there(caller, path):
            print(style_for(sys.stderr, common.colour)("dim", f"(nothing is at {path} in the tree yet)"), file=sys.stderr)
        given = {"since": _point(request.since)} if request.since else {}
        with closing(caller.stream("tree.watch", path=path, **given)) as commits:
            for number, commit in enumerate(commits, 1):
                if common.json:
                    print(json.dumps(commit, ensure_ascii=False), flush=True)
                else:
                    show("watch", commit, style)
                if number == request.limit:
                    return


def _only_tree(common: Common, filters: Sequence[str] = ()) -> None:
    """Raises: InvalidValue - what only tables have."""
    for name, value in (("--target", common.target), ("--netns", common.netns)):
        if value:
            raise InvalidValue(f"the tree has no sources – at `{name}`", hint="a path of the tree stands alone")
    if filters:
        raise InvalidValue(f"expected nothing behind a path of the tree, got `{filters[0]}`", hint="filters are for tables")


def _point(text: str) -> int | str:
    return int(text) if text.isascii() and text.isdecimal() else text


def _is_there(caller: Caller, path: str) -> bool:
    try:
        caller.call("tree.keys", path=path, limit=1)
    except NotFound:
        return False
    return True
