"""Gets the raw alpha of an attempt: the one that was kept, or the engine's answer, which is kept at once."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

from daemon.engines.contract import Answer, EncodedAnswer, Engine, KnowsDetail, ReadAlpha, TakesEncoded
from daemon.errors import EngineAway, EngineMisconfigured, FreistellerError
from daemon.hotfolder.effects import Effect
from daemon.hotfolder.runtime import Runtime
from daemon.jobs import Attempt, Job, Recipe
from daemon.journal.alphas import Alphas
from daemon.observe.meter import Meter
from daemon.work.photo_worker import PhotoWorker

if TYPE_CHECKING:
    from daemon.journal.work_times import WorkTimes  # it knows the journal, which `process` has not


class EngineQuestions:
    """Asks one engine. Many threads may use it at once, each for a photo of its own."""

    def __init__(
        self, engine: Engine, alphas: Alphas, meter: Meter, runtime: Runtime, work_times: "WorkTimes | None" = None
    ) -> None:
        """work_times: is told how long photos waited for engines that were away; None = nobody keeps that."""
        self._engine = engine
        self._alphas = alphas
        self._meter = meter
        self._runtime = runtime
        self._work_times = work_times

    @property
    def models(self) -> Sequence[str]:
        """The models that a recipe may name."""
        return self._engine.models

    def kept(self, job: Job, number: int, recipe: Recipe) -> bytes | None:
        """The raw alpha of an attempt as it was kept, a PNG; None if there is none."""
        return self._alphas.png_of(job, number, recipe)

    def detail_of(self, recipe: Recipe) -> int:
        """How many pixels of its view's longer side the model of a recipe resolves; 0 if nobody knows."""
        return self._engine.detail_of(recipe) if isinstance(self._engine, KnowsDetail) else 0

    def ask(self, job: Job, photo: PhotoWorker, attempt: Attempt, base: Attempt | None) -> str:
        """Let the worker have the raw alpha of an attempt, kept or asked for. Returns which server gave it.

        base: as for `PhotoWorker.add`. Raises what the engine raises, and what the worker does.
        """
        number, recipe = attempt.number, attempt.recipe
        png = self.kept(job, number, recipe)
        if png is not None and photo.add_kept(number, recipe, png, base):
            return "kept"
        ticket, engine = job.ticket(number), self._engine
        if isinstance(engine, TakesEncoded):
            read = partial(_read, partial(photo.read_answer, number, recipe, base))
            sent = photo.encoded_proxy(recipe.view)
            self._runtime.tick(Effect.ASK_ENGINE)
            try:
                with self._without_outage(job):
                    encoded = engine.cut_encoded(ticket, sent, recipe, read, new=job.fresh)
            except _NotRead as fault:
                raise fault.error from fault.error.__cause__
            self._count(encoded)
            self._runtime.tick(Effect.KEEP_ALPHA)
            self._alphas.keep_png(job, number, recipe, encoded.alpha)
            return encoded.server
        proxy = photo.proxy(recipe.view)
        self._runtime.tick(Effect.ASK_ENGINE)
        with self._without_outage(job):
            answer = engine.cut(ticket, proxy, recipe, new=job.fresh)
        self._count(answer)
        self._runtime.tick(Effect.KEEP_ALPHA)
        photo.add(number, recipe, self._alphas.keep(job, number, recipe, answer.alpha), base)
        return answer.server

    @contextmanager
    def _without_outage(self, job: Job) -> Iterator[None]:
        """Keep the time of a question out of the work on a job if no engine could answer it.

        What a stop of the daemon breaks off is work all the same: the server goes on with it.
        """
        times = self._work_times
        before = times.unwritten(job.id) if times else 0.0
        try:
            yield
        except (EngineAway, EngineMisconfigured):
            if times and not self._runtime.stopping():
                times.leave_out(job.id, times.unwritten(job.id) - before)
            raise

    def _count(self, answer: Answer | EncodedAnswer[bytes]) -> None:
        """Measure what an engine did."""
        for stage, seconds in answer.stages.items():
            self._runtime.stages.add(stage, seconds, answer.cpu_seconds.get(stage, 0.0), in_this_thread=True)
        self._meter.engine_busy(answer.server, answer.stages.get("infer", 0.0))


class _NotRead(Exception):
    """The worker that was to read an answer is lost, or may not go on: no engine is to blame, so none sees why."""

    def __init__(self, error: FreistellerError) -> None:
        super().__init__(str(error))
        self.error = error


def _read(read: ReadAlpha[bytes], png: bytes, channel: int, size: tuple[int, int]) -> bytes:
    try:
        return read(png, channel, size)
    except FreistellerError as error:
        raise _NotRead(error) from error
