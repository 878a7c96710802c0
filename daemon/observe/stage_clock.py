"""Measures the stages of the work on photos: how long each takes, and how much processor time."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import TypeAlias

OnStage: TypeAlias = Callable[[str, float, float], None]
"""Is told of each stage that ended: its name, its seconds, its seconds of processor time."""
Timed: TypeAlias = Callable[[str], AbstractContextManager[None]]
"""Times a block as a stage of that name, e.g. `StageClock.timed`."""


def untimed(_: str) -> AbstractContextManager[None]:
    """Times nothing."""
    return nullcontext()


class StageClock:
    """Times stages, in any thread. A stage within another one is left out of it, so no time counts twice."""

    def __init__(
        self,
        on_stage: OnStage = lambda *_: None,
        processor_seconds: Callable[[], float] = time.thread_time,
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        """processor_seconds: used so far. The default counts only the calling thread, and none of a library's."""
        self._on_stage = on_stage
        self._clock = clock
        self._processor_seconds = processor_seconds
        self._inner = threading.local()

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Time a block, also if it raises."""
        outer = self._sums()
        self._inner.sums = sums = [0.0, 0.0]
        began, processor_began = self._clock(), self._processor_seconds()
        try:
            yield
        finally:
            seconds, cpu_seconds = self._clock() - began, self._processor_seconds() - processor_began
            self._inner.sums = outer
            if outer is not None:
                outer[0] += seconds
                outer[1] += cpu_seconds
            self._on_stage(stage, max(0.0, seconds - sums[0]), max(0.0, cpu_seconds - sums[1]))

    def add(self, stage: str, seconds: float, cpu_seconds: float, *, in_this_thread: bool) -> None:
        """Count a stage that was timed elsewhere, while this thread did it or waited for it."""
        outer = self._sums()
        if outer is not None:
            outer[0] += seconds
            outer[1] += cpu_seconds if in_this_thread else 0.0
        self._on_stage(stage, seconds, cpu_seconds)

    def _sums(self) -> list[float] | None:
        """The seconds and the processor seconds of the stages within the one that this thread times now."""
        sums: list[float] | None = getattr(self._inner, "sums", None)
        return sums
