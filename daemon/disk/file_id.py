"""Tells a file from its earlier self, and from other files of its name."""

import os
from typing import NamedTuple


class FileId(NamedTuple):
    """What a stat call shows of a file. ctime is part of it, because a program that copies may set mtime back."""

    inode: int
    size_bytes: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, stat: os.stat_result) -> "FileId":
        """The id that this stat shows."""
        return cls(stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
