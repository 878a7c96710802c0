"""Takes a job from its decision to its end, one step after the other; the only place that looks at a job's files."""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path

from daemon.errors import BadPhoto, NoRoom, RootAway, Said
from daemon.hotfolder.effects import Effect
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.job_locks import JobLocks
from daemon.hotfolder.runtime import Runtime
from daemon.jobs import Job
from daemon.jobs.failure_kinds import kind_of
from daemon.journal import Journal, Original, ResultFile
from daemon.journal.alphas import Alphas
from daemon.journal.shown_sizes import ShownSizes
from daemon.publishing import found_files
from daemon.publishing.closed_failures import close_failures
from daemon.publishing.duplicate import archive_duplicate
from daemon.publishing.earlier_result import retire_earlier_result
from daemon.publishing.failure import move_to_failed
from daemon.publishing.job_events import JobEvents
from daemon.publishing.kept_originals import archive_original, is_anothers, under_way
from daemon.publishing.kept_pages import kept_pages
from daemon.publishing.placed_before import in_other_hands
from daemon.publishing.publication import Files, Publication, Step, decided
from daemon.publishing.published_files import as_published, staged_files
from daemon.publishing.shown_in_report import shown_in_report
from daemon.publishing.staging import Staging, content_of, staged_as_decided
from daemon.settings import OutputSettings
from daemon.states import is_done, is_open


class Publisher:
    """Looks at jobs and does their steps. Many threads may call it, each holding `locks` for a job of its own."""

    def __init__(
        self,
        journal: Journal,
        folders: HotFolder,
        *,
        alphas: Alphas,
        staging: Staging,
        job_events: JobEvents,
        locks: JobLocks,
        runtime: Runtime,
    ) -> None:
        self.locks = locks
        self._journal = journal
        self._folders = folders
        self._alphas = alphas
        self._staging = staging
        self._job_events = job_events
        self._clock = runtime.clock
        self._tick = runtime.tick
        # The places of a job's files, and what tells the files: the journal may have no room to record them.
        self._placed: dict[str, tuple[Sequence[str], Sequence[ResultFile]]] = {}

    def look(self, job_id: str, outputs: OutputSettings, *, journal_is_new: bool = False) -> Publication:
        """See where a job stands. Raises KeyError for an unknown job, NoRoom, RootAway.

        journal_is_new: the journal was lost, so look for a report or a failure note even if the original is in work.
        """
        row = self._journal.row(job_id)
        if not is_open(row.job.state):
            return Publication(row, self._files_of_one_that_is_over(job_id), outputs)
        files = Files(self._folders.jobs.claimed(job_id), self._placed.get(job_id, ((), ()))[0])
        publication = Publication(row, files, outputs, outcome=decided(row))
        if journal_is_new or (files.original is None and not publication.places):
            found = found_files.result_of(self._folders, row.job) or found_files.failure_of(self._folders, row.job)
            return replace(publication, files=replace(files, elsewhere=found))
        return publication

    def read_content(self, publication: Publication, *, leave_out_equal: bool) -> Publication:
        """Record the content of the original, and see whether it came before and whether its result is staged.

        leave_out_equal: whether a photo whose content came before is left out. Raises OSError if it cannot be read.
        """
        row, files = publication.row, publication.files
        if files.original is None or publication.places:
            return publication
        seen, content = files.original.stat(), content_of(files.original)
        self._tick(Effect.RECORD_CONTENT)
        first = self._journal.record_content(row.job.id, content, leave_out=leave_out_equal)
        outcome = publication.outcome
        if outcome is not None and outcome.verdict.grade is row.job.grade:
            staged = staged_as_decided(row.job, self._folders.jobs.staging_root / row.job.id, content)
            kept = {} if staged else kept_pages(self._folders, self._journal, row.job)
            files = replace(files, staged_as_decided=staged, kept=kept)
        row = replace(row, same_as=first, content=content)
        return replace(publication, row=row, files=files, content=content, seen=seen)

    def finish(self, publication: Publication) -> Publication:
        """Do step after step until only CLEAR is left. Call it under the job's lock, for a job that needs no pixels.

        Raises BadPhoto if the original is gone, NoRoom, RootAway.
        """
        steps = {
            Step.RETIRE: self._retire,
            Step.PLACE: self._place,
            Step.ARCHIVE: self._archive,
            Step.ADOPT: self._adopt,
            Step.LEAVE_OUT: self._leave_out,
            Step.GIVE_UP: self._miss_original,
            Step.MOVE_TO_FAILED: self._move_to_failed,
        }
        while do := steps.get(publication.step):
            publication = do(publication)
        return publication

    def give_up(self, job: Job, reason: Said) -> None:
        """Fail a job. The journal comes first, so that the next start completes what a crash interrupts."""
        kind = kind_of(reason)
        with self.locks.held(job.id):
            seconds = self.seconds_of(job)  # read first: whatever fails after the move, its end is told
            self._tick(Effect.GIVE_UP)
            if original := under_way(job.id, self._folders.jobs.claimed(job.id)):
                self._journal.originals.record(original)
            self._journal.give_up(job.id, reason, kind, self._clock())
            try:  # what stops it here leaves the original in work; `Recovery.clear_leftovers` tries again
                with suppress(NoRoom, RootAway):
                    self.clear(self.finish(self.look(job.id, OutputSettings())))
            finally:
                self._job_events.failed(job, reason, kind, seconds)

    def is_placed(self, job_id: str) -> bool:
        """Whether what came of this round is where people find it, while the journal does not say so yet.

        Raises NoRoom, RootAway.
        """
        publication = self.look(job_id, OutputSettings())
        found = publication.files.elsewhere
        is_found = found is not None and found.job.grade is not None
        return is_open(publication.row.job.state) and (is_found or bool(publication.places))

    def seconds_of(self, job: Job) -> float:
        """Seconds of work on a job in this round, until now; stops, outages and back-off are no work."""
        return self._journal.work_times.of(job.id)

    def clear(self, publication: Publication) -> None:
        """Remove what a job that is over leaves in staging and in work; lay its alphas by. Raises NoRoom, RootAway."""
        if publication.step is not Step.CLEAR:
            return
        job_id = publication.row.job.id
        self._tick(Effect.CLEAR)
        self._folders.jobs.clear(job_id)
        if is_done(publication.row.job.state):
            self._alphas.lay_by(job_id)
        else:
            self._alphas.drop(job_id)

    def _retire(self, publication: Publication) -> Publication:
        retire_earlier_result(self._folders, self._journal, self._tick, publication.row.job)
        job = self._journal.row(publication.row.job.id).job
        return replace(publication, row=replace(publication.row, job=job))

    def _place(self, publication: Publication) -> Publication:
        """Put the staged files into their grade folder, then record where they are."""
        job, outcome = publication.row.job, publication.outcome
        assert outcome is not None  # nothing is staged as decided without a decision
        self._tick(Effect.PUBLISH)
        grade, staged = outcome.verdict.grade, publication.files.staged_as_decided
        files, moved = staged_files(staged), in_other_hands(self._folders, grade, staged)
        folder = self._folders.grade(grade)
        places = self._below_root(self._staging.place(staged, folder, job.name, publication.outputs, moved))
        self._placed[job.id] = places, as_published(self._folders.root, files, places)
        self._record_placed(publication, shown_in_report(staged[-1][0].read_bytes()))
        return replace(publication, row=replace(publication.row, results=tuple(places)))

    def _record_placed(self, publication: Publication, shown: ShownSizes | None = None) -> None:
        job_id = publication.row.job.id
        places, files = self._placed[job_id]
        original = under_way(job_id, publication.files.original if publication.outputs.keep_originals else None)
        self._tick(Effect.RECORD_RESULTS)
        self._journal.record_places(job_id, places, original, files, shown)

    def _archive(self, publication: Publication) -> Publication:
        """Put the original into `archiv/`, then complete the job."""
        job = publication.row.job
        if not publication.row.results:  # there was no room for them yet
            self._record_placed(publication)
        original = self._archived(publication)
        self._close_failures(job)
        seconds = self.seconds_of(job)
        self._tick(Effect.COMPLETE)
        self._journal.complete(job.id, publication.places, self._clock(), original)
        results = tuple(self._folders.root / place for place in publication.places)
        self._job_events.ended(job, publication.outcome, results, seconds)
        return self._over(publication)

    def _archived(self, publication: Publication) -> Original | None:
        return archive_original(self._folders, self._journal, self._tick, publication)

    def _close_failures(self, job: Job) -> None:
        close_failures(self._folders, self._journal, self.locks, self._tick, job)

    def _adopt(self, publication: Publication) -> Publication:
        """Take over the end that a report or a failure note tells of, because the journal lost it."""
        job, found = publication.row.job, publication.files.elsewhere
        assert found is not None
        if found.job.grade is not None:
            original = self._archived(publication)
            self._close_failures(job)
            self._tick(Effect.ADOPT)
            self._journal.complete_as_found(job.id, found, self._clock(), original)
        else:
            reason = found.job.reason or Said("unknown")
            self._journal.give_up(job.id, reason, found.reason_kind or kind_of(reason), self._clock())
            self._journal.record_places(job.id, found.results)
        self._job_events.found_done(job)
        return self._over(publication)

    def _leave_out(self, publication: Publication) -> Publication:
        job, same_as = publication.row.job, publication.row.same_as
        assert same_as is not None
        first = self._journal.row(same_as)
        others = partial(is_anothers, self._folders.root, self._journal, job.id)
        places = archive_duplicate(self._folders, self._tick, publication, first, others, self._staging.words)
        self._placed[job.id] = self._below_root(places), ()
        self._close_failures(job)
        self._tick(Effect.LEAVE_OUT)
        self._journal.leave_out(job.id, self._below_root(places), self._clock())
        self._job_events.left_out(job, first.job, tuple(places))
        return self._over(publication)

    def _miss_original(self, publication: Publication) -> Publication:
        name = publication.row.job.name
        raise BadPhoto(Said("original_gone", name=name))

    def _move_to_failed(self, publication: Publication) -> Publication:
        job = publication.row.job
        places, original = move_to_failed(self._folders, self._journal, self._tick, publication, self._staging.words)
        self._tick(Effect.RECORD_PLACES)
        self._journal.record_places(job.id, self._below_root(places), original)
        return self._over(publication)

    def _over(self, publication: Publication) -> Publication:
        """The publication of a job that just ended; what is left of it is ours alone."""
        row = self._journal.row(publication.row.job.id)
        self._placed.pop(row.job.id, None)
        return replace(publication, row=row, files=Files(leftovers=True))

    def _files_of_one_that_is_over(self, job_id: str) -> Files:
        left = self._folders.jobs.exists(job_id) or self._alphas.exists(job_id)
        return Files(self._folders.jobs.claimed(job_id), leftovers=left)

    def _below_root(self, paths: Sequence[Path]) -> list[str]:
        return [str(path.relative_to(self._folders.root)) for path in paths]
