"""How long a transaction may take, and whether anybody still waits for it."""

from __future__ import annotations

import time
from typing import Final

from holdfast.errors import HoldfastError, Timeout

__all__ = ["Aborted", "Deadline"]

_ANSWER_S: Final = 30.0


class Aborted(HoldfastError):
    """Whoever asked for the transaction no longer waits for it."""

    code = "aborted"


class Deadline:
    """Asked between messages. What takes back is not given up, neither by who asked nor for the time it needs: it ends where the
    kernel does not answer within `_ANSWER_S` or the time of all, whichever is longer.

    aborted  set by whoever asked and no longer waits.
    """

    def __init__(self, timeout_s: float) -> None:
        self.timeout_s = timeout_s
        self._until = time.monotonic() + timeout_s
        self.aborted = False
        self._certain = False

    def again(self) -> None:
        """From now on things are taken back."""
        self.timeout_s = max(self.timeout_s, _ANSWER_S)
        self._certain = True

    @property
    def until(self) -> float:
        """By `time.monotonic`."""
        return time.monotonic() + self.timeout_s if self._certain else self._until

    def check(self) -> None:
        """Raises: Timeout, Aborted."""
        if self._certain:
            return
        if self.aborted:
            raise Aborted("the transaction was given up by its caller")
        self.left_s()

    def left_s(self) -> float:
        """Raises: Timeout - nothing is left."""
        left = self.until - time.monotonic()
        if left <= 0:
            raise Timeout(f"the transaction was not done within {self.timeout_s} s")
        return left
