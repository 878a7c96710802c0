"""A person gives a result another grade: its renditions become those of that grade, once, whenever the program dies."""

import json
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from daemon.errors import NoRoom, WorkerLost
from daemon.hotfolder.effects import Effect
from daemon.jobs import Grade
from daemon.people.deeds import DeedKind
from daemon.people.due_renditions import DueRenditions
from daemon.settings import Settings
from tests.drawing import drawn_photo
from tests.people.test_deeds import Studio
from tests.test_crash_at_every_step import MOST_STEPS, Died, dying_before, files_below, settings_for

pytestmark = pytest.mark.usefixtures("deaf")

SQUARE = {"canvas": "64x64", "format": "png", "enlarge": True}
RENDITIONS = {
    "best": {**SQUARE, "grades": ["sehr_gut"]},
    "low": {**SQUARE, "grades": ["ungenügend"]},
    "any": SQUARE,
}


def wanting(folder: Path, **sections: object) -> Settings:
    """All results are ungenügend, until a person says something else."""
    return settings_for(
        folder, **{"grading": {"sehr_gut": 0.9999, "gut": 0.9998}, "renditions": RENDITIONS, **sections}
    )


def studio_in(folder: Path, **sections: object) -> Studio:
    return Studio(folder, wanting(folder, **sections))


def grade(studio: Studio, grade: Grade) -> None:
    studio.deeds.act(DeedKind.GRADE, studio.job_id, "eva", {"grade": grade})


def follow(studio: Studio) -> None:
    studio.daemon.parts.late_renditions.turn()


def found(studio: Studio) -> list[str]:
    return [name for grade in Grade for name in files_below(studio.root / grade.value)]


def told(studio: Studio) -> dict[str, Any]:
    (report,) = (path for grade in Grade for path in (studio.root / grade.value).rglob("a.json"))
    body: dict[str, Any] = json.loads(report.read_bytes())
    return body


BEST = ["kunde/a.json", "kunde/a.png", "kunde/a_for-any.png", "kunde/a_for-best.png"]
LOW = ["kunde/a.json", "kunde/a.png", "kunde/a_for-any.png", "kunde/a_for-low.png"]


def test_what_is_for_the_new_grade_is_made_and_what_is_not_goes_to_the_archive(tmp_path: Path) -> None:
    studio = studio_in(tmp_path)
    assert found(studio) == LOW
    any_before = next(studio.root.rglob("a_for-any.png")).stat().st_ino

    grade(studio, Grade.SEHR_GUT)
    follow(studio)

    assert found(studio) == BEST
    assert files_below(studio.root / "archiv") == ["kunde/a-earlier_for-low.png", "kunde/a.png"]
    row, body = studio.journal.row(studio.job_id), told(studio)
    assert sorted(row.results) == [f"sehr_gut/{name}" for name in BEST]
    assert [each["name"] for each in body["renditions"]] == ["any", "best"]
    assert body["renditions"][1]["rules"]
    sums = {
        suffix: sha256((studio.root / "sehr_gut/kunde" / f"a{suffix}").read_bytes()).hexdigest()
        for suffix in body["sha256"]
    }
    assert body["sha256"] == sums
    assert set(sums) == {".png", "_for-any.png", "_for-best.png"}
    assert next(studio.root.rglob("a_for-any.png")).stat().st_ino == any_before
    assert DueRenditions(studio.journal).jobs() == ()
    assert files_below(studio.root / ".freisteller" / "staging") == []
    studio.daemon.close()


def test_they_follow_a_result_that_is_moved_by_hand_and_back(tmp_path: Path) -> None:
    studio = studio_in(tmp_path)

    for grade_, files in ((Grade.SEHR_GUT, BEST), (Grade.UNGENUEGEND, LOW)):
        picture = next(path for each in Grade for path in (studio.root / each.value).rglob("a.png"))
        there = studio.root / grade_.value / "kunde"
        there.mkdir(parents=True, exist_ok=True)
        picture.rename(there / "a.png")
        studio.daemon.parts.verdicts.turn(settle_seconds=0)
        follow(studio)
        assert found(studio) == files
        assert {place.partition("/")[0] for place in studio.journal.row(studio.job_id).results} == {grade_.value}
    studio.daemon.close()


def test_formats_that_came_later_and_cannot_hold_the_photo_do_not_matter(tmp_path: Path) -> None:
    studio = Studio(tmp_path, wanting(tmp_path), drawn_photo(16384, 72))
    studio.daemon.close()
    studio.settings = wanting(tmp_path, outputs={"formats": ["webp"]})
    studio.start()

    grade(studio, Grade.SEHR_GUT)
    follow(studio)

    assert found(studio) == BEST
    studio.daemon.close()


def test_they_follow_a_grade_that_is_taken_back(tmp_path: Path) -> None:
    studio = studio_in(tmp_path)
    number = studio.deeds.act(DeedKind.GRADE, studio.job_id, "eva", {"grade": Grade.SEHR_GUT})
    follow(studio)

    studio.deeds.undo(number, "eva")
    follow(studio)

    assert found(studio) == LOW
    assert [each["name"] for each in told(studio)["renditions"]] == ["any", "low"]
    studio.daemon.close()


def test_a_crash_at_every_step_leaves_those_of_the_new_grade_once(tmp_path: Path) -> None:
    for step in range(MOST_STEPS):
        studio = studio_in(tmp_path / str(step))
        grade(studio, Grade.SEHR_GUT)
        studio.tick = dying_before(step)
        died = False
        try:
            follow(studio)
        except Died:
            died = True
        studio.daemon.close()
        studio.tick = lambda _: None
        studio.start()
        studio.daemon.parts.verdicts.turn(settle_seconds=0)
        follow(studio)

        assert found(studio) == BEST, step
        assert sorted(studio.journal.row(studio.job_id).results) == [f"sehr_gut/{name}" for name in BEST], step
        assert [each["name"] for each in told(studio)["renditions"]] == ["any", "best"], step
        assert files_below(studio.root / "archiv") == ["kunde/a-earlier_for-low.png", "kunde/a.png"], step
        assert files_below(studio.root / ".freisteller" / "staging") == [], step
        assert len(studio.journal.verdicts.latest(9)) == 1, step
        studio.daemon.close()
        if not died:
            assert step > 8
            return
    raise AssertionError("no run survived")


@pytest.mark.slow
def test_a_crash_at_every_step_of_the_deed_and_of_what_follows_it(tmp_path: Path) -> None:
    outcomes = set()
    for step in range(MOST_STEPS):
        studio = studio_in(tmp_path / str(step))
        studio.tick = dying_before(step)
        died = False
        try:
            grade(studio, Grade.SEHR_GUT)
            follow(studio)
        except Died:
            died = True
        studio.daemon.close()
        studio.tick = lambda _: None
        studio.start()
        follow(studio)

        outcomes.add(tuple(found(studio)))
        standing = studio.journal.verdicts.latest(9)
        assert found(studio) == (BEST if standing else LOW), step
        assert sorted(studio.journal.row(studio.job_id).results) == [
            f"{'sehr_gut' if standing else 'ungenügend'}/{name}" for name in found(studio)
        ], step
        studio.daemon.close()
        if not died:
            assert outcomes == {tuple(BEST), tuple(LOW)}
            return
    raise AssertionError("no run survived")


@pytest.mark.slow
def test_a_person_may_move_the_result_back_after_a_crash_at_any_step(tmp_path: Path) -> None:
    for step in range(MOST_STEPS):
        studio = studio_in(tmp_path / str(step))
        grade(studio, Grade.SEHR_GUT)
        studio.tick = dying_before(step)
        died = False
        try:
            follow(studio)
        except Died:
            died = True
        studio.daemon.close()
        studio.tick = lambda _: None
        (studio.root / "sehr_gut/kunde/a.png").rename(studio.root / "ungenügend/kunde/a.png")
        studio.start()
        follow(studio)
        studio.daemon.parts.verdicts.turn(settle_seconds=0)
        follow(studio)
        follow(studio)

        assert found(studio) == LOW, step
        assert sorted(studio.journal.row(studio.job_id).results) == [f"ungenügend/{name}" for name in LOW], step
        assert [each["name"] for each in told(studio)["renditions"]] == ["any", "low"], step
        studio.daemon.close()
        if not died:
            return
    raise AssertionError("no run survived")


def test_a_rendition_that_a_person_edited_stays(tmp_path: Path) -> None:
    studio = studio_in(tmp_path)
    next(studio.root.rglob("a_for-low.png")).write_bytes(b"edited by hand")

    grade(studio, Grade.SEHR_GUT)
    follow(studio)

    assert found(studio) == sorted([*BEST, "kunde/a_for-low.png"])
    assert (studio.root / "sehr_gut/kunde/a_for-low.png").read_bytes() == b"edited by hand"
    studio.daemon.close()


def test_a_file_of_somebody_else_is_never_replaced(tmp_path: Path) -> None:
    studio = studio_in(tmp_path)
    mine = studio.root / "sehr_gut" / "kunde" / "a_for-best.png"
    mine.parent.mkdir(parents=True)
    mine.write_bytes(b"my own picture")

    grade(studio, Grade.SEHR_GUT)
    follow(studio)

    assert mine.read_bytes() == b"my own picture"
    best = next(each for each in told(studio)["renditions"] if each["name"] == "best")
    assert (best["kept"], best["rules"][0]["found"]) == (False, "another file has its name")
    assert DueRenditions(studio.journal).jobs() == ()
    studio.daemon.close()


def test_without_its_original_nothing_is_made_and_nothing_harmed(tmp_path: Path) -> None:
    studio = studio_in(tmp_path)
    (studio.root / "archiv" / "kunde" / "a.png").unlink()

    grade(studio, Grade.SEHR_GUT)
    follow(studio)

    assert found(studio) == LOW
    assert DueRenditions(studio.journal).jobs() == ()
    studio.daemon.close()


def test_a_full_disk_leaves_it_due(tmp_path: Path) -> None:
    studio = studio_in(tmp_path)
    grade(studio, Grade.SEHR_GUT)

    def full(effect: Effect) -> None:
        if effect is Effect.RECORD_RESULTS:
            raise NoRoom("full")

    studio.tick = full
    follow(studio)
    due = DueRenditions(studio.journal).jobs()
    studio.tick = lambda _: None
    follow(studio)

    assert due == (studio.job_id,)
    assert found(studio) == BEST
    studio.daemon.close()


def test_a_process_that_is_lost_again_and_again_is_not_started_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = studio_in(tmp_path)
    grade(studio, Grade.SEHR_GUT)

    def lost(*_: object) -> None:
        raise WorkerLost("it died")

    desk = studio.daemon.parts.late_renditions._desk
    monkeypatch.setattr(desk, "make", lost)
    for _ in range(3):
        assert DueRenditions(studio.journal).jobs() == (studio.job_id,)
        follow(studio)

    assert DueRenditions(studio.journal).jobs() == ()
    assert found(studio) == LOW
    studio.daemon.close()


def test_where_nothing_changes_no_file_is_touched(tmp_path: Path) -> None:
    studio = studio_in(tmp_path, renditions={"any": SQUARE})
    report = next(studio.root.rglob("a.json")).stat()

    grade(studio, Grade.SEHR_GUT)
    follow(studio)

    assert next((studio.root / "sehr_gut").rglob("a.json")).stat().st_ino == report.st_ino
    assert DueRenditions(studio.journal).jobs() == ()
    studio.daemon.close()
