"""Measures what a photo costs the parts of a cluster; `scaling_model.py` prints it, and computes with it.

A scheduler, a worker and a daemon are real processes on loopback, the engine is a double of ComfyUI that answers at
once. Daemon and worker have the hot folder on a mount of their own (bindfs, for root where it is installed), as they
would have a share: what these mounts carried would go over a network. It is counted twice: on mounts that keep in
memory what was read or written, as NFS does and SMB may, and on mounts that keep nothing.
Processor time is that of processes with all their children, less what they use while nothing is to do. Of what waits
for a disk, the best of several rounds counts, since others may use the same disk.
"""

import itertools
import json
import multiprocessing
import os
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

from benchmarks import counted_syncs, intake, occupancy, stages
from benchmarks.journal import attempt
from benchmarks.scaling_model import Daemon, Photo
from daemon.cluster.dask_link import DaskLink, serve
from daemon.hotfolder.hot_folder import HotFolder
from daemon.intake.background_decoding import MOST_AT_ONCE as MOST_PROOFS
from daemon.jobs import Outcome
from daemon.journal import Journal
from daemon.journal.rows import ResultFile
from daemon.people.known_results import KnownResults
from daemon.people.stray_results import StrayResults
from daemon.pictures.file_structure import follow_to_end
from daemon.publishing.staging import content_of
from daemon.service.far_work import MOST_AT_ONCE as MOST_IN_WORK
from daemon.service.lifecycle import Daemon as WholeDaemon
from daemon.settings import load
from daemon.work.open_file import WorkInThisProcess, prove_open_file
from tests.doubles import ScriptedEngine
from tests.drawing import drawn_photo, save_photo

CHECKOUT = Path(__file__).resolve().parent.parent
DISK = Path("/var/tmp")  # /tmp may be in memory
LONGEST_SECONDS = 300.0
IDLE_SECONDS = 6.0
GRAIN = 5.0  # so that a JPEG of 24 megapixels has 8 MB, as those of cameras have
HASHED_RESULTS = 2  # times that the daemon reads a result: when it takes it over, and for the report
ROUNDS = 4
ERRAND_BYTES, ANSWER_BYTES = 10_000, 100_000
SETTINGS = """
root = "{root}"
state_dir = "{state}"
[comfyui]
servers = [{{ url = "{url}" }}]
[judgement]
witness = "off"
[grading]
rim_gut = 0
rim_sehr_gut = 0
[strategy]
max_attempts = 1
[intake]
quiet_seconds = 0.3
tiff_quiet_seconds = 0.5
remote_quiet_seconds = 0.5
scan_seconds = 1.0
[dispatch]
executor = "dask"
workers = 1
[cluster]
scheduler = "tcp://127.0.0.1:{port}"
[http]
bind = ""
[log]
format = "json"
"""


@dataclass(frozen=True, slots=True)
class Case:
    """A kind of photos, and how many are measured. also_forgetful: whether bytes are counted without any cache, too."""

    kind: str
    width: int
    height: int
    photos: int
    suffix: str = ".jpg"
    also_forgetful: bool = True


CASES = (
    Case("2 MP", 1632, 1224, 20),
    Case("24 MP", 6000, 4000, 8),
    Case("100 MP", 11552, 8664, 1, ".tif", also_forgetful=False),
)


def measured(*, quick: bool) -> tuple[list[Photo], Daemon, dict[str, Any]]:
    """Measure everything, and print what no table of the model has. quick: less of it, and no scans."""
    photos, lock_seconds = [], 0.0
    with tempfile.TemporaryDirectory(prefix="scaling-", dir=DISK) as folder:
        tables: dict[str, Any] = {"journal": journal_table(Path(folder), quick)}
        tables["commits"], tables["fsyncs"] = waits_of_a_photo(Path(folder) / "waits")
        print(f"{tables['commits']} commits and {tables['fsyncs']} other fsyncs for each photo", flush=True)
        tables["folders"] = folders_table(Path(folder), (100, 1000) if quick else (100, 1000, 10_000))
        taking = taking_in(Path(folder) / "taking", 10)
        errand, round_trip = errands(100 if quick else 500)
        tables["errand_round_trip_ms"] = round(1000 * round_trip, 1)
        print(f"An errand through Dask and back, one at a time: {1000 * round_trip:.1f} ms", flush=True)
        for case in CASES[: 2 if quick else None]:
            photo, seconds = of_photos(Path(folder) / case.kind.partition(" ")[0], case, quick)
            photos.append(photo)
            lock_seconds = lock_seconds or seconds  # that of the smallest, in which reading and hashing take least
    journal = min(row["seconds_a_photo"] for row in tables["journal"])
    lock, journal, taking, errand = (round(seconds, 6) for seconds in (lock_seconds, journal, taking, errand))
    return photos, Daemon(lock, journal, taking, errand, MOST_IN_WORK, MOST_PROOFS), tables


# --- the journal


def journal_table(folder: Path, quick: bool) -> list[dict[str, Any]]:
    """Print and return how long all that the journal writes for a photo takes, by the number of threads."""
    rows = []
    print(f"{'journal, threads':<18}{'photos/s':>10}{'ms a photo':>12}")
    for threads in (1, 8, 64):
        rounds = (journal_seconds(folder / f"journal-{threads}-{again}", 100, threads) for again in range(ROUNDS))
        seconds = min(itertools.islice(rounds, 1 if quick else ROUNDS))
        print(f"{threads:<18}{1 / seconds:>10.0f}{1000 * seconds:>12.2f}", flush=True)
        rows.append({"threads": threads, "seconds_a_photo": round(seconds, 6)})
    return rows


def journal_seconds(folder: Path, photos: int, threads: int) -> float:
    """Seconds for each photo, of all threads together, if each writes what becomes of one photo after the other."""
    journal, numbers = Journal(folder / "journal.sqlite3"), itertools.count()

    def way_of_one(_: int) -> None:
        number = next(numbers)
        journal.facts.prove_room()
        journal.admit(f"job-{number}", f"order/{number}.jpg", Path("inbox/x"), 1, 1.0)
        job = journal.take(2.0)
        assert job is not None
        journal.record_content(job.id, os.urandom(32), leave_out=False)
        journal.decide(job.id, Outcome((attempt(1),), attempt(1)))
        places = [f"sehr_gut/order/{job.id}.png", f"sehr_gut/order/{job.id}.json"]
        journal.record_places(job.id, places, None, [ResultFile(os.urandom(32), number, 1, 1) for _ in places])
        journal.complete(job.id, places, 3.0)

    with closing(journal), ThreadPoolExecutor(threads) as executor:
        began = time.perf_counter()
        list(executor.map(way_of_one, range(photos)))
        return (time.perf_counter() - began) / photos


def waits_of_a_photo(folder: Path) -> tuple[int, int]:
    """How many commits, and how many other fsyncs, the daemon really makes for a photo."""
    folder.mkdir()
    last = counted_syncs.of_photos(folder, 2, "double", {"http": {"bind": ""}})[-1]
    return last.commits, last.fsyncs


# --- folders


def folders_table(folder: Path, sizes: Sequence[int]) -> list[dict[str, Any]]:
    """Print and return how long a look at the inbox, and one at the grade folders, takes, by the files in it."""
    rows = []
    print(f"{'files':<10}{'inbox, ms':>12}{'a file, µs':>12}{'grade folders, ms':>20}{'a file, µs':>12}")
    for files in sizes:
        home = folder / f"files-{files}"
        intake.fill(home / "inbox" / "hot" / "inbox", files)
        inbox = intake.in_a_process(home / "inbox" / "hot")["seconds"]
        grades = grades_seconds(home / "grades", files)
        cells = f"{1000 * inbox:>12.1f}{1e6 * inbox / files:>12.1f}{1000 * grades:>20.1f}{1e6 * grades / files:>12.1f}"
        print(f"{files:<10}{cells}", flush=True)
        rows.append({"files": files, "inbox_seconds": round(inbox, 5), "grades_seconds": round(grades, 5)})
        shutil.rmtree(home)
    return rows


def grades_seconds(home: Path, files: int) -> float:
    """Seconds of a later look through results that lie where the journal knows them."""
    folders = HotFolder(home / "hot")
    folders.prepare()
    intake.results(home, home / "hot", files)
    with closing(Journal(home / "state" / "journal.sqlite3")) as journal:
        known = KnownResults(folders, journal, time.time)
        looks = StrayResults(folders, known.owner_in_grades, time.monotonic)
        looks.look(known.placed, 0.0)
        began = time.perf_counter()
        looks.look(known.placed, 0.0)
        return time.perf_counter() - began


def taking_in(folder: Path, photos: int) -> float:
    """Seconds for which the one thread that takes photos in is busy with each, proofs left out."""
    settings = load(
        flags={
            "root": str(folder / "hot"),
            "state_dir": str(folder / "state"),
            "intake": {"quiet_seconds": 0},
            "http": {"bind": ""},
        }
    )
    with mock.patch("daemon.service.tools.Processes", return_value=WorkInThisProcess()):
        daemon = WholeDaemon(settings, engine=ScriptedEngine())
    try:
        daemon.recover()
        content = save_photo(folder / "one.jpg", drawn_photo(96, 64)).read_bytes()
        best = min(taking_of_one(daemon, photos, number, content) for number in range(5 * ROUNDS))
    finally:
        daemon.close()
    print(f"Taking in: {1000 * best:.1f} ms a photo", flush=True)
    return best


def taking_of_one(daemon: WholeDaemon, photos: int, round_number: int, content: bytes) -> float:
    """Fill the inbox, and have all of it taken in. Returns the seconds for each."""
    parts, busy, taken = daemon.parts, 0.0, 0
    for number in range(photos):
        (parts.folders.inbox / f"{round_number}-{number}.jpg").write_bytes(content)
    until = time.monotonic() + LONGEST_SECONDS
    while taken < photos and time.monotonic() < until:
        scan = parts.watcher.scan(urgent=True)
        began = time.perf_counter()
        parts.arrivals.take(scan, urgent=True)
        busy, taken = busy + time.perf_counter() - began, taken + len(scan.ready)
    if taken < photos:
        raise SystemExit(f"{taken} photos of {photos} were taken in")
    return busy / photos


# --- the scheduler


def errands(count: int) -> tuple[float, float]:
    """Seconds for each of many errands at once, and those from sending a lone one to its answer (median)."""
    with ExitStack() as doors:
        port = free_port()
        doors.enter_context(scheduler(port))
        address = f"tcp://127.0.0.1:{port}"
        worker = multiprocessing.get_context("spawn").Process(target=be_worker, args=(address,), daemon=True)
        worker.start()
        doors.callback(worker.kill)
        link = linked(address)
        doors.callback(link.close)
        wait(lambda: bool(link.workers()), "a worker")
        place, alone = link.workers()[0].address, []
        for number in range(20):
            began = time.perf_counter()
            send_all(link, place, number, 1)
            alone.append(time.perf_counter() - began)
        many = []
        for again in range(1, ROUNDS + 1):
            began = time.perf_counter()
            send_all(link, place, 1000 * again, count)
            many.append((time.perf_counter() - began) / count)
        return min(many), statistics.median(alone)


def send_all(link: DaskLink, place: str, first_number: int, count: int) -> None:
    """Send errands, 64 at once, until all have come back."""
    room, back = threading.BoundedSemaphore(64), threading.Semaphore(0)

    def ended(answer: bytes | None, why: str) -> None:
        if answer is None:
            print(f"an errand was lost: {why}", file=sys.stderr)
        room.release()
        back.release()

    for number in range(first_number, first_number + count):
        room.acquire()
        link.send(place, f"job-{number}", bytes(ERRAND_BYTES), ended)
    for _ in range(count):
        if not back.acquire(timeout=LONGEST_SECONDS):
            raise SystemExit("errands did not come back")


def trivial(_: bytes) -> bytes:
    """What the worker does with such an errand."""
    return bytes(ANSWER_BYTES)


def be_worker(address: str) -> None:
    """Be a worker of this scheduler until somebody kills the process."""
    import asyncio

    told = {"version": ""}
    asyncio.run(serve(address, None, "trivial", 8, told=lambda: told, stop=threading.Event(), on_change=lambda _: None))


def linked(address: str) -> DaskLink:
    until = time.monotonic() + 30
    while True:
        try:
            return DaskLink(address, None, trivial)
        except Exception:
            if time.monotonic() > until:
                raise


@contextmanager
def scheduler(port: int) -> Iterator[int]:
    """Dask's scheduler as a process; gives its id."""
    where = ("--host", "127.0.0.1", "--port", str(port), "--no-dashboard", "--dashboard-address", "127.0.0.1:0")
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", *where]
    with ended_process(command, subprocess.DEVNULL) as pid:
        yield pid


@contextmanager
def ended_process(command: Sequence[str], out: Any) -> Iterator[int]:
    """A process that is asked to end with the block; gives its id."""
    process = subprocess.Popen(command, cwd=CHECKOUT, stdout=out, stderr=out, start_new_session=True)
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(20)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def free_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        return int(free.getsockname()[1])


def wait(so: Callable[[], bool], what: str) -> None:
    until = time.monotonic() + LONGEST_SECONDS
    while not so():
        if time.monotonic() > until:
            raise SystemExit(f"waited in vain for {what}")
        time.sleep(0.05)


# --- photos on a worker


class Mount:
    """The hot folder as one machine has it mounted, and what that carried; without bindfs, the folder itself."""

    def __init__(self, back: Path, place: Path, stack: ExitStack, *, keeps: bool) -> None:
        self._pid = 0
        self.place = back
        if shutil.which("bindfs") and not os.geteuid():
            place.mkdir()
            command = ["bindfs", "-f", *(("-o", "kernel_cache") if keeps else ()), str(back), str(place)]
            self._pid = stack.enter_context(ended_process(command, subprocess.DEVNULL))
            stack.callback(subprocess.run, ["umount", "--lazy", str(place)], check=False)
            wait(lambda: os.path.ismount(place), "a mount")
            self.place = place

    def carried(self) -> tuple[float, float] | None:
        """Bytes read and written so far; None if nobody counts them."""
        if not self._pid:
            return None
        lines = Path(f"/proc/{self._pid}/io").read_text().splitlines()
        counted = {name: int(value) for name, _, value in (line.partition(": ") for line in lines)}
        written = counted["write_bytes"]  # into the folder behind; what it answers the kernel is in wchar besides
        return counted["wchar"] - written, written


@dataclass(frozen=True, slots=True)
class Used:
    """What was used so far, in processor seconds. daemon_alone: of its own process."""

    at: float
    daemon_alone: float
    daemon: float
    worker: float
    carried: tuple[tuple[float, float] | None, ...]
    """Bytes read and written by the mounts of daemon and worker."""


@dataclass(frozen=True, slots=True)
class Machines:
    """The processes of one measurement, by their ids, and their mounts."""

    scheduler: int
    worker: int
    daemon: int
    mounts: tuple[Mount, Mount]

    def used(self) -> Used:
        return Used(
            time.monotonic(),
            occupancy.cpu_seconds(self.daemon),
            stages.cpu_seconds(self.daemon),
            stages.cpu_seconds(self.worker),
            tuple(mount.carried() for mount in self.mounts),
        )


def of_photos(folder: Path, case: Case, quick: bool) -> tuple[Photo, float]:
    """What one photo of a kind costs, and the seconds for which it holds the daemon's interpreter."""
    folder.mkdir(parents=True)
    photo = stages.drawn(folder / f"photo{case.suffix}", case.width, case.height, GRAIN)
    forgetful = run(folder / "forgetful", photo, 1, keeps=False).megabytes() if case.also_forgetful else [None] * 4
    kept = run(folder / "kept", photo, 3 if quick else case.photos, keeps=True)
    hashing = hash_seconds(photo) + HASHED_RESULTS * hash_seconds(kept.result)  # other threads go on meanwhile
    found = costs(case.kind, photo, kept, forgetful)
    shutil.rmtree(folder)
    return found, max(kept.seconds("daemon_alone") - hashing, 1e-4)


@dataclass(frozen=True, slots=True)
class Run:
    """What photos took. used: when idle time began, when it was over, and when all photos were done."""

    photos: int
    result: Path
    used: tuple[Used, Used, Used]

    def seconds(self, name: str) -> float:
        """Processor seconds of one photo, without those of idle time."""
        idle_from, began, ended = self.used
        idle = (getattr(began, name) - getattr(idle_from, name)) / (began.at - idle_from.at)
        spent = getattr(ended, name) - getattr(began, name) - idle * (ended.at - began.at)
        return float(max(spent / self.photos, 1e-4))

    def megabytes(self) -> Sequence[float | None]:
        """What a photo carried: read and written by the daemon, read and written by the worker."""
        _, began, ended = self.used
        found: list[float | None] = []
        for before, after in zip(began.carried, ended.carried, strict=True):
            if before is None or after is None:
                return [None] * 4
            found += [round((late - early) / self.photos / 1e6, 2) for early, late in zip(before, after, strict=True)]
        return found


def run(folder: Path, photo: Path, count: int, *, keeps: bool) -> Run:
    """Let a daemon and a worker do a small photo, and then so many that are measured. keeps: whether mounts do."""
    back = folder / "back"
    (back / "inbox").mkdir(parents=True)
    first = stages.drawn(folder / "first.jpg", CASES[0].width, CASES[0].height)
    with ExitStack() as doors:
        machines = start(folder, back, doors, keeps=keeps)
        stages.drop(first, back / "inbox", 1)
        stages.wait_for(back, 1, machines.daemon)
        idle_from = machines.used()
        time.sleep(IDLE_SECONDS if keeps else 1.0)
        began = machines.used()
        stages.drop(photo, back / "inbox", count)
        stages.wait_for(back, 1 + count, machines.daemon)
        ended = machines.used()
    reports = [path for grade in stages.GRADES for path in (back / grade).glob("*.json")]
    if {json.loads(path.read_text("utf-8")).get("machine") for path in reports} != {"w1"}:
        raise SystemExit("not all photos were made by the worker")
    result = max((path.with_suffix(".png") for path in reports), key=lambda path: path.stat().st_size)
    return Run(count, result, (idle_from, began, ended))


def start(folder: Path, back: Path, doors: ExitStack, *, keeps: bool) -> Machines:
    """Start everything, and wait until the worker has joined."""
    url, port = doors.enter_context(occupancy.server(0.0)).url, free_port()
    mounts = tuple(Mount(back, folder / name, doors, keeps=keeps) for name in ("daemon", "worker"))
    pids = [doors.enter_context(scheduler(port))]
    for name, mount in zip(("worker", "daemon"), reversed(mounts), strict=True):
        settings = folder / f"{name}.toml"
        settings.write_text(SETTINGS.format(root=mount.place, state=folder / f"state-{name}", url=url, port=port))
        what = ("worker", "--name", "w1", "--threads", "1") if name == "worker" else ("run",)
        log = folder / f"{name}.log"
        out = doors.enter_context(log.open("ab"))
        command = [sys.executable, "-m", "daemon", *what, "--config", str(settings)]
        pids.append(doors.enter_context(ended_process(command, out)))
        sign = "Joined" if name == "worker" else '"workers": ["w1"]'
        wait(lambda log=log, sign=sign: sign in log.read_text("utf-8", "replace"), name)  # type: ignore[misc]
    return Machines(pids[0], pids[1], pids[2], (mounts[0], mounts[1]))


def costs(kind: str, photo: Path, kept: Run, forgetful: Sequence[float | None]) -> Photo:
    """The figures of one photo, from a run with mounts that keep files, and the megabytes of one with others."""
    daemon_read, daemon_written, worker_read, worker_written = kept.megabytes()
    structure, proof = proof_seconds(photo)
    return Photo(
        kind,
        round(photo.stat().st_size / 1e6, 2),
        round(kept.result.stat().st_size / 1e6, 2),
        daemon_read,
        daemon_written,
        worker_read,
        worker_written,
        forgetful_daemon_mb=forgetful[0],
        forgetful_worker_mb=forgetful[2],
        daemon_cpu_seconds=round(kept.seconds("daemon"), 5),
        worker_cpu_seconds=round(kept.seconds("worker"), 5),
        structure_seconds=round(structure, 5),
        proof_seconds=round(proof, 5),
    )


def hash_seconds(path: Path) -> float:
    """Processor time to read a file for its SHA-256."""
    began = time.thread_time()
    content_of(path)
    return time.thread_time() - began


def proof_seconds(path: Path) -> tuple[float, float]:
    """Processor seconds to follow a file's structure, and to decode it to its end, as is done in the inbox."""
    times = []
    for _ in range(3):
        with path.open("rb") as file:
            began = time.process_time()
            follow_to_end(file.fileno())
            followed = time.process_time()
            prove_open_file(file.fileno(), path.name, 1000.0)
            times.append((followed - began, time.process_time() - followed))
    return min(structure for structure, _ in times), min(proof for _, proof in times)
