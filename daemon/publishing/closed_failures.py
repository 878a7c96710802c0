"""Closes the failures that a photo mends: it came later under the same name, saved anew or sent anew, and is done."""

from contextlib import suppress
from functools import partial
from pathlib import PurePosixPath

from daemon.disk.os_errors import translated
from daemon.hotfolder import ownership, place_files
from daemon.hotfolder.effects import Effect, Tick
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.job_locks import JobLocks
from daemon.jobs import Job
from daemon.journal import JobRow, Journal
from daemon.logs import log
from daemon.publishing.earlier_result import EARLIER
from daemon.publishing.kept_originals import is_anothers
from daemon.publishing.staging import stem_of
from daemon.states import has_failed


def close_failures(folders: HotFolder, journal: Journal, locks: JobLocks, tick: Tick, job: Job) -> None:
    """Close the failures that a job mends. Call it just before the job is done: its result is where people find it.

    The file that failed goes to `archiv/` if it still lies in `failed/`, then its note goes, then its row. May be
    repeated after a crash: until the row is gone, the next start finds the failure again. One that a person is just
    having tried again is left alone. Raises NoRoom, RootAway.
    """
    for failed_id in journal.mended_failures.by(job.id):
        with locks.trying(failed_id) as is_ours, translated(f"Closing the failure that {job.name} mends"):
            if is_ours:
                with journal.retry_lock.held():
                    _close(folders, journal, tick, job, failed_id)


def _close(folders: HotFolder, journal: Journal, tick: Tick, job: Job, failed_id: str) -> None:
    if not has_failed(journal.state_of(failed_id)):
        return  # a person had it tried again meanwhile
    row = journal.row(failed_id)
    owners = journal.jobs_at(row.results)
    original, *notes = row.results
    kept = _keep(folders, journal, tick, row, original) if owners.get(original) == failed_id else None
    for note in notes:
        if owners.get(note) == failed_id:
            tick(Effect.REMOVE_NOTE)
            ownership.remove(folders.root, note)
    tick(Effect.CLOSE_FAILURE)
    journal.mended_failures.close(failed_id)
    text = f"{job.name} is done now, so it no longer counts as failed."
    log.log(
        "failure_closed",
        f"{text} The file that had failed is kept: {kept}" if kept else text,
        people=True,
        job=job.id,
        name=job.name,
        closed=failed_id,
        kept=kept,
    )


def _keep(folders: HotFolder, journal: Journal, tick: Tick, row: JobRow, place: str) -> str | None:
    """Move the file of a failure to `archiv/`. Returns its place there; None if it is gone, or is another photo's."""
    found = ownership.file_id_at(folders.root, place)
    if found is None or journal.originals.is_of_another(row.job.id, found):
        return None
    stem, suffix = stem_of(row.job.name), PurePosixPath(row.job.name).suffix
    files, others = [(folders.root / place, suffix)], partial(is_anothers, folders.root, journal, row.job.id)
    tick(Effect.KEEP_FAILED_FILE)
    with suppress(FileNotFoundError):  # a person takes it just now
        (kept,) = place_files.place(files, folders.archive, stem.with_name(f"{stem.name}{EARLIER}"), is_anothers=others)
        still = ownership.file_id_at(folders.root, place)
        if still and still[:3] == found[:3]:  # a link changes the ctime; else a person just saved another one there
            tick(Effect.REMOVE_FAILED_FILE)
            ownership.remove(folders.root, place)
        return str(kept.relative_to(folders.root))
    return None
