"""Metadata that a JPEG holds in several segments; libvips reads the first of them.

Photoshop's resources, among them IPTC, may be longer than a segment, or lie in the second one: Adobe's programs go on
in another APP13 in the middle of a resource ("Photoshop File Formats", Image Resources; ExifTool joins them, too).
"""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import islice, takewhile

from daemon.errors import NotWholeYet
from daemon.pictures import iptc
from daemon.pictures.file_structure import SOS, jpeg_marks
from daemon.pictures.partial_file import PartialFile
from daemon.pictures.values import Header

_APP0, _APP13, _LENGTH_BYTES = 0xE0, 0xED, 2
_JFIF, _JFIF_BYTES = b"JFIF\0", 1024
_MOST_SEGMENTS = 4096  # before the picture; ICC profiles and XMP of many megabytes have some hundred
_MOST_BYTES = 1 << 23  # of resources


def completed(header: Header, descriptor: int) -> Header:
    """The header of an open JPEG with the IPTC records of all its segments."""
    found = iptc_in(descriptor)
    return replace(header, metadata=replace(header.metadata, iptc=found)) if found else header


def iptc_in(descriptor: int) -> bytes | None:
    """The bare IPTC records of an open JPEG; None if it has none."""
    parts = _resources(descriptor)
    # A writer may also have begun anew in each segment, whatever the one before it promised.
    return next(filter(None, map(iptc.records, (b"".join(parts), *parts))), None)


def tells_resolution(descriptor: int) -> bool:
    """Whether the JFIF header of an open JPEG has a resolution, and not only the shape of its pixels (JFIF 1.02)."""
    jfif = next((each for each in _segments(descriptor, _APP0, _JFIF_BYTES) if each.startswith(_JFIF)), b"")
    return jfif[7:8] in (b"\1", b"\2")


def _resources(descriptor: int) -> tuple[bytes, ...]:
    """What each segment of Photoshop holds."""
    found = _segments(descriptor, _APP13, _MOST_BYTES)
    return tuple(each.removeprefix(iptc.PHOTOSHOP) for each in found if each.startswith(iptc.PHOTOSHOP))


def _segments(descriptor: int, number: int, left: int) -> Iterator[bytes]:
    """The segments of a number before the picture, as far as the file can be followed. left: bytes of all of them."""
    file = PartialFile(descriptor)
    with suppress(NotWholeYet):
        for position, mark in islice(takewhile(lambda found: found[1] != SOS, jpeg_marks(file)), _MOST_SEGMENTS):
            if mark == number:
                start = position + 2
                length = int.from_bytes(file.exactly(start, _LENGTH_BYTES, "jpeg_end")) - _LENGTH_BYTES
                content = file.some(start + _LENGTH_BYTES, min(max(length, 0), left))
                left -= len(content)
                yield content
