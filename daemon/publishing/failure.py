"""Brings the original of a failed job to `failed/`, with a note that says why."""

from collections.abc import Sequence
from pathlib import Path, PurePosixPath

from daemon.hotfolder import place_files
from daemon.hotfolder.effects import Effect, Tick
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.place_files import IsAnothers
from daemon.publishing.notes import failure_note
from daemon.publishing.publication import Publication
from daemon.publishing.staging import stem_of, write_or_wait


def move_to_failed(
    folders: HotFolder, tick: Tick, publication: Publication, is_anothers: IsAnothers, *, taken_back: bool
) -> Sequence[Path]:
    """Put the original and its note into `failed/`. May be repeated. Returns where they are: original, note.

    taken_back: whether a person took the original away from there already; then only the note is put there.
    """
    job, original = publication.row.job, publication.files.original
    if original is None:
        return ()
    tick(Effect.MOVE_TO_FAILED)
    kind = publication.row.reason_kind
    note = folders.jobs.staging(job.id) / "reason.txt"
    if not note.exists():
        write_or_wait(note, failure_note(PurePosixPath(job.name).name, job.id, job.reason or "unknown", kind))
    suffix = PurePosixPath(job.name).suffix
    if taken_back:
        (told,) = place_files.place([(note, f"{suffix}.txt")], folders.failed, stem_of(job.name))
        return told.with_name(told.name.removesuffix(".txt")), told
    files = ((original, suffix), (note, f"{suffix}.txt"))
    return place_files.place(files, folders.failed, stem_of(job.name), is_anothers=is_anothers)
