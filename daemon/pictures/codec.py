"""The door to libvips: encoded bytes to arrays and back.

libvips is thread-safe; its calls let go of the GIL, so several photos decode at once. Nothing of pyvips leaves this
module but `VipsImage`, which its neighbours carry without looking inside.
"""

from typing import Any

import numpy as np
import pyvips
from numpy.typing import NDArray

from daemon.arrays import Alpha, Rgb

# libvips remembers results by arguments. No operation here runs twice with the same ones, so a cache would only keep
# pictures in memory that nobody asks for again.
pyvips.cache_set_max(0)
# SVG, CSV, raw dumps and the like are marked untrusted by libvips itself; none of them is a photo.
pyvips.block_untrusted_set(True)

FASTEST = 1  # zlib level of pictures that are read back once and thrown away


def encode_proxy(rgb: Rgb) -> bytes:
    """A JPEG of quality 95 with full colour resolution (4:4:4), so that edges of colour stay where they are.

    rgb: (H, W, 3) uint8, sRGB.
    """
    return bytes(_image(rgb).jpegsave_buffer(Q=95, subsample_mode="off", keep="none"))


def decode_alpha(data: bytes) -> Alpha:
    """The alpha in a PNG: grey, or RGB with three equal channels (the red one is taken); a fourth channel is ignored.

    Returns (H, W) float32, 0..1. Raises ValueError where `data` is not a whole PNG.
    """
    try:
        image = pyvips.Image.pngload_buffer(data, fail_on="truncated")
        full_scale = 65535.0 if image.format == "ushort" else 255.0
        grey = _array(image.extract_band(0))
    except pyvips.Error as error:
        raise ValueError(f"not a whole PNG: {_reason(error)}") from error
    alpha: Alpha = grey[..., 0].astype(np.float32) / np.float32(full_scale)
    return alpha


def encode_alpha(alpha: Alpha) -> bytes:
    """An 8-bit grey PNG, quick to write. alpha: (H, W) float32, 0..1; rounded to the nearest of 256 steps."""
    steps = np.rint(np.clip(alpha, 0.0, 1.0) * np.float32(255.0)).astype(np.uint8)
    return bytes(_image(steps).pngsave_buffer(compression=FASTEST, filter="sub", keep="none"))


def _image(array: NDArray[np.uint8] | NDArray[np.uint16]) -> Any:
    """A libvips image over `array`, (H, W) or (H, W, bands), without a copy where it is contiguous."""
    height, width = array.shape[:2]
    bands = 1 if array.ndim == 2 else array.shape[2]
    format_ = "ushort" if array.dtype == np.uint16 else "uchar"
    flat = np.ascontiguousarray(array).reshape(-1)
    image = pyvips.Image.new_from_memory(flat.data, width, height, bands, format_)
    deep = format_ == "ushort"
    return image.copy(interpretation=("grey16" if deep else "b-w") if bands < 3 else ("rgb16" if deep else "srgb"))


def _array(image: Any) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """The pixels of `image`, (H, W, bands), computed now. uint8 or uint16."""
    shape = (image.height, image.width, image.bands)
    memory = image.write_to_memory()
    if image.format == "ushort":
        return np.frombuffer(memory, np.uint16).reshape(shape)
    return np.frombuffer(memory, np.uint8).reshape(shape)


def _reason(error: Any) -> str:
    """What libvips said, as one line."""
    lines = [line.strip() for line in str(error.detail).splitlines() if line.strip()]
    return "; ".join(dict.fromkeys(lines)) or error.message
