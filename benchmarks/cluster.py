"""Whether work on other machines loses, doubles or delays photos: real workers, scheduler and daemon, killed at random.

Each worker, with its engine, and the scheduler are on a machine of their own if the kernel allows it (a network
namespace, with TLS between them), else all on loopback. The engine is a double of ComfyUI with a fixed time. One after
the other:
kills: photos arrive all the time, while workers, the scheduler and the daemon are killed with -9 and started again.
Then every byte is looked at: each photo must be in archiv/ once, with one result and its report.
rerun start: from the kill of a worker to the moment when a photo that it had begins again, on another one or here.
efficiency: sixteen workers with an engine of its own each, against sixteen times what one of them could do at best.
overhead: what a photo takes longer on one worker than in the daemon itself, one photo after the other.
fallback: with the scheduler gone for good, the daemon cuts out itself.
cables: where machines have a network, its cables are pulled for 2 to 40 s, of the scheduler, too.
Run: `.venv/bin/python -m benchmarks.cluster [--photos 500] [--kills 40] [--loopback]
[--only kills,efficiency,overhead,fallback,cables]`.
The last line is one JSON object.
"""

import argparse
import json
import os
import random
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack, closing, suppress
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.occupancy import server
from tests.certificates import make_certificates
from tests.cluster.hosts import HERE, Hosts, why_not
from tests.drawing import drawn_photo, save_photo

CHECKOUT = Path(__file__).resolve().parent.parent
PARTS = ("kills", "efficiency", "overhead", "fallback", "cables")
GRADES = ("sehr_gut", "gut", "ungenügend")
SETTINGS = """
root = "{root}"
state_dir = "{folder}/state"
[comfyui]
servers = [{{ url = "{url}" }}]
[judgement]
witness = "off"
[strategy]
max_attempts = 1
[intake]
quiet_seconds = 0.3
[dispatch]
executor = "{executor}"
workers = {workers}
postpone_seconds = 1.0
stop_seconds = 5.0
[cluster]
scheduler = "{scheduler}"
silent_seconds = 20.0
{tls}
[http]
bind = ""
[log]
format = "json"
"""
MOST_OPEN = 24
LONGEST_SECONDS = 900.0


class Scene:
    """A hot folder, so many machines with an engine each, and the processes around it."""

    with_hosts = False
    """Whether machines have networks of their own."""

    def __init__(
        self,
        folder: Path,
        doors: ExitStack,
        engine_seconds: float,
        machines: int,
        executor: str = "dask",
        at_once: int = 0,
    ) -> None:
        """doors: close it. at_once: photos in work, if it is not the daemon's own choice."""
        self.folder = folder
        self.processes: dict[str, subprocess.Popen[bytes]] = {}
        (self.root / "inbox").mkdir(parents=True)
        self.hosts: Hosts | None = None
        if self.with_hosts:
            self.hosts = Hosts(["scheduler", *map(str, range(machines))])
            doors.callback(self.hosts.close)
            make_certificates(folder)
        with closing(socket.create_server(("127.0.0.1", 0))) as free:
            self.port = free.getsockname()[1]
        files = {"ca_file": "ca.pem", "cert": "cluster.pem", "key": "cluster.key"} if self.hosts else {}
        values: dict[str, Any] = {
            "root": self.root,
            "folder": folder,
            "executor": executor,
            "workers": at_once,
            "scheduler": f"{'tls' if self.hosts else 'tcp'}://{self._address('scheduler')}:{self.port}",
            "tls": "\n".join(f'{key} = "{folder / name}"' for key, name in files.items()),
        }
        for name in ("daemon", *map(str, range(machines))):
            url = doors.enter_context(server(engine_seconds, inside=self._inside(name))).url
            (folder / f"{name}.toml").write_text(SETTINGS.format(**values, url=url))
        doors.callback(self.end)

    def _inside(self, name: str) -> Sequence[str]:
        return self.hosts.inside(HERE if name == "daemon" else name) if self.hosts else ()

    def _address(self, name: str) -> str:
        return self.hosts.addresses[name] if self.hosts else "127.0.0.1"

    @property
    def root(self) -> Path:
        return self.folder / "hot"

    def start(self, name: str) -> None:
        """Start the scheduler, the daemon, or a worker by its number."""
        if name == "scheduler":
            host = f"tls://{self._address(name)}" if self.hosts else self._address(name)
            command = ["distributed.cli.dask_scheduler", "--host", host, "--port", str(self.port)]
            command += ["--no-dashboard", "--dashboard-address", "127.0.0.1:0"]
            if self.hosts:
                files = {"ca-file": "ca.pem", "cert": "cluster.pem", "key": "cluster.key"}
                command += [f"--tls-{option}={self.folder / file}" for option, file in files.items()]
        elif name == "daemon":
            command = ["daemon", "run", "--config", str(self.folder / "daemon.toml")]
        else:
            settings = str(self.folder / f"{name}.toml")
            command = ["daemon", "worker", "--config", settings, "--name", f"w{name}", "--threads", "1"]
        words = [*self._inside(name), sys.executable, "-m", *command]
        with (self.folder / f"{name}.log").open("ab") as log:
            self.processes[name] = subprocess.Popen(words, cwd=CHECKOUT, stdout=log, stderr=log, start_new_session=True)

    def kill(self, name: str) -> None:
        process = self.processes.pop(name)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()

    def joined(self, name: str) -> bool:
        return "Joined" in (self.folder / f"{name}.log").read_text("utf-8", "replace")

    def lines(self) -> list[dict[str, Any]]:
        path = self.folder / "daemon.log"
        texts = path.read_text("utf-8", "replace").splitlines() if path.exists() else []
        found = []
        for text in texts:
            if text.startswith("{") and text.endswith("}"):
                found.append(json.loads(text))
        return found

    def reports(self) -> list[Path]:
        return [path for grade in GRADES for path in (self.root / grade).glob("*.json")]

    def end(self) -> None:
        for name in list(self.processes):
            self.kill(name)

    def begin(self, workers: int) -> None:
        """Start everything, and wait until all workers have joined."""
        self.start("scheduler")
        for number in range(workers):
            self.start(str(number))
        wait(lambda: all(self.joined(str(number)) for number in range(workers)), "the workers")
        self.start("daemon")


def wait(so: Callable[[], bool], what: str) -> float:
    """Wait until it is so. Returns the seconds that it took."""
    began = time.monotonic()
    while not so():
        if time.monotonic() - began > LONGEST_SECONDS:
            raise SystemExit(f"waited in vain for {what}")
        time.sleep(0.05)
    return time.monotonic() - began


def drop(scene: Scene, number: int, size: tuple[int, int] = (640, 480)) -> None:
    """Put one more photo into the inbox, of its own content."""
    path = scene.root / "inbox" / f"{number:04}.jpg"
    hidden = save_photo(scene.folder / "new" / path.name, drawn_photo(*size, number))
    hidden.replace(path)


class Runs:
    """Notices when runs of photos begin on workers, by the folders that these make."""

    def __init__(self, root: Path) -> None:
        self._tries = root / ".freisteller" / "tries"
        self._seen: set[str] = set()
        self.begun: list[tuple[float, str]] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while not self._over.wait(0.05):
            with suppress(FileNotFoundError):  # a folder went away while it was listed: look again
                for run in self._tries.glob("*/*"):
                    if str(run) not in self._seen:
                        self._seen.add(str(run))
                        self.begun.append((time.time(), run.parent.name.rpartition("-")[0]))

    def end(self) -> None:
        self._over.set()
        self._thread.join()


def kills(folder: Path, photos: int, count: int) -> dict[str, Any]:
    """Kill at random while photos arrive, then look at every byte."""
    dice, workers = random.Random(1), 4
    killed: Counter[str] = Counter()
    killed_at: dict[str, list[float]] = {}
    with ExitStack() as doors:
        scene = Scene(folder, doors, 0.4, workers)
        runs = Runs(scene.root)
        scene.begin(workers)
        dropped = 0
        while dropped < photos or sum(killed.values()) < count:
            while dropped < photos and dropped - len(scene.reports()) < MOST_OPEN:
                drop(scene, dropped, (6000, 4000) if dropped % 50 == 49 else (640, 480))
                dropped += 1
            time.sleep(dice.uniform(0.5, 4.0))
            done = len(scene.reports())
            if sum(killed.values()) < count and done >= photos * sum(killed.values()) / count * 0.9:
                name = dice.choice([*map(str, range(workers)), *map(str, range(workers)), "scheduler", "daemon"])
                killed["worker" if name.isdigit() else name] += 1
                killed_at.setdefault(f"w{name}", []).append(time.time())
                scene.kill(name)
                time.sleep(dice.uniform(0, 1))
                scene.start(name)
        wait(lambda: len(scene.reports()) >= photos, "all photos")
        time.sleep(3)
        runs.end()
        again = reruns(scene.lines(), killed_at, runs.begun)
        print(f"killed: {dict(killed)}; {len(again)} photos were lost with a worker and began again", flush=True)
        return {**accounted(scene, photos), "kills": sum(killed.values()), "rerun_start_seconds_p95": p95(again)}


def reruns(
    lines: Sequence[dict[str, Any]], killed_at: dict[str, list[float]], begun: Sequence[tuple[float, str]]
) -> list[float]:
    """For each photo that was lost: seconds from the kill to its next run elsewhere, or to its end if that was here."""
    found = []
    for line in lines:
        guilty = (str(line.get("worker")), "wscheduler")
        before = sorted(at for name in guilty for at in killed_at.get(name, ()) if at <= stamp(line))
        if line["action"] == "far_worker_lost" and before:
            later = [at for at, job in begun if job == line["job"] and at > before[-1]]
            ends = [stamp(each) for each in lines if each["action"] == "job_done" and each["job"] == line["job"]]
            if later or ends:
                found.append(min([*later, *ends]) - before[-1])
    return found


def stamp(line: dict[str, Any]) -> float:
    return float(np.datetime64(str(line["ts"]).rstrip("Z"), "ms").astype(np.int64)) / 1000


def p95(values: Sequence[float]) -> float | None:
    return round(float(np.percentile(values, 95)), 2) if values else None


def accounted(scene: Scene, photos: int) -> dict[str, Any]:
    """What became of each photo."""
    names = [f"{number:04}" for number in range(photos)]
    originals = Counter(path.stem for path in (scene.root / "archiv").rglob("*.jpg"))
    results = Counter(path.stem for grade in GRADES for path in (scene.root / grade).glob("*.png"))
    reports = Counter(path.stem for path in scene.reports())
    whole = [name for name in names if originals[name] == results[name] == reports[name] == 1]
    strange = sorted({*originals, *results, *reports} - set(names))
    lost = [name for name in names if not originals[name] or not results[name]]
    doubled = [name for name in names if max(originals[name], results[name], reports[name]) > 1]
    failed = [path.name for path in (scene.root / "failed").glob("*")]
    left = [str(path) for path in (scene.root / ".freisteller").glob("*/*") if path.parent.name != "lease"]
    print(f"whole {len(whole)}, lost {lost}, doubled {doubled}, strange {strange}, failed {failed}, left {left}")
    return {"photos": photos, "accounted": len(whole), "doubled": len(doubled) + len(strange), "lost": len(lost)}


def efficiency(folder: Path) -> float:
    """Photos a second of sixteen workers, against sixteen over the time of an engine, after the first round."""
    workers, seconds, rounds = 16, 20.0, 4
    with ExitStack() as doors:
        scene = Scene(folder, doors, seconds, workers)
        scene.begin(workers)
        for number in range(workers * rounds):
            drop(scene, number)
        wait(lambda: len(scene.reports()) >= workers, "the first round")
        took = wait(lambda: len(scene.reports()) >= workers * rounds, "the other rounds")
        share = (rounds - 1) * seconds / took
        print(f"16 workers: {workers * (rounds - 1)} photos in {took:.1f} s, at best {(rounds - 1) * seconds:.1f} s")
        return round(share, 3)


def overhead(folder: Path, photos: int = 30) -> float:
    """Milliseconds that a photo takes longer on one worker than here, from the work time of each photo."""
    taken = {}
    with ExitStack() as doors:
        for executor in ("local", "dask"):
            scene = Scene(folder / executor, doors, 0.2, 1, executor, at_once=1)
            if executor == "dask":
                scene.begin(1)
            else:
                scene.start("daemon")
            for number in range(photos):
                drop(scene, number)
            wait(lambda here=scene: len(here.reports()) >= photos, "all photos")  # type: ignore[misc]
            ends = sorted(stamp(line) for line in scene.lines() if line["action"] == "job_done")[5:]
            taken[executor] = statistics.median(later - earlier for earlier, later in pairwise(ends))
            scene.end()
    print(f"a photo here {1000 * taken['local']:.0f} ms, on one worker {1000 * taken['dask']:.0f} ms")
    return round(1000 * (taken["dask"] - taken["local"]), 1)


def fallback(folder: Path) -> bool:
    """Whether all photos are done although scheduler and workers go away for good."""
    with ExitStack() as doors:
        scene = Scene(folder, doors, 0.4, 2)
        scene.begin(2)
        for number in range(20):
            drop(scene, number)
        wait(lambda: len(scene.reports()) >= 3, "the first photos")
        for name in ("scheduler", "0", "1"):
            scene.kill(name)
        wait(lambda: len(scene.reports()) >= 20, "the photos, cut out here")
        time.sleep(2)
        found = accounted(scene, 20)
        machines = Counter(json.loads(path.read_text("utf-8")).get("machine", "here") for path in scene.reports())
        print(f"made by: {dict(machines)}")
        return found["accounted"] == 20 and machines["here"] > 0


def cables(folder: Path, photos: int = 120, pulls: int = 8) -> dict[str, Any]:
    """Pull cables at random while photos arrive; what becomes of each photo."""
    dice, workers = random.Random(2), 4
    with ExitStack() as doors:
        scene = Scene(folder, doors, 0.4, workers)
        assert scene.hosts is not None
        scene.begin(workers)
        dropped = pulled = 0
        while dropped < photos or pulled < pulls:
            while dropped < photos and dropped - len(scene.reports()) < MOST_OPEN:
                drop(scene, dropped)
                dropped += 1
            time.sleep(dice.uniform(0.5, 2.0))
            if pulled < pulls and len(scene.reports()) >= photos * pulled / pulls * 0.9:
                name = "scheduler" if pulled % 4 == 3 else str(dice.randrange(workers))
                scene.hosts.pull(name)
                pulled += 1
                time.sleep(dice.uniform(2.0, 40.0))
                scene.hosts.plug(name)
        wait(lambda: len(scene.reports()) >= photos, "all photos")
        time.sleep(3)
        print(
            f"pulled {pulled} cables, {sum(each['action'] == 'far_worker_lost' for each in scene.lines())} photos lost"
        )
        return {**accounted(scene, photos), "pulls": pulled}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=500)
    parser.add_argument("--kills", type=int, default=40)
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--loopback", action="store_true")
    arguments = parser.parse_args()
    wanted = arguments.only.split(",")
    why = "it was asked for" if arguments.loopback else why_not()
    Scene.with_hosts = not why
    print(f"All on loopback: {why}." if why else "Each machine has a network of its own, with TLS between them.")
    figures: dict[str, Any] = dict.fromkeys(
        ("photos", "accounted", "doubled", "lost", "kills", "rerun_start_seconds_p95")
    ) | dict.fromkeys(("efficiency_16_workers", "overhead_ms_per_photo", "fallback_ok"))
    folder = Path(tempfile.mkdtemp(prefix="freisteller-cluster-"))
    try:
        if "kills" in wanted:
            figures |= kills(folder / "kills", arguments.photos, arguments.kills)
        if "efficiency" in wanted:
            figures["efficiency_16_workers"] = efficiency(folder / "efficiency")
        if "overhead" in wanted:
            figures["overhead_ms_per_photo"] = overhead(folder / "overhead")
        if "fallback" in wanted:
            figures["fallback_ok"] = fallback(folder / "fallback")
        if "cables" in wanted and Scene.with_hosts:
            figures["cables"] = cables(folder / "cables")
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
