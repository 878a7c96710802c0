"""One job from its start to its end: the pipeline, the routing, and the answer to each error."""

from collections.abc import Callable
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from daemon.alphas import Alphas
from daemon.errors import (
    BadPhoto,
    EngineAway,
    EngineMisconfigured,
    FreistellerError,
    IllegalMove,
    NoRoom,
    RootAway,
)
from daemon.intake.folders import Folders
from daemon.jobs import Job, Outcome, State
from daemon.journal import Journal
from daemon.pipeline import Bench, Pipeline, Tick
from daemon.routing import Routing

LONGEST_POSTPONE_SECONDS = 300.0


class Fate(StrEnum):
    """What became of a job that was in work."""

    DONE = "done"
    FAILED = "failed"
    NO_ENGINE = "no_engine"
    NO_PLACE = "no_place"
    SENT_BACK = "sent_back"
    LOST_TO_ANOTHER = "lost_to_another"


class Chronicle(Protocol):
    """Who is told how photos end; see `lifecycle`."""

    def finished(self, job: Job, outcome: Outcome, results: tuple[Path, ...], seconds: float) -> None:
        """A photo is done."""

    def failed(self, job: Job, reason: str, kind: str, seconds: float) -> None:
        """A photo is in `failed/`."""

    def postponed(self, job: Job, reason: str, kind: str, seconds: float) -> None:
        """A photo waits for `seconds` because something else is not there."""

    def stumbled(self, job: Job, error: Exception) -> None:
        """A fault of our own, with its traceback."""


class Worker:
    """Runs jobs; many threads may call `run` at once, each with a job of its own."""

    def __init__(
        self,
        *,
        journal: Journal,
        folders: Folders,
        pipeline: Pipeline,
        routing: Routing,
        alphas: Alphas,
        chronicle: Chronicle,
        clock: Callable[[], float],
        tick: Tick,
        max_tries: int,
        postpone_seconds: float,
    ) -> None:
        self._journal = journal
        self._folders = folders
        self._pipeline = pipeline
        self._routing = routing
        self._alphas = alphas
        self._chronicle = chronicle
        self._clock = clock
        self._tick = tick
        self._max_tries = max_tries
        self._postpone_seconds = postpone_seconds

    def run(self, job: Job) -> Fate:
        """Do what is left to do for a job that was just started; never raises."""
        try:
            return self._answered(job)
        except Exception as error:  # noqa: BLE001 - the answer itself failed, e.g. failed/ cannot be written
            self._chronicle.stumbled(job, error)
            return Fate.NO_PLACE

    def _answered(self, job: Job) -> Fate:
        try:
            self._carry_through(job)
            return Fate.DONE
        except (EngineAway, EngineMisconfigured) as error:
            self._postpone(job, error)
            return Fate.NO_ENGINE
        except (NoRoom, RootAway) as error:
            self._postpone(job, error)
            return Fate.NO_PLACE
        except BadPhoto as error:
            return self._refuse(job, error)
        except IllegalMove as error:
            self._chronicle.stumbled(job, error)
            return Fate.LOST_TO_ANOTHER
        except Exception as error:  # noqa: BLE001 - whatever it is, one photo must not stop the others
            self._chronicle.stumbled(job, error)
            return self._after_a_fault(job, error)

    def _refuse(self, job: Job, error: BadPhoto) -> Fate:
        """A photo that cannot be read is bad only where its folder is there: a share that goes away looks the same."""
        try:
            self._folders.check()
        except (NoRoom, RootAway) as trouble:
            self._postpone(job, trouble)
            return Fate.NO_PLACE
        self.give_up(job, str(error), error.reason)
        return Fate.FAILED

    def _carry_through(self, job: Job) -> None:
        path = self._original(job)
        with self._pipeline.opened(path) as bench:
            if job.state is State.PUBLISHING:
                outcome = self._decided_before(job, bench)
            else:
                outcome = self._pipeline.cut_out(job, bench)
                self._tick("decide")
                self._journal.decide(job.id, outcome)
            self._publish(job, bench, outcome)

    def _original(self, job: Job) -> Path:
        self._folders.check()
        path = self._folders.claimed(job.id)
        if path is None:
            raise BadPhoto(f"The original of {job.name} is gone from .freisteller/work; somebody took it away.")
        return path

    def _decided_before(self, job: Job, bench: Bench) -> Outcome:
        attempts = self._pipeline.restored(job, bench)
        best = next((attempt for attempt in attempts if attempt.number == job.best), None)
        if best is None or best.verdict is None:
            return self._pipeline.cut_out(job, bench)  # its alphas are lost: asked again, with the same tickets
        return Outcome(tuple(attempts), best)

    def _publish(self, job: Job, bench: Bench, outcome: Outcome) -> None:
        alpha = self._pipeline.finished_alpha(bench, outcome.best)
        began = job.started_at or self._clock()
        files = self._routing.stage(
            job, outcome, bench.photo, alpha, self._folders.staging(job.id), lambda: self._clock() - began
        )
        results = self._routing.publish(self._folders, job, outcome, files)
        self._tick("finish")
        now = self._clock()
        self._journal.finish(job.id, [str(path.relative_to(self._folders.root)) for path in results], now)
        self._clean_up(job.id)
        self._chronicle.finished(job, outcome, results, now - began)

    def give_up(self, job: Job, reason: str, kind: str) -> None:
        """A job's road to `failed/`: the journal first, so that a crash in between is completed by the next start."""
        self._tick("give up")
        now = self._clock()
        self._journal.give_up(job.id, reason, kind, now)
        with suppress(NoRoom, RootAway):  # its original stays in work, and `tidy_up` comes round again
            self.lay_aside(job.id, job.name, reason)
        self._chronicle.failed(job, reason, kind, now - (job.started_at or now))

    def lay_aside(self, job_id: str, name: str, reason: str) -> None:
        """Bring the original of a failed job to `failed/`; may be repeated."""
        places = self._routing.lay_aside(self._folders, job_id, name, reason)
        if places:
            self._tick("note places")
            self._journal.note_places(job_id, [str(path.relative_to(self._folders.root)) for path in places])
        self._clean_up(job_id)

    def _clean_up(self, job_id: str) -> None:
        self._tick("clear")
        self._folders.clear(job_id)
        self._alphas.drop(job_id)

    def _postpone(self, job: Job, error: FreistellerError) -> None:
        postponed = self._journal.entry(job.id).postponed
        seconds = min(LONGEST_POSTPONE_SECONDS, self._postpone_seconds * 2 ** min(postponed, 10))
        self._put_off(job, seconds, str(error), error.reason)
        self._chronicle.postponed(job, str(error), error.reason, seconds)

    def _put_off(self, job: Job, seconds: float, reason: str, kind: str) -> None:
        self._tick("postpone")
        due_at = self._clock() + seconds
        if self._journal.state_of(job.id) is State.PUBLISHING:
            self._journal.delay(job.id, due_at, reason, kind)
        else:
            self._journal.postpone(job.id, due_at, reason, kind)

    def _after_a_fault(self, job: Job, error: Exception) -> Fate:
        reason = f"An internal error of Freisteller ({type(error).__name__}: {error}); please report it."
        if job.tries >= self._max_tries:
            self.give_up(job, reason, "internal_error")
            return Fate.FAILED
        if self._journal.state_of(job.id) is State.RUNNING:
            self._journal.send_back(job.id, self._clock() + self._postpone_seconds, reason, "internal_error")
        return Fate.SENT_BACK

    def recover(self) -> dict[str, int]:
        """After a start: bring every job that a crash left in the middle to where it can go on; counts by how."""
        self._folders.check()
        resumed = self._journal.recover()
        quarantined = 0
        for state in (State.WAITING, State.PUBLISHING):
            for entry in self._journal.entries(state):
                if entry.job.tries >= self._max_tries:
                    quarantined += 1
                    self.give_up(entry.job, self._quarantine_reason(entry.job.tries), "quarantined")
        return {"resumed": len(resumed), "quarantined": quarantined, "completed": self.tidy_up()}

    def _quarantine_reason(self, tries: int) -> str:
        return (
            f"Freisteller crashed {tries} times while it worked on this photo, so it no longer tries. "
            "The photo may be too large for this machine's memory, or damaged in a way that crashes a library."
        )

    def tidy_up(self) -> int:
        """Folders of jobs that are over: a failed one's original still belongs into `failed/`, the rest is litter.

        Returns how many were completed. Where there is no room, or no root, the rest is left for the next time.
        """
        completed = 0
        with suppress(NoRoom, RootAway):
            in_work = self._folders.jobs_in_work()
            for job_id in in_work:
                completed += self._completed(job_id)
            for job_id in set(self._alphas.jobs()) - set(in_work):
                if self._journal.state_of(job_id) in (State.DONE, State.FAILED, None):
                    self._alphas.drop(job_id)
        return completed

    def _completed(self, job_id: str) -> bool:
        """Bring one job that is over to its end; False where it is not over."""
        state = self._journal.state_of(job_id)
        if state is State.FAILED:
            entry = self._journal.entry(job_id)
            self.lay_aside(job_id, entry.job.name, entry.job.reason or "unknown")
        elif state is State.DONE:
            self._clean_up(job_id)
        elif state is None and (original := self._folders.claimed(job_id)):
            self._folders.release(job_id, original.name)  # work of a journal that is lost: the photo starts afresh
        else:
            return False
        return True
