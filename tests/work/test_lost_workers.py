"""What becomes of photos, and of their neighbours, whose worker process dies: a real daemon, real processes."""

import multiprocessing
from pathlib import Path

import pytest

from daemon.hotfolder.effects import Effect
from daemon.service.lifecycle import Daemon, Summary
from daemon.settings import load
from tests.doubles import ScriptedEngine
from tests.drawing import drawn_photo, save_photo
from tests.observe.scrape import value

pytestmark = pytest.mark.usefixtures("deaf")


def kill_workers() -> None:
    for child in multiprocessing.active_children():
        if child.name == "photo":
            child.kill()
            child.join()


def photos(tmp_path: Path) -> None:
    for name in ("a", "c"):
        save_photo(tmp_path / "hot" / "inbox" / f"{name}.png", drawn_photo(160, 240))
    save_photo(tmp_path / "hot" / "inbox" / "b.png", drawn_photo(240, 160))


def ran(tmp_path: Path, kills_at: Effect, of: str, times: int) -> tuple[Summary, Daemon]:
    """Run a daemon for which something kills the worker of the photos with this letter, just before an effect."""
    settings = load(
        flags={
            "root": str(tmp_path / "hot"),
            "state_dir": str(tmp_path / "state"),
            "intake": {"quiet_seconds": 0},
            "http": {"bind": ""},
            "dispatch": {"workers": 1, "postpone_seconds": 0.01},
        }
    )
    left = [times]

    def tick(effect: Effect) -> None:
        if effect is kills_at and left[0] and any(job.name.startswith(of) for job in daemon.parts.progress.running()):
            left[0] -= 1
            kill_workers()

    daemon = Daemon(settings, engine=ScriptedEngine(), tick=tick)
    return daemon.run(once=True), daemon


def graded(tmp_path: Path) -> list[str]:
    return sorted(path.stem for pattern in ("*gut", "unge*") for path in (tmp_path / "hot").glob(f"{pattern}/*.json"))


@pytest.mark.parametrize("effect", [Effect.KEEP_ALPHA, Effect.WRITE_RESULT])
def test_a_photo_whose_worker_dies_is_tried_again(tmp_path: Path, effect: Effect) -> None:
    photos(tmp_path)

    summary, daemon = ran(tmp_path, effect, "b", times=2)

    assert (summary.done, summary.failed, summary.open, summary.broken) == (3, 0, 0, False)
    assert graded(tmp_path) == ["a", "b", "c"]
    assert value(daemon.parts.metrics, "workers_lost_total") > 0


def test_a_photo_whose_worker_dies_each_time_fails_alone(tmp_path: Path) -> None:
    photos(tmp_path)

    summary, daemon = ran(tmp_path, Effect.WRITE_RESULT, "b", times=1000)

    assert (summary.done, summary.failed, summary.open, summary.broken) == (2, 1, 0, False)
    assert graded(tmp_path) == ["a", "c"]
    note = (tmp_path / "hot" / "failed" / "b.png.txt").read_text("utf-8")
    assert "b.png cannot be worked on" in note
    assert "SIGKILL" in note
    assert value(daemon.parts.metrics, "workers_lost_total") == 3
