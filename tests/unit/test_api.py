"""What stands between the public classes and the loop: source specs, the log, the bridge, the twin."""

import asyncio
import importlib
import inspect
import io
import logging
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import holdfast
import holdfast.aio
from holdfast.api import bridge
from holdfast.api.aio.ndb import NDB as AioNDB
from holdfast.api.core import source_spec
from holdfast.api.log import Log
from holdfast.api.news import News
from holdfast.api.sync.ndb import NDB as SyncNDB
from holdfast.errors import InvalidValue, UsageError
from scripts.generators import sync as generator


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        ({}, {"target": "localhost", "kind": "local"}),
        ({"target": "here"}, {"target": "here", "kind": "local"}),
        ({"netns": "blue"}, {"target": "blue", "kind": "netns", "netns": "blue"}),
        ({"netns": "/run/netns/blue"}, {"target": "blue", "kind": "netns", "netns": "/run/netns/blue"}),
        ({"netns": 4711}, {"target": "4711", "kind": "netns", "netns": 4711}),
        ({"target": "c1", "netns": 4711}, {"target": "c1", "kind": "netns", "netns": 4711}),
        ({"hostname": "r1.example", "username": "me"}, {"target": "r1.example", "kind": "ssh", "hostname": "r1.example", "username": "me"}),
        ({"file": "/tmp/night.rec"}, {"target": "night.rec", "kind": "replay", "file": "/tmp/night.rec"}),
        ({"target": "localhost", "kind": "local", "nlm_generator": 1}, {"target": "localhost", "kind": "local"}),
        ({"kind": "local", "tables": ["routes"]}, {"target": "localhost", "kind": "local", "tables": ["routes"]}),
    ],
)
def test_a_source_says_its_kind_and_target_or_they_follow(spec, wanted):
    assert source_spec(spec, "localhost") == wanted


def test_the_log_goes_to_a_stream_at_a_level_and_leaves_nothing_behind():
    logger, stream = logging.getLogger("holdfast"), io.StringIO()
    before = logger.level, list(logger.handlers)
    log = Log((stream, "warning"))
    log.info("too quiet")
    log.error("loud %s", "enough")
    log.channel("part").critical("very loud")
    log.close()
    log.critical("too late")
    assert [line.split(maxsplit=2)[2] for line in stream.getvalue().splitlines()] == [
        "ERROR   holdfast: loud enough", "CRITICAL holdfast.part: very loud",
    ]  # fmt: skip
    assert (logger.level, logger.handlers) == before


def test_the_log_can_be_sent_elsewhere_later(tmp_path, capsys):
    log = Log(None)
    log(str(tmp_path / "log.txt"))
    log.info("in the file")
    log.debug("not shown")
    log("debug")
    log.debug("on standard error")
    log("off")
    log.info("nowhere")
    assert (tmp_path / "log.txt").read_text().rstrip().endswith("INFO    holdfast: in the file")
    assert capsys.readouterr().err.rstrip().endswith("DEBUG   holdfast: on standard error")


@pytest.mark.parametrize("target", [5, object(), ("on", "shouting")])
def test_the_log_refuses_what_is_no_place(target):
    with pytest.raises(InvalidValue, match="at log"):
        Log(target)


def test_the_bridge_runs_coroutines_on_one_loop_and_brings_back_what_they_raise():
    async def which():
        return threading.current_thread().name, id(asyncio.get_running_loop())

    async def fail():
        raise InvalidValue("of the coroutine")

    assert bridge.run(which()) == bridge.run(which()) and bridge.run(which())[0] == "holdfast-loop"
    with pytest.raises(InvalidValue, match="of the coroutine"):
        bridge.run(fail())


def test_the_bridge_gives_up_at_any_moment_without_a_word():
    """Interrupted 800 times within the 1.5 ms that a call takes: nothing is reported of what nobody waits for any more."""
    code = """if True:
        import asyncio, random, signal
        from holdfast.api import bridge

        def interrupt(*_):
            raise KeyboardInterrupt

        async def fail():
            try:
                await asyncio.sleep(0.0005)
            finally:
                raise ValueError("late")

        signal.signal(signal.SIGALRM, interrupt)
        moments, seen = random.Random(1), set()
        for _ in range(800):
            try:
                try:
                    signal.setitimer(signal.ITIMER_REAL, moments.uniform(0.00001, 0.0015))
                    bridge.run(fail())
                except ValueError:
                    seen.add("ended")
                signal.setitimer(signal.ITIMER_REAL, 0)
            except KeyboardInterrupt:
                seen.add("interrupted")
        print(*sorted(seen))
    """
    program = [sys.executable, "-W", "ignore::RuntimeWarning", "-c", code]  # it may be interrupted between `fail()` and `run`
    done = subprocess.run(program, capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout, done.stderr) == ("ended interrupted\n", "")


def test_the_bridge_hears_what_ends_in_the_last_round_of_its_loop():
    code = """if True:
        import asyncio, os
        from holdfast.api import bridge

        async def fail():
            asyncio.get_running_loop().stop()
            raise ValueError("late")

        try:
            bridge.run(fail())
        except ValueError as error:
            print(error, flush=True)
        os._exit(0)  # at a usual end the loop would be stopped once more
    """
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=20, check=False)
    assert (done.stdout, done.stderr) == ("late\n", "")


def test_the_bridge_does_not_wait_for_itself():
    async def inner():
        return bridge.run(asyncio.sleep(0))

    with pytest.raises(UsageError, match="inside the loop's own thread") as caught:
        bridge.run(inner())
    assert "holdfast.aio" in str(caught.value)


def test_what_waits_here_may_stand_inside_another_loop():
    async def main():
        return bridge.run(asyncio.sleep(0, "done"))

    assert asyncio.run(main()) == "done"


def test_the_synchronous_twin_is_made_from_the_asynchronous_text():
    for path, text in generator.files().items():
        assert (Path(__file__).resolve().parents[2] / path).read_text("utf-8") == text, "scripts/generate makes it new"


TREE = ("tree", "transaction", "drafts", "session", "history", "listening", "extending")


def test_both_faces_have_the_same_methods_with_the_same_arguments():
    parts = ["ndb", "view", "sources", "transaction", "watch", "db", *(f"tree.{part}" for part in TREE)]
    pairs = [(importlib.import_module(f"holdfast.api.aio.{part}"), importlib.import_module(f"holdfast.api.sync.{part}")) for part in parts]
    for name, there, here in [(name, getattr(one, name), getattr(two, name)) for one, two in pairs for name in one.__all__]:
        for method, function in vars(there).items():
            if inspect.isfunction(function) and method != "__await__":
                twin = vars(here)[generator.NAMES.get(method, method)]
                assert not inspect.iscoroutinefunction(twin)
                assert inspect.signature(twin).parameters.keys() == inspect.signature(function).parameters.keys(), f"{name}.{method}"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        ("async def f():\n    return await g()", "def f():\n    return run(g())"),
        ("async def f():\n    return await in_worker(g, 1, a=2)", "def f():\n    return g(1, a=2)"),
        ("async def f():\n    await in_worker(g)", "def f():\n    g()"),
        ("async def f():\n    return (await in_worker(lambda: g(1)))[0]", "def f():\n    return (g(1))[0]"),
        ("async def f(self):\n    await self.db.backup(1)", "def f(self):\n    self.db.backup(1)"),
        ("async def f(self):\n    await self._core.add(1)", "def f(self):\n    run(self._core.add(1))"),
        ("async def __anext__(self):\n    raise StopAsyncIteration", "def __next__(self):\n    raise StopIteration"),
        ("async def f():\n    '''async with x: await y'''\n    # a remark, kept", "def f():\n    '''with x: y'''\n    # a remark, kept"),
    ],
)
def test_how_the_twin_is_made(text, wanted):
    made = generator.twin(f'"""Head."""\n{text}\n', "aio/one.py")
    assert made.removeprefix(f'{generator.MADE.format(name="aio/one.py")}\n"""Head."""').strip() == wanted


async def test_news_wake_those_who_wait_for_the_table_and_no_others():
    news, looked, state = News(), [], {"routes": 0}

    def look():
        looked.append(state["routes"])
        return state["routes"] or None

    waiting = asyncio.create_task(news.first(["routes"], look))
    await asyncio.sleep(0.05)
    state["routes"] = 7
    news.tell(["rules"])
    await asyncio.sleep(0.02)
    assert looked == [0]
    await asyncio.to_thread(news.tell, ["routes", "rules"])
    assert await asyncio.wait_for(waiting, 5) == 7 and looked == [0, 7]


async def test_a_change_behind_a_looks_back_is_not_missed():
    news, looked = News(), []

    def look():
        looked.append(1)
        if len(looked) == 1:
            news.tell(["routes"])  # committed after we read, before we answer
            return None
        return "seen"

    assert await asyncio.wait_for(news.first(["routes"], look), 5) == "seen"


def test_the_package_is_light_and_lazy():
    code = "import sys, holdfast; print(*sys.modules)"
    loaded = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    assert not {"asyncio", "apsw", "msgspec", "socket", "holdfast.errors"} & set(loaded)
    assert set(holdfast.__all__) <= set(dir(holdfast)) and all(getattr(holdfast, name) for name in holdfast.__all__)
    code = "import holdfast; print(holdfast.errors.Conflict.__name__, holdfast.aio.NDB.__name__)"  # without having imported them
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "Conflict NDB\n"
    with pytest.raises(AttributeError, match="module `holdfast` has no `colours`"):
        _ = holdfast.colours
    assert holdfast.NDB is SyncNDB and holdfast.aio.NDB is AioNDB and holdfast.NetlinkError is holdfast.KernelError
