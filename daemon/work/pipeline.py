"""Takes one photo from its file to its outcome: the only loop over recipes."""

import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from daemon.errors import (
    BadPhoto,
    EngineAway,
    EngineFull,
    EngineMisconfigured,
    RecipeRefused,
    Said,
    said_of,
    said_together,
)
from daemon.hotfolder.effects import Effect
from daemon.hotfolder.runtime import Runtime
from daemon.jobs import ATTEMPTS_PER_PAGE, TOUCH_UP, Attempt, Job, Outcome, Recipe, attempt_numbered
from daemon.judgement.best_of_pages import best_of_page
from daemon.judgement.ladder import asked_models, strategy_for
from daemon.judgement.strategy import Strategy
from daemon.logs import log
from daemon.observe.meter import Meter
from daemon.pictures.values import Page
from daemon.renditions.wanted import Rendition
from daemon.settings import Settings
from daemon.settings.pixel_settings import PixelSettings
from daemon.work.engine_questions import EngineQuestions
from daemon.work.memory_budget import MemoryBudget
from daemon.work.photo_worker import PhotoWorker, PhotoWorkers
from daemon.work.rendition_need import need_with_renditions
from daemon.work.task import PhotoTask
from daemon.work.witness_desk import Hearing, WitnessDesk


class AttemptRecorder(Protocol):
    """Where attempts are written down: the journal, or nowhere."""

    def record_attempts(self, job: Job, attempts: Sequence[Attempt]) -> None:
        """Keep what came of recipes."""


class AlphaHolder(Protocol):
    """Holds the raw alphas of a page, e.g. a `PhotoWorker`."""

    page: Page

    def add_kept(self, number: int, recipe: Recipe, png: bytes, base: Attempt | None) -> bool:
        """Keep the raw alpha of an attempt, in a PNG. base: the best attempt so far; it fills what a zoom did not see.

        Returns False if it cannot be read.
        """


class Pipeline:
    """The way from photo to outcome. Many threads may use it at once, each for a photo of its own."""

    def __init__(
        self,
        questions: EngineQuestions,
        *,
        recorder: AttemptRecorder,
        meter: Meter,
        budget: MemoryBudget,
        workers: PhotoWorkers,
        witnesses: WitnessDesk,
        runtime: Runtime,
    ) -> None:
        self._questions = questions
        self._workers = workers
        self._witnesses = witnesses
        self._recorder = recorder
        self._meter = meter
        self._budget = budget
        self._runtime = runtime
        self.dead: Mapping[str, Sequence[str]] = {}
        """By model, the parameters that recipes leave out, because an audit found that they change nothing."""
        self._passed_over: set[str] = set()  # models that no server could run the last time

    def strategy(self, settings: Settings) -> Strategy:
        """The strategy of a photo with these settings. Raises BadSettings if the engine has no model of the ladder."""
        return strategy_for(settings, self._questions.models, self.dead)

    def work_on(self, path: Path, task: PhotoTask) -> AbstractContextManager[PhotoWorker]:
        """A worker for this file."""
        return self._workers.work_on(path, PixelSettings.of(task.settings, task.corrections))

    @contextmanager
    def opened(self, worker: PhotoWorker, page: Page, renditions: Sequence[Rendition] = ()) -> Iterator[PhotoWorker]:
        """Let a worker decode a page and make its small picture, as soon as memory has room for it. Raises BadPhoto.

        renditions: that may be made of it, which take memory, too.
        """
        need = need_with_renditions(worker.memory_need(page), renditions)
        with self._budget.held(need, self._runtime.stopping):
            worker.decode(page)
            yield worker

    def cut_out(self, task: PhotoTask, photo: PhotoWorker) -> Outcome:
        """Try one photo as often as it deserves, and record every attempt but those since the last question.

        Whoever decides for the outcome of a file of one page records those with it: the alphas are kept, so a crash
        before that costs no question. Those of a file of several pages are recorded here.

        A model that no server can run is passed over, and no attempt is recorded of it: the photo may wait for it.
        Raises BadPhoto if no recipe gave a result, and what the engine raises if it cannot answer now.
        """
        asked = asked_models(task.settings, self._questions.models)
        with self._witnesses.beside(photo, task.settings, asked) as hearing:
            return self._cut_out(task, photo, hearing)

    def _cut_out(self, task: PhotoTask, photo: PhotoWorker, hearing: Hearing) -> Outcome:
        strategy, job = self.strategy(task.settings), _without_touch_ups(task.job)
        attempts = self.restore(task, photo)
        lacking: dict[str, EngineMisconfigured] = {}  # by model
        while recipe := strategy.next_recipe(attempts, job.tried_before):
            self._record(job, attempts)
            if self._runtime.stopping():
                raise EngineAway(Said("stopping"))
            try:
                attempt = self._attempt(job, photo, recipe, strategy.best(attempts), len(attempts) + 1, hearing)
            except EngineMisconfigured as error:
                lacking[recipe.model] = error
                strategy = strategy.without(recipe.model)
                job = replace(job, fresh=False)  # the next model is asked with the same ticket
                continue
            self._passed_over.discard(recipe.model)
            if attempt.verdict is not None and attempts:
                attempts = photo.judge_again(attempts)
            attempts.append(attempt)
        best = strategy.best(attempts)
        if best is None or photo.page.of > 1:
            self._record(job, attempts)
        if best is None and lacking:
            raise next(iter(lacking.values()))  # nothing goes on without them, so nobody says so
        if best is None:
            raise BadPhoto(_nothing_came(task.job, attempts))
        for model, lack in lacking.items():
            self._alert(model, lack)
        return Outcome(tuple(attempts), best)

    def decided(self, task: PhotoTask, photo: PhotoWorker) -> Outcome:
        """The outcome that an earlier run decided on. If its alphas are lost, asks again, with the same tickets."""
        attempts = self.restore(task, photo)
        wanted = best_of_page(task.job, photo.page.number)
        best = attempt_numbered(attempts, wanted.number if photo.page.of > 1 and wanted else task.job.best)
        if best is None or best.verdict is None:
            outcome = self.cut_out(task, photo)
            self._record(task.job, outcome.attempts)
            return outcome
        return Outcome(tuple(attempts), best)

    def restore(self, task: PhotoTask, photo: AlphaHolder) -> list[Attempt]:
        """Bring back the attempts that an earlier run paid for, up to the first one whose alpha is lost."""
        strategy = self.strategy(task.settings)
        kept: list[Attempt] = []
        for attempt in task.job.attempts:
            if attempt.page != photo.page.number:
                continue
            if attempt.verdict is not None:
                png = self._questions.kept(task.job, attempt.number, attempt.recipe)
                if png is None or not photo.add_kept(attempt.number, attempt.recipe, png, strategy.best(kept)):
                    break  # from here on everything is asked again, with the same tickets
            kept.append(attempt)
        return kept

    def _record(self, job: Job, attempts: Sequence[Attempt]) -> None:
        if attempts:
            self._runtime.tick(Effect.RECORD_ATTEMPT)
            self._recorder.record_attempts(job, attempts)

    def _alert(self, model: str, error: EngineMisconfigured) -> None:
        """Log that a model is passed over: once, until it has answered again."""
        if model not in self._passed_over:
            self._passed_over.add(model)
            log.log("model_passed_over", f"Photos go on without {model}: {error}", level=logging.ERROR, model=model)

    def _attempt(
        self, job: Job, photo: PhotoWorker, recipe: Recipe, best: Attempt | None, count: int, hearing: Hearing
    ) -> Attempt:
        """Try one recipe. best: the best attempt so far. count: from 1, within the page. hearing: of the page."""
        attempt = Attempt((photo.page.number - 1) * ATTEMPTS_PER_PAGE + count, recipe)
        attempt = replace(attempt, resolved=self._questions.detail_of(recipe))
        began = time.perf_counter()
        hearing.ask()
        try:
            server = self._questions.ask(job, photo, attempt, best)
        except (RecipeRefused, EngineFull) as error:
            self._meter.attempt(recipe.model, None, error.reason)
            seconds = time.perf_counter() - began
            return replace(attempt, seconds=seconds, error=said_of(error), error_reason=error.reason)
        hearing.tell()
        attempt = photo.judge(attempt)
        self._meter.attempt(recipe.model, attempt.verdict.score if attempt.verdict else None, None)
        return replace(attempt, server=server, seconds=time.perf_counter() - began)


def _without_touch_ups(job: Job) -> Job:
    """The job without the attempts that people made by hand: they say nothing of what an engine may find."""
    return replace(job, tried_before=tuple(each for each in job.tried_before if each.recipe.model != TOUCH_UP))


def _nothing_came(job: Job, attempts: Sequence[Attempt]) -> Said:
    errors = [Said("of_recipe", recipe=each.recipe, detail=each.error or "") for each in attempts]
    detail = said_together(errors, "list") if errors else Said("none_left")
    return Said("no_model_worked", name=Path(job.name).name, detail=detail)
