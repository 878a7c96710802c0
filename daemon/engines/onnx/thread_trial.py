"""Finds out once how many threads a run of a network should have on this machine, and remembers it."""

import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from daemon.engines.onnx.kept_trials import KeptTrials, key_of
from daemon.engines.onnx.onnx_session import OnnxSession

LONGEST_SECONDS = 2.0  # the first photo waits meanwhile
LARGEST_BYTES = 64_000_000  # a run of larger weights takes longer than that by itself
BETTER = 0.9  # of the usual number's time: what takes longer may be chance


class ThreadTrial:
    """The trials of one daemon."""

    def __init__(self, kept: KeptTrials, cores: int, most_slots: int) -> None:
        """most_slots: runs at once."""
        self._kept = kept
        self._cores = cores
        self._most_slots = most_slots

    @property
    def usual(self) -> int:
        """As many threads as are left for each of the most runs at once."""
        return max(1, self._cores // self.slots(1))

    def slots(self, threads: int) -> int:
        """How many runs of so many threads the processor has room for."""
        return max(1, min(self._most_slots, self._cores // threads))

    def kept(self, weights: Path) -> int | None:
        """What an earlier trial of these weights found here; None if there was none."""
        with suppress(OSError):
            return self._kept.found(self._key(weights))
        return None

    def threads(self, weights: Path, load: Callable[[int], OnnxSession]) -> int:
        """How many threads a run should have: what is kept, or what a trial finds now. load: for so many threads."""
        if not self._kept.keeps or weights.stat().st_size > LARGEST_BYTES:
            return self.usual
        found = self._kept.found(self._key(weights))
        if found is None:
            found = fastest(self._candidates(), lambda threads: self._seconds(load(threads), threads), time.monotonic)
            self._kept.keep(self._key(weights), found)
        return found

    def _candidates(self) -> tuple[int, ...]:
        """The usual number, then fewer runs at once with more threads each."""
        return tuple(dict.fromkeys(max(1, self._cores // slots) for slots in (self.slots(1), 2, 1)))

    def _seconds(self, session: OnnxSession, threads: int) -> float:
        """How long a picture takes while the processor is full of such runs."""
        slots = self.slots(threads)
        with ThreadPoolExecutor(slots) as pool:
            began = time.monotonic()
            for run in [pool.submit(session.maps, session.empty_picture) for _ in range(slots)]:
                run.result()
            return (time.monotonic() - began) / slots

    def _key(self, weights: Path) -> str:
        return f"threads of {key_of(weights, self._cores)}"


def fastest(candidates: Sequence[int], seconds_of: Callable[[int], float], clock: Callable[[], float]) -> int:
    """The candidate that takes least time. The first one is the usual one, and wins unless another is much faster.

    Stops when the next one would end after LONGEST_SECONDS, if it takes as long as the last one.
    """
    began = before = clock()
    found: dict[int, float] = {}
    for candidate in candidates:
        found[candidate] = seconds_of(candidate)
        now = clock()
        if now + (now - before) - began > LONGEST_SECONDS:
            break
        before = now
    best = min(found, key=lambda candidate: found[candidate])
    return best if found[best] < BETTER * found[candidates[0]] else candidates[0]
