"""Photos in a daemon with a witness: what the report says, what an order changes, what a crash leaves."""

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from daemon.arrays import Rgb
from daemon.engines.onnx.present_model import PresentModel
from daemon.jobs import Grade, Recipe
from daemon.service.lifecycle import Daemon
from daemon.settings import Settings, load
from daemon.work.witness_desk import Statement, WitnessDesk
from tests.doubles import ScriptedEngine
from tests.drawing import save_photo
from tests.work.test_witness_desk import settings_with


class StrongModel(ScriptedEngine):
    models = ("strong",)


class Died(BaseException):
    """The power failed."""


def settings_for(folder: Path) -> Settings:
    """A hot folder whose witness is a drawn network that takes what is red for the subject."""
    weights = folder / "weights"
    weights.mkdir(parents=True)
    own = settings_with(weights)
    ours = load(
        flags={
            "root": str(folder / "hot"),
            "state_dir": str(folder / "state"),
            "http": {"bind": ""},
            "intake": {"quiet_seconds": 0},
            "strategy": {"ladder": [{"model": "strong"}]},
        }
    )
    return ours.model_copy(update={"engine": own.engine, "judgement": own.judgement})


def report_of(settings: Settings, name: str) -> dict[str, Any]:
    (path,) = (path for grade in Grade for path in (settings.root_path / grade.value).rglob(f"{name}.json"))
    report: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return report


def crash_at(step: str, settings: Settings) -> None:
    """Work on the photo until the daemon dies before this step."""

    def tick(now: str) -> None:
        if now == step:
            raise Died

    daemon = Daemon(settings, engine=StrongModel(), tick=tick)
    daemon.recover()
    daemon.parts.inbox_loop.turn(urgent=True)
    job = daemon.parts.journal.take(2.0**40)
    assert job is not None
    with pytest.raises(Died):
        daemon.parts.task_runner.run(job)
    daemon.close()


def test_the_report_keeps_the_witness_and_names_where_it_differs(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    save_photo(settings.root_path / "inbox" / "a.png")

    Daemon(settings, engine=StrongModel()).run(once=True)

    report = report_of(settings, "a")
    differs = [finding for finding in report["findings"] if finding["code"] == "witness_differs"]
    assert report["witness"]["model"] == "own"
    assert report["witness"]["apart"] > 0.1
    assert report["spots"][report["findings"].index(differs[0])]
    assert any("another model sees something else" in reason for reason in report["reasons"])


def test_an_order_can_do_without_the_witness(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    inbox = settings.root_path / "inbox"
    save_photo(inbox / "shoes" / "a.png")
    (inbox / "shoes" / "freisteller.toml").write_text('[judgement]\nwitness = "off"\n')

    Daemon(settings, engine=StrongModel()).run(once=True)

    assert report_of(settings, "a")["witness"] is None


def test_the_engine_and_the_witness_work_at_the_same_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings, in_time = settings_for(tmp_path), list[bool]()
    engine_works, witness_looks = threading.Event(), threading.Event()
    looks = WitnessDesk._statement

    def slowly(desk: WitnessDesk, picture: Rgb, model: PresentModel) -> Statement | None:
        witness_looks.set()
        in_time.append(engine_works.wait(20))
        return looks(desk, picture, model)

    def told(_: Recipe) -> None:
        engine_works.set()
        in_time.append(witness_looks.wait(20))

    monkeypatch.setattr(WitnessDesk, "_statement", slowly)
    save_photo(settings.root_path / "inbox" / "a.png")

    Daemon(settings, engine=StrongModel(told)).run(once=True)

    assert in_time == [True, True]
    assert report_of(settings, "a")["witness"]["model"] == "own"


@pytest.mark.parametrize("step", ["ask engine", "keep alpha", "decide"])
def test_a_photo_has_the_same_verdict_beside_the_witness_after_a_crash(tmp_path: Path, step: str) -> None:
    whole, crashed = settings_for(tmp_path / "whole"), settings_for(tmp_path / "crashed")
    for settings in (whole, crashed):
        save_photo(settings.root_path / "inbox" / "a.png")

    crash_at(step, crashed)
    for settings in (whole, crashed):
        Daemon(settings, engine=StrongModel()).run(once=True)

    assert report_of(crashed, "a")["witness"]
    for key in ("witness", "score", "grade", "findings", "spots"):
        assert report_of(crashed, "a")[key] == report_of(whole, "a")[key]
