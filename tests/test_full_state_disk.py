"""The disk of the state directory is full: work waits and goes on by itself, no photo fails and none is lost."""

import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from daemon.errors import NoRoom
from daemon.hotfolder.hot_folder import HotFolder
from daemon.jobs import Grade, Job, Recipe
from daemon.journal import Journal
from daemon.journal.alphas import Alphas
from daemon.journal.database import Database
from daemon.people.known_results import KnownResults
from daemon.publishing.reading_back import HISTORY_TO_READ
from daemon.states import State
from tests.drawing import save_photo
from tests.notify.test_notifications import House
from tests.observe.prometheus import eventually
from tests.observe.receiver import Receiver
from tests.processes import DaemonProcess

PHOTOS = 12


def small_disk(folder: Path, megabytes: int) -> Iterator[Path]:
    folder.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], capture_output=True, check=False
    )
    if os.geteuid() or made.returncode:
        pytest.skip("mounting is not allowed here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], capture_output=True, check=False)


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    yield from small_disk(tmp_path / "state", 4)


def fill(folder: Path) -> Path:
    """Fill the disk. Returns the file to remove afterwards."""
    ballast = folder / "ballast"
    with suppress(OSError), ballast.open("ab", buffering=0) as file:
        while True:
            file.write(bytes(4096))
    return ballast


def test_a_write_without_room_in_the_journal_raises_and_changes_nothing(state: Path) -> None:
    database = Database(state / "journal.sqlite3")
    ballast = fill(state)

    def write(key: str) -> None:
        with database.transaction():
            database.change("INSERT INTO facts VALUES (?, ?)", key, "x" * 100_000)

    with suppress(NoRoom):  # the file has a little free space inside
        for number in range(100):
            write(f"before {number}")
    with pytest.raises(NoRoom, match="Make room on the disk of the state directory"):
        write("while")
    ballast.unlink()
    write("after")

    kept = {key for (key,) in database.rows("SELECT key FROM facts")}
    database.close()
    assert "after" in kept
    assert "while" not in kept


@pytest.fixture
def new_journal(state: Path) -> Iterator[Journal]:
    """A journal on the small disk whose reports are still to be read."""
    journal = Journal(state / "journal.sqlite3")
    journal.facts.record(HISTORY_TO_READ, "yes")
    yield journal
    journal.close()


def test_photos_that_wait_for_reports_to_be_read_do_not_hide_a_full_disk(
    state: Path, tmp_path: Path, new_journal: Journal
) -> None:
    known = KnownResults(HotFolder(tmp_path / "hot"), new_journal, time.time)
    ballast = fill(state)

    with pytest.raises(NoRoom, match="Make room on the disk of the state directory"):
        known.require_room()
    ballast.unlink()
    known.require_room()
    assert new_journal.facts.known("room") is None

    new_journal.facts.forget(HISTORY_TO_READ)
    fill(state)
    known.require_room()  # all reports are read: whoever takes a photo in finds out


def test_an_alpha_that_cannot_be_kept_is_no_fault_of_its_photo(tmp_path: Path) -> None:
    (tmp_path / "alphas").write_text("a file where the folder should be")

    with pytest.raises(NoRoom, match="state directory"):
        Alphas(tmp_path / "alphas").keep(Job("1", "a.png"), 1, Recipe("m"), np.zeros((2, 2), np.float32))


def test_a_job_that_cannot_even_be_put_off_is_started_again_once_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = threading.Event()
    full.set()

    def no_room(*_: object) -> None:
        raise NoRoom("The journal cannot be written.")

    def trouble(_: object) -> None:
        if full.is_set():
            no_room()

    with Receiver() as receiver:
        house = House(tmp_path, receiver)
        try:
            monkeypatch.setattr(house.daemon.parts.journal, "postpone", no_room)
            house.engine.trouble = trouble
            save_photo(house.root / "inbox" / "a.png")
            assert house.heard("paused", part="disk")
            full.clear()
            assert eventually(lambda: (house.root / "archiv" / "a.png").exists())
            assert eventually(lambda: house.daemon.parts.journal.latest(1)[0].job.state is State.DONE)
            (entry,) = house.daemon.parts.journal.latest(1)
        finally:
            house.stop()

    assert entry.job.tries == 1  # the tries that ended in order do not count


@pytest.mark.slow
def test_a_daemon_waits_for_room_and_loses_nothing(state: Path, tmp_path: Path) -> None:
    root = tmp_path / "hot"
    with DaemonProcess(tmp_path, FREISTELLER__DISPATCH__POSTPONE_SECONDS="0.3") as daemon:
        daemon.wait_until(lambda: daemon.says('"action": "watching"'), "the start")
        first = save_photo(tmp_path / "first.png")
        shutil.copyfile(first, root / "inbox" / "first.png")
        ballast = fill(state)
        for number in range(PHOTOS):
            save_photo(root / "inbox" / f"{number}.png", seed=number)
        # Other parts may meet the full disk earlier, and say so in a line of their own.
        daemon.wait_until(lambda: daemon.says('"action": "disk_full"'), "the pause")
        ballast.unlink()
        done = [root / grade.value for grade in Grade]
        daemon.wait_until(
            lambda: sum(1 for folder in done for _ in folder.glob("*.json")) == PHOTOS + 1, "all the results"
        )
        assert daemon.interrupt() == 0

    assert list((root / "failed").iterdir()) == []
    assert len(list((root / "archiv").iterdir())) == PHOTOS + 1
    log = (tmp_path / "daemon.log").read_text("utf-8", "replace")
    assert (log.count('"action": "disk_full"'), log.count('"action": "disk_has_room"')) == (1, 1)
    assert "root_away" not in log
    assert "root_back" not in log
    assert "internal_error" not in log
