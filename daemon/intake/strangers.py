"""Tells files that are no photos, whatever they are called, from photos whose names do not say so."""

import os
from collections.abc import Collection

from daemon.disk import open_below
from daemon.disk.file_id import FileId
from daemon.errors import NOTHING_SAID, Said
from daemon.pictures.known_formats import SUFFIXES
from daemon.pictures.signatures import HEAD_BYTES, kind_of, stranger


def is_called_a_photo(name: str) -> bool:
    """Whether a file's name ends like a photo's; somebody expects then that it is one."""
    return name[name.rfind(".") :].lower() in SUFFIXES


class Strangers:
    """Remembers what the first bytes of each file showed, so that a file is opened once per change."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[FileId, Said]] = {}

    def why_left(self, path: str, folder: int, shown: os.stat_result) -> Said:
        """What a file is instead of a photo; "" if it begins like one.

        path: below the inbox. folder: the open folder that it lies in. shown: its stat. Raises FileNotFoundError.
        """
        file_id = FileId.of(shown)
        known = self._known.get(path)
        if known is not None and known[0] == file_id:
            return known[1]
        try:
            with open_below.reading(path.rpartition("/")[2], folder) as descriptor:
                head = os.pread(descriptor, HEAD_BYTES, 0)
        except FileNotFoundError:
            raise
        except OSError as error:  # rights, or another program's lease; looked at again by the next scan
            return Said("left_unreadable", fault=error.strerror)
        why = _why(head)
        self._known[path] = file_id, why
        return why

    def leave(self, path: str, file_id: FileId, why: Said) -> None:
        """Leave a file alone that begins like a photo, until it changes."""
        self._known[path] = file_id, why

    def forget_all_but(self, paths: Collection[str]) -> None:
        """Forget the files that are gone."""
        self._known = {path: known for path, known in self._known.items() if path in paths}


def _why(head: bytes) -> Said:
    if kind_of(head):
        return NOTHING_SAID
    return stranger(head) if any(head) else Said("left_empty")
