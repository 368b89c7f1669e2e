"""Named places at which a test lets the worst happen: a crash, an error, a stop.

    commit.begun      the transaction is open           commit.synced   COMMIT is done, nobody has been told
    commit.written    all jobs ran, not yet committed   commit.told     callbacks and futures know
    tree.rows         a config commit's rows are written, its log line is not

`reach` costs a look into an empty dictionary. HOLDFAST_CRASH=<name>[:<n>] ends the process, as kill -9 does, when a place is
reached for the n-th time.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from typing import Final

__all__ = ["armed", "reach"]

armed: Final[dict[str, Callable[[], None]]] = {}
"""What happens at a place; tests put it there and take it away."""


def reach(name: str) -> None:
    """Here is the place."""
    if armed and name in armed:
        armed[name]()


def _crash_at(text: str) -> None:
    name, _, count = text.partition(":")
    left = [int(count or 1)]

    def crash() -> None:
        left[0] -= 1
        if not left[0]:
            os.kill(os.getpid(), signal.SIGKILL)

    armed[name] = crash


if "HOLDFAST_CRASH" in os.environ:
    _crash_at(os.environ["HOLDFAST_CRASH"])
