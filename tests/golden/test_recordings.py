"""Does a recording give the tables it always gave?  Each file in recordings/, held against the JSON beside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.golden.replayed import RECORDINGS, replayed

FILES = sorted(RECORDINGS.glob("*.hfrec"))


def test_there_are_recordings() -> None:
    assert FILES


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_a_recording_gives_the_tables_it_always_gave(path: Path) -> None:
    stored = path.with_suffix(".json")
    assert stored.exists(), f"no {stored.name}: `python -m tests.golden.replayed {path}` writes it"
    told = replayed(path)
    expected = json.loads(stored.read_text())
    assert told.keys() == expected.keys()
    for name, rows in expected.items():
        assert told[name] == rows, name
