"""How many pictures a run should have is found once, in bounded time, and only what gives the same alphas counts."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from daemon.engines.onnx import batch_trial
from daemon.engines.onnx.batch_trial import BatchTrial
from daemon.engines.onnx.kept_trials import NAME, KeptTrials, cards
from daemon.engines.onnx.network_input import Network
from daemon.engines.onnx.onnx_engine import OnnxEngine
from daemon.engines.onnx.onnx_session import OnnxSession
from daemon.engines.onnx.onnx_table import OnnxModel, read_side_car
from daemon.settings import LocalEngineSettings
from tests.engines.drawn_network import drawn_network, drawn_table


class Machine(OnnxSession):
    """A drawn network that takes `fixed` seconds for a run and `each` for each picture, by its own clock."""

    def __init__(self, weights: Path, model: OnnxModel, fixed: float, each: float) -> None:
        super().__init__(weights, model, 1)
        self.now = 100.0
        self.runs: list[int] = []
        self.spoil: Callable[[Network], Network] = lambda found: found
        self._fixed, self._each = fixed, each

    def clock(self) -> float:
        return self.now

    def maps(self, pictures: Network) -> Network:
        self.runs.append(len(pictures))
        self.now += self._fixed + self._each * len(pictures)
        return self.spoil(super().maps(pictures))


class Trial:
    """A trial in a folder with the weights of a drawn network."""

    def __init__(self, folder: Path, batch: int | None = None) -> None:
        self.folder, self.weights = folder, folder / "own.onnx"
        self.weights.write_bytes(drawn_network(size=(8, 8), batch=batch))
        (folder / "own.toml").write_text(drawn_table(8))
        self.model = read_side_car(folder / "own.toml")

    def machine(self, fixed: float, each: float) -> Machine:
        return Machine(self.weights, self.model, fixed, each)

    def most(self, machine: Machine, cores: int = 2, *, keeps: bool = True) -> int:
        kept = KeptTrials(self.folder if keeps else None)
        return BatchTrial(kept, cores, machine.clock, machine.clock).most(self.weights, self.model, machine, 1, "auto")


@pytest.fixture
def trial(tmp_path: Path) -> Trial:
    return Trial(tmp_path)


@pytest.mark.parametrize(
    ("fixed", "each", "expected"),
    [(0.02, 0.001, 8), (0.006, 0.012, 8), (0.002, 0.018, 1), (0.0, 0.02, 1), (0.009, 0.0005, 1)],
    ids=["a card", "a third is fixed", "a tenth is fixed", "a processor", "so short that nobody waits for it"],
)
def test_several_pictures_share_a_run_only_where_that_clearly_pays(
    trial: Trial, fixed: float, each: float, expected: int
) -> None:
    assert trial.most(trial.machine(fixed, each)) == expected


def test_a_trial_ends_after_four_seconds(trial: Trial) -> None:
    machine = trial.machine(0.4, 0.1)

    assert trial.most(machine) == 2
    assert machine.now - 100 < 4
    assert max(machine.runs) == 2


def test_a_trial_takes_no_more_than_a_gigabyte(trial: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    used = iter((500_000_000, 700_000_000, 1_010_000_000))
    monkeypatch.setattr(batch_trial, "_memory", lambda _: next(used))
    machine = trial.machine(0.02, 0.001)

    assert trial.most(machine) == 2


@pytest.mark.parametrize(
    "spoil",
    [
        lambda found: found[::-1].copy(),
        lambda found: found - found.mean() if len(found) > 1 else found,
        lambda found: found[:1],
        lambda found: np.full_like(found, np.nan) if len(found) > 1 else found,
    ],
    ids=["another order", "neighbours matter", "one map for all", "no numbers"],
)
def test_a_network_that_makes_something_else_of_several_pictures_gets_them_one_by_one(
    trial: Trial, spoil: Callable[[Network], Network]
) -> None:
    machine = trial.machine(0.02, 0.001)
    machine.spoil = spoil

    assert trial.most(machine) == 1


def test_sizes_that_fill_the_memory_are_left_out(trial: Trial) -> None:
    machine = trial.machine(0.02, 0.001)

    def fill(found: Network) -> Network:
        if len(found) > 4:
            raise RuntimeError("CUDA out of memory")
        return found

    machine.spoil = fill

    assert trial.most(machine) == 4


def test_what_was_found_is_kept_until_the_weights_the_cores_or_the_provider_change(trial: Trial) -> None:
    machine = trial.machine(0.02, 0.001)
    assert trial.most(machine) == 8
    tried = len(machine.runs)

    assert trial.most(machine) == 8
    assert len(machine.runs) == tried

    trial.most(machine, cores=4)
    machine.provider = "CUDAExecutionProvider"
    trial.most(machine)
    os.utime(trial.weights, ns=(0, 0))
    trial.most(machine)
    assert len(json.loads((trial.folder / NAME).read_text())) == 4


def test_a_network_that_takes_one_picture_is_not_tried_whatever_is_set(tmp_path: Path) -> None:
    trial = Trial(tmp_path, batch=1)
    machine = trial.machine(0.02, 0.001)

    assert trial.most(machine) == 1
    assert BatchTrial(KeptTrials(tmp_path), 2).most(trial.weights, trial.model, machine, 1, 8) == 1
    assert machine.runs == []


def test_what_a_person_set_is_taken_without_a_trial(trial: Trial) -> None:
    machine = trial.machine(0.0, 0.02)

    assert BatchTrial(KeptTrials(trial.folder), 2).most(trial.weights, trial.model, machine, 1, 6) == 6
    assert machine.runs == []


def test_where_nothing_can_be_kept_nothing_is_tried(trial: Trial) -> None:
    machine = trial.machine(0.02, 0.001)

    assert trial.most(machine, keeps=False) == 1
    assert machine.runs == []


def test_a_network_that_is_loaded_works_on_after_its_file_is_gone(trial: Trial) -> None:
    machine = trial.machine(0.02, 0.001)
    trial.weights.unlink()

    assert trial.most(machine) == 1


def test_the_cards_of_a_machine_are_named(tmp_path: Path) -> None:
    for place, model in (("0000:02:00.0", "NVIDIA L4"), ("0000:01:00.0", "NVIDIA A10")):
        (tmp_path / place).mkdir()
        (tmp_path / place / "information").write_text(f"Model: \t\t {model}\nIRQ:   \t\t 35\n")

    assert cards(tmp_path) == "NVIDIA A10 and NVIDIA L4"
    assert cards(tmp_path / "absent") == ""


def test_an_engine_knows_how_many_photos_are_good_once_its_model_is_loaded(trial: Trial) -> None:
    settings = LocalEngineSettings(model="own", weights_dir=str(trial.folder), batch=8)
    engine = OnnxEngine(settings, 2, lambda _: None)
    before = engine.slots

    engine.check()

    assert (before, engine.slots) == (2, 10)
