"""From a file to a photo: upright, at its own depth, in its own colours.

What a file is, its first bytes say, never its name. Of a file with several pictures (a phone's JPEG with a preview
behind it, a burst in HEIC) the main one is the photo; a TIFF's pages are a photo each. What moves (animated WebP,
animated PNG, GIF) is none.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import cv2
import numpy as np

from daemon.errors import BadPhoto, NotWholeYet, RootAway, Vanished
from daemon.pictures import codec, decoding, iptc, signatures, tiff_page
from daemon.pictures.codec_errors import Undecodable, Unsupported
from daemon.pictures.values import Header, Metadata, Samples

SUFFIXES = signatures.SUFFIXES

# A program that still writes, a share that still copies, or rights that somebody has to put right.
_LOCKED = (errno.EACCES, errno.EPERM, errno.EBUSY, errno.ETXTBSY, errno.EAGAIN, errno.ELOOP, errno.ENXIO)
_CMYK = 4  # channels
_LYING = (5, 6, 7, 8)  # of EXIF's orientations: a quarter turn
_PNG_HEADER_CHUNKS = 256  # far more than any program writes before the pixels


@dataclass(frozen=True, slots=True, eq=False)
class Photo:
    """A decoded original.

    rgba: (H, W, 4), upright, uint8 or uint16, the original's own values; the fourth channel is its own alpha, or full.
    metadata.icc: the profile that the pixels have now. format: "jpeg", "png", … remarks: what was wrong with the file
    and was put right, in words for the report.
    """

    rgba: Samples
    has_alpha: bool
    metadata: Metadata
    format: str
    remarks: tuple[str, ...] = ()

    @property
    def pixels(self) -> Samples:
        """(H, W, 3): the colours, without a copy."""
        return self.rgba[..., :3]

    @property
    def own_alpha(self) -> Samples | None:
        """(H, W), at the photo's depth: the alpha that was in the file; None where it had none."""
        return self.rgba[..., 3] if self.has_alpha else None

    @property
    def width(self) -> int:
        """Pixels from left to right of the upright photo."""
        return int(self.rgba.shape[1])

    @property
    def height(self) -> int:
        """Pixels from top to bottom of the upright photo."""
        return int(self.rgba.shape[0])

    @property
    def full_scale(self) -> int:
        """The value of full light and full alpha: 255 or 65535."""
        return int(np.iinfo(self.rgba.dtype).max)

    @property
    def icc(self) -> bytes | None:
        """The ICC profile of the pixels; None stands for sRGB."""
        return self.metadata.icc

    @property
    def exif(self) -> bytes | None:
        """The EXIF block as it lay in the file; its orientation is already applied."""
        return self.metadata.exif

    @property
    def xmp(self) -> bytes | None:
        """The XMP packet as it lay in the file."""
        return self.metadata.xmp

    @property
    def iptc(self) -> bytes | None:
        """The IPTC records of the file, bare."""
        return self.metadata.iptc

    @property
    def dpi(self) -> float | None:
        """Pixels per inch, where the file says something sensible."""
        return self.metadata.dpi


def pages_of(path: Path) -> tuple[int, ...]:
    """Which pictures of a file are photos of their own, counted from 0: a TIFF's pages, of other files the first."""
    try:
        with _opened(path) as descriptor:
            return tiff_page.pages_of(descriptor) if _kind(descriptor, path.name) == "tiff" else (0,)
    except (Vanished, NotWholeYet) as error:
        raise BadPhoto(str(error)) from error


def open_photo(path: Path, max_megapixels: float, page: int = 0) -> Photo:
    """Decode a photo. page: of a TIFF of several, counted from 0.

    Raises BadPhoto with a reason that a person understands, and RootAway where it is the disk that does not answer.
    """
    return _read(path, max_megapixels, None, page)


def open_small(path: Path, longest: int, max_megapixels: float, page: int = 0) -> Photo:
    """The same photo with no side longer than `longest` pixels, and never in memory at its full size; for looking at.

    Raises what `open_photo` raises.
    """
    return _read(path, max_megapixels, longest, page)


def _read(path: Path, max_megapixels: float, longest: int | None, page: int) -> Photo:
    name = _called(path, page)
    try:
        with _opened(path) as descriptor:
            kind = _kind(descriptor, path.name)
            header = _header(descriptor, kind, name, max_megapixels, page)
            profile = header.metadata.icc
            remarks = []
            if profile is not None and not codec.usable(profile, header.colours):
                profile = None
                remarks.append("its ICC profile is broken or of another colour space, and left out")
            if header.colours == _CMYK:
                assumed = " without a profile that fits; a usual one of print was assumed" if profile is None else ""
                remarks.append(f"it is in CMYK{assumed}; its result is in sRGB")
            if header.sample in ("float", "double"):
                remarks.append("its values are floating-point: taken as linear light, and as black what is no number")
            metadata = replace(header.metadata, iptc=iptc.records(header.metadata.iptc))
            alpha_extra: int | None = 0
            if kind in ("tiff", "raw"):
                tags = tiff_page.Tags(descriptor, page)
                alpha_extra = tags.alpha_extra
                metadata = replace(metadata, exif=tags.exif, iptc=tags.iptc)
            rgba, has_alpha, profile = decoding.decode(descriptor, kind, profile, alpha_extra, page, longest)
    except Unsupported as error:
        raise BadPhoto(_beyond_us(name, str(error))) from error
    except Undecodable as error:
        raise BadPhoto(_unreadable(name, str(error))) from error
    except (Vanished, NotWholeYet) as error:
        raise BadPhoto(str(error)) from error
    if metadata.dpi_down and header.orientation in _LYING:
        metadata = replace(metadata, dpi=metadata.dpi_down, dpi_down=metadata.dpi)
    return Photo(_upright(rgba, header.orientation), has_alpha, replace(metadata, icc=profile), kind, tuple(remarks))


def extent(path: Path, max_megapixels: float, page: int = 0) -> tuple[int, Literal[8, 16, "raw"]]:
    """How many pixels a photo has, and of how many bits or whether undeveloped, by its header alone.

    Raises BadPhoto as `open_photo` does.
    """
    name = _called(path, page)
    try:
        with _opened(path) as descriptor:
            kind = _kind(descriptor, path.name)
            header = _header(descriptor, kind, name, max_megapixels, page)
    except Unsupported as error:
        raise BadPhoto(_beyond_us(name, str(error))) from error
    except Undecodable as error:
        raise BadPhoto(_unreadable(name, str(error))) from error
    except (Vanished, NotWholeYet) as error:
        raise BadPhoto(str(error)) from error
    depth: Literal[8, 16, "raw"] = "raw" if kind == "raw" else 8 if header.sample == "uchar" else 16
    return header.width * header.height, depth


def prove_decodes(path: Path, max_megapixels: float) -> None:
    """Prove that a file is a photo and decodes to its last line; holds only a few lines of it in memory.

    Raises BadPhoto where it will never be a photo (another kind of file, too large, animated), NotWholeYet where it
    is damaged, cut off or locked, which time may put right, Vanished where it is gone, and RootAway where the disk
    does not answer.
    """
    with _opened(path) as descriptor:
        kind = _kind(descriptor, path.name)
        try:
            _header(descriptor, kind, path.name, max_megapixels)
            decoding.prove(descriptor, kind)
        except Unsupported as error:
            raise BadPhoto(_beyond_us(path.name, str(error))) from error
        except Undecodable as error:
            raise NotWholeYet(_unreadable(path.name, str(error))) from error


@contextmanager
def _opened(path: Path) -> Iterator[int]:
    try:
        # Never wait for the other end of a pipe that somebody named like a photo.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise Vanished(f"{path.name} is not there.") from error
    except OSError as error:
        if error.errno in _LOCKED:
            raise NotWholeYet(f"{path.name} cannot be opened: {error.strerror}.") from error
        raise RootAway(f"{path.name} cannot be opened: {error.strerror}.") from error
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise BadPhoto(f"{path.name} is a folder. Name the photos in it.")
        if not stat.S_ISREG(mode):
            raise BadPhoto(f"{path.name} is not a file.")
        yield descriptor
    except OSError as error:
        raise RootAway(f"{path.name} cannot be read: {error.strerror}.") from error
    finally:
        os.close(descriptor)


def _kind(descriptor: int, name: str) -> str:
    head = os.pread(descriptor, signatures.HEAD_BYTES, 0)
    kind = signatures.kind_of(head)
    if kind == "tiff" and tiff_page.Tags(descriptor).begins_with_a_preview:
        return "raw"
    if kind is not None:
        return kind
    if signatures.may_become_a_photo(head):
        raise NotWholeYet(f"{name} does not begin with a picture yet: it is empty or holds only zeros.")
    raise BadPhoto(
        f"{name} is not a photo: its content is {signatures.stranger(head)}. "
        "Export it as JPEG, PNG or TIFF and drop that."
    )


def _header(descriptor: int, kind: str, name: str, max_megapixels: float, page: int = 0) -> Header:
    """The header of something worth decoding. Raises BadPhoto or Undecodable."""
    header = decoding.read_header(descriptor, kind, page)
    megapixels = header.width * header.height / 1e6
    if megapixels > max_megapixels:
        raise BadPhoto(
            f"{name} has {header.width} x {header.height} pixels ({megapixels:,.0f} megapixels), more than the "
            f"{max_megapixels:,g} allowed. Make it smaller, or raise intake.max_megapixels."
        )
    if (kind == "webp" and header.pages > 1) or (kind == "png" and _is_animated(descriptor)):
        raise BadPhoto(f"{name} is animated. Save the one picture you want as a still and drop that.")
    if kind == "tiff" and tiff_page.Tags(descriptor, page).in_bare_ycbcr:
        raise Unsupported("its colours are stored as luma and chroma without JPEG")
    if header.colours == 0:
        raise BadPhoto(
            f"{name} has channels or samples that make no photo. Save it as RGB, grey or CMYK of 8 or 16 bit."
        )
    return header


def _is_animated(descriptor: int) -> bool:
    """Whether a PNG announces more than one frame: an acTL chunk before its pixels (PNG, third edition, 11.3.5)."""
    position = 8
    for _ in range(_PNG_HEADER_CHUNKS):
        length, kind = os.pread(descriptor, 4, position), os.pread(descriptor, 4, position + 4)
        if kind in (b"IDAT", b"IEND", b""):
            return False
        if kind == b"acTL":
            return int.from_bytes(os.pread(descriptor, 4, position + 8)) > 1
        position += 12 + int.from_bytes(length)
    return False


def _upright(rgba: Samples, orientation: int) -> Samples:
    """Turn and mirror as EXIF's orientation (1..8, CIPA DC-008, 4.6.5) asks; any other value asks for nothing."""
    if orientation in _LYING:
        rgba = np.asarray(cv2.transpose(rgba), rgba.dtype)
    flip = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}.get(orientation)
    return rgba if flip is None else np.asarray(cv2.flip(rgba, flip), rgba.dtype)


def _called(path: Path, page: int) -> str:
    return f"{path.name}, page {page + 1}," if page else path.name


def _unreadable(name: str, reason: str) -> str:
    return f"{name} cannot be decoded; it is damaged or cut off ({reason}). Save or copy it again."


def _beyond_us(name: str, reason: str) -> str:
    return f"{name} cannot be read here: {reason}. Save it as an ordinary JPEG, PNG or TIFF and drop that."
