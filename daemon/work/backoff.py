"""Holds back new jobs while no engine answers, so that a thousand photos do not wait at the same closed door."""

from daemon.work.job_runner import RunResult

LONGEST_BACKOFF_SECONDS = 60.0


class Backoff:
    """After each failure the wait doubles. Then one photo may try, after as long again the next one; a success ends it.

    first_seconds: the wait after the first failure.
    """

    def __init__(self, first_seconds: float) -> None:
        self.first_seconds = first_seconds
        self.failures = 0
        """How many photos in a row found no engine, or no place for their files."""
        self._until = 0.0

    def allows(self, now: float) -> bool:
        """Whether another job may start. now: Unix seconds."""
        # A wait that ends later than any wait can was set before the clock was set back.
        return self.failures == 0 or now >= self._until or now < self._until - LONGEST_BACKOFF_SECONDS

    def begin(self, now: float) -> None:
        """A job starts. While it tries, the next one waits; but not for its end, since it may take long or hang."""
        if self.failures:
            self._wait(now)

    def record(self, result: RunResult, now: float) -> None:
        """Learn from the result of a job."""
        if result in (RunResult.NO_ENGINE, RunResult.NO_PLACE, RunResult.STRANDED):
            self.failures += 1
            self._wait(now)
        elif result in (RunResult.DONE, RunResult.FAILED):
            self.failures = 0
        elif result in (RunResult.SENT_BACK, RunResult.LOST_TO_ANOTHER):
            self._until = now  # its own trouble says nothing about an outage: the next photo tries at once

    @property
    def holds(self) -> bool:
        """Whether the last photo that was tried found no engine, or no place for its files."""
        return self.failures > 0

    def held_until(self, now: float) -> float | None:
        """Until when no job may start, in Unix seconds; None = one may. now: Unix seconds."""
        return None if self.allows(now) else self._until

    def end(self) -> None:
        """What was missing is back: photos may start at once."""
        self.failures = 0

    def _wait(self, now: float) -> None:
        seconds = self.first_seconds * 2 ** min(self.failures - 1, 10)
        self._until = now + min(LONGEST_BACKOFF_SECONDS, seconds)
