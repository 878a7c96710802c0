"""HEIC photos, as phones take them, decoded by pillow-heif, which is an extra.

The orientation of a HEIC is part of the picture (ISO/IEC 23008-12, 6.5.10, irot and imir), and the decoder applies it;
what an EXIF block says of it does not count.
"""

import importlib
from io import BytesIO
from typing import Any

import numpy as np

from daemon.errors import Said
from daemon.pictures.codec_errors import Undecodable, Unsupported, error_of
from daemon.pictures.heif_boxes import full_range
from daemon.pictures.values import Decodable, Header, Metadata, Samples

_COLOURS = {"L": 1, "I": 1, "RGB": 3}
_EIGHT, _WIDE_BITS = 8, 16
_REASONS = (SyntaxError, ValueError, EOFError, RuntimeError, OSError)


def opened(data: bytes) -> Decodable:
    """The main picture of a HEIC file. Raises Unsupported or Undecodable."""
    try:
        library: Any = importlib.import_module("pillow_heif")  # its types are Pillow's
    except ImportError as error:
        raise Unsupported(Said("heic_library")) from error
    library.options.THUMBNAILS = False
    library.options.DECODE_THREADS = 1  # photos are worked on side by side
    try:
        picture = library.open_heif(BytesIO(data), convert_hdr_to_8bit=False)
        mode, (width, height), info = picture.mode, picture.size, picture.info
    except IndexError as error:  # so pillow-heif says that there is none
        raise Undecodable(Said("heic_empty")) from error
    except _REASONS as error:
        raise error_of(f"HEIC: {error}") from error
    colours = _COLOURS.get(mode.split(";")[0].rstrip("Aa"), 0)
    channels = colours + (mode.split(";")[0][-1] in "Aa")
    header = Header(
        width,
        height,
        channels,
        colours,
        sample="ushort" if mode.endswith(";16") else "uchar",
        pages=1,
        orientation=1,
        metadata=Metadata(
            icc=info.get("icc_profile") or None, exif=info.get("exif") or None, xmp=info.get("xmp") or None
        ),
    )

    # Of grey the decoder hands on the values as they are.
    has_raised_black = colours == 1 and (info.get("nclx_profile") or {}).get("full_range_flag") == 0

    def pixels() -> Samples:
        try:
            samples: Samples = np.asarray(picture)
        except _REASONS as error:
            raise error_of(f"HEIC: {error}") from error
        bits = int(info.get("bit_depth", _EIGHT if samples.dtype == np.uint8 else _WIDE_BITS))
        if samples.dtype != np.uint8:
            samples = np.asarray(samples | samples >> bits, np.uint16)  # the decoder leaves the lower bits empty
        return _from_black(samples, colours, bits) if has_raised_black else samples

    return Decodable(header, pixels, pixels)


def _from_black(samples: Samples, colours: int, bits: int) -> Samples:
    """(H, W) or (H, W, channels): the same with black as 0 and white as all ones, not as 16 and 235 of 255."""
    full = int(np.iinfo(samples.dtype).max)
    black, scale = full_range(bits, full)
    table = np.rint(np.clip((np.arange(full + 1) - black) * scale, 0, full)).astype(samples.dtype)
    wide = samples.copy().reshape(*samples.shape[:2], -1)
    wide[..., :colours] = table[wide[..., :colours]]
    return wide
