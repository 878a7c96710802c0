"""Taking photos into work: first the row in the journal, then the rename; and mending that after a crash."""

import os
import time
import uuid
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path

from daemon.errors import IllegalMove, Vanished
from daemon.intake.folders import Folders
from daemon.jobs import Job, State
from daemon.journal import Entry, Journal
from daemon.pipeline import Tick


class Admission:
    """Gives photos a job; only one thread admits."""

    def __init__(self, journal: Journal, folders: Folders, clock: Callable[[], float], tick: Tick) -> None:
        self._journal = journal
        self._folders = folders
        self._clock = clock
        self._tick = tick
        self._unclaimed: set[str] = set()

    @property
    def unclaimed(self) -> Collection[str]:
        """Ids of jobs whose row may be written while their file is not claimed yet: nobody may start them."""
        return tuple(self._unclaimed)

    def admit(self, source: Path, name: str, size_bytes: int) -> Job | None:
        """Write the row, then claim the file. None where the file went away in between: then it was never ours."""
        with self._new_job() as job_id:
            return self._admit(job_id, source, name, size_bytes)

    def refuse(self, source: Path, name: str, size_bytes: int, give_up: Callable[[Job], None]) -> None:
        """Admit a file that is no whole photo and give it up at once, before anybody can start it."""
        with self._new_job() as job_id:
            job = self._admit(job_id, source, name, size_bytes)
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

    def _admit(self, job_id: str, source: Path, name: str, size_bytes: int) -> Job | None:
        now = self._clock()
        self._tick("admit")
        job = self._journal.admit(job_id, name, source.relative_to(self._folders.root), size_bytes, now)
        self._tick("claim")
        try:
            self._folders.claim(source, job.id)
        except Vanished:
            self._journal.forget(job.id)
            return None
        return job

    def recover(self) -> int:
        """Claim what an earlier run wrote down and then could not claim; returns how many rows that were mended.

        A row whose file is neither in work nor in `inbox/` any more is struck out: nothing was ever taken.
        """
        mended = 0
        for entry in self._journal.entries(State.WAITING):
            job_id = entry.job.id
            if self._folders.claimed(job_id) is not None or entry.job.attempts or entry.job.round:
                continue
            mended += 1
            source = self._folders.root / entry.source
            try:
                if os.lstat(source).st_size != entry.job.size_bytes:
                    raise Vanished(f"{source} is another file by now")
                self._folders.claim(source, job_id)
            except (OSError, Vanished):
                self._journal.forget(job_id)
        return mended

    def take_back(self, entry: Entry) -> None:
        """Take a failed job's original out of `failed/` and let it be tried again.

        Raises IllegalMove where the job has not failed, Vanished where its original is no longer in `failed/`.
        """
        job = entry.job
        if job.state is not State.FAILED:
            raise IllegalMove(
                f"{job.name} ({job.id}) has not failed, it is {job.state}; put a photo into inbox/ to redo it."
            )
        places = [self._folders.root / place for place in entry.results]
        if not places:
            raise Vanished(f"{job.name} ({job.id}): where its original lies was never noted.")
        self._tick("take back")
        if self._folders.claimed(job.id) is None:
            self._folders.claim(places[0], job.id)
        for note in places[1:]:
            note.unlink(missing_ok=True)
        self._tick("requeue")
        self._journal.requeue(job.id, self._clock())
