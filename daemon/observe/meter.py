"""Defines what the work on one photo reports to the metrics."""

from typing import Protocol

from daemon.observe.series import Counter


class Meter(Protocol):
    """Counts the work on photos: `Metrics` itself, or `work.progress.Progress`, which passes it on to `Metrics`."""

    def stage(self, stage: str, seconds: float, cpu_seconds: float = 0.0) -> None:
        """A stage took so many seconds, and so many of processor time."""

    def attempt(self, model: str, score: float | None, error_reason: str | None) -> None:
        """An attempt ended, with a score of 0..1 or the `reason` of an error class."""

    def engine_busy(self, server: str, seconds: float) -> None:
        """A server computed for so many seconds."""

    def count(self, row: Counter, by: float = 1, /, **labels: str) -> None:
        """Add to a counter, as `Metrics.count` does."""
