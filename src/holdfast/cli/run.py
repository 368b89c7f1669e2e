"""`holdfast run`: a node, with a summary on a terminal and log lines elsewhere."""

from __future__ import annotations

import asyncio
import gc
import json
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from holdfast.errors import InvalidValue

from .loop import run
from .reading import source_spec
from .state import database_file, socket_of
from .style import Style, style_for

if TYPE_CHECKING:
    from holdfast.database.retention import Retention
    from holdfast.mirror.status import Status
    from holdfast.node import Node

__all__ = ["RunRequest", "run_node"]

logger = logging.getLogger("holdfast.run")

_ALONE_S: Final = 0.5
"""So long a node loads before it makes its socket."""
_LOGS: Final = ("auto", "text", "json")


@dataclass(frozen=True, slots=True)
class RunRequest:
    """db "": the file of this user. follow: all named namespaces. local: this host too. tables (): all.

    retention None: as usual. log: auto, text, json.
    """

    db: str = ""
    netns: tuple[str, ...] = ()
    follow: bool = False
    local: bool = True
    tables: tuple[str, ...] = ()
    retention: Retention | None = None
    log: str = "auto"
    verbose: bool = False
    colour: str = "auto"


def run_node(request: RunRequest) -> None:
    """Run until SIGTERM or SIGINT. Raises: Busy - another node has the file; InvalidValue, UnknownName; what starting raises."""
    if request.log not in _LOGS:
        raise InvalidValue(f"expected auto, text or json, got `{request.log}` – at `--log`")
    specs = [source_spec(one) for one in (*([""] if request.local else []), *request.netns)]
    if not specs and not request.follow:
        raise InvalidValue("expected a source: this host, `--netns NAME` or `--all-netns`, got none")
    path = request.db or database_file()
    if path != ":memory:":
        # what a network is, is not for every user of the host: as `ip netns exec`, this is for who may look
        os.makedirs(os.path.dirname(os.path.abspath(path)), mode=0o750, exist_ok=True)
    screen = request.log == "auto" and sys.stdout.isatty()
    gc.disable()  # until it is loaded: what is made until then stays, and looking through it again and again takes a tenth of the start
    try:
        with _logging(request, screen) as lines:
            run(_run(request, path, specs, lines if screen else None))
    finally:
        gc.enable()


async def _run(request: RunRequest, path: str, specs: list[dict[str, Any]], lines: list[str] | None) -> None:
    from holdfast.node import Node

    stop = asyncio.Event()
    _stop_on_signals(stop)
    node = Node(path, specs, follow=request.follow, tables=request.tables or None, retention=request.retention)
    await node.start()
    loading = asyncio.create_task(_loaded(node, path))
    loading.add_done_callback(lambda task: None if task.cancelled() or task.exception() is None else stop.set())
    try:
        # the web server takes as long to import as all the rest: what the network is comes first, where that is a matter of moments
        await asyncio.wait({loading}, timeout=_ALONE_S)
        async with _listening(node, path):
            if lines is None:
                await stop.wait()
            else:
                from .summary import show_summary

                await show_summary(node, path, style_for(sys.stdout, request.colour), lines, stop)
    finally:
        loading.cancel()
        logger.info("stopping")
        revision = node.database.revision
        await node.stop()
        logger.info("stopped at revision %d", revision)
    if loading.done() and not loading.cancelled():
        loading.result()  # what it failed with, if it did


@asynccontextmanager
async def _listening(node: Node, path: str) -> AsyncIterator[None]:
    """Other commands reach the node at its socket; without the libraries for it they read its file only."""
    if path == ":memory:":
        yield
        return
    try:
        from holdfast.server.unix import UnixServer
    except ImportError as missing:
        logger.warning("no socket, so this node can be read and not steered: %s; pip install 'holdfast[server]'", missing)
        yield
        return
    from holdfast.api.services import services_of

    server = UnixServer(socket_of(path), await services_of(node))
    await server.start()
    try:
        yield
    finally:
        await server.stop()


async def _loaded(node: Node, path: str) -> None:
    await node.loaded()
    gc.enable()
    gc.freeze()  # what a node is made of stays: without this each full collection goes through it for 20 ms, and all wait
    _announce(node, path)
    node.mirror.on_state(_told)


def _announce(node: Node, path: str) -> None:
    count = len(node.mirror.targets)
    sources = node.mirror.targets[0] if count == 1 else f"{count} sources"
    logger.info("node %d follows %s, revision %d, file %s", os.getpid(), sources, node.database.revision, path)
    lacking: dict[str, list[str]] = {}
    for target in node.mirror.targets:
        status = node.mirror.status(target)
        for what, why in status.missing.items():
            lacking.setdefault(f"no {what}: {why}", []).append(target)
        if status.error:
            _told(status)
    for what, targets in lacking.items():
        who = targets[0] if len(targets) == 1 else f"{len(targets)} sources"
        logger.info("%s: %s", who, what)


def _told(status: Status) -> None:
    """What the mirror's own log does not say: that has failures."""
    level = logging.WARNING if status.error else logging.INFO
    if str(status.state) in ("ended", "running", "removed", "resyncing"):
        logger.log(level, "%s is %s%s", status.target, status.state, f": {status.error}" if status.error else "")


def _stop_on_signals(stop: asyncio.Event) -> None:
    """The first signal stops in order, the second at once."""
    loop = asyncio.get_running_loop()

    def told() -> None:
        stop.set()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
            signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, told)


# ------------------------------------------------------------------------------------------------------------- log lines


@contextmanager
def _logging(request: RunRequest, screen: bool) -> Iterator[list[str]]:
    """Send what Holdfast logs to stderr, or, while a summary has the terminal, into the list that is returned."""
    lines: list[str] = []
    root = logging.getLogger("holdfast")
    handler: logging.Handler = _Lines(lines) if screen else logging.StreamHandler(sys.stderr)
    style = style_for(sys.stdout if screen else sys.stderr, request.colour)
    handler.setFormatter(_Json() if request.log == "json" else _Text(style, "%H:%M:%S" if screen else "%Y-%m-%d %H:%M:%S"))
    root.addHandler(handler)
    root.setLevel(logging.DEBUG if request.verbose else logging.INFO)
    try:
        yield lines
    finally:
        root.removeHandler(handler)


class _Lines(logging.Handler):
    """Keeps the last lines for the summary."""

    def __init__(self, lines: list[str]) -> None:
        super().__init__()
        self._lines = lines

    def emit(self, record: logging.LogRecord) -> None:
        self._lines.append(self.format(record))
        del self._lines[:-100]


class _Text(logging.Formatter):
    """`2026-11-20 14:03:22 warning localhost: the kernel dropped events; everything is read again`"""

    def __init__(self, style: Style, stamp: str) -> None:
        super().__init__()
        self._paint = style
        self._stamp = stamp

    def format(self, record: logging.LogRecord) -> str:
        word = {logging.WARNING: self._paint("changed", "warning "), logging.ERROR: self._paint("bad", "error ")}.get(record.levelno, "")
        time = datetime.fromtimestamp(record.created).astimezone()
        text = f"{self._paint('dim', time.strftime(self._stamp))} {word}{record.getMessage()}"
        return f"{text}\n{self.formatException(record.exc_info)}" if record.exc_info else text


class _Json(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        shape = {
            "time": datetime.fromtimestamp(record.created).astimezone().isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "from": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            shape["exception"] = self.formatException(record.exc_info)
        return json.dumps(shape, ensure_ascii=False)
