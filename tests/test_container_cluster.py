"""The compose file of a cluster: what it mounts is what its services name, and they work together on photos."""

import json
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.settings import load
from tests.certificates import make_certificates
from tests.compose_files import ADDED, ALONE, service, shown
from tests.pages_of_documents import ROOT
from tests.shown_services import IMAGE_ENVIRONMENT, ShownService, Stage, image_step

SERVICES = ("freisteller", "scheduler", "worker")
SCHEDULER = "${SCHEDULER:?say where the scheduler is, e.g. SCHEDULER=tls://render-1:8786}"
QUICK = {"FREISTELLER__ENGINE__USE": "local", "FREISTELLER__JUDGEMENT__WITNESS": "off"}


@pytest.fixture
def stage(tmp_path: Path) -> Iterator[Stage]:
    make_certificates(tmp_path / "secrets")
    (tmp_path / "secrets" / "http.token").write_text("s3cret")
    stage = Stage(tmp_path, {"/run/secrets": tmp_path / "secrets"})
    try:
        yield stage
    finally:
        stage.end()


def test_the_image_has_what_a_cluster_needs() -> None:
    assert ",cluster]'" in image_step("RUN") or ",cluster]'" in (ROOT / "Dockerfile").read_text("utf-8")


@pytest.mark.parametrize("name", SERVICES)
def test_every_secret_that_a_service_names_is_given_to_it(name: str) -> None:
    found = service(name)
    named = set()
    for text in (*map(str, found.get("environment", {}).values()), *found.get("command", [])):
        if text.startswith("/run/secrets/"):
            named.add(text.removeprefix("/run/secrets/"))

    assert named == {"ca.pem", "cluster.pem", "cluster.key"}
    assert named <= set(found["secrets"]) <= {*ALONE["secrets"], *ADDED["secrets"]}


@pytest.mark.parametrize("name", ["scheduler", "worker"])
def test_a_service_that_is_added_is_as_locked_down_as_the_daemon(name: str) -> None:
    for key in ("image", "build", "restart", "read_only", "tmpfs", "cap_drop", "security_opt"):
        assert ADDED["services"][name][key] == ALONE["services"]["freisteller"][key]


def test_a_worker_has_the_hot_folder_where_the_image_expects_it_and_time_to_hand_back() -> None:
    worker = service("worker")

    (mounted,) = worker["volumes"]
    assert mounted.endswith(f":{IMAGE_ENVIRONMENT['FREISTELLER__ROOT']}")
    assert int(worker["stop_grace_period"].removesuffix("s")) > load().dispatch.stop_seconds


def test_every_setting_in_it_is_one(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**IMAGE_ENVIRONMENT, **service("freisteller")["environment"]}.items():
        if name.startswith("FREISTELLER__"):
            monkeypatch.setenv(name, value.replace(SCHEDULER, "tls://render-1:8786"))

    settings = load()

    assert settings.dispatch.executor == "dask"
    assert settings.cluster.scheduler == "tls://render-1:8786"
    assert settings.cluster.key == "/run/secrets/cluster.key"


def test_compose_takes_both_files(tmp_path: Path) -> None:
    docker = shutil.which("docker")
    given = [str(docker), "compose", "-f", "docker-compose.yml", "-f", "docker-compose.cluster.yml", "config"]
    if docker is None or subprocess.run([docker, "compose", "version"], capture_output=True, check=False).returncode:
        pytest.skip("docker compose is not installed: apt-get install docker-compose-plugin, from Docker's own list")

    done = subprocess.run(
        [*given, "--format", "json"], cwd=ROOT, env={"SCHEDULER": "tls://x:8786", "PATH": "/usr/bin:/bin"},
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    added = json.loads(done.stdout)["services"]
    assert {"prometheus", *SERVICES} <= added.keys()
    assert added["freisteller"]["environment"].keys() == service("freisteller")["environment"].keys()


@pytest.mark.slow
def test_its_services_cut_photos_out_together(stage: Stage) -> None:
    here = {SCHEDULER: f"tls://127.0.0.1:{stage.ports['8786']}"}
    stage.start("scheduler", shown("scheduler"), here)
    health = _health_of("scheduler")
    stage.wait(lambda: stage.run("scheduler", health, here) == 0, "a scheduler that is well")
    stage.start("worker", shown("worker"), here, **QUICK)
    stage.wait(lambda: "Joined" in stage.log("worker"), "the worker")
    stage.start("freisteller", shown("freisteller"), here, **QUICK)
    stage.drop("a.jpg", "b.jpg")
    stage.wait(lambda: stage.log("freisteller").count('"job_done"') == 2, "the photos")

    stage.processes["worker"].send_signal(signal.SIGTERM)

    assert stage.processes["worker"].wait(60) == 0
    assert [report["machine"] for report in stage.reports()] == [socket.gethostname()] * 2
    stage.processes["scheduler"].kill()
    stage.processes["scheduler"].wait(30)
    assert stage.run("scheduler", health, here) != 0


def _health_of(name: str) -> ShownService:
    test: list[str] = service(name)["healthcheck"]["test"]
    assert test[0] == "CMD"
    return ShownService(tuple(test[1:]), service(name).get("environment", {}))
