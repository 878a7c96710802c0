"""A journal that is damaged, cut off or gone is set aside and made again from the folders."""

import json
import os
import shutil
import sqlite3
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from daemon.errors import JournalDamaged, RootAway
from daemon.journal import Journal, damage
from daemon.service.lifecycle import Daemon
from daemon.settings import load
from daemon.states import State
from daemon.work.job_runner import RunResult
from tests.doubles import ScriptedEngine
from tests.drawing import drawn_photo, save_photo
from tests.processes import DaemonProcess, freisteller
from tests.test_crash_at_every_step import Died, next_job, try_again

PAGE = 4096


def cut_off(path: Path) -> None:
    os.truncate(path, path.stat().st_size // 2 // PAGE * PAGE)


def overwrite_pages(path: Path, first: int = 2) -> None:
    with path.open("r+b") as file:
        for page in range(first, path.stat().st_size // PAGE, 3):
            file.seek(page * PAGE)
            file.write(os.urandom(PAGE))


def overwrite_header(path: Path) -> None:
    with path.open("r+b") as file:
        file.write(b"\x00garbage" * 12)


def lose_it(path: Path) -> None:
    path.unlink()


def lose_its_end(_: Path) -> None:
    """Lose only what the WAL held."""


DAMAGES = [cut_off, overwrite_pages, overwrite_header, lose_it]


class House:
    """A hot folder, in which daemons start and end."""

    def __init__(self, folder: Path) -> None:
        self.root, self.state = folder / "hot", folder / "state"
        self.journal = self.state / "journal.sqlite3"
        self._open: list[Daemon] = []

    def daemon(self, **flags: Any) -> Daemon:  # settings
        settings = load(
            flags={
                "root": str(self.root),
                "state_dir": str(self.state),
                "intake": {"quiet_seconds": 0},
                "http": {"bind": ""},
                **flags,
            }
        )
        made = Daemon(settings, engine=ScriptedEngine())
        self._open.append(made)
        return made

    def close(self) -> None:
        """End as by a crash: nothing is cleaned up."""
        for made in self._open:
            made.close()

    def names(self, *folders: str) -> list[str]:
        return sorted(
            path.relative_to(self.root).as_posix()
            for folder in folders
            for path in (self.root / folder).rglob("*")
            if path.is_file()
        )

    @property
    def results(self) -> list[str]:
        return self.names("sehr_gut", "gut", "ungenügend")


@pytest.fixture
def house(tmp_path: Path) -> Iterator[House]:
    made = House(tmp_path)
    yield made
    made.close()


def work_off(daemon: Daemon) -> list[RunResult]:
    daemon.parts.engine.start()
    fates = []
    while job := next_job(daemon.parts.journal):
        fates.append(daemon.parts.task_runner.run(job))
    return fates


def take_in(daemon: Daemon) -> None:
    """Take in what lies in the inbox; a file that is no photo needs two looks."""
    while (scan := daemon.parts.inbox_loop.turn(urgent=True)) and scan.incomplete:
        daemon.parts.watcher.wait(scan.next_look_seconds, threading.Event())


def one_of_each(house: House) -> None:
    """Leave one photo done, one failed and one in work, and no daemon."""
    daemon = house.daemon()
    save_photo(house.root / "inbox" / "kunde" / "done.png", drawn_photo(seed=1))
    (house.root / "inbox" / "letter.jpg").write_text("Dear Sir or Madam, " * 50)
    take_in(daemon)
    assert work_off(daemon) == [RunResult.DONE]
    save_photo(house.root / "inbox" / "kunde" / "waits.png", drawn_photo(seed=2))
    take_in(daemon)
    for number in range(200):  # so that the file has pages to damage
        daemon.parts.journal.facts.record(f"filler {number}", "x" * 2000)
    house.close()


@pytest.mark.parametrize("spoil", DAMAGES)
def test_work_goes_on_once_and_what_is_done_stays_done(house: House, spoil: Callable[[Path], None]) -> None:
    one_of_each(house)
    before = house.results
    spoil(house.journal)

    daemon = house.daemon()
    daemon.recover()
    fates = work_off(daemon)

    assert fates == [RunResult.DONE]
    assert len(house.results) == 4
    assert set(before) < set(house.results)
    assert house.names("archiv") == ["archiv/kunde/done.png", "archiv/kunde/waits.png"]
    assert house.names("inbox") == []
    assert daemon.parts.folders.jobs.in_work() == ()


def test_a_damaged_journal_is_set_aside_with_a_message(house: House, caplog: pytest.LogCaptureFixture) -> None:
    one_of_each(house)
    overwrite_header(house.journal)

    house.daemon()

    (aside,) = [path for path in house.state.iterdir() if "damaged" in path.name and not path.name.endswith("-wal")]
    assert str(aside) in caplog.text
    assert "freisteller_journal_damaged_total 1.0" in house._open[-1].parts.metrics.exposition().decode()


@pytest.mark.parametrize("spoil", [cut_off, lose_it])
def test_what_was_over_is_known_again_from_reports_and_notes(house: House, spoil: Callable[[Path], None]) -> None:
    one_of_each(house)
    known = house.daemon().parts.journal
    done, failed = known.latest(2)[::-1]
    if done.job.state is State.FAILED:
        done, failed = failed, done
    house.close()
    spoil(house.journal)
    daemon = house.daemon()

    daemon.parts.reading_back.serve(daemon._stop)

    again = daemon.parts.journal.row(done.job.id)
    assert (again.job.state, again.job.name, again.job.grade) == (State.DONE, done.job.name, done.job.grade)
    assert (again.results, again.content, again.job.best) == (done.results, done.content, done.job.best)
    assert [attempt.recipe for attempt in again.job.attempts] == [attempt.recipe for attempt in done.job.attempts]
    assert daemon.parts.journal.row(failed.job.id).job.reason == failed.job.reason
    assert daemon.parts.journal.counts().states[State.DONE] == 1
    assert daemon.parts.journal.jobs_at(done.results[:1]) == {done.results[0]: done.job.id}
    assert daemon.parts.journal.batches.folders(after=0) == ()  # no news: no hook is told of a batch that is done
    assert not daemon.parts.reading_back.left_to_do


def test_a_failed_photo_of_a_lost_journal_can_be_tried_again(house: House) -> None:
    one_of_each(house)
    lose_it(house.journal)
    daemon = house.daemon()
    daemon.parts.reading_back.serve(daemon._stop)
    (entry,) = daemon.parts.journal.rows(State.FAILED)

    try_again(daemon, entry.job.id)

    assert daemon.parts.journal.state_of(entry.job.id) is State.WAITING
    assert house.names("failed") == []


def test_an_older_journal_does_nothing_twice_and_calls_nothing_failed(house: House) -> None:
    one_of_each(house)
    older = house.journal.with_name("older")
    shutil.copy(house.journal, older)
    daemon = house.daemon()
    daemon.recover()
    job = daemon.parts.journal.take(2.0**40)
    assert job is not None
    daemon.parts.journal._db.change("PRAGMA wal_checkpoint(TRUNCATE)")
    shutil.copy(house.journal, older)  # the daemon runs
    daemon.parts.engine.start()
    assert daemon.parts.task_runner.run(job) is RunResult.DONE
    house.close()
    after = house.results
    older.rename(house.journal)  # as if the WAL was lost with the power

    daemon = house.daemon()
    daemon.recover()
    fates = work_off(daemon)

    assert fates == [RunResult.DONE]
    assert house.results == after
    assert house.names("failed") == ["failed/letter.jpg", "failed/letter.jpg.txt"]
    assert daemon.parts.journal.row(job.id).job.grade is not None


def test_a_crash_between_publishing_and_clearing_with_a_lost_state_directory_publishes_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_photo(house.root / "inbox" / "a.png")
    daemon = house.daemon()
    take_in(daemon)
    daemon.parts.engine.start()
    job = daemon.parts.journal.take(2.0**40)
    assert job is not None
    monkeypatch.setattr(daemon.parts.publisher, "clear", lambda _: None)  # it died before
    daemon.parts.task_runner.run(job)
    shutil.rmtree(daemon.parts.folders.jobs.staging_root / job.id)  # and had removed half of it
    house.close()
    before = house.results
    shutil.rmtree(house.state)

    daemon = house.daemon()
    daemon.recover()

    assert work_off(daemon) == []
    assert house.results == before
    assert house.names("archiv") == ["archiv/a.png"]
    assert daemon.parts.journal.state_of(job.id) is State.DONE
    assert daemon.parts.folders.jobs.in_work() == ()


def test_a_crash_amid_clearing_with_a_lost_journal_publishes_once(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_photo(house.root / "inbox" / "kunde" / "a.png")
    daemon = house.daemon()
    take_in(daemon)
    daemon.parts.engine.start()
    job = daemon.parts.journal.take(2.0**40)
    assert job is not None
    work = daemon.parts.folders.jobs.work_root / job.id
    with monkeypatch.context() as patch:
        dying_once_less_is_in(patch, work)
        with pytest.raises(Died):
            daemon.parts.task_runner.run(job)
    assert len(list(work.iterdir())) == 1
    house.close()
    before = house.results
    lose_it(house.journal)

    daemon = house.daemon()
    daemon.recover()

    assert house.names("inbox") == []
    assert work_off(daemon) == []
    assert house.results == before
    assert house.names("archiv") == ["archiv/kunde/a.png"]
    assert daemon.parts.folders.jobs.in_work() == ()


def dying_once_less_is_in(patch: pytest.MonkeyPatch, folder: Path) -> None:
    """Die after a file of `folder` was removed. A folder lists its files by name, as some file systems do."""
    unlink, scandir = os.unlink, os.scandir

    @contextmanager
    def by_name(*which: Any) -> Iterator[Iterator[os.DirEntry[str]]]:
        with scandir(*which) as entries:
            yield iter(sorted(entries, key=lambda entry: entry.name))

    def unlink_and_die(*which: Any, **how: Any) -> None:  # as os.unlink
        before = set(folder.iterdir())
        unlink(*which, **how)
        if set(folder.iterdir()) < before:
            raise Died

    patch.setattr(os, "scandir", by_name)
    patch.setattr(os, "unlink", unlink_and_die)


def test_damage_that_is_met_amid_the_work_is_remembered_for_the_next_start(tmp_path: Path) -> None:
    path = tmp_path / "j"
    journal = Journal(path)
    for number in range(300):
        journal.admit(f"a{number}", f"a{number}.jpg", Path("inbox/x") / ("x" * 900), 1, float(number))
    journal._db.change("PRAGMA wal_checkpoint(TRUNCATE)")
    journal.close()
    journal = Journal(path)
    overwrite_pages(path)

    with pytest.raises(JournalDamaged, match="next start"):
        journal.rows(State.WAITING)
    with pytest.raises(JournalDamaged):
        journal.counts()

    assert damage.find(path) is not None
    damage.set_aside(path, 0)
    assert damage.find(path) is None


def test_a_large_journal_is_looked_into_while_work_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "j"
    journal = Journal(path)
    for number in range(50):
        journal.facts.record(f"filler {number}", "x" * 2000)
    journal.close()
    Journal(path).close()
    raw = sqlite3.connect(path)
    raw.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    raw.close()
    overwrite_pages(path, first=path.stat().st_size // PAGE // 2)  # behind the schema, which is read at once
    monkeypatch.setattr(damage, "QUICK_BYTES", 0)
    found_at_once = damage.find(path)

    with pytest.raises(JournalDamaged):
        damage.look_closely(path, lambda: False)

    assert found_at_once is None
    assert damage.find(path) is not None


def test_a_sound_journal_is_left_alone(house: House) -> None:
    one_of_each(house)

    assert damage.find(house.journal) is None
    assert not house.daemon().parts.reading_back._journal.is_new


def test_an_empty_mount_point_and_a_damaged_journal_make_no_new_hot_folder(house: House) -> None:
    one_of_each(house)
    overwrite_header(house.journal)
    house.root.rename(house.root.with_name("unmounted"))
    house.root.mkdir()

    with pytest.raises(RootAway, match="damaged"):
        house.daemon()

    assert list(house.root.iterdir()) == []


@pytest.mark.slow
@pytest.mark.parametrize("spoil", [overwrite_pages, lose_it, lose_its_end])
def test_the_real_program_goes_on_after_its_journal_was_spoilt(tmp_path: Path, spoil: Callable[[Path], None]) -> None:
    root, journal = tmp_path / "hot", tmp_path / "state" / "journal.sqlite3"
    photos = 3
    quick = {"FREISTELLER__STRATEGY__FINISHES": "false", "FREISTELLER__ENGINE__PROXY_PIXELS": "256"}
    for seed in range(photos):
        save_photo(root / "inbox" / "kunde" / f"{seed}.png", drawn_photo(seed=seed))

    def results() -> list[Path]:
        return sorted(path for grade in ("sehr_gut", "gut", "ungenügend") for path in (root / grade).rglob("*.json"))

    with DaemonProcess(tmp_path, **quick) as daemon:
        daemon.wait_until(lambda: bool(results()), "a result")
        daemon.kill()
    for ending in ("-wal", "-shm"):  # otherwise SQLite repairs the file from them
        journal.with_name(journal.name + ending).unlink(missing_ok=True)
    spoil(journal)
    with DaemonProcess(tmp_path, **quick) as daemon:
        daemon.wait_until(lambda: len(results()) >= photos, "all results")
        daemon.wait_until(lambda: not list((root / ".freisteller" / "work").iterdir()), "the end")
        assert daemon.interrupt() == 0

    status = json.loads(freisteller("status", "--json", folder=tmp_path).stdout)
    assert sorted({json.loads(path.read_text("utf-8"))["photo"]["name"] for path in results()}) == [
        f"kunde/{seed}.png" for seed in range(photos)
    ]
    assert len(results()) == photos
    assert len([path for path in (root / "archiv").rglob("*") if path.is_file()]) == photos
    assert [path for path in (root / "failed").rglob("*") if path.is_file()] == []
    assert status["states"]["done"] == photos
