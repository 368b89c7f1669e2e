"""`holdfast run`: a node, with a summary on a terminal and log lines elsewhere."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import click

from holdfast.cli.asking.loop import on_loop
from holdfast.cli.asking.opening import source_spec
from holdfast.cli.asking.state import database_file, socket_of
from holdfast.cli.declaring import complete
from holdfast.cli.declaring.command import Command, option
from holdfast.cli.language.filters import find_look
from holdfast.cli.presentation.style import style_for
from holdfast.cli.running.log_lines import logged
from holdfast.cli.running.retention import retention_of
from holdfast.errors import InvalidValue

if TYPE_CHECKING:
    from holdfast.database.retention import Retention
    from holdfast.mirror.status import Status
    from holdfast.node import Node

__all__ = ["run"]


_HISTORY: Final = "How much history"


@click.command(
    cls=Command,
    section="Keep it",
    examples="""
        holdfast run
        holdfast run --all-netns
        holdfast run --netns blue --no-local --db blue.db
        holdfast run --tables interfaces,addresses,routes
        holdfast run --keep 7d --keep routes=1d --keep-rows interfaces=all
        holdfast run --log json 2>> /var/log/holdfast.json
    """,
)
@option("--db", metavar="FILE", default="", help="The file to keep; :memory: for none. Default: holdfast.db in the state directory.")
@option("--netns", "-n", metavar="NAME", multiple=True, help="Also this network namespace: name, path or PID. Repeatable.")
@option("--all-netns", is_flag=True, help="Also every named namespace, from when it appears until it goes.")
@option("--local/--no-local", default=True, help="This host itself.")
@option("--tables", metavar="A,B,…", default="", shell_complete=complete.tables, help="Only these tables.")
@option("--keep", metavar="AGE", multiple=True, section=_HISTORY, help="History of so long (90d); routes=1d of one noun; all. Repeatable.")
@option("--keep-rows", metavar="N", multiple=True, section=_HISTORY, help="At most so many former rows of a noun (200000).")
@option("--keep-bytes", metavar="SIZE", multiple=True, section=_HISTORY, help="At most about so much in the file for a noun (128M).")
@option("--log", metavar="HOW", default="auto", help="auto: a summary on a terminal, else lines; text; json.")
@option("--color", "colour", metavar="WHEN", default="auto", help="auto, always or never; auto obeys NO_COLOR.")
@option("--verbose", "-v", is_flag=True, help="Log more.")
def run(
    db: str,
    netns: tuple[str, ...],
    all_netns: bool,
    local: bool,
    tables: str,
    keep: tuple[str, ...],
    keep_rows: tuple[str, ...],
    keep_bytes: tuple[str, ...],
    log: str,
    colour: str,
    verbose: bool,
) -> None:
    """Run a node: follow the kernel, keep the database.

    The file is holdfast.db in /var/lib/holdfast, for a user in ~/.local/state/holdfast; the variable HOLDFAST_HOME
    overrides. SIGTERM or Ctrl-C stops the node in order, a second Ctrl-C at once.

    Of what was, the oldest goes when one of the three limits is reached, for each noun on its own.
    """
    chosen = tuple(find_look(one.strip()).table.name for one in tables.split(",") if one.strip())
    run_node(RunRequest(db, netns, all_netns, local, chosen, retention_of(keep, keep_rows, keep_bytes), log, verbose, colour))


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
        with logged(request.log, screen, verbose=request.verbose, colour=request.colour) as lines:
            on_loop(_run(request, path, specs, lines if screen else None))
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
                from holdfast.cli.running.summary import show_summary

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
