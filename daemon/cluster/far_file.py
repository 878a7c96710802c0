"""One photo that is cut out on another machine: sent there, and what came of it taken over."""

import logging
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from daemon.cluster.errand import Errand, KeptAlpha, Made, Returned, packed, unpacked
from daemon.cluster.known_worker import NoFitWorker, PhotoLost
from daemon.cluster.plain_settings import without_secrets
from daemon.cluster.pool import Pool
from daemon.cluster.worker_state import FarWorker
from daemon.disk.os_errors import translated
from daemon.errors import EngineAway, EngineMisconfigured, NoRoom, RootAway, Said, WorkerLost
from daemon.hotfolder.effects import Effect
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.runtime import Runtime
from daemon.jobs import Outcome
from daemon.journal.alphas import Alphas
from daemon.logs import log
from daemon.observe.meter import Meter
from daemon.publishing.reports import Cut
from daemon.publishing.staging import content_of
from daemon.work.file_in_work import FileInWork, OpensFiles
from daemon.work.pipeline import AttemptRecorder, Pipeline
from daemon.work.task import PhotoTask

if TYPE_CHECKING:
    from daemon.publishing.kept_pages import KeptPage

SHARE_SECONDS = 5.0  # within which a network file system shows what another machine wrote
_OF_THE_WORKER: Mapping[type[Exception], str] = {
    EngineAway: "engine_away",
    EngineMisconfigured: "engine_away",
    RootAway: "root_away",
}
"""Errors for which the photo is given to another worker, and why this one gets no photos for a while."""


@dataclass(frozen=True, slots=True)
class FarTools:
    """What far files need of the daemon. waited: is told how long a job waited for a place, which is no work."""

    pool: Pool
    folders: HotFolder
    alphas: Alphas
    recorder: AttemptRecorder
    meter: Meter
    runtime: Runtime
    pipeline: Pipeline
    waited: Callable[[str, float], None]


class FarFiles:
    """Opens files on the workers of a pool, and here as long as none is fit. It is an `OpensFiles`."""

    def __init__(self, tools: FarTools, here: OpensFiles, at_once_here: int) -> None:
        """here: opens files in this program, so many at once."""
        self._tools = tools
        self._here = here
        self._turns = threading.BoundedSemaphore(at_once_here)

    @contextmanager
    def open(self, task: PhotoTask, original: Path, *, decided: bool) -> Iterator[FileInWork]:
        """A file in work, elsewhere if it is still to be cut out and somebody may."""
        if not decided and self._tools.pool.has_fit(self._tools.runtime.stopping):
            file = FarFile(self._tools, task, original)
            try:
                file.try_elsewhere()
                yield file
                return
            except NoFitWorker:
                if self._tools.runtime.stopping():
                    raise EngineAway(Said("stopping")) from None
                log.share(worker=None)
                task = file.task
            finally:
                file.close()
        with self._turn(task, wanted=not decided), self._here.open(task, original, decided=decided) as near:
            yield near

    @contextmanager
    def _turn(self, task: PhotoTask, *, wanted: bool) -> Iterator[None]:
        """Wait until this machine has room for one more, as it would without a cluster."""
        began = time.monotonic()
        while wanted and not self._turns.acquire(timeout=0.5):
            if self._tools.runtime.stopping():
                raise EngineAway(Said("stopping"))
        try:
            if wanted:
                self._tools.waited(task.job.id, time.monotonic() - began)
            yield
        finally:
            if wanted:
                self._turns.release()


class FarFile:
    """A photo on its way to workers and back. It is a `FileInWork` once `try_elsewhere` has returned."""

    def __init__(self, tools: FarTools, task: PhotoTask, original: Path) -> None:
        self._tools = tools
        self.task = task
        """As the next one is to be told who works on it: an engine may know its tickets once it was sent."""
        self._original = original
        self._folder = tools.folders.jobs.tries_root / f"{task.job.id}-{uuid.uuid4().hex}"
        self._worker = ""
        self._paid_for: dict[int, KeptAlpha] = {}
        self.made: Made | None = None
        """What came back; None before."""

    @property
    def outcome(self) -> Outcome | None:
        """The outcome that stands for the file."""
        return self.made.outcome if self.made else None

    @property
    def not_done(self) -> Mapping[int, Said]:
        """Why pages were left out, by number."""
        return self.made.not_done if self.made else {}

    def try_elsewhere(self) -> None:
        """Send the photo to one worker after the other until one brings it to its end.

        Raises what the work on it raises, WorkerLost if it was alone on a worker that died, NoFitWorker if no other
        worker is left.
        """
        gave_back: set[str] = set()
        while self.made is None:
            try:
                place, returned = self._sent_once(gave_back)
            except PhotoLost as lost:
                self._tell_lost(lost)
                if lost.blamed:
                    raise WorkerLost(Said("far_worker_lost", name=self.task.job.name, worker=lost.worker)) from lost
                continue
            self._take_over(place, returned)
            if returned.error is not None:
                gave_back.add(place.address)

    def cut_out(self) -> Outcome:
        """The outcome; the attempts of its pages are recorded as if they had been made here."""
        assert self.made is not None
        for attempts in self.made.recorded:
            self._tools.runtime.tick(Effect.RECORD_ATTEMPT)
            self._tools.recorder.record_attempts(self.task.job, attempts)
        return self.made.outcome

    def restore(self, kept: "Mapping[int, KeptPage] | None" = None) -> Outcome:
        """As `cut_out`: a photo whose outcome was decided before is not sent elsewhere."""
        del kept
        return self.cut_out()

    def stage(self, folder: Path) -> tuple[Cut, ...]:
        """Move what the worker wrote into a job's staging folder. Raises NoRoom, RootAway."""
        assert self.made is not None
        cuts = self.made.cuts
        files = [tuple(self._staged(*file, folder) for file in cut.files) for cut in cuts]
        return tuple(replace(cut, files=made, machine=self._worker) for cut, made in zip(cuts, files, strict=True))

    def close(self) -> None:
        """Remove what is left of the tries: whoever still works on one finds its folder gone."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _sent_once(self, gave_back: set[str]) -> tuple[FarWorker, Returned]:
        tools, job = self._tools, self.task.job
        began = time.monotonic()
        with tools.pool.placed(job.id, gave_back, tools.runtime.stopping) as place:
            tools.waited(job.id, time.monotonic() - began)
            log.share(worker=place.name)
            tools.runtime.tick(Effect.MAKE_STAGING)
            with translated(f"The folder of a try at {job.name}"):
                self._folder.mkdir(parents=True, exist_ok=True)
            errand = packed(self._errand())
            self.task = replace(self.task, job=replace(self.task.job, fresh=False))
            return place, unpacked(tools.pool.send(place, job.id, f"job-{uuid.uuid4()}", errand))

    def _errand(self) -> Errand:
        folders, task = self._tools.folders, self.task
        kept = (
            (attempt.number, attempt.recipe, self._tools.alphas.png_of(task.job, attempt.number, attempt.recipe))
            for attempt in task.job.attempts
        )
        return Errand(
            replace(task, settings=without_secrets(task.settings)),
            folders.identity or "",
            str(self._original.relative_to(folders.root)),
            str(self._folder.relative_to(folders.root)),
            (*((number, recipe, png) for number, recipe, png in kept if png is not None), *self._paid_for.values()),
            self._tools.pipeline.dead,
        )

    def _take_over(self, place: FarWorker, returned: Returned) -> None:
        """Keep what a worker brought. Raises what no other worker can mend."""
        for number, recipe, png in returned.alphas:
            self._tools.runtime.tick(Effect.KEEP_ALPHA)
            self._tools.alphas.keep_png(self.task.job, number, recipe, png)
            self._paid_for[number] = number, recipe, png
        for name, values, labels in returned.told:
            getattr(self._tools.meter, name)(*values, **labels)
        self.made, self._worker = returned.made, returned.worker
        error = returned.error
        if error is None:
            self._tools.pool.count_done(place)
            return
        error.add_note(f"on the worker {returned.worker}:\n{returned.trace}")
        why = next((why for kind, why in _OF_THE_WORKER.items() if isinstance(error, kind)), "")
        if not why:
            self._tools.pool.count_done(place)
            raise error from returned.cause
        self._tools.pool.rest(place, why)
        text = f"The worker {place.name} gave {self.task.job.name} back: {error} It gets no photos for a while."
        log.log("far_worker_rests", text, level=logging.WARNING, worker=place.name, why=why)

    def _tell_lost(self, lost: PhotoLost) -> None:
        job = self.task.job
        text = f"{job.name}: the worker {lost.worker} was lost with it: {lost}. It goes on elsewhere."
        log.log("far_worker_lost", text, level=logging.WARNING, job=job.id, name=job.name, worker=lost.worker)

    def _staged(self, place: Path, suffix: str, folder: Path) -> tuple[Path, str]:
        """Move one file that a worker wrote, once it is seen here as it was there."""
        assert self.made is not None
        source, target = self._tools.folders.root / place, folder / place.name
        self._tools.runtime.tick(Effect.KEEP_RESULT)
        with translated(f"What a worker wrote for {self.task.job.name}"):
            _wait_until_seen(source)
            source.replace(target)
        if content_of(target).hex() != self.made.sums[str(place)]:
            target.unlink()
            raise NoRoom(Said("far_file_differs", name=self.task.job.name))
        return target, suffix


def _wait_until_seen(path: Path) -> None:
    until = time.monotonic() + SHARE_SECONDS
    while not path.exists() and time.monotonic() < until:
        time.sleep(0.1)
