"""Files that are made from others are up to date: a stale page or twin lies."""

from __future__ import annotations

import pytest

from scripts.generators import PROJECT, made

FILES = made()


@pytest.mark.parametrize("path", FILES)
def test_the_file_is_what_its_generator_makes(path: str) -> None:
    assert (PROJECT / path).exists(), f"{path} is missing; scripts/generate makes it"
    assert (PROJECT / path).read_text("utf-8") == FILES[path], f"{path} is old; scripts/generate makes it new"


@pytest.mark.parametrize("path", FILES)
def test_the_file_names_its_generator(path: str) -> None:
    assert any("scripts/generat" in line for line in FILES[path].splitlines()[:5])
