"""`freisteller status --watch`: shows what is going on, again and again, from beside the daemon."""

import json
import signal
import sys
import threading
from contextlib import suppress
from typing import Any

from rich.console import Console
from rich.live import Live

from daemon.commands.journal_of_root import journal_of_root
from daemon.commands.status import Snapshot, take_snapshot
from daemon.commands.status_screen import draw, duration
from daemon.settings import Settings
from daemon.states import State


def watch(settings: Settings, out: Console, every_seconds: float, as_json: bool) -> None:
    """Show the status until Ctrl-C: on a terminal as a screen, else as a line of text each time.

    as_json: one JSON object a line. Raises BadSettings if the hot folder has no journal.
    """
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with journal_of_root(settings) as journal, suppress(KeyboardInterrupt):
        if as_json or not out.is_terminal:
            while not stop.is_set():
                snapshot = take_snapshot(settings, journal)
                line = json.dumps(values(snapshot), ensure_ascii=False) if as_json else headline(snapshot)
                sys.stdout.write(f"{line}\n")
                sys.stdout.flush()
                stop.wait(every_seconds)
            return
        with Live(console=out, screen=True, auto_refresh=False, vertical_overflow="crop") as live:
            while not stop.is_set():
                live.update(draw(take_snapshot(settings, journal), out.width, out.height), refresh=True)
                stop.wait(every_seconds)


def headline(snapshot: Snapshot) -> str:
    """The state of things in one line."""
    counts = snapshot.counts.states
    done = sum(snapshot.counts.grades.values())
    text = (
        f"{counts[State.RUNNING]} running, {counts[State.WAITING]} waiting, {done} done, {counts[State.FAILED]} failed"
    )
    if snapshot.pace:
        text += f"; {snapshot.pace * 60:.1f} a minute"
    if snapshot.seconds_left:
        text += f", {duration(snapshot.seconds_left)} left"
    return text if snapshot.page else f"{text}; {snapshot.silence}"


def values(snapshot: Snapshot) -> dict[str, Any]:
    """A snapshot as JSON values."""
    pace, seconds_left = snapshot.pace, snapshot.seconds_left
    return {
        "at": round(snapshot.at, 3),
        "paused": snapshot.paused,
        "states": {state.value: count for state, count in snapshot.counts.states.items()},
        "grades": {grade.value: count for grade, count in snapshot.counts.grades.items()},
        "photos_per_minute": None if pace is None else round(pace * 60, 2),
        "seconds_left": None if seconds_left is None else round(seconds_left),
        "daemon": snapshot.page,
    }
