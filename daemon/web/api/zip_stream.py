"""Writes a ZIP file piece by piece while it is read, so that no order is too large to be downloaded."""

import os
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from typing import BinaryIO

from daemon.web.api.opened_result import size_of

PIECE_BYTES = 1 << 18


class CutShort(OSError):
    """A file became shorter while it was read."""


def zip_stream(
    files: Iterable[tuple[str, Callable[[], BinaryIO]]], extra: Iterable[tuple[str, bytes]]
) -> Iterator[bytes]:
    """The bytes of a ZIP file. Nothing is compressed, because pictures are already.

    files: the name of each in the ZIP file, and what opens it. extra: names and contents of small files, at the end.
    What cannot be read ends the stream with an OSError: a reader must not take a part for the whole.
    """
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_STORED, allowZip64=True) as archive:  # type: ignore[call-overload]
        for name, opens in files:
            with opens() as file:
                size = size_of(file)
                entry = zipfile.ZipInfo(clean_name(name), _date_of(file))
                entry.external_attr = 0o644 << 16
                with archive.open(entry, "w", force_zip64=True) as out:
                    while piece := file.read(min(PIECE_BYTES, size)):
                        size -= len(piece)
                        out.write(piece)
                        yield sink.taken()
                    if size:
                        raise CutShort(f"{name} became shorter while it was read")
        for name, content in extra:
            archive.writestr(name, content)
    yield sink.taken()


def clean_name(name: str) -> str:
    """A name that every program can unpack: no backslash, no control character, no half character."""
    sound = name.encode("utf-8", "replace").decode("utf-8")
    return "".join("_" if char in '\\:*?"<>|' or ord(char) < 32 else char for char in sound)


def _date_of(file: BinaryIO) -> tuple[int, int, int, int, int, int]:
    """When a file was changed, in local time as ZIP files have it. They know no year before 1980 or after 2107."""
    year, *rest = time.localtime(os.fstat(file.fileno()).st_mtime)[:6]
    month, day, hour, minute, second = rest
    return min(max(year, 1980), 2107), month, day, hour, minute, second


class _Sink:
    """A file that can only be written, and hands out what was written since."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def write(self, data: bytes) -> int:
        self._pieces.append(bytes(data))
        return len(data)

    def flush(self) -> None:
        pass

    def taken(self) -> bytes:
        pieces, self._pieces = self._pieces, []
        return b"".join(pieces)
