"""Photos are cut out by real workers of a real scheduler, and what happens to these harms none."""

import os
import signal
import time

import pytest

from tests.cluster.real_cluster import PATIENCE_SECONDS, Cluster

psutil = pytest.importorskip("psutil", reason="Dask brings it, and the extra cluster is not installed")
pytest.importorskip("distributed", reason="the extra cluster is not installed")
pytestmark = pytest.mark.slow


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
    told_by_lines = sorted(str(line["worker"]) for line in cluster.lines("job_done"))
    assert told_by_lines == sorted(str(report["machine"]) for report in reports)


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
    cluster.set("cluster", "silent_seconds = 5")
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
    (done,) = cluster.lines("job_done")
    assert "worker" not in done, "it was done here"
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
