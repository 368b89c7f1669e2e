"""Plugins: code of others that is given the tree, with the same API as any client.

    async def start(tree): …        what it returns, if anything, is awaited (called, if it can be) at the end
    async def stop(): …             optional

They come from packages, as entry points of the group `holdfast.plugins`, and from a directory: each `*.py` whose name begins with a
letter. One that fails is logged and shown as failed; the tree and the others go on.
"""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import inspect
import logging
import sys
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path as FilePath
from types import ModuleType
from typing import Any, Final

from holdfast.errors import NotFound

__all__ = ["GROUP", "Plugin", "Plugins"]

logger = logging.getLogger("holdfast.tree")

GROUP: Final = "holdfast.plugins"


@dataclass(slots=True)
class Plugin:
    """One that was found. state: running, failed, stopped; error: why it failed; where: the package or the file."""

    name: str
    where: str
    state: str = "found"
    error: str = ""
    stop: Callable[[], Any] | None = None


class Plugins:
    """Those of one tree, in the order in which they were started."""

    def __init__(self) -> None:
        self.all: list[Plugin] = []

    async def load(self, tree: Any, directory: str | None = None, *, packages: bool = True) -> list[Plugin]:
        """Start what is found. Raises: NotFound - no such directory."""
        found = [*(_of_packages() if packages else ()), *(_of_directory(directory) if directory is not None else ())]
        started = []
        for plugin, get in found:
            self.all.append(plugin)
            started.append(plugin)
            await self._start(plugin, get, tree)
        return started

    async def close(self) -> None:
        """Stop them, the last one first."""
        while self.all:
            plugin = self.all.pop()
            if plugin.state == "running" and plugin.stop is not None:
                try:
                    await _awaited(plugin.stop())
                except Exception:
                    logger.exception("plugin %s failed while it stopped", plugin.name)
            plugin.state = "stopped" if plugin.state == "running" else plugin.state

    async def _start(self, plugin: Plugin, get: Callable[[], Any], tree: Any) -> None:
        try:
            module = get()
            start = module if callable(module) else module.start
            stop = await _awaited(start(tree))
        except Exception as error:
            plugin.state, plugin.error = "failed", f"{type(error).__name__}: {error}"
            logger.exception("plugin %s of %s failed to start", plugin.name, plugin.where)
            return
        plugin.state = "running"
        plugin.stop = stop if callable(stop) else getattr(module, "stop", None)


async def _awaited(result: Any) -> Any:
    return await result if isinstance(result, Awaitable) or inspect.isawaitable(result) else result


def _of_packages() -> Iterator[tuple[Plugin, Callable[[], Any]]]:
    for point in sorted(importlib.metadata.entry_points(group=GROUP), key=lambda one: one.name):
        yield Plugin(point.name, point.value), point.load


def _of_directory(directory: str) -> Iterator[tuple[Plugin, Callable[[], Any]]]:
    folder = FilePath(directory)
    if not folder.is_dir():
        raise NotFound(f"no directory {directory}", hint="plugins are the *.py in it")
    for file in sorted(folder.glob("[A-Za-z]*.py")):
        yield Plugin(file.stem, str(file)), lambda file=file: _module(file)  # type: ignore[misc]


def _module(file: FilePath) -> ModuleType:
    name = f"holdfast_plugin_{file.stem}"
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # so that what it defines can be pickled, and found by typing
    try:
        spec.loader.exec_module(module)
    except BaseException:
        with contextlib.suppress(KeyError):
            del sys.modules[name]
        raise
    return module
