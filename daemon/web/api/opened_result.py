"""Opens the file of a result to send it. No link is followed."""

import os
from pathlib import PurePosixPath
from typing import BinaryIO

from daemon.disk import open_below
from daemon.hotfolder.hot_folder import HotFolder


def opened_result(folders: HotFolder, place: str) -> BinaryIO:
    """The file at a place below the root. Raises FileNotFoundError if it is gone, and OSError."""
    *above, last = PurePosixPath(place).parts
    with open_below.opened(folders.root, above) as folder:
        return os.fdopen(os.open(last, open_below.FILE, dir_fd=folder), "rb")


def size_of(file: BinaryIO) -> int:
    """How many bytes an open file has."""
    return os.fstat(file.fileno()).st_size
