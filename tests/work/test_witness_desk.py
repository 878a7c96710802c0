"""A witness beside the engine: a real process, which really dies and hangs. No photo depends on it."""

import contextlib
import logging
import multiprocessing
import os
import signal
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from daemon.arrays import Rgb
from daemon.engines.onnx import present_model
from daemon.engines.onnx.onnx_engine import OnnxEngine
from daemon.jobs import Recipe, View
from daemon.observe.metrics import Metrics
from daemon.observe.stage_clock import StageClock
from daemon.pictures import codec
from daemon.pictures.values import Samples
from daemon.settings import Settings, load
from daemon.work import witness_desk
from daemon.work.witness_desk import WitnessDesk, rest_after
from daemon.work.worker_process import WorkerProcess
from tests.drawing import drawn_photo
from tests.engines.drawn_network import drawn_network, drawn_table
from tests.observe.scrape import value

PATIENCE_SECONDS = 120.0


def settings_with(folder: Path, witness: str = "own", **engine: object) -> Settings:
    """Settings whose weights folder has one drawn network, called "own": the subject is what is red."""
    (folder / "own.onnx").write_bytes(drawn_network())
    (folder / "own.toml").write_text(drawn_table(8))
    local = {"weights_dir": str(folder)}
    return load(flags={"engine": {"local": local, **engine}, "judgement": {"witness": witness}})


@dataclass
class Page:
    """A photo's worker that only knows its small picture, and keeps what it hears."""

    picture: Rgb = field(default_factory=lambda: drawn_photo(120, 90))
    heard: list[tuple[str, Samples]] = field(default_factory=list)
    shown: int = 0

    def proxy(self, view: View) -> Rgb:
        assert view == View()
        self.shown += 1
        return self.picture

    def hear(self, model: str, steps: Samples) -> None:
        self.heard.append((model, steps))


class Court:
    """A desk, and what it counts."""

    def __init__(self, longest: float = PATIENCE_SECONDS) -> None:
        self.metrics = Metrics("0", [])
        self.others = set(multiprocessing.active_children())
        self.desk = WitnessDesk(1, self.metrics, StageClock(self.metrics.stage), lambda: False, longest)

    def hears(self, settings: Settings, page: Page | None = None, asked: tuple[str, ...] = ("RMBG-2.0",)) -> Page:
        page = page or Page()
        with self.desk.beside(page, settings, asked) as hearing:  # type: ignore[arg-type]
            hearing.ask()
            hearing.tell()
        return page

    def processes(self) -> set[int]:
        return {child.pid for child in set(multiprocessing.active_children()) - self.others if child.pid}

    def count(self, result: str) -> float:
        return value(self.metrics, "witnesses_total", result=result)


@pytest.fixture
def court() -> Iterator[Court]:
    court = Court()
    yield court
    court.desk.close()


def lines(caplog: pytest.LogCaptureFixture, action: str) -> list[str]:
    return [record.getMessage() for record in caplog.records if getattr(record, "action", "") == action]


def wait_until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not happened():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_page_hears_what_the_engine_would_answer_for_that_model(court: Court, tmp_path: Path) -> None:
    settings = settings_with(tmp_path)
    engine = OnnxEngine(settings.engine.local, 1, print)

    ((model, steps),) = (page := court.hears(settings)).heard

    answer = engine.cut(uuid.uuid4(), page.picture, Recipe("own")).alpha
    assert model == "own"
    assert np.array_equal(steps, codec.steps_of(answer))
    assert steps.max() > steps.min() + 50
    assert court.count("heard") == 1
    assert value(court.metrics, "stage_cpu_seconds_total", stage="witness") > 0


def test_a_page_is_shown_and_heard_once_however_many_recipes_it_takes(court: Court, tmp_path: Path) -> None:
    page = Page()
    with court.desk.beside(page, settings_with(tmp_path), ("RMBG-2.0",)) as hearing:  # type: ignore[arg-type]
        for _ in range(3):
            hearing.ask()
            hearing.tell()

    assert (page.shown, len(page.heard)) == (1, 1)


@pytest.mark.parametrize(("witness", "asked"), [("off", ("RMBG-2.0",)), ("own", ("isnet", "own"))])
def test_without_a_witness_or_with_the_engines_own_model_nothing_is_started(
    court: Court, tmp_path: Path, witness: str, asked: tuple[str, ...]
) -> None:
    page = court.hears(settings_with(tmp_path, witness), asked=asked)

    assert (page.shown, page.heard, court.processes()) == (0, [], set())


def test_missing_weights_are_not_fetched_and_said_once_and_used_when_they_come(
    court: Court, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    caplog.set_level(logging.INFO)
    settings = settings_with(tmp_path)
    weights = tmp_path / "own.onnx"
    weights.rename(tmp_path / "aside")

    pages = [court.hears(settings) for _ in range(3)]
    weights.write_bytes((tmp_path / "aside").read_bytes())
    monkeypatch.setattr(witness_desk, "LOOK_AGAIN_SECONDS", 0.0)

    assert [page.heard for page in pages] == [[], [], []]
    (said,) = lines(caplog, "witness_missing")
    assert "own (judgement.witness)" in said
    assert "weights of own are missing" in said
    assert len(court.hears(settings).heard) == 1


def test_the_starter_model_is_not_fetched_for_a_witness(
    court: Court, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setenv("HOME", str(tmp_path))
    settings = load(
        flags={"engine": {"local": {"weights_dir": str(tmp_path / "none")}}, "judgement": {"witness": "auto"}}
    )

    assert court.hears(settings).heard == []
    assert not (tmp_path / "none").exists()
    assert "freisteller models fetch u2netp" in lines(caplog, "witness_missing")[0]


def test_missing_libraries_are_said_once(
    court: Court, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(present_model, "is_installed", lambda: False)

    assert [court.hears(settings_with(tmp_path)).heard for _ in range(2)] == [[], []]
    assert len(lines(caplog, "witness_missing")) == 1


def test_a_model_whose_licence_forbids_commerce_is_no_witness_where_that_counts(court: Court, tmp_path: Path) -> None:
    assert court.hears(settings_with(tmp_path, commercial_use=True)).heard == []


def test_a_witness_that_dies_costs_one_photo_its_voice_and_nothing_else(
    court: Court, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, page, asked, ask = settings_with(tmp_path), Page(), threading.Event(), WorkerProcess.ask

    def seen_asking(self: WorkerProcess, *values: object) -> object:
        asked.set()
        return ask(self, *values)  # type: ignore[arg-type]

    court.hears(settings)
    monkeypatch.setattr(WorkerProcess, "ask", seen_asking)
    (pid,) = court.processes()
    os.kill(pid, signal.SIGSTOP)
    with court.desk.beside(page, settings, ("RMBG-2.0",)) as hearing:  # type: ignore[arg-type]
        hearing.ask()
        assert asked.wait(PATIENCE_SECONDS)  # or another process would be asked, as this one is dead
        os.kill(pid, signal.SIGKILL)
        hearing.tell()

    assert page.heard == []
    assert "SIGKILL" in lines(caplog, "witness_failed")[0]
    assert len(court.hears(settings).heard) == 1
    assert (court.count("failed"), court.count("heard")) == (1, 2)


def test_a_witness_that_dies_while_nobody_asks_costs_no_photo_anything(court: Court, tmp_path: Path) -> None:
    settings = settings_with(tmp_path)
    court.hears(settings)
    (pid,) = court.processes()
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: court.processes() == set())

    assert len(court.hears(settings).heard) == 1
    assert court.count("failed") == 0


def test_a_witness_that_hangs_lets_photos_go_and_is_replaced(tmp_path: Path) -> None:
    settings, court = settings_with(tmp_path), Court()
    try:
        court.hears(settings)
        (pid,) = court.processes()
        os.kill(pid, signal.SIGSTOP)
        court.desk._longest = 0.5  # the first picture had to start a process, which takes its time

        assert court.hears(settings).heard == []

        wait_until(lambda: pid not in court.processes())
        court.desk._longest = PATIENCE_SECONDS
        assert len(court.hears(settings).heard) == 1
    finally:
        court.desk.close()


def test_photos_wait_for_a_slow_witness_only_as_long_as_the_promised_pace_allows(
    court: Court, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings = settings_with(tmp_path)
    court.hears(settings)  # the first picture may take longer: its network is loaded
    (pid,) = court.processes()
    monkeypatch.setattr(witness_desk, "SECONDS_PER_PHOTO", 0.1)
    os.kill(pid, signal.SIGSTOP)

    late = court.hears(settings)
    os.kill(pid, signal.SIGCONT)
    monkeypatch.setattr(witness_desk, "SECONDS_PER_PHOTO", PATIENCE_SECONDS)

    assert late.heard == []
    assert court.count("late") == 1
    assert len(court.hears(settings).heard) == 1
    assert court.processes() == {pid}


def test_the_more_photos_are_in_work_the_longer_each_may_wait(court: Court, tmp_path: Path) -> None:
    settings, patience = settings_with(tmp_path), []
    court.hears(settings)
    with contextlib.ExitStack() as hearings:
        for _ in range(3):
            hearings.enter_context(court.desk.beside(Page(), settings, ()))  # type: ignore[arg-type]
            patience.append(court.desk._patience())

    assert patience == pytest.approx([3.6, 7.2, 10.8])
    assert court.desk._patience() == 3.6


def test_weights_that_cannot_be_loaded_fail_no_photo_and_are_left_alone_for_longer_and_longer(
    court: Court, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_with(tmp_path)
    (tmp_path / "own.onnx").write_bytes(b"no network")

    pages = [court.hears(settings) for _ in range(4)]

    assert [page.heard for page in pages] == [[]] * 4
    assert [page.shown for page in pages] == [1, 1, 0, 0]
    assert len(lines(caplog, "witness_failed")) == 2
    assert [rest_after(failures) for failures in (0, 1, 2, 3, 30)] == [0, 0, 30, 60, 3600]


def test_a_desk_that_closes_lets_whoever_waits_go(court: Court, tmp_path: Path) -> None:
    settings, pages = settings_with(tmp_path), [Page(), Page()]
    court.hears(settings)
    (pid,) = court.processes()
    os.kill(pid, signal.SIGSTOP)
    waiting = [threading.Thread(target=court.hears, args=(settings, page)) for page in pages]
    for thread in waiting:
        thread.start()
    wait_until(lambda: all(page.shown for page in pages))

    court.desk.close()
    for thread in waiting:
        thread.join(PATIENCE_SECONDS)

    assert [thread.is_alive() for thread in waiting] == [False, False]
    assert court.hears(settings).heard == []
    assert court.processes() == set()
