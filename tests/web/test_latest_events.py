"""What happened before somebody came, from a real journal over a real connection."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.journal import Journal
from daemon.web.api.event_feed import EventFeed
from daemon.web.callers import Role
from tests.journal.test_journal import admit, do
from tests.web.doors import Door, door


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.sqlite3")


@pytest.fixture
def studio(tmp_path: Path, journal: Journal) -> Iterator[Door]:
    """A port with an admin, anna."""
    with door(tmp_path, user="anna", events=EventFeed(journal.events), journal=journal) as opened:
        yield opened


def test_the_last_events_come_with_the_names_of_their_photos(studio: Door, journal: Journal) -> None:
    admit(journal, "a", folder="shoes")
    do(journal, "a")
    cookie = studio.log_in("anna").cookie

    events = json.loads(studio.ask("/api/v1/events/latest?limit=2", headers={"Cookie": cookie}).body)["events"]

    assert [(each["kind"], each["name"], each["order"]) for each in events] == [
        ("done", "shoes/a.jpg", "shoes"),
        ("publishing", "shoes/a.jpg", "shoes"),
    ]
    assert events[0]["version"] == str(journal.events.newest())


def test_a_caller_with_orders_gets_the_last_events_of_these(studio: Door, journal: Journal) -> None:
    studio.add("ben", Role.VIEWER, frozenset({"shoes"}))
    admit(journal, "a", folder="shoes")
    for number in range(5):
        admit(journal, f"hat{number}", folder="hats")
    cookie = studio.log_in("ben").cookie

    answer = studio.ask("/api/v1/events/latest?limit=3", headers={"Cookie": cookie}).body

    assert [each["job"] for each in json.loads(answer)["events"]] == ["a"]
    assert "hat" not in answer


@pytest.mark.parametrize("limit", ["0", "-1", "many", "1.5"])
def test_a_limit_that_is_none_is_refused(studio: Door, limit: str) -> None:
    cookie = studio.log_in("anna").cookie
    assert studio.ask(f"/api/v1/events/latest?limit={limit}", headers={"Cookie": cookie}).status == 400
