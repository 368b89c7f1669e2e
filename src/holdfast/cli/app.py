"""The commands, their options and their help. What a command does is imported when it is called."""

from __future__ import annotations

from typing import Annotated

import typer

from . import complete
from .options import Colour, Common, Db, Json, NetNs, Target, Verbose, Wide

__all__ = ["app"]

app = typer.Typer(
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["--help", "-h"]},
)

_LOOK = "Look at the network"
_KEEP = "Keep it"


def _version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"holdfast {version('holdfast')}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def top(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")] = False,
) -> None:
    """What this machine's network is, live and queryable in SQL.

    A node (`holdfast run`) follows the kernel and keeps a database. All other
    commands ask the running node, or, without one, the kernel itself.

    [bold]Examples[/bold]
      holdfast show interfaces                 every link, as `ip link` knows it
      holdfast show routes via 10.0.0.1        filters are the words of `ip`
      holdfast show addr dev eth0 --json       whole rows, for a program
      holdfast sql "SELECT ifname, mtu FROM interfaces WHERE mtu > 1500"
      holdfast watch routes                    what changes, from what to what
      holdfast run                             the node, with a live summary
    """
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@app.command(rich_help_panel=_LOOK)
def show(
    noun: Annotated[
        str,
        typer.Argument(
            metavar="NOUN", help="What to show: interfaces, addresses, routes … or ip's word for it.", autocompletion=complete.nouns
        ),
    ],
    filters: Annotated[
        list[str] | None,
        typer.Argument(metavar="FILTER", help="dev eth0, table 100, via=10.0.0.1, up, not proto kernel …", autocompletion=complete.filters),
    ] = None,
    json: Json = False,
    details: Annotated[bool, typer.Option("--details", "-d", help="Below each row what the columns leave out.")] = False,
    statistics: Annotated[bool, typer.Option("--stats", "-s", help="The same with counters and ages.")] = False,
    ipv4: Annotated[bool, typer.Option("-4", help="IPv4 only.")] = False,
    ipv6: Annotated[bool, typer.Option("-6", help="IPv6 only.")] = False,
    columns: Annotated[
        str, typer.Option("--columns", "-c", metavar="A,B,…", help="These columns: headings or fields.", autocompletion=complete.columns)
    ] = "",
    all_columns: Annotated[bool, typer.Option("--all-columns", "-a", help="Every field as a column.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-l", metavar="N", min=0, show_default=False, help="At most so many rows.")] = 0,
    wide: Wide = False,
    colour: Colour = "auto",
    target: Target = "",
    netns: NetNs = "",
    db: Db = "",
    verbose: Verbose = False,
) -> None:
    """Show interfaces, addresses, routes, neighbours, rules, nexthops …

    Nouns: interfaces addresses routes neighbours rules nexthops fdb vlans netns
    qdiscs classes filters; also as `ip` calls them (link, addr, neigh …), and
    shortened. Filters are NAME VALUE or NAME=VALUE; all must hold. Several values
    with commas, patterns with `*`, and `not` in front turns one round. A value
    alone is taken for what it looks like.

    `holdfast show NOUN help` lists the columns and words of a noun.

    [bold]Examples[/bold]
      holdfast show interfaces up type bridge,bond
      holdfast show link master br0 -d
      holdfast show addresses dev eth0 -4
      holdfast show routes 10.0.0.0/24               this prefix
      holdfast show routes root 10.0.0.0/8           all inside of it
      holdfast show routes match 10.1.2.3            all that cover it
      holdfast show routes table 100 proto bgp --json
      holdfast show neigh nud stale,delay not dev eth1
      holdfast show fdb br br0 vlan 10
    """
    from .show import Request, show_rows

    common = Common(json, wide, colour, target, netns, db, verbose)
    family = "inet" if ipv4 and not ipv6 else "inet6" if ipv6 and not ipv4 else ""
    show_rows(Request(noun, tuple(filters or ()), family, details or statistics, statistics, columns, all_columns, limit), common)


@app.command(rich_help_panel=_LOOK)
def sql(
    query: Annotated[str, typer.Argument(metavar="QUERY", help="One SELECT. Without it: standard input, or a prompt on a terminal.")] = "",
    json: Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print CSV with a heading.")] = False,
    limit: Annotated[int, typer.Option("--limit", "-l", metavar="N", min=0, show_default=False, help="At most so many rows.")] = 0,
    timeout_s: Annotated[float, typer.Option("--timeout", metavar="SECONDS", min=0, help="Give up after so long; 0: never.")] = 60.0,
    wide: Wide = False,
    colour: Colour = "auto",
    netns: NetNs = "",
    db: Db = "",
    verbose: Verbose = False,
) -> None:
    """Ask anything in SQL, reading only.

    Tables are the nouns of `show`, columns their fields, with `target` (the
    source) and `since` (the revision of the last change); what was before is in
    TABLE_history. Columns with structure are JSON. There are functions for
    addresses: ip_contains, ip_network, ip_masklen, route_lookup …

    [bold]Examples[/bold]
      holdfast sql "SELECT ifname, mtu FROM interfaces WHERE state = 'up'"
      holdfast sql "SELECT ifname, local FROM addresses
                    JOIN interfaces USING (target, ifindex)"
      holdfast sql "SELECT * FROM route_lookup('10.1.2.3')"
      holdfast sql "SELECT dst FROM routes WHERE ip_contains('10.0.0.0/8', dst)"
      holdfast sql --csv < report.sql; holdfast sql --json < report.sql
    """
    from .sql import run_sql

    run_sql(query, Common(json, wide, colour, "", netns, db, verbose), as_csv=as_csv, limit=limit, timeout_s=timeout_s)


@app.command(rich_help_panel=_LOOK)
def watch(
    table: Annotated[str, typer.Argument(metavar="NOUN", help="What to watch; without it everything.", autocompletion=complete.nouns)] = "",
    filters: Annotated[list[str] | None, typer.Argument(metavar="FILTER", help="As for `show`.", autocompletion=complete.filters)] = None,
    json: Json = False,
    since: Annotated[
        int, typer.Option("--since", metavar="REV", min=-1, help="Begin with what changed after this revision.", show_default=False)
    ] = -1,
    limit: Annotated[int, typer.Option("--limit", "-l", metavar="N", min=0, show_default=False, help="End after so many changes.")] = 0,
    wide: Wide = False,
    colour: Colour = "auto",
    target: Target = "",
    netns: NetNs = "",
    db: Db = "",
    verbose: Verbose = False,
) -> None:
    """Print what changes, as it changes.

    A line per change: + new, - gone, ~ changed from → to. Nothing is lost,
    however much happens: changes are read from the database's history. Counters,
    ages and probe states are no changes. Ctrl-C ends it.

    [bold]Examples[/bold]
      holdfast watch
      holdfast watch routes root 10.0.0.0/8
      holdfast watch interfaces dev eth0
      holdfast watch addr --json | jq .row.local
      holdfast watch routes --since 1200
    """
    from .watch import WatchRequest, watch_changes

    request = WatchRequest(table, tuple(filters or ()), None if since < 0 else since, limit)
    watch_changes(request, Common(json, wide, colour, target, netns, db, verbose))


@app.command(rich_help_panel=_KEEP)
def run(
    db: Annotated[
        str, typer.Option("--db", metavar="FILE", help="The file to keep; :memory: for none. Default: holdfast.db in the state directory.")
    ] = "",
    netns: Annotated[
        list[str] | None, typer.Option("--netns", "-n", metavar="NAME", help="Also this network namespace: name, path or PID. Repeatable.")
    ] = None,
    all_netns: Annotated[bool, typer.Option("--all-netns", help="Also every named namespace, from when it appears until it goes.")] = False,
    local: Annotated[bool, typer.Option("--local/--no-local", help="This host itself.")] = True,
    tables: Annotated[str, typer.Option("--tables", metavar="A,B,…", help="Only these tables.", autocompletion=complete.tables)] = "",
    log: Annotated[str, typer.Option("--log", metavar="HOW", help="auto: a summary on a terminal, else lines; text; json.")] = "auto",
    colour: Colour = "auto",
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Log more.")] = False,
) -> None:
    """Run a node: follow the kernel, keep the database.

    The file is holdfast.db in /var/lib/holdfast, for a user in
    ~/.local/state/holdfast; the variable HOLDFAST_HOME overrides. SIGTERM or
    Ctrl-C stops the node in order, a second Ctrl-C at once.

    [bold]Examples[/bold]
      holdfast run
      holdfast run --all-netns
      holdfast run --netns blue --no-local --db blue.db
      holdfast run --tables interfaces,addresses,routes
      holdfast run --log json 2>> /var/log/holdfast.json
    """
    from .run import RunRequest, run_node
    from .words import find_look

    chosen = tuple(find_look(one.strip()).table.name for one in tables.split(",") if one.strip())
    run_node(RunRequest(db, tuple(netns or ()), all_netns, local, chosen, log, verbose, colour))
