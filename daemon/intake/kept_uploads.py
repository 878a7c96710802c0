"""Keeps a note beside a photo that comes in several requests, so that it outlives the daemon that began it."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from daemon.disk.os_errors import translated
from daemon.disk.whole_file import write_whole
from daemon.hotfolder.effects import Effect, Tick
from daemon.hotfolder.hot_folder import HotFolder

KEEP_SECONDS = 24 * 3600.0
"""An upload that nobody asked for is removed after so long. The keys in the journal are kept for longer."""
MOST_OVER = 1000
"""So many uploads that became jobs are remembered, so that a lost answer can be asked for again."""

_NOTE = ".upload.json"  # no photo is called so: names of sent photos begin with no dot
_ID = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class UploadNote:
    """What a sender said of a photo. key: makes it one job. size_bytes: of all of it."""

    who: str
    key: str
    name: str
    order: str
    settings: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class KeptUpload:
    """An upload as it lies on the disk. photo: None = it was taken into work. touched_at: Unix seconds."""

    id: str
    note: UploadNote
    photo: Path | None
    arrived_bytes: int
    touched_at: float


def write_note(folder: Path, note: UploadNote) -> None:
    """Note what comes into this folder. Raises OSError."""
    write_whole(folder / _NOTE, json.dumps(asdict(note)).encode("utf-8", "backslashreplace"))


def touch_note(folder: Path) -> None:
    """Somebody asks for this upload, so it is not forgotten."""
    with suppress(OSError):  # a file that vanishes meanwhile, or a share that is away: then nobody goes on either
        os.utime(folder / _NOTE)


def kept_upload(folders: HotFolder, upload_id: str) -> KeptUpload | None:
    """The upload of this id; None if there is none, or if its note cannot be read. Raises RootAway."""
    if not _ID.fullmatch(upload_id):
        return None
    with translated(f"The folder {folders.uploads}"):
        try:
            folder = folders.uploads / upload_id
            values = json.loads((folder / _NOTE).read_bytes())
            photo = next((path for path in folder.iterdir() if path.name != _NOTE and path.name[0] != "."), None)
            size = photo.stat().st_size if photo else 0
            return KeptUpload(upload_id, UploadNote(**values), photo, size, (folder / _NOTE).stat().st_mtime)
        except (FileNotFoundError, NotADirectoryError, ValueError, TypeError):
            return None


def kept_uploads(folders: HotFolder) -> Iterator[KeptUpload]:
    """All uploads, in no order. Raises RootAway."""
    found: list[Path] = []
    with translated(f"The folder {folders.uploads}"), suppress(FileNotFoundError):
        found = list(folders.uploads.iterdir())
    for folder in found:
        if kept := kept_upload(folders, folder.name):
            yield kept


def clear_forgotten(folders: HotFolder, tick: Tick, now: float) -> int:
    """Remove uploads that nobody asked for lately, and the oldest of too many that became jobs. Returns how many."""
    kept = sorted(kept_uploads(folders), key=lambda each: each.touched_at, reverse=True)
    over = [each for each in kept if each.photo is None][MOST_OVER:]
    forgotten = [each.id for each in kept if now - each.touched_at > KEEP_SECONDS or each in over]
    for upload_id in forgotten:
        remove_upload(folders, tick, upload_id)
    return len(forgotten)


def remove_upload(folders: HotFolder, tick: Tick, upload_id: str) -> None:
    """Remove an upload, and what has arrived of it."""
    tick(Effect.CLEAR_UPLOAD)
    shutil.rmtree(folders.uploads / upload_id, ignore_errors=True)
