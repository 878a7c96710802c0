"""Another program locks the journal: whoever wants to write waits, then says so; the daemon goes on by itself."""

import json
import socket
import sqlite3
import threading
import time
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from daemon.errors import JournalLocked, NoRoom
from daemon.journal import Journal, fact_in
from daemon.journal.database import fault_of
from daemon.journal.patience import PATIENCE_SECONDS
from tests.drawing import save_photo
from tests.locks import locked_by_another
from tests.processes import DaemonProcess, freisteller
from tests.test_crash_at_every_step import files_below, results

PATIENCE = 0.3


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "journal.sqlite3"


def test_a_write_waits_for_a_lock_that_is_short(path: Path) -> None:
    with closing(Journal(path, patience_seconds=30)) as journal:
        with locked_by_another(path) as browser:
            threading.Timer(0.5, browser.kill).start()
            journal.facts.record("a", "1")

        assert journal.facts.known("a") == "1"


def test_a_lock_that_lasts_is_told_with_its_holder_and_changes_nothing(path: Path) -> None:
    with closing(Journal(path, patience_seconds=PATIENCE)) as journal:
        with locked_by_another(path) as browser, pytest.raises(JournalLocked) as told:
            journal.facts.record("a", "1")
        assert isinstance(told.value, NoRoom)
        assert str(path) in str(told.value)
        assert f"process {browser.pid}" in str(told.value)
        assert journal.facts.known("a") is None

        journal.facts.record("a", "2")

        assert journal.facts.known("a") == "2"


def test_many_writers_wait_together_and_readers_do_not_wait(path: Path) -> None:
    patience = 2.0
    with closing(Journal(path, patience_seconds=patience)) as journal, locked_by_another(path):

        def write(number: int) -> str:
            try:
                journal.facts.record(str(number), "x")
            except JournalLocked as error:
                return error.reason
            return "written"

        began, longest = time.monotonic(), 0.0
        with ThreadPoolExecutor(12) as executor:
            answers = [executor.submit(write, number) for number in range(24)]
            while not all(answer.done() for answer in answers):
                asked = time.monotonic()
                journal.counts()
                longest = max(longest, time.monotonic() - asked)
                time.sleep(0.01)

        assert {answer.result() for answer in answers} == {"journal_locked"}
        assert time.monotonic() - began < 12 * patience  # and not `patience` for each of them
        assert longest < 0.95 * patience


def test_a_stop_ends_the_wait(path: Path) -> None:
    with closing(Journal(path, patience_seconds=60)) as journal, locked_by_another(path):
        threading.Timer(0.2, journal.patience.end).start()
        began = time.monotonic()
        with pytest.raises(JournalLocked):
            journal.facts.record("a", "1")

    assert time.monotonic() - began < 50


def test_a_journal_that_is_in_use_is_not_taken_for_one_that_is_cut_off(path: Path) -> None:
    Journal(path).close()
    with locked_by_another(path) as browser:
        with closing(sqlite3.connect(path)) as reader:
            reader.execute("PRAGMA journal_mode")
            assert fault_of(path) is None
        assert browser.poll() is None


def test_whose_journal_it_is_is_not_guessed_while_it_cannot_be_read(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.journal.database.PATIENCE_SECONDS", 0.2)
    Journal(path).close()
    with locked_by_another(path, "locking_mode = EXCLUSIVE"), pytest.raises(JournalLocked):
        fact_in(path, "root")


class House:
    """A hot folder with a daemon whose port can be asked."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.root, self.inbox = folder, folder / "hot", folder / "hot" / "inbox"
        self.journal = folder / "state" / "journal.sqlite3"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.bind = f"127.0.0.1:{free.getsockname()[1]}"

    def daemon(self) -> DaemonProcess:
        return DaemonProcess(
            self.folder,
            FREISTELLER__HTTP__BIND=self.bind,
            FREISTELLER__DISPATCH__WORKERS="4",
            FREISTELLER__DISPATCH__POSTPONE_SECONDS="0.3",
            FREISTELLER__LOG__FORMAT="json",
        )

    def command(self, *words: str) -> tuple[int, str]:
        done = freisteller(*words, folder=self.folder, FREISTELLER__HTTP__BIND=self.bind)
        return done.returncode, " ".join((done.stdout + done.stderr).split())

    def ask(self, page: str) -> tuple[int, str]:
        try:
            with urllib.request.urlopen(f"http://{self.bind}{page}", timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.read().decode()

    def actions(self, action: str) -> int:
        lines = (self.folder / "daemon.log").read_text("utf-8", "replace").splitlines()
        return sum(1 for line in lines if line.startswith("{") and json.loads(line)["action"] == action)

    def done(self) -> int:
        return sum(1 for name in results(self.root) if name.endswith(".json"))

    def rows(self) -> list[tuple[str, int]]:
        with closing(sqlite3.connect(self.journal)) as connection:
            return connection.execute("SELECT state, tries FROM jobs").fetchall()


@pytest.mark.slow
def test_a_daemon_whose_journal_is_locked_waits_answers_and_goes_on(tmp_path: Path) -> None:
    house, photos, longest = House(tmp_path), 10, 0.0
    with house.daemon() as daemon:
        daemon.wait_until(lambda: daemon.says('"action": "watching"'), "the start")
        for number in range(photos):
            save_photo(house.inbox / "a" / f"{number}.png", seed=number)
        daemon.wait_until(lambda: house.done() >= 2, "the first results")
        with locked_by_another(house.journal):
            save_photo(house.inbox / "b" / "late.png", seed=99)

            def is_told() -> bool:
                nonlocal longest
                asked = time.monotonic()
                assert house.ask("/healthz")[0] == 200
                longest = max(longest, time.monotonic() - asked)
                return house.actions("journal_locked") > 0 and house.ask("/readyz")[0] == 503

            daemon.wait_until(is_told, "the first write that gave up")
            told = house.ask("/readyz")
            code, status = house.command("status")
            paused = house.command("pause")
            retried = house.command("retry", "--failed")
            checked = house.command("doctor")
        daemon.wait_until(lambda: house.done() == photos + 1, "all results")
        daemon.wait_until(lambda: house.ask("/readyz")[0] == 200, "readiness")
        daemon.wait_until(lambda: {state for state, _ in house.rows()} == {"done"}, "the last row")
        assert daemon.interrupt() == 0

    assert longest < 0.8 * PATIENCE_SECONDS  # it does not wait with those who write
    assert told[0] == 503
    assert str(house.journal) in told[1]
    assert "is locked by another program" in told[1]
    assert code == 0
    assert "is locked by another program" in status
    for answer in (paused, retried):
        assert answer[0] == 75
        assert "is locked by another program" in answer[1]
    assert "fail journal_locked: " in checked[1]
    assert files_below(house.root / "failed") == []
    assert {tries for _, tries in house.rows()} == {1}
    assert house.actions("journal_locked") == house.actions("journal_unlocked") == 1
    assert house.actions("internal_error") == house.actions("root_away") == 0


@pytest.mark.parametrize("pragma", ["locking_mode = NORMAL", "locking_mode = EXCLUSIVE"])
def test_a_start_with_a_locked_journal_is_to_be_repeated_later(tmp_path: Path, pragma: str) -> None:
    house = House(tmp_path)
    save_photo(house.inbox / "a.png")
    assert house.command("run", "--once")[0] == 0
    with locked_by_another(house.journal, pragma):
        code, text = house.command("run", "--once")

    assert code == 75
    assert f"{house.journal} is locked by another program" in text
    assert "Close that program" in text
    assert house.command("run", "--once")[0] == 0
    assert not list(house.journal.parent.glob("*damaged*"))


@pytest.mark.slow
def test_a_stop_while_the_journal_is_locked_is_heard_and_loses_nothing(tmp_path: Path) -> None:
    house, photos = House(tmp_path), 6
    with house.daemon() as daemon:
        daemon.wait_until(lambda: daemon.says('"action": "watching"'), "the start")
        for number in range(photos):
            save_photo(house.inbox / f"{number}.png", seed=number)
        daemon.wait_until(lambda: house.done() >= 1, "the first result")
        with locked_by_another(house.journal):
            time.sleep(1.0)  # in which a write comes to wait
            assert daemon.interrupt() == 0  # 1 if it was broken off

    assert house.command("run", "--once")[0] == 0

    assert house.done() == photos
    assert files_below(house.root / "failed") == []
