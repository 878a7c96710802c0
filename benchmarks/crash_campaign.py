"""Whether a kill -9 at any moment loses or doubles a photo: the daemon dies hundreds of times while photos arrive.

Photos of their own content come all the time, by writers of several habits (at once, slowly, size first, temporary
name, some that die half-way), in sub-folders, under names that are used again and again. ComfyUI is its double, a
process of its own that answers at once. Each life of the daemon ends by SIGKILL at a random moment, every second one
amid its start; the last one works everything off. Several photos are in work at once, and two people act all the time
on what is there: they move results between grade folders, put results and originals back into the inbox, copy some, and
retry failed photos. Then every byte is looked at: each photo's original must be there once, in archiv/ with one whole
result and its report, or in failed/ with its note; a copy that people dropped counts as another photo; what people had
in their hands must be there once, and a result that they moved must have the grade of its folder; and nothing else may
be left.
Run: `.venv/bin/python benchmarks/crash_campaign.py [--kills 500] [--seed 1] [--workers 4]`. Last line: one JSON object.
"""

import argparse
import hashlib
import json
import os
import random
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
import pyvips

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))

from benchmarks.doings import Person  # noqa: E402 - neither is an installed package
from tests.drawing import drawn_photo  # noqa: E402

GRADES = ("sehr_gut", "gut", "ungenügend")
FOLDERS = ("", "", "kunde a", "kunde ä/auftrag 1", "kunde b")
NAMES = 12  # so few that equal names happen all the time
MOST_OPEN = 24  # photos on their way, beside those whose writer died; more would only wait
LEFT_TO_PEOPLE = 8  # photos that people may put back beside those
MOST_DEAD = 3  # writers of each camera that die: no life is long enough to give their files up, and they hold names
LONGEST_WORK_SECONDS = 1.5  # after the start; as many kills hit the start itself
LONG_WORK_SECONDS = 9.0  # one life in ten: people's verdicts count after five seconds
LONGEST_END_SECONDS = 300.0


@dataclass
class Camera:
    """Writes photos into the inbox; remembers what each one holds."""

    inbox: Path
    dice: random.Random
    whole: dict[str, str] = field(default_factory=dict)
    """SHA-256 of each photo that is one -> the name it was dropped under."""
    cut_off: dict[str, str] = field(default_factory=dict)
    """The same of files whose writer died half-way: these belong into failed/."""

    def shoot(self, number: int) -> None:
        """Draw photo `number` and write it, as one of many kinds of writers does."""
        suffix = self.dice.choice((".jpg", ".jpg", ".png", ".tif"))
        size = self.dice.randrange(90, 170)
        rgb = np.ascontiguousarray(drawn_photo(size, size * 3 // 4, number))
        content = pyvips.Image.new_from_array(rgb, interpretation="srgb").write_to_buffer(suffix)
        while True:
            folder = self.inbox / self.dice.choice(FOLDERS)
            folder.mkdir(parents=True, exist_ok=True)
            path = folder / f"foto {self.dice.randrange(NAMES)}{suffix}"
            with suppress(FileExistsError):
                self._write(path, content)
                return
            time.sleep(0.01)

    def _write(self, path: Path, content: bytes) -> None:
        deadly = 2 if len(self.cut_off) < MOST_DEAD else 0
        habit = self.dice.choices(("at once", "renamed", "slow", "size first", "dies"), (40, 25, 20, 13, deadly))[0]
        if habit == "renamed":
            scratch = path.with_name(f".{path.name}.{threading.get_ident()}.tmp")
            scratch.write_bytes(content)
            try:
                os.link(scratch, path)
            finally:
                scratch.unlink()
        else:
            if habit == "dies":
                content = content[: len(content) * 2 // 3]
            with path.open("xb") as file:
                if habit == "size first":
                    file.truncate(len(content))
                self._in_pieces(file.fileno(), content, 1 if habit in ("at once", "dies") else 5)
        (self.cut_off if habit == "dies" else self.whole)[hashlib.sha256(content).hexdigest()] = path.name

    def _in_pieces(self, descriptor: int, content: bytes, pieces: int) -> None:
        step = len(content) // pieces + 1
        for start in range(0, len(content), step):
            if start:
                time.sleep(self.dice.uniform(0.02, 0.3))
            os.pwrite(descriptor, content[start : start + step], start)


class Studio:
    """Photographers and people who never stop; each photographer has a camera of its own."""

    def __init__(self, folder: Path, seed: int, photographers: int, people: int) -> None:
        root = self._root = folder / "hot"
        self._stop = threading.Event()
        self.cameras = [Camera(root / "inbox", random.Random(seed * 1000 + each)) for each in range(photographers)]
        self.people = [Person(root, folder / "state", random.Random(seed * 1000 - each)) for each in range(people)]
        self._executor = ThreadPoolExecutor(photographers + people)
        self._at_work: list[Future[None]] = []

    def open(self) -> None:
        """Begin."""
        for each, camera in enumerate(self.cameras):
            self._at_work.append(self._executor.submit(self._work, camera, each * 10**6))
        for person in self.people:
            self._at_work.append(self._executor.submit(self._act, person))

    def close(self) -> None:
        """No new photos; what is being written is written to its end."""
        self._stop.set()
        for work in self._at_work:
            work.result()
        self._executor.shutdown()

    def _work(self, camera: Camera, number: int) -> None:
        while not self._stop.wait(camera.dice.uniform(0.02, 0.25)):
            dead = sum(len(camera.cut_off) for camera in self.cameras)
            if on_their_way(self._root) < MOST_OPEN + dead:
                camera.shoot(number)
                number += 1

    def _act(self, person: Person) -> None:
        while not self._stop.wait(person.dice.uniform(0.02, 0.4)):
            person.act(may_load=on_their_way(self._root) < MOST_OPEN + LEFT_TO_PEOPLE)


@dataclass(frozen=True)
class Found:
    """What is there at the end; each text names one fault."""

    photos_in: int
    archived: int
    failed: int
    doings: Counter[str]
    lost: tuple[str, ...]
    doubled: tuple[str, ...]
    half_written: tuple[str, ...]

    @property
    def accounted(self) -> int:
        """Photos whose original is where it belongs, with what belongs to it."""
        return self.archived + self.failed


def files_below(folder: Path) -> list[Path]:
    """All that is no folder, hidden files included."""
    return sorted(path for path in folder.rglob("*") if not path.is_dir() or path.is_symlink())


def on_their_way(root: Path) -> int:
    """Files in the inbox, and photos in work."""
    try:
        ours = [path for name in ("work", "returns") for path in (root / ".freisteller" / name).glob("*")]
        return len(files_below(root / "inbox")) + len(ours)
    except OSError:  # all of it is in motion
        return MOST_OPEN


def look_at_everything(root: Path, state: Path, studio: Studio) -> Found:
    """Compare what is there, byte for byte, with what was dropped and with what people did."""
    whole = {content: name for camera in studio.cameras for content, name in camera.whole.items()}
    cut_off = {content: name for camera in studio.cameras for content, name in camera.cut_off.items()}
    copied = sum((person.copied for person in studio.people), Counter[str]())
    archive = Counter(sum_of(path) for path in files_below(root / "archiv"))
    failed_files = files_below(root / "failed")
    notes = {path for path in failed_files if path.name.endswith(".txt")}
    failed = Counter(sum_of(path) for path in failed_files if path not in notes)
    results, half = results_by_photo(root)

    lost, doubled = [], []
    archived_well = failed_well = 0
    for content, name in {**whole, **cut_off}.items():
        times, named = 1 + copied[content], f"{name} ({content[:8]})"
        originals, made = archive[content] + failed[content], results[content]
        if originals < times:
            lost.append(f"{named}: {originals} originals instead of {times}")
        elif made < archive[content]:
            lost.append(f"{named}: {made} results of {archive[content]} in archiv/")
        elif originals > times or made > archive[content]:
            doubled.append(f"{named}: {originals} originals instead of {times}, {made} results")
        elif failed[content]:
            failed_well += 1
        else:
            archived_well += 1
    of_people, twice = held_by_people(root, studio.people)
    half += [
        f"{path}: no photo that was dropped"
        for path in strangers(root, {*whole, *cut_off, *jobs_by_content(root)}, notes)
    ]
    half += [f"{path}: no note beside it" for path in failed_files if path not in notes | with_note(failed_files)]
    half += [f"{path}: left behind" for path in left_behind(root, state)]
    half += misfiled(root, state)
    lost, doubled = [*lost, *of_people], [*doubled, *twice]
    doings = sum((person.doings for person in studio.people), Counter[str]())
    return Found(
        len(whole) + len(cut_off), archived_well, failed_well, doings, tuple(lost), tuple(doubled), tuple(half)
    )


def jobs_by_content(root: Path) -> dict[str, str]:
    """SHA-256 of each report and of the picture that it tells of -> their job, for all results, also replaced ones."""
    jobs: dict[str, str] = {}
    for note in (path for top in (*GRADES, "archiv", "failed") for path in files_below(root / top)):
        if note.suffix == ".json":
            with suppress(OSError, ValueError, KeyError, TypeError):
                report = json.loads(note.read_bytes())
                jobs[sum_of(note)] = jobs[report["sha256"][".png"]] = report["job"]
    return jobs


def held_by_people(root: Path, people: list[Person]) -> tuple[list[str], list[str]]:
    """Results that people had in their hands and that are gone; and files that are there under two names."""
    paths: dict[int, list[Path]] = {}
    for top in (*GRADES, "archiv", "failed"):
        for path in files_below(root / top):
            paths.setdefault(path.stat().st_ino, []).append(path)
    held = {inode: content for person in people for inode, content in person.held.items()}
    gone = [
        f"a result that a person moved ({content[:8]}) is nowhere"
        for inode, content in held.items()
        if content not in map(sum_of, paths.get(inode, []))
    ]
    copies = sum((person.copied for person in people), Counter[str]())
    there = Counter(sum_of(path) for group in paths.values() for path in group)
    gone += [f"a file that a person copied ({content[:8]}) is nowhere" for content in copies if not there[content]]
    return gone, [f"one file under two names: {group}" for group in paths.values() if len(group) > 1]


def misfiled(root: Path, state: Path) -> Iterator[str]:
    """Results that the journal has with another grade, or at another place, than the folders show."""
    with closing(sqlite3.connect(f"file:{state / 'journal.sqlite3'}?mode=ro", uri=True)) as journal:
        known = dict(journal.execute("SELECT path, job_id FROM places").fetchall())
        grades = dict(journal.execute("SELECT id, grade FROM jobs WHERE state = 'done'").fetchall())
        said = "SELECT job_id, to_grade FROM verdicts JOIN jobs ON jobs.id = job_id AND jobs.round = verdicts.round"
        grades |= dict(journal.execute(f"{said} ORDER BY verdicts.id").fetchall())
    jobs = jobs_by_content(root)
    for grade in GRADES:
        for path in files_below(root / grade):
            place = str(path.relative_to(root))
            try:
                job_id = jobs.get(sum_of(path))
            except FileNotFoundError:
                yield f"{place} went away just now"
                continue
            if known.get(place) != job_id:
                yield f"{place} of job {job_id}: the journal has it of {known.get(place)}"
            elif grades.get(str(job_id)) != grade:
                yield f"{place}: the journal says {grades.get(str(job_id))}"


def results_by_photo(root: Path) -> tuple[Counter[str], list[str]]:
    """How many whole results there are of each photo, by its content; and what is not whole.

    A person may move a picture to where its report finds its name taken, so the two need not lie side by side.
    """
    made: Counter[str] = Counter()
    half: list[str] = []
    known = jobs_by_content(root)
    files = [(path, known.get(sum_of(path))) for grade in GRADES for path in files_below(root / grade)]
    reports = {job_id: path for path, job_id in files if path.suffix == ".json"}
    pictures = {job_id: path for path, job_id in files if path.suffix != ".json"}
    for (job_id, suffix), count in Counter((job_id, path.suffix) for path, job_id in files).items():
        half += [f"job {job_id} has {count} files {suffix}"] if count > 1 else []
    for job_id, note in reports.items():
        try:
            report = json.loads(note.read_text("utf-8"))
            picture = pictures.pop(job_id)
            if sum_of(picture) != report["sha256"][".png"]:
                raise ValueError("the picture's sum is not that of its report")
            image = pyvips.Image.new_from_file(str(picture), fail_on="truncated")
            if image.avg() < 0 or image.bands != 4:
                raise ValueError("no RGBA picture")
            made[report["photo"]["sha256"]] += 1
        except (OSError, ValueError, KeyError, pyvips.Error) as error:
            half.append(f"{note}: {error!r}")
    return made, half + [f"{path}: a result without its report" for path in pictures.values()]


def strangers(root: Path, known: set[str], notes: set[Path]) -> Iterator[Path]:
    """Originals that hold other bytes than any photo."""
    for path in files_below(root / "archiv") + files_below(root / "failed"):
        if path not in notes and sum_of(path) not in known:
            yield path


def with_note(failed: list[Path]) -> set[Path]:
    """Those of the files in failed/ that have a note beside them."""
    names = set(failed)
    return {path for path in failed if path.with_name(f"{path.name}.txt") in names}


def left_behind(root: Path, state: Path) -> Iterator[str]:
    """Everything that nobody needs any more, and every job that is not over."""
    yield from map(str, files_below(root / "inbox"))
    for name in ("work", "staging", "returns"):
        yield from map(str, (root / ".freisteller" / name).glob("*"))
    yield from map(str, (state / "alphas").glob("*"))
    places = {root / name for name in (*GRADES, "archiv", "failed", "inbox", ".freisteller")}
    yield from (str(path) for path in root.iterdir() if path not in places)
    known = {"root.json", "lock", "lease.json", "work", "staging", "returns"}
    yield from (str(path) for path in (root / ".freisteller").iterdir() if path.name not in known)
    with closing(sqlite3.connect(f"file:{state / 'journal.sqlite3'}?mode=ro", uri=True)) as journal:
        for job_id, name, job_state in journal.execute("SELECT id, name, state FROM jobs"):
            if job_state not in ("done", "failed"):
                yield f"job {job_id} of {name} is {job_state}"


def sum_of(path: Path) -> str:
    """SHA-256 of a file, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


@contextmanager
def comfyui() -> Iterator[str]:
    """The double in a process of its own; its URL."""
    command = [sys.executable, "-m", "tests.engines.comfyui_double", "--seconds", "0.01"]
    with subprocess.Popen(command, cwd=CHECKOUT, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
        process.send_signal(signal.SIGTERM)


class Life:
    """The daemon in a process of its own; killed at the end, if it still lives."""

    def __init__(self, folder: Path, url: str, **changes: str) -> None:
        """changes: settings that are not those of the campaign, e.g. HTTP__BIND."""
        settings = {
            "ROOT": str(folder / "hot"),
            "STATE_DIR": str(folder / "state"),
            "HTTP__BIND": "",
            "LOG__LEVEL": "info",  # the start is told there
            "COMFYUI__SERVERS": json.dumps([{"url": url, "slots": int(changes.get("DISPATCH__WORKERS", 2))}]),
            "ENGINE__PROXY_PIXELS": "256",
            "STRATEGY__MAX_ATTEMPTS": "2",
            "INTAKE__QUIET_SECONDS": "0.1",
            "INTAKE__TIFF_QUIET_SECONDS": "0.1",  # no life is long enough for more
            "INTAKE__SCAN_SECONDS": "0.3",
            "INTAKE__PATIENCE_SECONDS": "2",
            "DISPATCH__POSTPONE_SECONDS": "0.2",
            # The kills are no fault of the photos: by the default, the third in a row would send a photo to failed/.
            "DISPATCH__MAX_TRIES": "1000",
            **changes,
        }
        environment = {name: value for name, value in os.environ.items() if not name.startswith("FREISTELLER")}
        environment |= {f"FREISTELLER__{name}": value for name, value in settings.items()}
        self._said = (folder / "daemon.log").open("a+b")
        self._begin = self._said.seek(0, os.SEEK_END)
        command = [sys.executable, "-m", "daemon", "run"]
        self._process = subprocess.Popen(command, cwd=CHECKOUT, env=environment, stdout=self._said, stderr=self._said)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: object) -> None:
        self._process.kill()
        self._process.wait()
        self._said.close()

    @property
    def pid(self) -> int:
        """The process id."""
        return self._process.pid

    @property
    def over(self) -> bool:
        """Whether it ended."""
        return self._process.poll() is not None

    def started(self) -> float:
        """Wait until it has begun to work; returns how long that took."""
        began = time.monotonic()
        while b'"started"' not in os.pread(self._said.fileno(), 4000, self._begin) and not self.over:
            time.sleep(0.01)
        return time.monotonic() - began

    def ends_by_itself(self, seconds: float) -> bool:
        """Let it live for so long; whether it ended before."""
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(seconds)
            return True
        return False

    def stop(self) -> int:
        """Ctrl-C; returns the exit code."""
        self._process.send_signal(signal.SIGINT)
        return self._process.wait(LONGEST_END_SECONDS)


def campaign(folder: Path, kills: int, seed: int, workers: int) -> tuple[Found, int]:
    """Kill so often, work off what is left, and look; also how often the daemon ended by itself."""
    root, dice = folder / "hot", random.Random(seed)
    by_itself, start = 0, 0.0
    (root / "inbox").mkdir(parents=True)
    studio = Studio(folder, seed, photographers=4, people=2)
    with ExitStack() as stack:
        url = stack.enter_context(comfyui())
        stack.callback(studio.close)
        studio.open()
        began = time.monotonic()
        for number in range(1, kills + 1):
            with Life(folder, url, DISPATCH__WORKERS=str(workers)) as daemon:
                if number % 2:  # at work; the next one while it starts
                    start = daemon.started()
                longest = LONGEST_WORK_SECONDS if number % 2 else 1.2 * start
                seconds = LONG_WORK_SECONDS if number % 10 == 5 else dice.uniform(0, longest)
                by_itself += daemon.ends_by_itself(seconds)
            if number % 50 == 0:
                done = sum(1 for path in files_below(root / "archiv"))
                print(f"  {number} kills, {done} photos in archiv/, {time.monotonic() - began:.0f} s", flush=True)
        studio.close()
        with Life(folder, url, DISPATCH__WORKERS=str(workers)) as daemon:
            work_off(root, folder / "state", daemon)
    return look_at_everything(root, folder / "state", studio), by_itself


def work_off(root: Path, state: Path, daemon: Life) -> None:
    """Wait until nothing is on its way any more and all verdicts are read, and stop the daemon in order."""
    deadline = time.monotonic() + LONGEST_END_SECONDS
    while (on_their_way(root) or any(misfiled(root, state))) and time.monotonic() < deadline and not daemon.over:
        time.sleep(0.5)
    daemon.stop()


def main() -> None:
    """Print the table and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=500)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=4)
    given = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="crash-campaign-"))
    found, by_itself = campaign(folder, given.kills, given.seed, given.workers)
    faults = (*found.lost, *found.doubled, *found.half_written)
    for fault in faults[:40]:
        print(f"  ! {fault}")
    rows = {
        "kills": given.kills,
        "daemon ended by itself": by_itself,
        "photos in": found.photos_in,
        "in archiv/, with one result": found.archived,
        "in failed/, with a note": found.failed,
        **dict(sorted(found.doings.items())),
        "lost": len(found.lost),
        "doubled": len(found.doubled),
        "half written": len(found.half_written),
    }
    for name, value in rows.items():
        print(f"{name:<30}{value:>8}")
    if faults or by_itself:
        print(f"everything is left to look at in {folder}")
    else:
        shutil.rmtree(folder)
    line = {"kills": given.kills, "photos_in": found.photos_in, "accounted": found.accounted}
    line |= {"lost": len(found.lost), "doubled": len(found.doubled), "half_written": len(found.half_written)}
    line["doings"] = found.doings.total()
    print(json.dumps(line))


if __name__ == "__main__":
    main()
