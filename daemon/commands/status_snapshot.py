"""Everything that `freisteller status --watch` knows at one moment, and the pace at which photos end.

Counts and names come from the journal, so they are known without a running daemon, too. What runs in which stage and
how the engines are comes from the daemon's port.
"""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from daemon.commands.status import daemon_page
from daemon.journal import Counts, JobRow, Journal
from daemon.settings import Settings
from daemon.states import State

LATEST = 60  # finished photos that the pace is read from
STANDSTILL = 5  # times the usual gap between two endings; after a longer one there is no pace
LEAST_USUAL_SECONDS = 2.0  # photos that end at the same moment are no standard for the next gap


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is known at the Unix time `at`. page: the daemon's /status; None if it does not answer, silence says why."""

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
        """Photos per second; None if none ended lately, or nobody works."""
        if self.page is None and not self.counts.states[State.RUNNING]:
            return None
        return pace([entry.job.finished_at or 0.0 for entry in self.latest], self.at)

    @property
    def seconds_left(self) -> float | None:
        """How long the open photos take at this pace; None if there is no pace or no open photo."""
        return self.counts.open / self.pace if self.pace and self.counts.open else None


def pace(endings: Sequence[float], now: float) -> float | None:
    """Endings per second, from their Unix times, newest first. Returns None if they say nothing about now.

    A gap much longer than usual begins a new count, so the night between two batches does not slow down the second.
    """
    gaps = [later - earlier for later, earlier in pairwise(endings)]
    usual = sorted(gaps)[len(gaps) // 2] if gaps else 0.0
    longest = STANDSTILL * max(usual, LEAST_USUAL_SECONDS)
    together = next((index for index, gap in enumerate(gaps) if gap > longest), len(gaps))
    if together < 2 or now - endings[0] > longest:
        return None
    return together / max(now - endings[together], 1e-3)


def take_snapshot(settings: Settings, journal: Journal) -> Snapshot:
    """Read the journal and ask the daemon."""
    now = time.time()
    page, silence = daemon_page(settings, "/status")
    return Snapshot(
        str(settings.root_path),
        now,
        journal.counts(now),
        journal.rows(State.RUNNING),
        journal.latest(LATEST),
        journal.paused_at() is not None,
        page,
        silence,
    )
