"""One job from its start to its end: the pipeline, the routing, and the answer to each error."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path
from typing import Protocol

from daemon import evidence
from daemon.alphas import Alphas
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
from daemon.intake import belongings
from daemon.intake.folders import Folders
from daemon.jobs import LONGEST_POSTPONE_SECONDS, Attempt, Job, Outcome, State
from daemon.journal import Entry, Journal, Original
from daemon.pages import cut_and_stage
from daemon.pipeline import Bench, Pipeline, Tick
from daemon.reports import Cut
from daemon.routing import Routing, content_of, refuse_if_written


class Fate(StrEnum):
    """What became of a job that was in work."""

    DONE = "done"
    FAILED = "failed"
    NO_ENGINE = "no_engine"
    NO_PLACE = "no_place"
    STRANDED = "stranded"  # it still counts as in work, as the journal has no room
    SENT_BACK = "sent_back"
    LOST_TO_ANOTHER = "lost_to_another"


class Chronicle(Protocol):
    """Who is told how photos end; see `chronicle`."""

    def finished(self, job: Job, outcome: Outcome, results: tuple[Path, ...], seconds: float) -> None:
        """A photo is done."""

    def failed(self, job: Job, reason: str, kind: str, seconds: float) -> None:
        """A photo is in `failed/`."""

    def left_out(self, job: Job, first: Job, places: tuple[Path, ...]) -> None:
        """A photo is in `archiv/` without a result, for the same one came before."""

    def found_done(self, job: Job) -> None:
        """A photo was over already, which the journal did not know."""

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
        leave_out_equal: bool,
        placed: dict[str, Sequence[str]],
    ) -> None:
        """leave_out_equal: photos whose content came before are not cut out again.

        placed: by job where its results are, for the journal may have no room to note it; shared by all workers, as
        another one may make the next try.
        """
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
        self._leave_out_equal = leave_out_equal
        self._placed = placed

    def run(self, job: Job) -> Fate:
        """Do what is left to do for a job that was just started; never raises."""
        try:
            return self._answered(job)
        except NoRoom as error:  # the journal has none: the job cannot even be put off
            self._chronicle.postponed(job, str(error), error.reason, self._postpone_seconds)
            return Fate.STRANDED
        except Exception as error:  # noqa: BLE001 - the answer itself failed, e.g. failed/ cannot be written
            self._chronicle.stumbled(job, error)
            return Fate.NO_PLACE

    def hold(self, job: Job, error: FreistellerError) -> Fate:
        """Put off a job that was just started and cannot be done now, through no fault of its own."""
        self._postpone(job, error)
        return Fate.SENT_BACK if isinstance(error, BadOrder) else Fate.NO_PLACE

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
            if isinstance(error, OSError) and self._waits_for_the_folder(job):
                return Fate.NO_PLACE
            self._chronicle.stumbled(job, error)
            return self._after_a_fault(job, error)

    def _refuse(self, job: Job, error: BadPhoto) -> Fate:
        if self._waits_for_the_folder(job):
            return Fate.NO_PLACE
        self.give_up(job, str(error), error.reason)
        return Fate.FAILED

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
        if placed := self._placed_before(job):
            self._conclude(job, placed, self._routing.archive(self._folders, job))
            self._tell_of_placed(job, placed)
            return
        if path is None:
            if not self.end_as_found(job):
                raise BadPhoto(f"The original of {job.name} is gone from .freisteller/work; somebody took it away.")
            return
        before = path.stat()
        content = self._content(job, path)
        self._tick("note content")
        first = self._journal.note_content(job.id, content, leave_out=self._may_be_left_out(job))
        if first:
            self._leave_out(job, self._journal.entry(first))
            return
        outcome, cuts = cut_and_stage(
            job,
            path,
            self._pipeline,
            self._routing,
            self._folders.staging(job.id),
            lambda bench: self._outcome(job, bench),
            lambda outcome: self._decide(job, outcome),
        )
        refuse_if_written(job, before, path.stat())
        self._publish(job, outcome, cuts, content)

    def _original(self, job: Job) -> Path | None:
        self._folders.check()
        return self._folders.claimed(job.id)

    def end_as_found(self, job: Job) -> bool:
        """Bring a job to its end whose files lie where people find them, while the journal does not know it.

        So it is where the end of the journal, or all of it, was lost. False where nothing is found.
        """
        if result := evidence.result_of(self._folders, job):
            original = self._routing.archive(self._folders, job)
            self._tick("adopt")
            self._journal.adopt(job.id, result, self._clock(), self._laid(job.id, original) if original else None)
        elif failure := evidence.failure_of(self._folders, job):
            self._journal.give_up(job.id, failure.job.reason or "unknown", "bad_photo", self._clock())
            self._journal.note_places(job.id, failure.results)
        else:
            return False
        self.clean_up(job.id)
        self._chronicle.found_done(job)
        return True

    def _content(self, job: Job, path: Path) -> bytes:
        try:
            return content_of(path)
        except OSError as error:
            raise BadPhoto(f"{job.name} cannot be read: {error.strerror}.") from error

    def _may_be_left_out(self, job: Job) -> bool:
        """What a person sent round again, and what is decided, is worked on in any case."""
        return self._leave_out_equal and job.round == 0 and job.state is not State.PUBLISHING

    def _leave_out(self, job: Job, first: Entry) -> None:
        places = self._routing.leave_out(self._folders, job, first)
        self._tick("leave out")
        self._journal.leave_out(job.id, self._below_root(places), self._clock())
        self.clean_up(job.id)
        self._chronicle.left_out(job, first.job, places)

    def _outcome(self, job: Job, bench: Bench) -> Outcome:
        return self._decided_before(job, bench) if job.state is State.PUBLISHING else self._pipeline.cut_out(job, bench)

    def _decided_before(self, job: Job, bench: Bench) -> Outcome:
        attempts = self._pipeline.restored(job, bench)
        best = self._pipeline.best(attempts) if bench.page.of > 1 else _numbered(attempts, job.best)
        if best is None or best.verdict is None:
            return self._pipeline.cut_out(job, bench)  # its alphas are lost: asked again, with the same tickets
        return Outcome(tuple(attempts), best)

    def _decide(self, job: Job, outcome: Outcome) -> None:
        if job.state is not State.PUBLISHING:
            self._tick("decide")
            self._journal.decide(job.id, outcome)

    def _publish(self, job: Job, outcome: Outcome, cuts: Sequence[Cut], content: bytes) -> None:
        began = job.started_at or self._clock()
        staging = self._folders.staging(job.id)
        files = self._routing.stage_report(job, cuts, staging, content, lambda: self._since(began))
        results, original = self._routing.publish(
            self._folders, job, outcome, files, lambda placed: self._note_placed(job, placed)
        )
        self._conclude(job, self._below_root(results), original)
        self._chronicle.finished(job, outcome, results, self._since(began))

    def _note_placed(self, job: Job, placed: Sequence[Path]) -> None:
        """From here on the results are a person's: wherever they are by the next try, they are not made again."""
        self._placed[job.id] = self._below_root(placed)
        self._tick("note results")
        self._journal.note_places(job.id, self._placed[job.id])

    def _placed_before(self, job: Job) -> Sequence[str]:
        """Where an earlier try put the results, if it came so far."""
        if job.state is not State.PUBLISHING:
            return ()
        return self._journal.entry(job.id).results or self._placed.get(job.id, ())

    def _conclude(self, job: Job, places: Sequence[str], original: Path | None) -> None:
        self._tick("finish")
        laid = self._laid(job.id, original) if original else None
        self._journal.finish(job.id, places, self._clock(), laid)
        self.clean_up(job.id)

    def _tell_of_placed(self, job: Job, places: Sequence[str]) -> None:
        best = _numbered(job.attempts, job.best)
        if best is None or best.verdict is None:
            self._chronicle.found_done(job)
            return
        results = tuple(self._folders.root / place for place in places)
        seconds = self._since(job.started_at or self._clock())
        self._chronicle.finished(job, Outcome(job.attempts, best), results, seconds)

    def give_up(self, job: Job, reason: str, kind: str) -> None:
        """A job's road to `failed/`: the journal first, so that a crash in between is completed by the next start."""
        self._tick("give up")
        now = self._clock()
        self._journal.give_up(job.id, reason, kind, now)
        with suppress(NoRoom, RootAway):  # its original stays in work, and `Recovery.tidy_up` comes round again
            self.lay_aside(job.id, job.name, reason)
        self._chronicle.failed(job, reason, kind, self._since(job.started_at or now))

    def lay_aside(self, job_id: str, name: str, reason: str) -> None:
        """Bring the original of a failed job to `failed/`; may be repeated."""
        places = self._routing.lay_aside(self._folders, job_id, name, reason)
        if places:
            self._tick("note places")
            self._journal.note_places(job_id, self._below_root(places), self._laid(job_id, places[0]))
        self.clean_up(job_id)

    def _since(self, began: float) -> float:
        """Seconds; 0 where the clock was set back meanwhile."""
        return max(0.0, self._clock() - began)

    def _below_root(self, places: Sequence[Path]) -> list[str]:
        return [str(path.relative_to(self._folders.root)) for path in places]

    def _laid(self, job_id: str, original: Path) -> Original | None:
        """What is to be kept of an original that was just laid somewhere; None where it is gone already."""
        (place,) = self._below_root([original])
        mark = belongings.mark_at(self._folders.root, place)
        return mark and Original(job_id, place, mark.inode, mark.size_bytes, mark.mtime_ns)

    def clean_up(self, job_id: str) -> None:
        """Remove what a job that is over leaves in work, staging and among the alphas; may be repeated."""
        self._tick("clear")
        self._placed.pop(job_id, None)
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
            due_at = self._clock() + min(LONGEST_POSTPONE_SECONDS, self._postpone_seconds)
            self._journal.send_back(job.id, due_at, reason, "internal_error")
        return Fate.SENT_BACK


def _numbered(attempts: Sequence[Attempt], number: int | None) -> Attempt | None:
    return next((attempt for attempt in attempts if attempt.number == number), None)
