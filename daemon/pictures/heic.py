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
from daemon.pictures.values import Decodable, Header, Metadata, Samples

_COLOURS = {"L": 1, "RGB": 3}
_WIDE_BITS = 16
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

    def pixels() -> Samples:
        try:
            samples: Samples = np.asarray(picture)
        except _REASONS as error:
            raise error_of(f"HEIC: {error}") from error
        if samples.dtype == np.uint8:
            return samples
        bits = int(info.get("bit_depth", _WIDE_BITS))
        # The decoder leaves the lower bits empty; full light is all ones.
        return np.asarray(samples | samples >> bits, np.uint16)

    return Decodable(header, pixels, pixels)
