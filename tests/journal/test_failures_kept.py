"""The journal keeps the code of each failure beside its English text."""

import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.errors import Said
from daemon.jobs import Attempt, Outcome, Recipe
from daemon.journal import Journal
from daemon.journal.schema import MIGRATIONS
from tests.journal.test_journal import NOW, admit, attempt

WHY = Said("not_whole", name="a.jpg", detail=Said("only_n_bytes", n=7))


def kept(path: Path, job_id: str = "a") -> str | None:
    """Why a job failed or waits, as a journal that is opened anew says."""
    return Journal(path).row(job_id).job.reason


def same(one: str | None, other: Said) -> bool:
    return isinstance(one, Said) and (str(one), one.code, one.values) == (str(other), other.code, other.values)


@pytest.mark.parametrize(
    "fail",
    [
        lambda journal: journal.give_up("a", WHY, "bad_photo", NOW),
        lambda journal: journal.send_back("a", NOW, WHY, "bad_photo"),
        lambda journal: journal.postpone("a", NOW, WHY, "no_room"),
    ],
    ids=["give_up", "send_back", "postpone"],
)
def test_why_a_job_failed_or_waits_keeps_its_code_and_values(tmp_path: Path, fail: Callable[[Journal], None]) -> None:
    path = tmp_path / "journal.sqlite3"
    journal = Journal(path)
    admit(journal)
    journal.take(NOW)

    fail(journal)

    found = kept(path)
    assert same(found, WHY)
    assert isinstance(found, Said)
    assert isinstance(found.values["detail"], Said)
    assert found.values["detail"].values == {"n": 7}


def test_a_person_s_cancelling_keeps_its_code(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite3"
    journal = Journal(path)
    admit(journal)

    journal.deeds.cancel("a", Said("cancelled_by", who="eva"), "cancelled", NOW, 0)

    assert same(kept(path), Said("cancelled_by", who="eva"))


def test_the_error_of_an_attempt_keeps_its_code(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite3"
    journal = Journal(path)
    admit(journal)
    job = journal.take(NOW)
    assert job is not None
    refused = Attempt(
        1, Recipe("m"), error=Said("too_flat", width=9, height=3, model="m"), error_reason="recipe_refused"
    )
    best = replace(attempt(), number=2)
    journal.decide("a", Outcome((refused, best), best))

    first, second = Journal(path).row("a").job.attempts

    assert same(first.error, Said("too_flat", width=9, height=3, model="m"))
    assert (second, second.error) == (best, None)


def test_a_text_without_a_code_stays_a_text(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite3"
    journal = Journal(path)
    admit(journal)
    journal.take(NOW)
    journal.give_up("a", "The printer is on fire.", "bad_photo", NOW)

    found = kept(path)

    assert found == "The printer is on fire."
    assert not isinstance(found, Said)


def test_what_an_earlier_version_kept_is_read_as_its_text(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite3"
    with sqlite3.connect(path) as old:
        for script in MIGRATIONS[:11]:
            old.executescript(script)
        old.execute("PRAGMA user_version = 11")
        old.execute(
            "INSERT INTO jobs (id, name, source, state, admitted_at, finished_at, reason, reason_kind) "
            "VALUES ('a', 'a.jpg', ?, 'failed', 1.0, 2.0, ?, 'bad_photo')",
            (b"inbox/a.jpg", str(WHY)),
        )
    old.close()

    found = kept(path)

    assert found == str(WHY)
    assert not isinstance(found, Said)


@pytest.mark.parametrize(
    "failure", ["", "[]", "7", "{", '{"code": "not_whole"}', '{"code": 1, "values": 7, "text": "x"}']
)
def test_a_code_that_does_not_belong_to_the_text_spoils_nothing(tmp_path: Path, failure: str) -> None:
    path = tmp_path / "journal.sqlite3"
    journal = Journal(path)
    admit(journal)
    journal.take(NOW)
    journal.give_up("a", WHY, "bad_photo", NOW)
    with sqlite3.connect(path) as other:
        other.execute("UPDATE jobs SET failure = ? WHERE id = 'a'", (failure,))
    other.close()

    assert kept(path) == str(WHY)


def test_a_text_that_somebody_changed_has_no_code(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite3"
    journal = Journal(path)
    admit(journal)
    journal.take(NOW)
    journal.give_up("a", WHY, "bad_photo", NOW)
    with sqlite3.connect(path) as other:
        other.execute("UPDATE jobs SET reason = 'x' WHERE id = 'a'")
    other.close()

    assert not isinstance(kept(path), Said)
