"""Whether the daemon lives and can work, judged from what its parts reported.

Alive: the loops that must turn have turned lately; if not, a restart is the remedy. Ready: the things it needs are
there (hot folder, engine, recovery done); if not, a restart would change nothing, and a person may have to look.
"""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

PULSES = ("watcher", "dispatcher")
NEEDS = ("root", "engine", "recovery")


@dataclass(frozen=True, slots=True)
class Part:
    """What one part said last. at: seconds of the clock that `Health` was given."""

    ok: bool
    detail: str
    at: float


class Health:
    """The latest report of each part. Safe to call from any thread.

    stale_seconds: how old a pulse may grow; choose it well above the longest pause a loop makes on purpose.
    clock: monotonic seconds, so that a corrected system time kills nobody.
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

    def allow(self, stale_seconds: float) -> None:
        """A pulse may grow so old from now on."""
        self._stale_seconds = stale_seconds

    def report(self, part: str, ok: bool, detail: str = "") -> None:
        """A part says how it is. For the loops in `pulses`, each report is also a heartbeat."""
        with self._lock:
            self._parts[part] = Part(ok, detail, self._clock())

    def latest(self, part: str) -> Part | None:
        """What a part said last; None where it has not said anything."""
        with self._lock:
            return self._parts.get(part)

    def alive(self) -> tuple[bool, Mapping[str, object]]:
        """Whether every loop turns, and the parts that say so, ready for JSON.

        A loop that never reported has `stale_seconds` from the start to do so.
        """
        now = self._clock()
        with self._lock:
            parts = {name: self._parts.get(name) for name in self._pulses}
        fresh = {name: self._turns(part, now) for name, part in parts.items()}
        shown = {name: _shown(part, fresh[name], now) for name, part in parts.items()}
        return all(fresh.values()), {"alive": all(fresh.values()), "parts": shown}

    def ready(self) -> tuple[bool, Mapping[str, object]]:
        """Whether everything it needs is there; what has not reported yet is not. Other parts are shown for people."""
        now = self._clock()
        with self._lock:
            parts: dict[str, Part | None] = {name: self._parts.get(name) for name in self._needs}
            parts |= {name: part for name, part in self._parts.items() if name not in self._pulses}
        able = all((part := parts[name]) is not None and part.ok for name in self._needs)
        shown = {name: _shown(part, part is not None and part.ok, now) for name, part in parts.items()}
        return able, {"ready": able, "parts": shown}

    def _turns(self, part: Part | None, now: float) -> bool:
        if part is None:
            return now - self._born_at <= self._stale_seconds
        return part.ok and now - part.at <= self._stale_seconds


def _shown(part: Part | None, ok: bool, now: float) -> dict[str, object]:
    if part is None:
        return {"ok": ok, "detail": "has not reported yet", "age_seconds": None}
    return {"ok": ok, "detail": part.detail, "age_seconds": round(now - part.at, 3)}
