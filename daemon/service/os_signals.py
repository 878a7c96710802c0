"""Answers the signals that people and the system send: stop, stop at once, reload the settings."""

import os
import queue
import signal
import sys
import threading
from collections.abc import Callable

STOPS = (signal.SIGINT, signal.SIGTERM)


def _do_nothing() -> None:
    """Nobody is told."""


def handle_signals(
    stop: Callable[[], None], reload: Callable[[], None], before_end: Callable[[], None] = _do_nothing
) -> None:
    """SIGINT and SIGTERM call `stop`. A second one ends the program at once, which loses nothing either.

    SIGHUP calls `reload`, or `stop` if it means that the terminal that we were started from was closed. Both are called
    in a thread of their own: a signal handler must not wait for a lock, as it may have interrupted the very code that
    holds it. before_end: is called in the handler, before the end that a second stop brings, so it may take no lock.
    """
    asked: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()  # its put may be called anywhere
    on_terminal = _has_terminal()
    stops = 0

    def answer() -> None:
        while True:
            asked.get()()

    def handle(number: int, frame: object) -> None:
        nonlocal stops
        del frame
        if number == signal.SIGHUP and not (on_terminal and not _has_terminal()):
            asked.put(reload)
            return
        stops += 1
        if stops > 1:
            before_end()
            os._exit(128 + number)
        asked.put(stop)

    threading.Thread(target=answer, name="signals", daemon=True).start()
    for number in (*STOPS, signal.SIGHUP):
        signal.signal(number, handle)


def _has_terminal() -> bool:
    """Whether the standard input is a terminal that is still there."""
    try:
        return sys.stdin is not None and os.isatty(sys.stdin.fileno())
    except (OSError, ValueError):  # closed, or no file at all
        return False
