"""What a network gets to see of a picture: fitted, divided, centred, as the model's table says."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from daemon.arrays import Rgb
from daemon.engines.onnx.onnx_table import OnnxModel
from daemon.engines.onnx.resampling import resized

Network = NDArray[np.floating[Any]]  # float32 or float16, as the table says


def network_input(picture: Rgb, model: OnnxModel) -> Network:
    """The input for one picture, (H, W, 3) uint8 sRGB: (1, 3, height, width), of the table's type.

    As in rembg, all is computed in float64 and then narrowed, so that equal pictures give equal inputs.
    """
    shape = (picture.shape[0], picture.shape[1])
    height, width = input_size(*shape, model)
    filled_height, filled_width = filled_size(*shape, model)
    small = resized(picture, filled_width, filled_height, model.resample)
    brightest = max(int(small.max()), 1e-6) if model.divide == "maximum" else 255  # 1e-6: an entirely black picture
    if (filled_height, filled_width) != (height, width):
        small = np.pad(small, ((0, height - filled_height), (0, width - filled_width), (0, 0)))
    values = np.arange(256) / brightest
    planes = range(3) if model.channels == "RGB" else range(2, -1, -1)
    return np.stack(
        [((values - model.mean[c]) / model.std[c]).astype(model.input_type)[small[:, :, c]] for c in planes]
    )[np.newaxis]


def input_size(height: int, width: int, model: OnnxModel) -> tuple[int, int]:
    """The height and width of the input for a picture of this height and width."""
    if model.fit == "keep":
        return filled_size(height, width, model)
    return model.size[1], model.size[0]


def filled_size(height: int, width: int, model: OnnxModel) -> tuple[int, int]:
    """The height and width of that upper left part of the input which the picture fills; the rest is black."""
    most_wide, most_high = model.size
    if model.fit == "stretch":
        return most_high, most_wide
    scale = min(most_high / height, most_wide / width)
    step = model.multiple
    sides = ((height * scale, most_high), (width * scale, most_wide))
    high, wide = (min(max(step, step * round(side / step)), most) for side, most in sides)
    return high, wide
