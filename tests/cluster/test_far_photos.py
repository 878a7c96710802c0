"""Photos are cut out by real workers of a real scheduler, and what happens to these harms none."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.drawing import save_photo

psutil = pytest.importorskip("psutil", reason="Dask brings it, and the extra cluster is not installed")
pytest.importorskip("distributed", reason="the extra cluster is not installed")
pytestmark = pytest.mark.slow

SETTINGS = """
root = "hot"
state_dir = "state"
[engine]
use = "local"
[judgement]
witness = "off"
[dispatch]
executor = "dask"
postpone_seconds = 0.5
[cluster]
scheduler = "tcp://127.0.0.1:{port}"
[http]
bind = ""
[log]
format = "json"
"""
PATIENCE_SECONDS = 120.0


class Cluster:
    """A scheduler, workers and a daemon, each a process of its own, in one folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "hot"
        (self.root / "inbox").mkdir(parents=True)
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            self.port = free.getsockname()[1]
        (folder / "s.toml").write_text(SETTINGS.format(port=self.port))
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", *command], cwd=self.folder, stdout=log, stderr=log, start_new_session=True
            )
        self.processes[name] = process
        return process

    def scheduler(self) -> subprocess.Popen[bytes]:
        where = (
            "--host",
            "127.0.0.1",
            "--port",
            str(self.port),
            "--no-dashboard",
            "--dashboard-address",
            "127.0.0.1:0",
        )
        return self.start("scheduler", "distributed.cli.dask_scheduler", *where)

    def worker(self, name: str, threads: int = 1) -> subprocess.Popen[bytes]:
        process = self.start(name, "daemon", "worker", "--config", "s.toml", "--name", name, "--threads", str(threads))
        self.wait(lambda: "Joined" in self.log(name), f"{name} to join")
        return process

    def daemon(self, *flags: str) -> subprocess.Popen[bytes]:
        return self.start("daemon", "daemon", "run", "--config", "s.toml", *flags)

    def log(self, name: str) -> str:
        path = self.folder / f"{name}.log"
        return path.read_text("utf-8", "replace") if path.exists() else ""

    def lines(self, action: str) -> list[dict[str, object]]:
        lines = [line for line in self.log("daemon").splitlines() if line.startswith("{")]
        return [line for line in map(json.loads, lines) if line["action"] == action]

    def wait(self, so: Callable[[], object], what: str) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while not so():
            assert time.monotonic() < until, f"waited in vain for {what}\n{self.log('daemon')[-3000:]}"
            time.sleep(0.1)

    def drop(self, *names: str) -> None:
        for number, name in enumerate(names):
            save_photo(self.root / "inbox" / name, seed=number)

    def reports(self) -> list[dict[str, object]]:
        grades = ("sehr_gut", "gut", "ungenügend")
        return [json.loads(path.read_text("utf-8")) for grade in grades for path in (self.root / grade).glob("*.json")]

    def end(self) -> None:
        for process in self.processes.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    cluster = Cluster(tmp_path)
    try:
        yield cluster
    finally:
        cluster.end()


def test_photos_are_cut_out_by_workers_and_published_by_the_daemon(cluster: Cluster) -> None:
    cluster.scheduler()
    cluster.worker("one")
    cluster.worker("two")
    cluster.drop("a.jpg", "b.jpg", "c.jpg", "d.jpg")

    daemon = cluster.daemon("--once")

    assert daemon.wait(PATIENCE_SECONDS) == 0, cluster.log("daemon")
    reports = cluster.reports()
    assert len(reports) == 4
    assert {report["machine"] for report in reports} <= {"one", "two"}
    assert sorted(path.name for path in (cluster.root / "archiv").iterdir()) == ["a.jpg", "b.jpg", "c.jpg", "d.jpg"]
    assert list((cluster.root / ".freisteller" / "tries").iterdir()) == []
    assert len(cluster.lines("job_done")) == 4


def test_a_worker_that_is_killed_loses_no_photo(cluster: Cluster) -> None:
    cluster.scheduler()
    first = cluster.worker("one")
    cluster.daemon()
    cluster.drop("a.jpg", "b.jpg", "c.jpg")
    tries = cluster.root / ".freisteller" / "tries"
    cluster.wait(lambda: tries.is_dir() and any(tries.glob("*/*")), "a photo on the worker")

    os.killpg(first.pid, signal.SIGKILL)
    cluster.worker("two")

    cluster.wait(lambda: len(cluster.lines("job_done")) == 3, "all photos")
    assert len(cluster.reports()) == 3
    assert cluster.lines("far_worker_lost")
    assert list((cluster.root / "failed").iterdir()) == []


def test_a_worker_that_hangs_and_wakes_up_again_spoils_nothing(cluster: Cluster) -> None:
    settings = cluster.folder / "s.toml"
    settings.write_text(settings.read_text().replace("[cluster]\n", "[cluster]\nsilent_seconds = 5\n"))
    cluster.scheduler()
    zombie = cluster.worker("zombie")
    cluster.daemon()
    cluster.drop("a.jpg")
    tries = cluster.root / ".freisteller" / "tries"
    cluster.wait(lambda: tries.is_dir() and any(tries.glob("*/*")), "a photo on the worker")

    os.killpg(zombie.pid, signal.SIGSTOP)
    cluster.wait(lambda: cluster.lines("far_worker_lost"), "the worker to count as lost")
    cluster.wait(lambda: len(cluster.lines("job_done")) == 1, "the photo, cut out here")
    os.killpg(zombie.pid, signal.SIGCONT)
    before = sorted(str(path) for path in cluster.root.rglob("*"))
    time.sleep(5)

    assert len(cluster.reports()) == 1
    assert len(cluster.lines("job_done")) == 1
    assert [path for path in sorted(str(path) for path in cluster.root.rglob("*")) if path not in before] == []


def test_without_a_scheduler_photos_are_cut_out_here(cluster: Cluster) -> None:
    cluster.drop("a.jpg")

    daemon = cluster.daemon("--once")

    assert daemon.wait(PATIENCE_SECONDS) == 0, cluster.log("daemon")
    (report,) = cluster.reports()
    assert "machine" not in report


def test_a_worker_that_is_asked_to_end_hands_its_photo_back(cluster: Cluster) -> None:
    cluster.scheduler()
    leaving = cluster.worker("leaving")
    cluster.daemon()
    cluster.drop("a.jpg", "b.jpg")
    tries = cluster.root / ".freisteller" / "tries"
    cluster.wait(lambda: tries.is_dir() and any(tries.glob("*/*")), "a photo on the worker")

    leaving.terminate()

    assert leaving.wait(60) == 0, cluster.log("leaving")
    cluster.wait(lambda: len(cluster.lines("job_done")) == 2, "both photos")
    assert cluster.lines("far_worker_lost") == []


def test_a_worker_without_tls_can_be_reached_from_this_machine_alone(cluster: Cluster) -> None:
    cluster.scheduler()
    worker = cluster.worker("one")

    connections = psutil.Process(worker.pid).net_connections(kind="inet")

    listening = {each.laddr.ip for each in connections if each.status == psutil.CONN_LISTEN}
    assert listening == {"127.0.0.1"}, "Dask runs what it is sent, and shows its pages to everybody"
