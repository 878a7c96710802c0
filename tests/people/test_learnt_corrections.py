"""Which corrections a photo gets: those of its order, once ten verdicts are there, the same for the whole round."""

import random
from pathlib import Path

import pytest

from daemon.hotfolder.effects import Effect
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.orders import Orders
from daemon.hotfolder.runtime import Runtime
from daemon.jobs import Attempt, Correction, Grade, Job, Measures, Outcome, Recipe, Verdict
from daemon.journal import Journal
from daemon.judgement.grading import Thresholds
from daemon.people.learnt_corrections import FRESH_SECONDS, LearntCorrections
from daemon.settings import GradingSettings, load
from daemon.settings.current import CurrentSettings
from tests.doubles import Clock

LIMITS = Thresholds(GradingSettings().sehr_gut, GradingSettings().gut)
DAY = 86400.0


class Studio:
    """A hot folder with a journal, whose people say what they think."""

    def __init__(self, folder: Path) -> None:
        self.folders = HotFolder(folder / "hot")
        self.folders.prepare()
        self.settings = load(flags={"root": str(folder / "hot"), "judgement": {"correction": "on"}})
        self.journal = Journal(folder / "journal.sqlite3")
        self.clock = Clock()
        self.met: list[Effect] = []
        orders = Orders(self.folders, CurrentSettings(self.settings), lambda _: None)
        self.learnt = LearntCorrections(self.journal, orders, Runtime(clock=self.clock, tick=self.met.append))

    def photo(self, name: str) -> Job:
        """A photo that was just started."""
        self.journal.admit(name, name, Path("x"), 1, self.clock())
        job = self.journal.take(self.clock())
        assert job is not None
        return job

    def say(
        self, verdicts: int, shift: float, folder: str = "shoes", model: str = "u2netp", deed: int | None = None
    ) -> list[str]:
        """Results whose worth to people is their score + shift, each confirmed or graded anew in the review.

        Returns the ids of their jobs.
        """
        ids = []
        dice = random.Random(f"{folder}{model}{shift}")
        for number in range(verdicts):
            score = round(dice.uniform(0.85, 1.0), 4)
            job = self.photo(f"{folder}/{model}-{shift}-{number}-{self.clock.now}.png")
            attempt = Attempt(1, Recipe(model), verdict=Verdict(score, LIMITS.grade(score), Measures(1, 1, 1)))
            self.journal.record_attempts(job, [attempt])
            self.journal.decide(job.id, Outcome((attempt,), attempt))
            self.journal.complete(job.id, [], self.clock())
            given = LIMITS.grade(score + shift)
            before, now = LIMITS.grade(score), self.clock()
            self.journal.verdicts.record(job.id, before, given, now, who="eva", how="review", deed=deed)
            ids.append(job.id)
        return ids


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    return Studio(tmp_path)


def test_a_photo_gets_the_corrections_of_its_order_by_model(studio: Studio) -> None:
    studio.say(40, -0.03)
    studio.say(40, 0.03, model="RMBG-2.0")
    studio.say(40, 0.0, folder="cups")

    found = studio.learnt.for_photo(studio.photo("shoes/a.png"), studio.settings)

    assert found.keys() == {"u2netp", "RMBG-2.0"}
    assert found["u2netp"].shift == pytest.approx(-0.03, abs=0.015)
    assert found["RMBG-2.0"].shift == pytest.approx(0.03, abs=0.015)
    assert found["u2netp"].verdicts == 40


def test_nothing_is_corrected_unless_the_settings_say_so(studio: Studio) -> None:
    studio.say(40, -0.03)
    job = studio.photo("shoes/a.png")

    assert studio.learnt.for_photo(job, load()) == {}
    assert studio.journal.corrections.of(job.id, job.round) is None
    assert studio.met == []


def test_nine_verdicts_correct_nothing(studio: Studio) -> None:
    studio.say(9, -0.03)

    assert studio.learnt.for_photo(studio.photo("shoes/a.png"), studio.settings) == {}


def test_a_photo_keeps_the_corrections_with_which_its_work_began(studio: Studio) -> None:
    studio.say(40, -0.03)
    job = studio.photo("shoes/a.png")
    before = studio.learnt.for_photo(job, studio.settings)

    studio.say(200, 0.03)
    studio.clock.advance(FRESH_SECONDS)

    assert before["u2netp"].shift < 0
    assert studio.learnt.for_photo(job, studio.settings) == before
    assert studio.learnt.for_photo(studio.photo("shoes/b.png"), studio.settings)["u2netp"].shift > 0
    assert studio.met == [Effect.KEEP_CORRECTIONS] * 2


def test_a_photo_that_began_without_corrections_stays_without(studio: Studio) -> None:
    job = studio.photo("shoes/a.png")
    assert studio.learnt.for_photo(job, studio.settings) == {}

    studio.say(40, -0.03)
    studio.clock.advance(FRESH_SECONDS)

    assert studio.learnt.for_photo(job, studio.settings) == {}


def test_whoever_turns_corrections_off_has_them_off_at_once(studio: Studio) -> None:
    studio.say(40, -0.03)
    job = studio.photo("shoes/a.png")
    assert studio.learnt.for_photo(job, studio.settings)

    assert studio.learnt.for_photo(job, load()) == {}


def test_verdicts_are_not_read_for_each_photo(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    studio.say(40, -0.03)
    studio.learnt.for_photo(studio.photo("shoes/a.png"), studio.settings)
    monkeypatch.setattr("daemon.people.learnt_corrections.judged", lambda _: pytest.fail("read again"))

    studio.clock.advance(FRESH_SECONDS - 1)

    assert studio.learnt.for_photo(studio.photo("shoes/b.png"), studio.settings)


def test_verdicts_are_not_read_again_while_nobody_says_anything(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.say(40, -0.03)
    studio.learnt.for_photo(studio.photo("shoes/a.png"), studio.settings)
    studio.clock.advance(FRESH_SECONDS)

    with monkeypatch.context() as patch:
        patch.setattr("daemon.people.learnt_corrections.judged", lambda _: pytest.fail("read again"))
        assert studio.learnt.for_photo(studio.photo("shoes/b.png"), studio.settings)


def test_an_order_that_changes_its_thresholds_is_learnt_anew(studio: Studio) -> None:
    """These people grade by an order that asks for more; once it says so, there is nothing to correct."""
    studio.say(60, -0.03)
    assert studio.learnt.for_photo(studio.photo("shoes/a.png"), studio.settings)["u2netp"].shift < 0
    (studio.folders.inbox / "shoes").mkdir()
    (studio.folders.inbox / "shoes" / "freisteller.toml").write_text("[grading]\nsehr_gut = 0.96\ngut = 0.78\n")
    studio.clock.advance(FRESH_SECONDS)

    assert studio.learnt.for_photo(studio.photo("shoes/b.png"), studio.settings) == {}


def test_a_verdict_that_is_taken_back_counts_no_longer(studio: Studio) -> None:
    studio.say(9, -0.04)
    (last,) = studio.say(1, -0.05, deed=7)
    assert studio.learnt.for_photo(studio.photo("shoes/a.png"), studio.settings)

    studio.journal.verdicts.undo(7, studio.clock(), last, [])
    studio.clock.advance(FRESH_SECONDS)

    assert studio.learnt.for_photo(studio.photo("shoes/b.png"), studio.settings) == {}


def test_another_round_gets_what_people_say_by_then(studio: Studio) -> None:
    studio.say(40, -0.03)
    job = studio.photo("shoes/a.png")
    studio.learnt.for_photo(job, studio.settings)

    assert studio.journal.corrections.of(job.id, job.round + 1) is None
    assert studio.journal.corrections.of(job.id, job.round) is not None


def test_a_wrong_order_of_somebody_else_holds_nobody_up(studio: Studio) -> None:
    studio.say(40, -0.03)
    studio.say(40, -0.03, folder="cups")
    (studio.folders.inbox / "cups").mkdir()
    (studio.folders.inbox / "cups" / "freisteller.toml").write_text("what?")

    assert studio.learnt.for_photo(studio.photo("shoes/a.png"), studio.settings)


def test_what_was_kept_is_the_same_when_it_is_read_again(studio: Studio) -> None:
    job = studio.photo("shoes/a.png")
    kept = {"RMBG-2.0": Correction(-0.0123, 17)}

    studio.journal.corrections.keep(job.id, job.round, kept)

    assert studio.journal.corrections.of(job.id, job.round) == kept


def test_people_who_contradict_the_score_altogether_correct_within_bounds(studio: Studio) -> None:
    for number in range(30):
        job = studio.photo(f"shoes/{number}.png")
        attempt = Attempt(1, Recipe("u2netp"), verdict=Verdict(0.99, Grade.SEHR_GUT, Measures(1, 1, 1)))
        studio.journal.record_attempts(job, [attempt])
        studio.journal.decide(job.id, Outcome((attempt,), attempt))
        studio.journal.complete(job.id, [], studio.clock())
        studio.journal.verdicts.record(job.id, Grade.SEHR_GUT, Grade.UNGENUEGEND, studio.clock(), how="moved")

    found = studio.learnt.for_photo(studio.photo("shoes/a.png"), studio.settings)

    assert all(-0.05 <= correction.shift <= 0.0 for correction in found.values())
