"""Reads a finished file as it is: nothing in it is converted, turned or put right, so that all of it can be judged."""

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from daemon.errors import Said
from daemon.pictures import icc, vips
from daemon.pictures.codec_errors import Unsupported
from daemon.pictures.signatures import HEAD_BYTES, kind_of
from daemon.pictures.values import Samples

ProfileKind = Literal["none", "srgb", "other", "broken"]

_LOADERS = {
    "jpeg": vips.Image.jpegload_buffer, "png": vips.Image.pngload_buffer, "webp": vips.Image.webpload_buffer,
    "tiff": vips.Image.tiffload_buffer,
}  # fmt: skip
_SPACES = {"srgb": "rgb", "rgb16": "rgb", "b-w": "grey", "grey16": "grey"}
_BITS = {"uchar": 8, "char": 8, "ushort": 16, "short": 16}
_COLOURS = {"rgb": 3, "grey": 1, "cmyk": 4}
_PRIVATE_FIELDS = ("GPS", "SerialNumber", "MakerNote", "OwnerName")
_PRIVATE_WORDS = tuple(word.encode() for word in ("GPSLatitude", "GPSLongitude", "SerialNumber", "OwnerName"))
_SAME_COLOUR = 2  # of 255: what two sRGB profiles of different makers differ by in rounding


@dataclass(frozen=True, slots=True, eq=False)
class AsWritten:
    """A file as somebody else finds it.

    format: by its content. pixels: (H, W, channels) uint8 or uint16. space: "rgb", "grey", "cmyk", "palette", or
    libvips' name of another one. bits: of one channel. frames: pictures in the file. subsampled: whether a JPEG has its
    colour at a smaller size. orientation: EXIF's 1..8. private: names of what says where the photo was taken or with
    which camera.
    """

    format: str
    bytes: int
    pixels: Samples
    space: str
    has_alpha: bool
    bits: int
    profile: ProfileKind
    frames: int = 1
    subsampled: bool = False
    orientation: int = 1
    private: tuple[str, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return int(self.pixels.shape[1]), int(self.pixels.shape[0])


@vips.own_errors()
def as_written(path: Path) -> AsWritten:
    """Decode a file of a format that can be written here. Raises Undecodable; OSError if it cannot be read."""
    content = path.read_bytes()
    kind = kind_of(content[:HEAD_BYTES])
    if kind not in _LOADERS:
        raise Unsupported(Said("unknown_kind"))
    image = _LOADERS[kind](content, fail_on="error")
    space = "palette" if vips.field_of(image, "palette") else _SPACES.get(image.interpretation, image.interpretation)
    return AsWritten(
        format=kind,
        bytes=len(content),
        pixels=vips.array_of(image if image.format in _BITS else image.cast("ushort")),
        space=space,
        has_alpha=bool(image.hasalpha()),
        bits=_BITS.get(image.format, 32),
        profile=_profile_kind(vips.field_of(image, vips.BLOBS["icc"]), _COLOURS.get(space, 3)),
        frames=vips.field_of(image, "n-pages") or 1,
        subsampled=vips.field_of(image, "jpeg-chroma-subsample") not in (None, "4:4:4"),
        orientation=vips.field_of(image, "orientation") or 1,
        private=_private_in(image),
    )


def _profile_kind(profile: Any, colours: int) -> ProfileKind:
    if not profile:
        return "none"
    profile = bytes(profile)
    if not icc.usable(profile, colours):
        return "broken"
    return "srgb" if colours == _COLOURS["rgb"] and is_srgb(profile) else "other"


@lru_cache(maxsize=4)  # profiles; all pictures of a shop have the same
def is_srgb(profile: bytes) -> bool:
    """Whether a usable profile of RGB means by all numbers what sRGB means by them, whatever it calls itself."""
    steps = np.linspace(0, 255, 9).round().astype(np.uint8)
    probe: NDArray[np.uint8] = np.stack(np.meshgrid(steps, steps, steps), -1).reshape(27, 27, 3)
    return int(np.abs(icc.to_srgb(probe, profile).astype(np.int16) - probe).max()) <= _SAME_COLOUR


def _private_in(image: Any) -> tuple[str, ...]:
    fields = [name for name in image.get_fields() if name.startswith("exif-ifd")]
    packet = bytes(vips.field_of(image, vips.BLOBS["xmp"]) or b"")
    found = {word for word in _PRIVATE_FIELDS for name in fields if word in name}
    return tuple(sorted(found | {word.decode() for word in _PRIVATE_WORDS if word in packet}))
