"""Lets a failed photo be tried again, because a person asks for it."""

from daemon.errors import IllegalMove, Vanished
from daemon.hotfolder import ownership
from daemon.hotfolder.effects import Effect
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.job_locks import JobLocks
from daemon.hotfolder.runtime import Runtime
from daemon.hotfolder.work_note import write_work_note
from daemon.journal import Journal
from daemon.states import has_failed


class Retries:
    """May be used beside a running daemon; the journal then refuses what the daemon did first."""

    def __init__(self, folders: HotFolder, journal: Journal, locks: JobLocks, runtime: Runtime) -> None:
        self._folders = folders
        self._journal = journal
        self._locks = locks
        self._clock = runtime.clock
        self._tick = runtime.tick

    def try_again(self, job_id: str) -> str:
        """Take a failed job's original out of `failed/`, and put the job back into the queue. Returns its name.

        Raises KeyError if the journal knows no such job, IllegalMove if the job has not failed, and Vanished if its
        original is not in `failed/` any more.
        """
        with self._locks.held(job_id):
            row = self._journal.row(job_id)
            job = row.job
            if not has_failed(job.state):
                raise IllegalMove(
                    f"{job.name} ({job.id}) has not failed: it is {job.state}. To redo it, put the photo into inbox/."
                )
            if not row.results:
                raise Vanished(f"{job.name} ({job.id}): the journal does not say where its original is.")
            self._tick(Effect.TAKE_BACK)
            if self._folders.jobs.claimed(job.id) is None:
                found = ownership.file_id_at(self._folders.root, row.results[0])
                if found and self._journal.originals.is_of_another(job.id, found):
                    text = f"its original is gone; {row.results[0]} is the original of another photo."
                    raise Vanished(f"{job.name} ({job.id}): {text}")
                self._folders.jobs.claim(self._folders.root / row.results[0], job.id)
            for note in row.results[1:]:
                (self._folders.root / note).unlink(missing_ok=True)
            self._tick(Effect.REQUEUE)
            self._journal.requeue(job.id, self._clock())
            write_work_note(self._folders, self._journal.row(job.id))
        return job.name
