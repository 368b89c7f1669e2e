"""Aligned columns, colour only where it is wanted, and nothing that could steer a terminal."""

from __future__ import annotations

import io

import pytest

from holdfast.cli.presentation.layout import Column, roomy, wrapped, write_table
from holdfast.cli.presentation.style import Style, plain, printable, style_for
from holdfast.errors import InvalidValue


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def written(columns: list[Column], *, colour: bool = False, width: int | None = None) -> str:
    out = io.StringIO()
    write_table(columns, out, Style(colour), width=width)
    return out.getvalue()


def columns() -> list[Column]:
    return [
        Column("DEV", ["lo", "eth0"], role="ifname"),
        Column("MTU", ["65536", "1500"], right=True),
        Column("MASTER", ["", ""]),
        Column("NOTE", ["", "the long way round to the core"], elastic=True),
    ]


def test_columns_are_aligned_and_empty_ones_left_out() -> None:
    assert written(columns()) == (
        "DEV     MTU  NOTE\n"
        "lo    65536\n"
        "eth0   1500  the long way round to the core\n"
    )  # fmt: skip


def test_an_empty_column_that_is_kept_stays() -> None:
    assert written([Column("A", ["1"]), Column("B", [""], keep=True)]) == "A  B\n1\n"


def test_elastic_columns_are_cut_to_the_width_and_others_are_not() -> None:
    assert written(columns(), width=26) == (
        "DEV     MTU  NOTE\n"
        "lo    65536\n"
        "eth0   1500  the long way…\n"
    )  # fmt: skip
    assert written([Column("ADDRESS", ["2001:db8:1234:5678::1/64"])], width=10) == "ADDRESS\n2001:db8:1234:5678::1/64\n"


def test_writing_tells_whether_something_was_cut() -> None:
    assert write_table(columns(), io.StringIO(), plain, width=26) is True
    assert write_table(columns(), io.StringIO(), plain, width=80) is False


def test_colour_does_not_move_columns() -> None:
    painted = written(columns(), colour=True)
    assert painted.splitlines()[1] == "\x1b[36mlo\x1b[0m    65536"
    assert painted.splitlines()[0] == "\x1b[1mDEV\x1b[0m     \x1b[1mMTU\x1b[0m  \x1b[1mNOTE\x1b[0m"


@pytest.mark.parametrize(
    ("role", "text", "code"),
    [
        ("address", "10.0.0.1/24", "35"),
        ("address", "fe80::1/64", "94"),
        ("address", "default", ""),
        ("lladdr", "02:00:00:00:00:01", "33"),
        ("state", "up", "32"),
        ("state", "DOWN", "31"),
        ("state", "unknown", ""),
    ],
)
def test_roles_are_those_of_ip(role: str, text: str, code: str) -> None:
    assert Style(True)(role, text) == (f"\x1b[{code}m{text}\x1b[0m" if code else text)


def test_colour_is_for_terminals_and_no_color_is_obeyed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.setenv("TERM", "xterm")
    assert style_for(Terminal()).colour
    assert not style_for(io.StringIO()).colour
    assert style_for(io.StringIO(), "always").colour
    monkeypatch.setenv("NO_COLOR", "1")
    assert not style_for(Terminal()).colour
    monkeypatch.delenv("NO_COLOR")
    monkeypatch.setenv("TERM", "dumb")
    assert not style_for(Terminal()).colour


def test_a_wrong_colour_is_refused() -> None:
    with pytest.raises(InvalidValue, match="expected auto, always or never, got `red` – at `--color`"):
        style_for(io.StringIO(), "red")


def test_names_cannot_steer_the_terminal() -> None:
    assert printable("eth\x1b[2J0") == "eth\\x1b[2J0"
    assert written([Column("NAME", ["a\nb"])]) == "NAME\na\\nb\n"


def test_words_wrap_under_their_indent() -> None:
    assert wrapped(["one 1", "two 2", "three 3"], "    ", 20) == "    one 1  two 2\n    three 3\n"
    assert wrapped([], "    ", 20) == ""


def test_spare_columns_go_first_where_there_is_no_room() -> None:
    some = [Column("INDEX", ["1"], spare=2), Column("NAME", ["eth0"]), Column("LINK", ["if2@netns0"], spare=1), Column("MTU", ["1500"])]
    assert [one.heading for one in roomy(some, 80)] == ["NAME", "LINK", "MTU"]
    assert [one.heading for one in roomy(some, 12)] == ["NAME", "MTU"]
    assert [one.heading for one in roomy(some, 5)] == ["INDEX", "NAME", "LINK", "MTU"]
