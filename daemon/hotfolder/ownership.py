"""Tells which job a file outside of our own folders is of, and moves or removes such files.

A place is a path below the root, POSIX, as the disk spells it. No symbolic link is followed, nothing is replaced.
"""

import json
import os
import stat
from contextlib import suppress
from pathlib import Path, PurePosixPath

from daemon.disk import no_replace, open_below
from daemon.disk.file_id import FileId
from daemon.hotfolder.job_folders import JOB_ID
from daemon.pictures.writing import job_tag_of

_MOST_REPORT_BYTES = 4 << 20  # a report has a few thousand; a larger JSON file is not one of ours


def file_id_at(root: Path, place: str) -> FileId | None:
    """The id of the file at a place. Returns None if there is no regular file."""
    parts = PurePosixPath(place).parts
    try:
        with open_below.opened(root, parts[:-1]) as folder:
            found = os.stat(parts[-1], dir_fd=folder, follow_symlinks=False)
    except OSError as error:
        if error.errno in open_below.GONE:
            return None
        raise
    return FileId.of(found) if stat.S_ISREG(found.st_mode) else None


def owner_of(root: Path, place: str) -> str | None:
    """The id of the job that a picture or a report belongs to, as the file itself says.

    Returns None if it says nothing that we understand, or does not exist. Raises OSError if it cannot be read.
    """
    parts = PurePosixPath(place).parts
    try:
        with (
            open_below.opened(root, parts[:-1]) as folder,
            open_below.reading(parts[-1], folder) as descriptor,
        ):
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return None
            read = _job_of_report if place.lower().endswith(".json") else _job_of_picture
            owner = read(descriptor)
            return owner if isinstance(owner, str) and JOB_ID.fullmatch(owner) else None
    except OSError as error:
        if error.errno in open_below.GONE | open_below.NO_FILE:
            return None
        raise
    except Exception:  # noqa: BLE001 - whatever a decoder raises for strangers' bytes, e.g. RecursionError
        return None


def is_of(job_id: str, root: Path, place: str) -> bool:
    """Whether a file belongs to this job. False for a file that we may not read."""
    try:
        return owner_of(root, place) == job_id
    except (PermissionError, BlockingIOError):
        return False


def move(root: Path, place: str, to: str) -> None:
    """Move a file to another place. Raises FileExistsError if that is taken; OSError."""
    parts, target = PurePosixPath(place).parts, PurePosixPath(to).parts
    with open_below.opened(root, parts[:-1]) as home, open_below.opened(root, target[:-1]) as folder:
        no_replace.move(home, parts[-1], folder, target[-1])
        open_below.settle(folder)
        open_below.settle(home)


def remove(root: Path, place: str) -> None:
    """Remove a file. Does nothing if it is gone already."""
    parts = PurePosixPath(place).parts
    with suppress(FileNotFoundError, NotADirectoryError), open_below.opened(root, parts[:-1]) as folder:
        os.unlink(parts[-1], dir_fd=folder)
        open_below.settle(folder)


def _job_of_report(descriptor: int) -> object:
    if os.fstat(descriptor).st_size > _MOST_REPORT_BYTES:
        return None
    return json.loads(os.pread(descriptor, _MOST_REPORT_BYTES, 0))["job"]


def _job_of_picture(descriptor: int) -> object:
    return job_tag_of(Path(f"/proc/self/fd/{descriptor}"))
