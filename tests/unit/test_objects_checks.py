"""Checks: each way to fail has its exception and return code."""

import errno
import os
import socket
import sys
import threading

import pytest

from holdfast import CheckProcess, CheckProcessException, NetlinkError, Not, PingAddress
from holdfast.errors import Denied, InvalidValue, NotFound, NotSupported
from holdfast.objects.checks import Probe
from holdfast.objects.echo import echo


def test_a_program_that_succeeds():
    check = CheckProcess("sh -c 'echo out; echo err >&2'")
    assert check.return_code is None
    check.commit()
    assert (check.return_code, check.out, check.err) == (0, b"out\n", b"err\n")
    check.commit()
    check.rollback()
    assert repr(check) == "[sh -c 'echo out; echo err >&2']"


def test_a_program_that_fails_says_what_it_said():
    check = CheckProcess("sh -c 'echo broken >&2; exit 7'")
    with pytest.raises(CheckProcessException, match="ended with 7: broken"):
        check.commit()
    assert check.return_code == 7


def test_a_program_that_takes_too_long_is_ended():
    check = CheckProcess(f"{sys.executable} -c 'import time; time.sleep(60)'", timeout=0.2)
    with pytest.raises(CheckProcessException, match=r"did not end within 0\.2 s"):
        check.commit()
    assert check.return_code == -15


def test_a_program_that_is_not_there():
    with pytest.raises(FileNotFoundError, match="no program `/nonexistent/check`"):
        CheckProcess("/nonexistent/check --now").commit()
    with pytest.raises(NotFound):
        CheckProcess("nonexistent-check").commit()


@pytest.mark.parametrize("command", ["", "  ", None, 5, ["ls"], "sh -c 'open"])
def test_what_is_no_command(command):
    with pytest.raises(TypeError, match="expected a command"):
        CheckProcess(command)


def test_not_inverts_whatever_the_reason():
    Not(CheckProcess("false")).commit()
    Not(CheckProcess("/nonexistent/check")).commit()
    with pytest.raises(CheckProcessException, match=r"\[true\] was to fail, and holds"):
        Not(CheckProcess("true")).commit()
    with pytest.raises(CheckProcessException):
        Not(Not(CheckProcess("false"))).commit()


def rights():
    try:
        echo("127.0.0.1", 1)
    except Denied:
        pytest.skip("no right to send echo requests")


@pytest.mark.parametrize("address", ["127.0.0.1", "::1"])
def test_an_address_that_answers(address):
    rights()
    check = PingAddress(address)
    check.commit()
    assert check.return_code == 0 and check.out.endswith(b" ms")


def test_an_address_that_does_not_answer():
    rights()
    check = PingAddress("198.51.100.1", timeout=0.1)
    with pytest.raises(CheckProcessException, match="no echo of 198"):
        check.commit()
    assert check.return_code == 1
    Not(check).commit()
    unknown = PingAddress("no such host.invalid")
    with pytest.raises(CheckProcessException, match="of which no address is known"):
        unknown.commit()
    assert unknown.return_code == 1


def test_a_probe_runs_where_it_is_told():
    places = []

    def inside(target, what):
        places.append(target)
        what()

    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        Probe(inside, {"target": "blue", "kind": "tcp", "dst": "127.0.0.1", "port": port}).run()
    with pytest.raises(CheckProcessException, match=f"probe tcp of 127.0.0.1:{port} from blue failed") as failed:
        Probe(inside, {"target": "blue", "kind": "tcp", "dst": "127.0.0.1", "port": port}).run()
    assert isinstance(failed.value, NetlinkError) and failed.value.code == errno.ECONNREFUSED
    assert places == ["blue", "blue"]
    for wrong, error in (({"kind": "smtp", "dst": "::1"}, NotSupported), ({}, InvalidValue), ({"kind": "tcp", "dst": "::1"}, InvalidValue)):
        with pytest.raises(error):
            Probe(inside, {"target": "blue", **wrong})


def test_checks_may_run_in_several_threads():
    check = CheckProcess(f"{sys.executable} -c 'pass'")
    threads = [threading.Thread(target=check.commit) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert check.return_code == 0 and os.getpid()
