"""Stages renditions of a result that is published already, and nothing else."""

from collections.abc import Collection, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.hotfolder.effects import Tick
from daemon.jobs import Grade, Job
from daemon.publishing.reports import Cut
from daemon.publishing.staged_renditions import StagedRenditions
from daemon.publishing.staging import Picture, scratch_of
from daemon.renditions.wanted import Rendition
from daemon.settings import OutputSettings

if TYPE_CHECKING:
    from daemon.publishing.kept_pages import KeptPage


class OnlyRenditions:
    """Takes the place of a `Staging`."""

    def __init__(self, grade: Grade, lacking: Mapping[int, Collection[str]], tick: Tick) -> None:
        """grade: for which they are made. lacking: by page, the labels of those that are to be made."""
        self._grade = grade
        self._lacking = lacking
        self._tick = tick

    def stage(
        self, job: Job, outputs: OutputSettings, picture: Picture, folder: Path, wanted: Sequence[Rendition] = ()
    ) -> Cut:
        """Make what one page lacks of what is wanted. Raises like `Staging.stage`."""
        del outputs
        page, maker = picture.page, picture.maker
        lacking = [each for each in wanted if each.label in self._lacking.get(page.number, ())]
        renditions = StagedRenditions(folder, page, lacking, self._grade, self._tick)
        if renditions.missing:
            maker.compose(picture.outcome.best)
            renditions.make(maker, job.id, partial(scratch_of, tick=self._tick))
        return Cut(page, picture.outcome, maker.seen(), (0, 0), renditions.files, renditions.made)

    def stage_kept(self, picture: Picture, kept: "KeptPage", folder: Path) -> Cut:
        """Make nothing of a page."""
        del kept, folder
        return Cut(picture.page, picture.outcome, picture.maker.seen(), (0, 0))
