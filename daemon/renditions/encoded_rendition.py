"""Encodes a drawn rendition as a file: as small as it has to be, and with a background as clean as it has to be."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from daemon.disk import open_below
from daemon.errors import FreistellerError, Said
from daemon.pictures.codec_errors import Undecodable
from daemon.pictures.result_names import FOR
from daemon.pictures.values import Metadata, Page, Samples
from daemon.pictures.whole_encoding import WITHOUT_LOSS, after_jpeg, encoded
from daemon.renditions.ground_proof import BLOCK, MOST_BESIDE, Mask, ground_figures, mixed_blocks
from daemon.renditions.wanted import Encoding, Rendition, RenditionFormat

SUFFIXES: dict[RenditionFormat, str] = {"jpeg": ".jpg", "png": ".png", "webp": ".webp", "tiff": ".tif"}
_MOST_SIDE: dict[RenditionFormat, int] = {"jpeg": 65535, "webp": 16383}  # 16 and 14 bits in their headers
_BEST = 100
_MOST_WIDE = 64_000  # pixels of whole blocks side by side; a JPEG is 65,535 wide at most


class CannotEncode(FreistellerError):
    """A rendition cannot be a file as it is wanted. Answer: leave it out and say so; the result itself is fine."""

    reason = "cannot_encode_rendition"


@dataclass(frozen=True, slots=True)
class EncodedRendition:
    """A file in memory. quality: of its encoding; 0 = without loss."""

    content: bytes
    quality: int


def rendition_suffix(rendition: Rendition, page: Page) -> str:
    """What the name of its file ends with, behind the name of the photo: "_for-ebay.jpg", "-p2_for-ebay.jpg"."""
    return f"{page.suffix}{FOR}{rendition.label}{SUFFIXES[rendition.encoding.format]}"


def encoded_rendition(pixels: Samples, touched: Mask, rendition: Rendition, metadata: Metadata) -> EncodedRendition:
    """Encode a rendition with the quality that is wanted.

    If its rules ask for an exact background, a JPEG keeps its colour at full size, and gets as much more quality as
    the background beside the subject needs. If the file is larger than it may be, it is written as small as it gets,
    and then with less quality, down to the least that is allowed. pixels: (H, W, 3 or 4) uint8. touched: (H, W), where
    subject or shadow is. metadata: as `credits.for_shops` makes it, with the profile of the pixels. Raises
    CannotEncode.
    """
    encoding, height, width = rendition.encoding, *pixels.shape[:2]
    if encoding.format == "jpeg" and pixels.shape[2] != 3:
        raise CannotEncode(Said("rendition_without_transparency", name=rendition.label))
    most = _MOST_SIDE.get(encoding.format)
    if most and max(width, height) > most:
        what = encoding.format.upper()
        raise CannotEncode(Said("rendition_too_large", name=rendition.label, what=what, most=most))
    exact = rendition.rules.exact_ground is not None
    least = _quality_for_ground(pixels, touched, rendition) if exact and encoding.format == "jpeg" else 0

    def at(quality: int, smallest: bool) -> bytes:
        return encoded(pixels, encoding.format, metadata, quality, exact, smallest)

    try:
        return _within(at, encoding, least, most_bytes(rendition), rendition.label)
    except Undecodable as error:
        raise CannotEncode(Said("cannot_encode", what=encoding.format, detail=error)) from error


def most_bytes(rendition: Rendition) -> int:
    """How large its file may be: the smaller of what its settings and its rules say. 0 = any size."""
    limits = [limit for limit in (rendition.encoding.most_bytes, rendition.rules.most_bytes) if limit]
    return min(limits, default=0)


def write(path: Path, rendition: EncodedRendition) -> None:
    """Write a new file and bring it to the disk (fsync). Raises OSError; then nothing is left of it."""
    with open_below.opened(path.parent) as folder:
        try:
            open_below.write_new(path.name, rendition.content, folder)
        except FileExistsError:
            raise
        except OSError:
            with suppress(OSError):
                path.unlink()
            raise


class _Encoder(Protocol):
    def __call__(self, quality: int, smallest: bool) -> bytes: ...


def _within(at: _Encoder, encoding: Encoding, least: int, most: int, name: str) -> EncodedRendition:
    """The best quality, from what is wanted down, whose file is not too large. at: encodes with a quality."""
    lossy = encoding.format in ("jpeg", "webp")
    wanted = max(encoding.quality, least) if lossy else _BEST
    content = at(wanted, False)
    if most and len(content) > most and encoding.format in ("jpeg", "png"):
        content = at(wanted, True)
    if most and len(content) > most and lossy:
        floor = min(max(encoding.least_quality, least), wanted)
        wanted, content = _smaller(partial(at, smallest=True), floor, wanted, most)
    if most and len(content) > most:
        if not lossy:
            raise CannotEncode(Said("rendition_bytes", name=name, n=len(content), most=most))
        code = "rendition_bytes_for_ground" if least > encoding.least_quality else "rendition_bytes_at_quality"
        raise CannotEncode(Said(code, name=name, n=len(content), quality=wanted, most=most))
    without_loss = not lossy or (encoding.format == "webp" and wanted >= WITHOUT_LOSS)
    return EncodedRendition(content, 0 if without_loss else wanted)


def _smaller(at: Callable[[int], bytes], floor: int, above: int, most: int) -> tuple[int, bytes]:
    """The best quality from `floor` to below `above` that fits, and its file; the floor's if none does.

    A file grows with quality, but nobody promises it: what is returned was encoded, and not only reckoned.
    """
    low, high = floor, max(floor, above - 1)
    found: tuple[int, bytes] = floor, b""
    fits = False
    while low <= high:
        middle = (low + high) // 2
        content = at(middle)
        if len(content) <= most:
            found, fits, low = (middle, content), True, middle + 1
        else:
            found, high = found if fits else (middle, content), middle - 1
    return found


def _quality_for_ground(pixels: Samples, touched: Mask, rendition: Rendition) -> int:
    """The least quality, from what is wanted on, at which a JPEG's background is clean beside the subject, or 100.

    Only blocks that have both are tried, which are few; in a JPEG with its colour at full size no block knows of
    another one, so the whole file has them just as they are here.
    """
    colour = rendition.rules.exact_ground
    assert colour is not None
    blocks, covered = mixed_blocks(pixels, touched)

    def is_clean(quality: int) -> bool:
        parts = (slice(start, start + _MOST_WIDE) for start in range(0, blocks.shape[1], _MOST_WIDE))
        return all(
            ground_figures(after_jpeg(blocks[:, part], quality), covered[:, part], colour, BLOCK).off <= MOST_BESIDE
            for part in parts
        )

    low, high = min(rendition.encoding.quality, _BEST), _BEST
    while low < high:
        middle = (low + high) // 2
        if is_clean(middle):
            high = middle
        else:
            low = middle + 1
    return low
