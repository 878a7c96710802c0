"""Worker processes: real ones, which really die, hang and want too much."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest
import pyvips

from daemon.errors import BadPhoto, EngineAway, NotWholeYet, WorkerLost
from daemon.hotfolder.runtime import Runtime
from daemon.jobs import Attempt, Recipe, View
from daemon.observe.metrics import Metrics
from daemon.observe.stage_clock import StageClock
from daemon.pictures.values import ONLY_PAGE
from daemon.settings import Settings
from daemon.settings.current import CurrentSettings
from daemon.settings.pixel_settings import PixelSettings
from daemon.settings.running_sections import DispatchSettings
from daemon.work.memory_budget import MemoryBudget
from daemon.work.open_file import OpenFile
from daemon.work.photo_worker import PhotoWorker
from daemon.work.processes import Processes
from daemon.work.worker_process import WorkerProcess
from tests.doubles import by_colour
from tests.drawing import save_photo
from tests.observe.scrape import value

SETTINGS = Settings().model_copy(update={"dispatch": DispatchSettings(hang_seconds=20)})
PIXELS = PixelSettings.of(SETTINGS)
RECIPE = Recipe("scripted")


class Workshop:
    """Worker processes, and what they count."""

    def __init__(self) -> None:
        self.metrics = Metrics("0", [])
        self.settings = CurrentSettings(SETTINGS)
        self.budget = MemoryBudget(1 << 30)
        runtime = Runtime(stages=StageClock(self.metrics.stage))
        self.processes = Processes(self.budget, self.metrics, runtime, self.settings)
        self.others = set(multiprocessing.active_children())

    def children(self) -> set[int]:
        """The process ids of its workers."""
        return {child.pid for child in set(multiprocessing.active_children()) - self.others if child.pid}

    @property
    def lost(self) -> float:
        return value(self.metrics, "workers_lost_total")


@pytest.fixture
def shop() -> Iterator[Workshop]:
    shop = Workshop()
    yield shop
    shop.processes.close()


W = TypeVar("W", bound=PhotoWorker)


def opened(worker: W) -> W:
    worker.memory_need(ONLY_PAGE)
    worker.decode(ONLY_PAGE)
    return worker


def judged(worker: PhotoWorker) -> Attempt:
    proxy = worker.proxy(View())
    worker.add(1, RECIPE, by_colour(proxy), None)
    return worker.judge(Attempt(1, RECIPE))


def test_a_photo_is_cut_out_in_another_process_as_in_this_one(shop: Workshop, tmp_path: Path) -> None:
    path = save_photo(tmp_path / "a.png")
    here, results = OpenFile(path, PIXELS), []
    with shop.processes.work_on(path, PIXELS) as there:
        for place, worker in (("here", here), ("there", there)):
            attempt = judged(opened(worker))
            coverage = worker.compose(attempt)
            worker.write(tmp_path / f"{place}.png", "png", "job")
            again = worker.judge_again([attempt])
            results.append((worker.pages(), worker.seen(), attempt, coverage, again))
        assert shop.children()

    assert results[0] == results[1]
    assert (tmp_path / "here.png").read_bytes() == (tmp_path / "there.png").read_bytes()


def test_the_stages_of_another_process_come_with_its_answers(shop: Workshop, tmp_path: Path) -> None:
    path = save_photo(tmp_path / "a.png")
    with shop.processes.work_on(path, PIXELS) as worker:
        worker.compose(judged(opened(worker)))
        worker.write(tmp_path / "result.png", "png", "job")

    times = {"refine": 2}  # the alpha for its rim; then its use, which is cheap
    for stage in ("decode", "proxy", "search", "refine", "rim", "rims", "encode", "read_back"):
        assert value(shop.metrics, "stage_duration_seconds_count", stage=stage) == times.get(stage, 1)
        assert value(shop.metrics, "stage_cpu_seconds_total", stage=stage) > 0


def test_a_step_that_fails_in_another_process_counts_as_a_stage_too(shop: Workshop, tmp_path: Path) -> None:
    path = save_photo(tmp_path / "a.png")
    with shop.processes.work_on(path, PIXELS) as worker:
        path.write_bytes(path.read_bytes()[:200])
        with pytest.raises(BadPhoto):
            worker.decode(ONLY_PAGE)

    assert value(shop.metrics, "stage_duration_seconds_count", stage="decode") == 1


def test_one_process_works_on_one_file_after_the_other(shop: Workshop, tmp_path: Path) -> None:
    path = save_photo(tmp_path / "a.png")
    for _ in range(3):
        with shop.processes.work_on(path, PIXELS) as worker:
            opened(worker)

    assert len(shop.children()) == 1


def test_a_worker_that_is_killed_is_lost_and_the_next_file_has_another(shop: Workshop, tmp_path: Path) -> None:
    path = save_photo(tmp_path / "a.png")
    with shop.processes.work_on(path, PIXELS) as worker:
        opened(worker)
        (pid,) = shop.children()
        os.kill(pid, signal.SIGSEGV)
        with pytest.raises(WorkerLost, match=r"a\.png .*SIGSEGV"):
            worker.proxy(View())

    began = time.monotonic()
    with shop.processes.work_on(path, PIXELS) as worker:
        opened(worker)
        assert shop.children() != {pid}
    assert shop.lost == 1
    assert time.monotonic() - began < 60  # no wait of any kind; how fast it is stands in benchmarks/bulkheads.py


def test_a_worker_that_dies_while_it_is_idle_is_no_files_fault(shop: Workshop, tmp_path: Path) -> None:
    path = save_photo(tmp_path / "a.png")
    with shop.processes.work_on(path, PIXELS) as worker:
        opened(worker)
    (pid,) = shop.children()
    os.kill(pid, signal.SIGKILL)
    while Path(f"/proc/{pid}").exists():  # its last thread holds the channel open; until then it could get a photo
        time.sleep(0.01)

    with shop.processes.work_on(path, PIXELS) as worker:
        opened(worker)
    assert shop.lost == 0


def test_a_worker_that_hangs_is_ended(shop: Workshop, tmp_path: Path) -> None:
    path = save_photo(tmp_path / "a.png")
    with shop.processes.work_on(path, PIXELS) as worker:
        opened(worker)
        shop.settings.now = SETTINGS.model_copy(update={"dispatch": DispatchSettings(hang_seconds=0.2)})
        (pid,) = shop.children()
        os.kill(pid, signal.SIGSTOP)
        with pytest.raises(WorkerLost, match="hung"):
            worker.proxy(View())

    assert not Path(f"/proc/{pid}").exists()


def test_a_file_that_wants_much_more_memory_than_its_size_promises_loses_its_worker(
    shop: Workshop, tmp_path: Path
) -> None:
    path = tmp_path / "a.tif"
    image = pyvips.Image.black(20_000, 20_000, bands=3).copy(interpretation="srgb")
    image.tiffsave(str(path), compression="deflate", tile=True)
    # `memory_need` is left out: to the worker, the file is one that promised to be small.
    with shop.processes.work_on(path, PIXELS) as worker, pytest.raises(WorkerLost, match=r"a\.tif .* memory"):
        worker.decode(ONLY_PAGE)
    assert shop.lost == 1


def test_what_a_worker_raises_arrives_with_its_cause(shop: Workshop, tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"%PDF-1.7 is no photo")
    with shop.processes.work_on(tmp_path / "a.jpg", PIXELS) as worker, pytest.raises(BadPhoto, match=r"a\.jpg is not"):
        worker.pages()
    path = save_photo(tmp_path / "b.png")
    with shop.processes.work_on(path, PIXELS) as worker:
        judged_there = judged(opened(worker))
        worker.compose(judged_there)
        with pytest.raises(OSError, match="No such file") as raised:
            worker.write(tmp_path / "gone" / "b.png", "png", "job")
    assert any("Traceback" in note for note in raised.value.__notes__)
    assert shop.lost == 0


def test_files_are_proven_by_what_is_open(shop: Workshop, tmp_path: Path) -> None:
    path = save_photo(tmp_path / "a.png")
    half = tmp_path / "half.png"
    half.write_bytes(path.read_bytes()[:-2000])
    for file, trouble in ((path, None), (half, NotWholeYet)):
        descriptor = os.open(file, os.O_RDONLY)
        try:
            file.unlink()  # another file may have its name by now
            if trouble is None:
                shop.processes.prove(descriptor, "renamed.png", 500.0)
            else:
                with pytest.raises(trouble, match=r"^renamed\.png "):
                    shop.processes.prove(descriptor, "renamed.png", 500.0)
        finally:
            os.close(descriptor)


def test_a_file_that_was_proven_is_open_in_no_worker(
    shop: Workshop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A photo that was sent is open for writing, and nobody takes a file that another process has open so."""
    monkeypatch.setattr(WorkerProcess, "release", lambda _: None)  # it would come later by itself
    path = save_photo(tmp_path / "a.png")
    descriptor = os.open(path, os.O_RDWR)
    try:
        shop.processes.prove(descriptor, "a.png", 500.0)
    finally:
        os.close(descriptor)

    (pid,) = shop.children()
    assert str(path) not in [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()]


def test_a_file_that_is_held_whole_waits_for_memory_before_it_is_proven(shop: Workshop, tmp_path: Path) -> None:
    path = tmp_path / "a.webp"
    pyvips.Image.black(4000, 4000, bands=3).copy(interpretation="srgb").webpsave(str(path), Q=10, effort=0)
    descriptor, proven = os.open(path, os.O_RDONLY), threading.Event()

    def prove() -> None:
        shop.processes.prove(descriptor, "a.webp", 500.0)
        proven.set()

    with shop.budget.held(1 << 30):
        thread = threading.Thread(target=prove)
        thread.start()
        assert not proven.wait(1.0)
    assert proven.wait(60.0)
    thread.join()
    os.close(descriptor)


def test_closing_ends_all_work_and_no_photo_is_to_blame(shop: Workshop, tmp_path: Path) -> None:
    path = save_photo(tmp_path / "a.png")
    with shop.processes.work_on(path, PIXELS) as worker:
        opened(worker)
        (pid,) = shop.children()
        os.kill(pid, signal.SIGSTOP)  # it is in the middle of something
        threading.Timer(0.3, shop.processes.close).start()
        with pytest.raises(EngineAway, match="stopping"):
            worker.proxy(View())
    with pytest.raises(EngineAway), shop.processes.work_on(path, PIXELS) as worker:
        worker.pages()
    assert shop.lost == 0


def test_a_worker_knows_no_secret_and_none_of_our_open_files(shop: Workshop, tmp_path: Path) -> None:
    (tmp_path / "journal").write_bytes(b"ours")
    with (tmp_path / "journal").open("rb") as ours, shop.processes.work_on(save_photo(tmp_path / "a.png"), PIXELS) as w:
        opened(w)
        os.set_inheritable(ours.fileno(), True)
        (pid,) = shop.children()
        links = [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()]
    assert str(tmp_path / "journal") not in links
    assert not {"comfyui", "http", "notify"} & set(PixelSettings.__slots__)


def test_workers_die_with_the_daemon(tmp_path: Path) -> None:
    path = save_photo(tmp_path / "a.png")
    daemon = multiprocessing.get_context("spawn").Process(target=_open_and_wait, args=(path, tmp_path / "pids"))
    daemon.start()
    deadline = time.monotonic() + 240
    while not (tmp_path / "pids").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    (pid,) = map(int, (tmp_path / "pids").read_text().split())

    daemon.kill()
    daemon.join()

    while Path(f"/proc/{pid}").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not Path(f"/proc/{pid}").exists()


def _open_and_wait(path: Path, told: Path) -> None:
    """What a daemon does that is killed while a photo is open."""
    shop = Workshop()
    with shop.processes.work_on(path, PIXELS) as worker:
        opened(worker)
        scratch = told.with_suffix(".scratch")
        scratch.write_text(" ".join(map(str, shop.children())))
        scratch.rename(told)
        time.sleep(600)
