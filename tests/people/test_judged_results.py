"""`freisteller verdicts` shows and fits what people think of results, from a real journal; it writes only if asked."""

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from daemon.hotfolder.hot_folder import HotFolder
from daemon.jobs import Attempt, Grade, Measures, Outcome, Recipe, Verdict
from daemon.journal import Journal
from daemon.judgement.grading import Thresholds
from daemon.people.judged_results import SOON_SECONDS, judged
from daemon.settings import GradingSettings, load
from tests.processes import freisteller

DAY = 86400.0
START = 100 * DAY
PRESENT = Thresholds(GradingSettings().sehr_gut, GradingSettings().gut)
MEASURES = Measures(0.9, 0.6, 0.7, None)


def done(journal: Journal, job_id: str, score: float, at: float = 0.0, folder: str = "shoes") -> Grade:
    """A photo that is done, graded by the present thresholds."""
    verdict = Verdict(score, PRESENT.grade(score), MEASURES)
    attempt = Attempt(1, Recipe("u2netp"), verdict=verdict)
    journal.admit(job_id, f"{folder}/{job_id}.png", Path("x"), 1, at)
    job = journal.take(at)
    assert job is not None
    journal.record_attempts(job, [attempt])
    journal.decide(job.id, Outcome((attempt,), attempt))
    journal.complete(job.id, [], at)
    return verdict.grade


def move(journal: Journal, job_id: str, before: Grade, after: Grade, at: float) -> None:
    journal.verdicts.record(job_id, before, after, at, how="moved")


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.sqlite3")


@pytest.fixture(scope="module")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The journal of people who see every result, and for whom sehr_gut begins at 0.87."""
    path = tmp_path_factory.mktemp("studio") / "journal.sqlite3"
    journal, wanted = Journal(path), Thresholds(0.87, PRESENT.gut)
    dice = random.Random(1)
    for number in range(200):
        score = round(dice.uniform(0.5, 1.0), 4)
        grade = done(journal, f"{number}", score, float(number))
        if wanted.grade(score) is not grade:
            move(journal, f"{number}", grade, wanted.grade(score), 1000.0 + number)
    journal.close()
    return path


def test_a_verdict_comes_with_the_score_and_the_measures_of_its_result(journal: Journal) -> None:
    grade = done(journal, "a", 0.8)
    move(journal, "a", grade, Grade.SEHR_GUT, 5.0)

    (one,) = judged(journal)

    assert (one.score, one.program, one.person, one.measures) == (0.8, Grade.GUT, Grade.SEHR_GUT, MEASURES)


def test_the_last_word_of_a_person_counts(journal: Journal) -> None:
    grade = done(journal, "a", 0.8)
    move(journal, "a", grade, Grade.SEHR_GUT, 5.0)
    move(journal, "a", Grade.SEHR_GUT, Grade.UNGENUEGEND, 6.0)

    assert [one.person for one in judged(journal)] == [Grade.UNGENUEGEND]


def test_what_was_looked_at_and_left_is_an_agreement(journal: Journal) -> None:
    for job_id in ("moved", "left"):
        done(journal, job_id, 0.8)
    move(journal, "moved", Grade.GUT, Grade.SEHR_GUT, DAY)

    left = [one for one in judged(journal) if not one.spoken]

    assert [(one.program, one.person) for one in left] == [(Grade.GUT, Grade.GUT)]


@pytest.mark.parametrize(
    ("score", "at", "folder"),
    [
        (0.95, START, "shoes"),  # another grade: nobody opened its folder
        (0.8, START, "cups"),  # another customer
        (0.8, START + 2 * DAY, "shoes"),  # it came later
        (0.8, START + DAY - SOON_SECONDS - 1, "shoes"),  # it came long before
    ],
)
def test_what_nobody_looked_at_is_no_agreement(score: float, at: float, folder: str, journal: Journal) -> None:
    done(journal, "moved", 0.8, START)
    move(journal, "moved", Grade.GUT, Grade.SEHR_GUT, START + DAY)
    done(journal, "other", score, at, folder)

    assert all(one.spoken for one in judged(journal))


@pytest.fixture
def hot(tmp_path: Path, studio: Path) -> Path:
    """The folder above the hot folder of these people."""
    HotFolder(tmp_path / "hot").prepare()
    (tmp_path / "state").mkdir()
    shutil.copy(studio, tmp_path / "state" / "journal.sqlite3")
    return tmp_path


def test_the_command_shows_what_people_said_and_proposes_nothing_unasked(hot: Path) -> None:
    shown = freisteller("verdicts", folder=hot)

    assert shown.returncode == 0, shown.stderr
    assert "shoes/" in shown.stdout
    assert "to a better grade" in shown.stdout
    assert "proposed" not in shown.stdout


def test_a_refit_prints_what_it_rests_on_and_writes_nothing(hot: Path) -> None:
    config = hot / "freisteller.toml"
    config.write_text("[grading]\nsehr_gut = 0.93\n")
    before = sorted(path.name for path in hot.iterdir())

    told = freisteller("verdicts", "--refit", "--config", "freisteller.toml", folder=hot)
    values = json.loads(freisteller("verdicts", "--refit", "--json", folder=hot).stdout)

    assert "took a result up" in told.stdout, told.stderr
    assert "Nothing was changed" in told.stdout
    assert values["refit"]["proposed"]["sehr_gut"] == pytest.approx(0.87, abs=0.01)
    assert values["refit"]["proposed"].keys() == values["thresholds"].keys() == {"sehr_gut", "gut"}
    assert values["refit"]["proposed"]["gut"] == PRESENT.gut
    assert config.read_text() == "[grading]\nsehr_gut = 0.93\n"
    assert sorted(path.name for path in hot.iterdir()) == before


def test_a_refit_that_is_told_to_write_changes_the_thresholds_and_nothing_else(hot: Path) -> None:
    config = hot / "freisteller.toml"
    text = "# ours\n[strategy]\nmax_attempts = 2\n\n[grading]\n# lowest\nsehr_gut = 0.93  # very good\n\n[log]\n"
    config.write_text(text)

    done = freisteller("verdicts", "--refit", "--write", "freisteller.toml", folder=hot)

    assert done.returncode == 0, done.stderr
    changed = load(config)
    assert changed.grading.sehr_gut == pytest.approx(0.87, abs=0.01)
    assert changed.strategy.max_attempts == 2
    assert "# very good" in config.read_text()


def test_without_enough_verdicts_nothing_is_written_and_the_command_fails(tmp_path: Path) -> None:
    HotFolder(tmp_path / "hot").prepare()
    Journal(tmp_path / "state" / "journal.sqlite3").close()

    done = freisteller("verdicts", "--refit", "--write", "new.toml", folder=tmp_path)

    assert done.returncode == 1
    assert "There are no verdicts yet" in done.stdout
    assert not (tmp_path / "new.toml").exists()


def test_writing_without_a_refit_is_a_mistake_that_is_told(tmp_path: Path) -> None:
    done = freisteller("verdicts", "--write", "new.toml", folder=tmp_path)

    assert done.returncode == 2
    assert "--refit" in done.stderr


def test_a_verdict_comes_with_its_order_and_its_model(journal: Journal) -> None:
    for job_id in ("moved", "left"):
        done(journal, job_id, 0.8)
    move(journal, "moved", Grade.GUT, Grade.SEHR_GUT, DAY)

    assert [(one.order, one.model, one.spoken) for one in judged(journal)] == [
        ("shoes", "u2netp", True),
        ("shoes", "u2netp", False),
    ]


def test_the_command_shows_corrections_and_that_none_is_in_use(hot: Path) -> None:
    shown = freisteller("verdicts", folder=hot)
    (row,) = json.loads(freisteller("verdicts", "--json", folder=hot).stdout)["corrections"]

    assert "What verdicts say of scores" in shown.stdout, shown.stderr
    assert "Nothing is corrected now" in shown.stdout
    assert (row["order"], row["model"], row["in_use"], row["needs_more_verdicts"]) == ("shoes", "u2netp", False, 0)
    assert 0.01 < row["correction"] <= 0.05
    assert 0 < row["standard_error"] < 0.02
    assert row["tried_on"] >= row["would_have_changed"] >= row["nearer_to_people"] > row["farther_from_people"]


def test_the_command_knows_what_an_order_sets(hot: Path) -> None:
    """These people agree with their own order, so there is nothing to correct; and it lets corrections count."""
    (hot / "hot" / "inbox" / "shoes").mkdir()
    order = '[grading]\nsehr_gut = 0.87\n[judgement]\ncorrection = "on"\n'
    (hot / "hot" / "inbox" / "shoes" / "freisteller.toml").write_text(order)

    (row,) = json.loads(freisteller("verdicts", "--json", folder=hot).stdout)["corrections"]

    assert row["in_use"] is True
    assert abs(row["correction"]) < 0.01


def test_an_order_with_nine_verdicts_needs_one_more(tmp_path: Path) -> None:
    HotFolder(tmp_path / "hot").prepare()
    journal = Journal(tmp_path / "state" / "journal.sqlite3")
    for number in range(9):
        grade = done(journal, f"{number}", 0.9, float(number))
        move(journal, f"{number}", grade, Grade.SEHR_GUT, 100.0 + number)
    journal.close()

    shown = freisteller("verdicts", folder=tmp_path)

    assert "needs one more" in " ".join(shown.stdout.split()), shown.stderr


def test_the_drift_is_told_with_one_json_object_at_the_end(hot: Path) -> None:
    told = subprocess.run(
        [sys.executable, "-m", "benchmarks.judgement", "drift", "--journal", str(hot / "state" / "journal.sqlite3")],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=True,
    )

    figures = json.loads(told.stdout.splitlines()[-1])
    assert figures["verdicts"] == figures["thought_better"] > 20
    assert figures["thought_worse"] == 0
    assert figures["sehr_gut"] == pytest.approx(0.87, abs=0.01)
    assert figures["disagreement_refitted"] < figures["disagreement"]
    assert "1970-01" in told.stdout
    assert figures["correction_tried"] >= figures["correction_changed"] >= figures["correction_nearer"] > 0
    assert figures["correction_nearer"] > figures["correction_farther"]


def test_who_decides_on_one_result_after_the_other_has_not_seen_the_rest(journal: Journal) -> None:
    grade = done(journal, "a", 0.8)
    done(journal, "b", 0.81)
    journal.verdicts.record("a", grade, grade, 5.0, who="eva", how="review")

    found = judged(journal)

    assert [(one.score, one.spoken) for one in found] == [(0.8, True)]
