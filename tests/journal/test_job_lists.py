"""Lists of jobs, page by page: complete, in order, and each job once, whatever comes meanwhile."""

import random
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.jobs import Attempt, Grade, Limits, Measures, Outcome, Recipe, Verdict
from daemon.journal import Journal
from daemon.journal.job_lists import ForeignCursor, ListOfJobs, SeenJob, Sort
from daemon.journal.rows import attempt_body
from daemon.journal.schema import MIGRATIONS
from daemon.states import State
from tests.journal.test_journal import NOW, admit, do


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    journal = Journal(tmp_path / "journal.sqlite3")
    scores = list(range(24))
    random.Random(5).shuffle(scores)
    for number, score in enumerate(scores):
        job_id = f"{number:02d}"
        admit(journal, job_id, NOW + number, folder="shoes" if number % 3 else "hats")
        do(journal, job_id, score / 100, NOW + number)
    journal.verdicts.record("03", Grade.SEHR_GUT, Grade.GUT, NOW, who="eva", how="review")
    admit(journal, "waits", NOW + 100)
    return journal


def pages(journal: Journal, wanted: ListOfJobs, limit: int = 7) -> list[SeenJob]:
    found, cursor = list[SeenJob](), None
    while True:
        page, cursor = journal.lists.page(wanted, limit, cursor)
        assert len(page) <= limit
        found += page
        if cursor is None:
            return found


def ids(jobs: list[SeenJob]) -> list[str]:
    return [seen.row.job.id for seen in jobs]


@pytest.mark.parametrize("sort", list(Sort))
def test_the_pages_of_a_list_hold_each_job_once(journal: Journal, sort: Sort) -> None:
    found = ids(pages(journal, ListOfJobs(sort=sort)))

    assert sorted(found) == [*(f"{number:02d}" for number in range(24)), "waits"]


def test_each_sort_has_its_order(journal: Journal) -> None:
    assert ids(pages(journal, ListOfJobs(sort=Sort.OLDEST)))[:3] == ["00", "01", "02"]
    assert ids(pages(journal, ListOfJobs(sort=Sort.NEWEST)))[:2] == ["waits", "23"]
    worst = pages(journal, ListOfJobs(sort=Sort.WORST))
    assert [seen.row.job.score for seen in worst[:-1]] == sorted(number / 100 for number in range(24))
    assert worst[-1].row.job.id == "waits"
    orders = [seen.row.job.name.partition("/")[0] for seen in pages(journal, ListOfJobs(sort=Sort.ORDER))]
    assert orders == ["waits.jpg", *["hats"] * 8, *["shoes"] * 16]


LIMITS = Limits(0.93, 0.75, 0.92, 0.5)
WORST_FIRST = [
    ("rim useless", 0.97, 0.3, Grade.UNGENUEGEND),
    ("region useless", 0.7, None, Grade.UNGENUEGEND),
    ("rim just gut", 0.98, 0.55, Grade.GUT),
    ("region just gut", 0.8, 0.95, Grade.GUT),
    ("rim nearly sehr_gut", 0.94, 0.91, Grade.GUT),
    ("sehr_gut by a hair", 0.93, 0.99, Grade.SEHR_GUT),
    ("sehr_gut", 0.97, 0.97, Grade.SEHR_GUT),
]


def done(name: str, score: float, rim: float | None, grade: Grade, limits: Limits | None = LIMITS) -> Attempt:
    return Attempt(1, Recipe(name), verdict=Verdict(score, grade, Measures(1, 1, 1), rim=rim, limits=limits))


def finish(journal: Journal, tried: Attempt) -> None:
    """Bring the next job to its end with this attempt."""
    job = journal.take(2.0**40)
    assert job is not None
    journal.decide(job.id, Outcome((tried,), tried))
    journal.complete(job.id, [f"gut/{job.id}.png"], NOW)


def worst_first(journal: Journal) -> list[str]:
    return ids(pages(journal, ListOfJobs(sort=Sort.WORST), 3))


def test_the_worst_come_first_by_the_promise_that_made_their_grade(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite3")
    shuffled = random.Random(3).sample(WORST_FIRST, len(WORST_FIRST))
    for number, (name, score, rim, grade) in enumerate(shuffled):
        admit(journal, name, NOW + number)
        finish(journal, done(name, score, rim, grade))

    assert worst_first(journal) == [name for name, *_ in WORST_FIRST]
    places = [LIMITS.place_of(score, rim) for _, score, rim, _ in WORST_FIRST]
    assert places == sorted(places)
    assert [int(place) for place in places] == [grade.rank for *_, grade in WORST_FIRST]
    with sqlite3.connect(tmp_path / "journal.sqlite3") as raw:
        kept = [place for (place,) in raw.execute("SELECT place FROM jobs ORDER BY place")]
    assert kept == pytest.approx(places)


def test_a_result_without_limits_stands_within_its_grade(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "journal.sqlite3")
    for number, tried in enumerate(
        (done("bad", 0.97, 0.3, Grade.UNGENUEGEND), done("good", 0.94, 0.93, Grade.SEHR_GUT))
    ):
        admit(journal, tried.recipe.model, NOW + number)
        finish(journal, tried)
    admit(journal, "old", NOW + 5)
    finish(journal, done("old", 0.99, None, Grade.GUT, None))

    assert worst_first(journal) == ["bad", "old", "good"]


def test_a_row_that_is_read_back_and_one_that_is_tried_again_stand_where_they_belong(tmp_path: Path) -> None:
    journal, lost = Journal(tmp_path / "journal.sqlite3"), Journal(tmp_path / "lost.sqlite3")
    for number, (name, score, rim, grade) in enumerate(WORST_FIRST):
        admit(lost, name, NOW + number)
        finish(lost, done(name, score, rim, grade))
    for name, *_ in reversed(WORST_FIRST):
        journal.restore([lost.lists.one(name).row])
    assert worst_first(journal) == [name for name, *_ in WORST_FIRST]

    journal.requeue("rim just gut", NOW + 50)
    assert worst_first(journal)[-1] == "rim just gut"
    finish(journal, done("again", 0.93, 0.92, Grade.SEHR_GUT))

    assert worst_first(journal)[-3:] == ["rim just gut", "sehr_gut by a hair", "sehr_gut"]


def test_the_results_of_an_older_journal_stand_where_they_belong(tmp_path: Path) -> None:
    raw = sqlite3.connect(tmp_path / "journal.sqlite3", isolation_level=None)
    for script in MIGRATIONS[:15]:
        raw.executescript(script)
    for number, (name, score, rim, grade) in enumerate(reversed(WORST_FIRST)):
        values = name, f"{name}.jpg", b"inbox/x", "done", NOW + number, score, grade, 1
        columns = "id, name, source, state, admitted_at, score, grade, best"
        raw.execute(f"INSERT INTO jobs ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", values)
        raw.execute("INSERT INTO attempts VALUES (?, 0, 1, ?)", (name, attempt_body(done(name, score, rim, grade))))
    raw.execute("PRAGMA user_version = 15")
    raw.close()

    assert worst_first(Journal(tmp_path / "journal.sqlite3")) == [name for name, *_ in WORST_FIRST]


def test_filters_leave_out_what_does_not_fit(journal: Journal) -> None:
    assert ids(pages(journal, ListOfJobs(state=State.WAITING))) == ["waits"]
    assert ids(pages(journal, ListOfJobs(grade=Grade.GUT))) == ["03"]
    assert ids(pages(journal, ListOfJobs(decided=True))) == ["03"]
    assert len(pages(journal, ListOfJobs(decided=False))) == 23  # what has no grade yet is not to be decided
    assert len(pages(journal, ListOfJobs(order="hats"))) == 8
    assert ids(pages(journal, ListOfJobs(order=""))) == ["waits"]
    assert len(pages(journal, ListOfJobs(visible=frozenset({"hats"})))) == 8
    assert pages(journal, ListOfJobs(visible=frozenset())) == []


def test_a_list_goes_on_after_its_last_job_whatever_comes_and_is_decided(journal: Journal) -> None:
    wanted = ListOfJobs(decided=False, sort=Sort.WORST)
    first, cursor = journal.lists.page(wanted, 5)
    for seen in first:
        journal.verdicts.record(seen.row.job.id, Grade.SEHR_GUT, Grade.GUT, NOW, who="eva", how="review")

    second, _ = journal.lists.page(wanted, 5, cursor)

    scores = [seen.row.job.score or 0.0 for seen in (*first, *second)]
    assert scores == sorted(set(scores))
    assert len(scores) == 10


@pytest.mark.parametrize("cursor", ["", "x", "ä", "AAAA", "W10", "bnVsbA", "=" * 9, "W" * 3000])
def test_a_cursor_that_is_none_is_refused(journal: Journal, cursor: str) -> None:
    with pytest.raises(ForeignCursor):
        journal.lists.page(ListOfJobs(), 5, cursor)


def test_a_cursor_of_another_list_is_refused(journal: Journal) -> None:
    _, cursor = journal.lists.page(ListOfJobs(), 5)
    assert cursor is not None

    for other in (ListOfJobs(sort=Sort.OLDEST), ListOfJobs(order="hats"), ListOfJobs(decided=True)):
        with pytest.raises(ForeignCursor):
            journal.lists.page(other, 5, cursor)


def test_what_a_person_gave_counts_as_the_grade(journal: Journal) -> None:
    seen = journal.lists.one("03")

    assert seen.grade is Grade.GUT
    assert seen.decided is not None
    assert (seen.decided.grade, seen.decided.who) == (Grade.GUT, "eva")
    assert seen.row.job.grade is Grade.SEHR_GUT  # what the judgement said stays


def test_another_round_is_undecided(journal: Journal) -> None:
    journal.requeue("03", NOW + 200)

    assert journal.lists.one("03").decided is None
    assert ids(pages(journal, ListOfJobs(decided=True))) == []


def test_a_result_that_is_read_back_has_the_grade_of_the_folder_in_which_it_is(journal: Journal) -> None:
    found = journal.row("04")
    places = ("gut/04.png", "gut/04.json")

    journal.restore([replace(found, job=replace(found.job, id="lost"), results=places)])

    seen = journal.lists.one("lost")
    assert (seen.grade, seen.row.job.grade) == (Grade.GUT, Grade.SEHR_GUT)
    assert {"lost", "03"} == set(ids(pages(journal, ListOfJobs(grade=Grade.GUT))))


def test_orders_are_counted(journal: Journal) -> None:
    none, hats, shoes = journal.orders.all()

    assert (none.name, none.waiting, none.done) == ("", 1, 0)
    assert (hats.name, hats.done, hats.grades[Grade.SEHR_GUT]) == ("hats", 8, 7)
    assert (hats.grades[Grade.GUT], hats.undecided) == (1, 7)
    assert (shoes.done, shoes.undecided) == (16, 16)


def test_what_ends_before_an_order_depends_on_turns_and_priority(journal: Journal) -> None:
    for number in range(10):
        admit(journal, f"hat{number}", NOW + 200, folder="hats")
    for number in range(4):
        admit(journal, f"shoe{number}", NOW + 100, folder="shoes")
    orders = journal.orders.all()
    assert [order.photos_before_its_end(orders) for order in orders] == [3, 15, 9]

    journal.turns.prioritize({"hats": 5})

    orders = journal.orders.all()
    assert [order.photos_before_its_end(orders) for order in orders] == [12, 10, 15]


def test_photos_that_ended_lately_say_how_fast_they_end(journal: Journal) -> None:
    assert journal.orders.ended_per_second(NOW + 23) == pytest.approx(1.0)
    assert journal.orders.ended_per_second(NOW + 5000) is None
