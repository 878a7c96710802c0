"""Networks in a process that has nothing else to do: shows a picture to one, and forgets them when nobody asks."""

import cv2

from daemon.arrays import Rgb
from daemon.engines.least_size import narrowed, widened
from daemon.engines.onnx.network_input import network_input
from daemon.engines.onnx.network_output import alpha_of_map
from daemon.engines.onnx.onnx_session import OnnxSession
from daemon.engines.onnx.present_model import PresentModel
from daemon.pictures import codec
from daemon.pictures.values import Samples

MOST_LOADED = 2  # orders may name another model than the settings


class LoneNetworks:
    """The networks that were asked last, loaded for the processor. For one thread."""

    def __init__(self) -> None:
        cv2.setNumThreads(1)  # it only turns small pictures here
        self._loaded: dict[PresentModel, OnnxSession] = {}
        self._crowded = False

    def see(self, picture: Rgb, model: PresentModel, threads: int, crowded: bool) -> Samples:
        """What a model sees in a picture, (H, W, 3) uint8 sRGB: its alpha, (H, W), in steps of 1/255.

        threads: of the run, for a network that is not loaded yet. crowded: whether others need the memory that would be
        kept for the next run. Raises EngineMisconfigured, RecipeRefused, and what ONNX Runtime raises.
        """
        self._crowded = crowded
        session = self._loaded.pop(model, None) or self._load(model, threads)
        self._loaded[model] = session  # as the latest one
        wide = widened(picture)
        (found,) = session.maps(network_input(wide, model.table))
        alpha = narrowed(alpha_of_map(found, model.table, *wide.shape[:2]), picture)
        return codec.steps_of(alpha)

    def forget(self) -> None:
        """Give their memory back. Each is loaded again when it is asked."""
        self._loaded.clear()

    def _load(self, model: PresentModel, threads: int) -> OnnxSession:
        while len(self._loaded) >= MOST_LOADED:
            del self._loaded[next(iter(self._loaded))]
        return OnnxSession(model.weights, model.table, threads, lambda: self._crowded)
