"""Tells what a file outside of our own folders is, and moves or removes such files.

A place is a path below the root, POSIX, as the disk spells it. No symbolic link is followed, nothing is replaced.
"""

import hashlib
import json
import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path, PurePosixPath

from daemon.disk import no_replace, open_below
from daemon.disk.file_id import FileId
from daemon.hotfolder.job_folders import JOB_ID

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


def content_at(root: Path, place: str) -> bytes | None:
    """SHA-256 of the file at a place, read piece by piece. Returns None if there is no regular file. Raises OSError."""
    with _reading(root, place) as descriptor:
        if descriptor is None:
            return None
        with open(descriptor, "rb", closefd=False) as file:
            return hashlib.file_digest(file, "sha256").digest()


def copy_out(root: Path, place: str, to: Path) -> bool:
    """Copy the file at a place to a new path of ours, durable and with its time. Returns False if there is no file.

    Raises FileExistsError if there is a file at `to`, RootAway if the copy came back with other bytes, OSError.
    """
    with _reading(root, place) as descriptor:
        if descriptor is None:
            return False
        with open_below.opened(to.parent) as folder:
            no_replace.copy(descriptor, f".{to.name}.part", to.name, folder)
            open_below.settle(folder)
    return True


def job_of_report(root: Path, place: str) -> str | None:
    """The id of the job that the report at a place tells of.

    Returns None if there is no file, or none that we understand. Raises OSError if it cannot be read.
    """
    content = report_at(root, place)
    if content is None:
        return None
    try:
        owner = json.loads(content)["job"]
    except Exception:  # noqa: BLE001 - whatever the parser raises for strangers' bytes, e.g. RecursionError
        return None
    return owner if isinstance(owner, str) and JOB_ID.fullmatch(owner) else None


def report_at(root: Path, place: str) -> bytes | None:
    """What the report at a place holds. Returns None if there is no file, or one that is too large. Raises OSError."""
    with _reading(root, place) as descriptor:
        if descriptor is None or os.fstat(descriptor).st_size > _MOST_REPORT_BYTES:
            return None
        return os.pread(descriptor, _MOST_REPORT_BYTES, 0)


def move(root: Path, place: str, to: str) -> None:
    """Move a file to another place. Raises FileExistsError if that is taken; OSError."""
    parts, target = PurePosixPath(place).parts, PurePosixPath(to).parts
    with open_below.opened(root, parts[:-1]) as home, open_below.opened(root, target[:-1]) as folder:
        no_replace.move(home, parts[-1], folder, target[-1])
        open_below.settle(folder)
        open_below.settle(home)


def rewrite(root: Path, place: str, content: bytes) -> None:
    """Replace what a file of ours holds, whole and durable. Raises OSError; then it is as it was, or whole."""
    *way, name = PurePosixPath(place).parts
    with open_below.opened(root, tuple(way)) as folder:
        scratch = f".freisteller-{name}.part"[-200:]
        with suppress(FileNotFoundError):
            os.unlink(scratch, dir_fd=folder)  # a crash left it
        open_below.write_new(scratch, content, folder)
        os.replace(scratch, name, src_dir_fd=folder, dst_dir_fd=folder)
        open_below.settle(folder)


def remove(root: Path, place: str) -> bool:
    """Remove a file. Returns False if it is gone already, e.g. because somebody moved it."""
    parts = PurePosixPath(place).parts
    with suppress(FileNotFoundError, NotADirectoryError), open_below.opened(root, parts[:-1]) as folder:
        os.unlink(parts[-1], dir_fd=folder)
        open_below.settle(folder)
        return True
    return False


@contextmanager
def _reading(root: Path, place: str) -> Iterator[int | None]:
    """A descriptor of the regular file at a place; None if there is none. Raises OSError."""
    parts = PurePosixPath(place).parts
    with ExitStack() as stack:
        descriptor = None
        try:
            folder = stack.enter_context(open_below.opened(root, parts[:-1]))
            opened = stack.enter_context(open_below.reading(parts[-1], folder))
            descriptor = opened if stat.S_ISREG(os.fstat(opened).st_mode) else None
        except OSError as error:
            if error.errno not in open_below.GONE | open_below.NO_FILE:
                raise
        yield descriptor
