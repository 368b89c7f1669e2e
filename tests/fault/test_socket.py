"""The worst days of a netlink socket: lost events, torn dumps, small buffers, a close from behind, an end of its namespace."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator

import pytest

from holdfast.errors import Closed, Denied, KernelError, Lost, SourceEnded, Timeout
from holdfast.model import TABLES
from holdfast.netlink.batch import Batch
from holdfast.netlink.codec import decode
from holdfast.netlink.socket import Socket
from holdfast.netlink.uapi import number
from holdfast.netlink.wire import message
from holdfast.sources import make
from holdfast.testing.netns import Namespace

pytestmark = pytest.mark.kernel

ROUTES = message(number("RTM_GETROUTE"), 0, 0, bytes([number("AF_INET")]) + bytes(11))
LINKS = message(number("RTM_GETLINK"), 0, 0, bytes(16))


@pytest.fixture
def asks(netns: Namespace) -> Iterator[Socket]:
    one = netns.call(Socket)
    yield one
    one.close()


def many_routes(netns: Namespace, count: int, verb: str = "add") -> None:
    netns.batch(f"route {verb} 10.{n >> 8}.{n & 255}.0/24 dev lo" for n in range(count))


def listen(netns: Namespace, rcvbuf: int) -> Socket:
    return netns.call(lambda: Socket([number("RTNLGRP_IPV4_ROUTE"), number("RTNLGRP_LINK")], rcvbuf=rcvbuf))


# -- losses ------------------------------------------------------------------------------------------------------------


def test_lost_events_are_noticed_and_counted(netns: Namespace) -> None:
    events = listen(netns, rcvbuf=4096)
    assert events.rcvbuf < 10_000
    many_routes(netns, 2_000)
    with pytest.raises(Lost, match=r"events were lost: the receive buffer of \d+ bytes was full; the state is read anew"):
        events.drain()
    kept = events.drain()
    assert 0 < len(kept) < 10_000, "what was queued before the loss is handed out"
    assert events.drain() == b""
    assert events.lost == 1
    netns.ip("route add 11.0.0.0/8 dev lo")
    assert events.drain(), "and it goes on"
    assert events.lost == 1
    events.close()


def test_what_is_stored_comes_with_the_next_drains_in_its_place(netns: Namespace) -> None:
    events = listen(netns, rcvbuf=1 << 20)
    rounds = 20
    for start in range(rounds):  # three times what the buffer holds
        netns.batch([f"route add 10.{start}.{n}.0/24 dev lo" for n in range(250)])
        assert events.pressure() > 0
        events.store()
        assert events.pressure() == 0
    netns.ip("route add 11.0.0.0/8 dev lo")
    assert events.pressure() > 0
    data = b""
    while more := events.drain(limit=50_000):
        assert len(more) < 100_000 or not data, "a stored piece is handed out whole"
        data += more
    told = [dst.split(".")[1] for batch in decode(data) if isinstance(batch, Batch) for dst in batch.column("dst")]
    assert told == [*(str(place) for place in range(rounds) for _ in range(250)), "0"]
    assert events.lost == 0
    events.close()
    assert events.pressure() == 0


def test_a_loss_that_storing_meets_is_told_by_drain(netns: Namespace) -> None:
    events = listen(netns, rcvbuf=4096)
    many_routes(netns, 2_000)
    events.store()
    with pytest.raises(Lost):
        events.drain()
    assert events.drain()
    assert events.drain() == b""
    assert events.lost == 1
    events.close()


def test_a_large_buffer_loses_nothing(netns: Namespace) -> None:
    events = listen(netns, rcvbuf=64 << 20)
    count = min(20_000, events.rcvbuf // 2048)
    many_routes(netns, count)
    total = 0
    while data := events.drain(limit=100_000):
        assert len(data) < 200_000, "the limit, and one datagram more"
        at = 0
        while at < len(data):
            at += (int.from_bytes(data[at : at + 4], "little") + 3) & ~3
            total += 1
        assert at == len(data)
    assert total == count
    events.close()


def test_a_datagram_larger_than_the_space_is_a_loss_and_makes_room(netns: Namespace) -> None:
    events = listen(netns, rcvbuf=1 << 20)
    events._room = 64
    netns.ip("link add d0 type bridge")
    with pytest.raises(Lost, match=r"a datagram of \d+ bytes was larger than the space for it"):
        events.drain(limit=16)
    assert events.truncated >= 1
    assert events._room > 1000
    while events.drain():
        pass
    netns.ip("link set d0 up")
    assert events.drain()
    events.close()


def test_an_answer_larger_than_the_space_is_taken_again(netns: Namespace, asks: Socket) -> None:
    netns.ip("link add d0 type bridge")
    asks._room = 64
    short = b"".join(asks.dump(LINKS, limit=16))
    assert asks.interrupted
    assert asks.truncated >= 1
    whole = b"".join(asks.dump(LINKS, limit=16))
    assert not asks.interrupted
    assert len(whole) > len(short)


# -- dumps -------------------------------------------------------------------------------------------------------------


def test_a_torn_dump_says_so(netns: Namespace, asks: Socket) -> None:
    """Links that come and go between two parts of a dump: NLM_F_DUMP_INTR."""
    netns.batch(f"link add d{n} type bridge" for n in range(60))
    chunks = asks.dump(LINKS, limit=4096)
    next(chunks)
    netns.ip("link add x0 type bridge")
    netns.ip("link del d0")
    for _ in chunks:
        pass
    assert asks.interrupted
    for _ in asks.dump(LINKS):
        pass
    assert not asks.interrupted, "the flag is of the last dump"


def test_a_source_says_that_its_dump_was_torn(netns: Namespace) -> None:
    netns.batch(f"link add d{n} type bridge" for n in range(60))
    source = make("x", "netns", netns=netns.name)
    source.open()
    stop = threading.Event()

    def churn() -> None:
        while not stop.is_set():
            netns.ip("link add x0 type bridge")
            netns.ip("link del x0")

    churning = threading.Thread(target=churn)
    churning.start()
    try:
        deadline = time.monotonic() + 30
        while not source.interrupted:
            for _ in source.dump(TABLES["interfaces"]):
                pass
            assert time.monotonic() < deadline
    finally:
        stop.set()
        churning.join()
    for _ in source.dump(TABLES["interfaces"]):
        pass
    assert not source.interrupted
    source.close()


def test_routes_may_change_while_they_are_dumped(netns: Namespace, asks: Socket) -> None:
    many_routes(netns, 3_000)
    chunks = asks.dump(ROUTES, limit=4096)
    next(chunks)
    many_routes(netns, 1_000, "del")
    assert sum(map(len, chunks)) > 0
    assert sum(map(len, asks.dump(ROUTES))) > 2_000 * 50


def test_an_error_that_ends_a_dump_has_its_sentence(asks: Socket) -> None:
    table = (8).to_bytes(2, "little") + number("RTA_TABLE").to_bytes(2, "little") + (4711).to_bytes(4, "little")
    request = message(number("RTM_GETROUTE"), 0, 0, ROUTES[16:] + table)
    with pytest.raises(KernelError, match=r"kernel refused the test: ENOENT \(ipv4: FIB table does not exist\)"):
        list(asks.dump(request, what="the test"))
    assert list(asks.dump(LINKS))


def test_answers_to_others_questions_are_passed_over(netns: Namespace, asks: Socket) -> None:
    """Two dumps given up, one after the other, and a request: only what belongs to it comes."""
    many_routes(netns, 3_000)
    for _ in range(2):
        chunks = asks.dump(ROUTES, limit=4096)
        next(chunks)
        chunks.close()  # type: ignore[attr-defined]
    [answer] = asks.request(message(number("RTM_GETLINK"), 0, 0, bytes(4) + b"\1" + bytes(11)))
    assert int.from_bytes(answer[4:6], "little") == number("RTM_NEWLINK")


def test_no_answer_is_a_timeout(asks: Socket, monkeypatch: pytest.MonkeyPatch) -> None:
    asks.timeout_s = 0.1
    monkeypatch.setattr(asks, "_send", lambda *_: bytearray(16))
    with pytest.raises(Timeout, match=r"no answer from the kernel within 0.1 s to tell a tale"):
        asks.request(LINKS, what="tell a tale")


# -- ends --------------------------------------------------------------------------------------------------------------


def test_a_closed_socket_says_so(netns: Namespace) -> None:
    events, asks = listen(netns, 0), netns.call(Socket)
    chunks = asks.dump(LINKS, limit=16)
    next(chunks)
    for one in (events, asks):
        one.close()
        one.close()
        assert one.fileno() == -1
    for use in (events.drain, lambda: next(chunks), lambda: asks.request(LINKS), lambda: list(asks.dump(LINKS))):
        with pytest.raises(Closed):
            use()


def test_a_socket_closed_while_somebody_waits(netns: Namespace, monkeypatch: pytest.MonkeyPatch) -> None:
    asks = netns.call(Socket)
    monkeypatch.setattr(asks, "_send", lambda *_: bytearray(16))
    ends: list[BaseException] = []

    def wait() -> None:
        try:
            asks.request(LINKS)
        except Closed as closed:
            ends.append(closed)

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.05)
    before = time.monotonic()
    asks.close()
    waiting.join()
    assert ends
    assert time.monotonic() - before < 1


def test_closing_in_the_middle_of_everything(netns: Namespace) -> None:
    """Readers in threads, and a close at any moment: Closed, or a whole answer; never another error, never a hang."""
    many_routes(netns, 2_000)
    for attempt in range(20):
        source = make("x", "netns", netns=netns.name)
        source.open()
        odd: list[BaseException] = []

        def read(use: Callable[[], object], odd: list[BaseException] = odd) -> None:
            try:
                while True:
                    use()
            except Closed:
                pass
            except BaseException as error:  # noqa: BLE001 - what the test looks for
                odd.append(error)

        uses: list[Callable[[], object]] = [
            lambda source=source: source.events.drain(),  # type: ignore[misc]
            lambda source=source: list(source.dump(TABLES["routes"], "AF_INET")),  # type: ignore[misc]
            lambda source=source: source.get(TABLES["interfaces"], {"ifindex": 1}),  # type: ignore[misc]
        ]
        threads = [threading.Thread(target=read, args=(use,)) for use in uses]
        for one in threads:
            one.start()
        time.sleep(0.002 * attempt)
        source.close()
        for one in threads:
            one.join(10)
            assert not one.is_alive()
        assert not odd


def test_a_deleted_namespace_is_told_by_looking_only(netns: Namespace) -> None:
    source = make("x", "netns", netns=netns.name)
    source.open()
    assert source.alive()
    netns.delete()
    assert source.events.drain() == b"", "the socket says nothing"
    assert list(source.dump(TABLES["interfaces"])), "and answers as if nothing had happened"
    with pytest.raises(SourceEnded, match="was deleted"):
        source.alive()
    source.close()


def test_a_name_that_stands_for_another_namespace(netns: Namespace) -> None:
    source = make("x", "netns", netns=netns.name)
    source.open()
    netns.delete()
    netns.open()
    with pytest.raises(SourceEnded, match=f"`{netns.name}` is another network namespace now"):
        source.alive()
    source.open()
    assert source.alive()
    source.close()


def test_the_end_of_a_process_ends_its_source(netns: Namespace) -> None:
    process = netns.start(["sh", "-c", "echo in; exec sleep 60"])
    assert process.stdout is not None
    assert process.stdout.readline() == "in\n"
    source = make("container", "netns", netns=process.pid)
    source.open()
    assert source.alive()
    process.kill()
    process.communicate()
    with pytest.raises(SourceEnded, match=f"process {process.pid} has ended"):
        source.alive()
    source.close()


def test_a_zombie_has_ended(netns: Namespace) -> None:
    process = netns.start(["sh", "-c", "echo in; exec sleep 60"])
    assert process.stdout is not None
    process.stdout.readline()
    source = make("container", "netns", netns=process.pid)
    source.open()
    process.kill()
    os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)
    with pytest.raises(SourceEnded):
        source.alive()
    source.close()
    process.communicate()


def test_an_open_that_fails_leaves_nothing(netns: Namespace, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_fd: int, _what: str) -> None:
        raise Denied("no")

    source = make("x", "netns", netns=netns.name)
    before = len(os.listdir("/proc/self/fd"))
    monkeypatch.setattr("holdfast.netlink.namespace._setns", refuse)
    with pytest.raises(Denied):
        source.open()
    assert len(os.listdir("/proc/self/fd")) == before
    with pytest.raises(Closed):
        _ = source.events


def test_nobody_but_the_kernel_is_listened_to(netns: Namespace) -> None:
    """A process with CAP_NET_ADMIN in the namespace may send netlink to any port in it; to ours it is refused."""
    events = listen(netns, 0)
    other = netns.call(Socket)
    with pytest.raises(ConnectionRefusedError):
        other._socket.sendto(ROUTES, (events.port, 0))
    assert events.drain() == b""
    events.close()
    other.close()
