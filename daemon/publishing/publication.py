"""How a job ends: journal and folders brought to agree, in an order that a crash may cut anywhere."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from daemon.errors import NoRoom, RootAway
from daemon.hotfolder import ownership
from daemon.hotfolder.effects import Effect, Tick
from daemon.hotfolder.hot_folder import HotFolder
from daemon.jobs import Job, Outcome, attempt_numbered
from daemon.journal import JobRow, Journal, Original
from daemon.journal.alphas import Alphas
from daemon.publishing import found_files
from daemon.publishing.job_events import JobEvents
from daemon.publishing.reports import Cut, Staged
from daemon.publishing.staging import Routing
from daemon.states import State


class Endings:
    """Ends jobs; many threads may call it at once, each for a job of its own."""

    def __init__(
        self,
        *,
        journal: Journal,
        folders: HotFolder,
        routing: Routing,
        alphas: Alphas,
        job_events: JobEvents,
        clock: Callable[[], float],
        tick: Tick,
        placed: dict[str, Sequence[str]],
    ) -> None:
        """placed: by job where its results are, for the journal may have no room to note it; shared by all that end
        jobs, as another one may make the next try.
        """
        self._journal = journal
        self._folders = folders
        self._routing = routing
        self._alphas = alphas
        self._job_events = job_events
        self._clock = clock
        self._tick = tick
        self._placed = placed

    def publish(self, job: Job, outcome: Outcome, cuts: Sequence[Cut], content: bytes) -> None:
        """Put the staged results of a decided job into their grade folder; may be repeated. Raises NoRoom, RootAway."""
        began = job.started_at or self._clock()
        staging = self._folders.jobs.staging(job.id)
        files = self._routing.stage_report(job, cuts, staging, content, lambda: self._since(began))
        self._put_in_place(job, outcome, files)

    def as_staged(self, job: Job, content: bytes) -> bool:
        """Publish what an earlier try staged to its end, as it was decided then; False where none came so far.

        No alpha is needed for it, and nothing is asked or decided anew: folder, journal and report cannot disagree.
        """
        outcome = _decided(job) if job.state is State.PUBLISHING else None
        if outcome is None or outcome.verdict.grade is not job.grade:
            return False
        files = self._routing.staged(job, self._folders.jobs.staging(job.id), content)
        if files:
            self._put_in_place(job, outcome, files)
        return bool(files)

    def _put_in_place(self, job: Job, outcome: Outcome, files: Sequence[Staged]) -> None:
        results, original = self._routing.publish(
            self._folders, job, outcome, files, lambda placed: self._note_placed(job, placed)
        )
        self._conclude(job, self._below_root(results), original)
        self._job_events.finished(job, outcome, results, self._since(job.started_at or self._clock()))

    def as_placed(self, job: Job) -> bool:
        """Bring a job to its end whose results an earlier try put in place; False where none came so far."""
        placed = self.places_of(job) if job.state is State.PUBLISHING else ()  # else none was, and nothing is asked
        if not placed:
            return False
        self._conclude(job, placed, self._routing.archive(self._folders, job))
        self._tell_of_placed(job, placed)
        return True

    def as_found(self, job: Job) -> bool:
        """Bring a job to its end whose files lie where people find them, while the journal does not know it.

        So it is where the end of the journal, or all of it, was lost. False where nothing is found.
        """
        if result := found_files.result_of(self._folders, job):
            original = self._routing.archive(self._folders, job)
            self._tick(Effect.ADOPT)
            self._journal.complete_as_found(
                job.id, result, self._clock(), self._laid(job.id, original) if original else None
            )
        elif failure := found_files.failure_of(self._folders, job):
            self._journal.give_up(job.id, failure.job.reason or "unknown", "bad_photo", self._clock())
            self._journal.record_places(job.id, failure.results)
        else:
            return False
        self._clean_up_soon(job.id)
        self._job_events.found_done(job)
        return True

    def leave_out(self, job: Job, first: JobRow) -> None:
        """End a job without a result, for its content came before as `first`."""
        places = self._routing.leave_out(self._folders, job, first)
        self._tick(Effect.LEAVE_OUT)
        self._journal.leave_out(job.id, self._below_root(places), self._clock())
        self._clean_up_soon(job.id)
        self._job_events.left_out(job, first.job, places)

    def give_up(self, job: Job, reason: str, kind: str) -> None:
        """A job's road to `failed/`: the journal first, so that a crash in between is completed by the next start."""
        self._tick(Effect.GIVE_UP)
        now = self._clock()
        self._journal.give_up(job.id, reason, kind, now)
        with suppress(NoRoom, RootAway):  # its original stays in work, and `Recovery.tidy_up` comes round again
            self.lay_aside(job.id, job.name, reason)
        self._job_events.failed(job, reason, kind, self._since(job.started_at or now))

    def lay_aside(self, job_id: str, name: str, reason: str) -> None:
        """Bring the original of a failed job to `failed/`; may be repeated."""
        places = self._routing.lay_aside(self._folders, job_id, name, reason)
        if places:
            self._tick(Effect.NOTE_PLACES)
            self._journal.record_places(job_id, self._below_root(places), self._laid(job_id, places[0]))
        self.clean_up(job_id)

    def clean_up(self, job_id: str) -> None:
        """Remove what a job that is over leaves in work, staging and among the alphas; may be repeated."""
        self._tick(Effect.CLEAR)
        self._placed.pop(job_id, None)
        self._folders.jobs.clear(job_id)
        self._alphas.drop(job_id)

    def _clean_up_soon(self, job_id: str) -> None:
        """Clean up, or leave it to `Recovery.tidy_up`: a job that is over is told of all the same."""
        with suppress(NoRoom, RootAway):
            self.clean_up(job_id)

    def _note_placed(self, job: Job, placed: Sequence[Path]) -> None:
        """From here on the results are a person's: wherever they are by the next try, they are not made again."""
        self._placed[job.id] = self._below_root(placed)
        self._tick(Effect.NOTE_RESULTS)
        self._journal.record_places(job.id, self._placed[job.id])

    def places_of(self, job: Job) -> Sequence[str]:
        """Where this round's results are, as far as an earlier try put them in place while the job goes on."""
        entry = self._journal.entry(job.id)
        if entry.job.state is not State.PUBLISHING:
            return ()
        return entry.results or self._placed.get(job.id, ())

    def _conclude(self, job: Job, places: Sequence[str], original: Path | None) -> None:
        self._tick(Effect.FINISH)
        laid = self._laid(job.id, original) if original else None
        self._journal.complete(job.id, places, self._clock(), laid)
        self._clean_up_soon(job.id)

    def _tell_of_placed(self, job: Job, places: Sequence[str]) -> None:
        outcome = _decided(job)
        if outcome is None:
            self._job_events.found_done(job)
            return
        results = tuple(self._folders.root / place for place in places)
        seconds = self._since(job.started_at or self._clock())
        self._job_events.finished(job, outcome, results, seconds)

    def _since(self, began: float) -> float:
        """Seconds; 0 where the clock was set back meanwhile."""
        return max(0.0, self._clock() - began)

    def _below_root(self, places: Sequence[Path]) -> list[str]:
        return [str(path.relative_to(self._folders.root)) for path in places]

    def _laid(self, job_id: str, original: Path) -> Original | None:
        """What is to be kept of an original that was just laid somewhere; None where it is gone already."""
        (place,) = self._below_root([original])
        mark = ownership.file_id_at(self._folders.root, place)
        return mark and Original(job_id, place, mark.inode, mark.size_bytes, mark.mtime_ns)


def _decided(job: Job) -> Outcome | None:
    """What the journal holds of a decided job; None where it lacks the attempt that won."""
    best = attempt_numbered(job.attempts, job.best)
    return None if best is None or best.verdict is None else Outcome(job.attempts, best)
