"""The kits as pytest fixtures and marks. In a conftest.py:  pytest_plugins = ["holdfast.testing.plugin"]

    def test_mine(netns): netns.ip("link add d0 type bridge")

    netns         a Namespace of the test's own
    make_netns    a function that makes more of them: make_netns("left")
    clock         a FakeClock
    @requires     see holdfast.testing.kinds
    kernel        the mark: skipped, with the reason, where no namespace can be made
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest

from holdfast.testing.clock import FakeClock
from holdfast.testing.kinds import probe
from holdfast.testing.netns import Namespace, unavailable

__all__ = ["clock", "make_netns", "netns"]


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "kernel: asks Linux itself, in network namespaces of its own")
    config.addinivalue_line("markers", "requires(*features): kernel features without which the test is skipped, with the reason")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("kernel") and (why := unavailable()):
        pytest.skip(f"no network namespace can be made here: {why}")
    for mark in item.iter_markers("requires"):
        for feature in mark.args:
            answer = probe(feature)
            if not answer.works:
                pytest.skip(answer.reason)


@pytest.fixture
def make_netns() -> Iterator[Callable[..., Namespace]]:
    """A function that makes namespaces; all are gone, and checked to be gone, when the test ends."""
    with contextlib.ExitStack() as stack:
        yield lambda label="ns", **options: stack.enter_context(Namespace(label, **options))


@pytest.fixture
def netns(make_netns: Callable[..., Namespace]) -> Namespace:
    """A network namespace of this test's own, with its loopback up."""
    return make_netns()


@pytest.fixture
def clock() -> FakeClock:
    """A clock that moves when told."""
    return FakeClock()
