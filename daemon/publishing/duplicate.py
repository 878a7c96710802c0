"""Ends a job without a result, because the same photo came before."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from daemon.hotfolder import ownership, place_files
from daemon.hotfolder.effects import Effect, Tick
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.place_files import IsAnothers
from daemon.journal import JobRow
from daemon.publishing.notes import equal_note
from daemon.publishing.publication import Publication
from daemon.publishing.staging import content_of, stem_of, write_or_wait
from daemon.words.catalogue import Texts


def archive_duplicate(
    folders: HotFolder, tick: Tick, publication: Publication, first: JobRow, is_anothers: IsAnothers, words: Texts
) -> Sequence[Path]:
    """Put the original into `archiv/`, with a note beside it that names the job that came first. May be repeated.

    Where the very file is in `archiv/` under this name already, as after a program that copies the same folder each
    night, it is not kept once more, and there is one note, however often that happens.
    Returns where they are: the original (if it is kept, and the settings keep originals), then the note if it is new.
    """
    job, original = publication.row.job, publication.files.original
    if original is None:
        return ()
    tick(Effect.ARCHIVE)
    is_there = _has_equal(folders.archive, job.name, original)
    if is_there and ownership.file_id_at(folders.archive, f"{job.name}.txt") is not None:
        return ()
    note = folders.jobs.staging(job.id) / "equal.txt"
    if not note.exists():
        write_or_wait(note, equal_note(PurePosixPath(job.name).name, first, words))
    suffix = PurePosixPath(job.name).suffix
    files = ((original, suffix), (note, f"{suffix}.txt"))
    kept = files if publication.outputs.keep_originals and not is_there else files[1:]
    return place_files.place(kept, folders.archive, stem_of(job.name), is_anothers=is_anothers)


def _has_equal(archive: Path, name: str, original: Path) -> bool:
    """Whether another file of this content lies there under this name, not the one that a run before a crash put there.

    Raises OSError if it is there and cannot be read.
    """
    found, own = ownership.file_id_at(archive, name), original.lstat()
    if found is None or found.inode == own.st_ino or found.size_bytes != own.st_size:
        return False
    return ownership.content_at(archive, name) == content_of(original)
