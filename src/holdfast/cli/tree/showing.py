"""Results of the tree's verbs as text. A result that has no form of its own is YAML."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, Final

from holdfast.cli.presentation.layout import Column, write_table
from holdfast.cli.presentation.style import Style, printable

from .values import as_text, in_line

__all__ = ["change_line", "show", "told_lines"]

Result = Any


def show(verb: str, result: Result, style: Style) -> None:
    """Print what a verb answered."""
    shown = _SHOWN.get(verb)
    if shown is not None and result is not None:
        shown(result, style)
    elif result is not None:
        print(as_text(result, style))


def change_line(change: Mapping[str, Any], style: Style) -> str:
    """`~ nodes.r1.mtu: 1500 → 1400`"""
    path = printable(change["path"]) or "(all)"
    if change["op"] == "delete":
        return f"{style('bad', '-')} {path}: {in_line(change['old'])}"
    if change["created"]:
        return f"{style('good', '+')} {path}: {in_line(change['value'])}"
    return f"{style('changed', '~')} {path}: {in_line(change['old'])} → {in_line(change['value'])}"


def _changes(changes: Iterable[Mapping[str, Any]], style: Style) -> None:
    lines = [change_line(one, style) for one in changes]
    print("\n".join(lines) if lines else style("dim", "no difference"))


def _commit(commit: Mapping[str, Any], style: Style) -> None:
    """After a change: its revision, and what became different. Of a draft: how much it is by now."""
    if "draft" in commit:
        count = len(commit["changes"])
        print(style("dim", f"draft {printable(commit['draft'])}: {count} change{'' if count == 1 else 's'} by now"))
        return
    if not commit["changes"]:
        print("nothing to do: it is so already")
        return
    for change in commit["changes"]:
        print(change_line(change, style))
    print(style("dim", f"revision {commit['revision']}; undo: holdfast revert {commit['revision']}"))


def _told(commit: Mapping[str, Any], style: Style) -> None:
    """In a watch."""
    print("\n".join(told_lines(commit, style)), flush=True)


def told_lines(commit: Mapping[str, Any], style: Style) -> list[str]:
    """When, by whom, and what."""
    time = datetime.fromisoformat(commit["time"]).astimezone().strftime("%H:%M:%S")
    why = f": {printable(commit['message'])}" if commit["message"] else ""
    head = f"{style('dim', time)} r{commit['revision']} by {printable(commit['author'])}{why}"
    return [head, *(f"  {change_line(change, style)}" for change in commit["changes"])]


def _when(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns / 1e9).astimezone().strftime("%Y-%m-%d %H:%M:%S") if time_ns else ""


def _log(entries: Iterable[Mapping[str, Any]], style: Style) -> None:
    for one in entries:
        why = f": {printable(one['message'])}" if one["message"] else ""
        count = f"{one['changes']} change{'' if one['changes'] == 1 else 's'} in {', '.join(map(printable, one['roots']))}"
        print(f"{style('dim', _when(one['time_ns']))} r{one['revision']} by {printable(one['author'])}{why} {style('dim', f'({count})')}")


def _blame(lines: list[Mapping[str, Any]], style: Style) -> None:
    columns = [
        Column("REVISION", [str(one["revision"]) for one in lines], right=True, keep=True),
        Column("WHEN", [_when(one["time_ns"]) for one in lines]),
        Column("AUTHOR", [printable(one["author"]) for one in lines], keep=True),
        Column("PATH", [printable(one["path"]) for one in lines], keep=True, elastic=True),
        Column("VALUE", [in_line(one["value"]) for one in lines], elastic=True, keep=True),
        Column("MESSAGE", [printable(one["message"]) for one in lines], elastic=True),
    ]
    write_table(columns, sys.stdout, style)


def _find(found: Iterable[Mapping[str, Any]], style: Style) -> None:
    for one in found:
        groups = f" {style('dim', str(tuple(one['groups'])))}" if one["groups"] else ""
        print(f"{printable(one['path'])}: {in_line(one['value'])}{groups}")


def _lines(found: Iterable[Any], style: Style) -> None:
    del style
    for one in found:
        print(printable(str(one)))


def _text(text: str, style: Style) -> None:
    del style
    print(text.rstrip("\n"))


def _edges(edges: Iterable[tuple[str, str]], style: Style) -> None:
    for parent, child in edges:
        print(f"{printable(parent) or '(root)'} {style('dim', '→')} {printable(child)}")


def _drafts(drafts: list[Mapping[str, Any]], style: Style) -> None:
    if not drafts:
        print("there are no drafts")
        return
    columns = [
        Column("DRAFT", [printable(one["name"]) for one in drafts], role="ifname", keep=True),
        Column("BASE", [str(one["base"]) for one in drafts], right=True, keep=True),
        Column("AUTHOR", [printable(one["author"]) for one in drafts]),
        Column("BEGUN", [_when(one["made_ns"]) for one in drafts]),
        Column("ENDS", [_when(one["ends_ns"] or 0) for one in drafts]),
        Column("MESSAGE", [printable(one["message"]) for one in drafts], elastic=True),
    ]
    write_table(columns, sys.stdout, style)


def _rebased(told: Mapping[str, Any], style: Style) -> None:
    """After a rebase: where the draft stands now, and what it and others have changed."""
    print(style("dim", f"draft {printable(told['draft'])} stands on revision {told['base']} now"))
    if told["changed"]:
        print("others have changed too what it changes, and its commit changes again:")
        print("\n".join(f"  {printable(path)}" for path in told["changed"]))


def _listeners(count: int, style: Style) -> None:
    print(f"{count} listen{'s' if count == 1 else ''}" if count else style("dim", "nobody listens"))


def _message(message: Mapping[str, Any], style: Style) -> None:
    print(f"{style('title', printable(message['channel']))} {in_line(message['value'])}", flush=True)


_SHOWN: Final[dict[str, Callable[[Any, Style], None]]] = {
    "put": _commit, "merge": _commit, "rm": _commit, "rollback": _commit, "redo": _commit, "revert": _commit, "load": _commit,
    "draft_commit": _commit, "diff": _changes, "draft_diff": _changes, "log": _log, "blame": _blame, "find": _find, "keys": _lines,
    "functions": _lines, "export": _text, "graph": _edges, "drafts": _drafts, "begin": _text, "watch": _told, "subscribe": _message,
    "publish": _listeners, "rebase": _rebased, "draft_keys": _lines, "draft_find": _find,
}  # fmt: skip
