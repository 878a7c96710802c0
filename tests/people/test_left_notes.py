"""A note beside the files that are left alone says which, and what each is; it goes when none is left."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.orders import LEFT_NOTE
from daemon.hotfolder.runtime import Runtime
from daemon.people.left_notes import LeftNotes
from daemon.service.lifecycle import Daemon
from daemon.settings import Settings
from daemon.settings.current import CurrentSettings
from tests.doubles import ScriptedEngine
from tests.test_crash_at_every_step import files_below, settings_for

pytestmark = pytest.mark.usefixtures("deaf")

EPS = b"%!PS" + bytes(60)


class Studio:
    def __init__(self, settings: Settings) -> None:
        self.daemon = Daemon(settings, engine=ScriptedEngine())
        self.inbox = self.daemon.parts.folders.inbox
        self.folder = self.inbox / "kunde"
        self.note = self.folder / LEFT_NOTE
        self.folder.mkdir(exist_ok=True)

    def look(self) -> None:
        self.daemon.parts.inbox_loop.turn(urgent=True)
        self.daemon.parts.inbox_loop.turn(urgent=True)

    def set(self, **values: object) -> None:
        settings = self.daemon.parts.settings
        intake = settings.now.intake.model_copy(update=values)
        settings.now = settings.now.model_copy(update={"intake": intake})


def parts_of(studio: Studio) -> tuple[HotFolder, CurrentSettings, Runtime]:
    """What notes of their own need."""
    return studio.daemon.parts.folders, studio.daemon.parts.settings, Runtime()


@pytest.fixture
def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Studio]:
    monkeypatch.setattr("daemon.people.left_notes.AGE_SECONDS", 0.0)
    studio = Studio(settings_for(tmp_path))
    yield studio
    studio.daemon.close()


def test_a_note_names_what_is_left_alone(studio: Studio) -> None:
    (studio.folder / "flat.eps").write_bytes(EPS)
    (studio.folder / "line.svg").write_bytes(b"<svg/>")
    (studio.inbox / "paper.pdf").write_bytes(b"%PDF-1.7")

    studio.look()

    lines = studio.note.read_text("utf-8").splitlines()
    assert lines[0] == "Freisteller does not work on these files:"
    assert lines[2:4] == ["flat.eps: an EPS drawing", "line.svg: an SVG drawing"]
    assert "paper.pdf: a PDF" in (studio.inbox / LEFT_NOTE).read_text("utf-8")
    assert [each.name for each in studio.daemon.parts.inbox_loop.left_alone] == [
        "kunde/flat.eps", "kunde/line.svg", "paper.pdf"
    ]  # fmt: skip


def test_the_note_follows_what_is_there_and_goes_at_last(studio: Studio) -> None:
    for name in ("a.eps", "b.eps"):
        (studio.folder / name).write_bytes(EPS)
    studio.look()
    before = studio.note.stat().st_ino
    studio.look()
    assert studio.note.stat().st_ino == before

    (studio.folder / "a.eps").unlink()
    studio.look()
    assert "a.eps" not in studio.note.read_text("utf-8")

    (studio.folder / "b.eps").unlink()
    studio.look()
    assert files_below(studio.inbox) == []


def test_a_note_of_an_earlier_run_is_brought_up_to_date(studio: Studio, tmp_path: Path) -> None:
    (studio.folder / "a.eps").write_bytes(EPS)
    studio.look()
    studio.daemon.close()
    (studio.folder / "a.eps").unlink()

    later = Studio(settings_for(tmp_path))
    later.look()
    later.daemon.close()

    assert files_below(later.inbox) == []


def test_a_file_that_just_came_gets_no_note_yet(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.people.left_notes.AGE_SECONDS", 10.0)
    (studio.folder / "a.jpg.upload").write_bytes(bytes(100))

    studio.look()

    assert files_below(studio.inbox) == ["kunde/a.jpg.upload"]


def test_somebody_s_own_file_of_that_name_is_left_as_it_is(studio: Studio) -> None:
    (studio.folder / "a.eps").write_bytes(EPS)
    studio.note.write_text("mine")

    studio.look()

    assert studio.note.read_text() == "mine"


def test_a_setting_says_whether(studio: Studio) -> None:
    (studio.folder / "a.eps").write_bytes(EPS)
    studio.look()
    assert studio.note.exists()

    studio.set(left_alone_notes=False)
    studio.look()

    assert files_below(studio.inbox) == ["kunde/a.eps"]


def test_the_note_speaks_the_language_of_the_settings(studio: Studio) -> None:
    (studio.folder / "a.eps").write_bytes(EPS)
    studio.look()
    settings = studio.daemon.parts.settings
    settings.now = settings.now.model_copy(update={"language": "de"})

    studio.look()

    assert studio.note.read_text("utf-8").startswith("Mit diesen Dateien arbeitet Freisteller nicht:")
    assert "a.eps: eine EPS-Zeichnung" in studio.note.read_text("utf-8")


def test_fifty_names_are_enough(studio: Studio) -> None:
    for number in range(53):
        (studio.folder / f"{number:02}.eps").write_bytes(EPS)

    studio.look()

    assert "and 3 more" in studio.note.read_text("utf-8").splitlines()


def test_notes_are_worded_once_for_what_lies_still(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    (studio.folder / "a.eps").write_bytes(EPS)
    studio.look()
    notes, scan = LeftNotes(*parts_of(studio)), studio.daemon.parts.watcher.scan(urgent=True)
    notes.tell(scan)
    worded = list[object]()
    monkeypatch.setattr("daemon.people.left_notes._note", lambda files, words: worded.append(files))

    notes.tell(scan)

    assert worded == []


def test_a_note_that_could_not_be_written_is_written_later(studio: Studio) -> None:
    (studio.folder / "a.eps").write_bytes(EPS)
    notes, scan = LeftNotes(*parts_of(studio)), studio.daemon.parts.watcher.scan(urgent=True)
    studio.folder.rename(studio.inbox / "away")
    notes.tell(scan)
    (studio.inbox / "away").rename(studio.folder)

    notes.tell(scan)

    assert studio.note.exists()


def test_a_file_that_was_too_young_is_named_once_it_is_old(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    (studio.folder / "a.eps").write_bytes(EPS)
    notes, scan = LeftNotes(*parts_of(studio)), studio.daemon.parts.watcher.scan(urgent=True)
    monkeypatch.setattr("daemon.people.left_notes.AGE_SECONDS", 10.0)
    notes.tell(scan)
    assert not studio.note.exists()
    monkeypatch.setattr("daemon.people.left_notes.AGE_SECONDS", 0.0)

    notes.tell(scan)

    assert studio.note.exists()
