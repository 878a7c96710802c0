"""Machines of a cluster that are not as they should be: no photo is lost, and none is blamed for another."""

import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.cluster.hosts import Hosts, why_not
from tests.cluster.real_cluster import Cluster
from tests.engines.comfyui_double import Double
from tests.intake.test_shares import Share, need

pytest.importorskip("distributed", reason="the extra cluster is not installed")
pytestmark = pytest.mark.slow

DAY_SECONDS = 86400.0


def test_a_photo_that_kills_every_worker_fails_alone(cluster: Cluster) -> None:
    cluster.set("dispatch", "max_tries = 3")
    cluster.scheduler()
    over = threading.Event()
    deaths: list[int] = []

    def keep_up(name: str) -> None:
        """As systemd would: whenever the worker ends, start it again."""
        while not over.is_set():
            process = cluster.odd_worker(name, 2, "--dies-of", "deadly")
            process.wait()
            deaths.append(process.returncode)

    for name in ("one", "two"):
        threading.Thread(target=keep_up, args=(name,), daemon=True).start()
    cluster.wait(lambda: all("Joined" in cluster.log(name) for name in ("one", "two")), "the workers")
    cluster.drop("a.jpg", "deadly.jpg", "b.jpg", "c.jpg", "d.jpg", "e.jpg", "f.jpg")
    cluster.daemon()

    cluster.wait(lambda: cluster.lines("job_failed"), "the photo to fail")
    cluster.wait(lambda: len(cluster.lines("job_done")) == 6, "its neighbours")
    over.set()

    assert [line["name"] for line in cluster.lines("job_failed")] == ["deadly.jpg"]
    assert (cluster.root / "failed" / "deadly.jpg").is_file()
    assert len(cluster.reports()) == 6
    assert 3 <= len(deaths) <= 4, "three tries alone, and at most one death before in company"
    assert cluster.processes["daemon"].poll() is None
    assert "internal_error" not in cluster.log("daemon")


def test_a_worker_of_another_version_gets_no_photo(cluster: Cluster) -> None:
    cluster.scheduler()
    cluster.odd_worker("old", 1, "--version", "0.0.1")
    cluster.worker("new")
    cluster.wait(lambda: "Joined" in cluster.log("old"), "the old worker")
    cluster.drop("a.jpg", "b.jpg", "c.jpg")

    cluster.daemon()
    cluster.wait(lambda: len(cluster.lines("job_done")) == 3, "all photos")

    assert {report.get("machine") for report in cluster.reports()} == {"new"}
    assert "old gets none: it is no worker of this version of Freisteller" in cluster.log("daemon")


def test_the_clock_of_a_worker_matters_to_nobody(cluster: Cluster) -> None:
    cluster.scheduler()
    cluster.odd_worker("ahead", 1, "--clock-ahead", str(DAY_SECONDS))
    cluster.odd_worker("behind", 1, "--clock-ahead", str(-DAY_SECONDS))
    cluster.wait(lambda: all("Joined" in cluster.log(name) for name in ("ahead", "behind")), "the workers")
    cluster.drop("a.jpg", "b.jpg", "c.jpg", "d.jpg")

    cluster.daemon()
    cluster.wait(lambda: len(cluster.lines("job_done")) == 4, "all photos")

    reports = cluster.reports()
    assert {report["machine"] for report in reports} == {"ahead", "behind"}
    assert cluster.lines("far_worker_lost") == []
    assert all(0 <= float(str(line["seconds"])) < DAY_SECONDS / 2 for line in cluster.lines("job_done"))
    assert all(abs(path.stat().st_mtime - time.time()) < DAY_SECONDS / 2 for path in cluster.root.rglob("*.png"))


def test_a_worker_whose_share_goes_away_gives_its_photos_back(cluster: Cluster) -> None:
    need("bindfs", "umount")
    share = Share(cluster.root, cluster.folder / "share")
    share.connect()
    elsewhere = cluster.settings.read_text().replace('root = "hot"', 'root = "share"')
    (cluster.folder / "elsewhere.toml").write_text(elsewhere)
    cluster.scheduler()
    cluster.worker("cut", settings="elsewhere.toml")
    cluster.worker("whole")
    cluster.daemon()
    cluster.drop("a.jpg", "b.jpg")
    cluster.wait(lambda: len(cluster.lines("job_done")) == 2, "the first photos")

    share.disconnect()
    cluster.drop("c.jpg", "d.jpg", "e.jpg")
    cluster.wait(lambda: len(cluster.lines("job_done")) == 5, "the others")
    cluster.wait(lambda: "cut gets none: it does not see the hot folder" in cluster.log("daemon"), "word of it")
    share.connect()
    cluster.wait(lambda: "2 workers" in str(cluster.lines("cluster")[-1]["message"]), "the worker to be fit again")
    share.disconnect()

    assert list((cluster.root / "failed").iterdir()) == []
    assert len(cluster.reports()) == 5


def test_a_worker_whose_engine_goes_away_gives_its_photos_back(cluster: Cluster) -> None:
    with Double() as double:
        double.faults.seconds = 0.3
        asks = cluster.settings.read_text().replace('use = "local"', 'use = "comfyui"')
        asks += f'[comfyui]\nservers = [{{ url = "{double.url}" }}]\n'
        (cluster.folder / "asks.toml").write_text(asks)
        cluster.scheduler()
        cluster.worker("asks", settings="asks.toml")
        cluster.worker("has")
        cluster.daemon()
        cluster.drop("a.jpg", "b.jpg", "c.jpg", "d.jpg")
        cluster.wait(lambda: double.inferences, "a photo with the engine")
        double.die()

        cluster.wait(lambda: len(cluster.lines("job_done")) == 4, "all photos")
        cluster.wait(lambda: "asks gets none: it reaches no engine" in cluster.log("daemon"), "word of it")

    assert list((cluster.root / "failed").iterdir()) == []


@pytest.fixture
def hosts() -> Iterator[Hosts]:
    if why := why_not():
        pytest.skip(why)
    hosts = Hosts(["scheduler", "one", "two"])
    try:
        yield hosts
    finally:
        hosts.close()


def test_a_worker_that_is_cut_off_loses_no_photo(tmp_path: Path, hosts: Hosts) -> None:
    with closing(Cluster(tmp_path, hosts)) as cluster:
        cluster.set("cluster", "silent_seconds = 5")
        cluster.scheduler()
        cluster.worker("one")
        cluster.daemon()
        cluster.drop("a.jpg", "b.jpg", "c.jpg")
        tries = cluster.root / ".freisteller" / "tries"
        cluster.wait(lambda: tries.is_dir() and any(tries.glob("*/*")), "a photo on the worker")

        hosts.pull("one")
        cluster.worker("two")
        cluster.wait(lambda: len(cluster.lines("job_done")) == 3, "all photos")
        hosts.plug("one")
        cluster.wait(lambda: "2 workers" in str(cluster.lines("cluster")[-1]["message"]), "the worker to be back")

        assert len(cluster.reports()) == 3
        assert list((cluster.root / "failed").iterdir()) == []


def test_a_daemon_that_is_cut_off_from_the_scheduler_goes_on(tmp_path: Path, hosts: Hosts) -> None:
    with closing(Cluster(tmp_path, hosts)) as cluster:
        cluster.scheduler()
        cluster.worker("one")
        cluster.worker("two")
        cluster.daemon()
        cluster.drop("a.jpg", "b.jpg", "c.jpg")
        tries = cluster.root / ".freisteller" / "tries"
        cluster.wait(lambda: tries.is_dir() and any(tries.glob("*/*")), "a photo on a worker")

        hosts.pull("scheduler")
        cluster.wait(lambda: len(cluster.lines("job_done")) == 3, "all photos, cut out here")
        hosts.plug("scheduler")
        cluster.wait(lambda: "2 workers" in str(cluster.lines("cluster")[-1]["message"]), "the workers to be back")
        cluster.drop("d.jpg")
        cluster.wait(lambda: len(cluster.lines("job_done")) == 4, "one more")

        assert list((cluster.root / "failed").iterdir()) == []
        assert len(cluster.reports()) == 4
