"""Server-sent events, from a real journal over a real connection."""

import json
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pytest

from daemon.journal import Journal
from daemon.web.access.user_rows import Scope
from daemon.web.api import event_feed, event_stream
from daemon.web.api.event_feed import EventFeed
from daemon.web.callers import Role
from tests.journal.test_journal import admit, do
from tests.observe.prometheus import eventually
from tests.web.doors import Door, door
from tests.web.ports import LONGEST_SECONDS


@dataclass
class Told:
    """What one reader of the stream has got so far."""

    connection: socket.socket
    text: str = ""

    def read(self, seconds: float = LONGEST_SECONDS) -> bool:
        """Read more; False at the end. Raises TimeoutError if nothing comes."""
        self.connection.settimeout(seconds)
        piece = self.connection.recv(65536)
        self.text += piece.decode("utf-8")
        return bool(piece)

    def all(self) -> list[tuple[str, str, Mapping[str, object]]]:
        """(id, kind, data) of each message so far."""
        found = []
        for message in self.text.split("\n\n")[:-1]:  # the last one may be half
            lines = dict(line.split(": ", 1) for line in message.split("\n") if ": " in line and line[0] != ":")
            if "event" in lines:
                found.append((lines.get("id", ""), lines["event"], json.loads(lines["data"])))
        return found

    def kinds(self) -> list[str]:
        return [kind for _, kind, _ in self.all()]

    def wait_for(self, kind: str) -> None:
        while kind not in self.kinds():
            assert self.read(), f"the stream ended before {kind}: {self.text}"

    def last_id(self) -> str:
        """What a browser would send when it connects again."""
        return [line for line in self.text.splitlines() if line.startswith("id: ")][-1].removeprefix("id: ")


@contextmanager
def reading(at: Door, headers: Mapping[str, str] | None = None) -> Iterator[Told]:
    """A client of the stream that has got its beginning."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in (headers or {}).items())
    with socket.create_connection(at.address, LONGEST_SECONDS) as connection:
        connection.sendall(f"GET /api/v1/events HTTP/1.0\r\nHost: localhost\r\n{lines}\r\n".encode())
        told = Told(connection)
        while "\nid: " not in told.text:
            assert told.read(), told.text
        yield told


@pytest.fixture
def journal(tmp_path: Path) -> Journal:
    return Journal(tmp_path / "journal.sqlite3")


@pytest.fixture
def home(tmp_path: Path, journal: Journal) -> Iterator[Door]:
    """A port on loopback without users."""
    with door(tmp_path, events=EventFeed(journal.events)) as opened:
        yield opened


def test_a_reader_hears_of_each_step_as_it_happens(
    home: Door, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_feed, "LOOK_SECONDS", 600.0)  # so that only a commit wakes the feed
    with reading(home) as told:
        admit(journal, "a", folder="schuhe ü")
        do(journal, "a")
        told.wait_for("done")

        assert told.kinds() == ["admitted", "started", "attempt", "publishing", "done"]
        number, _, data = told.all()[-1]
        assert data == {
            "job": "a",
            "order": "schuhe ü",
            "state": "done",
            "grade": "sehr_gut",
            "version": number,
            "at": data["at"],
        }
        assert int(number) == journal.lists.one("a").version


def test_the_stream_is_not_stored_or_gathered_on_its_way(home: Door) -> None:
    with reading(home) as told:
        head = told.text.lower()

    for header in ("content-type: text/event-stream", "cache-control: no-store", "x-accel-buffering: no"):
        assert header in head
    assert "\nretry: 2000\n" in told.text


def test_what_happened_before_is_not_told(home: Door, journal: Journal) -> None:
    admit(journal, "old")
    with reading(home) as told:
        admit(journal, "new")
        told.wait_for("admitted")

        assert [data["job"] for _, _, data in told.all()] == ["new"]


def test_who_comes_back_hears_what_was_missed_and_nothing_twice(home: Door, journal: Journal) -> None:
    with reading(home) as told:
        admit(journal, "a")
        told.wait_for("admitted")
    admit(journal, "b")
    admit(journal, "c")
    with reading(home, {"Last-Event-ID": told.last_id()}) as again:
        while len(again.all()) < 2:
            again.read()

        assert [data["job"] for _, _, data in again.all()] == ["b", "c"]


def test_who_leaves_before_the_first_event_misses_nothing_either(home: Door, journal: Journal) -> None:
    with reading(home) as told:
        pass
    admit(journal, "a")
    with reading(home, {"Last-Event-ID": told.last_id()}) as again:
        again.wait_for("admitted")


@pytest.mark.parametrize("seen", ["1", "rubbish", "-5", "9" * 30, "9999999999999999", "٣"])
def test_a_number_that_the_journal_does_not_know_is_a_reset(home: Door, journal: Journal, seen: str) -> None:
    admit(journal, "a")
    with reading(home, {"Last-Event-ID": seen.encode().decode("latin-1")}) as told:
        told.wait_for("reset")
        admit(journal, "b")
        told.wait_for("admitted")

        assert told.kinds() == ["reset", "admitted"]
        assert told.all()[0][0] == str(journal.events.newest() - 1)


def test_who_is_too_far_behind_begins_anew(home: Door, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_feed, "MOST_BEHIND", 10)
    seen = journal.events.newest()
    for number in range(12):
        admit(journal, str(number))
    with reading(home, {"Last-Event-ID": str(seen)}) as told:
        told.wait_for("reset")
        assert told.kinds() == ["reset"]


def test_many_events_reach_many_readers_in_order(home: Door, journal: Journal, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_feed, "RECENT", 20)  # so that slow readers need the journal
    with reading(home) as one, reading(home) as two:
        for number in range(150):
            admit(journal, f"{number:04}")
        for told in (one, two):
            while len(told.all()) < 150:
                told.read()
            assert [data["job"] for _, _, data in told.all()] == [f"{number:04}" for number in range(150)]


def test_a_caller_with_orders_hears_of_these_alone(tmp_path: Path, journal: Journal) -> None:
    with door(tmp_path, user="anna", events=EventFeed(journal.events)) as studio:
        studio.add("ben", Role.VIEWER, frozenset({"shoes"}))
        with reading(studio, {"Cookie": studio.log_in("ben").cookie}) as told:
            admit(journal, "a", folder="hats")
            admit(journal, "b")
            admit(journal, "c", folder="shoes")
            told.wait_for("admitted")

            assert [data["job"] for _, _, data in told.all()] == ["c"]
            assert "hats" not in told.text


def test_nobody_else_hears_anything(tmp_path: Path, journal: Journal) -> None:
    with door(tmp_path, user="anna", events=EventFeed(journal.events)) as studio:
        assert studio.ask("/api/v1/events").status == 401
        monitor = studio.token("anna", Scope(Role.MONITOR))
        assert studio.ask("/api/v1/events", headers={"Authorization": f"Bearer {monitor}"}).status == 403


def test_a_quiet_stream_shows_that_it_is_alive(home: Door, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_stream, "ALIVE_SECONDS", 0.2)
    with reading(home) as told:
        while told.text.count(": alive") < 2:
            told.read()


@pytest.mark.parametrize("busy", [False, True])
def test_who_may_no_longer_see_it_loses_the_stream(
    tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch, busy: bool
) -> None:
    monkeypatch.setattr(event_stream, "ALIVE_SECONDS", 0.4)
    with door(tmp_path, user="anna", events=EventFeed(journal.events)) as studio:
        studio.add("ben")
        cookie = studio.log_in("ben").cookie
        with reading(studio, {"Cookie": cookie}) as told:
            assert studio.ask("/logout", "POST", {"Cookie": cookie}).status == 303
            until = time.monotonic() + LONGEST_SECONDS
            number = 0
            with suppress(ConnectionError):
                while "event: end" not in told.text and time.monotonic() < until:
                    if busy:
                        admit(journal, str(number := number + 1))
                    with suppress(TimeoutError):
                        told.read(0.1)

            assert told.kinds()[-1] == "end"


def test_an_open_stream_does_not_keep_a_session_alive(
    tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_stream, "ALIVE_SECONDS", 0.1)
    with door(tmp_path, user="anna", events=EventFeed(journal.events)) as studio:
        with reading(studio, {"Cookie": studio.log_in("anna").cookie}) as told:
            for _ in range(14):  # hours
                studio.clock.now += 3600
                if not told.read():
                    break
                time.sleep(0.15)
            while "event: end" not in told.text and told.read():
                pass

        assert told.kinds() == ["end"]


def test_a_reader_that_stops_reading_harms_nobody(home: Door, journal: Journal) -> None:
    with reading(home), reading(home) as told:
        for number in range(300):
            admit(journal, f"{number:04}", folder="f" * 200)
        while len(told.all()) < 300:
            told.read()
    assert home.ask("/healthz").status == 200


def test_a_head_request_gets_no_stream(home: Door) -> None:
    assert home.ask("/api/v1/events", "HEAD").status == 200


def test_the_end_of_the_daemon_ends_the_streams_at_once(
    tmp_path: Path, journal: Journal, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(event_feed, "LOOK_SECONDS", 600.0)
    monkeypatch.setattr(event_stream, "ALIVE_SECONDS", 600.0)
    feed = EventFeed(journal.events)
    with door(tmp_path, events=feed) as home, reading(home) as told:
        feed.close()
        told.wait_for("end")
        assert home.ask("/api/v1/events").body.endswith("event: end\ndata: {}\n\n")


def test_when_nobody_listens_any_more_no_commit_wakes_the_feed(home: Door, journal: Journal) -> None:
    listeners = journal.events._db
    with reading(home):
        assert eventually(lambda: len(listeners.after_commit) == 1)
    assert eventually(lambda: len(listeners.after_commit) == 0)
