"""Keeps a stop from being held up: by a share that does not answer, an engine that hangs, anything.

The kernel holds a thread that waits for such a share, and Python tells only the main thread of a signal. So the daemon
works in another thread, and the end has a time limit.
"""

import logging
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress

from daemon.logs import log

END_SECONDS = 20.0
"""Besides `dispatch.stop_seconds`, for the last notices and for closing everything. Together with the default of that
setting it is below systemd's TimeoutStopSec."""
BROKEN_OFF = 1
"""The exit code of an end that took too long."""


def in_another_thread(work: Callable[[], int]) -> int:
    """Do the work and return what it returns, or raise what it raises, while this thread, the main one, hears signals.

    The kernel may give a signal to any thread. Python notes it and runs its handler in the main thread, but only once
    that one runs: it would sleep on a lock. So it sleeps on a socket, to which Python writes a byte for each signal.
    """
    done: Future[int] = Future()
    hears, tells = socket.socketpair()
    tells.setblocking(False)  # as set_wakeup_fd wants it; bytes that do not fit are not needed

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001 - it is raised in the thread that waits
            done.set_exception(error)
        with suppress(OSError):  # it is full, so he is awake; or an error ended his wait
            tells.send(b"\0")

    with hears, tells:
        before = signal.set_wakeup_fd(tells.fileno(), warn_on_full_buffer=False)
        try:
            worker = threading.Thread(target=run, name="daemon", daemon=True)
            worker.start()
            while not done.done():
                hears.recv(4096)
            worker.join()
        finally:
            signal.set_wakeup_fd(before)
        return done.result()


def break_off_late_end(asked: threading.Event, limit_seconds: Callable[[], float]) -> None:
    """End the process so many seconds after `asked` is set, if it has not ended by then. Nothing is lost: what is in
    work goes on at the next start, as after a crash, and a stop was asked for, so no photo is blamed.
    """

    def watch() -> None:
        asked.wait()
        began = time.monotonic()
        while (left := began + limit_seconds() - time.monotonic()) > 0:  # a reload may change the limit
            time.sleep(min(left, 1.0))
        hanging = sorted(each.name for each in threading.enumerate() if not each.daemon or each.name == "daemon")
        text = f"The stop took {time.monotonic() - began:.0f} s, so it is broken off. Nothing is lost; something hangs."
        log.log("stop_broken_off", text, level=logging.ERROR, threads=hanging)
        os._exit(BROKEN_OFF)

    threading.Thread(target=watch, name="end", daemon=True).start()
