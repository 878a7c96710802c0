"""Services as files for containers describe them, started here as processes with their own words, on other ports."""

import json
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.drawing import save_photo
from tests.observe.prometheus import free_port
from tests.pages_of_documents import ROOT

psutil = pytest.importorskip("psutil", reason="Dask brings it, and the extra cluster is not installed")

PATIENCE_SECONDS = 120.0
# The instructions with their continuation lines joined, without comments.
_STEPS = re.sub(
    r"\s*\\\n\s*", " ", re.sub(r"^#.*\n", "", (ROOT / "Dockerfile").read_text("utf-8"), flags=re.MULTILINE)
).splitlines()


def image_step(word: str) -> str:
    """The arguments of the last instruction of the Dockerfile with this name."""
    return [line.removeprefix(f"{word} ") for line in _STEPS if line.startswith(f"{word} ")][-1]


IMAGE_ENVIRONMENT = dict(word.split("=", 1) for word in shlex.split(image_step("ENV")))
IMAGE_ENTRYPOINT = tuple(re.findall(r'"([^"]+)"', image_step("ENTRYPOINT")))
IMAGE_COMMAND = tuple(re.findall(r'"([^"]+)"', image_step("CMD")))
IMAGE_USER = int(image_step("USER").partition(":")[0])


@dataclass(frozen=True)
class ShownService:
    """What a container runs. environment: its own, besides that of the image. files: what is mounted, by its path."""

    words: tuple[str, ...]
    environment: Mapping[str, str]
    files: Mapping[str, str] = field(default_factory=dict)


class Stage:
    """A folder with a hot folder, certificates and the processes of services. Each has its own state and log."""

    def __init__(self, folder: Path, secrets: Mapping[str, Path]) -> None:
        """secrets: the folders with them here, by where containers have them."""
        self.folder = folder
        self.hot = folder / "hot"
        (self.hot / "inbox").mkdir(parents=True)
        self.ports = {"8786": free_port(), "8787": free_port(), "9108": free_port()}
        self._secrets = {place: str(path) for place, path in secrets.items()}
        self.processes: dict[str, subprocess.Popen[bytes]] = {}

    def start(self, name: str, service: ShownService, more: Mapping[str, str], **extra: str) -> None:
        """more: further texts to replace, e.g. the name of the scheduler's machine. extra: further environment."""
        words, environment = self._here(name, service, more)
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(
                words, cwd=self.folder, env={**environment, **extra}, stdout=log, stderr=log, start_new_session=True
            )

    def run(self, name: str, service: ShownService, more: Mapping[str, str]) -> int:
        """Run a command in the container of a service to its end; its exit code."""
        words, environment = self._here(name, service, more)
        with (self.folder / f"{name}-asked.log").open("ab") as log:
            return subprocess.run(
                words, cwd=self.folder, env=environment, stdout=log, stderr=log, timeout=PATIENCE_SECONDS, check=False
            ).returncode

    def log(self, name: str) -> str:
        return (self.folder / f"{name}.log").read_text("utf-8", "replace")

    def drop(self, *names: str) -> None:
        for number, name in enumerate(names):
            save_photo(self.hot / "inbox" / name, seed=number)

    def reports(self) -> list[Any]:
        grades = ("sehr_gut", "gut", "ungenügend")
        return [json.loads(path.read_text("utf-8")) for grade in grades for path in (self.hot / grade).glob("*.json")]

    def wait(self, so: Callable[[], object], what: str) -> None:
        until = time.monotonic() + PATIENCE_SECONDS
        while not so():
            logs = "\n".join(f"--- {name}\n{self.log(name)[-2000:]}" for name in self.processes)
            assert time.monotonic() < until, f"waited in vain for {what}\n{logs}"
            time.sleep(0.1)

    def connections(self) -> set[tuple[str, str, int]]:
        """Who has a connection to whom now, and to which port there."""
        ends = {}
        listening = {}
        for name, process in self.processes.items():
            for each in psutil.Process(process.pid).net_connections(kind="inet"):
                if each.status == psutil.CONN_LISTEN:
                    listening[each.laddr.port] = name
                elif each.raddr:
                    ends[each.laddr.port] = (name, each.raddr.port)
        return {(name, listening[port], port) for name, port in ends.values() if port in listening}

    def end(self) -> None:
        for process in self.processes.values():
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
            process.wait(30)

    def _here(self, name: str, service: ShownService, more: Mapping[str, str]) -> tuple[list[str], dict[str, str]]:
        place = self.folder / f"places-{name}"
        replaced = {
            **more,
            **self._secrets,
            "/srv/freisteller": str(self.hot),
            "/var/lib/freisteller": str(place / "state"),
            **{port: str(here) for port, here in self.ports.items()},
            "0.0.0.0": "127.0.0.1",
        }
        for number, (path, content) in enumerate(service.files.items()):
            replaced[path] = str(place / str(number) / Path(path).name)
            Path(replaced[path]).parent.mkdir(parents=True, exist_ok=True)
            Path(replaced[path]).write_text(_replaced(content, replaced), "utf-8")
        environment = {**IMAGE_ENVIRONMENT, **service.environment}
        here = {key: _replaced(value, replaced) for key, value in environment.items()}
        here |= {"PATH": os.environ["PATH"], "HOME": str(self.folder)}
        here["U2NET_HOME"] = os.environ.get("U2NET_HOME") or str(Path("~/.u2net").expanduser())
        first, *rest = service.words
        return [*PROGRAMS[first], *(_replaced(word, replaced) for word in rest)], here


PROGRAMS: Mapping[str, tuple[str, ...]] = {
    "freisteller": (sys.executable, "-m", "daemon"),
    "dask": (str(Path(sys.executable).with_name("dask")),),
    "python": (sys.executable,),
}
"""What a name of the image's PATH is here."""


def _replaced(text: str, by: Mapping[str, str]) -> str:
    """All at once, so that nothing is replaced in what was put in."""
    found = "|".join(re.escape(each) for each in sorted(by, key=len, reverse=True))
    return re.sub(found, lambda match: by[match[0]], text)
