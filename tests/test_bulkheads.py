"""The benchmark of the bulkheads sees who is stopped, lost or doubled; its daemon lives through hostile things."""

import hashlib
import json
import signal
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np
import pytest

from benchmarks.bulkheads import trial
from benchmarks.hostile_things import Stage, Thing
from benchmarks.steady_load import Load, Shot
from benchmarks.watched_daemon import Prober, send
from tests.drawing import save_photo

CHECKOUT = Path(__file__).parent.parent
FROZEN_SECONDS = 3.0


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_few_hostile_things_stop_nobody() -> None:
    names = "half-jpeg,strips,odd-names,special-files,odd-events"
    command = [sys.executable, "benchmarks/bulkheads.py", "--things", names, "--seconds", "3", "--undisturbed", "5"]

    done = subprocess.run(command, cwd=CHECKOUT, capture_output=True, text=True, timeout=580, check=False)

    figures = json.loads(done.stdout.splitlines()[-1])
    health_gap = figures.pop("longest_health_gap_seconds")
    assert figures == {"things": 5, "stopped_others": 0, "innocent_in_failed": 0, "lost": 0, "doubled": 0}, done.stdout
    assert 0 < health_gap < 30  # on a quiet machine less than one; here many tests may run at once


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_daemon_that_stands_still_is_a_gap_and_a_pause(tmp_path: Path) -> None:
    def freeze(stage: Stage) -> None:
        (pid, *_) = stage.daemon.family()
        send(pid, signal.SIGSTOP)
        time.sleep(FROZEN_SECONDS)
        send(pid, signal.SIGCONT)

    with ExitStack() as stack:
        test = trial(stack, tmp_path, [], seconds=1.0)
        test.rest(5)
        test.bound = FROZEN_SECONDS - 0.5

        row = test.run(Thing("freeze", freeze))

    assert row.gap > FROZEN_SECONDS - 0.5
    assert row.pause > FROZEN_SECONDS - 0.5
    assert row.stopped


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_daemon_that_ends_is_started_again_and_has_stopped_the_others(tmp_path: Path) -> None:
    with ExitStack() as stack:
        test = trial(stack, tmp_path, [], seconds=1.0)
        test.rest(5)

        row = test.run(Thing("end", lambda stage: send(stage.daemon.family()[0], signal.SIGKILL)))

    assert row.stopped == "the daemon ended by itself"


def test_a_late_prober_is_no_gap_of_the_daemon(tmp_path: Path) -> None:
    answers = tmp_path / "answers"
    answers.write_text("100.0 0.06 0.01\n103.0 3.00 2.90\n104.0 1.00 0.00\n")
    with ExitStack() as stack:
        prober = Prober(stack, "http://127.0.0.1:1/", answers)

        gaps = [round(gap.seconds, 2) for gap in prober.gaps(99.0, 106.0)]

    assert gaps == [0.05, 0.1, 1.0, 2.0]  # the last one is still open


@pytest.fixture
def load(tmp_path: Path) -> Load:
    """A hot folder with one photo that is done."""
    load = Load(tmp_path)
    for name in ("inbox", "archiv", "failed", "gut", ".freisteller"):
        (tmp_path / name).mkdir()
    content = _sum(save_photo(tmp_path / "archiv" / "a.jpg"))
    load.ledger.shots[content] = Shot("a.jpg", 0.0)
    _result(tmp_path / "gut", "a", content)
    return load


def test_a_photo_that_is_done_once_is_well(load: Load) -> None:
    balance = load.balance()

    assert (balance.photos, balance.innocent_in_failed, balance.lost, balance.doubled) == (1, (), (), ())


def test_a_result_whose_report_did_not_follow_is_no_lost_one(load: Load) -> None:
    (load.root / "sehr_gut").mkdir()
    (load.root / "gut" / "a.png").rename(load.root / "sehr_gut" / "a.png")
    moved = load.balance().lost
    (load.root / "sehr_gut" / "a.png").write_bytes(b"another picture")

    assert (moved, load.balance().lost) == ((), ("a.jpg is in archiv/ and has no result",))


def test_a_photo_without_original_or_without_result_is_lost(load: Load) -> None:
    (load.root / "gut" / "a.json").unlink()
    without_result = load.balance().lost
    (load.root / "archiv" / "a.jpg").unlink()

    assert without_result == ("a.jpg is in archiv/ and has no result",)
    assert load.balance().lost == ("a.jpg is nowhere",)


def test_two_results_of_one_photo_are_doubled(load: Load) -> None:
    _result(load.root / "gut", "b", next(iter(load.ledger.shots)))

    assert load.balance().doubled == ("a.jpg: 1 originals, 2 results",)


@pytest.mark.parametrize(("folder", "said"), [("failed", "a.jpg is in failed/"), ("inbox", "a.jpg is unanswered")])
def test_a_photo_of_the_load_that_failed_or_waits_is_an_innocent(folder: str, said: str, load: Load) -> None:
    (load.root / "archiv" / "a.jpg").rename(load.root / folder / "a.jpg")
    (load.root / "gut" / "a.json").unlink()

    assert load.balance().innocent_in_failed == (said,)


def _sum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _result(folder: Path, name: str, content: str) -> None:
    """A cut-out, here any RGBA picture, and its report."""
    picture = save_photo(folder / f"{name}.png", np.zeros((8, 8, 4), np.uint8))
    report = {"job": name, "photo": {"sha256": content}, "sha256": {".png": _sum(picture)}}
    (folder / f"{name}.json").write_text(json.dumps(report))
