"""A result that a person moves to another grade folder is a verdict, recorded and counted once."""

import errno
import itertools
import json
import os
import shutil
import stat
import unicodedata
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import pytest

from daemon.hotfolder import ownership
from daemon.hotfolder.effects import Effect, Tick
from daemon.jobs import Grade
from daemon.journal import Journal, PersonVerdict
from daemon.people.known_results import KnownResults
from daemon.people.verdicts import LONGEST_PAUSE_SECONDS, pause_seconds
from daemon.service.lifecycle import Daemon
from daemon.settings import Settings
from tests.doubles import ScriptedEngine
from tests.drawing import save_pages, save_photo
from tests.people.places import in_another_grade
from tests.processes import DaemonProcess
from tests.test_crash_at_every_step import Died, dying_at, dying_before, files_below, one_life, results, settings_for

pytestmark = pytest.mark.usefixtures("deaf")

LIMIT_SECONDS = 60.0  # only somebody who waits for a lock takes so long


class Studio:
    """A hot folder whose photos are done, and what a person does in it."""

    def __init__(self, folder: Path, *names: str, formats: tuple[str, ...] = ("png", "mask")) -> None:
        settings = settings_for(folder)
        self.settings = settings.model_copy(
            update={"outputs": settings.outputs.model_copy(update={"formats": formats})}
        )
        self.root = settings.root_path
        for seed, name in enumerate(names or ("kunde/a.png",)):
            save_photo(self.root / "inbox" / name, seed=seed)
        one_life(self.settings, ScriptedEngine(), lambda _: None)

    def place(self, suffix: str = ".png", stem: str = "a") -> Path:
        (found,) = (path for grade in Grade for path in (self.root / grade.value).rglob(f"{stem}{suffix}"))
        return found

    def grades(self) -> set[str]:
        """The grade folders that have files."""
        return {grade.value for grade in Grade if files_below(self.root / grade.value)}

    def other(self, path: Path) -> Path:
        """The same place in another grade folder."""
        return in_another_grade(self.root, path)

    def move(self, path: Path) -> Path:
        to = self.other(path)
        path.rename(to)
        return to

    def look(self, tick: Tick = lambda _: None, times: int = 1) -> Daemon:
        """Let a daemon look at the grade folders. Returns the daemon, which is closed already."""
        daemon = Daemon(self.settings, engine=ScriptedEngine(), tick=tick)
        try:
            for _ in range(times):
                daemon.parts.verdicts.turn(settle_seconds=0)
        finally:
            daemon.close()
        return daemon

    def noted(self) -> tuple[PersonVerdict, ...]:
        journal = Journal(Path(self.settings.state_dir) / "journal.sqlite3")
        try:
            return journal.verdicts.latest(100)
        finally:
            journal.close()


@pytest.fixture
def studio(tmp_path: Path) -> Studio:
    return Studio(tmp_path)


def test_a_result_that_is_moved_is_a_verdict_noted_and_counted_once(studio: Studio) -> None:
    before, after = studio.place(), studio.move(studio.place())

    daemon = studio.look(times=3)
    studio.look()

    (verdict,) = studio.noted()
    grades = (before.relative_to(studio.root).parts[0], after.relative_to(studio.root).parts[0])
    assert (verdict.from_grade, verdict.to_grade, verdict.name) == (*grades, "kunde/a.png")
    assert verdict.attempt is not None
    series = f'freisteller_verdicts_total{{from="{verdict.from_grade.label}",to="{verdict.to_grade.label}"}} 1.0'
    assert series in daemon.parts.metrics.exposition().decode()


def test_the_report_and_the_mask_come_along(studio: Studio) -> None:
    after = studio.move(studio.place())

    studio.look()

    assert sorted(path.name for path in after.parent.iterdir()) == ["a.json", "a.png", "a_mask.png"]
    assert len(results(studio.root)) == 3


HOSTILE: dict[str, Callable[[Path], object]] = {
    "brackets": lambda path: path.write_text("[" * 200_000),
    "a number of 6,000 digits": lambda path: path.write_text('{"job": ' + "9" * 6000 + "}"),
    "infinity": lambda path: path.write_text('{"job": 1e999}'),
    "half a character": lambda path: path.write_text('{"job": "\\ud800"}'),
    "a NUL": lambda path: path.write_text('{"job": "\\u0000"}'),
    "no text": lambda path: path.write_bytes(b"\xff\xfe\x00"),
    "a pipe": os.mkfifo,
    "a folder": Path.mkdir,
    "a socket": lambda path: os.mknod(path, stat.S_IFSOCK | 0o600),
    "a way round": lambda path: path.symlink_to(path.name),
}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_somebody_elses_file_in_the_place_of_a_report_keeps_no_verdict_from_being_read(
    tmp_path: Path, hostile: str
) -> None:
    studio = Studio(tmp_path, "a.png", "b.png")
    report = studio.place(".json")
    report.unlink()
    HOSTILE[hostile](report)
    for stem in "ab":
        studio.move(studio.place(".png", stem))

    studio.look()

    assert {given.name for given in studio.noted()} == {"a.png", "b.png"}


@pytest.mark.parametrize("trouble", [RecursionError("deep"), MemoryError(), OSError(errno.EIO, "bad sector")], ids=repr)
@pytest.mark.parametrize("where", ["job_of_report", "file_id_at", "move"])
def test_one_file_that_nobody_can_read_keeps_no_other_verdict_from_being_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, trouble: Exception, where: str
) -> None:
    studio = Studio(tmp_path, "a.png", "b.png", "c.png")
    for stem in "abc":
        studio.move(studio.place(".png", stem))
    real = getattr(ownership, where)

    def reading(root: Path, place: str, *rest: str) -> object:
        if "/b." in place or "/b_" in place:
            raise trouble
        return real(root, place, *rest)

    monkeypatch.setattr(ownership, where, reading)
    studio.look(times=2)

    assert {given.name for given in studio.noted()} >= {"a.png", "c.png"}


@pytest.mark.parametrize("job", ["\ud800", "\0", "9" * 3000, "../x", ""])
def test_no_report_is_of_a_job_whose_id_is_none(tmp_path: Path, job: str) -> None:
    (tmp_path / "a.json").write_text(json.dumps({"job": job}))

    assert ownership.job_of_report(tmp_path, "a.json") is None


def test_all_files_moved_by_a_person_are_one_verdict(studio: Studio) -> None:
    for path in [studio.place(suffix) for suffix in (".json", "_mask.png", ".png")]:
        with suppress(FileNotFoundError):  # it had followed the mask already
            studio.move(path)
        studio.look()

    assert len(studio.noted()) == 1
    assert len(results(studio.root)) == 3
    assert len(studio.grades()) == 1


@pytest.fixture
def rich(tmp_path: Path) -> Studio:
    return Studio(tmp_path, formats=("png", "mask", "jpeg", "webp"))


ALL_FORMATS = ["a.jpg", "a.json", "a.png", "a.webp", "a_mask.png"]


@pytest.mark.parametrize("suffix", [".jpg", ".webp", "_mask.png"])
def test_any_format_that_is_moved_is_a_verdict_and_all_else_follows(rich: Studio, suffix: str) -> None:
    before = rich.place().parts[-3]
    after = rich.move(rich.place(suffix))

    rich.look(times=3)
    rich.look()

    (verdict,) = rich.noted()
    assert (verdict.from_grade, verdict.to_grade) == (before, after.parts[-3])
    assert sorted(path.name for path in after.parent.iterdir()) == ALL_FORMATS
    assert len(results(rich.root)) == 5


def test_a_format_that_leaves_the_grade_folders_is_no_verdict(rich: Studio, tmp_path: Path) -> None:
    rich.place(".jpg").rename(tmp_path / "for the client.jpg")
    rich.place(".webp").unlink()
    left = results(rich.root)

    rich.look(times=2)

    assert rich.noted() == ()
    assert results(rich.root) == left


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_copy_whose_first_is_deleted_much_later_is_a_verdict(rich: Studio, suffix: str) -> None:
    first = rich.place(suffix)
    copy = rich.other(first)
    shutil.copyfile(first, copy)
    daemon = Daemon(rich.settings, engine=ScriptedEngine())
    try:
        daemon.parts.verdicts.turn(settle_seconds=0)
        assert not daemon.parts.verdicts.turn(settle_seconds=0)
        assert daemon.parts.journal.verdicts.latest(9) == ()
        first.unlink()
        assert daemon.parts.verdicts.turn(settle_seconds=0)  # another look is to come soon
        daemon.parts.verdicts.turn(settle_seconds=0)
    finally:
        daemon.close()

    (verdict,) = rich.noted()
    assert verdict.to_grade == copy.parts[-3]
    assert sorted(path.name for path in copy.parent.iterdir()) == ALL_FORMATS


def test_formats_that_are_moved_one_after_the_other_are_one_verdict_once_all_are_there(
    rich: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("daemon.people.verdicts.time.monotonic", lambda: now)
    paths = [rich.place(suffix) for suffix in (".jpg", ".png", "_mask.png", ".webp")]
    others = {path: rich.other(path) for path in paths}
    daemon = Daemon(rich.settings, engine=ScriptedEngine())
    try:
        for path in paths:
            path.rename(others[path])
            daemon.parts.verdicts.turn(settle_seconds=5)
            now += 4
            daemon.parts.verdicts.turn(settle_seconds=5)
            assert daemon.parts.journal.verdicts.latest(9) == ()
        now += 4
        daemon.parts.verdicts.turn(settle_seconds=5)
    finally:
        daemon.close()

    assert len(rich.noted()) == 1
    assert sorted(path.name for path in others[paths[0]].parent.iterdir()) == ALL_FORMATS


def test_formats_that_were_put_into_two_grades_are_told_and_the_first_one_counts(
    rich: Studio, caplog: pytest.LogCaptureFixture
) -> None:
    picture, jpeg = rich.place(), rich.place(".jpg")
    here, *_, there = (grade for grade in Grade if grade != picture.parts[-3])
    for path, grade in ((jpeg, here), (picture, there)):
        to = rich.root / grade.value / "kunde" / path.name
        to.parent.mkdir(parents=True, exist_ok=True)
        path.rename(to)

    rich.look(times=3)

    (verdict,) = rich.noted()
    assert verdict.to_grade is there
    assert rich.place(".jpg").parts[-3] == here
    assert "result_apart" in actions(caplog)
    together = rich.place(".jpg").rename(rich.place().with_suffix(".jpg"))
    rich.look(times=2)
    assert len(rich.noted()) == 1
    assert sorted(path.name for path in together.parent.iterdir()) == ALL_FORMATS


def test_a_format_that_follows_never_replaces_a_file_of_theirs(rich: Studio) -> None:
    mine = rich.other(rich.place())
    mine.write_bytes(b"my own")
    after = rich.move(rich.place(".jpg"))

    rich.look(times=2)

    (verdict,) = rich.noted()
    assert verdict.to_grade == after.parts[-3]
    assert mine.read_bytes() == b"my own"
    assert sorted(path.name for path in after.parent.iterdir()) == sorted([*ALL_FORMATS, "a-2.png"])


def actions(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.__dict__["action"] for record in caplog.records]


def test_a_report_that_may_not_follow_is_told(studio: Studio, caplog: pytest.LogCaptureFixture) -> None:
    studio.other(studio.place(".json")).write_text("{}")
    studio.move(studio.place())

    studio.look()

    assert "result_apart" in actions(caplog)


def test_a_new_name_on_the_way_is_no_hindrance(studio: Studio) -> None:
    after = studio.move(studio.place())
    after.rename(after.with_name(unicodedata.normalize("NFD", "Schuh größe 38.PNG")))

    studio.look()

    assert len(studio.noted()) == 1
    names = [unicodedata.normalize("NFC", path.name) for path in after.parent.iterdir()]
    assert sorted(names) == ["Schuh größe 38.PNG", "Schuh größe 38.json", "Schuh größe 38_mask.png"]


def test_there_and_back_again_are_two_verdicts(studio: Studio) -> None:
    before = studio.place()
    after = studio.move(before)
    studio.look()
    after.rename(before)
    studio.look()

    assert [(one.from_grade, one.to_grade) for one in studio.noted()] == [
        (after.parts[-3], before.parts[-3]),
        (before.parts[-3], after.parts[-3]),
    ]
    assert studio.place(".json").parent == before.parent


def test_a_grade_folder_that_is_spelled_as_a_mac_does_changes_nothing(tmp_path: Path) -> None:
    studio = Studio(tmp_path)
    (studio.root / "ungenügend").rename(studio.root / unicodedata.normalize("NFD", "ungenügend"))
    spelled = studio.root / unicodedata.normalize("NFD", "ungenügend") / "kunde"
    spelled.mkdir(exist_ok=True)
    studio.place().rename(spelled / "a.png")

    studio.look(times=2)

    (verdict,) = studio.noted()
    assert verdict.to_grade is Grade.UNGENUEGEND
    assert len(list(spelled.iterdir())) == 3


def test_a_copy_is_no_verdict_and_stays(studio: Studio) -> None:
    path = studio.place()
    shutil.copyfile(path, studio.other(path))

    studio.look(times=2)

    assert studio.noted() == ()
    assert studio.other(path).exists()


def test_a_picture_is_a_verdict_only_once_it_lies_still(studio: Studio) -> None:
    studio.move(studio.place())
    daemon = Daemon(studio.settings, engine=ScriptedEngine())
    try:
        assert daemon.parts.verdicts.turn(settle_seconds=3600)
        assert daemon.parts.journal.verdicts.latest(9) == ()
        daemon.parts.verdicts.turn(settle_seconds=0)
        assert len(daemon.parts.journal.verdicts.latest(9)) == 1
        assert not daemon.parts.verdicts.turn(settle_seconds=0)
    finally:
        daemon.close()


def test_deleted_and_edited_results_are_theirs(studio: Studio) -> None:
    studio.place().write_bytes(b"retouched by hand")
    studio.place("_mask.png").unlink()
    left = {path: path.read_bytes() for path in studio.root.rglob("*") if path.is_file() and path.name != "lock"}

    studio.look(times=2)

    assert {path: path.read_bytes() for path in left} == left
    assert studio.noted() == ()


def test_a_file_under_the_name_of_a_report_that_is_none_of_ours_stays(studio: Studio) -> None:
    theirs = studio.place(".json")
    theirs.write_text('{"note": "mine"}')
    studio.move(studio.place())

    studio.look()

    assert theirs.read_text() == '{"note": "mine"}'
    assert len(studio.noted()) == 1


def test_a_report_never_replaces_a_file_of_theirs(studio: Studio) -> None:
    mine = studio.other(studio.place(".json"))
    mine.write_text("{}")
    ours = next(path for path in studio.root.rglob("a.json") if path != mine)
    studio.move(studio.place())

    studio.look()

    assert mine.read_text() == "{}"
    assert ours.exists()
    assert len(studio.noted()) == 1


def test_a_person_s_own_files_are_left_alone(studio: Studio, tmp_path: Path) -> None:
    gut = studio.root / "gut"
    save_photo(gut / "mine.png", seed=5)
    save_photo(gut / "mine.jpg", seed=6)
    (gut / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n and no more")
    (gut / os.fsdecode(b"no text \xff.png")).write_bytes(b"")
    (gut / "way out.png").symlink_to(studio.place())
    (gut / "folder.png").mkdir()
    os.mkfifo(gut / "pipe.png")
    before = files_below(gut)

    studio.look(times=2)

    assert files_below(gut) == before
    assert studio.noted() == ()


def test_a_verdict_waits_while_another_thread_changes_the_files_of_its_photo(studio: Studio) -> None:
    path = studio.place()
    studio.move(path)
    daemon = Daemon(studio.settings, engine=ScriptedEngine())
    parts = daemon.parts
    job_id = parts.journal.latest(1)[0].job.id
    try:
        with parts.locks.held(job_id), ThreadPoolExecutor(1) as looking:
            looking.submit(parts.verdicts.turn, settle_seconds=0).result(LIMIT_SECONDS)
            early = parts.journal.verdicts.latest(9)
        parts.verdicts.turn(settle_seconds=0)

        assert early == ()
        assert len(parts.journal.verdicts.latest(9)) == 1
    finally:
        daemon.close()


def test_a_result_of_another_hot_folder_is_left_alone(tmp_path: Path) -> None:
    here, there = Studio(tmp_path / "here"), Studio(tmp_path / "there")
    shutil.copyfile(there.place(), here.root / "sehr_gut" / "theirs.png")

    here.look(times=2)

    assert here.noted() == ()
    assert (here.root / "sehr_gut" / "theirs.png").exists()


def test_a_root_that_goes_away_under_our_eyes_says_nothing_until_it_is_back(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio.move(studio.place())
    daemon = Daemon(studio.settings, engine=ScriptedEngine())
    away = studio.root.with_name("away")

    def vanish(known: KnownResults, place: str) -> str | None:
        owner = owner_of(known, place)
        if not away.exists():
            studio.root.rename(away)
        return owner

    owner_of = KnownResults.owner_of
    monkeypatch.setattr(KnownResults, "owner_of", vanish)
    try:
        daemon.parts.verdicts.turn(settle_seconds=0)
        assert daemon.parts.journal.verdicts.latest(9) == ()
        away.rename(studio.root)
        monkeypatch.setattr(KnownResults, "owner_of", owner_of)
        daemon.parts.verdicts.turn(settle_seconds=0)
        assert len(daemon.parts.journal.verdicts.latest(9)) == 1
    finally:
        daemon.close()


def test_a_result_that_may_not_be_read_does_not_stop_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    studio = Studio(tmp_path, "a.png", "b.png")
    closed = studio.move(studio.place())
    studio.move(studio.place(stem="b"))

    def refuse(known: KnownResults, place: str) -> str | None:
        if place.endswith("/a.png"):
            raise PermissionError(13, "Permission denied")
        return owner_of(known, place)

    owner_of = KnownResults.owner_of
    monkeypatch.setattr(KnownResults, "owner_of", refuse)
    studio.look()

    assert [verdict.name for verdict in studio.noted()] == ["b.png"]
    assert closed.exists()


def deaths(tmp_path: Path, act: Callable[[Studio], object]) -> Iterator[Studio]:
    for step in itertools.count():
        studio = Studio(tmp_path / str(step))
        act(studio)
        try:
            studio.look(dying_before(step))
        except Died:
            studio.look(times=2)
            yield studio
        else:
            return


def test_a_crash_at_every_step_notes_a_verdict_once(tmp_path: Path) -> None:
    count = 0
    for studio in deaths(tmp_path, lambda studio: studio.move(studio.place())):
        count += 1
        assert len(studio.noted()) == 1
        assert {path.parent for path in studio.root.rglob("a*") if path.parts[-3] in set(Grade)} == {
            studio.place().parent
        }
        assert len(results(studio.root)) == 3
    assert count == 3  # mask, report, note


@pytest.mark.parametrize("suffix", [".jpg", "_mask.png"])
@pytest.mark.parametrize("returns", [False, True], ids=["stays", "returns"])
def test_a_crash_at_every_step_after_another_format_was_moved_notes_it_once(
    tmp_path: Path, suffix: str, returns: bool
) -> None:
    formats = ("png", "mask", "jpeg")
    for step in itertools.count():
        studio = Studio(tmp_path / str(step), formats=formats)
        before = studio.place(suffix)
        after = studio.move(before)
        try:
            studio.look(dying_before(step))
        except Died:
            if returns and after.exists():
                after.rename(before)
            studio.look(times=2)
        else:
            break
        grade = before.parts[-3] if returns else after.parts[-3]
        assert [verdict.to_grade for verdict in studio.noted()] == ([] if returns else [grade])
        assert studio.grades() == {grade}
        assert len(results(studio.root)) == 4
    assert step == 4  # two formats, report, note


def test_a_crash_at_every_step_while_a_format_finds_its_name_taken_replaces_nothing(tmp_path: Path) -> None:
    for step in itertools.count():
        studio = Studio(tmp_path / str(step), formats=("png", "mask", "jpeg"))
        mine = studio.other(studio.place())
        mine.write_bytes(b"my own")
        after = studio.move(studio.place(".jpg"))
        try:
            studio.look(dying_before(step))
        except Died:
            studio.look(times=3)
        else:
            break
        assert [verdict.to_grade for verdict in studio.noted()] == [after.parts[-3]]
        assert studio.grades() == {after.parts[-3]}
        assert mine.read_bytes() == b"my own"
        assert len(results(studio.root)) == 5
    assert step == 5  # the mask, the picture under another number, report, note


def test_a_further_page_that_is_moved_in_another_format_takes_all_pages_along(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    outputs = settings.outputs.model_copy(update={"formats": ("png", "jpeg")})
    studio = Studio(tmp_path)
    studio.settings = settings.model_copy(update={"outputs": outputs})
    save_pages(studio.root / "inbox" / "doc.tif", 2)
    one_life(studio.settings, ScriptedEngine(), lambda _: None)
    before = {path.name for path in studio.place("-p2.jpg", "doc").parent.iterdir() if path.is_file()}

    after = studio.move(studio.place("-p2.jpg", "doc"))
    studio.look(times=2)

    assert len(studio.noted()) == 1
    assert {path.name for path in after.parent.iterdir() if path.is_file()} == before
    assert {"doc-p1.png", "doc-p1.jpg", "doc-p2.png", "doc-p2.jpg", "doc.json"} <= before


@pytest.mark.parametrize("step", [Effect.RECORD_RESULTS, Effect.COMPLETE])
def test_a_result_that_is_published_at_this_moment_is_no_verdict(tmp_path: Path, step: Effect) -> None:
    settings = settings_for(tmp_path)
    save_photo(settings.root_path / "inbox" / "a.png")
    with pytest.raises(Died):
        one_life(settings, ScriptedEngine(), dying_at(step))

    daemon = Daemon(settings, engine=ScriptedEngine())
    try:
        daemon.parts.verdicts.turn(settle_seconds=0)
        assert daemon.parts.journal.verdicts.latest(9) == ()
    finally:
        daemon.close()
    one_life(settings, ScriptedEngine(), lambda _: None)
    studio_noted(settings, 0)


def studio_noted(settings: Settings, number: int) -> None:
    daemon = Daemon(settings, engine=ScriptedEngine())
    try:
        daemon.parts.verdicts.turn(settle_seconds=0)
        assert len(daemon.parts.journal.verdicts.latest(9)) == number
    finally:
        daemon.close()


def test_the_longer_a_look_takes_the_less_often_it_is_taken() -> None:
    assert pause_seconds(5.0, wall=0.01, processor=0.01, waits=False) == 5.0
    assert pause_seconds(5.0, wall=0.2, processor=0.1, waits=False) == 40.0  # a quarter of a percent of a processor
    assert pause_seconds(5.0, wall=10.0, processor=0.1, waits=False) == 200.0  # a slow share is not always being read
    assert pause_seconds(5.0, wall=0.2, processor=0.1, waits=True) == 5.0  # somebody is moving results just now
    assert pause_seconds(5.0, wall=1000.0, processor=100.0, waits=False) == LONGEST_PAUSE_SECONDS


@pytest.mark.slow
def test_the_running_daemon_notes_what_a_person_moves(tmp_path: Path) -> None:
    studio = Studio(tmp_path, formats=("png",))
    with DaemonProcess(tmp_path, FREISTELLER__OUTPUTS__FORMATS='["png"]') as daemon:
        after = studio.move(studio.place())
        daemon.wait_until(lambda: daemon.says("a person moved it"), "the verdict")
        daemon.interrupt()

    assert after.with_suffix(".json").exists()
    assert len(studio.noted()) == 1


def test_a_verdict_is_read_though_another_result_has_taken_the_place(tmp_path: Path) -> None:
    studio = Studio(tmp_path, "kunde/a.png", "kunde/b.png")
    place = studio.place()
    studio.move(place)
    studio.place(stem="b").rename(place)

    studio.look()

    assert "kunde/a.png" in {verdict.name for verdict in studio.noted()}
