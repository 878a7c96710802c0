"""`freisteller status --watch`: its pace, its screen, its start and its end."""

import json
import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from daemon.commands.status import Snapshot, pace
from daemon.commands.status_screen import draw
from daemon.commands.status_watch import headline
from daemon.jobs import Grade, Job
from daemon.journal import Counts, JobRow
from daemon.observe.metrics import Metrics
from daemon.states import State
from daemon.work.progress import Progress
from tests.doubles import Clock
from tests.drawing import save_photo
from tests.engines.comfyui_double import Double
from tests.observe.prometheus import eventually, free_port
from tests.processes import DaemonProcess, environment, freisteller

NOW = 1_800_000_000.0
HEARS_CTRL_C = ("env", "--default-signal=INT")  # a program that a shell starts in the background ignores it


@pytest.mark.parametrize(
    ("endings", "now", "expected"),
    [
        ([], 100.0, None),
        ([100.0], 100.0, None),
        ([100.0, 98.0, 96.0, 94.0], 100.0, 0.5),
        ([100.0, 98.0, 96.0, 94.0], 106.0, 0.25),  # the gap at the end counts
        ([100.0, 98.0, 96.0, 94.0], 400.0, None),  # nothing ends any more
        ([100.0, 98.0, 96.0, 94.0, -40_000.0, -40_002.0], 100.0, 0.5),  # the night before does not count
        ([100.0, 100.0, 100.0, 100.0], 100.0, 3000.0),
    ],
)
def test_the_pace_is_that_of_now(endings: Sequence[float], now: float, expected: float | None) -> None:
    assert pace(endings, now) == pytest.approx(expected)


def entry(number: int, grade: Grade | None = Grade.SEHR_GUT, state: State = State.DONE) -> JobRow:
    job = Job(
        id=f"job-{number}",
        name=f"Frühjahr/[bold]Schuhe und Taschen mit einem sehr langen Namen für ein Foto {number:04}.jpg",
        state=state,
        started_at=NOW - 2 * number - 3,
        finished_at=NOW - 2 * number,
        grade=grade,
        score=0.97 if grade else None,
    )
    return JobRow(job, Path("x"), 0, None, ())


def a_snapshot(servers: int = 2, running: int = 3, daemon: bool = True) -> Snapshot:
    states = {State.WAITING: 1234, State.RUNNING: running, State.PUBLISHING: 0, State.DONE: 98_765, State.FAILED: 12}
    grades = {Grade.SEHR_GUT: 90_000, Grade.GUT: 8_000, Grade.UNGENUEGEND: 765}
    page = {
        "running": [{"job": f"job-{n}", "stage": "engine", "seconds": 2.5, "attempts": n} for n in range(running)],
        "servers": [
            {"server": f"http://gpu{n}:8188", "up": n != 0, "in_hand": 2, "paused": ["BEN2"] if n == 1 else []}
            for n in range(servers)
        ],
    }
    return Snapshot(
        "/srv/freisteller",
        NOW,
        Counts(states, grades, NOW - 60),
        tuple(entry(n, None, State.RUNNING) for n in range(running)),
        tuple(entry(n, Grade.UNGENUEGEND if n == 1 else Grade.SEHR_GUT) for n in range(60)),
        False,
        page if daemon else None,
        "" if daemon else "No daemon answers at 127.0.0.1:9108; it may not be running.",
    )


def drawn(snapshot: Snapshot, width: int, height: int) -> list[str]:
    console = Console(width=width, height=height, record=True, file=open(os.devnull, "w"))  # noqa: SIM115, PTH123
    console.print(draw(snapshot, width, height))
    console.file.close()
    return console.export_text().splitlines()


@pytest.mark.parametrize(("width", "height"), [(80, 24), (60, 20), (200, 60), (40, 16)])
@pytest.mark.parametrize(("servers", "running"), [(1, 0), (2, 3), (40, 200)])
def test_the_screen_holds_it_whatever_its_size(width: int, height: int, servers: int, running: int) -> None:
    lines = drawn(a_snapshot(servers, running), width, height)

    assert len(lines) <= height
    assert max(len(line) for line in lines) <= width
    assert any("Last results" in line for line in lines)


def test_a_usual_terminal_shows_all_that_matters() -> None:
    text = "\n".join(drawn(a_snapshot(), 80, 24))

    for said in (
        "/srv/freisteller",
        "3 running, 1234 waiting",
        "30.0 photos a minute, about 41 min left",
        "90,000",
        "engine",
        "2.5 s",
        "attempt 2",
        "http://gpu0:8188",
        "down",
        "without BEN2",
        "ungenügend",
        "0.97",
        "[bold]Schuhe",  # names are text, not markup
    ):
        assert said in text, text


def test_without_a_daemon_it_says_so_and_promises_no_end() -> None:
    text = "\n".join(drawn(a_snapshot(running=0, daemon=False), 80, 24))

    assert "No daemon answers" in text
    assert "left" not in text
    assert "90,000" in text
    assert headline(a_snapshot(running=0, daemon=False)).endswith("it may not be running.")


def test_what_runs_is_known_with_its_stage_and_only_as_long_as_it_runs() -> None:
    clock = Clock(100.0)
    metrics = Metrics("1")
    progress = Progress(metrics, clock)
    stages = []

    def run(job: Job) -> str:
        for stage in ("journal", "decode", "proxy", "fetch", "search", "rims"):
            stages.append(progress.running()[0].stage)
            progress.stage(stage, 0.1)
        progress.attempt("BEN2", 0.5, None)
        clock.advance(5)
        seen.append(progress.running()[0])
        return "done"

    seen: list[object] = []
    ended = progress.follow(Job("1", "a.jpg"), run)
    progress.stage("publish", 0.1)  # in a thread that runs no photo

    assert ended == "done"
    assert stages == ["reading", "reading", "preparing", "engine", "judging", "refining"]
    assert seen[0].attempts == 1  # type: ignore[attr-defined]
    assert progress.running() == ()
    assert 'stage_duration_seconds_count{stage="publish"} 1.0' in metrics.exposition().decode()


def test_a_run_that_dies_is_forgotten_too() -> None:
    progress = Progress(Metrics("1"))

    def die(job: Job) -> None:
        raise ValueError(job.id)

    with pytest.raises(ValueError, match="1"):
        progress.follow(Job("1", "a.jpg"), die)

    assert progress.running() == ()


@pytest.mark.slow
def test_a_running_photo_is_seen_from_another_process_and_ctrl_c_ends_the_watch(tmp_path: Path) -> None:
    port = {"FREISTELLER__HTTP__BIND": f"127.0.0.1:{free_port()}"}
    with Double() as double:
        double.faults.hold = True
        port["FREISTELLER__COMFYUI__SERVERS"] = json.dumps([{"url": double.url}])
        with DaemonProcess(tmp_path, **port) as daemon:
            save_photo(tmp_path / "hot" / "inbox" / "a.png")
            daemon.wait_until(lambda: len(double.inferences) == 1, "the photo to reach the engine")
            command = [*HEARS_CTRL_C, sys.executable, "-m", "daemon", "status", "--watch", "--json"]
            watching = subprocess.Popen(
                command, env=environment(tmp_path, **port), cwd=tmp_path, stdout=subprocess.PIPE, text=True
            )
            try:
                assert watching.stdout is not None
                first = json.loads(watching.stdout.readline())
                watching.send_signal(signal.SIGINT)
                code = watching.wait(60)
            finally:
                watching.kill()
                watching.communicate()
            double.set_faults({"hold": False})

    assert code == 0
    assert first["states"]["running"] == 1
    assert [(each["stage"], each["attempts"]) for each in first["daemon"]["running"]] == [("engine", 0)]
    assert [server["up"] for server in first["daemon"]["servers"]] == [True]
    assert "a.png" not in json.dumps(first["daemon"])  # the port gives away no names


@pytest.mark.slow
def test_a_terminal_gets_its_screen_back(tmp_path: Path) -> None:
    freisteller("run", "--once", folder=tmp_path)
    ours, its = os.openpty()
    watching = subprocess.Popen(
        [*HEARS_CTRL_C, sys.executable, "-m", "daemon", "status", "--watch", "--every", "0.2"],
        env={**environment(tmp_path), "TERM": "xterm-256color", "COLUMNS": "80", "LINES": "24"},
        cwd=tmp_path,
        stdin=its,
        stdout=its,
        stderr=its,
    )
    os.close(its)
    seen = bytearray()

    def read() -> None:
        try:
            while piece := os.read(ours, 65536):
                seen.extend(piece)
        except OSError:  # the terminal was closed
            return

    reading = threading.Thread(target=read)
    reading.start()
    try:
        drawn_twice = eventually(lambda: seen.count(b"waiting") >= 2)
        watching.send_signal(signal.SIGINT)
        code = watching.wait(60)
    finally:
        watching.kill()
        watching.wait()
        reading.join(30)
        os.close(ours)

    assert drawn_twice
    assert code == 0
    assert re.search(rb"\x1b\[\?1049h.*\x1b\[\?1049l", bytes(seen), re.DOTALL)
    assert b"Traceback" not in seen


def test_a_watch_without_a_journal_says_what_is_missing(tmp_path: Path) -> None:
    done = freisteller("status", "--watch", folder=tmp_path)

    assert done.returncode == 2
    assert "journal" in done.stderr


def test_a_long_name_keeps_its_end_which_tells_files_apart() -> None:
    lines = drawn(a_snapshot(), 80, 24)

    (line,) = (line for line in lines if "ungenügend" in line and "0001" in line)
    assert re.search(r"….*0001\.jpg ", line)
    assert line.startswith("Frühjahr/[bold]")


def test_a_pause_is_told_once() -> None:
    page = {
        "running": [],
        "servers": [],
        "obstacles": [{"name": "paused", "text": "anna has paused the work.", "do": "Resume it."}],
    }
    told = replace(a_snapshot(), paused=True, page=page)

    assert "\n".join(drawn(told, 80, 24)).count("paused") == 1
    assert "paused; " in "\n".join(drawn(replace(told, page=None), 80, 24))
