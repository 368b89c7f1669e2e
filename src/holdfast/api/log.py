"""`ndb.log`: where the library's log lines go while an NDB is open.

All of Holdfast logs below the logger "holdfast" of Python's logging. Without a word here its lines go wherever the
application's own logging sends them.
"""

from __future__ import annotations

import logging
import sys
from typing import Any, Final, TextIO

from holdfast.errors import InvalidValue

__all__ = ["Log"]

ROOT: Final = "holdfast"
_FORMAT: Final = "%(asctime)s %(levelname)-7s %(name)s: %(message)s"
_LEVELS: Final = logging.getLevelNamesMapping()


class Log:
    """Call it to choose where lines go; `debug info warning error critical` write one.

    target: None or "off": nowhere special; "on" or "stderr": standard error; "debug": the same with everything;
      a path, or an open text file; or a pair (target, level), level as in Python's logging.
    """

    def __init__(self, target: Any = None, *, debug: bool = False) -> None:
        """debug: everything, to standard error where no target is given."""
        self._logger = logging.getLogger(ROOT)
        self._handler: logging.Handler | None = None
        self._before = self._logger.level
        self(("on" if target is None else target, "DEBUG") if debug and not isinstance(target, tuple) else target)

    def __call__(self, target: Any, level: int | str | None = None) -> None:
        """Raises: InvalidValue;  OSError - a file that cannot be written."""
        if isinstance(target, tuple):
            target, level = target
        self.close()
        if target is None or target is False or target == "off":
            return
        self._handler = _handler(target)
        self._handler.setFormatter(logging.Formatter(_FORMAT))
        number = _level(level if level is not None else "DEBUG" if target == "debug" else "INFO")
        self._handler.setLevel(number)
        self._logger.addHandler(self._handler)
        self._before = self._logger.level
        if not self._logger.isEnabledFor(number):
            self._logger.setLevel(number)

    def channel(self, name: str) -> logging.Logger:
        """A logger of this name among Holdfast's."""
        return self._logger.getChild(name)

    def debug(self, message: str, *args: object) -> None:
        self._logger.debug(message, *args)

    def info(self, message: str, *args: object) -> None:
        self._logger.info(message, *args)

    def warning(self, message: str, *args: object) -> None:
        self._logger.warning(message, *args)

    def error(self, message: str, *args: object) -> None:
        self._logger.error(message, *args)

    def critical(self, message: str, *args: object) -> None:
        self._logger.critical(message, *args)

    def close(self) -> None:
        """Lines go nowhere special any more."""
        if self._handler is not None:
            self._logger.removeHandler(self._handler)
            self._handler.close()
            self._handler = None
            self._logger.setLevel(self._before)


def _handler(target: str | TextIO | bool) -> logging.Handler:
    if target in ("on", "stderr", "debug", True):
        return logging.StreamHandler(sys.stderr)
    if isinstance(target, str):
        return logging.FileHandler(target, encoding="utf-8")
    if hasattr(target, "write"):
        return logging.StreamHandler(target)
    raise InvalidValue(f"expected on, off, debug, stderr, a path or an open file, got `{target!r}` – at log")


def _level(level: int | str) -> int:
    if isinstance(level, int):
        return level
    if level.upper() not in _LEVELS:
        raise InvalidValue(f"expected a level among {', '.join(_LEVELS)}, got `{level}` – at log")
    return _LEVELS[level.upper()]
