"""Runs the real Prometheus and Alertmanager, if they are installed.

`apt-get install prometheus prometheus-alertmanager`; nothing has to run as a service.
"""

import json
import shutil
import socket
import subprocess
import threading
import time
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
RULES = ROOT / "grafana" / "rules"
LIMIT_SECONDS = 90.0


def tool(name: str, package: str = "prometheus") -> str:
    """The path of a program of that Debian package. Skips the test, and says why, if it is missing."""
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed: apt-get install {package}")
    return path


def promtool(*arguments: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([tool("promtool"), *arguments], input=given, capture_output=True, cwd=RULES, check=False)


@dataclass(frozen=True, slots=True)
class Sample:
    """One result of an instant query."""

    labels: Mapping[str, str]
    value: float


def is_ready(base: str) -> bool:
    """Whether Prometheus or Alertmanager at this URL says that it is ready."""
    try:
        with urllib.request.urlopen(f"{base}/-/ready", timeout=60) as response:
            return bool(response.status == 200)
    except OSError:
        return False


class Prometheus:
    """A running server, which we ask over its API."""

    def __init__(self, base: str) -> None:
        self._base = base

    def ask(self, path: str, **parameters: str) -> object:
        query = urllib.parse.urlencode(parameters)
        with urllib.request.urlopen(f"{self._base}{path}?{query}", timeout=60) as response:
            return json.load(response)["data"]

    def query(self, expression: str) -> list[Sample]:
        data = self.ask("/api/v1/query", query=expression)
        assert isinstance(data, dict)
        return [Sample(each["metric"], float(each["value"][1])) for each in data["result"]]

    def ready(self) -> bool:
        return is_ready(self._base)


@contextmanager
def scraping(
    folder: Path, targets: Sequence[str], rewrite: Callable[[str], str] = str, alertmanager: str = ""
) -> Iterator[Prometheus]:
    """Prometheus with our rules. It scrapes these host:port targets each second.

    folder: for its files. rewrite: makes the rules that it takes out of ours. alertmanager: its host:port, if any.
    """
    port = free_port()
    told = json.dumps([alertmanager] if alertmanager else [])
    for name in ("recording.yml", "alerts.yml"):
        rules = rewrite((RULES / name).read_text(encoding="utf-8"))
        (folder / name).write_text(rules.replace("interval: 30s", "interval: 1s"), encoding="utf-8")
    (folder / "prometheus.yml").write_text(
        "global: {scrape_interval: 1s, evaluation_interval: 1s}\n"
        "rule_files: [recording.yml, alerts.yml]\n"
        f"alerting: {{alertmanagers: [{{static_configs: [{{targets: {told}}}]}}]}}\n"
        f"scrape_configs: [{{job_name: freisteller, static_configs: [{{targets: {json.dumps(list(targets))}}}]}}]\n",
        encoding="utf-8",
    )
    command = [
        tool("prometheus"),
        f"--config.file={folder / 'prometheus.yml'}",
        f"--storage.tsdb.path={folder / 'tsdb'}",
        f"--web.listen-address=127.0.0.1:{port}",
        "--log.level=warn",
    ]
    server = Prometheus(f"http://127.0.0.1:{port}")
    with running(command, folder / "prometheus.log", server.ready):
        yield server


@contextmanager
def running(command: Sequence[str], log: Path, ready: Callable[[], bool]) -> Iterator[None]:
    """A server in a process of its own, which is ready when the block begins and ends with it."""
    with log.open("wb") as out:
        process = subprocess.Popen(command, stdout=out, stderr=out)
        try:
            eventually(lambda: ready() or process.poll() is not None)
            assert process.poll() is None, log.read_text()
            yield
        finally:
            process.terminate()
            process.wait(timeout=60)


def eventually(condition: Callable[[], bool]) -> bool:
    """Ask four times a second until the condition holds. Returns False after LIMIT_SECONDS."""
    pause, deadline = threading.Event(), time.monotonic() + LIMIT_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            return False
        pause.wait(0.25)
    return True


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
