"""Tries photos again that are over, because a person asks for it."""

import errno
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path, PurePosixPath

from daemon.errors import IllegalMove, Said, Vanished
from daemon.hotfolder import ownership, place_files
from daemon.hotfolder.effects import Effect, Tick
from daemon.hotfolder.free_names import entered, stems
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.job_locks import JobLocks
from daemon.hotfolder.runtime import Runtime
from daemon.hotfolder.work_note import write_work_note
from daemon.intake import files_below
from daemon.jobs import Grade
from daemon.journal import JobRow, Journal
from daemon.logs import log
from daemon.observe import series
from daemon.observe.metrics import Metrics
from daemon.people import moved_results
from daemon.people.known_results import KnownResults, in_other_grades
from daemon.publishing.earlier_result import EARLIER
from daemon.states import has_failed, is_over

_MOST_LOOKS = 10


class Retries:
    """Retries failed photos, also beside a running daemon: the journal refuses what the daemon did first."""

    def __init__(self, folders: HotFolder, journal: Journal, locks: JobLocks, runtime: Runtime) -> None:
        self._folders = folders
        self._journal = journal
        self._locks = locks
        self._clock = runtime.clock
        self._tick = runtime.tick

    def try_again(self, job_id: str, admitted_at: float | None = None) -> str:
        """Take a failed job's original out of `failed/`, and put the job back into the queue. Returns its name.

        admitted_at: its place in the queue, in Unix seconds; None = the last one.
        Raises KeyError if the journal knows no such job, IllegalMove if the job has not failed, and Vanished if its
        original is not in `failed/` any more.
        """
        with self._locks.held(job_id), self._journal.retry_lock.held():
            row = self._journal.row(job_id)
            job = row.job
            if not has_failed(job.state):
                raise IllegalMove(Said("not_failed", name=job.name, job=job.id, state=job.state))
            if not row.results:
                raise Vanished(Said("original_not_noted", name=job.name, job=job.id))
            self._tick(Effect.TAKE_BACK)
            if self._folders.jobs.claimed(job.id) is None:
                found = ownership.file_id_at(self._folders.root, row.results[0])
                if found and self._journal.originals.is_of_another(job.id, found):
                    raise Vanished(Said("original_is_anothers", name=job.name, job=job.id, place=row.results[0]))
                write_work_note(self._folders, row)
                self._folders.jobs.claim(self._folders.root / row.results[0], job.id)
            for note in row.results[1:]:
                (self._folders.root / note).unlink(missing_ok=True)
            forget_last_staging(self._folders, self._tick, job.id)
            self._tick(Effect.REQUEUE)
            self._journal.requeue(job.id, self._clock() if admitted_at is None else admitted_at)
            write_work_note(self._folders, self._journal.row(job.id))
        return job.name


class NextRound:
    """Sends a job round again whose file was put back into `inbox/`. Every step may be repeated after a crash."""

    def __init__(
        self, folders: HotFolder, journal: Journal, known: KnownResults, metrics: Metrics, runtime: Runtime
    ) -> None:
        self._folders = folders
        self._journal = journal
        self._known = known
        self._metrics = metrics
        self._clock = runtime.clock
        self._tick = runtime.tick

    def begin(self, row: JobRow, put_back: Path | None, original: str | None, is_result: bool) -> None:
        """Put the job back into the queue and its original into work; a result that was put back goes to `archiv/`.

        put_back: the file that a person put into `inbox/`; None = a person asked for another try in another way.
        original: the place of the original of a result; None if it is in work already, or if `put_back` is the
        original itself. Raises Vanished if the original of a result is in neither place.
        """
        self._requeue(row, "" if put_back is None else "result" if original else "original")
        if self._folders.jobs.claimed(row.job.id) is None:
            self._tick(Effect.ORIGINAL_INTO_WORK)
            write_work_note(self._folders, self._journal.row(row.job.id))
            if original:
                self._folders.jobs.restore(self._folders.root / original, row.job.id)
            elif is_result or put_back is None:
                raise Vanished(Said("original_just_gone", name=row.job.name))
            else:
                self._folders.jobs.claim(put_back, row.job.id)
        if original and original.startswith(f"{self._folders.failed.name}/"):
            ownership.remove(self._folders.root, original)
        in_work = self._folders.jobs.claimed(row.job.id)
        if put_back is None:
            return
        if put_back.exists() and in_work and in_work.samefile(put_back):
            put_back.unlink()  # the original, which a person moved while it was being tried again
        elif put_back.exists():
            self._archive(row, str(put_back.relative_to(self._folders.root)))

    def original_of(self, row: JobRow) -> str | None:
        """The place of a job's original, even if it was renamed. Returns None if it is gone."""
        root = self._folders.root
        noted = self._journal.originals.of_job(row.job.id)
        if noted is None:
            place = f"{self._folders.archive.name}/{row.job.name}"
            found = ownership.file_id_at(root, place)
            return place if found and found.size_bytes == row.job.size_bytes else None
        found = ownership.file_id_at(root, noted.place) if noted.place else None
        if found and not self._journal.originals.is_of_another(row.job.id, found):
            return noted.place  # a person may have edited it since
        for top in (self._folders.archive, self._folders.failed):
            renamed = files_below.place_of(top, noted.inode)
            found = ownership.file_id_at(root, renamed) if renamed else None
            if found and (found.size_bytes, found.mtime_ns) == (noted.size_bytes, noted.mtime_ns):
                return renamed
        return None

    def _requeue(self, row: JobRow, what: str) -> None:
        """Begin the round in the journal, unless an earlier attempt did so. what: was put back; "" = nothing."""
        job = row.job
        if not is_over(job.state):
            return
        self._clear_last_round(row)
        forget_last_staging(self._folders, self._tick, job.id)
        self._tick(Effect.REQUEUE)
        self._journal.requeue(job.id, self._clock())
        if not what:
            log.log("tried_again", f"{job.name} is tried again: a person asked for it.", job=job.id, name=job.name)
            return
        what = "failed" if has_failed(job.state) else what
        self._metrics.count(series.PUT_BACK, what=what)
        text = f"{job.name} was put back into inbox/ and is tried again."
        log.log("put_back", text, job=job.id, name=job.name, what=what)

    def _clear_last_round(self, row: JobRow) -> None:
        """Remove the note of a failure, or move a result to `archiv/`."""
        root = self._folders.root
        if has_failed(row.job.state):
            for note in row.results[1:]:
                self._tick(Effect.REMOVE_NOTE)
                ownership.remove(root, note)
            return
        self.archive_result(row)

    def archive_result(self, row: JobRow) -> None:
        """Move the result of a job to `archiv/`, wherever a person moved it just before."""
        there = [self._known.is_of(row.job.id, place) and self._archive(row, place) for place in row.results]
        if not all(there):
            self._archive_moved(row)

    def _archive_moved(self, row: JobRow) -> None:
        """Move what a person moved to another grade folder just before, so that nobody has read that verdict yet.

        The person may go on moving it: then it is looked for once more.
        """
        for _ in range(_MOST_LOOKS):
            if all(self._archive(row, place) for place in self._moved_files(row)):
                return

    def _moved_files(self, row: JobRow) -> Iterator[str]:
        inodes = self._journal.result_files.inodes_of(row.job.id)
        for grade in Grade:
            for place in files_below.places_of(self._folders.grade(grade), inodes):
                # A crash may come between bringing a report along and recording where it is.
                report = str(PurePosixPath(place).with_name(f"{moved_results.stem_of(place)}.json"))
                yield from (each for each in (place, report) if self._known.is_of(row.job.id, each))
        for report in filter(moved_results.is_report, row.results):
            others = in_other_grades(self._folders, report)
            yield from (each for each in others if self._known.is_of(row.job.id, each))

    def _archive(self, row: JobRow, place: str) -> bool:
        """Keep a file of a result that another try replaces: a person may prefer it, or may have edited it.

        Returns False if a person moved it meanwhile, perhaps with another result into its place.
        """
        root, tail, name = self._folders.root, moved_results.tail_of(place), PurePosixPath(row.job.name)
        earlier = name.with_name(f"{name.stem}{EARLIER}")
        self._tick(Effect.ARCHIVE_EARLIER_RESULT)
        with entered(self._folders.archive, earlier.parent.parts) as (_, way):
            free = (
                str(PurePosixPath(self._folders.archive.name, *way, f"{stem}{tail}"))
                for stem in stems("unique", earlier.name, tail)
            )
        try:
            to = _moved_to_one(root, place, free)
        except FileNotFoundError:
            return False
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            place_files.place([(root / place, tail)], self._folders.archive, earlier)
            return ownership.remove(root, place)
        if moved_results.grade_of(place) is None or self._known.owner_of_any(to) in (None, row.job.id):
            return True
        ownership.move(root, to, place)
        return False


def forget_last_staging(folders: HotFolder, tick: Tick, job_id: str) -> None:
    """Remove what the last round of a job that is over left in staging: a crash, or a full disk, came before that.

    The next round would take these files for its own. Raises NoRoom, RootAway.
    """
    if folders.jobs.has_staging(job_id):
        tick(Effect.CLEAR)
        folders.jobs.clear_staging(job_id)


def _moved_to_one(root: Path, place: str, free: Iterator[str]) -> str:
    """Move a file to the first of these places that is not taken. Returns that. Raises FileNotFoundError, OSError."""
    for to in free:
        with suppress(FileExistsError):
            ownership.move(root, place, to)
            return to
    raise AssertionError("counting never ends")
