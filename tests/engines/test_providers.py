"""A graphics card that fails is replaced by the processor, with a name; the double's card runs on a real session."""

import logging
import threading
import time
import uuid
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
import pytest

from daemon.arrays import Rgb
from daemon.engines.contract import Answer
from daemon.engines.onnx.onnx_engine import STAND_IN, OnnxEngine
from daemon.engines.onnx.providers import CPU, wanted_providers
from daemon.jobs import Recipe
from daemon.observe.metrics import Metrics
from daemon.settings import LocalEngineSettings
from tests.drawing import drawn_photo
from tests.engines.drawn_network import drawn_network, drawn_table
from tests.observe.scrape import value

CUDA = "CUDAExecutionProvider"


@pytest.fixture
def card(monkeypatch: pytest.MonkeyPatch) -> "DoubledCard":
    """An ONNX Runtime with CUDA; its sessions run on the processor."""
    doubled = DoubledCard()
    real = onnxruntime.InferenceSession

    class Session:
        def __init__(self, path: str, options: Any, providers: list[str]) -> None:
            if doubled.loading and providers[0] == CUDA:
                raise RuntimeError(doubled.loading)
            self._real = real(path, options, providers=[CPU])
            self._providers = [CPU] if doubled.silent else providers

        def get_providers(self) -> list[str]:
            return self._providers

        def run(self, names: list[str], feeds: dict[str, Any], options: Any = None) -> Any:
            (pictures,) = feeds.values()
            doubled.runs.append((self._providers[0], len(pictures)))
            assert doubled.go.wait(60)
            trouble = doubled.troubles.pop(0) if self._providers[0] == CUDA and doubled.troubles else ""
            if trouble:
                raise RuntimeError(trouble)
            return self._real.run(names, feeds, options)

        def __getattr__(self, name: str) -> Any:
            return getattr(self._real, name)

    monkeypatch.setattr(onnxruntime, "InferenceSession", Session)
    monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: [CUDA, CPU])
    return doubled


class DoubledCard:
    """What the card does: loading, its error when a network is loaded; silent, whether the runtime takes the processor
    without a word; troubles, the error of each run, "" = none. runs: where each run began, and with how many pictures.
    No run ends while `go` is not set.
    """

    def __init__(self) -> None:
        self.loading = ""
        self.silent = False
        self.troubles: list[str] = []
        self.runs: list[tuple[str, int]] = []
        self.go = threading.Event()
        self.go.set()


@pytest.fixture
def engine(card: DoubledCard, tmp_path: Path) -> OnnxEngine:
    return engine_with(tmp_path)


def engine_with(folder: Path, providers: Any = "auto", batch: Any = "auto") -> OnnxEngine:
    (folder / "own.onnx").write_bytes(drawn_network(size=(8, 8)))
    (folder / "own.toml").write_text(drawn_table(8))
    settings = LocalEngineSettings(model="own", weights_dir=str(folder), providers=providers, batch=batch)
    return OnnxEngine(settings, 2, lambda _: None)


def cut(engine: OnnxEngine) -> str:
    return engine.cut(uuid.uuid4(), drawn_photo(16, 16), Recipe("own")).server


def test_a_card_that_runs_is_used_and_named(engine: OnnxEngine, card: DoubledCard) -> None:
    assert cut(engine) == "local"

    (health,) = engine.health()
    assert {provider for provider, _ in card.runs} == {CUDA}
    assert (health.message, health.fallbacks) == ("own on CUDA", 0)


@pytest.mark.parametrize(
    ("loading", "silent", "troubles", "why"),
    [
        ("libcudnn.so.9: cannot open shared object file", False, [], "libcudnn.so.9"),
        ("", True, [], "CUDAExecutionProvider did not start"),
        ("", False, ["no kernel image is available"], "no kernel image"),
    ],
    ids=["it cannot be loaded", "the runtime takes the processor silently", "its first run fails"],
)
def test_a_card_that_does_not_start_is_replaced_with_a_name(
    engine: OnnxEngine,
    card: DoubledCard,
    caplog: pytest.LogCaptureFixture,
    loading: str,
    silent: bool,
    troubles: list[str],
    why: str,
) -> None:
    card.loading, card.silent, card.troubles = loading, silent, troubles

    with caplog.at_level(logging.WARNING):
        (health,) = engine.check()  # before any photo

    assert cut(engine) == STAND_IN
    assert health.up
    assert health.fallbacks == 1
    assert why in health.message
    assert why in caplog.text


def test_a_card_that_fails_amid_the_work_is_left_for_good(engine: OnnxEngine, card: DoubledCard) -> None:
    cut(engine)
    card.troubles = ["CUDA failure 700: an illegal memory access"]

    assert [cut(engine), cut(engine)] == [STAND_IN, STAND_IN]
    assert [provider for provider, _ in card.runs[-2:]] == [CPU, CPU]
    assert engine.health()[0].fallbacks == 1


def test_a_photo_that_fills_the_cards_memory_is_the_only_one_for_the_processor(
    engine: OnnxEngine, card: DoubledCard
) -> None:
    cut(engine)
    card.troubles = ["Failed to allocate memory for requested buffer of size 1073741824"]

    assert [cut(engine), cut(engine)] == [STAND_IN, "local"]


def cut_together(engine: OnnxEngine, card: DoubledCard, photos: Sequence[Rgb]) -> list[Answer]:
    """Cut a photo, and the others while it is in work."""
    card.go.clear()
    before = len(card.runs)
    answers = []
    with ThreadPoolExecutor(len(photos)) as pool:
        try:
            for number, photo in enumerate(photos):
                answers.append(pool.submit(engine.cut, uuid.uuid4(), photo, Recipe("own")))
                give_up = time.monotonic() + 60
                while len(card.runs) == before or len(engine._runs["own"]._queue) < number:
                    assert time.monotonic() < give_up
                    time.sleep(0.001)
        finally:
            card.go.set()
        return [answer.result(60) for answer in answers]


def test_photos_that_wait_for_a_card_share_a_run_and_get_what_each_would_get_by_itself(
    card: DoubledCard, tmp_path: Path
) -> None:
    engine = engine_with(tmp_path, batch=4)
    photos = [drawn_photo(16 + number, 16) for number in range(5)]
    alone = [engine.cut(uuid.uuid4(), photo, Recipe("own")).alpha for photo in photos]
    card.runs.clear()

    answers = cut_together(engine, card, photos)

    assert card.runs == [(CUDA, 1), (CUDA, 4)]
    assert all(np.array_equal(answer.alpha, alpha) for answer, alpha in zip(answers, alone, strict=True))
    assert engine.health()[0].message == "own on CUDA with up to 4 photos at once"
    assert engine.slots == 2 + 4


def test_several_photos_that_fill_the_cards_memory_run_in_halves(card: DoubledCard, tmp_path: Path) -> None:
    engine = engine_with(tmp_path, batch=4)
    cut(engine)
    card.runs.clear()
    card.troubles = ["", "CUDA out of memory"]

    answers = cut_together(engine, card, [drawn_photo(16, 16)] * 5)

    assert card.runs == [(CUDA, 1), (CUDA, 4), (CUDA, 2), (CUDA, 2)]
    assert {answer.server for answer in answers} == {"local"}
    assert engine.health()[0].fallbacks == 0


def test_a_card_that_fails_with_several_photos_is_left_only_if_it_fails_with_one(
    card: DoubledCard, tmp_path: Path
) -> None:
    engine = engine_with(tmp_path, batch=4)
    cut(engine)
    card.troubles = ["", "CUDA failure 700", "", "CUDA failure 700"]
    card.runs.clear()

    answers = cut_together(engine, card, [drawn_photo(16, 16)] * 5)

    assert card.runs == [(CUDA, 1), (CUDA, 4), (CUDA, 1), (CUDA, 1), (CPU, 1), (CPU, 1), (CPU, 1)]
    assert [answer.server for answer in answers] == ["local", "local", STAND_IN, STAND_IN, STAND_IN]
    assert engine.slots == 2


def test_the_number_of_photos_in_a_run_is_counted_in_the_metrics(card: DoubledCard, tmp_path: Path) -> None:
    engine = engine_with(tmp_path, batch=4)
    cut(engine)
    metrics = Metrics("1.0", ("own",), ["local"])
    metrics.engine(engine.health())
    cut_together(engine, card, [drawn_photo(16, 16)] * 5)
    for _ in range(2):
        metrics.engine(engine.health())

    assert value(metrics, "engine_run_photos_bucket", server="local", le="1.0") == 2
    assert value(metrics, "engine_run_photos_count", server="local") == 3
    assert value(metrics, "engine_run_photos_sum", server="local") == 6


def test_a_fallback_is_counted_in_the_metrics(engine: OnnxEngine, card: DoubledCard) -> None:
    card.loading = "no driver"
    metrics = Metrics("1.0", ("own",), ["local"])
    metrics.engine(engine.health())
    cut(engine)
    metrics.engine(engine.health())

    assert value(metrics, "engine_fallbacks_total", server="local") == 1


def test_a_named_provider_that_is_not_installed_is_missed_aloud(tmp_path: Path) -> None:
    engine = engine_with(tmp_path, ("cuda",))

    assert cut(engine) == STAND_IN
    assert f"The ONNX Runtime that is installed has no {CUDA}" in engine.health()[0].message


@pytest.mark.parametrize(
    ("setting", "available", "expected"),
    [
        ("auto", [CPU], [CPU]),
        ("auto", ["TensorrtExecutionProvider", CUDA, CPU], [CUDA, CPU]),
        ("auto", ["AzureExecutionProvider", "DmlExecutionProvider", CPU], ["DmlExecutionProvider", CPU]),
        (("cpu",), [CUDA, CPU], [CPU]),
        (("cuda", "cpu", "coreml"), [CPU], [CUDA, CPU]),
        (("tensorrt", "cuda"), [CUDA, CPU], ["TensorrtExecutionProvider", CUDA, CPU]),
    ],
)
def test_the_best_provider_comes_first_and_the_processor_last(
    setting: Any, available: list[str], expected: list[str]
) -> None:
    assert list(wanted_providers(setting, available)) == expected
