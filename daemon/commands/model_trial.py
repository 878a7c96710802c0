"""Tries a network of the built-in engine on one picture, and shows what it made of it."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from daemon.arrays import Alpha, Rgb
from daemon.disk.whole_file import write_whole
from daemon.engines.comfyui.canary import draw_test_picture, intersection_over_union
from daemon.engines.onnx.network_input import network_input
from daemon.engines.onnx.network_output import alpha_of_map
from daemon.engines.onnx.onnx_session import OnnxSession
from daemon.engines.onnx.onnx_table import OnnxModel
from daemon.errors import EngineMisconfigured, FreistellerError, RecipeRefused
from daemon.jobs import View
from daemon.pictures import codec, thumbs
from daemon.pictures.proxy import make_proxy
from daemon.pictures.reading import open_photo
from daemon.settings import Settings

SHADES = " ░▒▓█"
LOGITS_BEYOND = 0.5  # a map that leaves 0..1 by more than this holds logits, which want a sigmoid


@dataclass(frozen=True, slots=True, eq=False)
class NetworkTrial:
    """What came of a picture. likeness: with the drawn subject, 0..1; None = the picture is a photo.

    wants_sigmoid: whether the network's own map leaves 0..1, and the table has no activation for it.
    """

    picture: Rgb
    alpha: Alpha
    seconds: float
    likeness: float | None
    wants_sigmoid: bool

    @property
    def empty(self) -> bool:
        """Whether the alpha is the same nearly everywhere, so that it cuts out nothing."""
        return float(self.alpha.max() - self.alpha.min()) < 0.1

    def preview(self, columns: int = 48) -> str:
        """The alpha in letters, for terminals; letters are twice as high as wide."""
        height, width = self.alpha.shape
        rows = max(1, round(columns * height / width / 2))
        across = (np.arange(columns) * width) // columns
        down = (np.arange(rows) * height) // rows
        shades = np.rint(self.alpha[np.ix_(down, across)] * (len(SHADES) - 1)).astype(int)
        return "\n".join("".join(SHADES[shade] for shade in row) for row in shades)

    def save(self, path: Path) -> None:
        """Write picture, alpha and cut-out side by side as a PNG, replacing what is there. Raises OSError."""
        grey = np.rint(self.alpha * 255).astype(np.uint8)
        side_by_side = (self.picture, thumbs.grey(grey), thumbs.on_chequerboard(self.picture, grey))
        write_whole(path, codec.encode_png(np.hstack(side_by_side)))


def try_network(weights: Path, model: OnnxModel, settings: Settings, photo: Path | None) -> NetworkTrial:
    """Load a network, and run it on a photo, or on the drawn picture.

    Raises EngineMisconfigured if it cannot be used as the table says, BadPhoto for the photo.
    """
    if photo is None:
        picture, subject = draw_test_picture(0)
    else:
        opened = open_photo(photo, settings.intake.max_megapixels)
        picture = make_proxy(opened, View(), settings.engine.proxy_pixels)
    session = OnnxSession(weights, model, settings.engine.local.threads or len(os.sched_getaffinity(0)))
    began = time.perf_counter()
    try:
        (found,) = session.maps(network_input(picture, model))
        alpha = alpha_of_map(found, model, *picture.shape[:2])
    except RecipeRefused as error:
        raise EngineMisconfigured(f"{weights.name} gives no alpha: {error}") from error
    except FreistellerError:
        raise
    except Exception as error:  # ONNX Runtime has many, and no class of its own for them
        raise EngineMisconfigured(f"{weights.name} fails on a picture: {error}") from error
    seconds = time.perf_counter() - began
    likeness = None if photo else intersection_over_union(alpha, subject)
    beyond = max(-float(found.min()), float(found.max()) - 1)
    return NetworkTrial(picture, alpha, seconds, likeness, model.activation == "none" and beyond > LOGITS_BEYOND)
