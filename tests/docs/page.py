"""Runs one Markdown page, top to bottom, the way a reader would: `scripts/private python tests/docs/page.py README.md`.

The page has one shell and one Python for all its snippets, so that what one sets the next can use. It ends with 0 when
everything the page says came true; else with 1, and the first thing that did not on standard error.
"""

from __future__ import annotations

import contextlib
import doctest
import io
import json
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import traceback
from pathlib import Path
from typing import Any

from snippets import PageError, Snippet, matches, read

PROJECT = Path(__file__).resolve().parents[2]


class Shell:
    """A bash that stays: each snippet is read by it like a file, so variables, functions and background jobs remain."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._bash = subprocess.Popen(
            ["bash", "--noprofile", "--norc"], cwd=folder, start_new_session=True, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        )  # fmt: skip
        assert self._bash.stdin
        self._bash.stdin.write("trap 'kill $(jobs -p) 2>/dev/null || :' EXIT\n")  # also when we are killed: then its input ends
        self._bash.stdin.flush()

    def run(self, text: str, *, strict: bool) -> tuple[str, int]:
        """Run shell code; what it printed, and its status. `strict`: stop at the first command that fails."""
        assert self._bash.stdin and self._bash.stdout
        script = Path(tempfile.mkstemp(suffix=".sh")[1])
        script.write_text(text, encoding="utf-8")
        mark = f"end of {script.name}"
        flags = "set -euo pipefail" if strict else "set +eu"
        self._bash.stdin.write(f"{flags}; . {script} </dev/null; printf '%s %s\\n' {shlex.quote(mark)} $?\n")
        self._bash.stdin.flush()
        printed = ""
        for line in self._bash.stdout:
            before, found, status = line.partition(mark)
            printed += before
            if found:
                script.unlink()
                return printed, int(status)
        script.unlink()
        return printed, self._bash.wait()  # `set -e` ended it

    def close(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._bash.pid, signal.SIGTERM)
        try:
            self._bash.wait(5)
        except subprocess.TimeoutExpired:
            os.killpg(self._bash.pid, signal.SIGKILL)


class Page:
    """One run of one page."""

    def __init__(self, path: Path, folder: Path) -> None:
        self._path = path
        self._shell = Shell(folder)
        self._names: dict[str, Any] = {"__name__": "__page__"}
        self._printed = ""
        self._statement = ""

    def close(self) -> None:
        self._shell.close()

    def run(self, snippet: Snippet) -> None:
        if snippet.not_run:
            if snippet.language in ("bash", "console"):
                self._parses(snippet)
            return
        if snippet.expected:
            self._compare(snippet)
            return
        self._statement = snippet.text if snippet.language == "sql" else ""
        match snippet.language:
            case "setup" | "bash":
                self._printed = self._must_work(snippet, snippet.text)
            case "console":
                self._console(snippet)
            case "python":
                self._python(snippet)
            case "pycon":
                self._pycon(snippet)
            case "sql":
                self._printed = self._must_work(snippet, f"holdfast sql {shlex.quote(snippet.text.strip())}\n")
            case "json":
                self._json(snippet, snippet.text)

    def _must_work(self, snippet: Snippet, code: str) -> str:
        printed, status = self._shell.run(code, strict=True)
        if status != 0:
            raise self._wrong(snippet, f"ended with {status}", code, printed)
        return printed

    def _console(self, snippet: Snippet) -> None:
        commands = _commands(snippet.text)
        if not commands:
            raise self._wrong(snippet, "no line of this console snippet starts with `$ `", snippet.text, "")
        status = 0
        for number, (command, expected) in enumerate(commands):
            # A command may fail when the page goes on to show that it did.
            shown = number + 1 < len(commands) and commands[number + 1][0].strip() == "echo $?"
            printed, status = self._shell.run(command if command.strip() != "echo $?" else f"echo {status}", strict=False)
            if status != 0 and not shown:
                raise self._wrong(snippet, f"ended with {status}", command, printed)
            if not matches(expected, printed):
                raise self._wrong(snippet, "prints something else", command, printed, expected)
            if _by_chance(command, expected):
                raise self._wrong(snippet, "promises an order of rows that nothing asks for: ORDER BY is missing", command, printed)
            self._printed = printed

    def _python(self, snippet: Snippet) -> None:
        printed = io.StringIO()
        try:
            with contextlib.redirect_stdout(printed):
                exec(compile("\n" * snippet.line + snippet.text, str(self._path), "exec"), self._names)
        except BaseException:  # noqa: BLE001 - whatever the page raises is the page's failure
            raise self._wrong(snippet, "raised", snippet.text, traceback.format_exc()) from None
        self._printed = printed.getvalue()

    def _pycon(self, snippet: Snippet) -> None:
        test = doctest.DocTestParser().get_doctest(
            snippet.text.replace("…", "..."), self._names, self._path.name, str(self._path), snippet.line
        )
        report = io.StringIO()
        runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE)
        if runner.run(test, out=report.write, clear_globs=False).failed:
            raise self._wrong(snippet, "answers something else", snippet.text, report.getvalue())
        self._names = test.globs

    def _json(self, snippet: Snippet, text: str) -> Any:
        try:
            return json.loads(text)
        except ValueError as why:
            raise self._wrong(snippet, f"is no JSON: {why}", text, "") from None

    def _compare(self, snippet: Snippet) -> None:
        if snippet.language != "json":
            same = matches(snippet.text, self._printed)
        else:
            same = _same_json(self._json(snippet, snippet.text), self._json(snippet, self._printed))
        if not same:
            raise self._wrong(snippet, "the snippet above prints something else", "", self._printed, snippet.text)
        if _by_chance(self._statement, snippet.text):
            raise self._wrong(snippet, "promises an order of rows that nothing asks for: ORDER BY is missing", self._statement, "")

    def _parses(self, snippet: Snippet) -> None:
        code = snippet.text if snippet.language == "bash" else "".join(command for command, _ in _commands(snippet.text))
        checked = subprocess.run(["bash", "-n"], input=code, capture_output=True, text=True, check=False)
        if checked.returncode != 0:
            raise self._wrong(snippet, "is not even shell", code, checked.stderr)

    def _wrong(self, snippet: Snippet, what: str, code: str, printed: str, expected: str = "") -> PageError:
        parts = [f"{self._path}:{snippet.line}: {snippet.language} snippet {what}"]
        for title, text in (("snippet", code), ("expected", expected), ("printed", printed)):
            if text.strip():
                parts.append(f"--- {title}\n{text.rstrip()}")
        return PageError("\n".join(parts))


def _by_chance(code: str, expected: str) -> bool:
    """Does a page promise several rows of a statement that asks for no order? They come in another one some day."""
    rows = [line for line in expected.strip().splitlines() if not line.startswith(("holdfast: ", "[", "]"))]
    asks = code.startswith(("SELECT ", "WITH ", "holdfast sql "))
    return asks and "ORDER BY" not in code and len(rows) > len(("titles", "a row"))


def _commands(text: str) -> list[tuple[str, str]]:
    """The commands of a console snippet, each with the output that is promised; `> ` continues a command."""
    found: list[tuple[str, str]] = []
    for line in text.splitlines():
        if line.startswith("$ "):
            found.append((line[2:] + "\n", ""))
        elif (line.startswith("> ") or line == ">") and found and not found[-1][1]:
            found[-1] = (found[-1][0] + line[2:] + "\n", "")
        elif found:
            found[-1] = (found[-1][0], found[-1][1] + line + "\n")
    return found


def _same_json(expected: Any, got: Any) -> bool:
    """Equal, where the string "…" stands for any value and a key "…" for any further keys."""
    if expected == "…":
        return True
    if isinstance(expected, dict) and isinstance(got, dict):
        named = expected.keys() - {"…"}
        complete = named <= got.keys() if "…" in expected else named == got.keys()
        return complete and all(_same_json(expected[key], got[key]) for key in named)
    if isinstance(expected, list) and isinstance(got, list):
        return len(expected) == len(got) and all(map(_same_json, expected, got))
    return bool(expected == got)


def run_page(path: Path) -> None:
    """Run a page. The folder it runs in shows the project, and takes what the page writes. Raises: PageError."""
    snippets = read(path)
    with tempfile.TemporaryDirectory(prefix="holdfast-page-") as name:
        folder = Path(name)
        for entry in PROJECT.iterdir():
            if not entry.name.startswith("."):
                (folder / entry.name).symlink_to(entry)
        os.environ.update(
            HOME=name, HOLDFAST_HOME=f"{name}/.holdfast", LC_ALL="C.UTF-8", COLUMNS="120", NO_COLOR="1", TERM="dumb",
            PATH=f"{Path(sys.executable).parent}:{PROJECT}/tests/docs/bin:{os.environ['PATH']}",
        )  # fmt: skip
        os.chdir(folder)
        page = Page(path, folder)
        try:
            for snippet in snippets:
                page.run(snippet)
        finally:
            page.close()
            os.chdir("/")


if __name__ == "__main__":
    try:
        run_page(Path(sys.argv[1]).resolve())
    except PageError as wrong:
        sys.exit(str(wrong))
