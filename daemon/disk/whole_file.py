"""Writes a file of our own whole or not at all."""

import os
import uuid
from contextlib import suppress
from pathlib import Path

from daemon.disk import open_below


def write_whole(path: Path, content: bytes, *, settle: bool = True) -> None:
    """Write `content` to `path`, replacing what is there, and make it durable.

    settle: False leaves it to the caller to make the name durable, who writes more names into the same folder.
    Raises OSError; then `path` is as it was, or whole.
    """
    scratch = f".{uuid.uuid4().hex}.part"  # two may write one path; our folders ignore names with a dot
    with open_below.opened(Path(os.path.realpath(path.parent))) as folder:
        try:
            open_below.write_new(scratch, content, folder)
            os.replace(scratch, path.name, src_dir_fd=folder, dst_dir_fd=folder)
        except OSError:
            with suppress(OSError):
                os.unlink(scratch, dir_fd=folder)
            raise
        if settle:
            open_below.settle(folder)


def put_in_place(scratch: Path, path: Path) -> None:
    """Rename the whole file `scratch` to `path` in the same file system, replacing what is there; make both durable.

    Everybody may read it then, whatever the umask is. Raises OSError.
    """
    with open_below.reading(str(scratch)) as descriptor:
        os.fchmod(descriptor, 0o644)
        os.fsync(descriptor)
    os.replace(scratch, path)  # noqa: PTH105 - the name says that it replaces atomically
    open_below.settle_path(Path(os.path.realpath(path.parent)))
