"""The alphas of attempts: of photos in work, and of results."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from daemon.errors import Said
from daemon.jobs import Job, Recipe
from daemon.journal.alphas import Alphas
from daemon.pictures import codec
from daemon.service.lifecycle import Daemon
from daemon.settings import load
from daemon.states import State
from tests.doubles import ScriptedEngine
from tests.drawing import save_photo
from tests.web.shown import do_all


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    save_photo(tmp_path / "hot" / "inbox" / "a.jpg")
    flags = {
        "root": str(tmp_path / "hot"), "state_dir": str(tmp_path / "state"), "intake": {"quiet_seconds": 0},
        "http": {"bind": ""}, "grading": {"sehr_gut": 0.999}, "strategy": {"max_attempts": 3},
    }  # fmt: skip
    made = Daemon(load(flags=flags), engine=ScriptedEngine())
    yield made
    made.close()


def lay_by(alphas: Alphas, job_id: str, at: float = 0.0) -> Path:
    alphas.keep(Job(job_id, "a.jpg"), 1, Recipe("m"), np.zeros((64, 64), np.float32))
    alphas.lay_by(job_id)
    folder = next(folder for folder in alphas._kept.iterdir() if folder.name == job_id)
    os.utime(folder, (at, at))
    return folder


def test_the_alphas_of_a_result_are_found_when_its_job_is_over(daemon: Daemon, tmp_path: Path) -> None:
    do_all(daemon)

    (row,) = daemon.parts.journal.rows(State.DONE)
    alphas = Alphas(tmp_path / "state" / "alphas")
    assert len(row.job.attempts) > 1
    assert all(alphas.png_of(row.job, each.number, each.recipe) is not None for each in row.job.attempts)
    assert not alphas.exists(row.job.id)


def test_the_alphas_of_a_photo_that_failed_are_not_kept(tmp_path: Path, daemon: Daemon) -> None:
    daemon.parts.inbox_loop.turn(urgent=True)
    job = daemon.parts.journal.take(2.0**40)
    assert job is not None
    alphas = Alphas(tmp_path / "state" / "alphas")
    alphas.keep(job, 1, Recipe("m"), np.zeros((8, 8), np.float32))

    daemon.parts.publisher.give_up(job, Said.again("no"))

    assert list((tmp_path / "state" / "alphas").iterdir()) == []
    assert not (tmp_path / "state" / "alphas-of-results").exists()


def test_alphas_that_a_crash_left_beside_a_result_are_laid_by_at_the_next_start(daemon: Daemon, tmp_path: Path) -> None:
    do_all(daemon)
    (row,) = daemon.parts.journal.rows(State.DONE)
    (tmp_path / "state" / "alphas-of-results" / row.job.id).rename(tmp_path / "state" / "alphas" / row.job.id)

    daemon.parts.recovery.clear_leftovers()

    best = row.job.attempts[-1]
    assert list((tmp_path / "state" / "alphas").iterdir()) == []
    assert Alphas(tmp_path / "state" / "alphas").png_of(row.job, best.number, best.recipe) is not None


def test_a_later_round_adds_its_alphas_to_those_of_the_first(tmp_path: Path) -> None:
    alphas = Alphas(tmp_path / "alphas")
    lay_by(alphas, "a")
    second = Job("a", "a.jpg", round=1)
    alphas.keep(second, 1, Recipe("m"), np.ones((4, 4), np.float32))
    alphas.lay_by("a")
    alphas.lay_by("a")

    found = [alphas.png_of(job, 1, Recipe("m")) for job in (Job("a", "a.jpg"), second)]
    assert [png and float(codec.decode_alpha(png).mean()) for png in found] == [0.0, 1.0]


def test_beyond_the_bound_the_oldest_alphas_go_first(tmp_path: Path) -> None:
    alphas = Alphas(tmp_path / "alphas")
    folders = [lay_by(alphas, job_id, at) for job_id, at in (("a", 2.0), ("b", 1.0), ("c", 3.0))]
    size = sum(path.stat().st_size for path in folders[0].iterdir())

    deleted = alphas.prune(0.0, 2 * size, lambda _: frozenset(), frozenset())

    assert deleted == 1
    assert [folder.exists() for folder in folders] == [True, False, True]


def test_a_disk_that_takes_no_alphas_of_results_ends_the_job_all_the_same(tmp_path: Path) -> None:
    alphas = Alphas(tmp_path / "alphas")
    alphas.keep(Job("a", "a.jpg"), 1, Recipe("m"), np.zeros((4, 4), np.float32))
    (tmp_path / "alphas-of-results").write_text("in the way")

    alphas.lay_by("a")

    assert not alphas.exists("a")
