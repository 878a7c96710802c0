"""What is known of an earlier attempt changes with each further pass, and the journal and the choice know it."""

import sqlite3
import uuid
from pathlib import Path

import numpy as np
import pytest

from daemon.arrays import Alpha, Rgb
from daemon.engines.contract import Answer
from daemon.jobs import Attempt, Recipe
from daemon.journal import Journal
from daemon.service.lifecycle import Daemon
from daemon.settings import Settings, load
from tests.doubles import ScriptedEngine, by_colour
from tests.drawing import save_photo


class AgreesOrNot(ScriptedEngine):
    """Its model "a" is right; "b" agrees with it, or finds the subject's left half only."""

    models = ("a", "b")

    def __init__(self, agrees: bool) -> None:
        super().__init__()
        self._agrees = agrees

    def cut(self, ticket: uuid.UUID, proxy: Rgb, recipe: Recipe, *, new: bool = False) -> Answer:
        answer = super().cut(ticket, proxy, recipe, new=new)
        if recipe.model == "a" or self._agrees:
            return answer
        return Answer(left_half(by_colour(proxy)), answer.server, answer.stages)


def left_half(alpha: Alpha) -> Alpha:
    half: Alpha = alpha.copy()
    half[:, int(np.nonzero(alpha >= 0.5)[1].mean()) :] = 0
    return half


def never_content(folder: Path) -> Settings:
    return load(
        flags={
            "root": str(folder / "hot"),
            "state_dir": str(folder / "state"),
            "http": {"bind": ""},
            "intake": {"quiet_seconds": 0},
            "grading": {"sehr_gut": 1.0, "gut": 0.999},
            "strategy": {"ladder": [{"model": "a"}, {"model": "b"}], "learn": False},
        }
    )


def attempts_of_one_photo(folder: Path, agrees: bool) -> tuple[Attempt, ...]:
    settings = never_content(folder)
    (folder / "hot" / "inbox").mkdir(parents=True)
    save_photo(folder / "hot" / "inbox" / "a.png")
    Daemon(settings, engine=AgreesOrNot(agrees)).run(once=True)
    path = folder / "state" / "journal.sqlite3"
    with sqlite3.connect(path) as rows:
        (job_id,) = rows.execute("SELECT id FROM jobs").fetchone()
    return Journal(path).row(job_id).job.attempts


@pytest.mark.parametrize("agrees", [True, False])
def test_the_first_attempt_is_kept_with_what_the_second_one_told_of_it(tmp_path: Path, agrees: bool) -> None:
    first, second = attempts_of_one_photo(tmp_path, agrees)

    assert (first.recipe.model, second.recipe.model) == ("a", "b")
    assert first.verdict is not None
    assert first.verdict.measures.agreement is not None
    assert (first.verdict.measures.agreement > 0.9) is agrees
    assert ("apart" in first.verdict.defects) is not agrees
