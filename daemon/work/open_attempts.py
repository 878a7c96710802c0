"""The alphas of attempts at a file, shown to people at every size as a result would have them."""

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np

from daemon.jobs import Attempt
from daemon.pictures import vips
from daemon.pictures.large_photo import LargePhoto
from daemon.pictures.opened_picture import fit_of, nothing, tile_of
from daemon.pictures.pyramid import eight_bits, write_layer
from daemon.pictures.reading import open_for_work, pages_of
from daemon.pictures.thumbs import Mask
from daemon.settings.pixel_settings import PixelSettings
from daemon.work.photo_in_work import PhotoInWork
from daemon.work.photo_worker import KeptAttempts

_KEPT = 3  # alphas at full size, a byte a pixel; the photo itself has four to eight


class OpenAttempts:
    """It is a `PictureToShow` whose layers are alphas of attempts. At full size each is what a result has.

    What an engine answered is smaller than most photos: it is enlarged, and the photo's own pixels lead its border.
    """

    def __init__(self, path: Path, settings: PixelSettings, kept: KeptAttempts) -> None:
        """Raises BadPhoto and RootAway as `open_photo` does."""
        photo = open_for_work(path, settings.max_megapixels, pages_of(path)[kept.page - 1])
        self._photo = PhotoInWork.of(photo, settings)
        there = {each[0] for each in kept.alphas if self._photo.add_kept(*each)}
        self._shown = {layer: attempt for layer, attempt in kept.shown.items() if attempt.number in there}
        self._full: dict[str, Mask] = {}  # the one that was used last comes last
        self._lock = threading.Lock()  # tiles may be asked for while a layer is built

    def tile(self, layer: str, level: int, column: int, row: int) -> bytes | None:
        """One tile; None if there is none, or no alpha of that attempt."""
        attempt = self._shown.get(layer)
        return None if attempt is None else tile_of(self._alpha(layer, attempt), "alpha", level, column, row)

    def fit(self, layer: str) -> bytes | None:
        """The picture that fits a screen; None if there is no alpha of that attempt."""
        attempt = self._shown.get(layer)
        if attempt is None:
            return None
        if isinstance(self._photo.photo, LargePhoto):  # reading it again for each attempt takes seconds
            small = self._photo.finished_alpha(attempt)
            return fit_of(np.asarray(np.rint(np.clip(small, 0, 1) * 255), np.uint8), "alpha")
        return fit_of(self._alpha(layer, attempt), "alpha")

    def build(self, layer: str, folder: Path, meanwhile: Callable[[], None] = nothing) -> None:
        """Write the files of a layer into a folder; none if there is no alpha of that attempt."""
        del meanwhile
        attempt = self._shown.get(layer)
        if attempt is not None:
            write_layer("alpha", self._alpha(layer, attempt), folder)

    def _alpha(self, layer: str, attempt: Attempt) -> Mask:
        with self._lock:
            alpha = self._full.get(layer)
        if alpha is None:
            with vips.own_errors():
                alpha = eight_bits(np.ascontiguousarray(self._photo.full_alpha(attempt)))
        with self._lock:
            self._full.pop(layer, None)
            while len(self._full) >= _KEPT:
                del self._full[next(iter(self._full))]
            self._full[layer] = alpha
        return alpha
