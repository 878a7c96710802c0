"""Holds back new jobs while no engine answers, so that a thousand photos do not wait at the same closed door."""

from daemon.work.job_runner import RunResult

LONGEST_BACKOFF_SECONDS = 60.0


class Backoff:
    """After each failure the wait doubles. Then one photo at a time may try, and the first success ends it.

    first_seconds: the wait after the first failure.
    """

    def __init__(self, first_seconds: float) -> None:
        self.first_seconds = first_seconds
        self.failures = 0
        """How many photos in a row found no engine, or no place for their files."""
        self._until = 0.0

    def allows(self, now: float, running: int) -> bool:
        """Whether another job may start. now: Unix seconds. running: how many jobs run."""
        # A wait that ends later than any wait can was set before the clock was set back.
        over = now >= self._until or now < self._until - LONGEST_BACKOFF_SECONDS
        return self.failures == 0 or (over and running == 0)

    def record(self, result: RunResult, now: float) -> None:
        """Learn from the result of a job."""
        if result in (RunResult.NO_ENGINE, RunResult.NO_PLACE, RunResult.STRANDED):
            self.failures += 1
            seconds = self.first_seconds * 2 ** min(self.failures - 1, 10)
            self._until = now + min(LONGEST_BACKOFF_SECONDS, seconds)
        elif result in (RunResult.DONE, RunResult.FAILED):
            self.failures = 0
