"""Brings the original of a failed job to `failed/`, with a note that says why."""

import os
from collections.abc import Sequence
from functools import partial
from pathlib import Path, PurePosixPath

from daemon.errors import Said
from daemon.hotfolder import place_files
from daemon.hotfolder.effects import Effect, Tick
from daemon.hotfolder.hot_folder import HotFolder
from daemon.journal import Journal, Original
from daemon.publishing.kept_originals import is_anothers, is_taken_back, laid
from daemon.publishing.notes import failure_note
from daemon.publishing.publication import Publication
from daemon.publishing.staging import stem_of, write_or_wait
from daemon.words.catalogue import Texts


def move_to_failed(
    folders: HotFolder, journal: Journal, tick: Tick, publication: Publication, words: Texts
) -> tuple[Sequence[Path], Original | None]:
    """Put the original and its note into `failed/`. May be repeated. Returns where they are (original, note), and what
    to record of the original; that is None if a person took it away again already.
    """
    job, original = publication.row.job, publication.files.original
    if original is None:
        return (), None
    tick(Effect.MOVE_TO_FAILED)
    kind = publication.row.reason_kind
    note = folders.jobs.staging(job.id) / "reason.txt"
    if not note.exists():
        text = failure_note(_as_dropped(publication), job.id, job.reason or Said("unknown"), words, kind)
        write_or_wait(note, text)
    suffix, stem = PurePosixPath(job.name).suffix, stem_of(job.name)
    if is_taken_back(folders, journal, job.id, original):
        (told,) = place_files.place([(note, f"{suffix}.txt")], folders.failed, stem)
        return (told.with_name(told.name.removesuffix(".txt")), told), None
    others = partial(is_anothers, folders.root, journal, job.id)
    files = ((original, suffix), (note, f"{suffix}.txt"))
    places = place_files.place(files, folders.failed, stem, is_anothers=others)
    return places, laid(folders.root, job.id, places[0])


def _as_dropped(publication: Publication) -> str:
    """The photo's path below the root as people wrote it, in one line."""
    dropped = os.fsencode(publication.row.source).decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else "?" for letter in dropped)
