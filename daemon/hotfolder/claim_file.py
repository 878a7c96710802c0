"""Taking one file into a job's own folder: by rename, or, from another file system, by copy and a note of it.

All names are relative to descriptors of folders, so that nothing is looked up twice.
"""

import errno
import json
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from daemon.disk import no_replace, open_below
from daemon.disk.open_writers import open_for_writing
from daemon.errors import Vanished

NOTE = ".source.json"
_REGULAR_ONLY = "only a regular file can be taken into work"


def take(
    home: int, way: Sequence[str], work: int, safe: str, *, unchanged: tuple[int, int] | None, ask_writers: bool
) -> None:
    """Move the file `way[-1]` of folder `home` into folder `work` as `safe`; then it is there for good.

    way: its path below the root, for the note. unchanged: the size and mtime_ns it must have. ask_writers: whether
    the kernel knows all who write it. Raises Vanished where it may not be taken; then it is where it was. Raises
    OSError for everything else.
    """
    name = way[-1]
    if not stat.S_ISREG(os.stat(name, dir_fd=home, follow_symlinks=False).st_mode):
        raise Vanished(f"{name}: {_REGULAR_ONLY}")
    try:
        os.rename(name, safe, src_dir_fd=home, dst_dir_fd=work)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _take_across(home, way, work, safe, unchanged, ask_writers)
        return
    # Only now look at what came: between a look and a rename anybody may put something else there.
    objection = _objection(work, safe, unchanged, ask_writers)
    if objection:
        # Where it cannot go back, since a newer file has its name by now, it stays: as a job it is lost to nobody.
        with suppress(OSError):
            no_replace.move(work, safe, home, name)
            raise Vanished(f"{name}: {objection}")
    open_below.settle(work)
    open_below.settle(home)


def finish_interrupted_claim(work: Path, root: Path) -> None:
    """Finish what a crash interrupted while a file was taken across file systems.

    Where the copy is in work, the source goes, unless it changed since: then it is a photo of its own. Where it is
    not, the source was never taken. Nothing is done in a folder without a note.
    """
    try:
        note = json.loads((work / NOTE).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return
    except ValueError:  # cut off while it was written: before anything else was
        note = None
    with open_below.opened(work) as folder:
        if note and any(not path.name.startswith(".") for path in work.iterdir()):
            with suppress(FileNotFoundError, NotADirectoryError), open_below.opened(root, note["way"][:-1]) as home:
                _remove_source(home, note["way"][-1], note["mark"])
        for name in (no_replace.PART, NOTE):
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder)


def _take_across(
    home: int, way: Sequence[str], work: int, safe: str, unchanged: tuple[int, int] | None, ask_writers: bool
) -> None:
    """Note, copy, prove, name, remove: after a crash at any step `finish_interrupted_claim` knows which one it was."""
    name = way[-1]
    with _reading(home, name) as reader:
        mark = _mark(os.fstat(reader))
        _write_note(work, {"way": list(way), "mark": mark})

        def still_good() -> None:
            objection = _objection(home, name, unchanged, ask_writers)
            if objection or _mark(os.stat(name, dir_fd=home, follow_symlinks=False)) != mark:
                raise Vanished(f"{name}: {objection or 'it changed while it was copied'}")

        try:
            still_good()
            no_replace.copy(reader, no_replace.PART, safe, work, still_good)
        except BaseException:
            os.unlink(NOTE, dir_fd=work)
            raise
    # Closed by now: what is removed while it is open leaves a hidden file on NFS and FUSE.
    open_below.settle(work)  # from here on it is in work, and the note stays until its source is gone
    try:
        _remove_source(home, name, mark)
    except OSError:  # what cannot be taken away is not taken
        os.unlink(safe, dir_fd=work)
        os.unlink(NOTE, dir_fd=work)
        raise
    open_below.settle(home)
    os.unlink(NOTE, dir_fd=work)


@contextmanager
def _reading(folder: int, name: str) -> Iterator[int]:
    descriptor = os.open(name, open_below.FILE, dir_fd=folder)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _remove_source(home: int, name: str, mark: list[int]) -> None:
    with suppress(FileNotFoundError):
        if _mark(os.stat(name, dir_fd=home, follow_symlinks=False)) == mark:
            os.unlink(name, dir_fd=home)


def _mark(found: os.stat_result) -> list[int]:
    return [found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns]


def _write_note(work: int, note: dict[str, list[str] | list[int]]) -> None:
    descriptor = os.open(NOTE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666, dir_fd=work)
    try:
        os.write(descriptor, json.dumps(note).encode())
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    open_below.settle(work)


def _objection(folder: int, name: str, unchanged: tuple[int, int] | None, ask_writers: bool) -> str | None:
    """Why a file must not be taken; None if it is what was proven, and is on disk."""
    found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if not stat.S_ISREG(found.st_mode):
        return _REGULAR_ONLY
    if unchanged is not None and (found.st_size, found.st_mtime_ns) != unchanged:
        return "it changed while it was taken"
    try:
        with _reading(folder, name) as descriptor:
            if ask_writers and open_for_writing(descriptor):
                return "it is being written"
            os.fsync(descriptor)
    except PermissionError:
        return None  # an unreadable file can still be moved, to failed/ above all
    except BlockingIOError:
        return "another program holds it"
    return None
