"""Jobs that nobody may start yet."""

import threading
from pathlib import Path

import pytest

from daemon.journal import Journal

NOW = 1_800_000_000.0


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.sqlite3")


def test_a_reserved_job_is_not_started_until_it_is_released(journal: Journal) -> None:
    journal.reserved.reserve("a")
    journal.admit("a", "a.jpg", Path("inbox/a.jpg"), 10, NOW)
    journal.admit("b", "b.jpg", Path("inbox/b.jpg"), 10, NOW + 1)

    started = [journal.take(NOW + 1), journal.take(NOW + 1)]
    journal.reserved.release("a")
    released = journal.take(NOW + 1)

    assert [job and job.id for job in (*started, released)] == ["b", None, "a"]


def test_releasing_a_job_that_is_not_reserved_changes_nothing(journal: Journal) -> None:
    journal.reserved.reserve("a")

    journal.reserved.release("b")

    assert journal.reserved.snapshot() == {"a"}


def test_a_job_reserved_before_its_row_is_written_never_starts(journal: Journal) -> None:
    """Another thread takes jobs all the while."""
    stop, started = threading.Event(), list[str]()

    def take() -> None:
        while not stop.is_set():
            if job := journal.take(2.0**40):
                started.append(job.id)

    taking = threading.Thread(target=take)
    taking.start()
    try:
        for number in range(30):
            journal.reserved.reserve(f"{number}")
            journal.admit(f"{number}", f"{number}.jpg", Path("inbox/x"), 10, NOW)
            journal.forget(f"{number}")  # raises if it was started
            journal.reserved.release(f"{number}")
    finally:
        stop.set()
        taking.join()

    assert not started
