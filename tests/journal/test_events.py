"""Every change of a job is an event with a number, written with the change and kept for a while."""

from dataclasses import replace
from pathlib import Path

import pytest

from daemon.jobs import Grade, Outcome
from daemon.journal import Journal
from daemon.journal.light_table_schema import MOST_EVENTS
from tests.journal.test_journal import NOW, admit, attempt, do


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.sqlite3")


def kinds(journal: Journal, after: int = 0) -> list[str]:
    return [event.kind for event in journal.events.after(after)]


def test_a_photo_tells_of_each_step_of_its_way(journal: Journal) -> None:
    admit(journal, "a", folder="shoes")
    do(journal, "a")

    assert kinds(journal) == ["admitted", "started", "attempt", "publishing", "done"]
    last = journal.events.after(0)[-1]
    assert (last.job_id, last.folder, last.state, last.grade) == ("a", "shoes", "done", "sehr_gut")


def test_the_version_of_a_job_is_the_number_of_its_last_event(journal: Journal) -> None:
    admit(journal, "a")
    admit(journal, "b")
    first = journal.lists.one("a").version

    do(journal, "a")

    assert first < journal.lists.one("b").version < journal.lists.one("a").version
    assert journal.lists.one("a").version == journal.events.newest()


def test_a_verdict_and_a_move_are_events(journal: Journal) -> None:
    admit(journal, "a")
    do(journal, "a")
    seen = journal.events.newest()
    grade = journal.row("a").job.grade
    assert grade is not None

    journal.verdicts.record("a", grade, grade, NOW, who="eva", how="review")
    journal.verdicts.record_moved("a", ["sehr_gut/b.png", "sehr_gut/b.json"])
    journal.verdicts.record_moved("a", ["sehr_gut/b.png", "sehr_gut/b.json"])

    assert kinds(journal, seen) == ["verdict", "moved"]


def test_a_change_that_is_undone_with_its_transaction_is_no_event(journal: Journal) -> None:
    admit(journal, "a")
    seen = journal.events.newest()
    job = journal.take(NOW + 1)
    assert job is not None

    with pytest.raises(KeyError):
        journal.verdicts.record("unknown", Grade.GUT, Grade.GUT, NOW)

    assert kinds(journal, seen) == ["started"]


def test_listeners_wake_after_the_commit_until_they_end(journal: Journal) -> None:
    heard: list[int] = []
    end = journal.events.listen(lambda: heard.append(len(journal.events.after(0))))

    admit(journal, "a")
    end()
    admit(journal, "b")

    assert heard == [1]


def test_old_events_are_deleted_and_their_reader_is_told(journal: Journal) -> None:
    admit(journal, "a")
    first = journal.events.newest()
    assert journal.events.knows_all_after(first - 1)
    with journal._db.transaction():
        journal._db.change("UPDATE sqlite_sequence SET seq = seq + ? WHERE name = 'events'", MOST_EVENTS + 2000)
    for number in range(1000):  # numbers that end in 000 delete what is too old
        journal.facts.record("x", str(number))
        with journal._db.transaction():
            journal._db.change("INSERT INTO events (kind, job_id, folder, at) VALUES ('moved', '', '', 0.0)")

    assert journal.events.after(0)[0].number > first
    assert not journal.events.knows_all_after(first)
    assert journal.events.knows_all_after(journal.events.newest())
    assert not journal.events.knows_all_after(journal.events.newest() + 1)  # of a journal that was lost


def test_the_numbers_of_a_new_journal_go_on_above_those_of_a_lost_one(tmp_path: Path) -> None:
    first = Journal(tmp_path / "a.sqlite3")
    admit(first, "a")
    do(first, "a")
    second = Journal(tmp_path / "b.sqlite3")

    # They begin with the time in milliseconds, and no journal writes a thousand events a second for long.
    assert second.events.newest() >= first.events.newest() - 1000


def test_an_attempt_that_is_read_back_from_a_report_is_no_news(journal: Journal) -> None:
    admit(journal, "a")
    do(journal, "a")
    found = journal.row("a")
    seen = journal.events.newest()

    journal.restore([replace(found, job=replace(found.job, id="b"))])

    assert kinds(journal, seen) == ["done"]


def test_the_last_events_come_newest_first_with_names(journal: Journal) -> None:
    admit(journal, "a", folder="shoes")
    do(journal, "a")
    admit(journal, "b", folder="hats")
    journal.forget("b")

    found = journal.events.latest(3)

    assert [(event.kind, event.job_id, name) for event, name in found] == [
        ("removed", "b", None),
        ("admitted", "b", None),
        ("done", "a", "shoes/a.jpg"),
    ]
    assert [event.number for event, _ in found] == sorted((event.number for event, _ in found), reverse=True)


def test_the_last_events_are_those_of_the_orders_that_the_reader_may_see(journal: Journal) -> None:
    admit(journal, "a", folder="shoes")
    admit(journal, "b", folder="hats")
    admit(journal, "c")

    assert [event.job_id for event, _ in journal.events.latest(9, frozenset({"shoes"}))] == ["a"]
    assert journal.events.latest(9, frozenset()) == ()
    assert [event.job_id for event, _ in journal.events.latest(9, frozenset({""}))] == ["c"]


def test_an_attempt_that_is_recorded_again_is_one_event(journal: Journal) -> None:
    """Its verdict may have changed beside a later attempt; pages learn that from the later one."""
    admit(journal, "a")
    job = journal.take(NOW + 1)
    assert job is not None
    journal.record_attempts(job, [attempt(1)])
    changed = replace(attempt(1), why="because")

    journal.record_attempts(job, [changed, attempt(2)])
    journal.decide("a", Outcome((changed, attempt(2)), attempt(2)))

    assert kinds(journal) == ["admitted", "started", "attempt", "attempt", "publishing"]
    assert journal.row("a").job.attempts == (changed, attempt(2))


def test_a_decision_records_the_attempts_that_it_is_about(journal: Journal) -> None:
    admit(journal, "a")
    assert journal.take(NOW + 1) is not None

    journal.decide("a", Outcome((attempt(1),), attempt(1)))

    assert journal.row("a").job.attempts == (attempt(1),)
    assert kinds(journal) == ["admitted", "started", "attempt", "publishing"]
