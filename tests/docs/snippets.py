"""Reads the fenced snippets of a Markdown page. What each kind means stands in CONTRIBUTING.md."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

__all__ = ["LANGUAGES", "PageError", "Snippet", "matches", "read"]

LANGUAGES = {
    "setup": "shell, hidden in a comment: prepares the page's network",
    "bash": "run by the page's shell; a command that fails fails the page",
    "console": "`$ command` lines are run, what stands below each must be what it prints",
    "python": "run in the page's Python",
    "pycon": "run in the page's Python, with its answers compared",
    "sql": "run by `holdfast sql`",
    "output": "what the snippet before it prints",
    "json": "must be JSON; after `<!-- output -->` it is what the snippet before it prints",
    "text": "not run: drawings, prose",
}


class PageError(Exception):
    """A page says something that is not so. The message begins with `page:line`."""


@dataclass(frozen=True, slots=True)
class Snippet:
    """One fenced block: its language, its text, the line it starts on. `expected`: it is the output of the one before."""

    language: str
    text: str
    line: int
    not_run: str = ""
    expected: bool = False


_FENCE = re.compile(r"^(?P<indent>\s*)(?P<fence>`{3,}|~{3,})\s*(?P<language>[\w+-]*)")
_NOT_RUN = re.compile(r"^\s*<!--\s*not run:\s*(?P<reason>.*?)\s*-->\s*$")
_OUTPUT = re.compile(r"^\s*<!--\s*output\s*-->\s*$")


def read(page: Path) -> list[Snippet]:
    """All snippets of a page, in order. Raises: PageError - a fence without a known language, or one never closed."""
    snippets = []
    lines = page.read_text(encoding="utf-8").splitlines()
    at, not_run, expected = 0, "", False
    while at < len(lines):
        line, start = lines[at], at + 1
        at += 1
        if line.strip() == "<!-- setup":
            text, at = _until(lines, at, "-->", page, start)
            snippets.append(Snippet("setup", text, start))
        elif found := _NOT_RUN.match(line):
            not_run = found["reason"]
            if not not_run:
                raise PageError(f"{page.name}:{start}: a snippet that is not run needs the reason why")
        elif _OUTPUT.match(line):
            expected = True
        elif fence := _FENCE.match(line):
            language = fence["language"]
            if language not in LANGUAGES or language == "setup":
                known = ", ".join(LANGUAGES)
                raise PageError(f"{page.name}:{start}: nothing runs a snippet in `{language or 'no language'}`; known: {known}")
            text, at = _until(lines, at, fence["fence"], page, start, len(fence["indent"]))
            snippets.append(Snippet(language, text, start, not_run, expected or language == "output"))
            not_run, expected = "", False
        elif line.strip() and (not_run or expected):
            raise PageError(f"{page.name}:{start}: `not run` and `output` stand right above the snippet they speak of")
    return snippets


def _until(lines: list[str], at: int, end: str, page: Path, start: int, indent: int = 0) -> tuple[str, int]:
    taken = []
    while at < len(lines):
        if lines[at].strip() == end:
            return "\n".join(taken) + "\n", at + 1
        taken.append(lines[at][indent:] if not lines[at][:indent].strip() else lines[at])
        at += 1
    raise PageError(f"{page.name}:{start}: this snippet is never closed")


def matches(expected: str, got: str) -> bool:
    """Is this the promised output? `…` stands for anything in a line, a line that is only `…` for any lines, or none.

    Spaces count as one wherever there are some: columns may be wider on the reader's machine.
    """
    pattern = ""
    for line in _lines(expected):
        pattern += r"(?:.*\n)*" if line == "…" else ".*".join(re.escape(part) for part in line.split("…")) + r"\n"
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in _lines(got))) is not None


def _lines(text: str) -> list[str]:
    return [" ".join(line.split()) for line in text.strip("\n").split("\n")] if text.strip() else []
