"""The alpha that a network's map stands for: activated, cut to the picture, stretched or not, at the picture's size."""

import numpy as np
from numpy.typing import NDArray

from daemon.arrays import Alpha
from daemon.engines.onnx.network_input import Network, filled_size, input_size
from daemon.engines.onnx.onnx_table import OnnxModel
from daemon.engines.onnx.resampling import resized
from daemon.errors import RecipeRefused, Said

_LEAST_LOGIT = -88.0  # below, exp() of its negative is more than float32 can hold; the sigmoid is 0 long before


def alpha_of_map(found: Network, model: OnnxModel, height: int, width: int) -> Alpha:
    """The alpha of a picture of this height and width: (height, width) float32, in steps of 1/255.

    found: the network's map of this picture, (H, W), before any activation. A map that is the same everywhere has no
    range that could be stretched: with range = "min-max" its alpha is 0 everywhere.
    Raises RecipeRefused if the map has values that are no numbers.
    """
    values = found.astype(np.float32)
    if model.activation == "sigmoid":
        values = np.float32(1) / (np.float32(1) + np.exp(-np.maximum(values, np.float32(_LEAST_LOGIT))))
    rows, columns = _part(found.shape[0], found.shape[1], model, height, width)
    values = values[:rows, :columns]
    if not np.isfinite(values).all():
        raise RecipeRefused(Said("map_without_numbers"))
    return resized(_steps(values, model), width, height, model.resample).astype(np.float32) / np.float32(255)


def _part(rows: int, columns: int, model: OnnxModel, height: int, width: int) -> tuple[int, int]:
    """How many rows and columns of the map the picture fills. The map may be smaller than the input."""
    filled, whole = filled_size(height, width, model), input_size(height, width, model)
    return max(1, round(rows * filled[0] / whole[0])), max(1, round(columns * filled[1] / whole[1]))


def _steps(values: Alpha, model: OnnxModel) -> NDArray[np.uint8]:
    if model.range == "as is":
        return np.asarray(values.clip(0, 1) * 255 + np.float32(0.5)).astype(np.uint8)
    lowest, highest = values.min(), values.max()
    span = highest - lowest if highest > lowest else np.float32(np.inf)  # x / inf = 0: a constant map gives 0
    return np.asarray((values - lowest) / span * 255).astype(np.uint8)  # cut off as in rembg, so 254.99 is 254
