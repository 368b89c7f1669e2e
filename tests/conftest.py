"""What holds for every test: options, marks, one seed, a home of its own; and what a full run must have done.

    --full    this is the whole suite: red when no kernel test ran (scripts/test gives it)
    --long    also the tests marked long, and hypothesis looks further
    --seed N  repeat a run: the `rng` fixture, hypothesis and the random plays start from it; each run prints its own. A long run
              draws one, to find what nobody has seen; others have the same one, so that red means that a change made it so

A test may be an `async def`: it runs on a loop of its own.
"""

from __future__ import annotations

import asyncio
import faulthandler
import inspect
import os
import random
import zlib

import hypothesis
import pytest

pytest_plugins = ["holdfast.testing.plugin"]

LONG_TIMEOUT_S = 1200
END_WITHIN_S = 20
_USUAL_SEED = 19830101

# Slowness is what pytest's timeout judges; a machine under load makes no test flaky.
_PATIENT = {"deadline": None, "suppress_health_check": [hypothesis.HealthCheck.too_slow], "print_blob": True, "derandomize": False}
hypothesis.settings.register_profile("ci", max_examples=60, **_PATIENT)
hypothesis.settings.register_profile("long", max_examples=500, **_PATIENT)


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("holdfast")
    group.addoption("--full", action="store_true", help="the whole suite: red when no test of the kernel ran")
    group.addoption("--long", action="store_true", help="also run the tests marked long; hypothesis tries more")
    group.addoption("--seed", type=int, default=None, help="repeat a run with this seed")


def pytest_configure(config: pytest.Config) -> None:
    seed = config.getoption("--seed")
    if seed is None:
        seed = random.SystemRandom().randrange(1 << 31) if config.getoption("--long") else _USUAL_SEED
    config.option.seed = seed  # the workers of a parallel run get the options, not the stash
    os.environ.setdefault("HOLDFAST_SEED", str(seed))  # for what is drawn when a module is imported
    if config.getoption("hypothesis_seed", None) is None:
        config.option.hypothesis_seed = seed
    hypothesis.settings.load_profile("long" if config.getoption("--long") else "ci")


def pytest_report_header(config: pytest.Config) -> str:
    return f"seed: {config.option.seed} (repeat with --seed {config.option.seed})"


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        marked, long = item.get_closest_marker("long"), config.getoption("--long")
        if marked and not long:
            item.add_marker(pytest.mark.skip(reason="marked long: runs with --long"))
        if (marked or (long and "property" in item.path.parts)) and not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(LONG_TIMEOUT_S))


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """Run a coroutine test; without this pytest refuses it."""
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = inspect.signature(pyfuncitem.obj).parameters
    asyncio.run(pyfuncitem.obj(**{name: value for name, value in pyfuncitem.funcargs.items() if name in wanted}))
    return True


# ------------------------------------------------------------------------------------------------------ what a run did


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    config = session.config
    if hasattr(config, "workerinput") or not config.getoption("--full") or config.getoption("collectonly"):
        return
    if not _kernel_tests(config) or _failed_checks():
        session.exitstatus = session.exitstatus or pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if not config.getoption("--full"):
        return
    terminalreporter.section("the whole run")
    for line in filter(None, os.environ.get("HOLDFAST_CHECKS", "").split(";")):
        terminalreporter.write_line(line, red="FAILED" in line)
    ran = _kernel_tests(config)
    terminalreporter.write_line(f"tests of the kernel that ran: {ran}", red=not ran)
    if not ran:
        terminalreporter.write_line(
            "FAILED: no test asked the kernel, so nothing is proven; the reasons for the skips stand above, and "
            "`scripts/private true` says what this system does not allow",
            red=True,
        )


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    """A thread that a failed test left busy would keep the finished run from ending: show it, and end all the same.

    A worker waits for the others, and is ended by who began it.
    """
    if hasattr(config, "workerinput"):
        return
    faulthandler.dump_traceback_later(END_WITHIN_S, exit=True)


def _kernel_tests(config: pytest.Config) -> int:
    """How many tests of the kernel were not skipped."""
    stats = config.pluginmanager.get_plugin("terminalreporter").stats
    ran = (*stats.get("passed", ()), *stats.get("failed", ()))
    return sum(report.when == "call" and "kernel" in report.keywords for report in ran)


def _failed_checks() -> bool:
    return "FAILED" in os.environ.get("HOLDFAST_CHECKS", "")


# ------------------------------------------------------------------------------------------------------------ fixtures


@pytest.fixture(autouse=True)
def _own_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes the state of whoever runs it."""
    home = tmp_path_factory.getbasetemp() / "home"
    home.mkdir(exist_ok=True)
    monkeypatch.setenv("HOLDFAST_HOME", str(home))


@pytest.fixture
def rng(request: pytest.FixtureRequest) -> random.Random:
    """Randomness that the run's printed seed brings back, different for each test."""
    return random.Random(request.config.option.seed ^ zlib.crc32(request.node.nodeid.encode()))
