"""Photos whose order is wrong wait, a note says why, and no other photo waits with them."""

import shutil
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from daemon.hotfolder.order_names import NAME
from daemon.hotfolder.orders import NOTE
from daemon.jobs import Grade
from daemon.service.lifecycle import Daemon
from tests.doubles import ScriptedEngine
from tests.drawing import save_photo
from tests.processes import DaemonProcess, freisteller
from tests.test_crash_at_every_step import FAR_FUTURE, files_below, results, settings_for

pytestmark = pytest.mark.usefixtures("deaf")

BAD = "[outputs]\nformats = [ 'gif' ]\n"
GOOD = "[outputs]\nformats = ['tiff']\n"


class Studio:
    def __init__(self, folder: Path) -> None:
        self.daemon = Daemon(settings_for(folder), engine=ScriptedEngine())
        self.root = self.daemon.parts.folders.root
        self.inbox = self.daemon.parts.folders.inbox
        self.folder = self.inbox / "kunde"
        self.folder.mkdir()

    def order(self, text: str) -> None:
        (self.folder / NAME).write_text(text)

    def take_in(self) -> None:
        while (scan := self.daemon.parts.inbox_loop.turn(urgent=True)) and scan.incomplete:
            self.daemon.parts.watcher.wait(scan.next_look_seconds, threading.Event())

    def work(self) -> None:
        while job := self.daemon.parts.journal.take_decided(FAR_FUTURE, ()) or self.daemon.parts.journal.take(
            FAR_FUTURE
        ):
            self.daemon.parts.task_runner.run(job)

    def live(self) -> None:
        self.take_in()
        self.work()

    def metric(self) -> str:
        page = self.daemon.parts.metrics.exposition().decode()
        return next(line for line in page.splitlines() if line.startswith("freisteller_bad_orders "))


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    studio = Studio(tmp_path)
    yield studio
    studio.daemon.close()


def test_an_order_says_how_the_photos_of_its_folder_are_done(studio: Studio) -> None:
    studio.order(GOOD + "[grading]\nsehr_gut = 0.999999\ngut = 0.999998\n")
    save_photo(studio.folder / "rot" / "a.png")
    save_photo(studio.inbox / "b.png", seed=1)

    studio.live()

    assert files_below(studio.root / Grade.UNGENUEGEND.value) == ["kunde/rot/a.json", "kunde/rot/a.tif"]
    assert sorted(results(studio.root)) == ["b.json", "b.png", "kunde/rot/a.json", "kunde/rot/a.tif"]
    assert files_below(studio.inbox) == [f"kunde/{NAME}"]


def test_photos_of_a_wrong_order_wait_with_a_note_and_all_others_go_on(studio: Studio) -> None:
    studio.order(BAD)
    save_photo(studio.folder / "rot" / "a.png")
    save_photo(studio.inbox / "b.png", seed=1)

    studio.live()

    assert sorted(results(studio.root)) == ["b.json", "b.png"]
    assert files_below(studio.inbox) == [f"kunde/{NAME}", f"kunde/{NOTE}", "kunde/rot/a.png"]
    assert "outputs.formats" in (studio.folder / NOTE).read_text("utf-8")
    assert studio.metric() == "freisteller_bad_orders 1.0"


def test_the_note_names_the_line_and_is_in_the_language_of_the_settings(studio: Studio) -> None:
    settings = studio.daemon.parts.settings
    settings.now = settings.now.model_copy(update={"language": "de"})
    studio.order(BAD)
    save_photo(studio.folder / "a.png")
    studio.live()
    note = (studio.folder / NOTE).read_text("utf-8")

    settings.now = settings.now.model_copy(update={"language": "en"})
    studio.order(GOOD)
    studio.live()

    assert note.startswith(f"{NAME} in diesem Ordner enthält einen Fehler.")
    assert "Was falsch ist: Bad setting entry 1 of outputs.formats = 'gif'" in note
    assert "(line 2)" in note
    assert files_below(studio.inbox) == [f"kunde/{NAME}"]


def test_once_the_order_is_right_they_go_on_and_the_note_goes(studio: Studio) -> None:
    studio.order(BAD)
    save_photo(studio.folder / "a.png")
    studio.live()
    studio.live()

    studio.order(GOOD)
    studio.live()

    assert sorted(results(studio.root)) == ["kunde/a.json", "kunde/a.tif"]
    assert files_below(studio.inbox) == [f"kunde/{NAME}"]
    assert studio.metric() == "freisteller_bad_orders 0.0"


def test_a_wrong_order_that_is_removed_takes_its_note_with_it_though_no_photo_is_left(studio: Studio) -> None:
    studio.order(BAD)
    photo = save_photo(studio.folder / "a.png")
    studio.live()

    photo.unlink()
    (studio.folder / NAME).unlink()
    studio.take_in()

    assert files_below(studio.inbox) == []
    assert studio.metric() == "freisteller_bad_orders 0.0"


def test_another_fault_makes_another_note_and_a_person_s_file_of_that_name_stays(studio: Studio) -> None:
    studio.order(BAD)
    save_photo(studio.folder / "a.png")
    studio.take_in()
    studio.order("nonsense")
    studio.take_in()
    assert "not valid TOML" in (studio.folder / NOTE).read_text("utf-8")

    (studio.folder / NOTE).write_text("my own words")
    studio.order(BAD)
    studio.take_in()
    studio.order(GOOD)
    studio.live()

    assert (studio.folder / NOTE).read_text("utf-8") == "my own words"


def test_an_order_that_no_parser_stands_holds_its_own_photos_only(studio: Studio) -> None:
    studio.order("[" * 10_000)
    save_photo(studio.folder / "a.png")
    save_photo(studio.inbox / "b.png", seed=1)

    studio.live()

    assert sorted(results(studio.root)) == ["b.json", "b.png"]
    assert (studio.folder / NOTE).exists()


def test_an_order_that_gets_wrong_after_its_photos_were_taken_holds_only_those_that_come(studio: Studio) -> None:
    studio.order(GOOD)
    save_photo(studio.folder / "a.png")
    studio.take_in()
    studio.order(BAD)
    save_photo(studio.folder / "b.png", seed=1)
    studio.take_in()
    job = studio.daemon.parts.journal.take(FAR_FUTURE)
    assert job is not None

    studio.daemon.parts.task_runner.run(job)  # once: a photo that waited would be due again and again

    assert sorted(results(studio.root)) == ["kunde/a.json", "kunde/a.tif"]
    assert files_below(studio.inbox) == ["kunde/b.png", f"kunde/{NAME}", f"kunde/{NOTE}"]

    studio.order(GOOD)
    studio.live()
    assert sorted(results(studio.root)) == ["kunde/a.json", "kunde/a.tif", "kunde/b.json", "kunde/b.tif"]


def test_a_photo_for_which_no_order_was_kept_waits_for_its_order_to_be_right(studio: Studio) -> None:
    studio.order(GOOD)
    save_photo(studio.folder / "a.png")
    studio.take_in()
    forget_orders(studio)  # as if an earlier version had taken it
    studio.order(BAD)
    job = studio.daemon.parts.journal.take(FAR_FUTURE)
    assert job is not None

    studio.daemon.parts.task_runner.run(job)

    entry = studio.daemon.parts.journal.row(job.id)
    assert (entry.job.state, entry.job.tries, entry.reason_kind) == ("waiting", 0, "bad_order")
    assert NAME in (entry.job.reason or "")
    assert studio.daemon.parts.dispatch.backoff.failures == 0  # nobody else waits for it

    save_photo(studio.folder / "b.png", seed=1)
    studio.take_in()
    studio.order(GOOD)
    studio.take_in()
    due = [studio.daemon.parts.journal.take(studio.daemon.parts.runtime.clock()) for _ in range(2)]
    assert {found.name for found in due if found} == {"kunde/a.png", "kunde/b.png"}  # at once, not after a pause


def forget_orders(studio: Studio) -> None:
    with closing(sqlite3.connect(next(studio.root.parent.rglob("journal.sqlite3")))) as journal, journal:
        assert journal.execute("DELETE FROM taken_orders").rowcount == 1


@pytest.mark.parametrize("becomes", ["renamed", "removed", "changed"])
def test_photos_are_done_by_the_order_by_which_they_were_taken(studio: Studio, becomes: str) -> None:
    studio.order(GOOD)
    save_photo(studio.folder / "rot" / "a.png")
    studio.take_in()
    if becomes == "renamed":
        studio.folder.rename(studio.inbox / "kunde done")
    elif becomes == "removed":
        shutil.rmtree(studio.folder)
    else:
        studio.order("[outputs]\nformats = ['webp']\n")

    studio.work()

    assert sorted(results(studio.root)) == ["kunde/rot/a.json", "kunde/rot/a.tif"]


def test_another_try_goes_by_the_order_of_its_time(studio: Studio) -> None:
    studio.order(GOOD)
    save_photo(studio.folder / "a.png")
    studio.live()
    studio.order("[outputs]\nformats = ['webp']\n")
    (studio.root / "archiv" / "kunde" / "a.png").rename(studio.folder / "a.png")

    studio.live()

    assert sorted(results(studio.root)) == ["kunde/a.json", "kunde/a.webp"]


def test_an_order_that_still_changes_is_waited_for(studio: Studio) -> None:
    studio.daemon.parts.settings.now = studio.daemon.parts.settings.now.model_copy(
        update={"intake": studio.daemon.parts.settings.now.intake.model_copy(update={"quiet_seconds": 3600.0})}
    )
    studio.order(GOOD)
    source = save_photo(studio.folder / "a.png")

    studio.daemon.parts.arrivals.bad_orders.look()
    assert studio.daemon.parts.arrivals.bad_orders.holds(source, urgent=False)
    assert not (studio.folder / NOTE).exists()
    studio.daemon.parts.arrivals.bad_orders.look()
    assert not studio.daemon.parts.arrivals.bad_orders.holds(source, urgent=True)


def test_an_order_is_counted_neither_as_a_photo_nor_as_left_alone(studio: Studio) -> None:
    studio.order(GOOD)
    (studio.folder / NOTE).touch()

    scan = studio.daemon.parts.watcher.scan()

    assert (scan.ready, scan.rejected, scan.incomplete, dict(scan.ignored)) == ((), (), 0, {})


@pytest.mark.parametrize("language", ["en", "de"])
def test_photos_wait_beside_an_order_that_is_called_otherwise_until_it_has_its_name(
    studio: Studio, language: str
) -> None:
    settings = studio.daemon.parts.settings
    settings.now = settings.now.model_copy(update={"language": language})
    (studio.folder / "freisteller.toml.txt").write_text(GOOD)
    save_photo(studio.folder / "rot" / "a.png")
    save_photo(studio.inbox / "b.png", seed=1)
    studio.live()
    studio.live()
    waiting, note = files_below(studio.inbox), (studio.folder / NOTE).read_text("utf-8")

    settings.now = settings.now.model_copy(update={"language": "en"})
    (studio.folder / "freisteller.toml.txt").rename(studio.folder / "Freisteller.toml")
    studio.live()

    assert waiting == [f"kunde/{NOTE}", "kunde/freisteller.toml.txt", "kunde/rot/a.png"]
    assert "freisteller.toml.txt" in note
    assert sorted(results(studio.root)) == ["b.json", "b.png", "kunde/rot/a.json", "kunde/rot/a.tif"]
    assert files_below(studio.inbox) == ["kunde/Freisteller.toml"]


def test_the_note_about_an_order_in_capitals_names_it_and_goes(studio: Studio) -> None:
    (studio.folder / "FREISTELLER.toml").write_text(BAD)
    save_photo(studio.folder / "a.png")
    studio.take_in()
    note = (studio.folder / NOTE).read_text("utf-8")

    (studio.folder / "FREISTELLER.toml").write_text(GOOD)
    studio.take_in()

    assert note.startswith("FREISTELLER.toml in this folder is wrong")
    assert files_below(studio.inbox) == ["kunde/FREISTELLER.toml"]


@pytest.mark.parametrize(
    "name", ["Freisteller.toml", "freisteller.toml.txt", " freisteller.toml", "freisteller (1).toml"]
)
def test_an_order_by_another_name_is_not_told_as_left_alone(studio: Studio, name: str) -> None:
    (studio.folder / name).write_text(GOOD)

    scan = studio.daemon.parts.watcher.scan()

    assert (scan.ready, scan.rejected, scan.incomplete, dict(scan.ignored)) == ((), (), 0, {})


@pytest.mark.slow
def test_the_running_daemon_holds_and_goes_on(tmp_path: Path) -> None:
    folder = tmp_path / "hot" / "inbox" / "kunde"
    save_photo(folder / "a.png")
    (folder / NAME).write_text(BAD)
    with DaemonProcess(tmp_path) as daemon:
        daemon.wait_until((folder / NOTE).exists, "the note")
        assert (folder / "a.png").exists()
        (folder / NAME).write_text(GOOD)
        root = tmp_path / "hot"
        daemon.wait_until(lambda: "kunde/a.json" in results(root), "the result")
        daemon.interrupt()

    assert sorted(results(root)) == ["kunde/a.json", "kunde/a.tif"]
    assert files_below(root / "inbox") == [f"kunde/{NAME}"]


def test_a_single_run_says_what_it_left_because_of_a_wrong_order(tmp_path: Path) -> None:
    save_photo(tmp_path / "hot" / "inbox" / "shoes" / "a.png")
    (tmp_path / "hot" / "inbox" / "shoes" / "freisteller.toml").write_text("[outputs]\nformat = ['tiff']\n")

    once = freisteller("run", "--once", folder=tmp_path)

    assert once.returncode == 1
    assert "inbox/shoes/freisteller.toml" in once.stderr
    assert "Its photos wait until it is right." in once.stderr
