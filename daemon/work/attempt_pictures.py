"""Shows the alphas of all attempts at a photo, long after it was cut out."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from daemon.jobs import Attempt, Job, Recipe, attempt_numbered
from daemon.judgement.best_of_pages import page_of
from daemon.pictures.opened_picture import PictureToShow
from daemon.pictures.values import Page
from daemon.settings.current import CurrentSettings
from daemon.settings.pixel_settings import PixelSettings
from daemon.work.photo_worker import KeptAttempts, PhotoWorkers
from daemon.work.pipeline import Pipeline
from daemon.work.task import PhotoTask


@dataclass(eq=False)
class _Holder:
    """Holds alphas until they are sent to a worker."""

    page: Page
    alphas: list[tuple[int, Recipe, bytes, Attempt | None]] = field(default_factory=list)

    def add_kept(self, number: int, recipe: Recipe, png: bytes, base: Attempt | None) -> bool:
        self.alphas.append((number, recipe, png, base))
        return True


class AttemptPictures:
    """Finishes raw alphas again, as a result is made of them; only the photo and the kept alphas are needed."""

    def __init__(self, pipeline: Pipeline, workers: PhotoWorkers, settings: CurrentSettings) -> None:
        self._pipeline = pipeline
        self._workers = workers
        self._settings = settings

    @contextmanager
    def opened(
        self, job: Job, original: Path, layers: Mapping[str, int], *, hurried: bool = False
    ) -> Iterator[PictureToShow]:
        """The alphas of attempts at one page of a file, at every size up to its own, as results would have them.

        layers: the number of the attempt that each layer shows, one at least. An attempt whose alpha is not kept any
        more has no picture. hurried: as `PhotoWorkers.picture`. Raises what `PhotoWorkers.attempts` raises.
        """
        page = page_of(next(iter(layers.values())))
        settings, holder = self._settings.now, _Holder(Page(number=page))
        restored = self._pipeline.restore(PhotoTask(job, settings), holder)
        there = {number for number, *_ in holder.alphas}
        attempts = ((layer, attempt_numbered(restored, number)) for layer, number in layers.items())
        shown = {layer: attempt for layer, attempt in attempts if attempt and attempt.number in there}
        kept = KeptAttempts(holder.alphas, shown, page)
        with self._workers.attempts(original, PixelSettings.of(settings), kept, hurried=hurried) as picture:
            yield picture
