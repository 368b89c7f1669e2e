"""`holdfast add | set | replace | del`, `batch` and `undo`: words into orders, orders to the node, and what came of it in words."""

from __future__ import annotations

import getpass
import json
import os
import shlex
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from holdfast.errors import HoldfastError, InvalidValue, NotFound, NotSupported

from .loop import run
from .orders import ORDERS
from .orders.saying import as_ip, as_order
from .reading import LOCALHOST, log_to_stderr, source_spec
from .state import database_file, find_node, holder, socket_of
from .style import style_for
from .words import find_look

if TYPE_CHECKING:
    from holdfast.transactions.contract import Request

    from .spelling import Spelling

__all__ = ["VERBS", "ChangeOptions", "change_network", "list_unfinished", "read_batch", "undo_change"]

VERBS: Final = ("add", "set", "replace", "del")
_DONE: Final = {"create": "added", "change": "changed", "delete": "deleted"}
_LONGEST: Final = 120
_SHOWN: Final = 20
"""Lines of what was done; of more there is the number, and `holdfast log`."""


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


def change_network(verb: str, noun: str, words: Sequence[str], options: ChangeOptions) -> None:
    """One change. Raises: what the words and the node raise."""
    _carry_out([_order(verb, noun, list(words), options)], options)


def read_batch(lines: Iterable[str], options: ChangeOptions) -> None:
    """Many changes, a line each, as one transaction. Raises: InvalidValue, UnknownName - with the number of the line."""
    orders: list[dict[str, Any]] = []
    places: list[int] = []
    for number, line in enumerate(lines, 1):
        try:
            words = shlex.split(line, comments=True)
            if words[:1] == ["holdfast"]:
                words = words[1:]
            if not words:
                continue
            if words[0] not in VERBS or len(words) < 2:
                raise InvalidValue(f"expected `{'`, `'.join(VERBS)}` and a noun, got `{line.strip()}`")
            orders.append(_order(words[0], words[1], words[2:], options))
        except ValueError as error:
            raise _at_line(error if isinstance(error, HoldfastError) else InvalidValue(f"{error}: `{line.strip()}`"), number) from error
        except HoldfastError as error:
            raise _at_line(error, number) from error
        places.append(number)
    if not orders:
        raise InvalidValue("expected changes, got none: the batch is empty")
    try:
        _carry_out(orders, options)
    except HoldfastError as error:
        place = error.details.get("order", error.details.get("index"))
        raise (_at_line(error, places[place]) if isinstance(place, int) and place < len(places) else error) from None


def _at_line(error: HoldfastError, number: int) -> HoldfastError:
    error.message = f"{error.message} – at line {number}"
    error.details["line"] = number
    return error


def _order(verb: str, noun: str, words: list[str], options: ChangeOptions) -> dict[str, Any]:
    look = find_look(noun)
    order = ORDERS.get(look.table.name)
    if order is None:
        raise NotSupported(f"{look.table.name} can only be read in this version", hint=f"what can be changed: {', '.join(ORDERS)}")
    if not words:
        raise InvalidValue(f"expected words that say which {look.table.noun}", hint=f"`holdfast {verb} --help` has examples")
    fields = order.read(words)
    key: dict[str, Any] = {}
    if "new_name" in fields:
        key, fields["ifname"] = {"ifname": fields["ifname"]}, fields.pop("new_name")
    return {"verb": verb, "noun": look.table.name, "fields": fields, "target": options.target, "key": key}


def undo_change(intent: int, options: ChangeOptions) -> None:
    """Take back what the log has at this revision. Raises: NotFound, and as `change_network`."""
    _report(_call("undo", {"intent": intent}, options), options)


def list_unfinished(options: ChangeOptions) -> None:
    """What a node that was killed left half done, and how to take it back."""
    found, _ = _call("unfinished", None, options)
    if options.json:
        print(json.dumps(found, ensure_ascii=False))
        return
    if not found:
        print("nothing is half done")
    for one in found:
        when = datetime.fromtimestamp(one["time_ns"] / 1e9).astimezone().strftime("%Y-%m-%d %H:%M:%S")
        who = f" by {one['author']}" if one["author"] else ""
        why = f": {one['message']}" if one["message"] else ""
        print(f"revision {one['intent']}, {when}{who}{why}: {one['requests']} requests, no end is known")
        for line in one["told"]:
            print(f"    {line}")
        print(f"  holdfast undo {one['intent']}" if one["same_boot"] else "  of an earlier boot: nothing is left to undo")


def _carry_out(orders: list[dict[str, Any]], options: ChangeOptions) -> None:
    _report(_call("change", {"orders": orders, "force": options.force}, options), options)


# -- the node, or a node of our own ------------------------------------------------------------------------------------


def _call(verb: str, arguments: dict[str, Any] | None, options: ChangeOptions) -> tuple[Any, Spelling]:
    """The answer, and how to spell what is in it: names from before the change too, since what is gone had one.

    arguments: None for a verb that changes nothing.
    """
    who = {"author": getpass.getuser(), "message": options.message, "dry_run": options.dry_run}
    given = {} if arguments is None else {**arguments, **who}
    node = find_node() if not options.db else None
    path = options.db or (node.path if node else database_file())
    if holder(path) is not None and not options.netns:
        from holdfast.client.unix import UnixClient
        from holdfast.database.sqlite import open_reader

        with open_reader(path) as reader:
            spelling = _spelling(reader.fetch)
            answer = UnixClient(socket_of(path)).call(f"network.{verb}", **given)
            _learn(spelling, reader.fetch)
        return answer, spelling
    if not options.netns:
        os.makedirs(os.path.dirname(os.path.abspath(path)), 0o750, exist_ok=True)
    return run(_alone(verb, given, path, options))


async def _alone(verb: str, given: dict[str, Any], path: str, options: ChangeOptions) -> tuple[Any, Spelling]:
    """Without a node: this process is one for a moment. In a namespace of its own choice it keeps no file."""
    from holdfast.api.changing import Changing
    from holdfast.api.core import Core
    from holdfast.api.verb import verbs_of
    from holdfast.node import Node

    log_to_stderr()
    spec = source_spec(options.netns)
    if options.target and options.target != spec["target"]:
        raise NotFound(f"no node is running that follows `{options.target}`", hint="`holdfast run --all-netns`, or use --netns")
    node = Node(":memory:" if options.netns else path, [{**spec, "target": LOCALHOST}])
    await node.start()
    try:
        status = await node.mirror.ready(LOCALHOST)
        if status.error:
            raise InvalidValue(status.error)
        changing = Changing(Core.beside(node))
        spelling = _spelling(node.database.fetch)
        one = verbs_of(Changing)[verb]
        answer = await one.function(changing, **one.bound(given))
        _learn(spelling, node.database.fetch)
        return answer, spelling
    finally:
        await node.stop()


_LINKS: Final = "SELECT target, ifindex, ifname, altnames, NULL FROM interfaces ORDER BY ifindex"


def _spelling(fetch: Any) -> Spelling:
    from holdfast.model.names import Names
    from holdfast.sources.name_files import read_name_files

    from .spelling import Spelling

    return Spelling(Names.parse(read_name_files()), fetch(_LINKS))


def _learn(spelling: Spelling, fetch: Any) -> None:
    for link in fetch(_LINKS):
        spelling.learn(link)


# -- telling -----------------------------------------------------------------------------------------------------------


def _report(answered: tuple[dict[str, Any], Spelling], options: ChangeOptions) -> None:
    from holdfast.transactions.journal import unpacked

    answer, spelling = answered
    if options.json:
        print(json.dumps(answer, ensure_ascii=False))
        return
    style = style_for(sys.stdout, options.colour)
    requests = list(unpacked(answer["requests"]))
    if options.dry_run:
        for line in _foreseen(requests, spelling):
            print(line)
        return
    if not answer["sent"]:
        print("nothing to do: it is so already")
        return
    for request in requests[:_SHOWN]:
        print(f"{style('good', _DONE[type(request).__name__.lower()])} {_cut(_described(request, spelling))}")
    if answer["count"] > _SHOWN:
        print(f"… and {answer['count'] - _SHOWN} more")
    print(style("dim", f"undo: holdfast undo {answer['intent']}"))


def _foreseen(requests: Iterable[Request], spelling: Spelling) -> Iterator[str]:
    """What would be asked, and what iproute2 would be told to do the same."""
    for request in requests:
        yield as_order(request, spelling, LOCALHOST).removeprefix("holdfast ")
        for command in as_ip(request, spelling, LOCALHOST):
            yield f"    {command}"


def _cut(text: str) -> str:
    """A restored bridge has some thirty settings: more than a line is not read."""
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST].rpartition(' ')[0]} …"


def _described(request: Request, spelling: Spelling) -> str:
    """`route 10.0.0.0/8 via 192.0.2.1 dev eth0`: the order without its verb."""
    return as_order(request, spelling, LOCALHOST).removeprefix("holdfast ").partition(" ")[2]
