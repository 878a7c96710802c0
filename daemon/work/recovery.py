"""After a start: bringing every job that a crash left in the middle to where it can go on."""

from contextlib import suppress

from daemon.errors import NoRoom, RootAway
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.work_note import read_work_note
from daemon.journal import Journal
from daemon.journal.alphas import Alphas
from daemon.publishing.publication import Endings
from daemon.states import State


class Recovery:
    """Completes what an earlier run began; also what a full disk left undone in this one."""

    def __init__(self, journal: Journal, folders: HotFolder, alphas: Alphas, max_tries: int) -> None:
        self._journal = journal
        self._folders = folders
        self._alphas = alphas
        self._max_tries = max_tries

    def recover(self, endings: Endings) -> dict[str, int]:
        """Make everything ready to go on; returns counts by how. Raises RootAway or NoRoom."""
        self._folders.check()
        resumed = self._journal.recover()
        # Whose results are out is as good as done: only its original is to be put away.
        worn_out = [entry for entry in self._journal.worn_out(self._max_tries) if not endings.places_of(entry.job)]
        for entry in worn_out:
            endings.give_up(entry.job, _quarantine_reason(entry.job.tries), "quarantined")
        return {"resumed": len(resumed), "quarantined": len(worn_out), "completed": self.tidy_up(endings)}

    def tidy_up(self, endings: Endings) -> int:
        """Folders of jobs that are over: a failed one's original still belongs into `failed/`, the rest is litter.

        Returns how many were completed. Where there is no room, or no root, the rest is left for the next time.
        """
        completed = 0
        with suppress(NoRoom, RootAway):
            in_work, with_alphas = self._folders.jobs.in_work(), self._alphas.jobs()
            open_ids = self._journal.open_ids()  # asked last: what was there before is known by now
            for job_id in in_work:
                if job_id not in open_ids:
                    completed += self._completed(job_id, endings)
            for job_id in set(with_alphas) - set(in_work) - open_ids:
                self._alphas.drop(job_id)
        return completed

    def _completed(self, job_id: str, endings: Endings) -> bool:
        """Bring one job that is over to its end; False where it is not over."""
        state = self._journal.state_of(job_id)
        if state is State.FAILED:
            entry = self._journal.entry(job_id)
            endings.lay_aside(job_id, entry.job.name, entry.job.reason or "unknown")
        elif state is State.DONE:
            endings.clean_up(job_id)
        elif state is None:
            return self._taken_up(job_id, endings)
        else:
            return False
        return True

    def _taken_up(self, job_id: str, endings: Endings) -> bool:
        """Work of a journal that is lost goes on under its own id, or is over; False where there is none."""
        original = self._folders.jobs.claimed(job_id)
        if original is None:
            self._folders.jobs.clear(job_id)  # made for a photo that was never claimed
            return False
        entry = read_work_note(self._folders, job_id)
        if entry is None:
            self._folders.jobs.release(job_id, original.name)  # nobody knows whose it was: it starts afresh
        else:
            self._journal.restore([entry])
            endings.as_found(entry.job)
        return True


def _quarantine_reason(tries: int) -> str:
    return (
        f"Freisteller crashed {tries} times while it worked on this photo, so it no longer tries. "
        "The photo may be too large for this machine's memory, or damaged in a way that crashes a library."
    )
