"""Metadata that a JPEG holds in several segments; libvips reads the first of them.

Photoshop's resources, among them IPTC, may be longer than a segment, or lie in the second one: Adobe's programs go on
in another APP13 in the middle of a resource ("Photoshop File Formats", Image Resources; ExifTool joins them, too).
"""

from contextlib import suppress
from dataclasses import replace
from itertools import islice, takewhile

from daemon.errors import NotWholeYet
from daemon.pictures import iptc
from daemon.pictures.file_structure import SOS, jpeg_marks
from daemon.pictures.partial_file import PartialFile
from daemon.pictures.values import Header

_APP13, _LENGTH_BYTES = 0xED, 2
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


def _resources(descriptor: int) -> tuple[bytes, ...]:
    """What each segment of Photoshop holds, as far as the file can be followed."""
    file, parts, left = PartialFile(descriptor), list[bytes](), _MOST_BYTES
    with suppress(NotWholeYet):
        for position, mark in islice(takewhile(lambda found: found[1] != SOS, jpeg_marks(file)), _MOST_SEGMENTS):
            if mark == _APP13:
                start = position + 2
                length = int.from_bytes(file.exactly(start, _LENGTH_BYTES, "jpeg_end"))
                content = file.some(start + _LENGTH_BYTES, min(length - _LENGTH_BYTES, left))
                left -= len(content)
                if content.startswith(iptc.PHOTOSHOP):
                    parts.append(content.removeprefix(iptc.PHOTOSHOP))
    return tuple(parts)
