"""Measures how quick a journal of years is: a million photos that are over, and a hundred thousand that wait.

SQL makes the journal, with two realistic attempts for each photo. Each question that the daemon asks during work is put
to this journal and to an empty one, many times; the table shows medians. The start is that of the real program, until
it watches its inbox; the memory is the most that it had (VmHWM).
Run: `.venv/bin/python benchmarks/journal.py [--photos 1000000]`. Last line: one JSON object.
"""

import argparse
import json
import os
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))

from daemon.hotfolder.hot_folder import HotFolder  # noqa: E402 - this checkout's, wherever it is run from
from daemon.jobs import Attempt, Finish, Grade, Measures, Outcome, Recipe, Verdict, View  # noqa: E402
from daemon.journal import Journal  # noqa: E402
from daemon.journal.rows import ATTEMPT  # noqa: E402

NOW = 1_800_000_000.0
WAITING = 100_000
FOLDERS = 200
ROUNDS = 200
LONGEST_START_SECONDS = 120.0


def attempt(number: int) -> Attempt:
    """A realistic one: about 600 bytes of JSON."""
    verdict = Verdict(0.91, Grade.SEHR_GUT, Measures(0.95, 0.88, 0.97, 0.9), ("clean edges", "nothing left over"), ())
    view = View(0.11, 0.08, 0.92, 0.97)
    return Attempt(number, Recipe("RMBG-2.0", 1024), "http://gpu1:8188", 1.3, Finish(guided=True), verdict, view)


def fill(path: Path, photos: int) -> None:
    """Make a journal with so many photos that are done."""
    Journal(path).close()
    bodies = [ATTEMPT.dump_json(attempt(number)).decode() for number in (1, 2)]
    db = sqlite3.connect(path)
    db.execute("PRAGMA synchronous = OFF")
    db.execute(
        f"""
        WITH RECURSIVE n (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n WHERE n < {photos})
        INSERT INTO jobs (id, name, folder, source, state, size_bytes, admitted_at, started_at, finished_at, grade,
            score, best, results, content)
        SELECT printf('20260101-%06d-%08x', n / 1000, n), printf('kunde %d/foto %07d.jpg', n % {FOLDERS}, n),
            printf('kunde %d', n % {FOLDERS}), CAST(printf('inbox/kunde %d/foto %07d.jpg', n % {FOLDERS}, n) AS BLOB),
            'done', 9000000, {NOW} - 1e8 + n * 60, {NOW} - 1e8 + n * 60 + 5, {NOW} - 1e8 + n * 60 + 9, 'sehr_gut',
            0.91, 1,
            printf('["sehr_gut/kunde %d/foto %07d.png", "sehr_gut/kunde %d/foto %07d.json"]', n % {FOLDERS}, n,
            n % {FOLDERS}, n), randomblob(32)
        FROM n
        """
    )
    for number, body in enumerate(bodies, 1):
        db.execute(f"INSERT INTO attempts SELECT id, 0, {number}, ? FROM jobs", (body,))
    db.commit()
    db.close()


def add_waiting(path: Path, waiting: int) -> None:
    """Add so many photos that wait."""
    db = sqlite3.connect(path)
    db.execute("PRAGMA synchronous = OFF")
    db.execute(
        f"""
        WITH RECURSIVE n (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM n WHERE n < {waiting})
        INSERT INTO jobs (id, name, folder, source, state, admitted_at)
        SELECT printf('20270101-%06d-%08x', n / 1000, n), printf('kunde %d/neu %07d.jpg', n % {FOLDERS}, n),
            printf('kunde %d', n % {FOLDERS}), CAST('inbox/x' AS BLOB), 'waiting', {NOW} + n FROM n
        """
    )
    db.commit()
    db.close()


def milliseconds(ask: Callable[[int], object], rounds: int = ROUNDS) -> float:
    """The median time of a question."""
    times = []
    for number in range(rounds):
        began = time.perf_counter()
        ask(number)
        times.append((time.perf_counter() - began) * 1000)
    return statistics.median(times)


def questions(path: Path) -> Mapping[str, float]:
    """The times in milliseconds of what the daemon asks again and again."""
    began = time.perf_counter()
    journal = Journal(path)
    found = {"open the file": (time.perf_counter() - began) * 1000}
    for number in range(ROUNDS):
        journal.admit(f"new-{number}", f"kunde 1/new {number}.jpg", Path("inbox/x"), 1, NOW + 1e7 + number)
    outcome = Outcome((attempt(1),), attempt(1))
    taken: list[str] = []

    def take(_: int) -> None:
        job = journal.take(NOW + 2e7)
        assert job is not None
        taken.append(job.id)

    def work(number: int) -> None:
        job = journal.row(taken[number]).job
        journal.record_content(job.id, os.urandom(32), leave_out=True)
        journal.record_attempts(job, [attempt(1)])
        journal.decide(job.id, outcome)
        journal.complete(job.id, [f"sehr_gut/{job.id}.png", f"sehr_gut/{job.id}.json"], NOW + 3e7)

    found |= {
        "counts (each second)": milliseconds(lambda _: journal.counts()),
        "take the next photo": milliseconds(take),
        "record, decide, complete": milliseconds(work),
        "latest ten": milliseconds(lambda _: journal.latest(10)),
        "whose result is it": milliseconds(lambda n: journal.jobs_at([f"sehr_gut/kunde 7/foto {n * 200 + 7:07}.png"])),
        "prune five hundred": milliseconds(lambda _: journal.prune(NOW, 500), 5),
    }
    journal.close()
    return found


def start(home: Path) -> tuple[float, float, float]:
    """Start the real program: seconds until it watches its inbox, processor seconds of that, its peak memory in MB."""
    root_id = HotFolder(home / "hot").prepare()
    db = sqlite3.connect(journal_of(home))
    db.execute("INSERT OR REPLACE INTO facts VALUES ('root', ?)", (root_id,))
    db.commit()
    db.close()
    settings = {"ROOT": str(home / "hot"), "STATE_DIR": str(home / "state"), "HTTP__BIND": ""}
    environment = {**os.environ, **{f"FREISTELLER__{name}": value for name, value in settings.items()}}
    log = home / "log"
    began = time.monotonic()
    with (
        log.open("wb") as file,
        subprocess.Popen(
            [sys.executable, "-m", "daemon", "run"], cwd=CHECKOUT, env=environment, stdout=file, stderr=file
        ) as process,
    ):
        while b'"watching"' not in log.read_bytes() and time.monotonic() < began + LONGEST_START_SECONDS:
            time.sleep(0.005)
        seconds = time.monotonic() - began
        ticks = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[11:13]  # user, system
        processor_seconds = sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")
        time.sleep(3)  # a few rounds of housekeeping
        status = Path(f"/proc/{process.pid}/status").read_text()
        process.terminate()
    peak = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmHWM"))
    return seconds, processor_seconds, peak / 1000


def journal_of(home: Path) -> Path:
    """Where the journal of one of the two state directories lies."""
    return home / "state" / "journal.sqlite3"


def main() -> None:
    """Print the table and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--photos", type=int, default=1_000_000)
    photos = parser.parse_args().photos
    starts, asked = {}, {}
    with tempfile.TemporaryDirectory(prefix="journal-", dir="/var/tmp") as scratch:  # /tmp may be in memory
        for name, count, waiting in (("empty", 1, ROUNDS), ("full", photos, WAITING)):
            home = Path(scratch) / name
            began = time.monotonic()
            fill(journal_of(home), count)
            size_mb = journal_of(home).stat().st_size / 1e6
            print(f"{name}: {count} photos, {size_mb:.1f} MB, made in {time.monotonic() - began:.0f} s", flush=True)
            starts[name] = sorted(start(home) for _ in range(3))[1]
            add_waiting(journal_of(home), waiting)
            asked[name] = questions(journal_of(home))
    print(f"\n{'':<28}{'empty':>12}{'full':>12}")
    print(f"{'start of the program, s':<28}{starts['empty'][0]:>12.2f}{starts['full'][0]:>12.2f}")
    print(f"{'processor time of that, s':<28}{starts['empty'][1]:>12.2f}{starts['full'][1]:>12.2f}")
    print(f"{'its memory at most, MB':<28}{starts['empty'][2]:>12.0f}{starts['full'][2]:>12.0f}")
    for question in asked["full"]:
        print(f"{question + ', ms':<28}{asked['empty'][question]:>12.3f}{asked['full'][question]:>12.3f}")
    line = {
        "photos": photos,
        "waiting": WAITING,
        "size_mb": round(size_mb),
        "start_seconds": round(starts["full"][0], 3),
        "start_seconds_more_than_empty": round(starts["full"][0] - starts["empty"][0], 3),
        "start_processor_seconds": round(starts["full"][1], 3),
        "memory_mb": round(starts["full"][2]),
        "memory_mb_more_than_empty": round(starts["full"][2] - starts["empty"][2], 1),
        "counts_ms": round(asked["full"]["counts (each second)"], 3),
        "take_ms": round(asked["full"]["take the next photo"], 3),
        "prune_ms": round(asked["full"]["prune five hundred"], 3),
    }
    print(json.dumps(line))


if __name__ == "__main__":
    main()
