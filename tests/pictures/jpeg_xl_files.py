"""Draws JPEG XL files, where libvips can."""

from typing import Any

from daemon.pictures import vips
from daemon.pictures.values import Samples
from tests.pictures.drawing import image_of

READABLE = vips.has("jxlload_buffer") and vips.has("jxlsave_buffer")
"""Whether libvips was built with JPEG XL; the one that pip brings was not."""


def jxl(samples: Samples, **options: Any) -> bytes:
    """A file without loss. samples: (H, W, 3 or 4), 8 or 16 bit."""
    vips.allow("VipsForeignSaveJxl")
    return bytes(image_of(samples).jxlsave_buffer(**{"lossless": True, "effort": 3, **options}))
