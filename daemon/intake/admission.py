"""Gives each photo a job: writes its row in the journal, then moves the file into work."""

import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from daemon.errors import Vanished
from daemon.hotfolder.effects import Effect
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.runtime import Runtime
from daemon.hotfolder.work_note import drop_work_note, write_work_note
from daemon.intake.scan_values import Arrival, Reject
from daemon.jobs import Job
from daemon.journal import Journal, SentAlong
from daemon.logs.barrier import Barrier


class Admission:
    """One photo at a time is admitted, by whatever thread.

    A job is reserved from before its row is written until its file is claimed.
    """

    def __init__(self, journal: Journal, folders: HotFolder, runtime: Runtime) -> None:
        self._journal = journal
        self._folders = folders
        self._clock = runtime.clock
        self._tick = runtime.tick
        self._timed = runtime.stages.timed
        self._lock = threading.Lock()
        self._to_forget: set[str] = set()  # rows without a file, which the journal had no room to delete

    def admit(self, arrival: Arrival, sent: SentAlong | None = None, place: Path | None = None) -> Job | None:
        """Write the row, then claim the file as it was proven.

        sent: what is kept with the photo. place: where it counts as taken from; None = from where it is. Raises
        IllegalMove if its key is taken.
        Returns None if the file went away or changed in between: then it stays where it is, and the next scan looks at
        it again.
        """
        with self._reserved_job() as job_id:
            proven = (arrival.size_bytes, arrival.mtime_ns)
            return self._admit(job_id, arrival.source, arrival.name, proven, (place or arrival.source, sent))

    def refuse(self, reject: Reject, give_up: Callable[[Job], None]) -> None:
        """Admit a file that is no whole photo, and give its job up at once, before anybody can start it."""
        with self._reserved_job() as job_id:
            job = self._admit(job_id, reject.source, reject.name, None)
            if job:
                give_up(job)

    def recover(self) -> int:
        """Delete the rows whose file was never claimed. Returns how many.

        Their files are still in `inbox/`. The next scan proves them anew, as they may have changed.
        """
        in_work = set(self._folders.jobs.in_work())
        waiting = self._journal.never_started()
        # One photo is admitted at a time, so only the last one may have a folder without a file. With a hundred
        # thousand photos waiting on a share, looking into every folder would take long.
        unclaimed = [job_id for job_id in waiting[:-1] if job_id not in in_work]
        unclaimed += [job_id for job_id in waiting[-1:] if self._folders.jobs.claimed(job_id) is None]
        barrier = Barrier()
        for job_id in unclaimed:
            with barrier.around(f"The file of job {job_id}, which was never taken,"):
                self._journal.forget(job_id)
        return len(unclaimed)

    @contextmanager
    def _reserved_job(self) -> Iterator[str]:
        now = time.strftime("%Y%m%d-%H%M%S", time.gmtime(self._clock()))
        job_id = f"{now}-{uuid.uuid4().hex[:8]}"
        self._journal.reserved.reserve(job_id)
        try:
            yield job_id
        finally:
            if job_id not in self._to_forget:
                self._journal.reserved.release(job_id)

    def _admit(
        self,
        job_id: str,
        source: Path,
        name: str,
        proven: tuple[int, int] | None,
        recorded: tuple[Path, SentAlong | None] | None = None,
    ) -> Job | None:
        with self._lock, self._timed("claim"):
            return self._admit_alone(job_id, source, name, proven, recorded or (source, None))

    def _admit_alone(
        self,
        job_id: str,
        source: Path,
        name: str,
        proven: tuple[int, int] | None,
        recorded: tuple[Path, SentAlong | None],
    ) -> Job | None:
        place, sent = recorded
        now = self._clock()
        size_bytes = proven[0] if proven else 0
        for left in tuple(self._to_forget):
            self._forget(left)
            self._journal.reserved.release(left)
        self._tick(Effect.ADMIT)
        job = self._journal.admit(job_id, name, place.relative_to(self._folders.root), size_bytes, now, sent)
        try:
            self._tick(Effect.CLAIM)
            write_work_note(self._folders, self._journal.row(job.id))
            self._folders.jobs.claim(source, job.id, proven)
        except Vanished:
            self._forget(job.id)
            return None
        except Exception:
            # Whatever the error is, nobody may start the job. If its file is in work all the same, the next start
            # gives it back.
            self._forget(job.id)
            raise
        return job

    def _forget(self, job_id: str) -> None:
        """Delete a row whose file was not claimed. As long as the journal has no room for that, nobody starts it."""
        self._to_forget.add(job_id)
        drop_work_note(self._folders, job_id, self._tick)
        self._journal.forget(job_id)
        self._to_forget.discard(job_id)
