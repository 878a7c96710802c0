"""A photo that was in work when the daemon died goes on where it stood."""

import uuid
from pathlib import Path

import pytest

from daemon.arrays import Rgb
from daemon.engines.contract import Answer
from daemon.jobs import Attempt, Grade, Measures, Outcome, Recipe, Verdict
from daemon.journal import Journal
from daemon.service.lifecycle import Daemon
from daemon.settings import Settings, load
from tests.doubles import Clock, ScriptedEngine
from tests.drawing import save_photo

A, B = Recipe("a"), Recipe("b")
LADDER = [{"model": "a"}, {"model": "b"}]


class TwoModels(ScriptedEngine):
    """Remembers what it was asked, in order."""

    models = ("a", "b")

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[tuple[uuid.UUID, Recipe]] = []

    def cut(self, ticket: uuid.UUID, proxy: Rgb, recipe: Recipe, *, new: bool = False) -> Answer:
        self.asked.append((ticket, recipe))
        return super().cut(ticket, proxy, recipe, new=new)


def settings_for(folder: Path, **strategy: object) -> Settings:
    return load(
        flags={
            "root": str(folder / "hot"),
            "state_dir": str(folder / "state"),
            "http": {"bind": ""},
            "intake": {"quiet_seconds": 0},
            "strategy": {"ladder": LADDER, **strategy},
        }
    )


def remember(journal: Journal, folder: str, recipe: Recipe, score: float, photos: int = 30) -> None:
    """Record so many finished photos of a customer that began with a recipe."""
    for number in range(photos):
        job_id = f"{folder}-{recipe.model}-{number}-{score}"
        verdict = Verdict(score, Grade.GUT, Measures(0.5, 0.5, 0.5))
        attempt = Attempt(1, recipe, verdict=verdict)
        journal.admit(job_id, f"{folder}/{job_id}.png", Path("x"), 1, 1.0)
        job = journal.take(2.0)
        assert job is not None
        journal.record_attempts(job, [attempt])
        journal.decide(job.id, Outcome((attempt,), attempt))
        journal.complete(job.id, [], 3.0 + number)


class Died(BaseException):
    """The power failed."""


@pytest.mark.parametrize("step", ["ask engine", "keep alpha", "record attempt"])
def test_a_restart_asks_the_same_ticket_for_the_same_recipe(step: str, tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    engine, clock = TwoModels(), Clock()
    save_photo(tmp_path / "hot" / "inbox" / "shoes" / "x.png")

    def tick(now: str) -> None:
        if now == step:
            raise Died

    first = Daemon(settings, engine=engine, tick=tick, clock=clock)
    first.recover()
    first.parts.inbox_loop.turn(urgent=True)
    job = first.parts.journal.take(clock())
    assert job is not None
    with pytest.raises(Died):
        first.parts.task_runner.run(job)
    remember(first.parts.journal, "shoes", A, 0.3)  # what the other photos brought in the meantime
    remember(first.parts.journal, "shoes", B, 0.9)
    first.close()

    Daemon(settings, engine=engine, clock=clock).run(once=True)

    assert {recipe for ticket, recipe in engine.asked if ticket == job.ticket(1)} == {A}
    assert list((tmp_path / "hot").glob("*/shoes/x.json"))
