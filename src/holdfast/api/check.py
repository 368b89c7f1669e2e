"""Is a file whole? All that is kept in it, by whichever layer."""

from __future__ import annotations

from holdfast.database import check as database
from holdfast.database.check import Finding
from holdfast.tree.check import examine

__all__ = ["Finding", "check"]


def check(path: str) -> list[Finding]:
    """Look at the file, the live tables and the config tree. What is wrong is in the findings.

    Beside a running node as well. Raises: NotFound, Denied, Unavailable;  NotSupported - of a newer version.
    """
    return database.check(path, (examine,))
