"""Camera RAW files, developed plainly by rawpy (LibRaw), which is an extra.

With the camera's white balance, to sRGB in 16 bit, without brightening, so that photos of one series stay alike. People
who want more develop them first. LibRaw turns the picture upright itself.
"""

import importlib
from io import BytesIO
from typing import Any

import numpy as np

from daemon.errors import Said
from daemon.pictures.codec_errors import Undecodable, Unsupported
from daemon.pictures.values import Decodable, Header, Samples

_SRGB_GAMMA = (2.4, 12.92)  # IEC 61966-2-1, as LibRaw wants it: power, and slope of the straight part
_QUARTER_TURNS = (5, 6)  # LibRaw's flip


def opened(data: bytes) -> Decodable:
    """The photo in a camera RAW file of any camera that LibRaw knows. Raises Unsupported or Undecodable."""
    try:
        library: Any = importlib.import_module("rawpy")  # has no types
    except ImportError as error:
        raise Unsupported(Said("raw_library")) from error
    file = library.RawPy()
    try:
        file.open_buffer(BytesIO(data))
    except library.LibRawFileUnsupportedError as error:
        raise Unsupported(Said("raw_unknown")) from error
    except library.LibRawError as error:
        raise Undecodable(Said("camera_raw_fault", detail=_words(error))) from error
    sizes = file.sizes
    width, height = sizes.iwidth, sizes.iheight
    if sizes.flip in _QUARTER_TURNS:
        width, height = height, width

    def unpack() -> None:
        try:
            file.unpack()
        except library.LibRawError as error:
            raise Undecodable(Said("camera_raw_fault", detail=_words(error))) from error

    def pixels() -> Samples:
        unpack()
        try:
            developed: Samples = file.postprocess(
                use_camera_wb=True, no_auto_bright=True, output_bps=16, gamma=_SRGB_GAMMA
            )
        except library.LibRawError as error:
            raise Undecodable(Said("camera_raw_fault", detail=_words(error))) from error
        return np.ascontiguousarray(developed)

    return Decodable(Header(width, height, 3, 3, sample="ushort", pages=1, orientation=1), pixels, unpack)


def _words(error: Exception) -> str:
    """LibRaw's reason; rawpy hands it on as bytes."""
    reason = error.args[0] if error.args else ""
    return reason.decode("ascii", "replace") if isinstance(reason, bytes) else str(reason)
