"""What the journal records of an original that is put into `archiv/` or `failed/`, just before and just after."""

from contextlib import suppress
from functools import partial
from pathlib import Path, PurePosixPath

from daemon.hotfolder import ownership, place_files
from daemon.hotfolder.effects import Effect, Tick
from daemon.hotfolder.hot_folder import HotFolder
from daemon.intake import files_below
from daemon.journal import Journal, Original
from daemon.publishing.publication import Publication


def archive_original(folders: HotFolder, journal: Journal, tick: Tick, publication: Publication) -> Original | None:
    """Put the original of a job into `archiv/`, if it is kept. May be repeated. Returns what to record of it.

    That is None also if a person took it away again already. Raises NoRoom, RootAway.
    """
    original, job = publication.files.original, publication.row.job
    if original is None or not publication.outputs.keep_originals:
        return None
    tick(Effect.ARCHIVE)
    if is_taken_back(folders, journal, job.id, original):
        return None
    others = partial(is_anothers, folders.root, journal, job.id)
    return laid(folders.root, job.id, place_files.retire(original, folders.archive, PurePosixPath(job.name), others))


def under_way(job_id: str, original: Path | None) -> Original | None:
    """What to record before an original in work is put where people find it; None if there is none, or a second name.

    People may be faster than the journal, and take the file out of its folder before it is recorded there.
    """
    with suppress(FileNotFoundError):
        found = original.lstat() if original else None
        if found and found.st_nlink == 1:
            return Original(job_id, "", found.st_ino, found.st_size, found.st_mtime_ns)
    return None


def is_where_it_was(root: Path, original: Original) -> bool:
    """Whether an original still lies where it was put; another photo may have taken that place since."""
    found = ownership.file_id_at(root, original.place) if original.place else None
    return found is not None and found.inode == original.inode


def is_taken_back(folders: HotFolder, journal: Journal, job_id: str, original: Path | None) -> bool:
    """Whether a person took the original in work out of `archiv/` or `failed/` into the inbox, under its other name.

    It had been put there by a run that crashed, or in an earlier round. It is not put there once more: the next scan
    finds it as put back.
    """
    noted, found = journal.originals.of_job(job_id), original.lstat() if original else None
    if noted is None or found is None or noted.inode != found.st_ino or found.st_nlink == 1:
        return False
    if is_where_it_was(folders.root, noted):
        return False
    return bool(files_below.places_of(folders.inbox, {noted.inode}))


def laid(root: Path, job_id: str, original: Path) -> Original | None:
    """What to record of an original that was just put somewhere; None if it is gone already."""
    place = str(original.relative_to(root))
    file_id = ownership.file_id_at(root, place)
    return file_id and Original(job_id, place, file_id.inode, file_id.size_bytes, file_id.mtime_ns)


def is_anothers(root: Path, journal: Journal, job_id: str, path: Path) -> bool:
    """Whether a file is where the original of another job was put."""
    place = str(path.relative_to(root))
    found = ownership.file_id_at(root, place)
    known = journal.originals.of_file(found) if found else ()
    return any(original.place == place and original.job_id != job_id for original in known)
