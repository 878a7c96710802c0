"""`freisteller doctor` and a cluster: what it lacks is told in plain words, and nothing of Dask is loaded unasked."""

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from daemon import __version__
from daemon.cluster.link import SeenWorker
from daemon.cluster.worker_state import SET_ASIDE
from daemon.commands.doctor_cluster import OTHER_ROOT, REMEDIES, cluster_checks, worker_check
from daemon.commands.findings import Check
from daemon.settings import Settings
from tests.certificates import make_certificates
from tests.cluster.real_cluster import Cluster

FIT = {"version": __version__, "engine": "local", "cores": 8, "memory_bytes": 16 << 30, "root_id": "r", "set_aside": ""}


def worker(seen: float = 100.0, told: Mapping[str, object] = MappingProxyType({})) -> SeenWorker:
    return SeenWorker("tls://a", "one", "render-1", 4, seen, {**FIT, **told})


def said(check: Check) -> str:
    return f"{check.detail} {check.remedy}"


def test_without_a_cluster_there_is_nothing_to_check() -> None:
    assert list(cluster_checks(Settings())) == []


def test_a_fit_worker_is_told_with_what_it_has() -> None:
    check = worker_check(worker(), [worker()], 60.0, "r")

    assert (check.level, check.what) == ("OK", "worker one")
    assert check.detail == (
        f"on render-1: version {__version__}, sees the hot folder, its engine answers (local), 4 photos at once, "
        "8 processors, 16.0 GiB for photos"
    )


@pytest.mark.parametrize(
    ("told", "words"),
    [
        ({"version": "0.0.1"}, "it has version 0.0.1, and this is"),
        ({"version": ""}, "it is no worker of Freisteller"),
        ({"set_aside": "root_away"}, "it does not see the hot folder Mount"),
        ({"root_id": "another"}, "it sees another hot folder"),
        ({"set_aside": "engine_away"}, "it reaches no engine (local) Run freisteller doctor there."),
        ({"set_aside": "leaving"}, "it was asked to end"),
    ],
)
def test_a_worker_that_gets_no_photos_is_told_with_the_reason_and_what_to_do(
    told: dict[str, object], words: str
) -> None:
    check = worker_check(worker(told=told), [worker()], 60.0, "r")

    assert check.level == "warn"
    assert words in said(check)


def test_a_worker_is_silent_if_others_were_heard_of_since_whatever_the_clock_of_the_scheduler_says() -> None:
    late, heard = worker(seen=-1e9), worker(seen=-1e9 + 61)

    assert "not been heard of" in worker_check(late, [late, heard], 60.0, "").detail
    assert worker_check(heard, [late, heard], 60.0, "").level == "OK"


def test_every_reason_has_a_remedy() -> None:
    assert REMEDIES.keys() == {*SET_ASIDE, OTHER_ROOT}


def test_certificates_are_checked_also_where_only_a_worker_runs(tmp_path: Path) -> None:
    def checks() -> list[Check]:
        files = {"ca_file": tmp_path / "ca.pem", "cert": tmp_path / "cluster.pem", "key": tmp_path / "cluster.key"}
        cluster = {name: str(path) for name, path in files.items()}
        return list(cluster_checks(Settings.model_validate({"cluster": {"scheduler": "tls://render-1:1", **cluster}})))

    (missing,) = checks()
    make_certificates(tmp_path)
    (made,) = checks()

    assert (missing.level, made.level) == ("fail", "OK")
    assert "There is no file" in missing.detail
    assert "ends in 824 days" in made.detail


def test_a_cluster_without_dask_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "daemon.cluster.dask_link", None)
    settings = {"dispatch": {"executor": "dask"}, "cluster": {"scheduler": "tcp://127.0.0.1:1"}}

    (check,) = cluster_checks(Settings.model_validate(settings))

    assert check.level == "fail"
    assert "pip install 'freisteller[cluster]'" in check.detail


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    pytest.importorskip("distributed", reason="the extra cluster is not installed")
    cluster = Cluster(tmp_path)
    try:
        yield cluster
    finally:
        cluster.close()


def doctor(cluster: Cluster) -> dict[str, Check]:
    """What the command says of the cluster, by what it is about."""
    command = [sys.executable, "-m", "daemon", "doctor", "--config", "s.toml", "--json"]
    done = subprocess.run(
        command,
        cwd=cluster.folder,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        capture_output=True,
    )
    assert done.stderr == b""
    checks = [Check(**each) for each in json.loads(done.stdout)]
    return {each.what: each for each in checks if each.what.startswith(("worker", "scheduler", "cluster"))}


@pytest.mark.slow
def test_the_command_asks_a_real_scheduler_and_places_nothing(cluster: Cluster) -> None:
    away = doctor(cluster)
    assert [(check.what, check.level) for check in away.values()] == [("scheduler", "warn")]
    assert "does not answer" in away["scheduler"].detail

    cluster.scheduler()
    cluster.wait(lambda: doctor(cluster)["scheduler"].level == "OK", "the scheduler")
    assert doctor(cluster)["workers"].detail == "none is there"

    cluster.worker("blind")
    cluster.wait(lambda: "does not see the hot folder" in doctor(cluster)["worker blind"].detail, "its first words")

    daemon = cluster.daemon("--once")
    assert daemon.wait(60) == 0
    cluster.wait(lambda: doctor(cluster)["worker blind"].level == "OK", "the hot folder")
    assert doctor(cluster)["scheduler"].detail.endswith("answers, and knows 1 worker")
    assert not cluster.root.joinpath(".freisteller", "tries").exists()


def test_a_scheduler_that_takes_the_connection_and_says_nothing_is_not_waited_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("daemon.commands.doctor_cluster.ANSWER_SECONDS", 0.05)
    monkeypatch.setattr("daemon.commands.doctor_cluster.way_to", lambda *_: threading.Event().wait)
    settings = {"dispatch": {"executor": "dask"}, "cluster": {"scheduler": "tcp://127.0.0.1:1"}}

    (check,) = cluster_checks(Settings.model_validate(settings))

    assert (check.level, check.what) == ("warn", "scheduler")
    assert "it says nothing for" in check.detail
