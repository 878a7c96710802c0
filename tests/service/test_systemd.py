"""What systemd receives, over a real datagram socket."""

import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.service.systemd import Systemd


@pytest.fixture
def systemd(tmp_path: Path) -> Iterator[socket.socket]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind(str(tmp_path / "notify"))
        line.settimeout(5)
        yield line


def notifier(systemd: socket.socket) -> Systemd:
    return Systemd({"NOTIFY_SOCKET": systemd.getsockname()})


def heard(systemd: socket.socket) -> str:
    return systemd.recv(4096).decode()


def test_ready_watchdog_and_stopping_are_sent_in_systemds_words(systemd: socket.socket) -> None:
    line = notifier(systemd)
    line.ready()
    line.watchdog()
    line.stopping()

    assert [heard(systemd) for _ in range(3)] == ["READY=1", "WATCHDOG=1", "STOPPING=1"]


def test_a_status_is_one_line_whatever_it_holds(systemd: socket.socket) -> None:
    notifier(systemd).status("3 running,\n41 waiting\nREADY=1")

    assert heard(systemd) == "STATUS=3 running, 41 waiting READY=1"


def test_a_reload_carries_the_monotonic_time_that_systemd_asks_for(systemd: socket.socket) -> None:
    notifier(systemd).reloading()

    first, second = heard(systemd).split("\n")
    name, _, microseconds = second.partition("=")
    assert (first, name) == ("RELOADING=1", "MONOTONIC_USEC")
    assert int(microseconds) > 0


def test_an_abstract_socket_is_reached_too() -> None:
    name = f"freisteller-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as line:
        line.bind("\0" + name)
        line.settimeout(5)
        Systemd({"NOTIFY_SOCKET": "@" + name}).ready()

        assert heard(line) == "READY=1"


def test_without_systemd_nothing_fails() -> None:
    line = Systemd({})
    line.ready()
    line.status("3 running")
    line.watchdog()
    line.reloading()
    line.stopping()


def test_a_systemd_that_is_gone_does_not_stop_the_work(tmp_path: Path) -> None:
    Systemd({"NOTIFY_SOCKET": str(tmp_path / "gone")}).watchdog()
