"""`freisteller models compare`: shows what each model that is there makes of photos, with score, grade and seconds."""

import os
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

from daemon.arrays import Alpha, Rgb
from daemon.commands.judge_in_full import in_full
from daemon.commands.models import found_weights, known_model, list_models, refuse_for_commerce
from daemon.contact_sheet.compared_models import (
    Cell,
    ComparedModel,
    ComparedPhoto,
    cell_of,
    comparison_page,
    models_compared,
    small_photo,
)
from daemon.disk.whole_file import write_whole
from daemon.engines.onnx.kept_speeds import keep_speed
from daemon.engines.onnx.onnx_engine import OnnxEngine
from daemon.errors import BadPhoto, BadSettings, EngineFull, EngineMisconfigured, RecipeRefused
from daemon.jobs import Recipe, Verdict, View
from daemon.judgement.both_promises import rim_counts
from daemon.judgement.grading import Thresholds, judge
from daemon.pictures import refining
from daemon.pictures.proxy import make_proxy
from daemon.pictures.reading import open_photo
from daemon.settings import Settings
from daemon.words.catalogue import words_in

MOST_PHOTOS = 100  # their small pictures are in memory, and a page with more is not looked at


@dataclass(frozen=True, slots=True)
class ModelComparison:
    """The page, how each model did, and what could not be shown."""

    page: Path
    models: tuple[ComparedModel, ...]
    photos: tuple[ComparedPhoto, ...]
    troubles: tuple[str, ...]

    @property
    def failed(self) -> bool:
        """Whether a photo or a model is missing on the page."""
        return bool(self.troubles) or any(cell.trouble for photo in self.photos for cell in photo.cells)

    def trouble_of(self, model: ComparedModel) -> str:
        """Why a model gave nothing."""
        at = self.models.index(model)
        return next((photo.cells[at].trouble for photo in self.photos if photo.cells[at].trouble), "")

    def values(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "page": str(self.page),
            "models": [
                {
                    "name": model.name,
                    "mean_score": model.mean_score,
                    "mean_rim": model.mean_rim,
                    "mean_seconds": model.mean_seconds,
                }
                for model in self.models
            ],
            "photos": [
                {
                    "photo": photo.name,
                    "results": [
                        {
                            "model": model.name,
                            "grade": cell.verdict.grade.value if cell.verdict else None,
                            "score": cell.verdict.score if cell.verdict else None,
                            "rim": cell.verdict.rim if cell.verdict else None,
                            "seconds": cell.seconds,
                            "trouble": cell.trouble,
                        }
                        for model, cell in zip(self.models, photo.cells, strict=True)
                    ],
                }
                for photo in self.photos
            ],
            "troubles": list(self.troubles),
        }


def compare_models(
    settings: Settings,
    photos: Sequence[Path],
    page: Path,
    names: Sequence[str],
    on_progress: Callable[[str, int, int], None],
) -> ModelComparison:
    """Ask each model for each photo, one model after the other, and write the page.

    names: the models, () = all that are there and may be used. on_progress: told of the model, and of answers so far
    and in all. Raises BadSettings if there is nothing to compare, OSError if the page cannot be written.
    """
    names = tuple(dict.fromkeys(names)) or _usable(settings)
    tables = {}
    for name in names:
        tables[name] = known_model(settings, name)
        refuse_for_commerce(settings, name, tables[name])
        if found_weights(settings, name) is None:
            raise BadSettings(f"The weights of {name} are not there. Fetch them with: freisteller models fetch {name}")
    if not names:
        raise BadSettings("No model is there yet. See what can be fetched: freisteller models list")
    if len(photos) > MOST_PHOTOS:
        raise BadSettings(f"Name at most {MOST_PHOTOS} photos: no person looks at more.")
    proxies, troubles = _opened(settings, photos)
    if not proxies:
        raise BadPhoto(" ".join(troubles))
    columns: list[list[Cell]] = []
    for name in names:
        columns.append([])
        for cell in _column(settings, name, proxies):
            columns[-1].append(cell)
            on_progress(name, sum(map(len, columns)), len(names) * len(proxies))
    rows = tuple(
        ComparedPhoto(path.name, small_photo(rgb), tuple(column[at] for column in columns))
        for at, (path, rgb) in enumerate(proxies)
    )
    models = models_compared([(name, table.licence) for name, table in tables.items()], rows)
    text = "".join(comparison_page(models, rows, words_in(settings.language)))
    write_whole(page, text.encode(errors="replace"))  # a name that is no text keeps its readable part
    return ModelComparison(page, tuple(models), rows, tuple(troubles))


def _usable(settings: Settings) -> tuple[str, ...]:
    """The models whose weights are there, as far as engine.commercial_use allows them."""
    return tuple(
        row.name
        for row in list_models(settings)
        if row.path and row.model and (row.model.allows_commerce or not settings.engine.commercial_use)
    )


def _opened(settings: Settings, photos: Sequence[Path]) -> tuple[list[tuple[Path, Rgb]], list[str]]:
    """The small pictures of the photos, and why some have none."""
    opened, troubles = [], []
    for path in photos:
        try:
            photo = open_photo(path, settings.intake.max_megapixels)
            opened.append((path, make_proxy(photo, View(), settings.engine.proxy_pixels)))
        except BadPhoto as error:
            troubles.append(str(error))
    return opened, troubles


def _column(settings: Settings, name: str, photos: Sequence[tuple[Path, Rgb]]) -> Iterator[Cell]:
    """What one model makes of the pictures. Its engine is closed after that, so that no two are in memory."""
    local = settings.engine.local.model_copy(update={"model": name})
    thresholds = Thresholds(settings.grading.sehr_gut, settings.grading.gut)
    times: list[float] = []
    engine = OnnxEngine(local, len(os.sched_getaffinity(0)), lambda _: None)
    with closing(engine):
        for path, rgb in photos:
            try:
                answer = engine.cut(uuid.uuid4(), rgb, Recipe(name), new=True)
            except (EngineMisconfigured, EngineFull, RecipeRefused) as error:
                yield Cell(trouble=str(error))
                continue
            verdict = judge(rgb, answer.alpha, thresholds)
            if rim_counts(verdict):
                try:
                    verdict = _in_full(settings, verdict, path, answer.alpha, engine.detail_of(Recipe(name)))
                except BadPhoto as error:  # it was changed meanwhile
                    yield Cell(trouble=str(error))
                    continue
            times.append(answer.stages["infer"])
            yield cell_of(rgb, answer.alpha, verdict, times[-1])
    if times:
        keep_speed(local.weights_path, name, median(times))


def _in_full(settings: Settings, region: Verdict, path: Path, alpha: Alpha, resolved: int) -> Verdict:
    """The verdict on both promises. The photo is opened again for its border: all photos at once are too many."""
    photo = open_photo(path, settings.intake.max_megapixels)
    return in_full(region, photo, refining.full_size_alpha(photo, alpha), settings.grading, resolved)
