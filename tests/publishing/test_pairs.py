"""Of the two files that a camera writes of one picture, RAW and JPEG, the settings say which is cut out."""

import os
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.hotfolder.effects import Effect
from daemon.intake.scan_values import Arrival, Scan
from daemon.jobs import Grade
from daemon.publishing.lately_done import LatelyDone
from daemon.publishing.pairs import WAIT_SECONDS, Pairs
from daemon.settings.current import CurrentSettings
from daemon.states import State
from tests.drawing import save_photo
from tests.publishing.test_companions import Studio
from tests.test_crash_at_every_step import Died, files_below, next_job, settings_for

pytestmark = pytest.mark.usefixtures("deaf")


def studio_in(folder: Path, pairs: str, **outputs: object) -> Studio:
    return Studio(folder, settings_for(folder, intake={"quiet_seconds": 0, "pairs": pairs}, outputs=outputs))


def drop(studio: Studio, *names: str) -> None:
    """A photo of each name; it is taken by what it is, whatever it is called."""
    for name in names:
        drawn = save_photo(studio.root / "drawn.png", seed=len(name))
        (studio.inbox / name).parent.mkdir(parents=True, exist_ok=True)
        drawn.rename(studio.inbox / name)


def cut_out(studio: Studio) -> list[str]:
    """The names of the jobs that have a result."""
    return sorted(row.job.name for row in studio.daemon.parts.journal.rows(State.DONE))


@pytest.mark.parametrize(
    ("pairs", "done"),
    [("both", ["k/IMG_1.CR3", "k/IMG_1.JPG"]), ("raw", ["k/IMG_1.CR3"]), ("jpeg", ["k/IMG_1.JPG"])],
)
def test_one_of_a_pair_is_cut_out_by_setting_and_both_come_to_the_archive(
    tmp_path: Path, pairs: str, done: list[str]
) -> None:
    studio = studio_in(tmp_path, pairs)
    drop(studio, "k/IMG_1.CR3", "k/IMG_1.JPG")

    studio.live()

    assert cut_out(studio) == done
    assert files_below(studio.inbox) == []
    assert files_below(studio.root / "archiv") == ["k/IMG_1.CR3", "k/IMG_1.JPG"]
    results = [name for grade in Grade for name in files_below(studio.root / grade.value) if name.endswith(".png")]
    assert len(results) == len(done)
    studio.daemon.close()


def test_the_heif_of_a_camera_and_its_sidecar_follow_as_well(tmp_path: Path) -> None:
    studio = studio_in(tmp_path, "raw")
    drop(studio, "a.ARW", "a.HIF", "a.jpeg")
    studio.drop("a.xmp")

    studio.live()
    studio.look()  # a sidecar follows the last photo of its name

    assert cut_out(studio) == ["a.ARW"]
    assert files_below(studio.root / "archiv") == ["a.ARW", "a.HIF", "a.jpeg", "a.xmp"]
    studio.daemon.close()


def test_photos_that_are_no_pair_are_all_cut_out(tmp_path: Path) -> None:
    studio = studio_in(tmp_path, "raw")
    drop(studio, "a.CR3", "b.JPG", "k/a.JPG", "a.png", "c.HEIC", "c.jpg")

    studio.live()

    assert len(cut_out(studio)) == 6
    studio.daemon.close()


def test_while_the_raw_is_still_written_its_jpeg_waits(tmp_path: Path) -> None:
    studio = studio_in(tmp_path, "raw")
    drop(studio, "a.CR3", "a.JPG")
    whole = (studio.inbox / "a.CR3").read_bytes()
    (studio.inbox / "a.CR3").write_bytes(whole[: len(whole) // 2])

    for _ in range(3):
        studio.daemon.parts.inbox_loop.turn(urgent=True)
    assert studio.daemon.parts.journal.rows(State.WAITING) == ()
    (studio.inbox / "a.CR3").write_bytes(whole)
    studio.live()

    assert cut_out(studio) == ["a.CR3"]
    assert files_below(studio.root / "archiv") == ["a.CR3", "a.JPG"]
    studio.daemon.close()


def test_while_the_raw_waits_for_work_its_jpeg_stays_and_is_not_in_the_way(tmp_path: Path) -> None:
    studio = studio_in(tmp_path, "raw")
    drop(studio, "a.CR3", "a.JPG")

    for _ in range(3):
        studio.look()

    assert [row.job.name for row in studio.daemon.parts.journal.rows(State.WAITING)] == ["a.CR3"]
    assert files_below(studio.inbox) == ["a.JPG"]
    assert studio.left() == []
    studio.daemon.close()


def test_a_jpeg_that_comes_before_its_raw_waits_for_it(tmp_path: Path) -> None:
    studio = studio_in(tmp_path, "raw")
    drop(studio, "a.JPG")
    for _ in range(3):
        scan = studio.daemon.parts.inbox_loop.turn(urgent=False)
        assert scan is not None
        assert scan.next_look_seconds <= WAIT_SECONDS
        assert scan.incomplete == 1

    drop(studio, "a.CR3")
    studio.live()

    assert cut_out(studio) == ["a.CR3"]
    assert files_below(studio.inbox) == []
    studio.daemon.close()


def test_a_jpeg_that_comes_after_its_raw_was_done_follows(tmp_path: Path) -> None:
    studio = studio_in(tmp_path, "raw")
    drop(studio, "a.CR3")
    studio.live()

    drop(studio, "a.JPG")
    studio.live()

    assert cut_out(studio) == ["a.CR3"]
    assert files_below(studio.root / "archiv") == ["a.CR3", "a.JPG"]
    studio.daemon.close()


def test_the_raw_of_another_day_is_no_pair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    studio = studio_in(tmp_path, "raw")
    drop(studio, "a.CR3")
    studio.live()
    monkeypatch.setattr("daemon.publishing.lately_done.LATE_SECONDS", -60.0)

    drop(studio, "a.JPG")
    studio.live()

    assert cut_out(studio) == ["a.CR3", "a.JPG"]
    studio.daemon.close()


def test_a_jpeg_follows_no_other_jpeg(tmp_path: Path) -> None:
    studio = studio_in(tmp_path, "raw")
    drop(studio, "a.JPG")
    studio.live()

    drop(studio, "a.JPG", "a.HIF")
    studio.live()

    assert cut_out(studio) == ["a.HIF", "a.JPG", "a.JPG"]
    studio.daemon.close()


def test_the_jpeg_of_a_raw_that_fails_is_cut_out_in_its_place(tmp_path: Path) -> None:
    studio = studio_in(tmp_path, "raw")
    (studio.inbox / "a.CR3").write_text("Dear Sir or Madam, " * 50)
    drop(studio, "a.JPG")

    studio.live()
    studio.live()

    assert cut_out(studio) == ["a.JPG"]
    assert "a.CR3" in files_below(studio.root / "failed")
    assert files_below(studio.inbox) == []
    studio.daemon.close()


def test_a_single_run_leaves_no_sidecar_of_a_pair_behind(tmp_path: Path) -> None:
    studio = studio_in(tmp_path, "raw")
    drop(studio, "a.CR3", "a.JPG")
    studio.drop("a.xmp")
    studio.look()
    while job := next_job(studio.daemon.parts.journal):
        studio.daemon.parts.task_runner.run(job)

    studio.daemon.parts.inbox_loop.receive_once(threading.Event(), lambda: True)

    assert files_below(studio.inbox) == []
    studio.daemon.close()


def test_a_single_run_ends_though_a_pair_has_to_wait(tmp_path: Path) -> None:
    studio = studio_in(tmp_path, "raw")
    drop(studio, "a.CR3", "a.JPG")
    studio.look()

    studio.daemon.parts.inbox_loop.receive_once(threading.Event(), lambda: True)

    assert files_below(studio.inbox) == ["a.JPG"]
    studio.daemon.close()


def test_where_no_originals_are_kept_nothing_follows_and_both_are_cut_out(tmp_path: Path) -> None:
    studio = studio_in(tmp_path, "raw", keep_originals=False)
    drop(studio, "a.CR3", "a.JPG")

    studio.live()
    studio.live()

    assert cut_out(studio) == ["a.CR3", "a.JPG"]
    studio.daemon.close()


def test_after_a_crash_a_pair_is_still_one(tmp_path: Path) -> None:
    studio = studio_in(tmp_path, "raw")
    drop(studio, "a.CR3", "a.JPG")
    studio.dies_before = Effect.BRING_COMPANION
    with pytest.raises(Died):
        studio.live()
    studio.daemon.close()
    os.link(studio.inbox / "a.JPG", studio.root / "archiv" / "a.JPG")  # it died between the two names

    later = studio_in(tmp_path, "raw")
    later.live()

    assert cut_out(later) == ["a.CR3"]
    assert files_below(later.inbox) == []
    assert files_below(later.root / "archiv") == ["a.CR3", "a.JPG"]
    later.daemon.close()


def test_after_a_restart_the_jpeg_of_a_raw_in_work_still_waits(tmp_path: Path) -> None:
    studio = studio_in(tmp_path, "raw")
    drop(studio, "a.CR3", "a.JPG")
    studio.look()
    studio.daemon.close()

    later = studio_in(tmp_path, "raw")
    later.look()
    assert len(later.daemon.parts.journal.rows(State.WAITING)) == 1
    later.live()

    assert cut_out(later) == ["a.CR3"]
    assert files_below(later.root / "archiv") == ["a.CR3", "a.JPG"]
    later.daemon.close()


@pytest.mark.parametrize(
    ("waited", "urgent", "is_taken"), [(9.0, False, False), (10.0, False, True), (0.0, True, True)]
)
def test_a_jpeg_alone_waits_only_so_long(tmp_path: Path, waited: float, urgent: bool, is_taken: bool) -> None:
    studio = studio_in(tmp_path, "raw")
    drop(studio, "a.JPG")
    parts = studio.daemon.parts
    settings = CurrentSettings(settings_for(tmp_path, intake={"pairs": "raw"}))
    pairs = Pairs(parts.folders, parts.journal, LatelyDone(parts.folders, parts.journal), settings)
    arrival = Arrival(studio.inbox / "a.JPG", "a.JPG", 9, 0, "scan", waited)
    scan = Scan((arrival,), (), 0, {}, (), (), (), 60.0)

    told = pairs.told_apart(scan, urgent=urgent)

    waits = replace(scan, ready=(), incomplete=1, next_look_seconds=WAIT_SECONDS - waited)
    assert told == (scan if is_taken else waits)
    studio.daemon.close()
