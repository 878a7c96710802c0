"""Reports what happens to jobs to the metrics, the log and all listeners."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.jobs import Grade, Job, Outcome, Reason, Verdict
from daemon.jobs.failure_kinds import FailureKind
from daemon.logs import log
from daemon.observe import series
from daemon.words.catalogue import LANGUAGES, words_in
from daemon.words.promise_texts import both_promises_text, correction_text

if TYPE_CHECKING:
    from daemon.observe.metrics import Metrics

ENGLISH = words_in(LANGUAGES[0])  # of log lines


@dataclass(frozen=True, slots=True)
class JobEnd:
    """How one photo ended. grade, score: None if it failed. reason: the main one of the grade; of a failure, text.

    seconds: the work on it. results: its files in the grade folder. verdict: on the result; None if it failed.
    """

    job: Job
    grade: Grade | None
    score: float | None
    seconds: float
    reason: Reason | str
    results: tuple[Path, ...] = ()
    verdict: Verdict | None = None


class JobEvents:
    """Reports each event once, in the thread that works on the photo."""

    def __init__(
        self,
        metrics: "Metrics",
        clock: Callable[[], float],
        on_end: Sequence[Callable[[JobEnd], None]],
        on_postponed: Sequence[Callable[[str, str], None]],
        on_left_out: Sequence[Callable[[Job, Job], None]] = (),
    ) -> None:
        """on_end: each is called with each end of a job.

        on_postponed: each is called with `kind` and `reason` of each photo that waits. on_left_out: each is called with
        a job that is left out, and the one that came before. clock: Unix seconds.
        """
        self._metrics = metrics
        self._clock = clock
        self._stumbled: dict[str, str] = {}  # by job, what was logged last
        self._on_end = tuple(on_end)
        self._on_postponed = tuple(on_postponed)
        self._on_left_out = tuple(on_left_out)

    def ended(self, job: Job, outcome: Outcome | None, results: tuple[Path, ...], seconds: float) -> None:
        """A photo is done. outcome: None if the journal lacks the attempt that won. seconds: the work on it."""
        if outcome is None:
            self.found_done(job)
        else:
            self.finished(job, outcome, results, seconds)

    def finished(self, job: Job, outcome: Outcome, results: tuple[Path, ...], seconds: float) -> None:
        """A photo is done. seconds: the work on it."""
        verdict = outcome.verdict
        said = both_promises_text(verdict, ENGLISH)
        correction, corrected = verdict.correction, correction_text(verdict, ENGLISH)
        scores = [attempt.verdict.score for attempt in outcome.attempts if attempt.verdict]
        gain = verdict.score - scores[0] if len(scores) > 1 else None
        now = self._clock()
        self._metrics.job_finished(verdict.grade.label, seconds, len(outcome.attempts), gain, now)
        self._metrics.observe(series.JOB_TURNAROUND, max(0.0, now - job.admitted_at), grade=verdict.grade.label)
        log.log(
            "job_done",
            f"{job.name}: {verdict.grade.value} {said}{f', {corrected}' if corrected else ''}",
            job=job.id,
            name=job.name,
            grade=verdict.grade.value,
            score=round(verdict.score, 4),
            rim=verdict.rim,
            score_before=None if correction is None else verdict.own_score,
            correction=correction and correction.shift,
            correction_verdicts=correction and correction.verdicts,
            recipe=str(outcome.best.recipe),
            attempts=len(outcome.attempts),
            first=str(outcome.attempts[0].recipe),
            first_because=outcome.attempts[0].why,
            seconds=round(seconds, 3),
        )
        reason = verdict.reasons[0] if verdict.reasons else ""
        self._report_end(JobEnd(job, verdict.grade, verdict.score, seconds, reason, results, verdict))

    def failed(self, job: Job, reason: str, kind: str, seconds: float) -> None:
        """A photo is in `failed/`. reason: in words. kind: one of FailureKind."""
        now = self._clock()
        self._metrics.job_finished("failed", seconds, len(job.attempts), None, now)
        self._metrics.observe(series.JOB_TURNAROUND, max(0.0, now - job.admitted_at), grade="failed")
        self._metrics.count(series.FAILURES, reason=kind)
        if job.round:
            self._metrics.count(series.FAILED_AGAIN)
        if kind == FailureKind.QUARANTINED:
            self._metrics.count(series.QUARANTINED)
        log.log(
            "job_failed",
            f"{job.name}: {reason}",
            level=logging.WARNING,
            people=False,  # they are told how each photo ended
            job=job.id,
            name=job.name,
            reason=kind,
            seconds=round(seconds, 3),
        )
        self._report_end(JobEnd(job, None, None, seconds, reason))

    def left_out(self, job: Job, first: Job, places: tuple[Path, ...]) -> None:
        """A photo is done without a result, because `first` has the same content. places: in `archiv/`."""
        self._stumbled.pop(job.id, None)
        self._metrics.count(series.DUPLICATES)
        log.log(
            "job_left_out",
            f"{job.name} is the same photo as {first.name} and was not cut out again",
            people=True,
            job=job.id,
            name=job.name,
            same_as=first.id,
            places=[str(place) for place in places],
        )
        for listener in self._on_left_out:
            listener(job, first)

    def found_done(self, job: Job) -> None:
        """The files of a photo show that it is over, but the journal did not know that."""
        self._stumbled.pop(job.id, None)
        log.log("job_found_done", f"{job.name} was already over: its files are there", job=job.id, name=job.name)

    def postponed(self, job: Job, reason: str, kind: str, seconds: float) -> None:
        """A photo waits for so many seconds, because something is missing that is not the photo's fault.

        reason: in words. kind: its short name, the `reason` of an error class.
        """
        self._metrics.count(series.POSTPONED, reason=kind)
        log.log(
            "job_postponed",
            f"{job.name} waits {seconds:.0f} s: {reason}",
            level=logging.WARNING,
            people=False,  # they are told once what all photos wait for
            job=job.id,
            name=job.name,
            reason=kind,
            seconds=seconds,
        )
        for listener in self._on_postponed:
            listener(kind, reason)

    def handed_back(self, job: Job) -> None:
        """A photo goes on at the next start, because the program stops."""
        log.log("job_handed_back", f"{job.name} goes on at the next start.", job=job.id, name=job.name)

    def stumbled(self, job: Job, error: Exception) -> None:
        """A photo met a bug of ours. The log gets its traceback, once for as long as it is the same bug."""
        text = f"{job.name}: {type(error).__name__}: {error}"
        if self._stumbled.get(job.id) == text:
            return
        self._stumbled[job.id] = text
        log.log("internal_error", text, level=logging.ERROR, error=error, job=job.id, name=job.name)

    def _report_end(self, end: JobEnd) -> None:
        self._stumbled.pop(end.job.id, None)
        for listener in self._on_end:
            listener(end)
