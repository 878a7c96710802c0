"""The journal: a real SQLite file, and what it refuses."""

import sqlite3
from pathlib import Path

import pytest

from daemon.errors import BadSettings, IllegalMove
from daemon.jobs import Attempt, Finish, Grade, Measures, Move, Outcome, Recipe, State, Verdict, View
from daemon.journal import SCHEMA_VERSION, Journal

NOW = 1_800_000_000.0


def verdict(score: float = 0.9, grade: Grade = Grade.SEHR_GUT) -> Verdict:
    return Verdict(score, grade, Measures(0.9, 0.8, 1.0, None), ("clean",), ())


def attempt(number: int = 1) -> Attempt:
    return Attempt(
        number,
        Recipe("BEN2", 1024, View(0.1, 0.2, 0.9, 0.8, mirrored=True)),
        "http://gpu1:8188",
        1.25,
        Finish(blend=(1,), levels=(0.2, 0.8)),
        verdict(),
        View(0.2, 0.2, 0.8, 0.8),
    )


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.sqlite3")


def admit(journal: Journal, job_id: str = "a", now: float = NOW) -> None:
    journal.admit(job_id, f"{job_id}.jpg", Path("inbox") / f"{job_id}.jpg", 10, now)


def test_the_oldest_due_job_starts_first(journal: Journal) -> None:
    admit(journal, "young", NOW + 1)
    admit(journal, "old", NOW)

    first = journal.take(NOW + 2)

    assert first is not None
    assert (first.id, first.state, first.tries) == ("old", State.RUNNING, 1)


def test_a_job_starts_once(journal: Journal) -> None:
    admit(journal)

    assert journal.take(NOW) is not None
    assert journal.take(NOW) is None


def test_a_job_that_is_not_claimed_yet_is_not_started(journal: Journal) -> None:
    admit(journal)

    assert journal.take(NOW, except_for=("a",)) is None


def test_attempts_come_back_as_they_were_noted(journal: Journal) -> None:
    admit(journal)
    job = journal.take(NOW)
    assert job is not None

    journal.note_attempt(job, attempt(1))
    journal.note_attempt(job, attempt(2))

    assert journal.entry("a").job.attempts == (attempt(1), attempt(2))


def test_the_whole_way_of_a_job(journal: Journal) -> None:
    admit(journal)
    journal.take(NOW)
    journal.decide("a", Outcome((attempt(),), attempt()))
    journal.finish("a", ["sehr_gut/a.png"], NOW + 5)

    entry = journal.entry("a")

    assert (entry.job.state, entry.job.grade, entry.job.score) == (State.DONE, Grade.SEHR_GUT, 0.9)
    assert entry.results == ("sehr_gut/a.png",)
    assert journal.counts(NOW).grades[Grade.SEHR_GUT] == 1


def test_an_illegal_move_changes_nothing(journal: Journal) -> None:
    admit(journal)

    with pytest.raises(IllegalMove):
        journal.finish("a", [], NOW)

    assert journal.entry("a").job.state is State.WAITING


def test_a_postponed_job_costs_no_try_and_waits(journal: Journal) -> None:
    admit(journal)
    journal.take(NOW)

    journal.postpone("a", NOW + 30, "no engine", "engine_away")

    assert journal.take(NOW + 29) is None
    again = journal.take(NOW + 30)
    assert again is not None
    assert again.tries == 1


def test_a_crash_costs_a_try(journal: Journal) -> None:
    admit(journal)
    journal.take(NOW)

    journal.recover()

    again = journal.take(NOW)
    assert again is not None
    assert again.tries == 2


def test_a_crash_while_publishing_costs_a_try(journal: Journal) -> None:
    admit(journal)
    journal.take(NOW)
    journal.decide("a", Outcome((attempt(),), attempt()))

    again = journal.take_decided(NOW, ())

    assert again is not None
    assert (again.state, again.tries, again.best) == (State.PUBLISHING, 2, 1)


def test_what_is_being_published_is_not_published_twice(journal: Journal) -> None:
    admit(journal)
    journal.take(NOW)
    journal.decide("a", Outcome((attempt(),), attempt()))

    assert journal.take_decided(NOW, ("a",)) is None


def test_a_new_round_starts_without_the_attempts_of_the_last(journal: Journal) -> None:
    admit(journal)
    job = journal.take(NOW)
    assert job is not None
    journal.note_attempt(job, attempt())
    journal.give_up("a", "no", "bad_photo", NOW)

    journal.requeue("a", NOW)

    again = journal.entry("a").job
    assert (again.state, again.round, again.attempts, again.reason) == (State.WAITING, 1, (), None)


def test_a_back_off_is_no_long_wait(journal: Journal) -> None:
    admit(journal)
    journal.take(NOW)
    journal.postpone("a", NOW + 30, "no engine", "engine_away")

    assert journal.counts(NOW).oldest_admitted_at is None
    assert journal.counts(NOW + 31).oldest_admitted_at == NOW


def test_another_process_may_read_and_write_at_the_same_time(tmp_path: Path) -> None:
    first, second = Journal(tmp_path / "j"), Journal(tmp_path / "j")
    admit(first)

    assert second.take(NOW) is not None
    assert first.entry("a").job.state is State.RUNNING


def test_every_state_of_the_table_is_one_that_the_file_accepts(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    for state in State:
        admit(journal, state.value)
    raw = sqlite3.connect(tmp_path / "j")
    for state in State:
        raw.execute("UPDATE jobs SET state = ? WHERE id = ?", (state.value, state.value))
    with pytest.raises(sqlite3.IntegrityError):
        raw.execute("UPDATE jobs SET state = 'lost'")
    raw.close()


def test_a_file_of_a_newer_version_is_refused_untouched(tmp_path: Path) -> None:
    Journal(tmp_path / "j").close()
    raw = sqlite3.connect(tmp_path / "j")
    raw.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    raw.close()

    with pytest.raises(BadSettings, match="another version"):
        Journal(tmp_path / "j")


def test_a_file_that_is_no_journal_is_named(tmp_path: Path) -> None:
    (tmp_path / "j").write_bytes(b"this is not SQLite" * 100)

    with pytest.raises(BadSettings, match="cannot be used"):
        Journal(tmp_path / "j")


def test_every_move_has_a_method_that_makes_it(journal: Journal) -> None:
    made = {
        Move.START: "take",
        Move.DECIDE: "decide",
        Move.GIVE_UP: "give_up",
        Move.POSTPONE: "postpone",
        Move.FINISH: "finish",
        Move.REQUEUE: "requeue",
    }

    assert set(made) == set(Move)
    assert all(callable(getattr(journal, name)) for name in made.values())
