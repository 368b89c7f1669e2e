"""Lines from standard input that is no terminal: each is carried out and its answer printed, nothing else."""

from __future__ import annotations

import io
import sys
import time
from typing import Final

from holdfast.cli.declaring.command import Group
from holdfast.cli.presentation.style import style_for

from .shell import Shell

__all__ = ["run_script"]

_LAST_NEWS_S: Final = 0.3
"""What subscriptions are told of the last line is on its way so long."""


def run_script(app: Group, db: str, colour: str) -> int:
    """Until the end of the input, or `exit`; the exit code of the last line that failed."""
    number = 0

    def next_line() -> str | None:
        nonlocal number
        line = source.readline()
        number += bool(line)
        return line.rstrip("\r\n") if line else None

    source = sys.stdin  # commands are given another one, see Shell
    if isinstance(source, io.TextIOWrapper):
        source.reconfigure(errors="backslashreplace")  # what is no UTF-8 is said, not died of
    shell = Shell(app, db, style_for(sys.stdout, colour), next_line)
    with shell.open():
        while (line := next_line()) is not None:
            shell.name = f"line {number}"
            if not shell.obey(line):
                break
        if shell.keeper.subscriptions.all():
            time.sleep(_LAST_NEWS_S)
    return shell.code
