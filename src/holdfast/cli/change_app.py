"""The commands that change the network."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

import click

from . import complete
from .command import Command, option

__all__ = ["add_to"]

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
        from .change import ChangeOptions, change_network

        change_network(name, noun, words, ChangeOptions(**options))

    return command


_ADD: Final = _verb(
    "add",
    """Make something in the network: an interface, an address, a route …

    Words are those of `ip` and `bridge`, and the fields of the tables. It is refused if it is there already; `replace` makes
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
_SET: Final = _verb(
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
_REPLACE: Final = _verb(
    "replace",
    """Make something so, whether or not it is there.""",
    """
        holdfast replace route default via 192.0.2.254
        holdfast replace address 192.0.2.1/24 dev br0 valid_lft 3600
        holdfast replace nexthop 1 via 192.0.2.2 dev br0
    """,
)
_DEL: Final = _verb(
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
    from .change import ChangeOptions, read_batch

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
    from .change import ChangeOptions, list_unfinished, undo_change

    if revision is None:
        list_unfinished(ChangeOptions(**options))
    else:
        undo_change(revision, ChangeOptions(**options))


def add_to(group: click.Group) -> None:
    """Make these commands part of the program."""
    for command in (_ADD, _SET, _REPLACE, _DEL, batch, undo):
        group.add_command(command)
