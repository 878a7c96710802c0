"""Says by a file's header how much memory it takes.

The figures are measured (`benchmarks/memory_need.py`): what decoders allocate at most, although they may not touch all
of it, plus a margin.
"""

from dataclasses import dataclass

from daemon.pictures.tiff_page import Tags
from daemon.pictures.upright import is_turned
from daemon.pictures.values import Header

_MEBIBYTE = 1 << 20
_ALWAYS_BYTES = 16 * _MEBIBYTE  # libraries' own tables, buffers and the stacks of their threads
_ROWS = 800  # more than libvips keeps of a picture that it reads from the first row to the last
_SAMPLE_BYTES = {"uchar": 1, "ushort": 2, "float": 4, "uint": 4, "double": 8}
_COEFFICIENT_BYTES = 2  # libjpeg keeps one for each sample of a JPEG in several passes
_COPIES_OF_FILE = 2  # ours, and the loader's

_PROOF = {
    "webp": (14, 14),
    "avif": (24, 32),
    "heic": (16, 24),
    "raw": (8, 8),
    "jp2": (24, 30),
    "gif": (2, 2),
    "jxl": (48, 68),
}
"""Bytes per pixel of a proof, in 8 and in 16 bit, by kinds whose decoders give no single rows."""
_DECODING = {
    "webp": (30, 30), "avif": (28, 40), "heic": (16, 26), "raw": (26, 26), "jp2": (24, 30), "gif": (12, 12),
    "psd": (16, 28), "jxl": (52, 76),
}  # fmt: skip
"""The same, until the photo is decoded; other kinds need the photo itself, and rows."""
_PHOTO = (4, 8)
_WORK = (11, 15)
"""Bytes per pixel of a photo in work: photo, cut-out and what lies between."""
_WORK_IN_STRIPS = (5, 8)
"""The same of a photo that is worked on in strips: half of it each way, its alpha, and the part that a zoom sees."""
_LARGE_BYTES = 1 << 29  # of decoded pixels; below, decoding more than once costs more than it saves
_KINDS_IN_ROWS = ("tiff", "png", "jpeg")


@dataclass(frozen=True, slots=True)
class Need:
    """The most bytes that a process takes at once, beyond what it takes with no file.

    proof_bytes: to prove a file, as `reading.prove_decodes`. whole_bytes: to have a page in memory, and to make a
    picture of it. work_bytes: to decode a page, to cut it out and to write the result.
    """

    proof_bytes: int
    whole_bytes: int
    work_bytes: int


def comes_in_strips(kind: str, header: Header, tags: Tags | None) -> bool:
    """Whether a photo is to be worked on in strips: it is large, and its file gives upright rows without an alpha."""
    pixels = header.width * header.height
    has_alpha = header.channels > header.colours and (tags is None or tags.alpha_extra is not None)
    is_large = _PHOTO[header.sample != "uchar"] * pixels >= _LARGE_BYTES
    in_rows = kind in _KINDS_IN_ROWS and not header.in_passes and not is_turned(header.orientation)
    return is_large and in_rows and not has_alpha and header.height % 2 == 0


def need_of(kind: str, header: Header, file_bytes: int, tags: Tags | None) -> Need:
    """What a file of `kind` needs, as `signatures` names kinds. tags: of the page, if it is a TIFF."""
    deep, pixels = header.sample != "uchar", header.width * header.height
    proof, decoding = (table.get(kind, (0, 0))[deep] * pixels for table in (_PROOF, _DECODING))
    held = _held_bytes(kind, header, file_bytes, tags)
    decoded = max(decoding, _PHOTO[deep] * pixels) + held
    whole = work = max(decoded, _WORK[deep] * pixels)
    if comes_in_strips(kind, header, tags):
        work = _WORK_IN_STRIPS[deep] * pixels + held
    return Need(_ALWAYS_BYTES + proof + held, _ALWAYS_BYTES + whole, _ALWAYS_BYTES + work)


def _held_bytes(kind: str, header: Header, file_bytes: int, tags: Tags | None) -> int:
    """What is in memory while a file is decoded, whether its pixels are kept or not."""
    if kind == "bmp":  # one of runs is decoded at once
        return (3 * header.width * header.height + file_bytes) if header.in_passes else 0
    sample_bytes = _SAMPLE_BYTES.get(header.sample, 8)
    row_bytes = header.width * max(header.channels, 3) * sample_bytes
    held = row_bytes * min(header.height, _ROWS)
    if kind not in ("png", "tiff", "psd"):
        held += _COPIES_OF_FILE * file_bytes
    if header.in_passes:
        held += (
            header.width * header.height * header.channels * (_COEFFICIENT_BYTES if kind == "jpeg" else sample_bytes)
        )
    if tags is not None:
        wide, high = header.tile
        tiles_bytes = (header.width + 2 * wide) * high * header.channels * sample_bytes  # a row of them, and one more
        held += max(tiles_bytes, row_bytes * min(tags.rows_read_at_once, header.height)) + tags.part_bytes(file_bytes)
    return held
