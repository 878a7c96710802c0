"""Turns a codec's complaint into the error that says whose fault it is: the disk's, the file's, or nobody's."""

import errno
import os
import re

from daemon.errors import Said

# Faults of the disk or the share, not of the picture; libvips reports them in the system's own words only.
_DISK_ERRORS = (
    errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.ETIMEDOUT,
    errno.EHOSTDOWN,
)  # fmt: skip

_OUT_OF_MEMORY = ("out of memory", "cannot allocate memory", "insufficient memory")

_UNSUPPORTED = {
    "bad labq format": "lab_8",
    "samples out of range": "odd_samples_plain",
    "not a whole number of bytes": "odd_bits",
    "tiled separate planes": "tiff_planes",
    "support is not configured": "codec_missing",
    "decoding is not implemented": "codec_missing",
    "for sgilog": "codec_missing",
    "not been built in": "codec_missing",
    "jpeg data precision": "jpeg_deep",
    "color conversion request": "jpeg_rare",
    "lossless parameters": "jpeg_rare",
    "security limit exceeded": "past_decoder_limit",
    "not supported": "",
    "unsupported": "",
    "not configured": "",
}
"""How codecs say that they cannot read a file that is in order; the code of what we say, or "" for their own words."""

_PART_DAMAGED = (
    "not yet in table", "not enough data", "not terminated with eoi", "corrupted lzw table", "decoding error at",
    "read error at", "unable to decode webp", "webpgetinfo() failed",
)  # fmt: skip
"""How codecs say that coded data make no sense, in words that say nothing to a person."""
# Only in damaged data a JPEG's decoder meets marks that it does not know, but for those of JPEG-LS.
_STRAY_MARK = re.compile("unsupported marker type 0x(?!f7|f8)")

_SPEAKER = re.compile(r"^(?:\w+2vips|vips2\w+|[Vv]ips\w+|\w+(?:load|save)(?:_\w+)?): ")
"""What names the part of libvips that complains, which says nothing to a person."""
_SAYS_NOTHING = re.compile(
    r"vips__\w+: |source: |target: |wbuffer_|unable to open source|unable to read pixels|libpng read error"
    r"|heif: |webp: |.*(?:\b0x[0-9a-f]|\bIFD\b|\w\(\))"
)
"""How lines begin that are about the inside of a library."""


class Undecodable(ValueError):
    """This cannot be read or written; the message is the codec's own reason."""


class Unsupported(Undecodable):
    """This is written in a way that nothing here reads; waiting for the rest of it would not help."""


def error_of(complaint: str) -> Exception:
    """The error that stands for a codec's complaint: OSError, MemoryError, Unsupported or Undecodable."""
    said = complaint.lower()
    if any(words in said for words in _OUT_OF_MEMORY):
        return MemoryError(_brief(complaint))
    number = next((number for number in _DISK_ERRORS if os.strerror(number) in complaint), None)
    if number is not None:
        return OSError(number, os.strerror(number))
    if any(words in said for words in _PART_DAMAGED) or _STRAY_MARK.search(said):
        return Undecodable(Said("part_damaged"))
    known = next((words for words in _UNSUPPORTED if words in said), None)
    if known is None:
        return Undecodable(_brief(complaint))
    code = _UNSUPPORTED[known]
    return Unsupported(Said(code) if code else _brief(complaint))


def _brief(complaint: str) -> str:
    """One line of readable length: each part once, the first and the last of many."""
    said = (_SPEAKER.sub("", line.strip()) for line in complaint.splitlines() if not _SAYS_NOTHING.match(line.strip()))
    lines = list(dict.fromkeys(line for line in said if line and not _SAYS_NOTHING.match(line)))
    return "; ".join(lines if len(lines) <= 2 else [lines[0], lines[-1]]) or Said("makes_no_picture")
