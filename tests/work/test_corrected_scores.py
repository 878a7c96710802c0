"""A photo whose order people judge: its score is corrected, everybody is told, and a crash changes nothing of it."""

import json
import logging
import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from daemon.hotfolder.hot_folder import HotFolder
from daemon.jobs import Attempt, Grade, Measures, Outcome, Recipe, Verdict
from daemon.journal import Journal
from daemon.judgement.grading import Thresholds
from daemon.publishing.attempt_in_report import attempt_in
from daemon.settings import Settings
from tests.doubles import ScriptedEngine
from tests.drawing import drawn_photo, save_photo
from tests.test_crash_at_every_step import MOST_STEPS, Died, dying_before, one_life
from tests.test_crash_at_every_step import settings_for as settings_of_lives

MODEL = ScriptedEngine.models[0]


def settings_for(folder: Path, correction: str = "on", attempts: int = 1) -> Settings:
    return settings_of_lives(
        folder,
        judgement={"correction": correction},
        strategy={"max_attempts": attempts, "ladder": [{"model": MODEL}, {"model": MODEL, "view": "mirrored"}]},
    )


def people_say(settings: Settings, shift: float, verdicts: int = 40, model: str = MODEL) -> None:
    """Reviews of earlier results whose worth to people was their score + shift."""
    dice, folders = random.Random(shift), HotFolder(settings.root_path)
    limits = Thresholds(settings.grading.sehr_gut, settings.grading.gut)
    folders.prepare()
    with closing(Journal(Path(settings.state_dir) / "journal.sqlite3")) as journal:
        for number in range(verdicts):
            score = round(dice.uniform(0.8, 1.0), 4)
            name = f"kunde/{shift}-{number}.png"
            journal.admit(name, name, Path("x"), 1, float(number))
            job = journal.take(float(number))
            assert job is not None
            attempt = Attempt(1, Recipe(model), verdict=Verdict(score, limits.grade(score), Measures(1, 1, 1)))
            journal.record_attempts(job, [attempt])
            journal.decide(job.id, Outcome((attempt,), attempt))
            journal.complete(job.id, [], float(number))
            given = limits.grade(score + shift)
            journal.verdicts.record(job.id, limits.grade(score), given, 1000.0 + number, who="eva", how="review")


def drop(settings: Settings) -> None:
    save_photo(settings.root_path / "inbox" / "kunde" / "a.png", drawn_photo(96, 72))


def the_report(settings: Settings) -> dict[str, Any]:
    (path,) = settings.root_path.glob("*/kunde/a.json")
    report: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return report


def verdict_in(report: dict[str, Any]) -> object:
    return report["score"], report["grade"], report["correction"], [each["score"] for each in report["attempts"]]


def reports_of_lives(folder: Path, between: float | None) -> Iterator[dict[str, Any]]:
    """The reports after a death before each step, and another life. between: what people say before that one."""
    for step in range(MOST_STEPS):
        settings = settings_for(folder / str(step), attempts=2)
        people_say(settings, -0.03)
        drop(settings)
        try:
            one_life(settings, ScriptedEngine(), dying_before(step))
        except Died:
            if between is not None:
                people_say(settings, between, 100)
            one_life(settings, ScriptedEngine(), lambda _: None)
            yield the_report(settings)
        else:
            return


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The report of a photo that is not corrected, though people said enough."""
    settings = settings_for(tmp_path_factory.mktemp("plain"), "off")
    people_say(settings, -0.03)
    drop(settings)
    one_life(settings, ScriptedEngine(), lambda _: None)
    return the_report(settings)


def test_a_corrected_score_is_told_with_what_it_was_and_why(
    tmp_path: Path, plain: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    settings = settings_for(tmp_path)
    people_say(settings, -0.03)
    drop(settings)
    with caplog.at_level(logging.INFO):
        one_life(settings, ScriptedEngine(), lambda _: None)

    report = the_report(settings)
    told = report["correction"]
    assert (told["score_before"], told["verdicts"]) == (plain["score"], 40)
    assert -0.05 <= told["shift"] < -0.01
    assert report["score"] == pytest.approx(plain["score"] + told["shift"], abs=1e-4)
    assert "40 verdicts of people" in told["text"]
    effects = {each["code"]: each["effect"] for each in report["made_of"]["score"]["effects"]}
    assert effects["correction"] == told["shift"]
    assert report["made_of"]["score"]["best"] + sum(effects.values()) == pytest.approx(report["score"], abs=1e-9)
    (line,) = [record.getMessage() for record in caplog.records if getattr(record, "action", "") == "job_done"]
    assert "40 verdicts of people" in line


def test_without_the_setting_nothing_is_corrected(plain: dict[str, Any]) -> None:
    assert plain["correction"] is None
    assert all(each["correction"] is None for each in plain["attempts"])


def test_a_report_gives_the_correction_back(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    people_say(settings, -0.03)
    drop(settings)
    one_life(settings, ScriptedEngine(), lambda _: None)
    report = the_report(settings)

    verdict = attempt_in(report["attempts"][0]).verdict

    assert verdict is not None
    assert verdict.correction is not None
    assert verdict.correction.verdicts == 40
    assert verdict.own_score == pytest.approx(verdict.score - verdict.correction.shift, abs=1e-4)


def test_a_crash_at_every_step_gives_the_same_corrected_verdict(tmp_path: Path) -> None:
    found = [verdict_in(report) for report in reports_of_lives(tmp_path, None)]

    assert len(found) > 10
    assert all(verdict == found[0] for verdict in found)


def test_what_people_say_after_the_work_began_changes_nothing_of_it(tmp_path: Path) -> None:
    """Other verdicts come between the death and the next life: only a photo that had not begun heeds them."""
    found = [report["correction"]["shift"] for report in reports_of_lives(tmp_path, 0.03)]

    began = next(number for number, shift in enumerate(found) if shift < 0)
    assert all(shift > -0.01 for shift in found[:began])
    assert set(found[began:]) == {found[began]}
    assert len(found) - began > 8


def test_the_correction_can_change_the_grade(tmp_path: Path, plain: dict[str, Any]) -> None:
    """The limit lies right below the score that the program alone gives."""
    settings = settings_for(tmp_path)
    strict = settings.grading.model_copy(update={"sehr_gut": round(plain["score"] - 0.001, 4)})
    settings = settings.model_copy(update={"grading": strict})
    people_say(settings, -0.03)
    drop(settings)
    one_life(settings, ScriptedEngine(), lambda _: None)

    report = the_report(settings)
    assert report["correction"]["score_before"] >= strict.sehr_gut
    assert report["score"] < strict.sehr_gut
    assert Grade(report["grade"]) is not Grade.SEHR_GUT
