"""Measures how busy the daemon keeps ComfyUI servers: photos per second compared with the ideal, and idle time.

It starts real processes: doubles of ComfyUI servers (tests/engines/comfyui_double.py, each with a fixed service time)
and the daemon, with a full inbox of 2-megapixel photos. One photo in five needs a second recipe.
of ideal: prompts per second / (servers / service time).
of machine: photos per second / (cores / CPU seconds a photo), of the cores' time that no other program took.
of smaller: the same against whichever allows fewer photos; this is what is required, so a slow machine makes no false
alarm, and a fast one hides nothing.
starved: the share of the servers' time without a prompt, although photos wait.
CPU s/photo: processor time of the daemon's own process, of its workers, and of the servers.
on 16: a model of how many times more photos sixteen cores do than one, if engines are fast: the daemon's own process
holds one interpreter lock, so its part is done one after the other, and all others side by side.
After that, it measures the daemon's memory at the same photo, with a short and with a long queue behind it.
Run: `.venv/bin/python benchmarks/occupancy.py [--quick] [--only CASE]`. Last line: one JSON object.
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
from contextlib import ExitStack, contextmanager, suppress
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
    workers_cpu: float
    servers_cpu: float
    idle: float


@dataclass(frozen=True)
class Figures:
    """The figures of the time during which there was work for every server."""

    of_ideal: float
    of_machine: float
    starved: float
    prompts_per_photo: float
    photos_per_second: float
    daemon_cpu_per_photo: float
    workers_cpu_per_photo: float
    servers_cpu_per_photo: float

    @property
    def of_smaller(self) -> float:
        """The throughput against what the servers or the machine allow, whichever is less."""
        return max(self.of_ideal, self.of_machine)

    def gain(self, cores: int) -> float:
        """How many times more photos than one core so many cores do, as far as the lock of the daemon allows."""
        everything = self.daemon_cpu_per_photo + self.workers_cpu_per_photo
        return min(cores, everything / self.daemon_cpu_per_photo)


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
def server(seconds: float, inside: Sequence[str] = ()) -> Iterator[Server]:
    """A running double with that service time. It ends with the block. inside: what to write before its command."""
    command = [*inside, sys.executable, "-m", "tests.engines.comfyui_double", "--seconds", str(seconds)]
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


def children(pid: int) -> list[int]:
    """All descendants of a process."""
    found = [pid]
    for each in found:
        for path in Path(f"/proc/{each}/task").glob("*/children"):
            with suppress(OSError):
                found += map(int, path.read_text().split())
    return found[1:]


def workers_cpu(pid: int) -> float:
    """The processor time of all descendants of a process that are there now."""
    total = 0.0
    for each in children(pid):
        with suppress(OSError):
            total += cpu_seconds(each)
    return total


def idle_seconds() -> float:
    """For how long the cores of this machine have had nothing to do, added up."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()
    return (int(fields[4]) + int(fields[5])) / os.sysconf("SC_CLK_TCK")


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
            workers_cpu=workers_cpu(daemon.pid),
            servers_cpu=sum(cpu_seconds(each.pid) for each in servers),
            idle=idle_seconds(),
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
    daemon, workers = end.daemon_cpu - warm.daemon_cpu, end.workers_cpu - warm.workers_cpu
    used = daemon + workers + end.servers_cpu - warm.servers_cpu
    return Figures(
        of_ideal=done * case.seconds / (case.servers * seconds),
        of_machine=used / (used + end.idle - warm.idle),
        starved=max(0.0, 1 - busy / (case.servers * seconds)),
        prompts_per_photo=per_photo,
        photos_per_second=photos / seconds,
        daemon_cpu_per_photo=daemon / photos,
        workers_cpu_per_photo=workers / photos,
        servers_cpu_per_photo=(end.servers_cpu - warm.servers_cpu) / photos,
    )


def compare_queues(queues: Sequence[int], results: int) -> dict[str, float]:
    """Print the daemon's memory after the same photos, with so many photos queued behind them; returns it in MB."""
    print(f"\n{'photos queued':<15}{'daemon MB':>10}   (the maximum until {results} are done)")
    found = {}
    for queued in queues:
        samples = run(Case("memory", 1, 0.1, queued, 0.0), results)
        found[f"{queued} queued"] = round(max(sample.memory_mb for sample in samples), 1)
        print(f"{queued:<15}{found[f'{queued} queued']:>10.0f}", flush=True)
    return found


def main() -> None:
    """Print the table and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="use a third of the photos, for a quick try")
    parser.add_argument("--only", help="the name of a case")
    arguments = parser.parse_args()
    share = 3 if arguments.quick else 1
    cases = (
        Case("one_server", 1, 0.5, 90 // share, 0.95),
        Case("four_servers", 4, 1.0, 150 // share, 0.95),
        Case("eight_servers", 8, 2.0, 180 // share, 0.95),
        Case("sixteen_servers", 16, 4.0, max(240 // share, 160), 0.95),
    )
    chosen = [case for case in cases if arguments.only in (None, case.name)]
    print(
        f"{'case':<16}{'of ideal':>9}{'of machine':>11}{'of smaller':>11}{'required':>9}{'starved':>9}"
        f"{'prompts/photo':>14}{'photos/s':>9}{'CPU s/photo: daemon':>20}{'workers':>8}{'servers':>8}{'on 16':>7}"
    )
    found = {}
    for case in chosen:
        result = found[case.name] = figures(case, run(case, case.photos))
        print(
            f"{case.name:<16}{result.of_ideal:>9.3f}{result.of_machine:>11.3f}{result.of_smaller:>11.3f}"
            f"{case.required:>9.2f}{result.starved:>9.3f}{result.prompts_per_photo:>14.2f}"
            f"{result.photos_per_second:>9.2f}{result.daemon_cpu_per_photo:>20.3f}"
            f"{result.workers_cpu_per_photo:>8.3f}{result.servers_cpu_per_photo:>8.3f}{result.gain(16):>7.1f}",
            flush=True,
        )
    line = {name: round(result.of_smaller, 4) for name, result in found.items()}
    shares = {
        "of_ideal": {name: round(result.of_ideal, 4) for name, result in found.items()},
        "of_machine": {name: round(result.of_machine, 4) for name, result in found.items()},
        "gain_on_16_cores": round(min(result.gain(16) for result in found.values()), 2),
        "starved_share": round(max(result.starved for result in found.values()), 4),
    }
    if not arguments.only:
        shares["memory_mb"] = compare_queues((30, 1000 // share), 25)
    print(json.dumps({**line, **shares}))


if __name__ == "__main__":
    main()
