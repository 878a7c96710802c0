"""One real daemon with everything that can go wrong around it: small disks, ComfyUI doubles, a webhook, Prometheus."""

import json
import os
import re
import subprocess
import sys
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped, unused-ignore] # comes with schemathesis
from prometheus_client.parser import text_string_to_metric_families

from daemon.observe.labels import OBSTACLES
from tests.drawing import save_photo
from tests.engines.comfyui_double import Double
from tests.observe.prometheus import RULES, Prometheus, free_port, tool
from tests.observe.receiver import Receiver
from tests.processes import DaemonProcess, environment

TOKEN = "night"
LIMIT_SECONDS = 60.0
CHANNELS = ("status", "doctor", "readyz", "metrics")
INHIBITIONS = RULES.parent / "alertmanager.yml"
_MATCHER = re.compile(r'(\w+)\s*(=~|!=|!~|=)\s*"?([^"]*)"?')


@dataclass
class Told:
    """What was said of a trouble. obstacles: by channel, the names in their order; None = it has no such key."""

    obstacles: dict[str, list[str] | None] = field(default_factory=dict)
    pages: dict[str, Any] = field(default_factory=dict)
    notices: list[dict[str, Any]] = field(default_factory=list)
    paged: set[str] = field(default_factory=set)
    samples: list[tuple[str, dict[str, str], float]] = field(default_factory=list)

    def open_outages(self) -> dict[str, dict[str, Any]]:
        """The last notice of each part that the hook was told is missing, and was not told is back."""
        parts: dict[str, dict[str, Any]] = {}
        for notice in self.notices:
            if notice["event"] == "paused":
                parts[notice["part"]] = notice
            elif notice["event"] == "resumed":
                parts.pop(notice["part"], None)
        return parts

    def sentences(self) -> str:
        """The first sentence of each channel, for people who mend it."""
        said = []
        for channel in ("status", "doctor", "readyz"):
            page = self.pages.get(channel)
            found = obstacles_in(page)
            said.append(f"{channel}: {found[0]['text'] if found else _summary(page)}")
        said += [f"notice: {notice['text']}" for notice in self.notices if notice["event"] in ("paused", "failed")][:1]
        return " | ".join(said)


class Scene:
    """A hot folder and a state directory on disks of their own, two servers, a receiver of notices, and the daemon."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self.folder, self._stack = folder, stack
        self.root = stack.enter_context(_disk(folder / "hot", 64))
        self.state = stack.enter_context(_disk(folder / "state", 24))
        self.servers = [stack.enter_context(Double()) for _ in range(2)]
        self.receiver = stack.enter_context(Receiver())
        self.port = free_port()
        self.beside: list[tuple[dict[str, Any], list[dict[str, Any]]]] = []
        """Each notice of an outage that began, and the obstacles that /readyz told when it came."""
        self.daemon: DaemonProcess | None = None
        self._closing = threading.Event()
        self._listener = threading.Thread(target=self._compare_notices, daemon=True)

    def settings(self, servers: int = 2) -> dict[str, str]:
        urls = [{"url": server.url} for server in self.servers[:servers]]
        return {
            "FREISTELLER__COMFYUI__SERVERS": json.dumps(urls),
            "FREISTELLER__COMFYUI__POLL_SECONDS": "0.1",
            "FREISTELLER__COMFYUI__PROBE_SECONDS": "0.5",
            "FREISTELLER__COMFYUI__CONNECT_SECONDS": "2",
            "FREISTELLER__STRATEGY__LADDER": json.dumps([{"model": "RMBG-2.0"}]),
            "FREISTELLER__HTTP__BIND": f"127.0.0.1:{self.port}",
            "FREISTELLER__HTTP__TOKEN": TOKEN,
            "FREISTELLER__NOTIFY__HOOKS": json.dumps([{"name": "night", "url": self.receiver.url}]),
            "FREISTELLER__NOTIFY__PAUSE_SECONDS": "0",
            "FREISTELLER__LOG__FORMAT": "json",
        }

    def start(self, servers: int = 2) -> None:
        self.given = self.settings(servers)
        self.daemon = self._stack.enter_context(DaemonProcess(self.folder, **self.given))
        self.daemon.wait_until(lambda: self.page("/healthz") is not None, "its port")
        if not self._listener.is_alive():
            self._listener.start()
            self._stack.callback(self._closing.set)

    def _compare_notices(self) -> None:
        seen = 0
        while not self._closing.wait(0.02):
            for notice in list(self.receiver.bodies)[seen:]:
                seen += 1
                if notice["event"] == "paused" and (found := obstacles_in(self.page("/readyz"))) is not None:
                    self.beside.append((notice, found))

    def stop(self) -> None:
        if self.daemon:
            with suppress(ProcessLookupError):
                self.daemon.terminate()
            self.daemon.ended()

    def drop(self, *names: str) -> None:
        """Put photos into the inbox, each another one."""
        for number, name in enumerate(names):
            save_photo(self.root / "inbox" / name, seed=number + len(name))

    def inbox(self) -> Path:
        """The inbox, once the daemon has made it."""
        self.until(lambda: (self.root / "inbox").is_dir())
        return self.root / "inbox"

    def page(self, path: str) -> Any:
        """A page of the port as JSON, or as text; None if nobody answers."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.port}{path}")
        request.add_header("Authorization", f"Bearer {TOKEN}")
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                body = answer.read()
        except urllib.error.HTTPError as error:
            with error:
                body = error.read()
        except OSError:
            return None
        try:
            return json.loads(body)
        except ValueError:
            return body.decode("utf-8", "replace")

    def command(self, *words: str) -> Any:
        """What a command says: JSON, or its text."""
        done = subprocess.run(
            [sys.executable, "-m", "daemon", *words],
            env=environment(self.folder, **self.given),
            cwd=self.folder,
            capture_output=True,
            text=True,
            timeout=180,
            check=False,
        )
        try:
            return json.loads(done.stdout)
        except ValueError:
            return done.stdout + done.stderr

    def until(self, done: Callable[[], bool], seconds: float = LIMIT_SECONDS) -> bool:
        """Wait until `done`; returns False if that takes too long."""
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline:
                return False
            time.sleep(0.25)
        return True

    def ended(self, *names: str) -> bool:
        """Whether these photos have their original in archiv/."""
        return all((self.root / "archiv" / name).exists() for name in names)

    def put_off(self) -> bool:
        """Whether a photo was put off."""
        return any(v for name, _, v in self.samples() if name == "freisteller_postponed_total")

    def samples(self) -> list[tuple[str, dict[str, str], float]]:
        text = self.page("/metrics")
        if not isinstance(text, str):
            return []
        return [(s.name, s.labels, s.value) for f in text_string_to_metric_families(text) for s in f.samples]

    def listen(self) -> Told:
        """Ask everything that speaks."""
        pages = {
            "readyz": self.page("/readyz"),
            "status": self.command("status", "--json"),
            "doctor": self.command("doctor", "--json"),
        }
        samples = self.samples()
        told = Told(pages=pages, samples=samples, notices=list(self.receiver.bodies))
        for channel, page in pages.items():
            found = obstacles_in(page)
            told.obstacles[channel] = None if found is None else [each["name"] for each in found]
        gauges = [(labels["reason"], v) for name, labels, v in samples if name == "freisteller_obstacle"]
        told.obstacles["metrics"] = [reason for reason, value in gauges if value] if gauges else None
        return told


@contextmanager
def _disk(folder: Path, megabytes: int) -> Iterator[Path]:
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m", "tmpfs", str(folder)], check=True)
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], capture_output=True, check=False)


@contextmanager
def prometheus(folder: Path, port: int) -> Iterator[Prometheus]:
    """The real Prometheus with our rules, each `for:` of a minute made a second. It reads the daemon each second."""
    own, names = free_port(), []
    for path in sorted(RULES.glob("*.yml")):
        text = path.read_text("utf-8")
        if "rule_files" in text:
            continue  # cases of promtool
        text = re.sub(r"interval: \w+", "interval: 1s", text)
        text = re.sub(r"for: (\d+)m\b", r"for: \1s", text)
        text = re.sub(r"for: (\d+)h\b", r"for: \1m", text)
        (folder / path.name).write_text(text, "utf-8")
        names.append(path.name)
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": names,
        "scrape_configs": [
            {
                "job_name": "freisteller",
                "authorization": {"credentials": TOKEN},
                "static_configs": [{"targets": [f"127.0.0.1:{port}"]}],
            }
        ],
    }
    (folder / "prometheus.yml").write_text(json.dumps(config), "utf-8")
    words = [f"--config.file={folder / 'prometheus.yml'}", f"--storage.tsdb.path={folder / 'tsdb'}"]
    with (folder / "prometheus.log").open("wb") as log:
        listen = f"--web.listen-address=127.0.0.1:{own}"
        process = subprocess.Popen([tool("prometheus"), *words, listen, "--log.level=warn"], stdout=log, stderr=log)
        try:
            yield Prometheus(f"http://127.0.0.1:{own}")
        finally:
            process.terminate()
            process.wait(60)


def paging(server: Prometheus) -> set[str]:
    """The names of the alerts that wake somebody now, without those that grafana/alertmanager.yml inhibits."""
    data: Any = server.ask("/api/v1/alerts")
    firing = [each["labels"] for each in data["alerts"] if each["state"] == "firing"]
    rules = yaml.safe_load(INHIBITIONS.read_text("utf-8")).get("inhibit_rules", []) if INHIBITIONS.exists() else []
    awake = [each for each in firing if not any(_inhibits(rule, firing, each) for rule in rules)]
    return {each["alertname"] for each in awake if each.get("severity") == "page"}


def _inhibits(rule: dict[str, Any], firing: list[dict[str, str]], target: dict[str, str]) -> bool:
    sources = [each for each in firing if each is not target and _fits(rule["source_matchers"], each)]
    return _fits(rule["target_matchers"], target) and any(
        all(each.get(name, "") == target.get(name, "") for name in rule.get("equal", ())) for each in sources
    )


def _fits(matchers: list[str], labels: dict[str, str]) -> bool:
    for matcher in matchers:
        found = _MATCHER.fullmatch(matcher)
        assert found, matcher
        name, how, wanted = found.groups()
        same = re.fullmatch(wanted, labels.get(name, "")) if "~" in how else labels.get(name, "") == wanted
        if bool(same) == how.startswith("!"):
            return False
    return True


def _summary(page: Any) -> str:
    """What a page says that has no obstacles, in one line."""
    if isinstance(page, dict) and "daemon" in page:
        page = page["daemon"].get("lines", page)
    if isinstance(page, list) and page and isinstance(page[0], dict):
        page = [f"{each['what']}: {each['detail']}" for each in page if each.get("level") != "OK"]
    if isinstance(page, dict) and "parts" in page:
        page = [f"{name}: {part.get('detail')}" for name, part in page["parts"].items() if not part.get("ok")]
    return " ".join(str(page).split())[:300]


def obstacles_in(page: Any) -> list[dict[str, Any]] | None:
    """The obstacles that a page tells, worst first. doctor's are checks of level fail or warn that are called so."""
    if isinstance(page, list):
        checks = [each for each in page if each.get("what") in OBSTACLES]
        return [{"name": each["what"], "text": each["detail"]} for each in checks if each["level"] != "OK"]
    found = page.get("obstacles") if isinstance(page, dict) else None
    return found if found is None else list(found)


def rights() -> str:
    """What is missing to run this; "" = nothing."""
    return "" if os.geteuid() == 0 else "it mounts small disks, so it needs root"
