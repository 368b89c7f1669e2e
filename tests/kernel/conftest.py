"""Every test in this folder asks Linux: it is marked `kernel`, and leaves no namespace behind."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from holdfast.testing.netns import PREFIX

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.kernel)


@pytest.fixture(scope="session", autouse=True)
def _no_namespace_stays() -> Iterator[None]:
    yield
    mine = [path.name for path in Path("/run/netns").glob(f"{PREFIX}*-{os.getpid()}-*")]
    assert not mine, f"tests left network namespaces behind: {', '.join(mine)}"
