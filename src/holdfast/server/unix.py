"""The socket `holdfast.sock` beside the node's database: for the owner of the node, and for nobody else."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping
from typing import Any, Final

from aiohttp import web

from holdfast.errors import InvalidValue, Unavailable

from .app import make_app

__all__ = ["UnixServer"]

_LONGEST: Final = 107
"""Bytes of a socket's path: sun_path of struct sockaddr_un, without its NUL (unix(7))."""
_CLOSING_S: Final = 1.0


class UnixServer:
    """Serves the verbs of `services` at `path`, from `start` to `stop`.

    A file that is there already is one that a killed node left: the node holds the lock of its database, so there is no other.
    """

    def __init__(self, path: str, services: Mapping[str, Any]) -> None:
        """Raises: InvalidValue - the path is longer than the system allows for sockets."""
        if len(os.fsencode(path)) > _LONGEST:
            raise InvalidValue(f"expected a socket path of at most {_LONGEST} bytes, got {len(os.fsencode(path))}: `{path}`")
        self.path = path
        # who goes away ends what he asked for: a stream has nobody left to tell, a change is taken back
        self._runner = web.AppRunner(make_app(services), access_log=None, shutdown_timeout=_CLOSING_S, handler_cancellation=True)

    async def start(self) -> None:
        """Raises: Unavailable - the directory cannot be written."""
        await self._runner.setup()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
        before = os.umask(0o177)  # nobody else may connect, not even in the moment before a chmod
        try:
            await web.UnixSite(self._runner, self.path).start()
        except OSError as error:
            await self._runner.cleanup()
            raise Unavailable(f"cannot listen at `{self.path}`: {error.strerror}", path=self.path) from error
        finally:
            os.umask(before)

    async def stop(self) -> None:
        """Requests under way are given a second; the file goes."""
        await self._runner.cleanup()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
