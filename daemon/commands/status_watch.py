"""`freisteller status --watch`: what is going on, drawn anew every second, from beside the daemon.

Counts and names come from the journal, so that they are there without a daemon too; what runs and how the engines are
comes from the daemon's port.
"""

import json
import signal
import sys
import threading
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.table import Table
from rich.text import Text

from daemon.commands.journal_of_root import journal_of_root
from daemon.commands.status import daemon_page
from daemon.commands.terminal import COLOURS
from daemon.jobs import Grade
from daemon.journal import Counts, JobRow, Journal
from daemon.settings import Settings
from daemon.states import State, is_done

LATEST = 60  # endings that the pace is read from
LOW = 22  # lines; with fewer there is no room for empty ones
STALE = 5  # times the usual distance between two endings without one: then there is no pace


@dataclass(frozen=True, slots=True)
class Look:
    """All that is known at one moment. page: the daemon's /status, None where it does not answer; then why not."""

    root: str
    at: float
    counts: Counts
    running: tuple[JobRow, ...]
    latest: tuple[JobRow, ...]
    paused: bool
    page: dict[str, Any] | None  # Any: JSON
    silence: str

    @property
    def pace(self) -> float | None:
        """Photos per second; None where none ended lately, or nobody works."""
        if self.page is None and not self.counts.states[State.RUNNING]:
            return None
        return pace([entry.job.finished_at or 0.0 for entry in self.latest], self.at)

    @property
    def seconds_left(self) -> float | None:
        """How long the open photos will take at this pace."""
        return self.counts.open / self.pace if self.pace and self.counts.open else None


def pace(endings: Sequence[float], now: float) -> float | None:
    """Endings per second, from their Unix times, newest first; None where they say nothing about now.

    A longer pause than usual begins a new count, so that the night between two batches does not slow down the second.
    """
    gaps = [later - earlier for later, earlier in pairwise(endings)]
    usual = sorted(gaps)[len(gaps) // 2] if gaps else 0.0
    longest = STALE * max(usual, 2.0)
    together = next((index for index, gap in enumerate(gaps) if gap > longest), len(gaps))
    if together < 2 or now - endings[0] > longest:
        return None
    return together / max(now - endings[together], 1e-3)


def look(settings: Settings, journal: Journal) -> Look:
    """What there is to see now."""
    now = time.time()
    page, silence = daemon_page(settings, "/status")
    return Look(
        str(settings.root_path),
        now,
        journal.counts(now),
        journal.rows(State.RUNNING),
        journal.latest(LATEST),
        journal.paused_at() is not None,
        page,
        silence,
    )


def watch(settings: Settings, out: Console, every_seconds: float, as_json: bool) -> None:
    """Show it until Ctrl-C. as_json: one object a line; where `out` is no terminal, one line of text.

    Raises BadSettings if the hot folder has no journal.
    """
    stop = threading.Event()
    signal.signal(signal.SIGTERM, lambda *_: stop.set())
    with journal_of_root(settings) as journal, suppress(KeyboardInterrupt):
        if as_json or not out.is_terminal:
            while not stop.is_set():
                seen = look(settings, journal)
                line = json.dumps(values(seen), ensure_ascii=False) if as_json else headline(seen)
                sys.stdout.write(f"{line}\n")
                sys.stdout.flush()
                stop.wait(every_seconds)
            return
        with Live(console=out, screen=True, auto_refresh=False, vertical_overflow="crop") as live:
            while not stop.is_set():
                live.update(draw(look(settings, journal), out.width, out.height), refresh=True)
                stop.wait(every_seconds)


def headline(look: Look) -> str:
    """The state of things in one line."""
    counts = look.counts.states
    done = sum(look.counts.grades.values())
    text = (
        f"{counts[State.RUNNING]} running, {counts[State.WAITING]} waiting, {done} done, {counts[State.FAILED]} failed"
    )
    if look.pace:
        text += f"; {look.pace * 60:.1f} a minute"
    if look.seconds_left:
        text += f", {_duration(look.seconds_left)} left"
    return text if look.page else f"{text}; {look.silence}"


def values(look: Look) -> dict[str, Any]:
    """A look as JSON values."""
    return {
        "at": round(look.at, 3),
        "paused": look.paused,
        "states": {state.value: count for state, count in look.counts.states.items()},
        "grades": {grade.value: count for grade, count in look.counts.grades.items()},
        "photos_per_minute": None if look.pace is None else round(look.pace * 60, 2),
        "seconds_left": None if look.seconds_left is None else round(look.seconds_left),
        "daemon": look.page,
    }


def draw(look: Look, width: int, height: int) -> RenderableType:
    """The whole screen: what is most worth knowing first, the last results as far as there is room."""
    gap = [Text()] if height >= LOW else []
    top: list[RenderableType] = [
        _title(look),
        *gap,
        _grades(look, width),
        *gap,
        *_running(look, width, most=max(1, height // 6 - 1)),
        *gap,
        *_engines(look, width, most=max(1, height // 8 - 1)),
        *gap,
    ]
    options = Console(width=width, height=height)
    used = sum(len(options.render_lines(part)) for part in top)
    return Group(*top, *_latest(look, width, most=max(1, height - used - 1)))


def _title(look: Look) -> RenderableType:
    line = Table.grid(expand=True)
    line.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    line.add_column(justify="right", no_wrap=True)
    line.add_row(Text.assemble(("Freisteller ", "bold"), look.root), Text(_state(look)))
    pace = f"{look.pace * 60:.1f} photos a minute" if look.pace else "nothing finished lately"
    left = f", about {_duration(look.seconds_left)} left" if look.seconds_left else ""
    clock = datetime.fromtimestamp(look.at).strftime("%H:%M:%S")
    line.add_row(Text(pace + left, style="dim"), Text(clock, style="dim"))
    return line


def _grades(look: Look, width: int) -> RenderableType:
    """Each grade's count and share, as a bar."""
    ends = [*((grade, look.counts.grades[grade]) for grade in Grade), (None, look.counts.states[State.FAILED])]
    total = sum(count for _, count in ends)
    room = max(10, width - 34)
    table = Table.grid(padding=(0, 1))
    for justify in ("left", "right", "right", "left"):
        table.add_column(justify=justify, no_wrap=True)
    for grade, count in ends:
        share = count / total if total else 0.0
        bar = Text("█" * max(round(share * room), 1 if count else 0), style=COLOURS[grade])
        table.add_row(grade.value if grade else "failed", f"{count:,}", f"{share:.1%}" if total else "", bar)
    return table


def _running(look: Look, width: int, most: int) -> list[RenderableType]:
    names = {entry.job.id: entry for entry in look.running}
    if look.page is None:
        shown = [(entry.job.name, "", "", f"attempt {len(entry.job.attempts) + 1}") for entry in look.running]
    else:
        shown = [
            (
                names[each["job"]].job.name if each["job"] in names else each["job"],
                str(each["stage"]),
                f"{each['seconds']:.1f} s",
                f"attempt {each['attempts'] + 1}",
            )
            for each in look.page["running"]
        ]
    table = _table(width, ("left", "right", "left"))
    for row in shown[:most]:
        table.add_row(Text(row[0]), *row[1:])
    if len(shown) > most:
        table.add_row(Text(f"and {len(shown) - most} more", style="dim"), "", "", "")
    title = Text(f"Running ({len(shown)})", style="bold")
    return [title, table if shown else Text("nothing", style="dim")]


def _engines(look: Look, width: int, most: int) -> list[RenderableType]:
    title = Text("Engines", style="bold")
    if look.page is None:
        return [title, Text(look.silence, style="yellow")]
    table = _table(width, ("left", "left"))
    servers = sorted(look.page["servers"], key=lambda server: bool(server["up"]))  # the ones in trouble first
    for server in servers[:most]:
        state = Text("up", style="green") if server["up"] else Text("down", style="bold red")
        hand = f"{server['in_hand']} in hand" + (f", without {', '.join(server['paused'])}" if server["paused"] else "")
        table.add_row(Text(str(server["server"])), state, hand)
    if len(servers) > most:
        table.add_row(Text(f"and {len(servers) - most} more", style="dim"), "", "")
    return [title, table]


def _latest(look: Look, width: int, most: int) -> list[RenderableType]:
    table = _table(width, ("left", "right", "right"))
    for entry in look.latest[:most]:
        job = entry.job
        grade = Text(job.grade.value if job.grade else job.state.value, style=COLOURS[job.grade])
        if job.grade is None and is_done(job.state):
            grade = Text("left out", style="dim")
        seconds = max(0.0, (job.finished_at or 0.0) - (job.started_at or job.finished_at or 0.0))
        score = "" if job.score is None else f"{job.score:.2f}"
        table.add_row(Text(job.name), grade, score, f"{seconds:.1f} s")
    return [Text("Last results", style="bold"), table] if look.latest else []


def _table(width: int, others: Sequence[str]) -> Table:
    """A name that takes the room that is left, then columns of a few words."""
    table = Table.grid(padding=(0, 2), expand=True)
    table.width = width
    table.add_column(ratio=1, no_wrap=True, overflow="ellipsis")
    for justify in others:
        table.add_column(justify=justify, no_wrap=True, min_width=8)  # type: ignore[arg-type]  # a Literal, widened
    return table


def _state(look: Look) -> str:
    counts = look.counts.states
    text = f"{counts[State.RUNNING] + counts[State.PUBLISHING]} running, {counts[State.WAITING]} waiting"
    return f"paused; {text}" if look.paused else text


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60:02} min"
