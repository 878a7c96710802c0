"""Brings every job that a crash left in the middle to where it can go on."""

from contextlib import suppress

from daemon.errors import NoRoom, RootAway, Said
from daemon.hotfolder.effects import Effect, Tick
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.work_note import read_work_note
from daemon.journal import Journal
from daemon.journal.alphas import Alphas
from daemon.logs.barrier import Barrier
from daemon.publishing.publisher import Publisher
from daemon.settings import Settings
from daemon.states import is_done, is_open


class Recovery:
    """Completes what an earlier run began, and what a full disk left undone in this one."""

    def __init__(
        self, journal: Journal, folders: HotFolder, alphas: Alphas, publisher: Publisher, settings: Settings, tick: Tick
    ) -> None:
        self._journal = journal
        self._folders = folders
        self._alphas = alphas
        self._publisher = publisher
        self._settings = settings
        self._tick = tick
        self._barrier = Barrier()

    def recover(self) -> dict[str, int]:
        """After a start, make everything ready to go on; returns counts by how. Raises RootAway or NoRoom."""
        self._folders.check()
        resumed = self._journal.recover()
        if self._folders.jobs.tries_root.exists():
            self._tick(Effect.CLEAR)
            self._folders.jobs.clear_tries()
        most = self._settings.dispatch.max_tries
        # A job whose results are published counts as done: only its original is still to be put away.
        worn_out = [row for row in self._journal.worn_out(most) if not self._publisher.is_placed(row.job.id)]
        for row in worn_out:
            with self._barrier.around(row.job.name):
                self._publisher.give_up(row.job, _quarantine_reason(row.job.tries))
        return {
            "resumed": len(resumed),
            "suspected": self._journal.suspects(),
            "quarantined": len(worn_out),
            "completed": self.clear_leftovers(),
        }

    def clear_leftovers(self) -> int:
        """Bring jobs that are over to their end: a failed one's original to `failed/`, the rest away.

        Returns how many were completed. If there is no room, or no root, the rest waits for the next time.
        """
        completed = 0
        with suppress(NoRoom, RootAway):
            in_work, with_alphas = self._folders.jobs.in_work(), self._alphas.jobs()
            open_ids = self._journal.open_ids()  # asked last: what was there before is known by now
            for job_id in in_work:
                if job_id not in open_ids:
                    with self._barrier.around(self._name_of(job_id)):
                        completed += self._complete(job_id)
            for job_id in set(with_alphas) - set(in_work) - open_ids:
                if is_done(self._journal.state_of(job_id)):
                    self._alphas.lay_by(job_id)
                else:
                    self._alphas.drop(job_id)
        return completed

    def _complete(self, job_id: str) -> bool:
        """Bring one job that is over to its end; False if it is not over."""
        with self._publisher.locks.held(job_id):
            state = self._journal.state_of(job_id)  # asked under the lock: a person may have sent it round again
            if state is None:
                return self._take_up(job_id)
            if is_open(state):
                return False
            with self._journal.retry_lock.trying() as is_ours:
                if is_ours:  # else a person's retry may just have taken the original out of failed/
                    self._finish(job_id)
                return is_ours

    def _name_of(self, job_id: str) -> str:
        """What the log calls a job: as its photo, if the journal knows it."""
        with suppress(KeyError):
            return self._journal.row(job_id).job.name
        return f"The end of job {job_id}"

    def _finish(self, job_id: str, *, journal_is_new: bool = False) -> None:
        publication = self._publisher.look(job_id, self._settings.outputs, journal_is_new=journal_is_new)
        self._publisher.clear(self._publisher.finish(publication))

    def _take_up(self, job_id: str) -> bool:
        """Go on with work that a lost journal knew, under its own id; False if there is none."""
        original = self._folders.jobs.claimed(job_id)
        if original is None:
            self._tick(Effect.CLEAR)
            self._folders.jobs.clear(job_id)  # the folder of a photo that was never claimed
            return False
        row = read_work_note(self._folders, job_id)
        if row is None:
            self._tick(Effect.GIVE_BACK)
            self._folders.jobs.release(job_id, original.name)  # nobody knows whose it was: it starts afresh
        else:
            self._journal.restore([row])
            self._finish(job_id, journal_is_new=True)
        return True


def _quarantine_reason(tries: int) -> Said:
    return Said("crashed_over_photo", n=tries)
