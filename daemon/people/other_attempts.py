"""Takes another attempt instead of the best one, because a person asks for it: no engine is asked again."""

from collections.abc import Callable

from daemon.errors import IllegalMove, Said, Vanished
from daemon.hotfolder import ownership
from daemon.hotfolder.effects import Effect
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.job_locks import JobLocks
from daemon.hotfolder.runtime import Runtime
from daemon.hotfolder.work_note import write_work_note
from daemon.jobs import Attempt, Choice, Job, attempt_numbered
from daemon.journal import JobRow, Journal
from daemon.journal.alphas import Alphas
from daemon.judgement.best_of_pages import best_of_page, of_page, pages_of_job, with_taken
from daemon.logs import log
from daemon.people.retries import NextRound, forget_last_staging
from daemon.publishing.kept_pages import pictures_by_page
from daemon.states import is_decided, is_done


class OtherAttempts:
    """Sends jobs that are done through their publication again, with another attempt. Safe to use from many threads."""

    def __init__(
        self,
        folders: HotFolder,
        journal: Journal,
        alphas: Alphas,
        next_round: NextRound,
        locks: JobLocks,
        runtime: Runtime,
        wake: Callable[[], None],
    ) -> None:
        """wake: has the dispatcher look for a job to start."""
        self._folders = folders
        self._journal = journal
        self._alphas = alphas
        self._next_round = next_round
        self._locks = locks
        self._clock = runtime.clock
        self._tick = runtime.tick
        self._wake = wake

    def can_be_taken(self, job: Job, attempt: Attempt) -> bool:
        """Whether all alphas are kept that a result by this attempt is made of: those of its page, up to it."""
        page = of_page(job, attempt.page)
        needed = [each for each in page if each.verdict is not None and each.number <= attempt.number]
        return attempt in needed and all(self._alphas.keeps(job, each.number, each.recipe) for each in needed)

    def refuse_unless_there(self, row: JobRow, number: int) -> None:
        """Raise IllegalMove or Vanished if an attempt cannot be taken now."""
        self._attempt(row, number)

    def take_attempt(self, job_id: str, number: int, who: str) -> bool:
        """Have the result of a job made anew by another of its attempts. Returns False if that was done before.

        The job begins another round that is decided already: it is rendered from its original in all formats, and then
        replaces the earlier result, which goes to `archiv/`. Of a file of several pages only the attempt's page is made
        anew; the files of the others are published again as they are, and the worst page still gives the grade. May be
        repeated after a crash: a person gets it once.

        Raises KeyError if the journal knows no such job, IllegalMove if the job is not done or the attempt cannot be
        taken, Vanished if its original or its result is gone; NoRoom, RootAway.
        """
        with self._locks.held(job_id):
            row = self._journal.row(job_id)
            job = row.job
            if _was_taken(job, number) and (is_done(job.state) or is_decided(job.state)):
                return False
            attempt = self._attempt(row, number)
            original = self.original_of(row)
            if self._folders.jobs.claimed(job_id) is None:
                self._tick(Effect.ORIGINAL_INTO_WORK)
                write_work_note(self._folders, row)
                self._folders.jobs.restore(self._folders.root / original, job_id)
            forget_last_staging(self._folders, self._tick, job_id)
            made_in = job.choice.alphas_round if job.choice else job.round
            self._tick(Effect.TAKE_ATTEMPT)
            choice = Choice(who, self._clock(), made_in, row.results)
            self._journal.choices.take(job_id, *with_taken(job, attempt, choice))
            write_work_note(self._folders, self._journal.row(job_id))
        text = f"{job.name} is made again with attempt {number}: a person took it."
        log.log("attempt_taken", text, job=job_id, name=job.name, attempt=number)
        self._wake()
        return True

    def _attempt(self, row: JobRow, number: int) -> Attempt:
        """The attempt, if it can be taken now. Raises IllegalMove, Vanished."""
        job = row.job
        if not is_done(job.state) or job.grade is None:
            raise IllegalMove(Said("no_result_for_attempt", name=job.name, state=job.state))
        attempt = attempt_numbered(job.attempts, number)
        if attempt is None or attempt.verdict is None:
            raise IllegalMove(Said("no_such_attempt", name=job.name, n=number))
        if attempt == best_of_page(job, attempt.page):
            raise IllegalMove(Said("attempt_taken_already", name=job.name, n=number))
        if not self.can_be_taken(job, attempt):
            raise IllegalMove(Said("alphas_gone", n=number, name=job.name))
        self._refuse_if_moved(row)
        return attempt

    def _refuse_if_moved(self, row: JobRow) -> None:
        """Raise Vanished unless the first file of each page is where the journal has it."""
        pages, by_page = pages_of_job(row.job), pictures_by_page(row.results)
        firsts = row.results[:1] if pages == (1,) else [by_page.get(page, ("",))[0] for page in pages]
        if not all(place and ownership.file_id_at(self._folders.root, place) for place in firsts):
            raise Vanished(Said("result_just_moved", name=row.job.name))

    def original_of(self, row: JobRow) -> str:
        """The place of the original, which must be as it was. Raises Vanished."""
        place = self._next_round.original_of(row)
        if place is None:
            raise Vanished(Said("original_not_archived", name=row.job.name))
        if row.content is not None and ownership.content_at(self._folders.root, place) != row.content:
            raise Vanished(Said("original_changed", name=row.job.name, detail=place))
        return place


def _was_taken(job: Job, number: int) -> bool:
    """Whether a person took this attempt, and none at its page since."""
    choice = job.choice
    return choice is not None and (number in [each[0] for each in choice.taken] if choice.page else number == job.best)
