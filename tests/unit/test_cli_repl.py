"""What `holdfast sql` completes, and what its dot commands do, over the schema of a new database."""

from __future__ import annotations

import pytest

from holdfast.cli.asking.reading import Reading
from holdfast.cli.presentation.style import plain
from holdfast.cli.sql.commands import Settings, obey
from holdfast.cli.sql.completing import offers
from holdfast.cli.sql.schema import Schema, read_schema
from holdfast.database.sqlite import Database
from holdfast.errors import HoldfastError, InvalidValue, NotFound, UnknownName
from holdfast.model import TABLES
from holdfast.model.names import BUILTIN


@pytest.fixture(scope="module")
def schema() -> Schema:
    with Database(":memory:") as database:
        return read_schema(Reading(database, BUILTIN))


def words(text: str, schema: Schema) -> list[str]:
    """Offers at the `|`."""
    before, _, after = text.partition("|")
    return [one.word for one in offers(before, after, schema)]


def test_the_schema_is_what_can_be_asked(schema: Schema) -> None:
    assert set(TABLES) | {f"{name}_history" for name in TABLES} | {"log", "route_hops", "interfaces_vlan"} <= set(schema.tables)
    assert not [name for name in schema.tables if name.startswith(("sqlite", "pragma", "meta", "tree"))]
    assert [one.name for one in schema.tables["netns"]] == ["target", "name", "path", "inode", "nsid", "since"]
    assert {"ip_contains", "route_lookup", "count"} <= {*schema.functions, "route_lookup"}


@pytest.mark.parametrize(
    ("text", "first"),
    [
        ("SELECT * FROM rou|", "routes"),
        ("SELECT * FROM routes JOIN interf|", "interfaces"),
        ("SELECT * FROM routes r, inter|", "interfaces"),
        ("select ifna| from interfaces", "ifname"),
        ("SELECT ifna|", "ifname"),
        ("SELECT r.gat| FROM routes r", "gateway"),
        ("SELECT i.ifn| FROM routes AS r JOIN interfaces AS i ON i.ifindex = r.oif", "ifname"),
        ("SELECT * FROM routes WHERE interfaces.|", ""),
        ("SELECT * FROM interfaces WHERE ope|", "operstate"),
        ("SELECT ip_cont|", "ip_contains("),
        ("SEL|", "SELECT"),
        ("sel|", "select"),
        ("SELECT ifname FROM interfaces WHERE ifname = 'et|", ""),
        ("SELECT ifname FROM interfaces WHERE ifname = 'it''s' AND mt|", "mtu"),
        ("SELECT dst\nFROM routes\nWHERE gatew|", "gateway"),
        (".sch|", ".schema"),
        (".schema interfaces_vl|", "interfaces_vlan"),
        (".mode j|", "json"),
    ],
)
def test_completion(text: str, first: str, schema: Schema) -> None:
    assert (words(text, schema) or [""])[0] == first


def test_the_present_comes_before_the_past(schema: Schema) -> None:
    found = words("SELECT * FROM |", schema)
    assert found.index("vlans") < found.index("addresses_history")


def test_columns_of_the_named_tables_come_first(schema: Schema) -> None:
    found = words("SELECT | FROM vlans", schema)
    assert found[:2] == ["target", "ifindex"]
    assert "gateway" not in found


def test_a_completion_replaces_what_was_begun(schema: Schema) -> None:
    (one,) = [one for one in offers("SELECT r.gatew", " FROM routes r", schema) if one.word == "gateway"]
    assert (one.length, one.doc) == (5, TABLES["routes"]["gateway"].doc)


@pytest.mark.parametrize("text", ["", "SELECT", "((((", "'", "SELECT a.b.c.|d", "FROM FROM FROM |", ". |", ".schema |", "é|", "SELECT \\|"])
def test_nonsense_completes_to_something_or_nothing(text: str, schema: Schema) -> None:
    words(text, schema)


def do(line: str, schema: Schema, settings: Settings | None = None) -> str | None:
    return obey(line, settings or Settings(), schema, plain)


def test_tables(schema: Schema) -> None:
    said = do(".tables", schema) or ""
    assert "routes      The forwarding tables.\n" in said
    assert "_history" not in said.replace("TABLE_history", "")
    assert "interfaces_vlan" in said
    assert do(".tables r*tes", schema) == "routes  table  The forwarding tables.\n"


def test_schema(schema: Schema) -> None:
    said = (do(".schema netns;", schema) or "").splitlines()
    assert said[1] == "name    TEXT     its name"
    assert len(said) == 6


def test_settings(schema: Schema) -> None:
    settings = Settings()
    assert do(".mode json", schema, settings) == ""
    assert do(".rows 7", schema, settings) == ""
    assert settings == Settings("json", 7)
    assert do(".mode", schema, settings) == "json\n"
    assert do(".rows", schema, settings) == "7\n"


def test_help_names_every_command(schema: Schema) -> None:
    said = do(".help", schema) or ""
    assert all(word in said for word in words(".|", schema))


def test_leaving(schema: Schema) -> None:
    assert do(".quit", schema) is None
    assert do(".exit", schema) is None


@pytest.mark.parametrize(
    ("line", "error", "said"),
    [
        (".nothing", UnknownName, "there is no command `.nothing`"),
        (".mode xml", InvalidValue, "expected table, json or csv, got `xml` – at `.mode`"),
        (".rows many", InvalidValue, "expected a number, got `many` – at `.rows`"),
        (".schema route", NotFound, "there is no table `route`"),
        (".schema", NotFound, "expected a table behind `.schema`"),
        (".tables x*", NotFound, "no table matches `x*`"),
    ],
)
def test_wrong_commands_say_what_is_wrong(line: str, error: type[HoldfastError], said: str, schema: Schema) -> None:
    with pytest.raises(error) as caught:
        do(line, schema)
    assert caught.value.message == said
    assert caught.value.hint or "expected" in said
