"""A command comes while a node begins: the node has its file, and not yet its socket."""

from __future__ import annotations

import asyncio
import os
import shlex
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from holdfast.api.verb import verb
from holdfast.client.unix import UnixClient
from holdfast.database.lock import Lock, holder_of
from holdfast.errors import Busy, Unavailable
from holdfast.server.unix import UnixServer


class Echo:
    @verb()
    async def say(self, word: str) -> str:
        return word


@pytest.fixture(params=["node.db", "node"])
def lock(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Lock]:
    """Of a database with the usual suffix, and of one without."""
    one = Lock(str(tmp_path / f"{request.param}.lock"))
    yield one
    one.release()


def refused(path: Path) -> tuple[Unavailable, float]:
    began = time.monotonic()
    with pytest.raises(Unavailable) as error:
        UnixClient(str(path)).call("echo.say", word="hello")
    return error.value, time.monotonic() - began


def test_a_node_that_begins_is_waited_for(tmp_path: Path, lock: Lock) -> None:
    path = tmp_path / "node.sock"
    with socket.socket(socket.AF_UNIX) as left:  # by a killed node
        left.bind(str(path))

    async def serve(ended: asyncio.Event) -> None:
        server = UnixServer(str(path), {"echo": Echo()})
        await asyncio.sleep(0.5)
        await server.start()
        await ended.wait()
        await server.stop()

    async def work() -> list[Any]:
        ended = asyncio.Event()
        serving = asyncio.create_task(serve(ended))
        found = [await asyncio.to_thread(UnixClient(str(path)).call, "echo.say", word=word) for word in ("hello", "again")]
        ended.set()
        await serving
        return found

    assert asyncio.run(work()) == ["hello", "again"]


def test_who_never_listens_is_named(tmp_path: Path, lock: Lock) -> None:
    error, took = refused(tmp_path / "node.sock")
    assert f"no node listens at `{tmp_path}/node.sock`, and process {os.getpid()} ({shlex.join(sys.orig_argv)[:200]}) has its" in str(error)
    assert 1.5 < took < 5
    os.utime(lock.path, (time.time() - 60,) * 2)
    error, took = refused(tmp_path / "node.sock")
    assert f"process {os.getpid()}" in str(error) and took < 1, "who has had it for a minute is no node that begins"
    os.utime(lock.path)
    lock.purpose = "tree"
    lock.tell()
    error, took = refused(tmp_path / "node.sock")
    assert f"process {os.getpid()}" in str(error) and took < 1, "a program's tree has no socket"
    os.truncate(lock.path, 0)
    os.utime(lock.path, (time.time() - 60,) * 2)
    error, took = refused(tmp_path / "node.sock")
    assert "a process that does not say its number has its database" in str(error)
    assert error.hint


def test_where_nobody_is_nobody_is_waited_for(tmp_path: Path) -> None:
    for held in (False, True):
        error, took = refused(tmp_path / "node.sock")
        assert str(error).startswith(f"no node listens at `{tmp_path}/node.sock`; `holdfast run` starts one") and took < 1
        Lock(str(tmp_path / "node.db.lock")).release()
        assert held or (tmp_path / "node.db.lock").exists()


def test_who_asks_for_the_holder_is_in_nobodys_way(tmp_path: Path) -> None:
    """For a moment he holds the lock himself."""
    path = str(tmp_path / "node.db.lock")
    Lock(path).release()
    ended = threading.Event()

    def ask() -> None:
        while not ended.is_set():
            holder_of(path)

    asking = [threading.Thread(target=ask) for _ in range(2)]
    for one in asking:
        one.start()
    try:
        for _ in range(200):
            Lock(path).release()
        with_holder = Lock(path)
        with pytest.raises(Busy, match=f"is held by process {os.getpid()}"):
            Lock(path)
        with_holder.release()
    finally:
        ended.set()
        for one in asking:
            one.join()


@pytest.mark.kernel
def test_commands_that_come_with_the_node_are_answered(tmp_path: Path) -> None:
    """The whole way: `put` follows `run` at once, at different moments of its start."""
    path = tmp_path / "node.db"
    program = [sys.executable, "-m", "holdfast.cli"]
    subprocess.run([*program, "put", "r1.mtu", "1500", "--db", str(path)], capture_output=True, check=True, timeout=30)
    node = subprocess.Popen([*program, "run", "--db", str(path), "--log", "text"], stderr=subprocess.DEVNULL)
    try:
        deadline = time.monotonic() + 20
        while holder_of(f"{path}.lock") is None:
            assert time.monotonic() < deadline
            time.sleep(0.002)
        put = [*program, "put", "r1.mtu", "1400", "--db", str(path)]
        done = subprocess.run(put, capture_output=True, text=True, check=False, timeout=30)
        assert done.returncode == 0, done.stderr
    finally:
        node.terminate()
        node.wait(20)
