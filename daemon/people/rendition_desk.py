"""Makes renditions of a result long after it was published, from its original and the alphas that are kept."""

from collections.abc import Collection, Mapping
from pathlib import Path

from daemon.errors import IllegalMove, Said
from daemon.hotfolder.effects import Tick
from daemon.hotfolder.orders import Orders
from daemon.jobs import Grade
from daemon.journal import JobRow
from daemon.judgement.best_of_pages import best_of_page, pages_of_job
from daemon.people.other_attempts import OtherAttempts
from daemon.publishing.only_renditions import OnlyRenditions
from daemon.publishing.reports import Cut
from daemon.renditions.named_renditions import renditions_of
from daemon.renditions.wanted import Rendition
from daemon.settings import OutputFormat, Settings
from daemon.work.cut_file import CutFile, with_pages_as_before
from daemon.work.pipeline import Pipeline
from daemon.work.task import PhotoTask

_ANY_SIZE: tuple[OutputFormat, ...] = ("png",)


class RenditionDesk:
    """Whoever calls it holds the job's lock; the pixels are a worker's."""

    def __init__(self, root: Path, pipeline: Pipeline, orders: Orders, others: OtherAttempts, tick: Tick) -> None:
        """root: of the hot folder. others: knows whether a result can still be made anew."""
        self._root = root
        self._pipeline = pipeline
        self._orders = orders
        self._others = others
        self._tick = tick

    def wanted(self, row: JobRow) -> tuple[Rendition, ...]:
        """What settings and orders want of a photo now. Raises BadOrder, NoRoom, RootAway."""
        return renditions_of(self._settings(row))

    def make(self, row: JobRow, grade: Grade, lacking: Mapping[int, Collection[str]], folder: Path) -> tuple[Cut, ...]:
        """Make the renditions that pages lack into a staging folder, each proven. lacking: labels, by page.

        Raises Vanished if the original is gone or another, IllegalMove if alphas are gone; what work on a photo raises.
        """
        original = self._root / self._others.original_of(row)
        for page in pages_of_job(row.job):
            best = best_of_page(row.job, page)
            if best is None or not self._others.can_be_taken(row.job, best):
                raise IllegalMove(Said("alphas_gone", n=best.number if best else 0, name=row.job.name))
        task = with_pages_as_before(PhotoTask(row.job, _without_results(self._settings(row))), row.results)
        with CutFile(task, original, self._pipeline, OnlyRenditions(grade, lacking, self._tick)) as file:
            file.restore()
            return file.stage(folder)

    def _settings(self, row: JobRow) -> Settings:
        return self._orders.settings_for(row.source, row.settings)


def _without_results(settings: Settings) -> Settings:
    """Settings for renditions alone, whatever formats results have by now: one may be too small for the photo."""
    outputs = settings.outputs.model_copy(update={"formats": _ANY_SIZE})
    return settings.model_copy(update={"outputs": outputs})
