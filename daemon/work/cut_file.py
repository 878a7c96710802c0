"""Cuts out every picture of one file, then stages the results."""

import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import TYPE_CHECKING, Protocol

from daemon.errors import BadPage, BadPhoto, Said, said_of
from daemon.jobs import Job, Outcome
from daemon.judgement.best_of_pages import best_of_page, of_page, pages_of_job
from daemon.logs import log
from daemon.pictures.result_names import TAIL
from daemon.pictures.values import Page
from daemon.publishing.reports import Cut, worst
from daemon.publishing.staging import Picture
from daemon.renditions.named_renditions import renditions_of
from daemon.renditions.wanted import Rendition
from daemon.settings import OutputSettings
from daemon.work.photo_worker import PhotoWorker
from daemon.work.pipeline import Pipeline
from daemon.work.task import PhotoTask

if TYPE_CHECKING:
    from daemon.publishing.kept_pages import KeptPage  # it knows the journal, which `process` has not


class Stages(Protocol):
    """What makes files of a picture that is cut out: `Staging`, or `OnlyRenditions`."""

    def stage(
        self, job: Job, outputs: OutputSettings, picture: Picture, folder: Path, wanted: Sequence[Rendition] = ()
    ) -> Cut:
        """Write files into `folder`."""

    def stage_kept(self, picture: Picture, kept: "KeptPage", folder: Path) -> Cut:
        """Put the files of a page that stays as it is into `folder`."""


class CutFile:
    """One file in work; a context manager that gives its memory back.

    A file with one picture stays open from `cut_out` to `stage`, so it is decoded once. Of a file with several pages
    one is open at a time and each is opened twice, since all at once may be too large for any memory. One of several
    that cannot be decoded is left out, and the others are done.
    """

    def __init__(self, task: PhotoTask, path: Path, pipeline: Pipeline, staging: Stages) -> None:
        self._task = task
        self._pipeline = pipeline
        self._staging = staging
        self._renditions = renditions_of(task.settings)
        choice = task.job.choice
        self._held = ExitStack()
        self._worker = self._held.enter_context(
            pipeline.work_on(path, with_pages_as_before(task, choice.replaces) if choice else task)
        )
        self._is_open = False
        self._pages: tuple[Page, ...] = ()
        self._outcomes: list[Outcome] = []
        self._kept: Mapping[int, KeptPage] = {}
        self.not_done: dict[int, Said] = {}
        """Why pages were left out, by number; after `cut_out` or `restore`."""

    @property
    def outcome(self) -> Outcome | None:
        """The outcome that stands for the file; None before `cut_out` or `restore`."""
        return worst(self._outcomes) if self._outcomes else None

    def __enter__(self) -> "CutFile":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._close()

    def cut_out(self) -> Outcome:
        """Cut out each picture; returns the outcome that stands for the file. Raises like `Pipeline.cut_out`."""
        return self._outcome(self._pipeline.cut_out)

    def restore(self, kept: "Mapping[int, KeptPage] | None" = None) -> Outcome:
        """The outcome that an earlier run decided on. Raises like `Pipeline.decided`.

        kept: by number, the pages whose results stay as they are: nothing is made anew of these, here or by `stage`.
        """
        self._kept = kept or {}
        return self._outcome(self._pipeline.decided)

    def stage(self, folder: Path) -> tuple[Cut, ...]:
        """Write the results of all pictures into `folder`, after `cut_out` or `restore`; then the file is closed."""
        cuts = []
        done = (page for page in self._pages if page.number not in self.not_done)
        for page, outcome in zip(done, self._outcomes, strict=True):
            with self._opened(page) as photo:
                cuts.append(self._staged(Picture(page, outcome, photo), photo, folder))
        self._close()
        return tuple(cuts)

    def _staged(self, picture: Picture, photo: PhotoWorker, folder: Path) -> Cut:
        if kept := self._kept.get(picture.page.number):
            return self._staging.stage_kept(picture, kept, folder)
        if len(self._pages) > 1:
            self._pipeline.restore(self._with_all_attempts(), photo)
        settings = self._task.settings
        return self._staging.stage(self._task.job, settings.outputs, picture, folder, self._renditions)

    def _outcome(self, of: Callable[[PhotoTask, PhotoWorker], Outcome]) -> Outcome:
        self._pages = self._worker.pages()
        for page in self._pages:
            best = best_of_page(self._task.job, page.number) if page.number in self._kept else None
            if best is not None:
                self._outcomes.append(Outcome(of_page(self._task.job, page.number), best))
                continue
            with ExitStack() as held:
                try:
                    photo = held.enter_context(self._opened(page))
                except BadPage as error:
                    self._leave_out(page, error)
                    continue
                self._outcomes.append(of(self._task, photo))
        return worst(self._outcomes)

    def _leave_out(self, page: Page, error: BadPage) -> None:
        """Go on without a page. Raises the error if there is no other."""
        self.not_done[page.number] = said_of(error)
        if len(self.not_done) == len(self._pages):
            raise error
        job = self._task.job
        text = f"Page {page.number} of {job.name} is left out: {error}"
        log.log("page_left_out", text, level=logging.WARNING, job=job.id, name=job.name, page=page.number)

    @contextmanager
    def _opened(self, page: Page) -> Iterator[PhotoWorker]:
        if len(self._pages) > 1:
            with self._pipeline.opened(self._worker, page, self._renditions) as photo:
                yield photo
            return
        if not self._is_open:
            self._held.enter_context(self._pipeline.opened(self._worker, page, self._renditions))
            self._is_open = True
        yield self._worker

    def _with_all_attempts(self) -> PhotoTask:
        attempts = tuple(attempt for outcome in self._outcomes for attempt in outcome.attempts)
        return replace(self._task, job=replace(self._task.job, attempts=attempts))

    def _close(self) -> None:
        self._is_open = False
        self._held.close()


class FilesHere:
    """Opens files to work on them in this program. It is an `OpensFiles`."""

    def __init__(self, pipeline: Pipeline, staging: Stages) -> None:
        self._pipeline = pipeline
        self._staging = staging

    def open(self, task: PhotoTask, original: Path, *, decided: bool) -> CutFile:
        """A file in work."""
        del decided
        return CutFile(task, original, self._pipeline, self._staging)


def with_pages_as_before(task: PhotoTask, results: Sequence[str]) -> PhotoTask:
    """The task with settings by which the file has the pages that its results were made of.

    results: places of these. If all pages but the first were left out, only their names tell that there are more.
    """
    outputs = task.settings.outputs
    is_one = pages_of_job(task.job) == (1,) and not any(_has_page(place) for place in results)
    pages = "first" if is_one else "each"
    settings = task.settings.model_copy(update={"outputs": outputs.model_copy(update={"pages": pages})})
    return replace(task, settings=settings)


def _has_page(place: str) -> bool:
    tail = TAIL.search(PurePosixPath(place).name)
    return bool(tail and tail["page"])


def refuse_if_written(job: Job, before: os.stat_result | None, after: os.stat_result) -> None:
    """Raise BadPhoto if somebody, e.g. on a share, went on writing the original while it was in work.

    What was made of it lacks what came since, perhaps a page.
    """
    if before and (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise BadPhoto(Said("written_while_in_work", name=job.name, before=before.st_size, after=after.st_size))
