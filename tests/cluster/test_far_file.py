"""A photo that is sent away comes back whole, or with the error that it met; what was paid for is never lost."""

import logging
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from daemon.cluster.errand import Errand, Returned, packed, unpacked_errand
from daemon.cluster.far_file import FarFile, FarFiles, FarTools
from daemon.cluster.known_worker import NoFitWorker, PhotoLost
from daemon.cluster.worker_state import FarWorker
from daemon.errors import BadPhoto, EngineAway, RootAway, Said, WorkerLost
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.runtime import Runtime
from daemon.jobs import Attempt, Job, Recipe
from daemon.journal.alphas import Alphas
from daemon.logs import log
from daemon.settings import Settings
from daemon.work.task import PhotoTask

ONE, TWO = FarWorker("one", "tcp://one", "h", 1), FarWorker("two", "tcp://two", "h", 1)
RECIPE = Recipe("RMBG-2.0")
Answer = Returned | PhotoLost


class Workers:
    """A pool whose answers a test decides on, in their order."""

    def __init__(self, *answers: Answer) -> None:
        self._answers = list(answers)
        self.errands: list[Errand] = []
        self.avoided: list[set[str]] = []
        self.rested: list[tuple[str, str]] = []
        self.done: list[str] = []

    def has_fit(self, stopping: Callable[[], bool]) -> bool:
        return True

    @contextmanager
    def placed(self, job_id: str, avoid: Collection[str], stopping: Callable[[], bool]) -> Iterator[FarWorker]:
        left = [worker for worker in (ONE, TWO) if worker.address not in avoid]
        if not left:
            raise NoFitWorker
        self.avoided.append(set(avoid))
        yield left[0]

    def send(self, place: FarWorker, job_id: str, key: str, content: bytes) -> bytes:
        self.errands.append(unpacked_errand(content))
        answer = self._answers.pop(0)
        if isinstance(answer, PhotoLost):
            raise answer
        return packed(answer)

    def count_done(self, place: FarWorker) -> None:
        self.done.append(place.name)

    def rest(self, place: FarWorker, why: str) -> None:
        self.rested.append((place.name, why))


class Told:
    """A meter that notes what it is told."""

    def __init__(self) -> None:
        self.attempts: list[tuple[Any, ...]] = []

    def attempt(self, *values: Any) -> None:
        self.attempts.append(values)


@pytest.fixture
def folders(tmp_path: Path) -> HotFolder:
    folders = HotFolder(tmp_path / "hot")
    folders.prepare(None)
    return folders


def far(workers: Workers, folders: HotFolder, tmp_path: Path, meter: Told | None = None) -> FarFile:
    job = Job("20261201-000000-aaaaaaaa", "a.jpg", attempts=(Attempt(1, RECIPE),), fresh=True)
    alphas = Alphas(tmp_path / "alphas")
    dead = SimpleNamespace(dead={})
    tools = FarTools(workers, folders, alphas, None, meter or Told(), Runtime(), dead, lambda *_: None)  # type: ignore[arg-type]
    return FarFile(tools, PhotoTask(job, Settings()), folders.root / "a.jpg")


def test_a_photo_that_was_alone_on_a_worker_that_died_has_had_a_try(folders: HotFolder, tmp_path: Path) -> None:
    file = far(Workers(PhotoLost("one", "it is gone", blamed=True)), folders, tmp_path)

    with pytest.raises(WorkerLost, match="the worker one was lost while it had only this photo"):
        file.try_elsewhere()
    file.close()

    assert list(folders.jobs.tries_root.iterdir()) == []


def test_a_photo_that_was_lost_with_others_is_sent_again(folders: HotFolder, tmp_path: Path) -> None:
    workers = Workers(
        PhotoLost("one", "it is gone", blamed=False),
        Returned("one", error=BadPhoto(Said("nothing_left", name="a.jpg"))),
    )

    with pytest.raises(BadPhoto):
        far(workers, folders, tmp_path).try_elsewhere()

    assert [errand.task.job.fresh for errand in workers.errands] == [True, False], (
        "an engine may know its tickets by now"
    )


@pytest.mark.parametrize(
    ("error", "why"),
    [(EngineAway(Said("stopping")), "engine_away"), (RootAway(Said("stopping")), "root_away")],
)
def test_what_one_worker_lacks_another_may_have(folders: HotFolder, tmp_path: Path, error: Exception, why: str) -> None:
    png = b"the alpha of attempt 2"
    workers = Workers(
        Returned("one", error=error, alphas=((2, RECIPE, png),), told=(("attempt", ("RMBG-2.0", 0.9, None), {}),)),
        Returned("two", error=BadPhoto(Said("nothing_left", name="a.jpg"))),
    )
    meter = Told()

    with pytest.raises(BadPhoto):
        far(workers, folders, tmp_path, meter).try_elsewhere()

    assert workers.avoided == [set(), {"tcp://one"}]
    assert workers.rested == [("one", why)]
    assert workers.done == ["two"], "who gave it back has not done it"
    assert (2, RECIPE, png) in workers.errands[1].alphas, "what an engine was asked for is not asked for again"
    assert meter.attempts == [("RMBG-2.0", 0.9, None)]


def test_a_photo_that_no_worker_can_do_now_is_done_here(folders: HotFolder, tmp_path: Path) -> None:
    away = [Returned(name, error=EngineAway(Said("stopping"))) for name in ("one", "two")]

    file = far(Workers(*away), folders, tmp_path)

    with pytest.raises(NoFitWorker):
        file.try_elsewhere()

    assert not file.task.job.fresh


def test_an_error_keeps_its_cause_and_says_where_it_was_met(folders: HotFolder, tmp_path: Path) -> None:
    cause = OSError(28, "No space left on device")
    workers = Workers(
        Returned("one", error=BadPhoto(Said("nothing_left", name="a.jpg")), cause=cause, trace="at line 7")
    )

    with pytest.raises(BadPhoto) as met:
        far(workers, folders, tmp_path).try_elsewhere()

    assert isinstance(met.value.__cause__, OSError)
    assert met.value.__notes__ == ["on the worker one:\nat line 7"]


@pytest.fixture
def told(caplog: pytest.LogCaptureFixture) -> Callable[[], list[tuple[str, str | None]]]:
    """The action of each line, and the worker that it names."""
    caplog.set_level(logging.INFO, log.LOGGER)
    return lambda: [(vars(each)["action"], vars(each)["fields"].get("worker")) for each in caplog.records]


def test_lines_about_a_photo_name_the_worker_that_has_it_also_once_it_failed(
    folders: HotFolder, tmp_path: Path, told: Callable[[], list[tuple[str, str | None]]]
) -> None:
    workers = Workers(
        Returned("one", error=EngineAway(Said("stopping"))),
        Returned("two", error=BadPhoto(Said("nothing_left", name="a.jpg"))),
    )

    with log.lines_of_one_work():
        with pytest.raises(BadPhoto):
            far(workers, folders, tmp_path).try_elsewhere()
        log.log("job_failed", "a.jpg failed")
    log.log("other", "another photo")

    assert told() == [
        ("far_worker_rests", "one"),
        ("job_failed", "two"),
        ("other", None),
    ]


def test_lines_about_a_photo_that_is_done_here_after_all_name_no_worker(
    folders: HotFolder, tmp_path: Path, told: Callable[[], list[tuple[str, str | None]]]
) -> None:
    class Here:
        @contextmanager
        def open(self, task: PhotoTask, original: Path, *, decided: bool) -> Iterator[None]:
            log.log("job_done", "a.jpg is done")
            yield

    workers = Workers(*(Returned(name, error=EngineAway(Said("stopping"))) for name in ("one", "two")))
    file = far(workers, folders, tmp_path)
    files = FarFiles(file._tools, Here(), 1)  # type: ignore[arg-type]

    with log.lines_of_one_work(), files.open(file.task, folders.root / "a.jpg", decided=False):
        pass

    assert told()[-1] == ("job_done", None)
