"""A person takes another attempt at one page of a file: it is made anew, once, and the other pages stay as they are."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from daemon.errors import IllegalMove, Vanished
from daemon.hotfolder.effects import Effect
from daemon.jobs import Attempt, Choice, Finish, Grade, Job, Measures, Recipe, Verdict
from daemon.journal import JobRow, Journal
from daemon.judgement.best_of_pages import best_of_page, with_taken
from daemon.publishing.found_files import entry_of_report
from daemon.publishing.shown_in_report import shown_in_report
from daemon.service.lifecycle import Daemon
from tests.doubles import ScriptedEngine
from tests.drawing import save_pages
from tests.people.test_other_attempts import GRADES, Desk, in_work, settings_for
from tests.test_crash_at_every_step import MOST_STEPS, Died, dying_before

PAGES = 3


def new_desk(folder: Path, pages: int = PAGES, **sections: object) -> Desk:
    save_pages(folder / "hot" / "inbox" / "a.tif", pages)
    desk = Desk(folder, settings_for(folder, **sections), ScriptedEngine())
    desk.live()
    return desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return new_desk(tmp_path)


def another(row: JobRow, page: int) -> int:
    best = best_of_page(row.job, page)
    return next(each.number for each in row.job.attempts if each.page == page and each != best and each.verdict)


def results(desk: Desk) -> dict[str, bytes]:
    """The pictures of the result by name."""
    root = desk.folder / "hot"
    return {Path(place).name: (root / place).read_bytes() for place in desk.row().results if place[-5:] != ".json"}


def report(desk: Desk) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((desk.folder / "hot" / desk.row().results[-1]).read_bytes())
    return found


def of_page(files: dict[str, bytes], page: int) -> dict[str, bytes]:
    return {name: content for name, content in files.items() if f"-p{page}" in name}


def others(files: dict[str, bytes], page: int) -> dict[str, bytes]:
    return {name: content for name, content in files.items() if f"-p{page}" not in name}


def test_one_page_is_made_anew_in_all_formats_and_the_others_stay_byte_for_byte(desk: Desk) -> None:
    before, files, calls = desk.row(), results(desk), desk.calls
    number = another(before, 2)

    desk.live(take=(before.job.id, number))

    after, now, told = desk.row(), results(desk), report(desk)
    assert desk.calls == calls
    assert others(now, 2) == others(files, 2)
    assert of_page(now, 2).keys() == of_page(files, 2).keys()
    assert of_page(now, 2) != of_page(files, 2)
    assert len(of_page(now, 2)) == 3
    assert [page["best_attempt"] for page in told["pages"]][1] == number
    assert [page.get("chosen", {}).get("by") for page in told["pages"]] == [None, "anna", None]
    assert after.job.round == 1
    assert desk.files(*GRADES) == sorted(after.results)
    assert desk.files("archiv") == sorted(
        ["archiv/a.tif", "archiv/a-earlier.json", *(f"archiv/{name.replace('a', 'a-earlier', 1)}" for name in files)]
    )


def test_a_page_that_a_person_edited_stays_as_it_was_edited(desk: Desk) -> None:
    row = desk.row()
    edited = next(place for place in row.results if place.endswith("-p1.png"))
    (desk.folder / "hot" / edited).write_bytes(b"edited")

    desk.live(take=(row.job.id, another(row, 3)))

    assert results(desk)["a-p1.png"] == b"edited"
    assert report(desk)["pages"][0]["result"] == {"width": 96, "height": 72}


def test_what_was_taken_of_one_page_stays_when_another_page_is_taken(desk: Desk) -> None:
    row = desk.row()
    first, third = another(row, 1), another(row, 3)
    desk.live(take=(row.job.id, first))
    files, calls = results(desk), desk.calls

    desk.live(take=(row.job.id, third))
    desk.live(take=(row.job.id, third))  # a second person finds it taken

    pages = report(desk)["pages"]
    assert others(results(desk), 3) == others(files, 3)
    assert (pages[0]["best_attempt"], pages[2]["best_attempt"]) == (first, third)
    assert ["chosen" in page for page in pages] == [True, False, True]
    assert (desk.row().job.round, desk.calls) == (2, calls)


def test_a_page_goes_back_to_its_former_attempt(desk: Desk) -> None:
    row = desk.row()
    files, best = results(desk), best_of_page(row.job, 2)
    assert best is not None
    desk.live(take=(row.job.id, another(row, 2)))

    desk.live(take=(row.job.id, best.number))

    assert results(desk) == files
    assert (desk.row().job.best, desk.row().job.grade) == (row.job.best, row.job.grade)


def test_settings_that_changed_since_count_for_the_page_that_is_made_anew_alone(desk: Desk) -> None:
    row, files = desk.row(), results(desk)
    desk.settings = settings_for(desk.folder, outputs={"formats": ["webp"], "pages": "first"})
    calls = desk.calls

    desk.live(take=(row.job.id, another(row, 2)))

    now = results(desk)
    assert others(now, 2) == others(files, 2)
    assert list(of_page(now, 2)) == ["a-p2.webp"]
    assert desk.calls == calls


def test_a_file_of_which_only_the_first_page_was_cut_out_keeps_to_it(tmp_path: Path) -> None:
    desk = new_desk(tmp_path, outputs={"pages": "first"})
    row, calls = desk.row(), desk.calls
    desk.settings = settings_for(tmp_path)

    desk.live(take=(row.job.id, another(row, 1)))

    assert (sorted(results(desk)), desk.calls) == (["a.jpg", "a.png", "a_mask.png"], calls)


def test_the_alphas_of_other_pages_are_not_needed(desk: Desk) -> None:
    row, files = desk.row(), results(desk)
    for path in (desk.folder / "state" / "alphas-of-results").rglob("0-[12]0?-*.png"):
        path.unlink()

    desk.live(take=(row.job.id, another(row, 1)))

    assert others(results(desk), 1) == others(files, 1)
    with pytest.raises(IllegalMove, match="keep_alphas_days"):
        desk.live(take=(row.job.id, another(row, 2)))


def test_a_page_that_was_just_moved_away_is_waited_for(desk: Desk) -> None:
    row = desk.row()
    place = next(place for place in row.results if "-p1" in place)
    (desk.folder / "hot" / place).rename(desk.folder / "hot" / "elsewhere.png")

    with pytest.raises(Vanished, match="just moved"):
        desk.live(take=(row.job.id, another(row, 2)))


def test_a_page_that_goes_away_before_it_is_copied_is_made_anew(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    row, files = desk.row(), results(desk)
    place = next(place for place in row.results if place.endswith("-p1.png"))

    def tick(effect: Effect) -> None:
        if effect is Effect.TAKE_ATTEMPT:
            for each in row.results:
                if "-p1" in each:
                    (desk.folder / "hot" / each).unlink()

    desk.live(tick, take=(row.job.id, another(row, 2)))

    assert others(results(desk), 2) == others(files, 2)  # a result is made of the same alpha in the same way
    assert Path(place).name in results(desk)


def test_a_journal_that_is_new_learns_the_attempts_of_all_pages_and_what_was_taken(desk: Desk) -> None:
    first = desk.row()
    desk.live(take=(first.job.id, another(first, 1)))
    row = desk.row()
    daemon = Daemon(desk.settings, engine=desk.engine)
    try:
        found = entry_of_report(daemon.parts.folders, desk.folder / "hot" / row.results[-1])
    finally:
        daemon.close()
    assert found is not None
    journal = Journal(desk.folder / "new")
    journal.restore([found])

    job = journal.row(row.job.id).job
    assert [each.number for each in job.attempts] == [each.number for each in row.job.attempts]
    for page in (1, 2, 3):
        known, was = best_of_page(job, page), best_of_page(row.job, page)
        assert known is not None
        assert was is not None
        assert known.number == was.number
    journal.close()


def test_the_sizes_of_all_pages_are_read_from_the_report(desk: Desk) -> None:
    sizes = shown_in_report((desk.folder / "hot" / desk.row().results[-1]).read_bytes())

    assert sizes is not None
    assert [each.original for each in sizes.pages] == [(96, 72), (104, 72), (112, 72)]
    assert [each.page_suffix for each in sizes.pages] == ["-p1", "-p2", "-p3"]
    assert (sizes.of_page(2), sizes.of_page(4)) == (sizes.pages[1], None)


def attempt(number: int, grade: Grade, score: float) -> Attempt:
    verdict = Verdict(score, grade, Measures(1, 1, 1))
    return Attempt(number, Recipe("a"), finish=Finish(), verdict=verdict)


def test_the_worst_page_stands_for_the_file_whatever_people_take() -> None:
    good, bad, fine = attempt(1, Grade.SEHR_GUT, 0.9), attempt(2, Grade.UNGENUEGEND, 0.2), attempt(101, Grade.GUT, 0.7)
    job = Job("id", "a.tif", attempts=(good, bad, fine), best=101)

    worst, choice = with_taken(job, bad, Choice("eva", 1.0, 0))

    assert worst == bad
    assert (choice.page, choice.taken) == (1, ((2, "eva", 1.0),))


@pytest.mark.parametrize("page", [1, 2])
def test_an_attempt_at_a_page_comes_once_wherever_the_program_dies(
    tmp_path_factory: pytest.TempPathFactory, page: int
) -> None:
    reached = set[Effect]()
    for step in itertools.count():
        assert step < MOST_STEPS
        desk = new_desk(tmp_path_factory.mktemp("life"), pages=2, outputs={"formats": ["png"]})
        before, files, calls = desk.row(), results(desk), desk.calls
        number = another(before, page)
        try:
            desk.live(dying_before(step), take=(before.job.id, number))
            survived = True
        except Died as death:
            reached.add(death.args[0])
            survived = False
        desk.live()

        after = desk.row()
        best = best_of_page(after.job, page)
        taken = after.job.round == 1
        assert best is not None
        assert (best.number == number) == taken, step
        assert desk.calls == calls, step
        assert others(results(desk), page) == others(files, page), step
        assert desk.files(*GRADES) == sorted(after.results), step
        assert len(desk.files("archiv")) == (4 if taken else 1), step
        assert in_work(desk) == [], step
        if survived:
            assert taken
            break
    assert {Effect.TAKE_ATTEMPT, Effect.WRITE_RESULT, Effect.KEEP_RESULT, Effect.STAGE_REPORT} <= reached
    assert {Effect.ARCHIVE_EARLIER_RESULT, Effect.REMOVE_EARLIER_RESULT, Effect.PUBLISH, Effect.COMPLETE} <= reached


def test_the_report_tells_of_the_renditions_of_pages_that_stay_as_they_are(tmp_path: Path) -> None:
    square = {"canvas": "32x32", "format": "png"}
    desk = new_desk(tmp_path, renditions={"square": square, "tiny": {**square, "most_bytes": 1}})
    row, files, before = desk.row(), results(desk), [page["renditions"] for page in report(desk)["pages"]]

    desk.live(take=(row.job.id, another(row, 2)))

    now, after = results(desk), [page.get("renditions") for page in report(desk)["pages"]]
    assert [(each["name"], each["kept"]) for each in before[0]] == [("square", True), ("tiny", False)]
    assert now.keys() == files.keys()
    assert (after[0], after[2]) == (before[0], before[2])
    assert [each["name"] for each in after[1]] == ["square", "tiny"]
    assert now["a-p2_for-square.png"] != files["a-p2_for-square.png"]
    assert now["a-p1_for-square.png"] == files["a-p1_for-square.png"]


def test_a_rendition_that_is_gone_from_a_page_that_stays_is_not_told_of(tmp_path: Path) -> None:
    desk = new_desk(tmp_path, renditions={"square": {"canvas": "32x32", "format": "png"}})
    row = desk.row()
    gone = next(place for place in row.results if place.endswith("-p1_for-square.png"))
    (desk.folder / "hot" / gone).unlink()

    desk.live(take=(row.job.id, another(row, 2)))

    pages = report(desk)["pages"]
    assert "renditions" not in pages[0]
    assert [each["name"] for each in pages[2]["renditions"]] == ["square"]


def test_the_variants_of_pages_that_stay_are_told_of_as_far_as_they_are_there(tmp_path: Path) -> None:
    desk = new_desk(
        tmp_path, renditions={"hero": {"canvas": "32x32", "format": "png", "backgrounds": ["#fff", "#eee"]}}
    )
    row, before = desk.row(), [page["renditions"] for page in report(desk)["pages"]]
    gone = next(place for place in row.results if place.endswith("-p1_for-hero-white.png"))
    (desk.folder / "hot" / gone).unlink()

    desk.live(take=(row.job.id, another(row, 2)))

    after = [page["renditions"] for page in report(desk)["pages"]]
    assert [each["file"] for each in after[0]] == ["-p1_for-hero-eeeeee.png"]
    assert after[2] == before[2]
