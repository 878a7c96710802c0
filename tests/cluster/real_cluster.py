"""A scheduler, workers and a daemon as real processes around one hot folder."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from tests.certificates import make_certificates
from tests.cluster.hosts import Hosts
from tests.drawing import save_photo

CHECKOUT = Path(__file__).parents[2]

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
[http]
bind = ""
[log]
format = "json"
[cluster]
scheduler = "tcp://127.0.0.1:{port}"
"""
PATIENCE_SECONDS = 120.0


TLS = """\
ca_file = "ca.pem"
cert = "cluster.pem"
key = "cluster.key"
"""


class Cluster:
    """A scheduler, workers and a daemon, each a process of its own, in one folder.

    With hosts each but the daemon is on the machine of its name, and they speak TLS.
    """

    def __init__(self, folder: Path, hosts: Hosts | None = None) -> None:
        self.folder = folder
        self.hosts = hosts
        self.root = folder / "hot"
        (self.root / "inbox").mkdir(parents=True)
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            self.port = free.getsockname()[1]
        self.settings = folder / "s.toml"
        text = SETTINGS.format(port=self.port)
        if hosts is not None:
            make_certificates(folder)
            text = text.replace("tcp://127.0.0.1", f"tls://{hosts.addresses['scheduler']}") + TLS
        self.settings.write_text(text)
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def set(self, section: str, lines: str) -> None:
        """Write more settings into a section that the file has already."""
        self.settings.write_text(self.settings.read_text().replace(f"[{section}]\n", f"[{section}]\n{lines}\n"))

    def start(self, name: str, *command: str) -> subprocess.Popen[bytes]:
        inside = self.hosts.inside(name) if self.hosts and name in self.hosts.addresses else []
        with (self.folder / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                [*inside, sys.executable, "-m", *command],
                cwd=self.folder,
                env=os.environ | {"PYTHONPATH": str(CHECKOUT)},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.processes[name] = process
        return process

    def scheduler(self) -> subprocess.Popen[bytes]:
        host = f"tls://{self.hosts.addresses['scheduler']}" if self.hosts else "127.0.0.1"
        where = ["--host", host, "--port", str(self.port), "--no-dashboard", "--dashboard-address", "127.0.0.1:0"]
        if self.hosts:
            where += ["--tls-ca-file", "ca.pem", "--tls-cert", "cluster.pem", "--tls-key", "cluster.key"]
        return self.start("scheduler", "distributed.cli.dask_scheduler", *where)

    def worker(self, name: str, threads: int = 1, settings: str = "s.toml") -> subprocess.Popen[bytes]:
        process = self.start(name, "daemon", "worker", "--config", settings, "--name", name, "--threads", str(threads))
        self.wait(lambda: "Joined" in self.log(name), f"{name} to join")
        return process

    def odd_worker(self, name: str, threads: int, *oddities: str) -> subprocess.Popen[bytes]:
        """A worker that is not as it should be, see odd_worker.py. Does not wait until it has joined."""
        return self.start(name, "tests.cluster.odd_worker", "s.toml", name, str(threads), *oddities)

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

    def close(self) -> None:
        """Kill everything."""
        for process in self.processes.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)
