"""One job from its start on: the pipeline, and the answer to each error. How it ends is for `endings`."""

from collections.abc import Callable
from enum import StrEnum
from pathlib import Path

from daemon.errors import (
    BadOrder,
    BadPhoto,
    EngineAway,
    EngineMisconfigured,
    FreistellerError,
    IllegalMove,
    NoRoom,
    RootAway,
)
from daemon.hotfolder.effects import Effect, Tick
from daemon.hotfolder.hot_folder import HotFolder
from daemon.jobs import Job, Outcome, attempt_numbered
from daemon.journal import Journal
from daemon.publishing.job_events import JobEvents
from daemon.publishing.publication import Endings
from daemon.publishing.staging import Routing, content_of, refuse_if_written
from daemon.states import LONGEST_POSTPONE_SECONDS, State
from daemon.work.cut_file import cut_and_stage
from daemon.work.pipeline import PhotoInWork, Pipeline


class RunResult(StrEnum):
    """What became of a job that was in work."""

    DONE = "done"
    FAILED = "failed"
    NO_ENGINE = "no_engine"
    NO_PLACE = "no_place"
    STRANDED = "stranded"  # it may still count as in work: the answer to an error failed, e.g. no room in the journal
    SENT_BACK = "sent_back"
    LOST_TO_ANOTHER = "lost_to_another"


class JobRunner:
    """Runs jobs; many threads may call `run` at once, each with a job of its own."""

    def __init__(
        self,
        *,
        journal: Journal,
        folders: HotFolder,
        pipeline: Pipeline,
        routing: Routing,
        endings: Endings,
        job_events: JobEvents,
        clock: Callable[[], float],
        tick: Tick,
        max_tries: int,
        postpone_seconds: float,
        leave_out_equal: bool,
    ) -> None:
        """leave_out_equal: photos whose content came before are not cut out again."""
        self.endings = endings
        self._journal = journal
        self._folders = folders
        self._pipeline = pipeline
        self._routing = routing
        self._job_events = job_events
        self._clock = clock
        self._tick = tick
        self._max_tries = max_tries
        self._postpone_seconds = postpone_seconds
        self._leave_out_equal = leave_out_equal

    def run(self, job: Job) -> RunResult:
        """Do what is left to do for a job that was just started; never raises."""
        return self._or_stranded(job, lambda: self._answered(job))

    def hold(self, job: Job, error: FreistellerError) -> RunResult:
        """Put off a job that was just started and cannot be done now, through no fault of its own; never raises."""
        return self._or_stranded(job, lambda: self._held(job, error))

    def _held(self, job: Job, error: FreistellerError) -> RunResult:
        self._postpone(job, error)
        return RunResult.SENT_BACK if isinstance(error, BadOrder) else RunResult.NO_PLACE

    def _or_stranded(self, job: Job, answer: Callable[[], RunResult]) -> RunResult:
        """What `answer` gives; where it fails itself, the dispatcher is told, as the job may still count as in work."""
        try:
            return answer()
        except NoRoom as error:  # the journal has none: the job cannot even be put off
            self._job_events.postponed(job, str(error), error.reason, self._postpone_seconds)
        except Exception as error:  # noqa: BLE001 - e.g. failed/ cannot be written
            self._job_events.stumbled(job, error)
        return RunResult.STRANDED

    def _answered(self, job: Job) -> RunResult:
        try:
            self._carry_through(job)
            return RunResult.DONE
        except (EngineAway, EngineMisconfigured) as error:
            self._postpone(job, error)
            return RunResult.NO_ENGINE
        except (NoRoom, RootAway) as error:
            self._postpone(job, error)
            return RunResult.NO_PLACE
        except BadPhoto as error:
            return self._refuse(job, error)
        except IllegalMove as error:
            self._job_events.stumbled(job, error)
            return RunResult.LOST_TO_ANOTHER
        except Exception as error:  # noqa: BLE001 - whatever it is, one photo must not stop the others
            if isinstance(error, OSError) and self._waits_for_the_folder(job):
                return RunResult.NO_PLACE
            self._job_events.stumbled(job, error)
            return self._after_a_fault(job, error)

    def _refuse(self, job: Job, error: BadPhoto) -> RunResult:
        if self._waits_for_the_folder(job):
            return RunResult.NO_PLACE
        self.endings.give_up(job, str(error), error.reason)
        return RunResult.FAILED

    def _waits_for_the_folder(self, job: Job) -> bool:
        """Put the job off where the hot folder itself is away or full: that looks like a bad photo, or a fault of ours.

        False where the folder is all right, so that the error was what it seemed to be.
        """
        try:
            self._folders.check()
        except (NoRoom, RootAway) as trouble:
            self._postpone(job, trouble)
            return True
        return False

    def _carry_through(self, job: Job) -> None:
        path = self._original(job)
        if self.endings.as_placed(job):
            return
        if path is None:
            if not self.endings.as_found(job):
                raise BadPhoto(f"The original of {job.name} is gone from .freisteller/work; somebody took it away.")
            return
        before = path.stat()
        content = self._content(job, path)
        self._tick(Effect.NOTE_CONTENT)
        first = self._journal.record_content(job.id, content, leave_out=self._may_be_left_out(job))
        if first:
            self.endings.leave_out(job, self._journal.entry(first))
            return
        if self.endings.as_staged(job, content):
            return
        outcome, cuts = cut_and_stage(
            job,
            path,
            self._pipeline,
            self._routing,
            self._folders.jobs.staging(job.id),
            lambda bench: self._outcome(job, bench),
            lambda outcome: self._decide(job, outcome),
        )
        refuse_if_written(job, before, path.stat())
        self.endings.publish(job, outcome, cuts, content)

    def _original(self, job: Job) -> Path | None:
        self._folders.check()
        return self._folders.jobs.claimed(job.id)

    def _content(self, job: Job, path: Path) -> bytes:
        try:
            return content_of(path)
        except OSError as error:
            raise BadPhoto(f"{job.name} cannot be read: {error.strerror}.") from error

    def _may_be_left_out(self, job: Job) -> bool:
        """What a person sent round again, and what is decided, is worked on in any case."""
        return self._leave_out_equal and job.round == 0 and job.state is not State.PUBLISHING

    def _outcome(self, job: Job, bench: PhotoInWork) -> Outcome:
        return self._decided_before(job, bench) if job.state is State.PUBLISHING else self._pipeline.cut_out(job, bench)

    def _decided_before(self, job: Job, bench: PhotoInWork) -> Outcome:
        attempts = self._pipeline.restored(job, bench)
        best = self._pipeline.best(attempts) if bench.page.of > 1 else attempt_numbered(attempts, job.best)
        if best is None or best.verdict is None:
            return self._pipeline.cut_out(job, bench)  # its alphas are lost: asked again, with the same tickets
        return Outcome(tuple(attempts), best)

    def _decide(self, job: Job, outcome: Outcome) -> None:
        if job.state is not State.PUBLISHING:
            self._tick(Effect.DECIDE)
            self._journal.decide(job.id, outcome)

    def _postpone(self, job: Job, error: FreistellerError) -> None:
        postponed = self._journal.entry(job.id).postponed
        seconds = min(LONGEST_POSTPONE_SECONDS, self._postpone_seconds * 2 ** min(postponed, 10))
        self._put_off(job, seconds, str(error), error.reason)
        self._job_events.postponed(job, str(error), error.reason, seconds)

    def _put_off(self, job: Job, seconds: float, reason: str, kind: str) -> None:
        self._tick(Effect.POSTPONE)
        due_at = self._clock() + seconds
        if self._journal.state_of(job.id) is State.PUBLISHING:
            self._journal.delay(job.id, due_at, reason, kind)
        else:
            self._journal.postpone(job.id, due_at, reason, kind)

    def _after_a_fault(self, job: Job, error: Exception) -> RunResult:
        reason = f"An internal error of Freisteller ({type(error).__name__}: {error}); please report it."
        if self.endings.places_of(job):  # its results are out: no fault takes them back
            self._put_off(job, self._postpone_seconds, reason, "internal_error")
            return RunResult.SENT_BACK
        if job.tries >= self._max_tries:
            self.endings.give_up(job, reason, "internal_error")
            return RunResult.FAILED
        if self._journal.state_of(job.id) is State.RUNNING:
            due_at = self._clock() + min(LONGEST_POSTPONE_SECONDS, self._postpone_seconds)
            self._journal.send_back(job.id, due_at, reason, "internal_error")
        return RunResult.SENT_BACK
