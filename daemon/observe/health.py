"""Decides from the reports of the daemon's parts whether the daemon is alive, and whether it is ready to work.

Alive: its loops turned lately. If not, a restart helps. Ready: all that it needs is there (hot folder, engine, recovery
done). If not, a restart would change nothing, and a person may have to act.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from daemon.errors import Said
from daemon.observe.obstacles import STOPPING, Obstacle

PULSES = ("watcher", "dispatcher")
NEEDS = ("root", "engine", "recovery", "journal")
ROOT_HEADER = "X-Freisteller-Root"
"""In an answer of the port: the id of the hot folder that it is about. On one machine there may be several."""


@dataclass(frozen=True, slots=True)
class Part:
    """The latest report of one part. detail: for people. at: seconds, by the clock of `Health`."""

    ok: bool
    detail: str
    at: float


class Health:
    """The latest report of each part. Safe to call from any thread.

    stale_seconds: how old the report of a loop may be. It must be well above the longest time that a loop sleeps.
    clock: monotonic seconds, so that a change of the system time does no harm.
    pulses: the loops that must turn. needs: the parts that must be well for the daemon to be ready.
    """

    def __init__(
        self,
        clock: Callable[[], float] = time.monotonic,
        stale_seconds: float = 120.0,
        pulses: Sequence[str] = PULSES,
        needs: Sequence[str] = NEEDS,
    ) -> None:
        self._clock = clock
        self._stale_seconds = stale_seconds
        self._pulses = tuple(pulses)
        self._needs = tuple(needs)
        self._born_at = clock()
        self._parts: dict[str, Part] = {}
        self._lock = threading.Lock()
        self.obstacles: tuple[Obstacle, ...] = ()
        """What keeps photos from being done, as last judged; one reference, so any thread may read it."""

    def allow(self, stale_seconds: float) -> None:
        """Set how old the report of a loop may be from now on."""
        self._stale_seconds = stale_seconds

    def report(self, part: str, ok: bool, detail: str = "") -> None:
        """Record how a part is. For the loops in `pulses`, each report is also a sign of life."""
        with self._lock:
            self._parts[part] = Part(ok, detail, self._clock())

    def latest(self, part: str) -> Part | None:
        """The latest report of a part, None if there is none yet."""
        with self._lock:
            return self._parts.get(part)

    def alive(self) -> tuple[bool, Mapping[str, object]]:
        """Whether every loop turns, and the reports that show it, ready for JSON.

        A loop that has not reported yet counts as alive until `stale_seconds` after the start.
        """
        now = self._clock()
        with self._lock:
            parts = {name: self._parts.get(name) for name in self._pulses}
        fresh = {name: self._turns(part, now) for name, part in parts.items()}
        shown = {name: _shown(part, fresh[name], now) for name, part in parts.items()}
        return all(fresh.values()), {"alive": all(fresh.values()), "parts": shown}

    def ready(self) -> tuple[bool, Mapping[str, object]]:
        """Whether all needs are well and nothing stops all photos; with the obstacles and the parts, ready for JSON."""
        now = self._clock()
        with self._lock:
            parts: dict[str, Part | None] = {name: self._parts.get(name) for name in self._needs}
            parts |= {name: part for name, part in self._parts.items() if name not in self._pulses}
        able = all((part := parts[name]) is not None and part.ok for name in self._needs)
        obstacles = self.obstacles
        able = able and not any(each.name in STOPPING for each in obstacles)
        shown = {name: _shown(part, part is not None and part.ok, now) for name, part in parts.items()}
        return able, {"ready": able, "obstacles": [each.shown() for each in obstacles], "parts": shown}

    def _turns(self, part: Part | None, now: float) -> bool:
        if part is None:
            return now - self._born_at <= self._stale_seconds
        return part.ok and now - part.at <= self._stale_seconds


def _shown(part: Part | None, ok: bool, now: float) -> dict[str, object]:
    if part is None:
        return {"ok": ok, "detail": Said("not_reported"), "age_seconds": None}
    return {"ok": ok, "detail": part.detail, "age_seconds": round(now - part.at, 3)}
