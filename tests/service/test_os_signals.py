"""Signals of a real daemon, which the kernel may give to any of its threads."""

import ctypes
import os
import signal
from pathlib import Path

import pytest

from tests.processes import DaemonProcess

pytestmark = pytest.mark.slow

SYS_TGKILL = 234  # x86-64


def give_to_thread(daemon: DaemonProcess, thread: int, number: signal.Signals) -> None:
    """Do what the kernel may do with a signal for a process: give it to one thread."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.syscall(SYS_TGKILL, daemon.pid, thread, number):
        raise OSError(ctypes.get_errno(), "tgkill")


def threads(daemon: DaemonProcess) -> list[int]:
    return sorted(int(each.name) for each in Path(f"/proc/{daemon.pid}/task").iterdir())


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="tgkill has another number there")
@pytest.mark.parametrize("which", [0, 1, -1])
def test_a_stop_is_heard_in_whatever_thread_it_arrives(tmp_path: Path, which: int) -> None:
    with DaemonProcess(tmp_path, FREISTELLER__LOG__FORMAT="json") as daemon:
        daemon.wait_until(lambda: daemon.says('"action": "watching"'), "the start")

        give_to_thread(daemon, threads(daemon)[which], signal.SIGTERM)

        assert daemon.ended() == 0
