"""Everything that can be typed is documented: each command, each option, each table and column."""

from __future__ import annotations

from pathlib import Path

import holdfast
from holdfast.model import TABLES
from scripts.generators.cli import commands

REFERENCE = Path(__file__).resolve().parents[2] / "docs/reference"


def test_every_command_and_option_is_documented() -> None:
    page = (REFERENCE / "cli.md").read_text("utf-8")
    for path, command in commands():
        assert f"## {path}\n" in page
        for parameter in command.params:
            assert parameter.help or getattr(parameter, "hidden", False), f"`{path}`: {parameter.name} has no help"


def test_every_table_and_column_is_documented() -> None:
    page = (REFERENCE / "tables.md").read_text("utf-8")
    for table in TABLES.values():
        section = page.partition(f"\n## {table.name}\n")[2].partition("\n## ")[0]
        missing = [field.name for field in table.fields if f"| `{field.name}`" not in section]
        assert section and not missing, f"{table.name}: {missing}"
        assert all(field.doc for field in table.fields), f"{table.name}: a field without a sentence"


def test_every_public_name_is_documented() -> None:
    pages = "".join((REFERENCE / name).read_text("utf-8") for name in ("python.md", "errors.md"))
    assert [name for name in holdfast.__all__ if name not in pages] == []
