"""What is ours is known by the file and its content, never by what a picture says of itself."""

import os
import shutil
import sqlite3
import struct
import threading
import time
import zlib
from collections.abc import Callable
from contextlib import closing
from dataclasses import replace
from pathlib import Path, PurePath

import numpy as np
import pytest
import pyvips

from daemon.errors import NoRoom
from daemon.hotfolder import ownership
from daemon.hotfolder.effects import Effect
from daemon.jobs import Grade
from daemon.journal import Journal, PersonVerdict
from daemon.journal.result_files import RESULTS_TO_READ
from daemon.pictures import writing
from daemon.pictures.reading import open_photo
from daemon.publishing.reading_back import HISTORY_TO_READ
from daemon.service.lifecycle import Daemon
from tests.doubles import ScriptedEngine
from tests.drawing import drawn_photo, save_photo
from tests.people.places import in_another_grade
from tests.test_crash_at_every_step import FAR_FUTURE, files_below, one_life, results, settings_for

pytestmark = pytest.mark.usefixtures("deaf")

FIRST = ["kunde/a.json", "kunde/a.png"]


class Studio:
    """A hot folder with one photo that is done, and what a person does in it."""

    def __init__(self, folder: Path, formats: tuple[str, ...] = ("png",)) -> None:
        settings = settings_for(folder)
        outputs = settings.outputs.model_copy(update={"formats": formats})
        self.settings = settings.model_copy(update={"outputs": outputs})
        self.root = settings.root_path
        self.inbox = self.root / "inbox"
        save_photo(self.inbox / "kunde" / "a.jpg", drawn_photo(96, 72))
        self.live()

    def live(self) -> None:
        one_life(self.settings, ScriptedEngine(), lambda _: None)

    def look(self) -> tuple[PersonVerdict, ...]:
        """Let a daemon look at the grade folders twice. Returns all verdicts."""
        with closing(Daemon(self.settings, engine=ScriptedEngine())) as daemon:
            for _ in range(2):
                daemon.parts.verdicts.turn(settle_seconds=0)
            return daemon.parts.journal.verdicts.latest(9)

    def journal(self) -> Journal:
        return Journal(Path(self.settings.state_dir) / "journal.sqlite3")

    def rounds(self) -> dict[str, int]:
        """The round of each job, by the photo's name."""
        with closing(self.journal()) as journal:
            return {row.job.name: row.job.round for row in journal.latest(9)}

    def result(self, name: str = "a.png") -> Path:
        (found,) = (path for grade in Grade for path in (self.root / grade.value).rglob(name))
        return found

    def other(self, path: Path) -> Path:
        """The same place in another grade folder."""
        return in_another_grade(self.root, path)


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    return Studio(tmp_path)


def compose(cut_out: Path, poster: Path) -> None:
    """As an editor does: a larger picture made from a cut-out, with all of its metadata, and so with our job tag."""
    photo = open_photo(cut_out, 500)
    packet = photo.metadata.xmp or b""
    job = packet.partition(b"<freisteller:job")[2].partition(b">")[2].partition(b"<")[0].decode()
    rgba = np.dstack([drawn_photo(900, 700), np.full((700, 900), 255, np.uint8)])
    writing.write(poster, rgba, replace(photo, rgba=rgba), "png", job)
    kept = open_photo(poster, 500).metadata.xmp or b""
    assert job
    assert f">{job}</freisteller:job>".encode() in kept


def rate(path: Path, to: Path | None = None) -> None:
    """As a photo viewer does: the same pixels and our job tag, other bytes, a new file in its place."""
    content = path.read_bytes()
    text = b"tEXtRating\x005"
    chunk = struct.pack(">I", len(text) - 4) + text + struct.pack(">I", zlib.crc32(text))
    rated = path.with_name("rating.tmp")
    rated.write_bytes(content[:-12] + chunk + content[-12:])
    rated.replace(to or path)
    if to:
        path.unlink()


def retouch(path: Path, to: Path | None = None) -> None:
    """As an editor does that drops metadata: other bytes, a new file, no job tag."""
    picture = pyvips.Image.new_from_file(str(path)).copy_memory()
    path.unlink()
    picture.pngsave(str(to or path), keep="none")


# Put back into inbox/


def test_a_picture_composed_from_a_cut_out_is_a_photo_of_its_own(studio: Studio) -> None:
    result = studio.result()
    before = result.read_bytes()
    compose(result, studio.inbox / "poster.png")

    studio.live()

    assert studio.rounds() == {"kunde/a.jpg": 0, "poster.png": 0}
    assert sorted(results(studio.root)) == [*FIRST, "poster.json", "poster.png"]
    assert result.read_bytes() == before


def by_finder(result: Path, inbox: Path) -> None:
    for litter in ("._a.png", ".DS_Store"):
        (inbox / litter).write_bytes(b"\0\5\x16\7")
    shutil.copyfile(result, inbox / "a.png")
    result.unlink()


def by_explorer(result: Path, inbox: Path) -> None:
    (inbox / "Thumbs.db").write_bytes(b"thumbs")
    (inbox / "desktop.ini").write_bytes(b"[ViewState]")
    result.rename(inbox / "a - Kopie.png")
    os.utime(inbox / "a - Kopie.png", (1e9, 1e9))


def moved_after_a_backup_by_links(result: Path, inbox: Path) -> None:
    result.with_name("backup").hardlink_to(result)
    result.rename(inbox / "z.png")


WAYS: dict[str, Callable[[Path, Path], object]] = {
    "moved": lambda result, inbox: result.rename(inbox / "z.png"),
    "copied": lambda result, inbox: shutil.copyfile(result, inbox / "z.png"),
    "copied with its times": lambda result, inbox: shutil.copy2(result, inbox / "z.png"),
    "linked": lambda result, inbox: (inbox / "z.png").hardlink_to(result),  # cp -l, rsync --link-dest
    "moved by Finder": by_finder,
    "moved by Explorer": by_explorer,
    "moved after a backup by links": moved_after_a_backup_by_links,
}


@pytest.mark.parametrize("way", WAYS)
def test_a_result_is_tried_again_however_it_came_back(studio: Studio, way: str) -> None:
    WAYS[way](studio.result(), studio.inbox)

    studio.live()

    assert studio.rounds() == {"kunde/a.jpg": 1}
    assert sorted(set(results(studio.root)) - {"kunde/backup"}) == FIRST


def test_where_inodes_do_not_last_the_content_decides(studio: Studio) -> None:
    with sqlite3.connect(Path(studio.settings.state_dir) / "journal.sqlite3") as journal:
        journal.execute("UPDATE result_files SET inode = inode + 1000000")
    journal.close()
    studio.result().rename(studio.inbox / "z.png")

    studio.live()

    assert studio.rounds() == {"kunde/a.jpg": 1}


def test_a_stranger_on_the_inode_of_a_result_is_a_photo_of_its_own(studio: Studio) -> None:
    result = studio.result()
    inode = result.stat().st_ino
    stranger = save_photo(studio.inbox / "b.png", seed=3)
    result.write_bytes(stranger.read_bytes())  # in place: the file keeps its inode, and nothing else
    result.rename(stranger)
    assert stranger.stat().st_ino == inode

    studio.live()

    assert studio.rounds() == {"kunde/a.jpg": 0, "b.png": 0}


def test_a_result_that_was_edited_is_a_photo_of_its_own(studio: Studio) -> None:
    rate(studio.result(), studio.inbox / "a.png")

    studio.live()

    assert studio.rounds() == {"kunde/a.jpg": 0, "a.png": 0}
    assert files_below(studio.root / "archiv") == ["a.png", "kunde/a.jpg"]


def test_an_earlier_result_that_is_put_back_from_archiv_asks_for_the_same(studio: Studio) -> None:
    studio.result().rename(studio.inbox / "a.png")
    studio.live()
    (studio.root / "archiv" / "kunde" / "a-earlier.png").rename(studio.inbox / "a.png")

    studio.live()

    assert studio.rounds() == {"kunde/a.jpg": 2}
    assert sorted(results(studio.root)) == FIRST


@pytest.mark.parametrize("what", ["gone", "moved away", "another's"])
def test_no_report_is_needed_to_know_a_result(studio: Studio, tmp_path: Path, what: str) -> None:
    report = studio.result("a.json")
    if what == "another's":
        report.write_text('{"job": "20200101-000000-00000000"}')
    else:
        report.rename(tmp_path / "kept.json" if what == "gone" else studio.root / "gut" / "x.json")
    studio.result().rename(studio.inbox / "a.png")

    studio.live()

    assert studio.rounds() == {"kunde/a.jpg": 1}


def test_a_result_of_a_job_that_was_removed_from_the_journal_is_a_photo_of_its_own(studio: Studio) -> None:
    with closing(studio.journal()) as journal:
        assert journal.prune(FAR_FUTURE, 9) == 1
    result = studio.result().rename(studio.inbox / "a.png")
    content = result.read_bytes()

    studio.live()

    assert studio.rounds() == {"a.png": 0}
    assert (studio.root / "archiv" / "a.png").read_bytes() == content


def test_only_a_file_of_a_results_size_is_read(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    content_at = ownership.content_at

    def reading(root: Path, place: str) -> bytes | None:
        read.append(PurePath(place).name)
        return content_at(root, place)

    monkeypatch.setattr(ownership, "content_at", reading)
    result = studio.result()
    compose(result, studio.inbox / "poster.png")
    save_photo(studio.inbox / "new.png", seed=9)
    shutil.copyfile(result, studio.inbox / "copy.png")
    studio.live()
    assert set(read) == {"copy.png"}

    read.clear()
    studio.result().rename(studio.inbox / "moved.png")
    studio.live()
    assert read == []
    assert studio.rounds() == {"kunde/a.jpg": 2, "poster.png": 0, "new.png": 0}


def test_a_result_is_known_even_if_the_journal_had_no_room_for_it_at_first(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    save_photo(settings.root_path / "inbox" / "a.jpg")
    full = [True]

    def tick(step: Effect) -> None:
        if step is Effect.RECORD_RESULTS and full[0]:
            full[0] = False
            raise NoRoom("The disk is full.")

    one_life(settings, ScriptedEngine(), tick)
    (result,) = settings.root_path.glob("*/a.png")
    result.rename(settings.root_path / "inbox" / "z.png")
    one_life(settings, ScriptedEngine(), lambda _: None)

    assert sorted(results(settings.root_path)) == ["a.json", "a.png"]
    assert not full[0]


def test_photos_that_are_one_file_keep_an_original_each(studio: Studio) -> None:
    first = save_photo(studio.inbox / "b.jpg", seed=6)
    for name in ("c.jpg", "d.jpg"):
        (studio.inbox / name).hardlink_to(first)  # cp -al, or a tool that links what is equal

    studio.live()

    assert files_below(studio.root / "archiv") == ["b.jpg", "c.jpg", "d.jpg", "kunde/a.jpg"]
    (studio.root / "archiv" / "c.jpg").rename(studio.inbox / "c.jpg")
    studio.live()
    assert studio.rounds() == {"kunde/a.jpg": 0, "b.jpg": 0, "c.jpg": 1, "d.jpg": 0}
    assert sorted(results(studio.root)) == [f"{name}.{suffix}" for name in "bcd" for suffix in ("json", "png")] + FIRST


def test_failed_photos_that_are_one_file_keep_an_original_each(studio: Studio) -> None:
    intake = studio.settings.intake.model_copy(update={"patience_seconds": 0.1})
    studio.settings = studio.settings.model_copy(update={"intake": intake})
    (studio.inbox / "x.jpg").write_text("Dear Sir or Madam, " * 50)
    (studio.inbox / "y.jpg").hardlink_to(studio.inbox / "x.jpg")
    aside = studio.inbox.parent.parent / "y.jpg"
    (studio.inbox / "y.jpg").rename(aside)
    studio.live()
    (studio.root / "failed" / "x.jpg.txt").unlink()
    aside.rename(studio.inbox / "y.jpg")

    studio.live()

    assert files_below(studio.root / "failed") == ["x.jpg", "y.jpg", "y.jpg.txt"]


# Moved between grade folders


@pytest.mark.parametrize("edit", [rate, retouch])
@pytest.mark.parametrize("report", ["stays", "comes along"])
def test_a_result_that_was_edited_and_then_moved_is_a_verdict(
    studio: Studio, edit: Callable[[Path, Path | None], None], report: str
) -> None:
    result = studio.result()
    edit(result, None)
    edited = result.read_bytes()
    after = result.rename(studio.other(result))
    if report == "comes along":
        result.with_suffix(".json").rename(after.with_suffix(".json"))

    (verdict,) = studio.look()

    assert verdict.name == "kunde/a.jpg"
    assert after.read_bytes() == edited
    assert after.with_suffix(".json").exists()


@pytest.mark.parametrize("edit", [rate, retouch])
def test_a_result_that_an_editor_saves_into_another_grade_is_a_verdict(
    studio: Studio, edit: Callable[[Path, Path | None], None]
) -> None:
    edit(studio.result(), studio.other(studio.result()))

    assert len(studio.look()) == 1


def test_the_other_formats_come_along_even_if_they_were_edited(tmp_path: Path) -> None:
    studio = Studio(tmp_path, ("png", "mask"))
    retouch(studio.result("a_mask.png"))
    result = studio.result()
    after = result.rename(studio.other(result))

    studio.look()

    assert sorted(path.name for path in after.parent.iterdir()) == ["a.json", "a.png", "a_mask.png"]


@pytest.mark.parametrize("edit", [rate, retouch])
def test_a_result_that_was_edited_where_it_lies_makes_room_for_the_next_try(
    studio: Studio, edit: Callable[[Path], None]
) -> None:
    result = studio.result()
    edit(result)
    edited = result.read_bytes()
    (studio.root / "archiv" / "kunde" / "a.jpg").rename(studio.inbox / "a.jpg")

    studio.live()

    assert sorted(results(studio.root)) == FIRST
    assert (studio.root / "archiv" / "kunde" / "a-earlier.png").read_bytes() == edited


@pytest.mark.parametrize("result_is", ["there", "deleted", "in another folder"])
def test_a_picture_composed_from_a_cut_out_is_a_strangers_file_in_a_grade_folder(
    studio: Studio, result_is: str
) -> None:
    result = studio.result()
    poster = studio.other(result).with_name("poster.png")
    compose(result, poster)
    content = poster.read_bytes()
    if result_is == "deleted":
        result.unlink()
    elif result_is == "in another folder":
        result.rename(studio.root / "a.png")
    before = files_below(studio.root)

    assert studio.look() == ()

    assert poster.read_bytes() == content
    assert files_below(studio.root) == before


def test_a_strangers_picture_is_not_known_by_the_name_of_a_result_that_is_still_there(studio: Studio) -> None:
    save_photo(studio.other(studio.result()), seed=5)

    assert studio.look() == ()


def test_a_strangers_picture_is_not_known_by_the_name_of_a_result_without_a_report(studio: Studio) -> None:
    result = studio.result()
    mine = save_photo(studio.other(result), seed=5)
    studio.result("a.json").unlink()
    result.unlink()
    content = mine.read_bytes()

    assert studio.look() == ()
    assert mine.read_bytes() == content


def test_the_result_of_another_photo_is_not_taken_along(studio: Studio) -> None:
    save_photo(studio.inbox / "b.jpg", drawn_photo(96, 72, seed=2))
    studio.live()
    other = studio.result("b.png")
    mine = studio.result()
    mine.unlink()
    theirs = other.rename(mine)  # "replace": the result of b lies where that of a was
    content = theirs.read_bytes()
    (studio.root / "archiv" / "kunde" / "a.jpg").rename(studio.inbox / "a.jpg")

    studio.live()

    assert content in {path.read_bytes() for grade in Grade for path in (studio.root / grade.value).rglob("*.png")}


def test_a_report_that_a_crash_left_on_its_way_is_brought_along_later(studio: Studio) -> None:
    picture, report = studio.result("a.png"), studio.result("a.json")
    here = Grade(picture.relative_to(studio.root).parts[0])
    first, second = (studio.root / grade.value / "kunde" for grade in Grade if grade is not here)
    for folder in (first, second):
        folder.mkdir(parents=True, exist_ok=True)
    # A person moved the picture, the daemon brought the report along, and died before it recorded that. The person
    # moves the picture on.
    report.rename(first / report.name)
    picture.rename(second / picture.name)

    (verdict,) = studio.look()

    assert verdict.to_grade is Grade(second.parent.name)
    assert sorted(path.name for path in second.iterdir()) == ["a.json", "a.png"]
    assert not list(first.iterdir())


# What earlier versions and lost journals knew


def forget_files(studio: Studio) -> None:
    """Leave the journal as an earlier version kept it."""
    with sqlite3.connect(Path(studio.settings.state_dir) / "journal.sqlite3") as journal:
        journal.execute("DELETE FROM result_files")
        journal.execute("DELETE FROM facts WHERE key = ?", (HISTORY_TO_READ,))
        journal.execute("INSERT INTO facts VALUES (?, 'yes')", (RESULTS_TO_READ,))
    journal.close()


def read_reports(studio: Studio) -> None:
    with closing(Daemon(studio.settings, engine=ScriptedEngine())) as daemon:
        assert daemon.parts.reading_back.left_to_do
        daemon.parts.reading_back.serve(threading.Event())
        assert not daemon.parts.reading_back.left_to_do


@pytest.mark.parametrize("way", ["moved", "copied"])
def test_results_of_an_earlier_version_are_known_from_their_reports(studio: Studio, way: str) -> None:
    forget_files(studio)
    read_reports(studio)
    WAYS[way](studio.result(), studio.inbox)

    studio.live()

    assert studio.rounds() == {"kunde/a.jpg": 1}


@pytest.mark.parametrize("way", ["moved", "copied"])
def test_a_result_put_back_waits_until_a_new_journal_has_read_whose_it_is(studio: Studio, way: str) -> None:
    for file in Path(studio.settings.state_dir).glob("journal.sqlite3*"):
        file.unlink()
    WAYS[way](studio.result(), studio.inbox)
    with closing(Daemon(studio.settings, engine=ScriptedEngine())) as daemon:
        for _ in range(3):
            daemon.parts.inbox_loop.turn(urgent=False)
        assert daemon.parts.journal.open_ids() == frozenset()
        daemon.parts.reading_back.serve(threading.Event())

    studio.live()

    assert studio.rounds() == {"kunde/a.jpg": 1}


def test_a_photo_that_came_after_the_start_waits_for_no_report(studio: Studio) -> None:
    for file in Path(studio.settings.state_dir).glob("journal.sqlite3*"):
        file.unlink()
    with closing(Daemon(studio.settings, engine=ScriptedEngine())) as daemon:
        photo = save_photo(studio.inbox / "b.jpg", drawn_photo(96, 72, seed=2))
        os.utime(photo, (time.time() + 90, time.time() + 90))  # well after the start, whatever the clocks say
        for _ in range(3):
            daemon.parts.inbox_loop.turn(urgent=False)
        assert len(daemon.parts.journal.open_ids()) == 1


def test_reports_bring_no_job_back_that_was_removed_from_the_journal(studio: Studio) -> None:
    with closing(studio.journal()) as journal:
        journal.prune(FAR_FUTURE, 9)
    forget_files(studio)

    read_reports(studio)

    assert studio.rounds() == {}


def test_a_result_that_was_edited_since_its_report_is_not_known_by_it(studio: Studio) -> None:
    result = studio.result()
    compose(result, result.with_name("new"))
    result.with_name("new").replace(result)
    forget_files(studio)
    read_reports(studio)
    result.rename(studio.inbox / "poster.png")

    studio.live()

    assert studio.rounds() == {"kunde/a.jpg": 0, "poster.png": 0}


@pytest.mark.parametrize("way", ["moved", "copied"])
def test_results_are_known_to_a_journal_that_was_lost(studio: Studio, way: str) -> None:
    shutil.rmtree(studio.settings.state_dir)
    read_reports(studio)
    WAYS[way](studio.result(), studio.inbox)

    studio.live()

    assert studio.rounds() == {"kunde/a.jpg": 1}
