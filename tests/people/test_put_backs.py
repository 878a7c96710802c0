"""A file that people put back into inbox/ is tried again, once and from the original; no file is lost on the way."""

import itertools
import json
import shutil
import unicodedata
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from daemon.hotfolder.effects import Effect, Tick
from daemon.jobs import Recipe
from daemon.journal import JobRow, Journal
from daemon.service.lifecycle import Daemon
from daemon.states import State
from tests.doubles import ScriptedEngine
from tests.drawing import drawn_photo, save_photo
from tests.processes import DaemonProcess
from tests.test_crash_at_every_step import (
    FAR_FUTURE,
    Died,
    dying_at,
    dying_before,
    files_below,
    one_life,
    refuse,
    results,
    settings_for,
)

pytestmark = pytest.mark.usefixtures("deaf")

LIMIT_SECONDS = 60.0  # only somebody who waits for a lock takes so long


class Studio:
    """A hot folder with one photo that is over, and what a person does in it."""

    def __init__(self, folder: Path, engine: ScriptedEngine | None = None, formats: tuple[str, ...] = ("png",)) -> None:
        settings = settings_for(folder)
        self.settings = settings.model_copy(
            update={"outputs": settings.outputs.model_copy(update={"formats": formats})}
        )
        self.root = settings.root_path
        self.inbox = self.root / "inbox"
        save_photo(self.inbox / "kunde" / "a.tif", drawn_photo(96, 72))
        self.engine = engine or ScriptedEngine()
        self.live()
        self.engine.trouble = None

    def live(self, tick: Tick = lambda _: None) -> None:
        one_life(self.settings, self.engine, tick)

    def place(self, name: str) -> Path:
        (found,) = (path for grade in ("sehr_gut", "gut", "ungenügend") for path in (self.root / grade).rglob(name))
        return found

    def entry(self) -> JobRow:
        journal = Journal(Path(self.settings.state_dir) / "journal.sqlite3")
        try:
            (entry,) = journal.latest(9)
            return entry
        finally:
            journal.close()

    def recipes(self) -> list[Recipe]:
        job = self.entry().job
        return [attempt.recipe for attempt in (*job.tried_before, *job.attempts)]


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    return Studio(tmp_path)


def test_a_cut_out_put_back_is_tried_again_from_its_original_with_other_recipes(studio: Studio) -> None:
    content = studio.place("a.png").read_bytes()
    studio.place("a.png").rename(studio.inbox / "a.png")

    studio.live()

    entry = studio.entry()
    assert (entry.job.state, entry.job.round, entry.job.name) == (State.DONE, 1, "kunde/a.tif")
    assert len(set(studio.recipes())) == len(studio.recipes()) > 1
    assert sorted(results(studio.root)) == ["kunde/a.json", "kunde/a.png"]
    assert files_below(studio.inbox) == []
    assert files_below(studio.root / "failed") == []
    assert files_below(studio.root / "archiv") == ["kunde/a-earlier.json", "kunde/a-earlier.png", "kunde/a.tif"]
    assert (studio.root / "archiv" / "kunde" / "a-earlier.png").read_bytes() == content
    assert json.loads(studio.place("a.json").read_text("utf-8"))["photo"]["format"] == "tiff"


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_a_new_name_in_another_sub_folder_does_not_matter(studio: Studio, form: str) -> None:
    name = unicodedata.normalize(form, "größer.png")  # type: ignore[arg-type]  # one of its literals
    (studio.inbox / "nochmal").mkdir()
    studio.place("a.png").rename(studio.inbox / "nochmal" / name)

    studio.live()

    assert studio.entry().job.round == 1
    assert sorted(results(studio.root)) == ["kunde/a.json", "kunde/a.png"]


def test_a_copy_of_a_cut_out_asks_for_the_same(studio: Studio) -> None:
    shutil.copyfile(studio.place("a.png"), studio.inbox / "a.png")

    studio.live()

    assert studio.entry().job.round == 1
    assert sorted(results(studio.root)) == ["kunde/a.json", "kunde/a.png"]
    archived = files_below(studio.root / "archiv")
    assert archived == ["kunde/a-earlier-2.png", "kunde/a-earlier.json", "kunde/a-earlier.png", "kunde/a.tif"]


def test_all_formats_put_back_at_once_ask_for_one_more_try(tmp_path: Path) -> None:
    studio = Studio(tmp_path, formats=("png", "mask", "jpeg"))
    for name in ("a.png", "a_mask.png", "a.jpg", "a.json"):
        studio.place(name).rename(studio.inbox / name)

    studio.live()

    assert studio.entry().job.round == 1
    assert len(results(studio.root)) == 4
    assert files_below(studio.inbox) == ["a.json"]  # a report is no photo, so it is left alone


def test_an_original_that_is_moved_out_of_the_archive_is_tried_again(studio: Studio) -> None:
    (studio.root / "archiv" / "kunde" / "a.tif").rename(studio.inbox / "b.tif")

    studio.live()

    assert studio.entry().job.round == 1
    assert sorted(results(studio.root)) == ["kunde/a.json", "kunde/a.png"]
    assert files_below(studio.root / "archiv") == ["kunde/a-earlier.json", "kunde/a-earlier.png", "kunde/a.tif"]


def test_a_copy_of_an_original_is_a_photo_of_its_own(studio: Studio) -> None:
    shutil.copy2(studio.root / "archiv" / "kunde" / "a.tif", studio.inbox / "a.tif")

    studio.live()

    assert sorted(results(studio.root)) == ["a.json", "a.png", "kunde/a.json", "kunde/a.png"]


def test_an_original_that_is_still_in_the_archive_was_not_moved_out_of_it(studio: Studio) -> None:
    (studio.inbox / "a.tif").hardlink_to(studio.root / "archiv" / "kunde" / "a.tif")

    studio.live()

    assert sorted(results(studio.root)) == ["a.json", "a.png", "kunde/a.json", "kunde/a.png"]


def test_an_original_that_was_renamed_in_the_archive_is_found(studio: Studio) -> None:
    (studio.root / "archiv" / "2026").mkdir()
    (studio.root / "archiv" / "kunde" / "a.tif").rename(studio.root / "archiv" / "2026" / "z.tif")
    studio.place("a.png").rename(studio.inbox / "a.png")

    studio.live()

    assert studio.entry().job.round == 1
    assert "2026/z.tif" in files_below(studio.root / "archiv")


def test_a_cut_out_without_its_original_fails_and_says_why(studio: Studio) -> None:
    content = studio.place("a.png").read_bytes()
    (studio.root / "archiv" / "kunde" / "a.tif").unlink()
    studio.place("a.png").rename(studio.inbox / "a.png")

    studio.live()

    assert (studio.root / "failed" / "kunde" / "a.png").read_bytes() == content
    note = (studio.root / "failed" / "kunde" / "a.png.txt").read_text("utf-8")
    assert "original is not in archiv/ any more" in note
    assert files_below(studio.root / ".freisteller" / "returns") == []


def test_a_failed_photo_moved_back_is_the_same_photo_tried_again(tmp_path: Path) -> None:
    studio = Studio(tmp_path, ScriptedEngine(refuse))
    failed = studio.root / "failed" / "kunde"
    assert sorted(path.name for path in failed.iterdir()) == ["a.tif", "a.tif.txt"]
    (failed / "a.tif").rename(studio.inbox / "a.tif")

    studio.live()

    entry = studio.entry()
    assert (entry.job.state, entry.job.round) == (State.DONE, 1)
    assert sorted(results(studio.root)) == ["kunde/a.json", "kunde/a.png"]
    assert files_below(studio.root / "failed") == []


def test_a_file_that_is_no_photo_comes_back_to_failed_under_its_name(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    intake = studio.settings.intake.model_copy(update={"patience_seconds": 0.1})
    studio.settings = studio.settings.model_copy(update={"intake": intake})
    (studio.inbox / "letter.jpg").write_text("Dear Sir or Madam, " * 50)
    studio.live()
    (studio.root / "failed" / "letter.jpg").rename(studio.inbox / "letter.jpg")

    studio.live()

    assert files_below(studio.root / "failed") == ["letter.jpg", "letter.jpg.txt"]


def test_an_edited_file_without_our_job_tag_is_a_photo_of_its_own(studio: Studio) -> None:
    save_photo(studio.inbox / "a.png", drawn_photo(80, 60, seed=7))

    studio.live()

    assert sorted(results(studio.root)) == ["a.json", "a.png", "kunde/a.json", "kunde/a.png"]


def test_a_cut_out_of_another_hot_folder_is_a_photo_of_its_own(tmp_path: Path) -> None:
    here, there = Studio(tmp_path / "here"), Studio(tmp_path / "there")
    shutil.copyfile(there.place("a.png"), here.inbox / "x.png")

    here.live()

    assert "x.png" in results(here.root)


def test_every_further_try_uses_another_recipe_until_all_were_used_and_then_they_start_again(studio: Studio) -> None:
    for _ in range(4):
        studio.place("a.png").rename(studio.inbox / "a.png")
        studio.live()

    assert studio.entry().job.round == 4
    assert len(set(studio.recipes()[:3])) == 3  # all recipes of this engine's one model: whole, mirrored, zoomed
    assert sorted(results(studio.root)) == ["kunde/a.json", "kunde/a.png"]
    assert len(files_below(studio.root / "archiv")) == 9


def test_nobody_starts_a_photo_whose_original_is_not_back_in_work(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.place("a.png").rename(studio.inbox / "a.png")
    daemon = Daemon(studio.settings, engine=studio.engine)
    try:
        monkeypatch.setattr(daemon.parts.folders.jobs, "restore", no_space)
        assert daemon.parts.inbox_loop.turn(urgent=True) is None
        daemon.parts.root.record(None)  # so that only the reservation keeps the job from starting
        assert daemon.parts.dispatch.start_next() is None
        monkeypatch.undo()
        daemon.parts.inbox_loop.turn(urgent=True)
        assert daemon.parts.journal.take(FAR_FUTURE) is not None
    finally:
        daemon.close()
    studio.live()
    assert sorted(results(studio.root)) == ["kunde/a.json", "kunde/a.png"]


def test_a_start_brings_the_original_back_before_anybody_can_start_the_photo(studio: Studio) -> None:
    studio.place("a.png").rename(studio.inbox / "a.png")
    with pytest.raises(Died):
        studio.live(dying_at(Effect.ORIGINAL_INTO_WORK))

    daemon = Daemon(studio.settings, engine=studio.engine)
    try:
        daemon.recover()
        job = daemon.parts.journal.take(FAR_FUTURE)
        assert job is not None
        assert daemon.parts.folders.jobs.claimed(job.id) is not None
    finally:
        daemon.close()


def test_a_put_back_waits_while_another_thread_changes_the_files_of_its_photo(studio: Studio) -> None:
    job_id = studio.entry().job.id
    put_back_the_cut_out(studio)
    daemon = Daemon(studio.settings, engine=studio.engine)
    parts = daemon.parts
    try:
        with parts.locks.held(job_id), ThreadPoolExecutor(1) as inbox_loop:
            inbox_loop.submit(parts.inbox_loop.turn, urgent=True).result(LIMIT_SECONDS)
            state, waiting = parts.journal.state_of(job_id), parts.folders.jobs.put_back()
        parts.inbox_loop.turn(urgent=True)

        assert (state, waiting) == (State.DONE, (job_id,))
        assert parts.folders.jobs.put_back() == ()
        job = parts.journal.take(FAR_FUTURE)
        assert job is not None
        assert (job.id, job.round) == (job_id, 1)
    finally:
        daemon.close()


def test_no_job_starts_while_its_put_back_waits(studio: Studio) -> None:
    job_id = studio.entry().job.id
    put_back_the_original(studio)
    with pytest.raises(Died):
        studio.live(dying_at(Effect.ORIGINAL_INTO_WORK))
    daemon = Daemon(studio.settings, engine=studio.engine)
    try:
        with daemon.parts.locks.held(job_id), ThreadPoolExecutor(1) as start:
            start.submit(daemon.recover).result(LIMIT_SECONDS)
            assert daemon.parts.journal.take(FAR_FUTURE) is None
    finally:
        daemon.close()


def no_space(*_: object) -> None:
    raise OSError(28, "No space left on device")


Act = Callable[[Studio], object]


def put_back_the_cut_out(studio: Studio) -> None:
    studio.place("a.png").rename(studio.inbox / "a.png")


def put_back_the_original(studio: Studio) -> None:
    (studio.root / "archiv" / "kunde" / "a.tif").rename(studio.inbox / "a.tif")


def put_back_the_failed(studio: Studio) -> None:
    (studio.root / "failed" / "kunde" / "a.tif").rename(studio.inbox / "a.tif")


def deaths(tmp_path: Path, act: Act, trouble: Callable[[Recipe], None] | None = None) -> Iterator[Studio]:
    """After `act`: one daemon that dies before its n-th step and one that lives, for n = 0, 1, 2, …"""
    for step in itertools.count():
        studio = Studio(tmp_path / str(step), ScriptedEngine(trouble))
        act(studio)
        try:
            studio.live(dying_before(step))
        except Died:
            studio.live()
            yield studio
        else:
            return


@pytest.mark.parametrize("act", [put_back_the_cut_out, put_back_the_original])
def test_a_crash_at_every_step_sends_a_photo_round_once(tmp_path: Path, act: Act) -> None:
    count = 0
    for studio in deaths(tmp_path, act):
        count += 1
        assert studio.entry().job.round == 1, count
        assert sorted(results(studio.root)) == ["kunde/a.json", "kunde/a.png"], count
        assert files_below(studio.root / "archiv") == ["kunde/a-earlier.json", "kunde/a-earlier.png", "kunde/a.tif"]
        assert files_below(studio.inbox) == files_below(studio.root / "failed") == [], count
        for private in ("work", "staging", "returns"):
            assert files_below(studio.root / ".freisteller" / private) == [], count
    assert count > 15


def test_a_crash_at_every_step_brings_a_failed_photo_back_once(tmp_path: Path) -> None:
    count = 0
    for studio in deaths(tmp_path, put_back_the_failed, refuse):
        count += 1
        assert studio.entry().job.round == 1, count
        assert sorted(results(studio.root)) == ["kunde/a.json", "kunde/a.png"], count
        assert files_below(studio.root / "archiv") == ["kunde/a.tif"], count
        assert files_below(studio.inbox) == files_below(studio.root / "failed") == [], count
    assert count > 10


@pytest.mark.slow
def test_the_running_daemon_tries_again_what_is_put_back(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    with DaemonProcess(tmp_path, FREISTELLER__LOG__FORMAT="json") as daemon:
        put_back_the_cut_out(studio)
        daemon.wait_until(lambda: daemon.says('"action": "job_done"'), "the second try")
        daemon.interrupt()
        assert daemon.says('"action": "put_back"')

    assert sorted(results(studio.root)) == ["kunde/a.json", "kunde/a.png"]


def test_another_photo_of_the_same_name_is_not_taken_for_the_original(studio: Studio, tmp_path: Path) -> None:
    kept = studio.place("a.png").rename(tmp_path / "kept.png")
    studio.place("a.json").unlink()
    (studio.root / "archiv" / "kunde" / "a.tif").unlink()
    save_photo(studio.inbox / "kunde" / "a.tif", drawn_photo(64, 64))
    studio.live()
    before = results(studio.root)

    shutil.move(kept, studio.inbox / "a.png")
    studio.live()

    assert results(studio.root) == before
    assert files_below(studio.root / "archiv") == ["kunde/a.tif"]
    assert "original is not in archiv/" in (studio.root / "failed" / "kunde" / "a.png.txt").read_text("utf-8")


def test_an_original_that_was_worked_on_in_archiv_is_still_the_original(studio: Studio) -> None:
    save_photo(studio.root / "archiv" / "kunde" / "a.tif", drawn_photo(96, 72)[::-1])
    studio.place("a.png").rename(studio.inbox / "a.png")

    studio.live()

    assert (studio.entry().job.state, studio.entry().job.round) == (State.DONE, 1)


@pytest.mark.parametrize("what", ["cut-out", "original"])
def test_a_put_back_whose_journal_is_lost_stops_no_start_and_loses_no_file(studio: Studio, what: str) -> None:
    put_back = studio.place("a.png") if what == "cut-out" else studio.root / "archiv" / "kunde" / "a.tif"
    content = put_back.read_bytes()
    put_back.rename(studio.inbox / put_back.name)
    with pytest.raises(Died):
        studio.live(dying_at(Effect.REQUEUE))
    journal = Path(studio.settings.state_dir) / "journal.sqlite3"
    for side_file in journal.parent.glob("journal.sqlite3-*"):
        side_file.unlink()
    journal.write_bytes(b"\xff" * 4096)

    for _ in range(2):  # the first run reads the reports
        daemon = Daemon(studio.settings, engine=ScriptedEngine())
        daemon.run(once=True)

    kept = {path.read_bytes() for path in studio.root.rglob("*") if path.is_file()}
    assert content in kept
    assert files_below(studio.root / ".freisteller" / "returns") == []
    assert files_below(studio.root / ".freisteller" / "work") == []
