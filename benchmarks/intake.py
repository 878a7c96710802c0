"""Measures what a full hot folder costs: one look at 100,000 waiting files, and a daemon that has nothing to do.

Each look and each daemon is a process of its own. A look is `Watcher.scan` over files in sub-folders, none of them due:
its time, its processor time, and the memory it adds. Idle is `freisteller run` with default settings and no work for
the engine: its processor time over --seconds, with an empty inbox, with so many results in the grade folders, and with
so many files waiting in an inbox with events and in a mounted one (bindfs, if it is installed), where only the timer
finds files; all side by side. At the end, another program drops a photo into the mounted inbox, and the seconds are
counted until it is taken; they include remote_quiet_seconds.
Run: `.venv/bin/python benchmarks/intake.py [--files 100000] [--seconds 600]`.
Last line: one JSON object.
"""

import argparse
import json
import os
import resource
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))

SUB_FOLDERS = 100
LOOKS = 5
SETTLING_SECONDS = 90.0  # by then the libraries are loaded, and everything was read once
GRADES = ("sehr_gut", "gut", "ungenügend")


def fill(top: Path, files: int, suffix: str = ".jpg", content: bytes = b"") -> list[str]:
    """Make so many files in SUB_FOLDERS folders. Returns their places below `top`."""
    places = []
    for number in range(files):
        folder = f"customer {number % SUB_FOLDERS:03}"
        if number < SUB_FOLDERS:
            (top / folder).mkdir(parents=True)
        place = f"{folder}/photo {number:07}{suffix}"
        (top / place).write_bytes(content)
        places.append(place)
    return places


def look(root: Path) -> dict[str, float]:
    """Prepare the hot folder and look at it several times. Runs in a process of its own."""
    from daemon.hotfolder.hot_folder import HotFolder
    from daemon.intake.watcher import Watcher
    from daemon.settings import IntakeSettings
    from daemon.work.open_file import prove_open_file

    folders = HotFolder(root)
    folders.prepare()
    watcher = Watcher(folders, IntakeSettings(patience_seconds=86_400), prove_open_file, time.monotonic)
    before = peak_bytes()
    walls, processors = [], []
    for _ in range(LOOKS):
        wall, processor = time.perf_counter(), time.process_time()
        scan = watcher.scan()
        walls.append(time.perf_counter() - wall)
        processors.append(time.process_time() - processor)
    watcher.close()
    return {
        "waiting": scan.incomplete,
        "seconds": statistics.median(walls),
        "processor_seconds": statistics.median(processors),
        "first_seconds": walls[0],
        "added_mb": (peak_bytes() - before) / 1e6,
    }


def peak_bytes() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def in_a_process(root: Path) -> dict[str, float]:
    done = subprocess.run([sys.executable, __file__, "--look", str(root)], check=True, capture_output=True, text=True)
    measured: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return measured


class Idle:
    """A daemon that has nothing to do."""

    def __init__(self, folder: Path, root: Path) -> None:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("FREISTELLER")},
            "FREISTELLER__ROOT": str(root),
            "FREISTELLER__STATE_DIR": str(folder / "state"),
            "FREISTELLER__HTTP__BIND": "",
            "FREISTELLER__INTAKE__PATIENCE_SECONDS": "86400",
            "FREISTELLER__INTAKE__REMOTE_PATIENCE_SECONDS": "86400",
        }
        self.log = folder / "daemon.log"
        with self.log.open("wb") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "daemon", "run"], cwd=CHECKOUT, env=environment, stdout=out, stderr=out
            )

    def processor_seconds(self) -> float:
        if self.process.poll() is not None:
            raise SystemExit(f"a daemon ended: {self.log.read_text('utf-8', 'replace')[-2000:]}")
        return processor_seconds(self.process.pid)

    def resident_mb(self) -> float:
        pages = int(Path(f"/proc/{self.process.pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGESIZE") / 1e6

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(60)


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def nothing(_: Path, __: Path, ___: int) -> None:
    """Leave the hot folder empty."""


def results(folder: Path, root: Path, files: int) -> None:
    """Make results in the grade folders that the journal records."""
    from daemon.journal import Journal

    known = []
    for grade in GRADES:
        known += [f"{grade}/{place}" for place in fill(root / grade, files // len(GRADES), ".png", b"\x89PNG")]
    Journal(folder / "state" / "journal.sqlite3").close()
    database = sqlite3.connect(folder / "state" / "journal.sqlite3")
    with database:
        database.executemany(
            "INSERT INTO jobs (id, name, source, state, admitted_at, finished_at, grade, results) "
            "VALUES (?, ?, x'00', 'done', 1.0, 2.0, ?, ?)",
            [(f"job-{number}", place, place.split("/")[0], json.dumps([place])) for number, place in enumerate(known)],
        )
    database.close()


def waiting(_: Path, root: Path, files: int) -> None:
    """Make empty files in the inbox, which might become photos."""
    fill(root / "inbox", files)


@contextmanager
def mounted(folder: Path) -> Iterator[Path]:
    """A hot folder on a FUSE mount, where files cause no events."""
    back, mount = folder / "back", folder / "hot"
    back.mkdir()
    mount.mkdir()
    subprocess.run(["bindfs", str(back), str(mount)], check=True)
    try:
        yield mount
    finally:
        subprocess.run(["umount", "--lazy", str(mount)], check=False)


@contextmanager
def local(folder: Path) -> Iterator[Path]:
    """A hot folder on a local disk."""
    yield folder / "hot"


def until_taken(back: Path) -> float:
    """Seconds until a photo that another program puts into a share has left its inbox."""
    from tests.drawing import save_photo

    outside = save_photo(back / "outside.jpg")
    began = time.monotonic()
    photo = outside.rename(back / "inbox" / "customer 007" / "new.jpg")
    while photo.exists():
        time.sleep(0.1)
    return time.monotonic() - began


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--look", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.look:
        print(json.dumps(look(options.look)))
        return
    figures: dict[str, object] = {"files": options.files}
    with tempfile.TemporaryDirectory() as scratch:
        fill(Path(scratch) / "hot" / "inbox", options.files)
        seen = in_a_process(Path(scratch) / "hot")
    print(f"One look at {options.files} waiting files (median of {LOOKS}):")
    for name, value in seen.items():
        print(f"  {name:20} {value:10.3f}")
    figures["look"] = {name: round(value, 3) for name, value in seen.items()}

    cases = [("empty", nothing, local), ("results", results, local), ("waiting", waiting, local)]
    if shutil.which("bindfs") and not os.geteuid():
        cases.append(("waiting_mounted", waiting, mounted))
    with ExitStack() as doors:
        daemons, roots = {}, {}
        for name, prepare, placed in cases:  # they run side by side, because none of them does much
            folder = Path(doors.enter_context(tempfile.TemporaryDirectory()))
            root = doors.enter_context(placed(folder))
            roots[name] = root
            prepare(folder, root, options.files)
            daemons[name] = Idle(folder, root)
            doors.callback(daemons[name].close)
        time.sleep(SETTLING_SECONDS)
        before, began = {name: daemon.processor_seconds() for name, daemon in daemons.items()}, time.monotonic()
        time.sleep(options.seconds)
        passed = time.monotonic() - began
        print(f"Idle for {passed:.0f} s:   share of a processor   resident MB")
        for name, daemon in daemons.items():
            share = (daemon.processor_seconds() - before[name]) / passed
            print(f"  {name:20} {share:10.4f} {daemon.resident_mb():12.0f}")
            figures[f"idle_{name}"] = {
                "processor_share": round(share, 4),
                "resident_mb": round(daemon.resident_mb()),
            }
        if "waiting_mounted" in daemons:
            figures["new_photo_mounted_seconds"] = seconds = round(
                until_taken(roots["waiting_mounted"].parent / "back"), 1
            )
            print(f"A new photo among {options.files} files on the mounted share is taken after {seconds} s")
    print(json.dumps(figures))


if __name__ == "__main__":
    main()
