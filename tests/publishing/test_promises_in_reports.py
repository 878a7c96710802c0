"""Both promises stand in the report with what they are made of, and a journal that reads it back knows them again."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from daemon.hotfolder.hot_folder import HotFolder
from daemon.jobs import Attempt, Finish, Grade, Limits, MadeOf, Measures, Recipe, Verdict
from daemon.journal.rows import ATTEMPT, attempt, attempt_body
from daemon.publishing.attempt_in_report import attempt_in
from daemon.publishing.found_files import entry_of_report
from daemon.publishing.report_reading import read_report
from daemon.publishing.reports import attempt_values, verdict_values
from daemon.words.catalogue import words_in
from tests.publishing.photo_report import report_of_a_photo

VERDICT = Verdict(
    0.9296,
    Grade.GUT,
    Measures(0.79, 0.72, 0.86),
    ("remains",),
    rim=0.8123,
    made_of=MadeOf(0.98, (("veil", -0.0304), ("outline", -0.02))),
    rim_made_of=MadeOf(0.97, (("rough", -0.1577),)),
    limits=Limits(0.93, 0.75, 0.9, 0.5),
)
NEW = ("rim", "limits", "made_of", "graded_by")


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """The report of a photo that was cut out."""
    return report_of_a_photo(tmp_path)


def changed(path: Path, **values: Any) -> None:
    body = json.loads(path.read_text("utf-8"))
    for part in (body, *body["attempts"]):
        part.update(verdict_values(VERDICT, words_in("en")) | values)
    path.write_text(json.dumps(body), "utf-8")


def read_back(path: Path) -> Verdict:
    found = entry_of_report(HotFolder(path.parents[1]), path)
    assert found is not None
    assert found.job.attempts[0].verdict is not None
    return found.job.attempts[0].verdict


def whole(made: dict[str, Any]) -> float:
    return round(float(made["best"] + sum(each["effect"] for each in made["effects"])), 4)


def test_a_report_adds_up_to_the_grade(report: Path) -> None:
    body = json.loads(report.read_text("utf-8"))

    for part in (body, *body["attempts"]):
        limits = part["limits"]
        assert whole(part["made_of"]["score"]) == part["score"]
        assert part["rim"] is None or whole(part["made_of"]["rim"]) == part["rim"]
        by_score = (part["score"] >= limits["sehr_gut"]) + (part["score"] >= limits["gut"])
        rim = 1.0 if part["rim"] is None else part["rim"]
        by_rim = (rim >= limits["rim_sehr_gut"]) + (rim >= limits["rim_gut"])
        assert ["ungenügend", "gut", "sehr_gut"][min(by_score, by_rim)] == part["grade"]


def test_each_kind_of_sign_has_words_and_the_measures_that_see_it() -> None:
    (veil, outline) = verdict_values(VERDICT, words_in("de"))["made_of"]["score"]["effects"]

    assert veil["text"] == "wie sauber es abseits des Motivs ist"
    assert veil["measures"] == ["pixel_residue", "edge_cleanliness"]
    assert (outline["code"], outline["effect"]) == ("outline", -0.02)


def test_a_report_that_is_read_back_has_both_promises(report: Path) -> None:
    changed(report)
    back = read_back(report)

    assert (back.score, back.rim, back.limits) == (VERDICT.score, VERDICT.rim, VERDICT.limits)
    assert (back.made_of, back.rim_made_of, back.graded_by) == (VERDICT.made_of, VERDICT.rim_made_of, "both")
    (shown,) = read_report(report.read_bytes())
    assert (shown.score, shown.rim, shown.limits) == (VERDICT.score, VERDICT.rim, VERDICT.limits)


def test_a_report_of_an_earlier_version_is_read_as_before(report: Path) -> None:
    body = json.loads(report.read_text("utf-8"))
    for part in (body, *body["attempts"]):
        for name in NEW:
            del part[name]
    report.write_text(json.dumps(body), "utf-8")

    (shown,) = read_report(report.read_bytes())
    assert (shown.rim, shown.limits, shown.score) == (None, None, body["score"])
    assert (read_back(report).rim, read_back(report).made_of) == (None, None)


@pytest.mark.parametrize("spoilt", [float("nan"), 1e9, -1, "x", [1]])
def test_a_promise_of_a_stranger_that_is_no_share_makes_it_no_report(report: Path, spoilt: object) -> None:
    changed(report, rim=spoilt)

    with pytest.raises(ValueError, match=r"share|float|report"):
        read_report(report.read_bytes())
    assert entry_of_report(HotFolder(report.parents[1]), report) is None


def test_a_report_says_which_finish_was_not_taken() -> None:
    guided = Finish(guided=True, levels=(0.3, 0.7))
    kept = Attempt(1, Recipe("m"), finish=Finish(fill_holes=True), verdict=VERDICT, finish_not_taken=guided)

    told = attempt_values(kept, words_in("en"))

    assert told["finish_not_taken"] == {"guided": True, "levels": (0.3, 0.7)}
    assert "finish_not_taken" not in attempt_values(replace(kept, finish_not_taken=None), words_in("en"))
    assert attempt_in(json.loads(json.dumps(told))).finish_not_taken == guided
    assert attempt(attempt_body(kept)) == kept


def test_the_journal_keeps_both_promises_and_knows_rows_of_earlier_versions() -> None:
    kept = Attempt(1, Recipe("m"), verdict=VERDICT, resolved=320)
    assert attempt(attempt_body(kept)) == kept

    old = ATTEMPT.dump_python(kept, mode="json")
    for name in ("rim", "made_of", "rim_made_of", "limits"):
        del old["verdict"][name]
    del old["resolved"]
    back = ATTEMPT.validate_python(old)
    assert back.verdict is not None
    assert (back.resolved, back.verdict.rim, back.verdict.by_rim, back.verdict.score) == (0, None, False, 0.9296)
