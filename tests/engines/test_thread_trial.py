"""The best number of threads is found once, in short time, and found again where the weights or the machine change."""

import hashlib
import json
import uuid
from pathlib import Path
from typing import Any

import pytest

from daemon.engines.onnx import thread_trial
from daemon.engines.onnx.kept_speeds import read_speeds
from daemon.engines.onnx.kept_trials import NAME
from daemon.engines.onnx.onnx_engine import OnnxEngine
from daemon.engines.onnx.thread_trial import fastest
from daemon.jobs import Recipe
from daemon.settings import LocalEngineSettings, load
from tests.drawing import drawn_photo
from tests.engines.drawn_network import drawn_network, drawn_table


class Machine:
    """Takes these seconds for a trial with so many threads; its clock stands still otherwise."""

    def __init__(self, picture: dict[int, float], trial: dict[int, float]) -> None:
        self._picture, self._trial = picture, trial
        self.now = 100.0
        self.tried: list[int] = []

    def seconds_of(self, threads: int) -> float:
        self.tried.append(threads)
        self.now += self._trial[threads]
        return self._picture[threads]

    def clock(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("picture", "expected"),
    [
        ({4: 0.5, 8: 0.3, 16: 0.4}, 8),
        ({4: 0.5, 8: 0.46, 16: 0.6}, 4),
        ({4: 0.5, 8: 0.7, 16: 0.9}, 4),
    ],
    ids=["clearly faster", "faster by chance", "the usual one is the fastest"],
)
def test_another_number_of_threads_must_be_clearly_faster(picture: dict[int, float], expected: int) -> None:
    machine = Machine(picture, dict.fromkeys(picture, 0.1))

    assert fastest(tuple(picture), machine.seconds_of, machine.clock) == expected


def test_a_trial_ends_before_the_first_photo_waits_for_more_than_two_seconds() -> None:
    machine = Machine({4: 0.5, 8: 0.3, 16: 0.1}, {4: 0.9, 8: 0.9, 16: 0.9})

    assert fastest((4, 8, 16), machine.seconds_of, machine.clock) == 8
    assert machine.tried == [4, 8]


def own_model(folder: Path, size: int = 8) -> None:
    (folder / "own.onnx").write_bytes(drawn_network(size=(size, size), batch=1))
    (folder / "own.toml").write_text(drawn_table(size))


def cut_once(folder: Path, cores: int = 2, threads: int = 0) -> OnnxEngine:
    settings = LocalEngineSettings(model="own", weights_dir=str(folder), threads=threads)
    engine = OnnxEngine(settings, cores, lambda _: None, trials=folder)
    engine.cut(uuid.uuid4(), drawn_photo(16, 16), Recipe("own"))
    return engine


def kept(folder: Path) -> dict[str, int]:
    found: dict[str, int] = json.loads((folder / NAME).read_text())
    return found


def test_what_a_trial_found_is_kept_and_used_at_the_next_start(tmp_path: Path) -> None:
    own_model(tmp_path)
    cut_once(tmp_path)
    ((key, threads),) = kept(tmp_path).items()
    assert threads in (1, 2)

    for number, slots in ((1, 2), (2, 1)):
        (tmp_path / NAME).write_text(json.dumps({key: number}))
        assert cut_once(tmp_path).slots == slots
        assert kept(tmp_path) == {key: number}


def test_other_weights_and_other_cores_are_tried_anew(tmp_path: Path) -> None:
    own_model(tmp_path)
    cut_once(tmp_path)
    cut_once(tmp_path, cores=1)
    own_model(tmp_path, size=16)
    cut_once(tmp_path)

    assert len(kept(tmp_path)) == 3


def test_a_number_that_a_person_set_is_not_tried(tmp_path: Path) -> None:
    own_model(tmp_path)

    assert cut_once(tmp_path, threads=2).slots == 1
    assert not (tmp_path / NAME).exists()


def test_large_weights_are_not_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own_model(tmp_path)
    monkeypatch.setattr(thread_trial, "LARGEST_BYTES", 10)

    assert cut_once(tmp_path).slots == 2
    assert not (tmp_path / NAME).exists()


@pytest.mark.parametrize("content", ["", "[]", '{"x": "y"}', "no JSON"])
def test_a_spoilt_file_of_trials_is_written_anew(tmp_path: Path, content: str) -> None:
    own_model(tmp_path)
    (tmp_path / NAME).write_text(content)

    cut_once(tmp_path)

    assert set(kept(tmp_path).values()) <= {1, 2}


def test_a_state_directory_that_cannot_be_written_costs_only_the_trial(tmp_path: Path) -> None:
    own_model(tmp_path)
    (tmp_path / NAME).mkdir()

    assert cut_once(tmp_path).slots == 2


def test_a_time_is_kept_in_the_state_directory_where_the_weights_folder_cannot_be_written(tmp_path: Path) -> None:
    weights, state = tmp_path / "weights", tmp_path / "state"
    weights.mkdir()
    state.mkdir()
    own_model(weights)
    (weights / ".speeds.json").mkdir()  # as good as a folder without the right to write, also for root
    engine = OnnxEngine(LocalEngineSettings(model="own", weights_dir=str(weights)), 1, lambda _: None, trials=state)

    for _ in range(2):
        engine.cut(uuid.uuid4(), drawn_photo(16, 16), Recipe("own"))

    assert read_speeds(state)["own"] >= 0


def test_a_start_reads_the_weights_once_to_prove_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    real = hashlib.file_digest

    def digest(file: Any, algorithm: Any) -> Any:
        read.append(file.name)
        return real(file, algorithm)

    monkeypatch.setattr(hashlib, "file_digest", digest)
    settings = load().engine.local
    engine = OnnxEngine(settings, 2, lambda _: None, trials=tmp_path)

    for _ in range(3):
        engine.check()
        assert engine.slots

    assert len(read) == 1
