"""What `help` teaches: the commands by section, one of them, or how things are written."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from io import StringIO
from typing import Final

import click

from holdfast.cli.declaring.command import Group
from holdfast.cli.presentation.style import Style
from holdfast.errors import UnknownName, did_you_mean

__all__ = ["DRAFT", "FOLLOW", "LOOK", "TOPICS", "TREE", "helped", "overview"]

LOOK: Final = "Look at the network"
TREE: Final = "The config tree"
DRAFT: Final = "A draft: change several things, look, make them real"
FOLLOW: Final = "Follow it, tell others"

TOPICS: Final = {
    "paths": """
        A path names a place in the tree, key by key, with dots between:  nodes.r1.mtu
        A key with a dot, slash or space stands in quotes:                nodes.r1.routes."10.0.0.0/24".metric
        Tab completes keys, level by level, from what is there.
        log, diff and watch take tables as well: a dot in front says that the tree is meant, `log .routes`; `.` is all of it.
    """,
    "values": """
        A value is JSON or YAML:                     put nodes.r1.mtu 1500
                                                     put nodes.r1 {name: r1, tags: [core, lab]}
        Text that looks like a number is quoted:     put nodes.r1.serial "0042"
        Without a value the next lines are it, up to an empty one:
                                                     put nodes.r1
                                                     name: r1
                                                     mtu: 1500

        @FILE reads a file.  {} is an empty container;  null is a value, `rm` takes away.
    """,
    "drafts": """
        begin tonight        a draft on the tree as it is now
        put nodes.r1.mtu 9000
        rm nodes.r2          these go to the draft
        cand                 what it would change; `diff` alone says it, too
        commit -m "why"      all of it, or nothing if somebody changed the same meanwhile;  cancel drops it
        rebase               then puts it onto the tree as it is now, to be looked at and committed again
        get, keys, find, export, graph and edit see the draft; log, diff, blame and rollback are of what was committed.
        `draft` leaves it for later, `draft tonight` goes on with it, also tomorrow; `drafts` lists them.
    """,
    "time": """
        Nothing is lost: each commit has a revision, and what was can be read and brought back.
        log nodes.r1                     who changed it, when, why, from what to what
        old nodes.r1                     before the last change;  get nodes.r1 --at -2: two changes ago
        get nodes --at "10 minutes ago"  also 14:03, yesterday 14:03, 2026-11-20T14:03, or a revision
        diff nodes 1200                  what is different since revision 1200
        rollback nodes -1                one change back, as a new commit;  redo nodes: and forth again
        revert 1234                      undo that commit, and nothing else
    """,
}


_FIRST: Final = (LOOK, TREE, DRAFT, FOLLOW)
"""Sections that stand before the others, in this order."""


def overview(group: Group, style: Style, columns: int) -> str:
    """All commands by section, in lines of so many columns."""
    sections: dict[str, list[tuple[str, click.Command]]] = {section: [] for section in _FIRST}
    for name, command in group.every_command():
        if not command.hidden:
            sections.setdefault(getattr(command, "section", "Commands"), []).append((name, command))
    lines: list[str] = []
    for section, found in sections.items():
        width = max(len(name) for name, _ in found)
        told = ((name, command.get_short_help_str(columns - width - 4)) for name, command in found)
        lines += [style("heading", section), *(f"  {style('title', f'{name:{width}}')}  {text}" for name, text in told), ""]
    lines += [
        "`help COMMAND` explains one, with examples. `exit`, `quit` and Ctrl-D leave.",
        f"How things are written: {', '.join(f'`help {name}`' for name in TOPICS)}.",
        "A line that is SQL (SELECT …) is asked as it is.",
    ]
    return "\n".join(lines)


def helped(words: Sequence[str], group: Group) -> str:
    """About a command, or a topic. Raises: UnknownName - neither."""
    if len(words) == 1 and words[0] in TOPICS:
        return textwrap.dedent(TOPICS[words[0]]).strip("\n")
    out = StringIO()
    context = click.Context(group, info_name="")
    command: click.Command = group
    for word in words:
        found = command.get_command(context, word) if isinstance(command, click.Group) else None
        if found is None:
            known = [name for name, _ in group.every_command()]
            raise UnknownName(f"there is no command `{word}`", hint=did_you_mean(word, [*known, *TOPICS], otherwise="`help` lists them"))
        command = found
        context = click.Context(found, info_name=word, parent=context, max_content_width=100, help_option_names=["--help", "-h"])
    out.write(command.get_help(context))
    return out.getvalue()
