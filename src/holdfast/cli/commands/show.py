"""`holdfast show`: a noun as a table, one interface as a page, the topology as a drawing."""

from __future__ import annotations

from typing import Any

import click

from holdfast.cli.declaring import complete
from holdfast.cli.declaring.command import Command, option
from holdfast.cli.declaring.options import Common, printing, reading
from holdfast.errors import InvalidValue

__all__ = ["show"]


@click.command(
    cls=Command,
    section="Look at the network",
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
        from holdfast.cli.show.topology.show import show_topology

        show_topology(filters, Common(**common), form)
        return
    from holdfast.cli.show.table import Request, show_rows

    if form:
        raise InvalidValue(f"expected `topology`, got `{noun}` – at `--format`", hint="the others are text, or JSON with `--json`")
    if noun.lower() == "interface" and not (ipv4 or ipv6 or columns or all_columns or limit):
        from holdfast.cli.show.page import asks_for_page, show_page

        if asks_for_page(filters):
            show_page(filters[-1], Common(**common), more=details or statistics)
            return
    family = "inet" if ipv4 and not ipv6 else "inet6" if ipv6 and not ipv4 else ""
    show_rows(Request(noun, filters, family, details or statistics, statistics, columns, all_columns, limit), Common(**common))
