"""Learning from a real journal: by folder, chosen once, the same after a crash."""

import json
import uuid
from pathlib import Path

import pytest

from daemon.arrays import Rgb
from daemon.engines.contract import Answer
from daemon.jobs import Attempt, Grade, Job, Measures, Opening, Outcome, Recipe, Verdict
from daemon.journal import Journal
from daemon.service.lifecycle import Daemon
from daemon.settings import Settings, load
from daemon.work.first_recipe import Learning
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
    """So many photos of a customer that began with a recipe."""
    for number in range(photos):
        job_id = f"{folder}-{recipe.model}-{number}-{score}"
        verdict = Verdict(score, Grade.GUT, Measures(0.5, 0.5, 0.5))
        attempt = Attempt(1, recipe, verdict=verdict)
        journal.admit(job_id, f"{folder}/{job_id}.png", Path("x"), 1, 1.0)
        job = journal.take(2.0)
        assert job is not None
        journal.note_attempt(job, attempt)
        journal.decide(job.id, Outcome((attempt,), attempt))
        journal.finish(job.id, [], 3.0 + number)


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.sqlite3")


def admitted(journal: Journal, name: str, job_id: str = "new") -> Job:
    journal.admit(job_id, name, Path(name), 1, 100.0)
    return journal.entry(job_id).job


def learning(journal: Journal, recipes: tuple[Recipe, ...] = (A, B), *, on: bool = True) -> Learning:
    return Learning(journal, recipes, 0.93, lambda recipe: recipe, on=on)


def test_each_folder_learns_for_itself(journal: Journal) -> None:
    for folder, better in (("shoes", B), ("cups", A)):
        for recipe in (A, B):
            remember(journal, folder, recipe, 0.9 if recipe is better else 0.5)

    begun = [learning(journal).opening(admitted(journal, f"{folder}/x.png", folder)) for folder in ("shoes", "cups")]

    assert [opening.recipe for opening in begun if opening] == [B, A]


def test_a_folder_that_nobody_has_seen_begins_with_the_ladder_s_first(journal: Journal) -> None:
    remember(journal, "shoes", A, 0.3)
    remember(journal, "shoes", B, 0.9)

    opening = learning(journal).opening(admitted(journal, "new customer/x.png"))

    assert opening is not None
    assert opening.recipe == A


def test_a_choice_stays_whatever_is_learned_meanwhile(tmp_path: Path, journal: Journal) -> None:
    job = admitted(journal, "shoes/x.png")
    before = learning(journal).opening(job)
    assert journal.take(150.0) is not None  # it is in work while others finish
    remember(journal, "shoes", A, 0.3)
    remember(journal, "shoes", B, 0.9)
    journal.close()

    reopened = Journal(tmp_path / "journal.sqlite3")

    assert learning(reopened).opening(job) == before
    assert learning(reopened, on=False).opening(job) == before


def test_switched_off_it_leaves_new_photos_to_the_ladder(journal: Journal) -> None:
    assert learning(journal, on=False).opening(admitted(journal, "shoes/x.png")) is None


def test_where_there_is_one_recipe_there_is_nothing_to_learn(journal: Journal) -> None:
    assert learning(journal, (A,)).opening(admitted(journal, "shoes/x.png")) is None


def test_a_photo_that_a_person_sends_round_again_is_left_to_the_ladder(journal: Journal) -> None:
    job = admitted(journal, "shoes/x.png")

    assert learning(journal).opening(Job(job.id, job.name, round=1)) is None


def test_a_choice_is_noted_once_and_goes_with_its_job(journal: Journal) -> None:
    job = admitted(journal, "shoes/x.png")

    assert journal.note_opening(job, Opening(A, "first")) == Opening(A, "first")
    assert journal.note_opening(job, Opening(B, "second")) == Opening(A, "first")
    journal.forget(job.id)
    assert journal.opening(job) is None


def test_the_daemon_begins_with_what_pays_and_the_report_says_why(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    journal = Journal(tmp_path / "state" / "journal.sqlite3")
    remember(journal, "shoes", A, 0.3)
    remember(journal, "shoes", B, 0.9)
    journal.close()
    save_photo(tmp_path / "hot" / "inbox" / "shoes" / "x.png")
    engine = TwoModels()

    Daemon(settings, engine=engine).run(once=True)

    (told,) = (tmp_path / "hot").glob("*/shoes/x.json")
    assert engine.asked[0][1] == B
    assert "it pays most here" in json.loads(told.read_bytes())["attempts"][0]["why"]


class Died(BaseException):
    """The power failed."""


@pytest.mark.parametrize("step", ["ask engine", "keep alpha", "note attempt"])
def test_a_restart_asks_the_same_ticket_for_the_same_recipe(step: str, tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    engine, clock = TwoModels(), Clock()
    save_photo(tmp_path / "hot" / "inbox" / "shoes" / "x.png")

    def tick(now: str) -> None:
        if now == step:
            raise Died

    first = Daemon(settings, engine=engine, tick=tick, clock=clock)
    first.recover()
    first.inbox_loop.round(urgent=True)
    job = first.journal.take(clock())
    assert job is not None
    with pytest.raises(Died):
        first.worker.run(job)
    remember(first.journal, "shoes", A, 0.3)  # what the other photos brought in the meantime
    remember(first.journal, "shoes", B, 0.9)
    first.close()

    Daemon(settings, engine=engine, clock=clock).run(once=True)

    assert {recipe for ticket, recipe in engine.asked if ticket == job.ticket(1)} == {A}
    assert list((tmp_path / "hot").glob("*/shoes/x.json"))
