"""The commands, their options and their help. What a command does is imported when it is called."""

from __future__ import annotations

from typing import Any, Final

import click

from holdfast.errors import InvalidValue

from . import care, change_app, complete, past_app, shell_app, tree_app
from .command import Group, option
from .options import Common, printing, reading
from .source_app import source

__all__ = ["app"]

_LOOK: Final = "Look at the network"
_KEEP: Final = "Keep it"
_HISTORY: Final = "How much history"
_SHELL: Final = "The program itself"


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from importlib.metadata import version

        click.echo(f"holdfast {version('holdfast')}")
        ctx.exit()


@click.group(
    cls=Group,
    invoke_without_command=True,
    context_settings={"help_option_names": ["--help", "-h"], "max_content_width": 100},
    examples="""
        holdfast show interfaces                 every link, as `ip link` knows it
        holdfast show routes via 10.0.0.1        filters are the words of `ip`
        holdfast show addr dev eth0 --json       whole rows, for a program
        holdfast sql "SELECT ifname, mtu FROM interfaces WHERE mtu > 1500"
        holdfast show topology                   what is connected with what
        holdfast watch routes                    what changes, from what to what
        holdfast run                             the node, with a live summary
    """,
)
@option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Print the version.")
@click.pass_context
def app(ctx: click.Context) -> None:
    """What this machine's network is, live and queryable in SQL.

    A node (`holdfast run`) follows the kernel and keeps a database. All other commands ask the running node, or, without
    one, the kernel itself.
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


@app.command(
    section=_LOOK,
    examples="""
        holdfast show interfaces up type bridge,bond
        holdfast show interface eth0                   one, with all that belongs to it
        holdfast show link master br0 -d
        holdfast show addresses dev eth0 -4
        holdfast show routes 10.0.0.0/24               this prefix
        holdfast show routes root 10.0.0.0/8           all inside of it
        holdfast show routes match 10.1.2.3            all that cover it
        holdfast show routes table 100 proto bgp --json
        holdfast show routes --at "10 minutes ago"
        holdfast show neigh nud stale,delay not dev eth1
        holdfast show fdb br br0 vlan 10
        holdfast show topology                         what is connected with what
        holdfast show topology dev br0 --format svg > br0.svg
    """,
)
@click.argument(
    "noun", metavar="NOUN", shell_complete=complete.nouns, help="What to show: interfaces, addresses, routes … or ip's word for it."
)
@click.argument(
    "filters",
    metavar="[FILTER]...",
    nargs=-1,
    shell_complete=complete.filters,
    help="dev eth0, table 100, via=10.0.0.1, up, not proto kernel …",
)
@option("--details", "-d", is_flag=True, help="Below each row what the columns leave out.")
@option("--stats", "-s", "statistics", is_flag=True, help="The same with counters and ages.")
@option("-4", "ipv4", is_flag=True, help="IPv4 only.")
@option("-6", "ipv6", is_flag=True, help="IPv6 only.")
@option("--columns", "-c", metavar="A,B,…", default="", shell_complete=complete.columns, help="These columns: headings or fields.")
@option("--all-columns", "-a", is_flag=True, help="Every field as a column.")
@option("--limit", "-l", metavar="N", type=int, default=0, help="At most so many rows.")
@option("--format", "form", metavar="F", default="", shell_complete=complete.formats, help="Of a topology: text, dot, svg or json.")
@printing
@reading(target=True, at=True)
def show(
    noun: str,
    filters: tuple[str, ...],
    details: bool,
    statistics: bool,
    ipv4: bool,
    ipv6: bool,
    columns: str,
    all_columns: bool,
    limit: int,
    form: str,
    **common: Any,
) -> None:
    """Show interfaces, addresses, routes, neighbours, rules, nexthops …

    Nouns: interfaces addresses routes neighbours rules nexthops fdb vlans netns qdiscs classes filters; also as `ip` calls
    them (link, addr, neigh …), and shortened. Filters are NAME VALUE or NAME=VALUE; all must hold. Several values with
    commas, patterns with `*`, and `not` in front turns one round. A value alone is taken for what it looks like.

    As with `ip`, routes of table local and neighbours without a state are left out unless asked for; `all` leaves nothing
    out, and neither does --json. `show interface NAME` is a page about one. `show NOUN help` lists the columns and words of a noun.
    """
    if noun == "topology"[: max(4, len(noun))]:
        from .topology import show_topology

        show_topology(filters, Common(**common), form)
        return
    from .show import Request, show_rows

    if form:
        raise InvalidValue(f"expected `topology`, got `{noun}` – at `--format`", hint="the others are text, or JSON with `--json`")
    if noun.lower() == "interface" and not (ipv4 or ipv6 or columns or all_columns or limit):
        from .page import asks_for_page, show_page

        if asks_for_page(filters):
            show_page(filters[-1], Common(**common), more=details or statistics)
            return
    family = "inet" if ipv4 and not ipv6 else "inet6" if ipv6 and not ipv4 else ""
    show_rows(Request(noun, filters, family, details or statistics, statistics, columns, all_columns, limit), Common(**common))


@app.command(
    section=_LOOK,
    examples="""
        holdfast sql "SELECT ifname, mtu FROM interfaces WHERE state = 'up'"
        holdfast sql "SELECT ifname, local FROM addresses JOIN interfaces USING (target, ifindex)"
        holdfast sql "SELECT dst FROM routes WHERE ip_contains('10.0.0.0/8', dst)" --json
        holdfast sql "SELECT * FROM route_lookup('10.1.2.3')"
        holdfast sql --at "10 minutes ago" "SELECT count(*) FROM routes"
        holdfast sql --csv < report.sql > report.csv
    """,
)
@click.argument("query", metavar="[QUERY]", default="", help="One SELECT. Without it: standard input, or a prompt on a terminal.")
@option("--csv", "as_csv", is_flag=True, help="Print CSV with a heading.")
@option("--limit", "-l", metavar="N", type=int, default=0, help="At most so many rows.")
@option("--timeout", "timeout_s", metavar="SECONDS", type=float, default=60.0, help="Give up after so long (60); 0: never.")
@printing
@reading(target=False, at=True)
def sql(query: str, as_csv: bool, limit: int, timeout_s: float, **common: Any) -> None:
    """Ask anything in SQL, reading only.

    Tables are the nouns of `show`, columns their fields, with `target` (the source) and `since` (the revision of the last
    change); what was before is in TABLE_history, a table as it was is TABLE_at('14:03'). Columns with structure are JSON.
    There are functions for addresses: ip_contains, ip_network, ip_masklen, route_lookup …
    """
    from .sql import run_sql

    run_sql(query, Common(**common), as_csv=as_csv, limit=limit, timeout_s=timeout_s)


@app.command(
    section=_LOOK,
    examples="""
        holdfast watch
        holdfast watch routes root 10.0.0.0/8
        holdfast watch interfaces dev eth0
        holdfast watch addr --json | jq .row.local
        holdfast watch routes --since 1200
        holdfast watch routes --since "5 minutes ago"
        holdfast watch nodes.r1                  commits of the tree, at a path or below it
    """,
)
@click.argument(
    "noun", metavar="[NOUN|PATH]", default="", shell_complete=complete.nouns_and_paths,
    help="What to watch: a table, or a path of the tree; without it every table.",
)  # fmt: skip
@click.argument("filters", metavar="[FILTER]...", nargs=-1, shell_complete=complete.filters, help="As for `show`.")
@option("--since", metavar="T", default="", help="Begin with what changed after this point in time, a revision or as for `log`.")
@option("--limit", "-l", metavar="N", type=int, default=0, help="End after so many changes.")
@option("--all", "-a", "each", is_flag=True, help="On a terminal, too, a line for each change, however many there are.")
@printing
@reading(target=True)
def watch(noun: str, filters: tuple[str, ...], since: str, limit: int, each: bool, **common: Any) -> None:
    """Print what changes, as it changes.

    A line per change: + new, - gone, ~ changed from → to. Nothing is lost, however much happens: changes are read from the
    database's history. Counters, ages and probe states are no changes. Ctrl-C ends it.

    On a terminal more than 20 changes a second are told as sums, `+ 1 214 routes: …`, which leave none out.
    """
    from .watch import WatchRequest, watch_changes

    request = WatchRequest(noun, filters, since, limit, each)
    path = past_app.tree_path(noun)
    if path is None:
        watch_changes(request, Common(**common))
        return
    from .tree.past import watch_path

    watch_path(path, request, Common(**common))


past_app.add_to(app)


@app.command(
    section=_KEEP,
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
    from .keeping import retention_of
    from .run import RunRequest, run_node
    from .words import find_look

    chosen = tuple(find_look(one.strip()).table.name for one in tables.split(",") if one.strip())
    run_node(RunRequest(db, netns, all_netns, local, chosen, retention_of(keep, keep_rows, keep_bytes), log, verbose, colour))


change_app.add_to(app)
tree_app.add_to(app)
care.add_to(app)
app.add_command(source)
shell_app.add_to(app)


@app.command(
    section=_SHELL,
    examples="""
        holdfast completion --install
        eval "$(holdfast completion bash)"             for this shell only
        holdfast completion zsh > "${fpath[1]}/_holdfast"
    """,
)
@click.argument("shell", metavar="[SHELL]", default="", help="bash, zsh or fish; without it the one of $SHELL.")
@option("--install", is_flag=True, help="Write it where the shell looks, and say where.")
def completion(shell: str, install: bool) -> None:
    """Complete commands, nouns, filters and interfaces in the shell.

    Prints the script that makes the shell ask this program what could follow: commands, options, nouns, words of the
    filter, their values, and the interfaces that are there now.
    """
    from .completion import completion_script

    completion_script(app, shell, install=install)
