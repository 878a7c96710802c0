"""The journal keeps how long photos were worked on, and takes no stop, outage or back-off for work."""

import sqlite3
from pathlib import Path

from daemon.jobs import Attempt, Grade, Measures, Outcome, Recipe, Verdict
from daemon.journal import Journal
from daemon.journal.schema import MIGRATIONS
from tests.doubles import Clock

NOW = 1_800_000_000.0
ATTEMPT = Attempt(1, Recipe("u2netp"), verdict=Verdict(0.9, Grade.GUT, Measures(0.9, 0.8, 1.0, None), (), ()))


def journal_with(clock: Clock, folder: Path) -> Journal:
    journal = Journal(folder / "journal.sqlite3")
    journal.work_times.clock = clock
    return journal


def taken(tmp_path: Path) -> tuple[Clock, Journal]:
    """The photo "a" of a new journal has just been taken for work."""
    clock = Clock()
    journal = journal_with(clock, tmp_path)
    journal.admit("a", "a.jpg", Path("inbox/a.jpg"), 1, NOW)
    journal.take(NOW)
    return clock, journal


def test_back_off_between_two_runs_is_no_work(tmp_path: Path) -> None:
    clock, journal = taken(tmp_path)
    with journal.work_times.working("a"):
        clock.advance(3)
        journal.postpone("a", NOW + 8, "no engine", "engine_away")
    clock.advance(600)
    journal.take(NOW + 600)
    with journal.work_times.working("a"):
        clock.advance(2)
        journal.decide("a", Outcome((ATTEMPT,), ATTEMPT))
        clock.advance(1)
        so_far = journal.work_times.of("a")
        journal.complete("a", [], NOW + 603)

    assert (so_far, journal.row("a").job.worked_seconds) == (6, 6)


def test_a_kill_loses_the_work_since_the_last_change_and_adds_no_stop(tmp_path: Path) -> None:
    clock = Clock()
    first = journal_with(clock, tmp_path)
    first.admit("a", "a.jpg", Path("inbox/a.jpg"), 1, NOW)
    job = first.take(NOW)
    assert job is not None
    with first.work_times.working("a"):
        clock.advance(5)
        first.record_attempts(job, [ATTEMPT])
        clock.advance(4)  # ... and here the program is killed
        clock.advance(36_000)
        second = journal_with(clock, tmp_path)
        second.recover()
        second.take_suspect(NOW)
        with second.work_times.working("a"):
            clock.advance(1)
            second.decide("a", Outcome((ATTEMPT,), ATTEMPT))

    assert second.row("a").job.worked_seconds == 6


def test_a_run_whose_end_could_not_be_written_adds_nothing_until_it_is_undone(tmp_path: Path) -> None:
    clock, journal = taken(tmp_path)
    with journal.work_times.working("a"):
        clock.advance(5)
    clock.advance(600)

    journal.undo("a", NOW)

    assert journal.row("a").job.worked_seconds == 0


def test_another_round_begins_without_the_work_of_the_last(tmp_path: Path) -> None:
    clock, journal = taken(tmp_path)
    with journal.work_times.working("a"):
        clock.advance(5)
        journal.give_up("a", "no", "damaged", NOW)
    before = journal.row("a").job.worked_seconds

    journal.requeue("a", NOW)

    assert (before, journal.row("a").job.worked_seconds) == (5, 0)


def test_a_journal_of_an_earlier_version_keeps_what_it_told(tmp_path: Path) -> None:
    old = sqlite3.connect(tmp_path / "journal.sqlite3")
    for script in MIGRATIONS[:14]:
        old.executescript(script)
    old.execute("PRAGMA user_version = 14")
    values = "INSERT INTO jobs (id, name, source, state, admitted_at, started_at, finished_at, reason, reason_kind)"
    old.execute(f"{values} VALUES ('a', 'a.jpg', x'61', 'failed', 1.0, 10.0, 17.5, 'bad', 'bad_photo')")
    old.execute(f"{values} VALUES ('b', 'b.jpg', x'62', 'waiting', 1.0, 10.0, NULL, NULL, NULL)")
    old.commit()
    old.close()

    journal = Journal(tmp_path / "journal.sqlite3")

    assert [journal.row(job_id).job.worked_seconds for job_id in "ab"] == [7.5, 0]
    assert journal.row("a").reason_kind == "bad_photo"
