"""How the program begins and ends: help, versions, errors on one line, exit codes, and the time that it takes."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from pathlib import Path

import click
import pytest

from holdfast.cli import main as entry
from holdfast.cli.app import app
from holdfast.cli.asking.loop import on_loop
from holdfast.cli.language.orders import ORDERS
from holdfast.cli.main import main
from holdfast.errors import Bug, HoldfastError, KernelError, NotFound

COMMANDS = ("show", "sql", "watch", "run", "completion")


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOLDFAST_DEBUG", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)


def test_without_a_command_the_help_teaches(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    text = capsys.readouterr().out
    assert text.startswith(
        "Usage: holdfast [OPTIONS] [COMMAND] [ARGS]...\n\n  What this machine's network is, live and queryable in SQL.\n"
    )
    for section in ("Examples:", "Look at the network:", "Keep it:", "The program itself:", "Options:"):
        assert f"\n{section}\n" in text
    for command in COMMANDS:
        assert f"\n  {command} " in text


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_examples_that_it_understands(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([command, "--help"]) == 0
    assert "\nExamples:\n  holdfast " in capsys.readouterr().out
    for example in app.get_command(click.Context(app), command).examples:  # type: ignore[attr-defined]
        assert len(example) <= 96


def test_what_can_be_said_of_a_noun(capsys: pytest.CaptureFixture[str]) -> None:
    """It asks nobody, and every word that it names can be said."""
    for noun, order in ORDERS.items():
        assert main(["add", noun, "help"]) == 0
        page = capsys.readouterr().out
        assert page.startswith(f"holdfast add {order.table.noun}")
        assert [field.name for field in order.plain if f"\n  {field.name}" not in page] == []
        assert set(page.partition("have them\n")[2].partition("\n\n")[0].split()) <= order.known.keys()
        for kind, words in order.kinds.items():
            assert main(["set", noun, "help", kind]) == 0
            page = capsys.readouterr().out
            assert [word for word in words if f"\n  {word} " not in page] == []
            said = order.read(["x0", "type", kind, *(one for word in words for one in (word, "1"))])
            assert {field.name for field in words.values()} <= said.keys()
            assert max(map(len, page.splitlines())) <= 100
    assert main(["add", "link", "help", "vxlam"]) == 2
    assert "did you mean `vxlan`?" in capsys.readouterr().err
    assert main(["add", "route", "help", "vlan"]) == 2
    assert "only interfaces have kinds" in capsys.readouterr().err


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.startswith("holdfast 0.")


@pytest.mark.parametrize(
    ("words", "first", "second"),
    [
        (["zzz"], "holdfast: no such command `zzz`", "  `holdfast --help` explains"),
        (["shwo"], "holdfast: no such command `shwo`. Did you mean `show`?", "  `holdfast --help` explains"),
        (["show"], "holdfast: missing argument `NOUN`", "  `holdfast show --help` explains"),
        (
            ["show", "routes", "--limit", "x"],
            "holdfast: invalid value for `--limit` / `-l`: `x` is not a valid integer",
            "  `holdfast show --help` explains",
        ),
        (["show", "route", "--color", "red", "help"], "holdfast: expected auto, always or never, got `red` – at `--color`", None),
        (["add", "vlanx", "1"], "holdfast: there is nothing called `vlanx`",
         f"  did you mean `vlan`? there are {', '.join(ORDERS)}"),
        (["show", "rotues"], "holdfast: there is nothing called `rotues`", None),
        (["run", "--log", "loud"], "holdfast: expected auto, text or json, got `loud` – at `--log`", None),
        (["run", "--no-local"], "holdfast: expected a source: this host, `--netns NAME` or `--all-netns`, got none", None),
        (["completion", "tcsh"], "holdfast: expected bash, zsh or fish, got `tcsh`", None),
    ],
)
def test_what_was_asked_wrongly_ends_with_2(words: list[str], first: str, second: str | None, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 2
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == first
    assert second is None or lines[1] == second


def test_a_missing_file_ends_with_1(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["show", "link", "--db", str(tmp_path / "none.db")]) == 1
    assert capsys.readouterr().err == f"holdfast: there is no database `{tmp_path}/none.db`\n  `holdfast run --db FILE` makes one\n"


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    def fail(*args: object, **options: object) -> None:
        raise error

    monkeypatch.setattr(click.Group, "invoke", fail)


def test_errors_are_a_line_and_a_hint(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    failing(monkeypatch, NotFound("there is no interface `eth9`", hint="did you mean `eth0`?"))
    assert main(["show", "link"]) == 1
    assert capsys.readouterr() == ("", "holdfast: there is no interface `eth9`\n  did you mean `eth0`?\n")


def test_errors_as_json_have_the_one_shape(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    error = KernelError(1, "no right", request="a dump of routes")
    failing(monkeypatch, error)
    assert main(["show", "link", "--json"]) == 1
    assert json.loads(capsys.readouterr().err) == error.as_dict()


def test_a_fault_of_ours_is_a_sentence_and_not_a_traceback(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    failing(monkeypatch, KeyError("x"))
    assert main(["show", "link"]) == 1
    said = capsys.readouterr().err
    assert said == f"holdfast: KeyError: 'x'\n  {Bug('').hint}; HOLDFAST_DEBUG=1 shows where\n"
    monkeypatch.setenv("HOLDFAST_DEBUG", "1")
    assert main(["show", "link"]) == 1
    assert "Traceback" in capsys.readouterr().err


def test_an_error_of_the_system_names_the_file(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    failing(monkeypatch, PermissionError(13, "Permission denied", "/var/lib/holdfast"))
    assert main(["run"]) == 1
    assert capsys.readouterr().err == "holdfast: Permission denied: `/var/lib/holdfast`\n"


def test_an_interrupt_is_quiet(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    failing(monkeypatch, KeyboardInterrupt())
    assert main(["watch"]) == 130
    assert capsys.readouterr().err == "\n"  # behind the terminal's ^C


def test_every_error_can_be_shown() -> None:
    assert entry._report(HoldfastError("plain"), []) == 1


# ------------------------------------------------------------------------------------------------------------ completion


def completed(*words: str) -> list[str]:
    """What bash would offer for the last word."""
    environment = os.environ | {
        "_HOLDFAST_COMPLETE": "bash_complete",
        "COMP_WORDS": " ".join(("holdfast", *words)),
        "COMP_CWORD": str(len(words)),
    }
    done = subprocess.run([sys.executable, "-m", "holdfast.cli"], env=environment, capture_output=True, text=True, timeout=30, check=True)
    return [line.partition(",")[2] for line in done.stdout.splitlines()]


@pytest.mark.parametrize(
    ("words", "offers"),
    [
        (["sh"], ["show"]),
        (["show", "rou"], ["routes"]),
        (["show", "neig"], ["neighbours"]),
        (["show", "lin"], ["link"]),
        (["show", "topo"], ["topology"]),
        (["show", "topology", "--format", "s"], ["svg"]),
        (["show", "topology", "dev", "l"], ["lo"]),
        (["show", "interface", "l"], ["lo"]),
        (["show", "routes", "tab"], ["table", "table_id"]),
        (["show", "routes", "proto", "sta"], ["static"]),
        (["show", "routes", "proto=sta"], ["proto=static"]),
        (["show", "routes", "dev", "l"], ["lo"]),
        (["show", "interfaces", "type", "brid"], ["bridge"]),
        (["show", "interfaces", "state", ""], ["up", "down"]),
        (["watch", "addresses", "scope", "ho"], ["host"]),
        (["show", "routes", "--columns", "dst,pri"], ["dst,priority"]),
        (["run", "--tables", "routes,addr"], ["routes,addresses"]),
        (["show", "nonsense", "x"], []),
    ],
)
def test_the_shell_is_told_what_could_follow(words: list[str], offers: list[str]) -> None:
    assert [offer for offer in completed(*words) if offer in offers or offer.startswith(words[-1] or offer)][: len(offers)] == offers


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_scripts_for_shells(shell: str, capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert "_HOLDFAST_COMPLETE" in script
    assert main(["completion", shell, "--install"]) == 0
    path = capsys.readouterr().out.partition(": ")[2].partition(";")[0]
    assert Path(path).read_text() == script


# ------------------------------------------------------------------------------------------------------------------ time


def test_show_loads_nothing_that_it_does_not_need() -> None:
    """The start of `holdfast show` has half a second in all; each of these would take a good part of it."""
    heavy = {"typer", "pydantic", "rich", "prompt_toolkit", "asyncio", "pyroute2", "holdfast.api", "holdfast.node"}
    code = f"import sys; from holdfast.cli.main import main; main(['show', 'link', 'lo']); sys.exit(' '.join({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=False)
    assert done.stderr == "\n"


def test_what_is_cancelled_inside_as_well_ends_as_interrupted() -> None:
    async def cancelled_twice() -> None:
        raise asyncio.CancelledError

    with pytest.raises(KeyboardInterrupt):
        on_loop(cancelled_twice())
