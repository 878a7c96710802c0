"""What people put back into `inbox/` is tried again: a cut-out, its archived original, or a photo out of `failed/`.

The file is moved aside first, into a folder named by its job: that is the note of the wish, and a crash at any later
step only means that the next start fulfils it from there.
"""

import logging
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path, PurePosixPath

from daemon.disk.os_errors import named
from daemon.errors import NoRoom, Vanished
from daemon.hotfolder import ownership, place_files
from daemon.hotfolder.effects import Effect
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.runtime import Runtime
from daemon.intake.scan_values import Reject
from daemon.journal import JobRow, Journal
from daemon.logs import log
from daemon.observe import series
from daemon.observe.metrics import Metrics
from daemon.people import moved_results, stray_results
from daemon.publishing.reading_back import HISTORY_TO_READ
from daemon.states import has_failed, is_decided, is_over

EARLIER = "-earlier"  # behind the name of a result that another try replaces, in archiv/
_FORGOTTEN = (
    "This was put back into inbox/ to be tried again, and the journal that knew of what photo it is was lost since. "
    "Put it into inbox/ once more: it is then a photo of its own."
)


class PutBacks:
    """Knows files of ours in `inbox/` by the id in them, or by what the journal noted of an original's file."""

    def __init__(
        self,
        *,
        folders: HotFolder,
        journal: Journal,
        metrics: Metrics,
        refuse: Callable[[Reject], None],
        runtime: Runtime,
    ) -> None:
        """refuse: brings a file that cannot be tried again to `failed/`."""
        self._folders = folders
        self._journal = journal
        self._metrics = metrics
        self._refuse = refuse
        self._clock = runtime.clock
        self._tick = runtime.tick
        self._unclaimed: set[str] = set()
        self._told: set[str] = set()

    @property
    def unclaimed(self) -> Collection[str]:
        """Ids of jobs that are sent round again while their original is not in work yet: nobody may start them."""
        return tuple(self._unclaimed)

    def recover(self) -> int:
        """Before anything is started: see to what an earlier run did not get to; returns how many."""
        put_back = self._folders.jobs.put_back()
        self._unclaimed.update(put_back)
        with suppress(NoRoom):
            self.resume()
        return len(put_back)

    def resume(self) -> None:
        """See to what could not be seen to before. Raises NoRoom or RootAway."""
        put_back = self._folders.jobs.put_back()
        self._unclaimed.intersection_update(put_back)  # a share that went away in between leaves the wish unnoted
        for job_id in put_back:
            self._see_to(job_id)

    def answer(self, source: Path, proven: tuple[int, int] | None) -> bool:
        """Whether a file in the inbox is one that was put back; then it is seen to.

        proven: size in bytes and mtime in ns; None for what is no whole photo. Raises NoRoom or RootAway.
        """
        try:
            job_id = self._job_of(self._place(source))
        except OSError:
            return False  # who takes it in will say what is wrong
        if job_id is None:
            return False
        if self._folders.jobs.claimed(job_id, self._folders.jobs.returns_root):
            return True  # another file of the same result is just being seen to; this one comes next
        self._tick(Effect.PUT_ASIDE)
        self._unclaimed.add(job_id)
        try:
            self._folders.jobs.claim(source, job_id, proven, self._folders.jobs.returns_root)
        except Vanished:
            self._unclaimed.discard(job_id)
            return True  # it went away, or changes: the next scan looks again
        self._see_to(job_id)
        return True

    def _see_to(self, job_id: str) -> None:
        try:
            with named(f"Bringing back what was put into {self._folders.inbox}"):
                self._fulfil(job_id)
        except (Vanished, OSError) as error:  # this one waits in its folder, and is tried again
            if job_id not in self._told:
                self._told.add(job_id)
                log.log("put_back_waits", f"{job_id} waits: {error}", level=logging.WARNING, job=job_id)
        else:
            self._told.discard(job_id)
            self._unclaimed.discard(job_id)

    def _job_of(self, place: str) -> str | None:
        """The job that a file in the inbox comes from; None where it is a photo of its own."""
        mark = ownership.file_id_at(self._folders.root, place)
        if mark is None:
            return None
        for original in self._journal.originals.of_file(mark):
            over = is_over(self._journal.state_of(original.job_id))
            if over and ownership.file_id_at(self._folders.root, original.place) is None:
                self._folders.check()  # it was moved, not copied; but were the root gone, it would look so too
                return original.job_id
        if PurePosixPath(place).suffix.lower() not in stray_results.SUFFIXES:
            return None
        owner = ownership.owner_of(self._folders.root, place)
        return owner if owner and self._journal.state_of(owner) else None

    def _fulfil(self, job_id: str) -> None:
        """Bring a wish to its end, from wherever it stands."""
        if put_back := self._folders.jobs.claimed(job_id, self._folders.jobs.returns_root):
            self._grant(job_id, put_back)
        self._tick(Effect.SEEN_TO)
        (self._folders.jobs.returns_root / job_id).rmdir()

    def _grant(self, job_id: str, put_back: Path) -> None:
        """Send the job round again, or refuse the file. Raises Vanished where that has to wait."""
        state = self._journal.state_of(job_id)
        if state is None:
            if self._journal.facts.known(HISTORY_TO_READ):
                raise Vanished("the journal is new, and the reports are still to be read.")
            self._refuse(Reject(put_back, put_back.name, _FORGOTTEN))
            return
        if is_decided(state):
            raise Vanished(f"{put_back.name} was put back while the rest of its job was still put in place.")
        entry = self._journal.row(job_id)
        is_result = ownership.owner_of(self._folders.root, self._place(put_back)) == job_id
        original = self._original_of(entry) if is_result else None
        if is_result and original is None and self._folders.jobs.claimed(job_id) is None:
            self._refuse(Reject(put_back, _name_beside(entry, put_back), _no_original(entry)))
        else:
            self._send_round(entry, put_back, original, is_result)

    def _send_round(self, entry: JobRow, put_back: Path, original: str | None, is_result: bool) -> None:
        job_id = entry.job.id
        if is_over(entry.job.state):
            self._put_away(entry)
            self._tick(Effect.REQUEUE)
            self._journal.requeue(job_id, self._clock())
            what = "failed" if has_failed(entry.job.state) else "result" if original else "original"
            self._metrics.count(series.PUT_BACK, what=what)
            text = f"{entry.job.name} was put back into inbox/ and is tried again."
            log.log("put_back", text, job=job_id, name=entry.job.name, what=what)
        if self._folders.jobs.claimed(job_id) is None:
            self._tick(Effect.ORIGINAL_INTO_WORK)
            if original:
                self._folders.jobs.restore(self._folders.root / original, job_id)
            elif is_result:
                raise Vanished(f"the original of {entry.job.name} went away meanwhile.")
            else:
                self._folders.jobs.claim(put_back, job_id)
        if original and original.startswith(f"{self._folders.failed.name}/"):
            ownership.remove(self._folders.root, original)
        if put_back.exists():
            self._archive(entry, self._place(put_back))

    def _put_away(self, entry: JobRow) -> None:
        """What the last round left beside people's files: the note of a failure goes, a result moves to `archiv/`."""
        root = self._folders.root
        if has_failed(entry.job.state):
            for note in entry.results[1:]:
                self._tick(Effect.REMOVE_NOTE)
                ownership.remove(root, note)
            return
        for place in entry.results:
            if ownership.is_of(entry.job.id, root, place):
                self._archive(entry, place)

    def _archive(self, entry: JobRow, place: str) -> None:
        """Keep a file of a result that another try replaces: somebody may like it better, or have worked on it."""
        name = PurePosixPath(entry.job.name)
        earlier = name.with_name(f"{name.stem}{EARLIER}")
        path = self._folders.root / place
        self._tick(Effect.ARCHIVE_EARLIER_RESULT)
        place_files.place([(path, moved_results.tail_of(place))], self._folders.archive, earlier)
        self._tick(Effect.REMOVE_EARLIER_RESULT)
        ownership.remove(self._folders.root, place)

    def _original_of(self, entry: JobRow) -> str | None:
        """The place of a job's original, also where it was renamed since; None where it is gone."""
        root = self._folders.root
        noted = self._journal.originals.of_job(entry.job.id)
        if noted is None:
            place = f"{self._folders.archive.name}/{entry.job.name}"
            mark = ownership.file_id_at(root, place)
            return place if mark and mark.size_bytes == entry.job.size_bytes else None
        mark = ownership.file_id_at(root, noted.place)
        if mark and not self._journal.originals.is_of_another(entry.job.id, mark):
            return noted.place  # it may have been worked on since
        for top in (self._folders.archive, self._folders.failed):
            found = stray_results.place_of(top, noted.inode)
            mark = ownership.file_id_at(root, found) if found else None
            if mark and (mark.size_bytes, mark.mtime_ns) == (noted.size_bytes, noted.mtime_ns):
                return found
        return None

    def _place(self, path: Path) -> str:
        return str(path.relative_to(self._folders.root))


def _name_beside(entry: JobRow, put_back: Path) -> str:
    return str(PurePosixPath(entry.job.name).with_name(put_back.name))


def _no_original(entry: JobRow) -> str:
    return (
        f"This is a cut-out of {entry.job.name}, and its original is not in archiv/ any more, so it cannot be tried "
        "again. Put the original photo into inbox/ instead."
    )
