"""Measures how busy the daemon keeps ComfyUI servers: photos per second compared with the ideal, and idle time.

It starts real processes: doubles of ComfyUI servers (tests/engines/comfyui_double.py, each with a fixed service time)
and the daemon, with a full inbox of 2-megapixel photos. One photo in five needs a second recipe.
of ideal: prompts per second / (servers / service time).
starved: the share of the servers' time without a prompt, although photos wait.
CPU s/photo: processor time of the daemon and of the servers. Both must fit into this machine's cores; otherwise the
benchmark measures the machine.
After that, it measures the daemon's memory at the same photo, with a short and with a long queue behind it.
Run: `.venv/bin/python benchmarks/occupancy.py [--quick]`. Last line: one JSON object.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))

from tests.drawing import drawn_photo, save_photo  # noqa: E402 - the checkout's tests are no installed package

WIDTH, HEIGHT = 1632, 1224  # 2 megapixels
SLOTS = 2
SAMPLE_SECONDS = 0.25
LONGEST_SECONDS = 600.0


@dataclass(frozen=True)
class Case:
    """One measurement: the servers, the service time of each, the photos, and the required share of the ideal."""

    name: str
    servers: int
    seconds: float
    photos: int
    required: float


@dataclass(frozen=True)
class Sample:
    """One moment: prompts that all servers have begun, seconds that each was busy, and what the processes have used."""

    at: float
    begun: int
    busy: tuple[float, ...]
    memory_mb: float
    daemon_cpu: float
    servers_cpu: float


@dataclass(frozen=True)
class Figures:
    """The figures of the time during which there was work for every server."""

    ratio: float
    starved: float
    prompts_per_photo: float
    photos_per_second: float
    daemon_cpu_per_photo: float
    servers_cpu_per_photo: float


def hard_photo(number: int) -> np.ndarray:
    """A subject in the colours of its background, with a noisy border. Its first cut-out is not sehr_gut."""
    random = np.random.default_rng(number)
    noise = random.normal(0, 45, (HEIGHT // 12, WIDTH // 12, 3))
    coarse = np.kron(noise, np.ones((12, 12, 1)))
    photo = drawn_photo(WIDTH, HEIGHT, number).astype(np.float64)
    return np.clip(photo * 0.35 + 120 + coarse[:HEIGHT, :WIDTH], 0, 255).astype(np.uint8)


def fill(inbox: Path, photos: int) -> None:
    """Fill the inbox with copies of five drawings under different names. One photo in five is hard."""
    easy = [save_photo(inbox / f"easy-{seed}.jpg", drawn_photo(WIDTH, HEIGHT, seed)) for seed in range(4)]
    hard = [save_photo(inbox / f"hard-{seed}.jpg", hard_photo(seed)) for seed in range(1)]
    contents = [path.read_bytes() for path in (*easy, *hard)]
    for path in (*easy, *hard):
        path.unlink()
    for number in range(photos):
        (inbox / f"{number:04}.jpg").write_bytes(contents[number % len(contents)])


@dataclass(frozen=True)
class Server:
    """A server in its own process."""

    url: str
    pid: int

    def state(self) -> tuple[int, float]:
        """The number of prompts begun, and the busy seconds."""
        with urllib.request.urlopen(f"{self.url}/_double/load", timeout=30) as answer:
            values = json.load(answer)
        return int(values["begun"]), float(values["busy_seconds"])


@contextmanager
def server(seconds: float) -> Iterator[Server]:
    """A running double with that service time. It ends with the block."""
    command = [sys.executable, "-m", "tests.engines.comfyui_double", "--seconds", str(seconds)]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Server(process.stdout.readline().strip(), process.pid)
        finally:
            process.send_signal(signal.SIGTERM)


def cpu_seconds(pid: int) -> float:
    """The processor time that a process has used so far, in user and in system mode."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def memory_mb(pid: int) -> float:
    """The resident memory of a process, in MB."""
    fields = Path(f"/proc/{pid}/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def run(case: Case, until: int) -> list[Sample]:
    """Let the daemon work on a full inbox until there are `until` results. Returns samples of that time."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="occupancy-")))
        servers = [stack.enter_context(server(case.seconds)) for _ in range(case.servers)]
        root = folder / "hot"
        (root / "inbox").mkdir(parents=True)
        fill(root / "inbox", case.photos)
        settings = {
            "FREISTELLER__ROOT": str(root),
            "FREISTELLER__STATE_DIR": str(folder / "state"),
            "FREISTELLER__HTTP__BIND": "",
            "FREISTELLER__STRATEGY__MAX_ATTEMPTS": "2",
            "FREISTELLER__INTAKE__QUIET_SECONDS": "0.2",
            "FREISTELLER__COMFYUI__SERVERS": json.dumps([{"url": each.url, "slots": SLOTS} for each in servers]),
        }
        environment = {**os.environ, **settings}
        log = stack.enter_context((folder / "log").open("wb"))
        command = [sys.executable, "-m", "daemon", "run"]
        daemon = stack.enter_context(
            subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdout=log, stderr=subprocess.STDOUT)
        )
        samples = list(watch(root, servers, daemon, until))
        daemon.send_signal(signal.SIGINT)
    return samples


def watch(root: Path, servers: Sequence[Server], daemon: subprocess.Popen[bytes], photos: int) -> Iterator[Sample]:
    """Take samples until there are so many results, and one more."""
    deadline = time.monotonic() + LONGEST_SECONDS
    done = 0
    while done < photos:
        done = sum(1 for _ in root.glob("*/*.json"))
        if daemon.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("The daemon ended, or took too long.")
        states = [each.state() for each in servers]
        yield Sample(
            at=time.monotonic(),
            begun=sum(count for count, _ in states),
            busy=tuple(busy for _, busy in states),
            memory_mb=memory_mb(daemon.pid),
            daemon_cpu=cpu_seconds(daemon.pid),
            servers_cpu=sum(cpu_seconds(each.pid) for each in servers),
        )
        time.sleep(SAMPLE_SECONDS)


def figures(case: Case, samples: Sequence[Sample]) -> Figures:
    """The figures from when every server has worked once, until there are fewer photos than slots."""
    total = samples[-1].begun
    warm = next(sample for sample in samples if min(sample.busy) > 0 and sample.begun > 2 * case.servers)
    last = total - (SLOTS + 1) * case.servers
    end = next(sample for sample in samples if sample.begun >= last)
    seconds = end.at - warm.at
    done = end.begun - warm.begun
    busy = sum(end.busy) - sum(warm.busy)
    per_photo = total / case.photos
    photos = done / per_photo
    return Figures(
        ratio=done * case.seconds / (case.servers * seconds),
        starved=max(0.0, 1 - busy / (case.servers * seconds)),
        prompts_per_photo=per_photo,
        photos_per_second=photos / seconds,
        daemon_cpu_per_photo=(end.daemon_cpu - warm.daemon_cpu) / photos,
        servers_cpu_per_photo=(end.servers_cpu - warm.servers_cpu) / photos,
    )


def compare_queues(queues: Sequence[int], results: int) -> None:
    """Print the daemon's memory after the same photos, with so many photos queued behind them."""
    print(f"\n{'photos queued':<15}{'daemon MB':>10}   (the maximum until {results} are done)")
    for queued in queues:
        samples = run(Case("memory", 1, 0.1, queued, 0.0), results)
        print(f"{queued:<15}{max(sample.memory_mb for sample in samples):>10.0f}", flush=True)


def main() -> None:
    """Print the table and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="use a third of the photos, for a quick try")
    share = 3 if parser.parse_args().quick else 1
    cases = (
        Case("one_server", 1, 0.5, 90 // share, 0.97),
        Case("four_servers", 4, 1.0, 150 // share, 0.95),
        Case("eight_servers", 8, 2.0, 180 // share, 0.95),
    )
    print(
        f"{'case':<15}{'of ideal':>10}{'required':>10}{'starved':>10}{'prompts/photo':>15}{'photos/s':>10}"
        f"{'CPU s/photo: daemon':>21}{'servers':>9}"
    )
    found = {}
    for case in cases:
        result = found[case.name] = figures(case, run(case, case.photos))
        print(
            f"{case.name:<15}{result.ratio:>10.3f}{case.required:>10.2f}{result.starved:>10.3f}"
            f"{result.prompts_per_photo:>15.2f}{result.photos_per_second:>10.2f}"
            f"{result.daemon_cpu_per_photo:>21.3f}{result.servers_cpu_per_photo:>9.3f}",
            flush=True,
        )
    compare_queues((30, 600 // share), 25)
    line = {name: round(result.ratio, 4) for name, result in found.items()}
    print(json.dumps({**line, "starved_share": round(max(result.starved for result in found.values()), 4)}))


if __name__ == "__main__":
    main()
