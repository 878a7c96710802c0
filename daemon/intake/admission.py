"""Taking photos into work: first the row in the journal, then the rename; and mending that after a crash."""

import time
import uuid
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from daemon.errors import IllegalMove, Vanished
from daemon.hotfolder import ownership
from daemon.hotfolder.effects import Effect
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.runtime import Runtime
from daemon.hotfolder.work_note import write_work_note
from daemon.intake.scan_values import Arrival, Reject
from daemon.jobs import Job
from daemon.journal import JobRow, Journal
from daemon.states import has_failed


class Admission:
    """Gives photos a job; only one thread admits."""

    def __init__(self, journal: Journal, folders: HotFolder, runtime: Runtime) -> None:
        self._journal = journal
        self._folders = folders
        self._clock = runtime.clock
        self._tick = runtime.tick
        self._unclaimed: set[str] = set()
        self._to_forget: set[str] = set()  # rows without a file, which the journal had no room to strike out

    @property
    def unclaimed(self) -> Collection[str]:
        """Ids of jobs whose row may be written while their file is not claimed yet: nobody may start them."""
        return (*self._unclaimed, *self._to_forget)

    def admit(self, arrival: Arrival) -> Job | None:
        """Write the row, then claim the file as it was proven.

        None where it went away or changed in between: then it was never ours, and the next scan looks at it again.
        """
        with self._new_job() as job_id:
            proven = (arrival.size_bytes, arrival.mtime_ns)
            return self._admit(job_id, arrival.source, arrival.name, proven)

    def refuse(self, reject: Reject, give_up: Callable[[Job], None]) -> None:
        """Admit a file that is no whole photo and give it up at once, before anybody can start it."""
        with self._new_job() as job_id:
            job = self._admit(job_id, reject.source, reject.name, None)
            if job:
                give_up(job)

    @contextmanager
    def _new_job(self) -> Iterator[str]:
        now = time.strftime("%Y%m%d-%H%M%S", time.gmtime(self._clock()))
        job_id = f"{now}-{uuid.uuid4().hex[:8]}"
        self._unclaimed.add(job_id)
        try:
            yield job_id
        finally:
            self._unclaimed.discard(job_id)

    def _admit(self, job_id: str, source: Path, name: str, proven: tuple[int, int] | None) -> Job | None:
        now = self._clock()
        size_bytes = proven[0] if proven else 0
        for left in tuple(self._to_forget):
            self._forget(left)
        self._tick(Effect.ADMIT)
        job = self._journal.admit(job_id, name, source.relative_to(self._folders.root), size_bytes, now)
        self._tick(Effect.CLAIM)
        try:
            self._folders.jobs.claim(source, job.id, proven)
        except Vanished:
            self._forget(job.id)
            return None
        except Exception:
            # Whatever it was, nobody may start the job. A file that is in work all the same is given back in time.
            self._forget(job.id)
            raise
        write_work_note(self._folders, self._journal.row(job.id))
        return job

    def _forget(self, job_id: str) -> None:
        """Strike out a row whose file was not claimed; where there is no room, nobody starts it until there is."""
        self._to_forget.add(job_id)
        self._journal.forget(job_id)
        self._to_forget.discard(job_id)

    def recover(self) -> int:
        """Strike out rows whose file was never claimed; returns how many.

        Nothing was taken then: the file is still in `inbox/`, and the next scan proves it anew; it may have changed.
        """
        in_work = set(self._folders.jobs.in_work())
        waiting = self._journal.never_started()
        # One photo is taken at a time, so only the last one may have a folder and no file in it. With a hundred
        # thousand waiting, looking into each folder takes long on a share.
        unclaimed = [job_id for job_id in waiting[:-1] if job_id not in in_work]
        unclaimed += [job_id for job_id in waiting[-1:] if self._folders.jobs.claimed(job_id) is None]
        for job_id in unclaimed:
            self._journal.forget(job_id)
        return len(unclaimed)

    def take_back(self, entry: JobRow) -> None:
        """Take a failed job's original out of `failed/` and let it be tried again.

        Raises IllegalMove where the job has not failed, Vanished where its original is no longer in `failed/`.
        """
        job = entry.job
        if not has_failed(job.state):
            raise IllegalMove(
                f"{job.name} ({job.id}) has not failed, it is {job.state}; put a photo into inbox/ to redo it."
            )
        places = [self._folders.root / place for place in entry.results]
        if not places:
            raise Vanished(f"{job.name} ({job.id}): where its original lies was never noted.")
        self._tick(Effect.TAKE_BACK)
        if self._folders.jobs.claimed(job.id) is None:
            mark = ownership.file_id_at(self._folders.root, entry.results[0])
            if mark and self._journal.originals.is_of_another(job.id, mark):
                raise Vanished(f"{job.name} ({job.id}): its original is gone, {entry.results[0]} is another photo's.")
            self._folders.jobs.claim(places[0], job.id)
        for note in places[1:]:
            note.unlink(missing_ok=True)
        self._tick(Effect.REQUEUE)
        self._journal.requeue(job.id, self._clock())
        write_work_note(self._folders, self._journal.row(job.id))
