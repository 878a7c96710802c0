"""Why a machine is not connected to its scheduler is said in words that say what to do."""

import asyncio
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest

from daemon.cluster.connection_faults import why_not_connected
from daemon.cluster.link import LinkLost, TlsFiles
from tests.certificates import make_certificates
from tests.observe.prometheus import free_port

pytest.importorskip("distributed", reason="the extra cluster is not installed")


def test_what_is_not_known_is_said_as_it_was() -> None:
    error = RuntimeError("Worker failed to start.")
    error.__cause__ = ValueError("an odd thing")

    assert why_not_connected(error) == "an odd thing"
    assert why_not_connected(TimeoutError()) == "TimeoutError"


@pytest.mark.parametrize(
    ("bottom", "plain"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "the scheduler does not run"),
        (socket.gaierror(-2, "Name or service not known"), "no machine of this name"),
        (ConnectionResetError(104, "Connection reset by peer"), "it wants TLS"),
        (ssl.SSLEOFError(8, "EOF occurred in violation of protocol"), "does not take our certificate"),
        (OSError("in <TLS>: SSLError: [SSL: TLSV1_ALERT_UNKNOWN_CA] tlsv1 alert"), "does not take our certificate"),
    ],
)
def test_the_bottom_of_an_error_counts_and_not_that_it_took_long(bottom: OSError, plain: str) -> None:
    between = asyncio.CancelledError()
    between.__context__ = bottom
    error = TimeoutError("Worker start timed out after 10s.")
    error.__cause__ = between

    assert plain in why_not_connected(error)


def test_errors_that_caused_each_other_come_to_an_end() -> None:
    one, two = OSError("one"), OSError("two")
    one.__cause__, two.__cause__ = two, one

    assert why_not_connected(one) == "two"


@pytest.fixture(scope="module")
def tls(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    return make_certificates(tmp_path_factory.mktemp("ours"))


@pytest.fixture(scope="module")
def other(tmp_path_factory: pytest.TempPathFactory) -> TlsFiles:
    return make_certificates(tmp_path_factory.mktemp("theirs"))


@pytest.fixture(scope="module")
def port(tls: TlsFiles, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """The port of a scheduler with TLS."""
    log, port = tmp_path_factory.mktemp("scheduler") / "log", free_port()
    words = f"--host tls://127.0.0.1 --port {port} --no-dashboard --dashboard-address 127.0.0.1:0"
    files = f"--tls-ca-file {tls.ca_file} --tls-cert {tls.cert} --tls-key {tls.key}"
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", *words.split(), *files.split()]
    with log.open("wb") as to:
        process = subprocess.Popen(command, stdout=to, stderr=to)
    try:
        until = time.monotonic() + 60
        while b"Scheduler at:" not in log.read_bytes():
            assert time.monotonic() < until, log.read_text()
            time.sleep(0.1)
        yield port
    finally:
        process.kill()
        process.wait(30)


def said_to_a_client(scheduler: str, files: TlsFiles | None) -> str:
    from daemon.cluster.dask_link import DaskLink

    with pytest.raises(LinkLost) as lost:
        DaskLink(scheduler, files, bytes)
    return str(lost.value)


def said_to_a_worker(scheduler: str, files: TlsFiles | None) -> str:
    """What the second of two workers of one name is told; the first one may join."""
    from daemon.cluster import dask_link

    said: list[str] = []
    ends = threading.Event()

    def hear(how: str) -> None:
        if how != "joined":
            said.append(how)
            ends.set()

    async def two() -> None:
        one, another = (
            dask_link.serve(scheduler, files, "one", 1, told=dict, stop=ends, on_change=hear) for _ in range(2)
        )
        await asyncio.gather(one, another)

    asyncio.run(two())
    return said[0]


@pytest.mark.slow
def test_a_client_of_another_authority_is_told_so(tls: TlsFiles, other: TlsFiles, port: int) -> None:
    assert "our ca_file takes" in said_to_a_client(f"tls://127.0.0.1:{port}", other)
    mixed = replace(other, ca_file=tls.ca_file)
    assert "authority" in said_to_a_client(f"tls://127.0.0.1:{port}", mixed)


@pytest.mark.slow
def test_a_second_worker_of_one_name_is_told_to_take_another(tls: TlsFiles, port: int) -> None:
    assert "another worker is called one there" in said_to_a_worker(f"tls://127.0.0.1:{port}", tls)
