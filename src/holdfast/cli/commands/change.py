"""`holdfast add | set | replace | del`, `batch` and `undo`: words into orders, orders to the node, and what came of it in words."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from holdfast.cli.asking.changing import ChangeOptions, call_changing
from holdfast.cli.asking.reading import LOCALHOST
from holdfast.cli.declaring import complete
from holdfast.cli.declaring.command import Command, option
from holdfast.cli.language.filters import find_look
from holdfast.cli.language.noun_help import order_help
from holdfast.cli.language.orders import ORDERS, Order
from holdfast.cli.language.orders.saying import as_ip, as_order
from holdfast.cli.presentation.style import style_for
from holdfast.errors import HoldfastError, InvalidValue, NotSupported

if TYPE_CHECKING:
    from holdfast.cli.language.looks import Look
    from holdfast.cli.language.spelling import Spelling
    from holdfast.transactions.contract import Request

__all__ = ["add", "batch", "delete", "replace", "set_", "undo"]


F = TypeVar("F", bound=Callable[..., Any])

_SECTION: Final = "Change the network"
_OPTIONS: Final = (
    option("--message", "-m", metavar="TEXT", default="", help="Why: kept in the log, with who you are."),
    option("--dry-run", is_flag=True, help="Change nothing: print what would be done, and the commands of iproute2 for it."),
    option("--force", "-f", is_flag=True, help="Also what others changed in this moment."),
    option("--json", "-j", is_flag=True, help="Print JSON: requests, the revision in the log, and what takes it back."),
    option("--color", "colour", metavar="WHEN", default="auto", help="auto, always or never; auto obeys NO_COLOR."),
    option("--target", "-t", metavar="SOURCE", default="", section="Where", help="In this source of the running node."),
    option("--netns", "-n", metavar="NAME", default="", section="Where", help="In this network namespace: name, path or PID."),
    option("--db", metavar="FILE", default="", section="Where", help="By the node that keeps this file."),
)
_NOUN: Final = click.argument(
    "noun", metavar="NOUN", shell_complete=complete.changeable, help="interface, address, route, neighbour, rule, nexthop, fdb, vlan, …"
)
_WORDS: Final = click.argument("words", metavar="WORD...", nargs=-1, shell_complete=complete.orders, help="As `ip` and `bridge` have them.")


def _changing(command: F) -> F:
    for one in reversed(_OPTIONS):
        command = one(command)
    return command


def _verb(name: str, help_text: str, examples: str) -> click.Command:
    @click.command(name=name, cls=Command, section=_SECTION, examples=examples, help=help_text)
    @_NOUN
    @_WORDS
    @_changing
    def command(noun: str, words: tuple[str, ...], **options: Any) -> None:
        change_network(name, noun, words, ChangeOptions(**options))

    return command


add = _verb(
    "add",
    """Make something in the network: an interface, an address, a route …

    Words are those of `ip` and `bridge`, and the fields of the tables; `holdfast add NOUN help` lists them, `holdfast add
    interface help KIND` those of a kind. It is refused if it is there already; `replace` makes
    it so in any case. It is done when the tables show it, and recorded in the log; `holdfast undo` takes it back.""",
    """
        holdfast add interface br0 type bridge stp_state 1 up
        holdfast add interface v0 type veth peer v1 netns blue
        holdfast add address 192.0.2.1/24 dev br0
        holdfast add route 10.0.0.0/8 via 192.0.2.254 table 100 -m "to the lab"
        holdfast add route default nexthop via 192.0.2.2 nexthop via 192.0.2.3 weight 2
        holdfast add rule from 10.0.0.0/8 lookup 100 pref 500
        holdfast add neighbour 192.0.2.7 lladdr 02:00:00:00:00:07 dev br0
        holdfast add fdb 02:00:00:00:00:09 dev eth0 master static
    """,
)
set_ = _verb(
    "set",
    """Change something that is there.

    The first words say which one, the others what it is to be like. An interface is meant by its name, a route by prefix,
    table and metric. Not there: an error.""",
    """
        holdfast set interface eth0 mtu 1400 up
        holdfast set interface eth0 master br0
        holdfast set interface eth0 name wan0 altname uplink
        holdfast set interface v1 netns blue
        holdfast set route default via 192.0.2.2
        holdfast set neighbour 192.0.2.7 dev br0 lladdr 02:00:00:00:00:08
    """,
)
replace = _verb(
    "replace",
    """Make something so, whether or not it is there.""",
    """
        holdfast replace route default via 192.0.2.254
        holdfast replace address 192.0.2.1/24 dev br0 valid_lft 3600
        holdfast replace nexthop 1 via 192.0.2.2 dev br0
    """,
)
delete = _verb(
    "del",
    """Remove something, with what hangs on it.

    The words must fit one object; if they fit several none goes, and they are listed. `holdfast undo` brings it back with the
    addresses, routes and ports that went along.""",
    """
        holdfast del interface br0
        holdfast del address 192.0.2.1/24 dev br0
        holdfast del route 10.0.0.0/8 table 100
        holdfast del rule pref 500
    """,
)


@click.command(
    cls=Command,
    section=_SECTION,
    examples="""
        holdfast batch changes.txt -m "move to the new uplink"
        holdfast batch changes.txt --dry-run
        echo "add route 10.0.0.0/8 via 192.0.2.254" | holdfast batch -
    """,
)
@click.argument("file", metavar="FILE", type=click.File("r"), help="A change on each line: `add route …`; - is standard input.")
@_changing
def batch(file: Any, **options: Any) -> None:
    """Many changes as one transaction: all of them, or none.

    Order within the file does not matter where the kernel wants another: links are made before their addresses, routes behind
    them. Empty lines and what stands behind # are passed over.
    """
    read_batch(file, ChangeOptions(**options))


@click.command(
    cls=Command,
    section=_SECTION,
    examples="""
        holdfast undo                         what a killed node left half done
        holdfast undo 1234
        holdfast undo 1234 --dry-run
    """,
)
@click.argument("revision", metavar="[REVISION]", type=int, required=False, help="Of the change, as `holdfast log` shows it.")
@_changing
def undo(revision: int | None, **options: Any) -> None:
    """Take back a change: all of it is as it was before.

    It is a change like any other, and can be undone too.
    """
    if revision is None:
        list_unfinished(ChangeOptions(**options))
    else:
        undo_change(revision, ChangeOptions(**options))


VERBS: Final = ("add", "set", "replace", "del")
_DONE: Final = {"create": "added", "change": "changed", "delete": "deleted"}
_LONGEST: Final = 120
_SHOWN: Final = 20
"""Lines of what was done; of more there is the number, and `holdfast log`."""


def change_network(verb: str, noun: str, words: Sequence[str], options: ChangeOptions) -> None:
    """One change, or with `help` for its words what could be said. Raises: what the words and the node raise."""
    if words and words[0] == "help" and len(words) <= 2:
        look, order = _noun(noun)
        print(order_help(verb, look, order, "".join(words[1:]), style_for(sys.stdout, options.colour)))
        return
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
    """With the number of the line in the place of the link of a chain, which says less to who wrote lines."""
    message = error.message.removesuffix(f" – at link `{error.details.pop('chain', '')}` of the chain")
    error.message = f"{message} – at line {number}"
    error.details["line"] = number
    return error


def _order(verb: str, noun: str, words: list[str], options: ChangeOptions) -> dict[str, Any]:
    look, order = _noun(noun)
    if not words:
        raise InvalidValue(
            f"expected words that say which {look.table.noun}",
            hint=f"`holdfast {verb} {look.table.noun} help` lists them, `holdfast {verb} --help` has examples",
        )
    fields = order.read(words)
    key: dict[str, Any] = {}
    if verb in ("add", "del") and "add_altnames" in fields:  # of what is made all there are, of what goes one that it has
        fields["altnames"] = fields.pop("add_altnames")
    if "new_name" in fields:
        key, fields["ifname"] = {"ifname": fields["ifname"]}, fields.pop("new_name")
    return {"verb": verb, "noun": look.table.name, "fields": fields, "target": options.where, "key": key}


def _noun(word: str) -> tuple[Look, Order]:
    look = find_look(word, ORDERS)
    if look.table.name not in ORDERS:
        raise NotSupported(f"{look.table.name} can only be read in this version", hint=f"what can be changed: {', '.join(ORDERS)}")
    return look, ORDERS[look.table.name]


def undo_change(intent: int, options: ChangeOptions) -> None:
    """Take back what the log has at this revision. Raises: NotFound, and as `change_network`."""
    _report(call_changing("undo", {"intent": intent}, options), options)


def list_unfinished(options: ChangeOptions) -> None:
    """What a node that was killed left half done, and how to take it back."""
    found, _ = call_changing("unfinished", None, options)
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
    _report(call_changing("change", {"orders": orders, "force": options.force}, options), options)


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
