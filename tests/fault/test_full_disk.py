"""The disk fills up under a database, and has room again: everything goes on in memory and comes back, and nothing is missing."""

from __future__ import annotations

import asyncio
import contextlib
import glob
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from holdfast.database import private
from holdfast.database import refuge as refuge_module
from holdfast.database.check import check, worst
from holdfast.database.home import Transaction
from holdfast.database.lock import holder_of
from holdfast.database.retention import Keep, Retention
from holdfast.database.sqlite import Database, open_reader
from holdfast.errors import Compacted, Unavailable
from holdfast.model import INTERFACES, NEXTHOPS, TABLES
from holdfast.testing.netns import Namespace
from holdfast.tree.commit import Proposal
from holdfast.tree.core import Core
from holdfast.tree.edit import Put
from holdfast.tree.head import value_of
from holdfast.tree.pending import answered

pytestmark = pytest.mark.kernel  # mounts a small file system in the private network's mount namespace


class Disk:
    """A small tmpfs that can be filled and freed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._ballast = path / "ballast"

    def fill(self) -> None:
        with open(self._ballast, "ab", buffering=0) as file, contextlib.suppress(OSError):
            for size in (1 << 20, 4096, 1):
                with contextlib.suppress(OSError):
                    while True:
                        file.write(bytes(size))

    def free(self) -> None:
        self._ballast.unlink()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    path = tmp_path / "disk"
    path.mkdir()
    done = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(path)], capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"no small file system here: {done.stderr.strip()}")
    try:
        yield Disk(path)
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True)


def put(database: Database, *ids: int, oif: int = 254) -> None:
    database.write(lambda tx: tx.put(NEXTHOPS, "here", ("id", "oif"), [list(ids), [oif] * len(ids)])).result(10)


def drop(database: Database, condition: str) -> None:
    database.write(lambda tx: tx.delete_where(NEXTHOPS, "here", condition)).result(10)


def until(condition: Callable[[], Any], timeout_s: float = 15) -> None:
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "it did not become true"
        time.sleep(0.02)


def force_away(database: Database) -> None:
    """Write until the disk refuses."""
    number = 10_000
    while database.away is None:
        number += 200
        with contextlib.suppress(Unavailable):
            put(database, *range(number, number + 200))
        assert number < 100_000, "the disk does not get full"


def open_files() -> list[str]:
    return [os.readlink(one) for one in glob.glob("/proc/self/fd/*") if os.path.islink(one)]


def story(database: Any, since: int = 0) -> list[tuple[Any, ...]]:
    return [(one.revision, one.op, one.row["id"], one.old and one.old["oif"]) for one in database.changes("nexthops", since)]


def test_all_that_happens_while_the_disk_is_full_is_there_afterwards(disk: Disk) -> None:
    path = str(disk.path / "node.db")
    with Database(path) as database:
        put(database, 1, 2, 3)
        database.write(lambda tx: tx.put(INTERFACES, "here", ("ifindex", "ifname"), [[1], ["lo"]])).result()
        begun = database.revision
        disk.fill()
        force_away(database)
        assert database.away is not None
        before = database.away.revision
        put(database, 5)
        put(database, 1, oif=100)
        drop(database, "id = 2")
        put(database, 6)
        drop(database, "id = 6")
        in_memory = story(database, begun)
        rows = database.fetch("SELECT id, oif, since FROM nexthops ORDER BY id")
        disk.free()
        until(lambda: database.away is None)
        assert story(database, begun) == in_memory
        assert database.fetch("SELECT id, oif, since FROM nexthops ORDER BY id") == rows
        put(database, 7)
        [[said, details]] = database.fetch("SELECT message, details FROM log WHERE kind = 'gap'")
        assert "the disk could not be written for" in said and "is here" in said
        assert f'"from":{before},' in details and '"missing":null' in details
        last = database.revision
    assert worst(check(path)) is None
    with Database(path) as database:
        assert story(database, begun)[: len(in_memory)] == in_memory
        assert database.clean and database.revision > last


def test_nothing_is_left_in_memory(disk: Disk) -> None:
    path = str(disk.path / "node.db")
    with Database(path) as database:
        for _ in range(2):
            disk.fill()
            force_away(database)
            place = (holder_of(path + ".lock") or {})["refuge"]
            database.fetch("SELECT 1")
            assert glob.glob(f"{place}*")
            disk.free()
            until(lambda: database.away is None)
            drop(database, "")
            assert not glob.glob(f"{place}*")
            assert [link for link in open_files() if link.startswith(place)] == []
    assert [link for link in open_files() if link.startswith(path)] == []


def test_readers_in_this_process_and_in_others_see_what_is_in_memory(disk: Disk) -> None:
    path = str(disk.path / "node.db")
    with Database(path) as database:
        put(database, 1)
        disk.fill()
        force_away(database)
        put(database, 5)
        assert database.fetchone("SELECT count(*) FROM nexthops WHERE id = 5") == (1,)
        told = holder_of(path + ".lock")
        assert told is not None
        with open_reader(told["refuge"]) as other:
            assert other.fetchone("SELECT count(*) FROM nexthops WHERE id = 5") == (1,)
            assert other.id == database.id
        disk.free()
        until(lambda: database.away is None)
        until(lambda: "refuge" not in (holder_of(path + ".lock") or {}))  # told a moment later
        with open_reader(path) as other:
            assert other.fetchone("SELECT count(*) FROM nexthops WHERE id = 5") == (1,)


def test_what_must_be_on_the_disk_is_refused_meanwhile(disk: Disk) -> None:
    def job(tx: Transaction) -> None:
        tx.put(NEXTHOPS, "here", ("id", "oif"), [[9], [1]])

    with Database(str(disk.path / "node.db")) as database:
        disk.fill()
        force_away(database)
        refused: Future[None] = database.write(job, durable=True)
        with pytest.raises(Unavailable, match="the disk cannot be written"):
            refused.result(10)
        with pytest.raises(Unavailable, match="a copy would lack it"):
            database.backup(str(disk.path.parent / "copy.db"))
        disk.free()
        until(lambda: database.away is None)
        database.write(job, durable=True).result(10)


def test_who_watches_loses_nothing_and_is_told_nothing_twice(disk: Disk) -> None:
    with Database(str(disk.path / "node.db")) as database:
        seen: list[tuple[Any, ...]] = []
        cursor = begun = database.revision

        def look() -> None:
            nonlocal cursor
            now = database.revision
            seen.extend(story_until(database, cursor, now))
            cursor = now

        put(database, 1)
        look()
        disk.fill()
        force_away(database)
        look()
        for number in range(20, 40):
            put(database, number)
            look()
        disk.free()
        until(lambda: database.away is None)
        put(database, 41)
        look()
        assert seen == story(database, begun)
        assert [one[2] for one in seen if one[2] < 100] == [1, *range(20, 40), 41]


def story_until(database: Database, since: int, upto: int) -> list[tuple[Any, ...]]:
    return [(c.revision, c.op, c.row["id"], c.old and c.old["oif"]) for c in database.changes("nexthops", since, upto)]


def test_more_than_memory_holds_leaves_the_net_difference_and_says_which_revisions_are_missing(
    disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refuge_module, "KEPT_AWAY", Retention(Keep(rows=40, bytes=None, age=None)))
    path = str(disk.path / "node.db")
    with Database(path) as database:
        put(database, 1, 2, 3)
        disk.fill()
        force_away(database)
        assert database.away is not None
        before = database.away.revision
        drop(database, "id = 2")
        for oif in range(1000, 2500):
            put(database, 1, oif=oif)
        until(lambda: (database.fetchone("SELECT value FROM meta WHERE name = 'oldest_nexthops'") or (0,))[0] > before)
        disk.free()
        until(lambda: database.away is None)
        [[message, details]] = database.fetch("SELECT message, details FROM log WHERE kind = 'gap'")
        assert "which were more than memory holds" in message
        assert '"missing":[' in details
        with pytest.raises(Compacted, match="was lost"):
            database.changes("nexthops", before + 2)
        changes = database.changes("nexthops", before)
        assert [one.row["id"] for one in changes if one.op == "delete"] == [2]
        mine = [one for one in changes if one.row["id"] == 1]
        assert mine[0].old is not None and mine[0].old["oif"] == 254, "from what was there before"
        assert mine[-1].row["oif"] == 2499
        assert all(one.old is not None for one in mine)
        assert database.fetchone("SELECT oif FROM nexthops WHERE id = 1") == (2499,)
    assert worst(check(path)) is None


CRASH = """
import os, sys
from holdfast.database import revisions, sqlite
from holdfast.database.sqlite import Database
from holdfast.errors import Unavailable
from holdfast.model import NEXTHOPS
revisions.BLOCK = sqlite.BLOCK = 500
database = Database(sys.argv[1])
number = 10000
def put(*ids):
    database.write(lambda tx: tx.put(NEXTHOPS, "here", ("id", "oif"), [list(ids), [1] * len(ids)])).result()
with open(sys.argv[2], "ab", buffering=0) as file:
    for size in (1 << 20, 4096, 1):
        try:
            while True: file.write(bytes(size))
        except OSError: pass
while database.away is None:
    number += 200
    try: put(*range(number, number + 200))
    except Unavailable: pass
for one in range(2000):
    database.write(lambda tx, one=one: tx.put(NEXTHOPS, "here", ("id", "oif"), [[5], [one + 1]]))
put(1)
print(database.away.revision, database.revision, database._refuge._place[0], flush=True)
os.kill(os.getpid(), 9)
"""


def test_killed_in_memory_no_number_is_given_twice_and_what_is_lost_is_known(disk: Disk) -> None:
    path = str(disk.path / "node.db")
    command = [sys.executable, "-c", CRASH, path, str(disk.path / "ballast")]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)
    before, last = map(int, done.stdout.split()[:2])
    left = done.stdout.split()[2]
    assert os.path.exists(left)
    assert last > before + 1500, "more numbers than the file has reserved"
    disk.free()
    with Database(path) as database:
        assert not glob.glob(f"{left}*"), "what the killed process had in memory goes"
        assert not database.clean
        assert database.revision > last, "a number that was told means something else now"
        for lost in (before + 1, last):
            with pytest.raises(Compacted, match="was lost"):
                database.changes("nexthops", lost)
        assert database.changes("nexthops", before) == []
    assert worst(check(path)) is None


def test_closing_while_the_disk_is_full_is_said_and_leaves_a_file_that_opens(disk: Disk, caplog: pytest.LogCaptureFixture) -> None:
    path = str(disk.path / "node.db")
    database = Database(path)
    put(database, 1)
    disk.fill()
    force_away(database)
    assert database.away is not None
    before = database.away.revision
    put(database, 5)
    last = database.revision
    database.close()
    assert f"what happened after revision {before} is lost" in caplog.text
    disk.free()
    with Database(path) as database:
        assert database.fetchone("SELECT count(*) FROM nexthops WHERE id = 5") == (0,)
        assert database.revision > last
        with pytest.raises(Compacted, match="was lost"):
            database.changes("nexthops", last)
    assert worst(check(path)) is None


def test_a_full_disk_is_no_reason_to_lose_a_table(disk: Disk) -> None:
    """All tables of the model go there and come back, empty or not."""
    with Database(str(disk.path / "node.db")) as database:
        disk.fill()
        force_away(database)
        names = {name for (name,) in database.fetch("SELECT name FROM sqlite_schema WHERE type IN ('table', 'index', 'view')")}
        assert names >= set(TABLES) | {f"{name}_history" for name in TABLES}
        disk.free()
        until(lambda: database.away is None)
        assert names <= {name for (name,) in database.fetch("SELECT name FROM sqlite_schema WHERE type IN ('table', 'index', 'view')")}


# ------------------------------------------------------------------------------------------- a disk that is full at the start


def cut(path: Path) -> None:
    """What a clean stop leaves: the file alone, without what is in memory beside it."""
    assert not os.path.exists(f"{path}-wal") and not os.path.exists(f"{path}-shm")


def full_with_history(disk: Disk) -> tuple[str, int]:
    """A closed database with some history on a full disk, and its last revision."""
    path = str(disk.path / "node.db")
    with Database(path) as database:
        for oif in (1, 2, 3):
            put(database, 1, 2, oif=oif)
        drop(database, "id = 2")
        last = database.revision
    cut(Path(path))
    disk.fill()
    return path, last


def oifs(database: Any, at: int) -> list[tuple[Any, ...]]:
    return list(database.query("SELECT id, oif FROM nexthops ORDER BY id", at=at))


def test_a_start_on_a_full_disk_goes_on_in_memory_and_comes_home(disk: Disk, caplog: pytest.LogCaptureFixture) -> None:
    path, last = full_with_history(disk)
    with Database(path) as database:
        assert database.away is not None
        assert database.away.revision == last
        assert f"begun in memory after revision {last}" in caplog.text
        assert database.fetch("SELECT id, oif FROM nexthops") == [(1, 3)]
        assert oifs(database, last - 2) == [(1, 2), (2, 2)] and oifs(database, last - 1) == [(1, 3), (2, 3)]
        put(database, 1, oif=7)
        put(database, 5)
        told = story(database, 1)
        with open_reader(path) as other:
            assert story(other, 1) == told, "another process reads the same past"
            assert oifs(other, last - 2) == [(1, 2), (2, 2)]
        disk.free()
        until(lambda: database.away is None)
        assert story(database, 1) == told
        [(details,)] = database.fetch("SELECT details FROM log WHERE kind = 'gap'")
        assert f'"from":{last},' in details and '"missing":null' in details
        kinds = database.fetch("SELECT kind FROM log WHERE kind <> 'live' ORDER BY revision")
        assert kinds == [("start",), ("start",), ("gap",)]
    assert worst(check(path)) is None
    with Database(path) as database:
        assert story(database, 1)[: len(told)] == told
        assert database.clean


def test_a_start_on_a_full_disk_after_a_kill(disk: Disk) -> None:
    path = str(disk.path / "node.db")
    program = (
        "import os, sys; from holdfast.database.sqlite import Database; from holdfast.model import NEXTHOPS; d = Database(sys.argv[1])\n"
        "for oif in range(100): d.write(lambda tx: tx.put(NEXTHOPS, 'here', ('id', 'oif'), [[1], [oif]])).result()\n"
        "print(d.revision, flush=True); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", program, path], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout, done.stderr
    last = int(done.stdout)
    disk.fill()
    with Database(path) as database:
        until(lambda: database.fetch("SELECT id, oif FROM nexthops") == [(1, 99)])
        assert database.revision > last and not database.clean
        force_away(database)
        assert oifs(database, last - 1) == [(1, 98)]
        with pytest.raises(Compacted, match="was lost"):
            database.changes("nexthops", last + 1)
        disk.free()
        until(lambda: database.away is None)
        assert oifs(database, last - 1) == [(1, 98)]
        with pytest.raises(Compacted, match="was lost"):
            database.changes("nexthops", last + 1)
    assert worst(check(path)) is None


BEGIN = """
import os, sys
from holdfast.database.sqlite import Database
from holdfast.model import NEXTHOPS
database = Database(sys.argv[1])
database.write(lambda tx: tx.put(NEXTHOPS, "here", ("id", "oif"), [[5], [1]])).result()
print(database.away.revision, database.revision, flush=True)
os.kill(os.getpid(), 9)
"""


def test_killed_in_memory_after_a_start_there_what_is_lost_is_known(disk: Disk) -> None:
    path, last = full_with_history(disk)
    given = last
    for _ in range(2):  # the second goes on behind what the first one gave
        done = subprocess.run([sys.executable, "-c", BEGIN, path], capture_output=True, text=True, check=False, timeout=60)
        before, now = map(int, done.stdout.split())
        assert before == last
        assert now > given + 1, "a number that was told means something else now"
        given = now
    disk.free()
    with Database(path) as database:
        assert not database.clean and database.revision > given
        with pytest.raises(Compacted, match="was lost"):
            database.changes("nexthops", given)
        assert oifs(database, last - 2) == [(1, 2), (2, 2)]
    assert worst(check(path)) is None


def test_a_new_file_or_one_of_another_version_wants_room(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    path, last = full_with_history(disk)
    drawn, draw = [], private.secrets.token_hex  # what is in memory has a name of its own; others have theirs there as well
    monkeypatch.setattr(private.secrets, "token_hex", lambda length: drawn.append(draw(length)) or drawn[-1])
    few = tuple(table for table in TABLES.values() if table.name in ("nexthops", "interfaces"))
    with pytest.raises(Unavailable, match="another version of Holdfast, must be written before it can be used") as refused:
        Database(path, few)
    assert "make room" in refused.value.hint
    with pytest.raises(Unavailable):
        Database(str(disk.path / "other.db"))
    assert not [left for name in drawn for left in glob.glob(f"/dev/shm/holdfast-*-{name}*")], "nothing is left in memory"
    disk.free()
    with Database(path) as database:
        assert database.away is None and database.revision > last


def test_the_past_in_the_file_can_be_read_from_memory(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also what is older than the history that goes along to memory."""
    monkeypatch.setattr(refuge_module, "_TAIL", 10)
    path = str(disk.path / "node.db")
    with Database(path) as database:
        for oif in range(100):
            put(database, 1, oif=oif)
        last = database.revision
        told, lines = story(database, 1), database.fetch("SELECT * FROM log ORDER BY revision, n")
        disk.fill()
        force_away(database)
        put(database, 1, oif=1000)
        assert database.fetch("SELECT * FROM log WHERE revision <= ? ORDER BY revision, n", (last,)) == lines
        assert story(database, 1)[: len(told)] == told
        assert oifs(database, last - 50)[:1] == [(1, 49)]
        assert database.fetch("SELECT oif FROM nexthops_at(?) WHERE id = 1", (last - 50,)) == [(49,)]
        with database.reader() as reader:
            [change] = [one for one in reader.differences("nexthops", last - 50, last) if one.row["id"] == 1]
            assert change.old is not None and (change.old["oif"], change.row["oif"]) == (49, 99)
        assert database.moment(timedelta(0)).revision == database.revision


def test_the_tree_can_be_read_on_a_full_disk_and_takes_no_commit(disk: Disk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refuge_module, "_TAIL", 1)
    path = str(disk.path / "node.db")

    async def work() -> None:
        with Database(path) as database:
            tree = Core(database)
            await tree.start()
            for mtu in (1400, 1500):
                await answered(tree.commit(Proposal([Put(("r1", "mtu"), mtu)], "me", "first")))
            first = tree.log((), 0, None, 0)[-1].revision
            await asyncio.to_thread(disk.fill)
            await asyncio.to_thread(force_away, database)
            await read(tree, first)
            await tree.close()
        with Database(path) as database:  # and at a start
            assert database.away is not None
            tree = Core(database)
            await tree.start()
            await read(tree, first)
            await asyncio.to_thread(disk.free)
            await asyncio.to_thread(until, lambda: database.away is None)
            await answered(tree.commit(Proposal([Put(("r1", "mtu"), 9000)], "me", "there is room")))
            assert [one.message for one in tree.log((), 0, None, 0)] == ["there is room", "first", "first"]
            assert tree.check() == []
            await tree.close()

    async def read(tree: Core, first: int) -> None:
        assert value_of(tree.root) == {"r1": {"mtu": 1500}}
        assert tree.info_at(("r1", "mtu"), first, 0).value == 1400
        assert [one.old and value_of(one.old) for one in tree.differences(first, None, ())] == [1400]
        assert len(tree.log((), 0, None, 0)) == 2
        assert tree.blame(("r1",))[0].author == "me"
        assert tree.check() == []
        with pytest.raises(Unavailable, match="the disk cannot be written"):
            await answered(tree.commit(Proposal([Put(("r1", "mtu"), 1)], "me", "")))
        assert value_of(tree.root) == {"r1": {"mtu": 1500}}

    asyncio.run(work())


# ------------------------------------------------------------------------------------------------- a node, from outside

PROGRAM = [sys.executable, "-m", "holdfast.cli"]


def holdfast(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*PROGRAM, *words], capture_output=True, text=True, check=True, timeout=30)


def lines_of(process: subprocess.Popen[str]) -> list[str]:
    """The lines of stdout as they come."""
    lines: list[str] = []

    def read() -> None:
        assert process.stdout is not None
        with contextlib.suppress(ValueError):  # closed
            lines.extend(process.stdout)  # grows line by line

    threading.Thread(target=read, daemon=True).start()
    return lines


@pytest.mark.long
def test_a_node_goes_on_says_so_and_comes_back_and_a_watch_beside_it_misses_nothing(disk: Disk, netns: Namespace) -> None:
    netns.veth("v0", "v1")
    netns.batch(["link set v0 up", "link set v1 up"])
    path = str(disk.path / "node.db")
    options = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with contextlib.ExitStack() as stack:
        def start(*words: str) -> list[str]:
            process = stack.enter_context(subprocess.Popen([*PROGRAM, *words], **options))
            stack.callback(process.terminate)
            return lines_of(process)

        node = start("run", "--db", path, "--no-local", "--netns", netns.name, "--log", "text")
        until(lambda: any("follows" in line for line in node))
        watch = start("watch", "routes", "--db", path, "--json")
        begin = time.monotonic()
        while not watch:  # it begins with what changes from then on
            assert time.monotonic() < begin + 30
            netns.ip("route add 10.99.98.0/24 dev v0")
            time.sleep(0.1)
            netns.ip("route del 10.99.98.0/24 dev v0")
        disk.fill()
        routes = [f"10.{n >> 8}.{n & 255}.0/24" for n in range(2000)]
        netns.batch([f"route add {one} dev v0" for one in routes])
        until(lambda: any("going on in memory after revision" in line for line in node), 30)
        netns.batch([f"route del {one} dev v0" for one in routes[:500]])
        shown = ""

        def up_to_date() -> bool:
            nonlocal shown
            done = holdfast("sql", "SELECT count(*) FROM routes WHERE dst LIKE '10.%' AND dst_len = 24", "--db", path, "--csv")
            shown = done.stderr
            return "1500" in done.stdout.split()

        until(up_to_date, 30)
        assert "the node's disk is full: it has been in memory since" in shown
        disk.free()
        until(lambda: any("there is room again" in line for line in node), 30)
        netns.ip("route add 10.99.99.0/24 dev v0")
        until(lambda: any('"10.99.99.0"' in line for line in watch), 30)
        assert any("the node's disk is full" in line for line in watch)
    told = [json.loads(line) for line in watch if line.startswith("{")]
    there: set[str] = set()
    for one in told:
        if one["row"]["family"] == 10:
            continue  # link-local ones come when their addresses have been tried, which may be while it is watched
        (there.add if one["op"] == "put" else there.discard)(one["row"]["dst"])
    kernel = {route["dst"].partition("/")[0] for route in netns.ip_json("-4 route show table main")}
    assert there == kernel
    with Database(path) as database:
        gaps = [row[0] for row in database.fetch("SELECT message FROM log WHERE kind = 'gap'")]
        assert any("is here" in gap for gap in gaps)
    assert worst(check(path)) is None
