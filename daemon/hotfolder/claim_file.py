"""Takes one file into a job's own folder: by rename, or from another file system by copy and a note about it.

All names are relative to descriptors of folders, so that no path is looked up twice.
"""

import errno
import json
import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from daemon.disk import no_replace, open_below
from daemon.disk.open_writers import open_for_writing
from daemon.errors import Said, Vanished

NOTE = ".source.json"
_REGULAR_ONLY = "only a regular file can be taken into work"


def take(
    home: int, way: Sequence[str], work: int, safe: str, *, unchanged: tuple[int, int] | None, ask_writers: bool
) -> None:
    """Move the file `way[-1]` of folder `home` into folder `work` as `safe`, and make that durable.

    way: the file's path below the root, for the note. unchanged: the size in bytes and the mtime in ns that it must
    have. ask_writers: whether the kernel knows all programs that write it. Raises Vanished if the file may not be
    taken; then it is where it was. Raises OSError for everything else.
    """
    name = way[-1]
    if not stat.S_ISREG(os.stat(name, dir_fd=home, follow_symlinks=False).st_mode):
        raise Vanished(Said("not_taken", name=name, detail=_REGULAR_ONLY))
    try:
        os.rename(name, safe, src_dir_fd=home, dst_dir_fd=work)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        _take_across(home, way, work, safe, unchanged, ask_writers)
        return
    # Check what came only now: between a check and a rename, anybody may put something else there.
    objection = _objection(work, safe, unchanged, ask_writers)
    if objection:
        # If a newer file has its name by now, it cannot go back and stays: nothing is lost, it becomes a job.
        with suppress(OSError):
            no_replace.move(work, safe, home, name)
            raise Vanished(Said("not_taken", name=name, detail=objection))
    open_below.settle(work)
    open_below.settle(home)


def finish_interrupted_claim(work: Path, root: Path) -> None:
    """Finish a claim across file systems that a crash interrupted. Does nothing in a folder without a note.

    If the copy is in work, the source is removed, unless it changed since: then it is a photo of its own. If the copy
    is not in work, the source was never taken.
    """
    try:
        note = json.loads(open_below.read_small(work / NOTE))
        way, mark = note["way"], note["mark"]
        open_below.refuse_ways_out(way)
    except (FileNotFoundError, NotADirectoryError):
        return
    except (ValueError, KeyError, TypeError, RecursionError):
        way = mark = None  # the crash came while the note was written, and so before everything else
    with open_below.opened(work) as folder:
        if way and any(not path.name.startswith(".") for path in work.iterdir()):
            with suppress(FileNotFoundError, NotADirectoryError), open_below.opened(root, way[:-1]) as home:
                _remove_source(home, way[-1], mark)
        for name in (no_replace.PART, NOTE):
            with suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder)


def _take_across(
    home: int, way: Sequence[str], work: int, safe: str, unchanged: tuple[int, int] | None, ask_writers: bool
) -> None:
    """Write the note, copy, check, rename, remove: `finish_interrupted_claim` can tell where a crash came."""
    name = way[-1]
    with open_below.reading(name, home) as reader:
        source_id = _id_of(os.fstat(reader))
        _write_note(work, {"way": list(way), "mark": source_id})

        def refuse_if_changed() -> None:
            objection = _objection(home, name, unchanged, ask_writers)
            if objection or _id_of(os.stat(name, dir_fd=home, follow_symlinks=False)) != source_id:
                raise Vanished(Said("not_taken", name=name, detail=objection or "it changed while it was copied"))

        try:
            refuse_if_changed()
            no_replace.copy(reader, no_replace.PART, safe, work, refuse_if_changed)
        except BaseException:
            os.unlink(NOTE, dir_fd=work)
            raise
    # The source is closed by now: on NFS and FUSE, removing a file that is open leaves a hidden one.
    open_below.settle(work)  # from here on the photo is in work, and the note stays until the source is removed
    try:
        _remove_source(home, name, source_id)
    except OSError:  # we may not remove the source, so we do not take it
        os.unlink(safe, dir_fd=work)
        os.unlink(NOTE, dir_fd=work)
        raise
    open_below.settle(home)
    os.unlink(NOTE, dir_fd=work)


def _remove_source(home: int, name: str, source_id: list[int]) -> None:
    with suppress(FileNotFoundError):
        if _id_of(os.stat(name, dir_fd=home, follow_symlinks=False)) == source_id:
            os.unlink(name, dir_fd=home)


def _id_of(found: os.stat_result) -> list[int]:
    """Tells a source from its later self. Without ctime, unlike FileId, but with the device; JSON can hold it."""
    return [found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns]


def _write_note(work: int, note: dict[str, list[str] | list[int]]) -> None:
    with suppress(FileNotFoundError):
        os.unlink(NOTE, dir_fd=work)
    open_below.write_new(NOTE, json.dumps(note).encode(), work)
    open_below.settle(work)


def _objection(folder: int, name: str, unchanged: tuple[int, int] | None, ask_writers: bool) -> str | None:
    """Why a file must not be taken. Returns None if it is what was proven; its content is durable then."""
    found = os.stat(name, dir_fd=folder, follow_symlinks=False)
    if not stat.S_ISREG(found.st_mode):
        return _REGULAR_ONLY
    if unchanged is not None and (found.st_size, found.st_mtime_ns) != unchanged:
        return "it changed while it was taken"
    try:
        with open_below.reading(name, folder) as descriptor:
            if ask_writers and open_for_writing(descriptor):
                return "it is being written"
            os.fsync(descriptor)
    except PermissionError:
        return None  # an unreadable file can still be moved, above all to failed/
    except BlockingIOError:
        return "another program holds it"
    return None
