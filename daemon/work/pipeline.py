"""One job from photo to outcome: the only loop over recipes."""

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Protocol

import numpy as np

from daemon.arrays import Alpha, Rgb
from daemon.engines.contract import Answer, Engine
from daemon.errors import BadPhoto, EngineAway, EngineFull, RecipeRefused
from daemon.hotfolder.effects import Effect, Tick
from daemon.jobs import ATTEMPTS_PER_PAGE, Attempt, Finish, Job, Outcome, Recipe, View
from daemon.journal.alphas import Alphas
from daemon.judgement import finish, finish_search, grading, views
from daemon.judgement.strategy import Strategy
from daemon.observe.meter import Meter
from daemon.pictures import proxy
from daemon.pictures.reading import Photo, extent, open_photo, pages_of
from daemon.pictures.values import ONLY_PAGE, Page
from daemon.settings import PagesSetting
from daemon.work.memory_budget import BYTES_PER_PIXEL, MemoryBudget

MOST_FRAME_PIXELS = 2048  # longest side of an alpha put together from a zoom; more than any model resolves


class Notebook(Protocol):
    """Where attempts are written down."""

    def record_attempt(self, job: Job, attempt: Attempt) -> None:
        """Keep what came of a recipe."""


@dataclass(frozen=True, slots=True)
class PhotoInWork:
    """What lies ready while one photo is worked on: the photo, its small picture, and the alphas so far.

    small: the whole photo as the judgement sees it. whole: raw alphas by attempt number, in the whole photo's frame.
    finished: those that were judged just now, with their finish.
    """

    photo: Photo
    small: Rgb
    page: Page = ONLY_PAGE
    whole: dict[int, Alpha] = field(default_factory=dict)
    finished: dict[int, Alpha] = field(default_factory=dict)

    def others(self, number: int) -> Mapping[int, Alpha]:
        """The alphas of the attempts before `number`."""
        return {earlier: alpha for earlier, alpha in self.whole.items() if earlier < number}


class Pipeline:
    """The way from photo to outcome; safe to run for many jobs at once."""

    def __init__(
        self,
        *,
        engine: Engine,
        strategy: Strategy,
        thresholds: grading.Thresholds,
        alphas: Alphas,
        notebook: Notebook,
        meter: Meter,
        budget: MemoryBudget,
        proxy_pixels: int,
        max_megapixels: float,
        search_finishes: bool,
        pages: PagesSetting,
        tick: Tick,
        stopping: Callable[[], bool],
    ) -> None:
        self._engine = engine
        self._strategy = strategy
        self._thresholds = thresholds
        self._alphas = alphas
        self._notebook = notebook
        self._meter = meter
        self._budget = budget
        self._proxy_pixels = proxy_pixels
        self._max_megapixels = max_megapixels
        self._search_finishes = search_finishes
        self._pages = pages
        self._tick = tick
        self._stopping = stopping

    def pages(self, path: Path) -> tuple[Page, ...]:
        """The pictures of a file that are to be cut out. Raises BadPhoto."""
        found = pages_of(path)
        if self._pages == "first":
            return (Page(found[0], left_out=len(found) - 1),)
        return tuple(Page(index, number, len(found)) for number, index in enumerate(found, 1))

    @contextmanager
    def opened(self, path: Path, page: Page = ONLY_PAGE) -> Iterator[PhotoInWork]:
        """Decode a photo and make its small picture, once there is room for it in memory. Raises BadPhoto."""
        pixels, bits = extent(path, self._max_megapixels, page.index)
        with self._budget.held(pixels * BYTES_PER_PIXEL[bits]):
            with self.timed("read"):
                photo = open_photo(path, self._max_megapixels, page.index)
            if page.left_out:
                remark = f"only the first of its {page.left_out + 1} pages was cut out"
                photo = replace(photo, remarks=(*photo.remarks, remark))
            if photo.own_alpha is not None and not photo.own_alpha.any():
                raise BadPhoto(f"{path.name} is transparent everywhere; there is nothing in it to cut out.")
            with self.timed("proxy"):
                small = proxy.make_proxy(photo, View(), self._proxy_pixels)
            yield PhotoInWork(photo, small, page)

    def cut_out(self, job: Job, bench: PhotoInWork) -> Outcome:
        """Try one photo as often as it deserves, and keep every attempt.

        Raises BadPhoto where no recipe gave anything, and what the engine raises when it cannot answer now.
        """
        attempts = list(self.restored(job, bench))
        while recipe := self._strategy.next_recipe(attempts, job.tried_before):
            if self._stopping():
                raise EngineAway("Freisteller is stopping; the photo goes on at the next start.")
            attempt = self._attempt(job, bench, recipe, attempts)
            attempts = [*self._judged_anew(bench, attempts, attempt), attempt]
            for known in attempts:
                self._tick(Effect.NOTE_ATTEMPT)
                self._notebook.record_attempt(job, known)
        best = self._strategy.best(attempts)
        if best is None:
            errors = "; ".join(f"{attempt.recipe}: {attempt.error}" for attempt in attempts)
            raise BadPhoto(f"No recipe gave a result for {Path(job.name).name} ({errors or 'none was left to try'}).")
        return Outcome(tuple(attempts), best)

    def best(self, attempts: Sequence[Attempt]) -> Attempt | None:
        """The attempt that wins; None where none was judged."""
        return self._strategy.best(attempts)

    def restored(self, job: Job, bench: PhotoInWork) -> Sequence[Attempt]:
        """The attempts that an earlier run already paid for, as far as their alphas are still there."""
        kept: list[Attempt] = []
        for attempt in job.attempts:
            if attempt.page != bench.page.number:
                continue
            if attempt.verdict is not None:
                alpha = self._alphas.find(job, attempt.number, attempt.recipe)
                if alpha is None:
                    break  # from here on it is all asked again, with the same tickets
                bench.whole[attempt.number] = self._in_frame(bench, alpha, attempt.recipe, kept)
            kept.append(attempt)
        return kept

    def finished_alpha(self, bench: PhotoInWork, best: Attempt) -> Alpha:
        """The best attempt's alpha with its finish, in the whole photo's frame, not yet at full size."""
        if best.number in bench.finished:
            return bench.finished[best.number]
        return finish.apply_finish(bench.small, bench.whole[best.number], best.finish, bench.others(best.number))

    def _attempt(self, job: Job, bench: PhotoInWork, recipe: Recipe, earlier: Sequence[Attempt]) -> Attempt:
        number = (bench.page.number - 1) * ATTEMPTS_PER_PAGE + len(earlier) + 1
        began = time.perf_counter()
        noted = Attempt(number, recipe)
        try:
            answer = self._asked(job, bench, recipe, number)
        except (RecipeRefused, EngineFull) as error:
            self._meter.attempt(recipe.model, None, error.reason)
            seconds = time.perf_counter() - began
            return replace(noted, seconds=seconds, error=str(error), error_reason=error.reason)
        bench.whole[number] = self._in_frame(bench, answer.alpha, recipe, earlier)
        with self.timed("judge"):
            found = self._judged(bench, number)
        bench.finished[number] = found.alpha
        self._meter.attempt(recipe.model, found.verdict.score, None)
        return replace(
            noted,
            server=answer.server,
            seconds=time.perf_counter() - began,
            finish=found.finish,
            verdict=found.verdict,
            subject=views.subject_of(found.alpha),
        )

    def _asked(self, job: Job, bench: PhotoInWork, recipe: Recipe, number: int) -> Answer:
        kept = self._alphas.find(job, number, recipe)
        if kept is not None:
            return Answer(kept, "kept")
        with self.timed("proxy"):
            seen = self._seen(bench, recipe.view)
        self._tick(Effect.ASK_ENGINE)
        answer = self._engine.cut(job.ticket(number), seen, recipe, new=job.fresh)
        for stage, seconds in answer.stages.items():
            self._meter.stage(stage, seconds)
        self._meter.engine_busy(answer.server, answer.stages.get("infer", 0.0))
        self._tick(Effect.KEEP_ALPHA)
        return replace(answer, alpha=self._alphas.keep(job, number, recipe, answer.alpha))

    def _seen(self, bench: PhotoInWork, view: View) -> Rgb:
        if view.whole:
            return np.ascontiguousarray(bench.small[:, ::-1]) if view.mirrored else bench.small
        return proxy.make_proxy(bench.photo, view, self._proxy_pixels)

    def _in_frame(self, bench: PhotoInWork, alpha: Alpha, recipe: Recipe, earlier: Sequence[Attempt]) -> Alpha:
        """The engine's answer in the whole photo's frame; what a zoom did not see comes from the best so far."""
        view = recipe.view
        if view == View():
            return alpha
        height, width = bench.small.shape[:2]
        if view.whole:
            return views.place(alpha, view, (height, width), None)
        before = self._strategy.best([attempt for attempt in earlier if attempt.number in bench.whole])
        base = bench.whole[before.number] if before else None
        grow = max(1.0, alpha.shape[1] / (max(view.right - view.left, 1e-6) * width))
        grow = min(grow, MOST_FRAME_PIXELS / max(height, width))
        frame = (max(1, round(height * grow)), max(1, round(width * grow)))
        return views.place(alpha, view, frame, base)

    def _judged(self, bench: PhotoInWork, number: int) -> finish_search.FinishedAlpha:
        raw, others = bench.whole[number], bench.others(number)
        if self._search_finishes:
            return finish_search.best_finish(bench.small, raw, self._thresholds, others)
        verdict = grading.judge(bench.small, raw, self._thresholds, tuple(others.values()))
        return finish_search.FinishedAlpha(Finish(), raw, verdict)

    def _judged_anew(self, bench: PhotoInWork, earlier: Sequence[Attempt], latest: Attempt) -> list[Attempt]:
        """The earlier attempts with the verdicts that they get now that the latest alpha is known too."""
        if latest.verdict is None:
            return list(earlier)
        with self.timed("judge"):
            return [self._with_verdict_now(bench, attempt) for attempt in earlier]

    def _with_verdict_now(self, bench: PhotoInWork, attempt: Attempt) -> Attempt:
        if attempt.verdict is None or attempt.number not in bench.whole:
            return attempt
        raw = bench.whole[attempt.number]
        others = {number: alpha for number, alpha in bench.whole.items() if number != attempt.number}
        found = finish_search.FinishedAlpha(attempt.finish, self.finished_alpha(bench, attempt), attempt.verdict)
        return replace(attempt, verdict=finish_search.verdict_now(bench.small, raw, found, self._thresholds, others))

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Count the time that a stage takes."""
        began = time.perf_counter()
        try:
            yield
        finally:
            self._meter.stage(stage, time.perf_counter() - began)
