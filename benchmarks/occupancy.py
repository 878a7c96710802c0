"""How busy the daemon keeps ComfyUI servers: photos per second against the ideal, and the share of time they starve.

Real processes: servers that behave as recorded (tests/engines/comfyui_double.py, a fixed service time each) and the
daemon with a full inbox of 2-megapixel photos, of which one in five asks for a second recipe.
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
    """So many servers with that service time; at least so much of the ideal is asked for."""

    name: str
    servers: int
    seconds: float
    photos: int
    asked: float


@dataclass(frozen=True)
class Sample:
    """All servers at one moment: prompts that were begun, seconds that each was busy."""

    at: float
    begun: int
    busy: tuple[float, ...]
    memory_mb: float


@dataclass(frozen=True)
class Figures:
    """Of the stretch in which there was work for everybody."""

    ratio: float
    starved: float
    prompts_per_photo: float
    photos_per_second: float
    memory_growth_mb: float


def hard_photo(number: int) -> np.ndarray:
    """A subject in the colours of its ground, with a busy border: its cut-out is not sehr_gut at first."""
    random = np.random.default_rng(number)
    noise = random.normal(0, 45, (HEIGHT // 12, WIDTH // 12, 3))
    coarse = np.kron(noise, np.ones((12, 12, 1)))
    photo = drawn_photo(WIDTH, HEIGHT, number).astype(np.float64)
    return np.clip(photo * 0.35 + 120 + coarse[:HEIGHT, :WIDTH], 0, 255).astype(np.uint8)


def fill(inbox: Path, photos: int) -> None:
    """One photo in five is hard; a handful of drawings in turn, each under a name of its own."""
    easy = [save_photo(inbox / f"easy-{seed}.jpg", drawn_photo(WIDTH, HEIGHT, seed)) for seed in range(4)]
    hard = [save_photo(inbox / f"hard-{seed}.jpg", hard_photo(seed)) for seed in range(1)]
    contents = [path.read_bytes() for path in (*easy, *hard)]
    for path in (*easy, *hard):
        path.unlink()
    for number in range(photos):
        (inbox / f"{number:04}.jpg").write_bytes(contents[number % len(contents)])


@contextmanager
def server(seconds: float) -> Iterator[str]:
    """A server in a process of its own; its URL."""
    command = [sys.executable, "-m", "tests.engines.comfyui_double", "--seconds", str(seconds)]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.send_signal(signal.SIGTERM)


def state(url: str) -> tuple[int, float]:
    """Prompts begun, and busy seconds, of one server."""
    with urllib.request.urlopen(f"{url}/_double/state", timeout=30) as answer:
        values = json.load(answer)
    return len(values["inferences"]), float(values["busy_seconds"])


def memory_mb(pid: int) -> float:
    """Resident memory of a process."""
    fields = Path(f"/proc/{pid}/statm").read_text().split()
    return int(fields[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6


def run(case: Case) -> Figures:
    """Work a full inbox off, watching the servers."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="occupancy-")))
        urls = [stack.enter_context(server(case.seconds)) for _ in range(case.servers)]
        root = folder / "hot"
        (root / "inbox").mkdir(parents=True)
        fill(root / "inbox", case.photos)
        settings = {
            "FREISTELLER__ROOT": str(root),
            "FREISTELLER__STATE_DIR": str(folder / "state"),
            "FREISTELLER__HTTP__BIND": "",
            "FREISTELLER__STRATEGY__MAX_ATTEMPTS": "2",
            "FREISTELLER__INTAKE__QUIET_SECONDS": "0.2",
            "FREISTELLER__COMFYUI__SERVERS": json.dumps([{"url": url, "slots": SLOTS} for url in urls]),
        }
        environment = {**os.environ, **settings}
        log = stack.enter_context((folder / "log").open("wb"))
        command = [sys.executable, "-m", "daemon", "run"]
        daemon = stack.enter_context(
            subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdout=log, stderr=subprocess.STDOUT)
        )
        samples = list(watch(root, urls, daemon, case.photos))
        daemon.send_signal(signal.SIGINT)
    return figures(case, samples)


def watch(root: Path, urls: Sequence[str], daemon: subprocess.Popen[bytes], photos: int) -> Iterator[Sample]:
    """Samples until all results are there."""
    deadline = time.monotonic() + LONGEST_SECONDS
    while sum(1 for _ in root.glob("*/*.json")) < photos:
        if daemon.poll() is not None or time.monotonic() > deadline:
            raise SystemExit("the daemon ended, or took too long")
        states = [state(url) for url in urls]
        begun = sum(count for count, _ in states)
        yield Sample(time.monotonic(), begun, tuple(busy for _, busy in states), memory_mb(daemon.pid))
        time.sleep(SAMPLE_SECONDS)


def figures(case: Case, samples: Sequence[Sample]) -> Figures:
    """From when every server has worked once until there is no longer a photo for each free slot."""
    total = samples[-1].begun
    warm = next(sample for sample in samples if min(sample.busy) > 0 and sample.begun > 2 * case.servers)
    last = total - (SLOTS + 1) * case.servers
    end = next(sample for sample in samples if sample.begun >= last)
    seconds = end.at - warm.at
    done = end.begun - warm.begun
    busy = sum(end.busy) - sum(warm.busy)
    per_photo = total / case.photos
    return Figures(
        ratio=done * case.seconds / (case.servers * seconds),
        starved=max(0.0, 1 - busy / (case.servers * seconds)),
        prompts_per_photo=per_photo,
        photos_per_second=done / per_photo / seconds,
        memory_growth_mb=end.memory_mb - warm.memory_mb,
    )


def main() -> None:
    """Print the table and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a third of the photos; for trying it out")
    share = 3 if parser.parse_args().quick else 1
    cases = (
        Case("one_server", 1, 0.5, 90 // share, 0.97),
        Case("four_servers", 4, 1.0, 150 // share, 0.95),
        Case("eight_servers", 8, 2.0, 180 // share, 0.95),
    )
    print(
        f"{'case':<15}{'of ideal':>10}{'asked':>8}{'starved':>10}{'prompts/photo':>15}{'photos/s':>10}{'growth MB':>11}"
    )
    found = {}
    for case in cases:
        result = found[case.name] = run(case)
        print(
            f"{case.name:<15}{result.ratio:>10.3f}{case.asked:>8.2f}{result.starved:>10.3f}"
            f"{result.prompts_per_photo:>15.2f}{result.photos_per_second:>10.2f}{result.memory_growth_mb:>11.1f}",
            flush=True,
        )
    line = {name: round(result.ratio, 4) for name, result in found.items()}
    print(json.dumps({**line, "starved_share": round(max(result.starved for result in found.values()), 4)}))


if __name__ == "__main__":
    main()
