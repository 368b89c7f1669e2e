"""Who changes the network: the running node, or, where none runs, this process for a moment."""

from __future__ import annotations

import getpass
import os
from dataclasses import dataclass
from typing import Any

from holdfast.cli.language.spelling import Spelling
from holdfast.errors import InvalidValue, NotFound
from holdfast.sources import place_of

from .loop import on_loop
from .opening import log_to_stderr, source_spec
from .reading import LINKS, LOCALHOST
from .state import database_file, find_node, holder, socket_of

__all__ = ["ChangeOptions", "call_changing"]


@dataclass(frozen=True, slots=True)
class ChangeOptions:
    """message: for the log. target: a source of the node. netns: a namespace by name, path or PID. db: whose node, or which file."""

    message: str = ""
    dry_run: bool = False
    force: bool = False
    target: str = ""
    netns: str = ""
    db: str = ""
    json: bool = False
    colour: str = "auto"

    @property
    def where(self) -> str:
        """The target of what is asked for. Raises: InvalidValue;  NotFound - there is no such namespace."""
        if not self.netns:
            return self.target
        if self.target:
            raise InvalidValue("expected one of --target and --netns, got both")
        place = place_of(self.netns)
        if not os.path.exists(place.path):
            raise NotFound(f"there is no network namespace {place}", hint="`holdfast show netns` lists those that have a name")
        return place.name or place.path


def call_changing(verb: str, arguments: dict[str, Any] | None, options: ChangeOptions) -> tuple[Any, Spelling]:
    """The answer, and how to spell what is in it: names from before the change too, since what is gone had one.

    arguments: None for a verb that changes nothing.
    """
    who = {"author": getpass.getuser(), "message": options.message, "dry_run": options.dry_run}
    given = {} if arguments is None else {**arguments, **who}
    node = find_node() if not options.db else None
    path = options.db or (node.path if node else database_file())
    if holder(path) is not None:
        from holdfast.client.unix import UnixClient
        from holdfast.database.sqlite import open_reader

        with open_reader(path) as reader:
            spelling = _spelling(reader.fetch)
            answer = UnixClient(socket_of(path)).call(f"network.{verb}", **given)
            _learn(spelling, reader.fetch, answer)
        return answer, spelling
    os.makedirs(os.path.dirname(os.path.abspath(path)), 0o750, exist_ok=True)
    return on_loop(_alone(verb, given, path))


async def _alone(verb: str, given: dict[str, Any], path: str) -> tuple[Any, Spelling]:
    """Without a node: this process is one for a moment, of this host and of the namespaces that are changed."""
    from holdfast.api.changing import Changing
    from holdfast.api.core import Core
    from holdfast.api.verb import verbs_of
    from holdfast.node import Node

    log_to_stderr()
    node = Node(path, [source_spec("")])
    await node.start()
    try:
        status = await node.mirror.ready(LOCALHOST)
        if status.error:
            raise InvalidValue(status.error)
        changing = Changing(Core.beside(node), stay=True)
        spelling = _spelling(node.database.fetch)
        one = verbs_of(Changing)[verb]
        answer = await one.function(changing, **one.bound(given))
        _learn(spelling, node.database.fetch, answer)
        return answer, spelling
    finally:
        await node.stop()


def _spelling(fetch: Any) -> Spelling:
    from holdfast.cli.language.spelling import Spelling
    from holdfast.model.names import Names
    from holdfast.sources.name_files import read_name_files

    return Spelling(Names.parse(read_name_files()), fetch(LINKS))


def _learn(spelling: Spelling, fetch: Any, answer: Any) -> None:
    for link in fetch(LINKS):
        spelling.learn(link)
    for target, ifindex, ifname in answer["links"] if isinstance(answer, dict) else ():
        spelling.learn((target, ifindex, ifname, None, None))
