"""The spots of a verdict stand in the report, and a journal that reads it back knows them again."""

import json
from dataclasses import asdict
from pathlib import Path

import pytest

from daemon.hotfolder.hot_folder import HotFolder
from daemon.jobs import Attempt, Grade, Measures, Recipe, Spot, Verdict, Witnessed
from daemon.journal.rows import ATTEMPT
from daemon.publishing.found_files import entry_of_report
from daemon.publishing.reports import verdict_values
from daemon.words.catalogue import words_in
from tests.publishing.photo_report import report_of_a_photo

SPOT = Spot(0.1, 0.2, 0.3, 0.4, 0.147258, 0.25)
VERDICT = Verdict(
    0.5,
    Grade.GUT,
    Measures(0.9, 0.8, 1.0),
    ("good edges", "remains"),
    ("residue",),
    ((), (SPOT,)),
    witness=Witnessed("u2netp", 0.125),
)


@pytest.fixture
def report(tmp_path: Path) -> Path:
    """The report of a photo, whose attempts have this verdict."""
    path = report_of_a_photo(tmp_path)
    body = json.loads(path.read_text("utf-8"))
    for attempt in body["attempts"]:
        attempt.update(verdict_values(VERDICT, words_in("en")))
    path.write_text(json.dumps(body), "utf-8")
    return path


def verdict_of(path: Path) -> Verdict:
    found = entry_of_report(HotFolder(path.parents[1]), path)
    assert found is not None
    verdict = found.job.attempts[0].verdict
    assert verdict is not None
    return verdict


def spots_of(path: Path) -> tuple[tuple[Spot, ...], ...]:
    return verdict_of(path).spots


def test_a_report_that_is_read_back_has_its_spots(report: Path) -> None:
    assert spots_of(report) == VERDICT.spots


def test_a_report_that_is_read_back_has_its_witness(report: Path) -> None:
    assert verdict_of(report).witness == Witnessed("u2netp", 0.125)


@pytest.mark.parametrize("spoilt", ["1e999", "NaN", "-1", "17", '"x"'])
def test_spots_that_are_no_shares_of_a_picture_are_left_out(report: Path, spoilt: str) -> None:
    report.write_text(report.read_text("utf-8").replace("0.147258", spoilt), "utf-8")

    assert spots_of(report) == ()


def test_a_verdict_of_an_earlier_version_has_no_spots() -> None:
    kept = ATTEMPT.dump_python(Attempt(1, Recipe("m"), verdict=VERDICT), mode="json")
    del kept["verdict"]["spots"]

    verdict = ATTEMPT.validate_python(kept).verdict

    assert verdict is not None
    assert verdict.spots == ()
    assert "spots" not in verdict_values(verdict, words_in("en"))


def test_the_values_of_a_report_name_each_side() -> None:
    assert verdict_values(VERDICT, words_in("en"))["spots"] == [[], [asdict(SPOT)]]
