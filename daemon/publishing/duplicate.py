"""Ends a job without a result, because the same photo came before."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from daemon.hotfolder import place_files
from daemon.hotfolder.effects import Effect, Tick
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.place_files import IsAnothers
from daemon.journal import JobRow
from daemon.publishing.notes import equal_note
from daemon.publishing.publication import Publication
from daemon.publishing.staging import stem_of, write_or_wait
from daemon.words.catalogue import Texts


def archive_duplicate(
    folders: HotFolder, tick: Tick, publication: Publication, first: JobRow, is_anothers: IsAnothers, words: Texts
) -> Sequence[Path]:
    """Put the original into `archiv/`, with a note beside it that names the job that came first. May be repeated.

    Returns where they are: the original (if the settings keep originals), then the note.
    """
    job, original = publication.row.job, publication.files.original
    if original is None:
        return ()
    tick(Effect.ARCHIVE)
    note = folders.jobs.staging(job.id) / "equal.txt"
    if not note.exists():
        write_or_wait(note, equal_note(PurePosixPath(job.name).name, first, words))
    suffix = PurePosixPath(job.name).suffix
    files = ((original, suffix), (note, f"{suffix}.txt"))
    kept = files if publication.outputs.keep_originals else files[1:]
    return place_files.place(kept, folders.archive, stem_of(job.name), is_anothers=is_anothers)
