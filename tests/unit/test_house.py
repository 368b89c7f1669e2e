"""The rules of the house that no tool checks: words, sizes, light imports, documented names."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import holdfast

PROJECT = Path(__file__).resolve().parents[2]
SKIP = {"__pycache__", "build", "dist", "holdfast.egg-info"}
LINES = 800


def files() -> Iterator[Path]:
    """The project's own text files: what git keeps, without asking git, so that an unpacked archive is checked as well."""
    for folder, folders, names in os.walk(PROJECT):
        hidden = {name for name in folders if name.startswith(".") and name != ".ci"}
        folders[:] = sorted(set(folders) - hidden - SKIP)
        for name in sorted(names):
            path = Path(folder, name)
            if path.suffix in {".py", ".md", ".toml", ".sh", ".txt", ".go", ".sql", ""} and name != "LICENSE":
                yield path


# Written in pieces, so that this file does not forbid itself.
FORBIDDEN = {
    r"(?<![\w./-])/(?:work|root)" + r"/": "a path of one particular machine",
    "/tmp" + "/hv": "a path of one particular machine",
    r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X)\b": "unfinished work belongs into the issue tracker",
    r"raise NotImplemented" + "Error": "a stub; an abstract method is a Protocol or says NotSupported",
    r"^(?:<{7}|>{7}|={7})(?: |$)": "a merge conflict",
}


def test_no_forbidden_words() -> None:
    found = [
        f"{path.relative_to(PROJECT)}:{number}: `{match[0]}`: {why}"
        for path in files()
        for number, line in enumerate(path.read_text("utf-8", errors="replace").splitlines(), 1)
        for pattern, why in FORBIDDEN.items()
        if (match := re.search(pattern, line))
    ]
    assert not found, "\n".join(found)


def test_modules_say_what_they_are_and_stay_small() -> None:
    wrong = []
    for path in sorted((PROJECT / "src").rglob("*.py")):
        text = path.read_text("utf-8")
        doc = ast.get_docstring(ast.parse(text)) or ""
        if len(doc) < 10:
            wrong.append(f"{path.relative_to(PROJECT)}: its docstring says nothing")
        if (lines := text.count("\n")) > LINES and "one piece" not in doc:
            wrong.append(f"{path.relative_to(PROJECT)}: {lines} lines; find the second noun, or say in the docstring why it is one piece")
    assert not wrong, "\n".join(wrong)


def test_importing_the_library_is_light() -> None:
    """`import holdfast` must not load what only the command line, the tests or a later part need."""
    heavy = {"click", "typer", "rich", "prompt_toolkit", "pytest", "hypothesis", "pyroute2", "aiohttp", "apsw", "asyncio"}
    code = f"import sys, holdfast; print(*sorted({heavy!r} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_public_names_exist_and_are_documented() -> None:
    silent = []
    for name in holdfast.__all__:
        thing = getattr(holdfast, name)
        if callable(thing) and not (thing.__doc__ or "").strip():
            silent.append(name)
    assert not silent, f"public and without a docstring: {', '.join(silent)}"


def test_the_version_is_said_once() -> None:
    assert f'version = "{holdfast.__version__}"' in (PROJECT / "pyproject.toml").read_text("utf-8")
    assert holdfast.__version__ in (PROJECT / "CHANGELOG.md").read_text("utf-8")


def test_scripts_can_be_executed() -> None:
    scripts = [".ci/run", *(f"scripts/{name}" for name in ("emulated", "generate", "private", "run", "test"))]
    assert [name for name in scripts if not os.access(PROJECT / name, os.X_OK)] == []
