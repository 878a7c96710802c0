"""Every scheduler that we show how to start lets our machines in, nobody else, and shows nothing to the network."""

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from daemon.cluster.link import TlsFiles
from tests.certificates import make_certificates
from tests.scheduler_commands import SCHEDULERS, SchedulerCommand

psutil = pytest.importorskip("psutil", reason="Dask brings it, and the extra cluster is not installed")
dask_config = pytest.importorskip("dask.config", reason="the extra cluster is not installed")
distributed = pytest.importorskip("distributed", reason="the extra cluster is not installed")

WANTED = {"distributed.scheduler.worker-ttl": "60s", "distributed.scheduler.allowed-failures": 10}
"""What freisteller-scheduler.service sets, as Dask names it. By default it is five minutes and 3."""
FOR_SERVICES = [name for name in SCHEDULERS if name != "document"]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    return make_certificates(tmp_path_factory.mktemp("certificates"))


@contextmanager
def running(command: SchedulerCommand, tls: TlsFiles, folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The scheduler as a process, once it listens, and its port."""
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    environment = {"PATH": os.environ["PATH"], **command.environment}
    here = command.here(tls.cert.parent, port)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(here, cwd=folder, env=environment, stdout=log, stderr=log)
    try:
        until = time.monotonic() + 60
        while b"Scheduler at:" not in (folder / "log").read_bytes():
            assert process.poll() is None, (folder / "log").read_text()
            assert time.monotonic() < until, (folder / "log").read_text()
            time.sleep(0.1)
        yield process, port
    finally:
        process.kill()
        process.wait(30)


def joined(port: int, tls: TlsFiles | None) -> str:
    """What a client with these files sees: "joined", or the error."""
    from daemon.cluster.dask_link import DaskLink
    from daemon.cluster.link import LinkLost

    try:
        link = DaskLink(f"{'tls' if tls else 'tcp'}://127.0.0.1:{port}", tls, bytes)
    except LinkLost as lost:
        return str(lost)
    try:
        link.workers()
    finally:
        link.close()
    return "joined"


@pytest.mark.slow
@pytest.mark.parametrize("name", SCHEDULERS)
def test_a_machine_with_our_certificate_is_let_in_and_no_other(
    name: str, certificates: TlsFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.cluster.dask_link.CONNECT_SECONDS", 3.0)
    stranger = make_certificates(tmp_path / "stranger")
    with running(SCHEDULERS[name](), certificates, tmp_path) as (process, port):
        seen = [joined(port, certificates), joined(port, stranger), joined(port, None)]
        listening = {
            (each.laddr.ip, each.laddr.port)
            for each in psutil.Process(process.pid).net_connections(kind="inet")
            if each.status == psutil.CONN_LISTEN
        }

    assert seen[0] == "joined"
    assert "joined" not in seen[1:]
    assert {ip for ip, _ in listening} == {"127.0.0.1"}, "its pages have no login"


@pytest.mark.parametrize("name", FOR_SERVICES)
def test_dask_knows_what_is_set_by_the_environment_and_does_not_set_it_itself(name: str) -> None:
    taken = dask_config.collect_env(SCHEDULERS[name]().environment)

    for key, value in WANTED.items():
        assert dask_config.get(key) != value  # raises KeyError for what it does not know
        assert dask_config.get(key, config=taken) == value
    assert dask_config.get("distributed.comm.require-encryption", config=taken) is True
