"""What was typed at a prompt before."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from prompt_toolkit.history import FileHistory, History, InMemoryHistory

from holdfast.cli.asking.state import database_file

__all__ = ["history_in"]


def history_in(name: str) -> History:
    """In the state directory, for its owner's eyes only; where it cannot be written, it ends with the session."""
    path = Path(database_file()).with_name(name)
    with contextlib.suppress(OSError):
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.close(os.open(path, os.O_CREAT | os.O_APPEND | os.O_RDWR | os.O_CLOEXEC, 0o600))
        path.chmod(0o600)
        return FileHistory(str(path))
    return InMemoryHistory()
