"""The real process is killed with SIGKILL under load: every photo comes out exactly once."""

import json
import random
import shutil
from collections import Counter
from pathlib import Path

import pytest

from tests.drawing import drawn_photo, save_photo
from tests.processes import DaemonProcess, freisteller

GRADES = ("sehr_gut", "gut", "ungenügend")


def results(root: Path) -> list[Path]:
    return sorted(path for grade in GRADES for path in (root / grade).rglob("*.png"))


def files_below(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*") if path.is_file())


def mixed_photos(folder: Path, good: int) -> tuple[int, int]:
    """Draw photos of several formats in sub-folders, some with equal names, and files that are no photos.

    Returns how many are good and how many are bad.
    """
    endings = ("jpg", "png", "tif", "webp")
    for number in range(good):
        below = ("", "kunde a", "kunde ä/auftrag 1")[number % 3]
        ending = endings[number % len(endings)]
        save_photo(folder / below / f"foto {number // 2}.{ending}", drawn_photo(200, 150, number))
    whole = (folder / "foto 0.jpg").read_bytes()
    (folder / "truncated.jpg").write_bytes(whole[: len(whole) // 2])
    (folder / "empty.jpg").write_bytes(b"")
    (folder / "zeros.jpg").write_bytes(bytes(20_000))
    (folder / "text.jpg").write_text("Dear Sir or Madam, " * 100)
    return good, 4


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_fifty_mixed_photos_survive_two_kills(tmp_path: Path) -> None:
    root = tmp_path / "hot"
    good, bad = mixed_photos(tmp_path / "camera", 46)
    dice = random.Random(7)

    with DaemonProcess(tmp_path) as daemon:
        daemon.wait_until((root / "archiv").is_dir, "the folders")
        shutil.copytree(tmp_path / "camera", root / "inbox", dirs_exist_ok=True)
        daemon.wait_until(lambda: len(results(root)) >= dice.randint(4, 8), "the first results")
        daemon.kill()
    with DaemonProcess(tmp_path) as daemon:
        daemon.wait_until(lambda: len(results(root)) >= dice.randint(18, 24), "more results")
        daemon.kill()
    with DaemonProcess(tmp_path) as daemon:
        daemon.wait_until(
            lambda: len(results(root)) == good and len(files_below(root / "failed")) == 2 * bad, "all of them"
        )
        assert daemon.interrupt() == 0

    assert len(files_below(root / "archiv")) == good
    assert files_below(root / "inbox") == []
    reports = [json.loads(path.with_suffix(".json").read_text("utf-8")) for path in results(root)]
    assert Counter(report["job"] for report in reports).most_common(1)[0][1] == 1
    assert all(
        report["grade"] == path.relative_to(root).parts[0] for report, path in zip(reports, results(root), strict=True)
    )
    assert files_below(root / ".freisteller" / "work") == []


@pytest.mark.slow
def test_once_does_the_photos_that_are_there_and_reports_whether_one_failed(tmp_path: Path) -> None:
    save_photo(tmp_path / "hot" / "inbox" / "a.png")
    (tmp_path / "hot" / "inbox" / "text.jpg").write_text("no photo" * 100)

    first = freisteller("run", "--once", folder=tmp_path)
    second = freisteller("run", "--once", folder=tmp_path)

    assert (first.returncode, second.returncode) == (1, 0), first.stderr
    assert len(results(tmp_path / "hot")) == 1
    assert "text.jpg" in first.stderr
    assert "job_failed" in first.stderr


@pytest.mark.slow
def test_a_second_daemon_on_the_same_root_refuses_to_start(tmp_path: Path) -> None:
    with DaemonProcess(tmp_path) as daemon:
        daemon.wait_until(lambda: (tmp_path / "hot" / ".freisteller" / "lock").exists(), "the lock")
        daemon.wait_until(lambda: daemon.says('"started"'), "the start")

        second = freisteller("run", "--once", folder=tmp_path)
        elsewhere = freisteller("run", "--once", folder=tmp_path, FREISTELLER__STATE_DIR=str(tmp_path / "other"))

    assert (second.returncode, elsewhere.returncode) == (2, 2)
    assert "in use by another Freisteller" in second.stderr
    assert "in use by another Freisteller" in elsewhere.stderr
