"""Drops small photos all the time, moves some results as people do, and knows by its bytes what became of each file."""

import hashlib
import json
import os
import random
import shutil
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

import numpy as np
import pyvips

from benchmarks.crash_campaign import GRADES, files_below, sum_of
from tests.drawing import drawn_photo

FOLDERS = ("", "kunde a", "kunde ä/auftrag 1", "kunde b")
ORDERS = {
    "kunde a": "[strategy]\nmax_attempts = 2\n",
    "kunde ä/auftrag 1": "[grading]\nsehr_gut = 0.97\n",
}
SUFFIXES = (".jpg", ".jpg", ".png", ".tif")
PERIOD_SECONDS = 0.5  # between two photos
MOST_OPEN = 40  # photos on their way; more would only wait, and hide how the next thing is borne
PEOPLE_SECONDS = 3.0  # between two doings of people
LOOK_SECONDS = 0.1


@dataclass
class Shot:
    """One photo of the load. Times are monotonic seconds; done_at and failed_at are None until that happened."""

    name: str
    dropped_at: float
    done_at: float | None = None
    failed_at: float | None = None
    touched: bool = False

    def delay(self, now: float) -> float:
        """Seconds from drop to result, or until now."""
        return (self.done_at or now) - self.dropped_at


@dataclass
class Ledger:
    """What was seen of every content, by its SHA-256."""

    shots: dict[str, Shot] = field(default_factory=dict)
    """The photos of the load."""
    results: dict[str, Path] = field(default_factory=dict)
    """The latest report of each content."""
    failed: dict[str, Path] = field(default_factory=dict)
    """Each content's file in failed/."""
    finished_at: list[float] = field(default_factory=list)
    """When a photo of the load got its first result."""


@dataclass(frozen=True)
class Balance:
    """What became of the load in the end; each text names one fault."""

    photos: int
    innocent_in_failed: tuple[str, ...]
    lost: tuple[str, ...]
    doubled: tuple[str, ...]


class Load:
    """Three threads: one drops photos, one looks for what became of them, one does what people do."""

    def __init__(self, root: Path, seed: int = 1) -> None:
        """root: the hot folder. It may go away for a while."""
        self.root = root
        self.ledger = Ledger()
        self.put_backs = self.verdicts = 0
        self._dice = random.Random(seed)
        self._no_photos, self._no_looks = threading.Event(), threading.Event()
        self._seen: set[str] = set()
        self._threads = [threading.Thread(target=each, daemon=True) for each in (self._drop, self._look, self._meddle)]

    def __enter__(self) -> Self:
        for name in FOLDERS:
            (self.root / "inbox" / name).mkdir(parents=True, exist_ok=True)
        for name, text in ORDERS.items():
            (self.root / "inbox" / name / "freisteller.toml").write_text(text)
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._no_photos.set()
        self._no_looks.set()
        for thread in self._threads:
            thread.join()

    def stop_dropping(self) -> None:
        """Drop nothing more, and move nothing more."""
        self._no_photos.set()

    def open_shots(self) -> list[Shot]:
        """Photos that have neither a result nor a place in failed/."""
        return [shot for shot in list(self.ledger.shots.values()) if shot.done_at is None and shot.failed_at is None]

    def busy(self) -> bool:
        """Whether a photo is still to be answered, also one that was put back."""
        with suppress(OSError):
            left = list((self.root / "inbox").rglob("load *"))
            for name in ("work", "returns", "staging"):
                left += (self.root / ".freisteller" / name).iterdir()
            return bool(self.open_shots() or left)
        return True

    def balance(self) -> Balance:
        """Compare what lies in the hot folder, byte for byte, with what was dropped."""
        made = _results(self.root)
        originals = {name: contents(self.root / name) for name in ("archiv", "failed", "inbox", ".freisteller")}
        archived, failed = originals["archiv"], originals["failed"]
        innocent, lost, doubled = [], [], []
        for content, shot in self.ledger.shots.items():
            if archived[content] + failed[content] == 0:
                if originals["inbox"][content] + originals[".freisteller"][content]:
                    innocent.append(f"{shot.name} is unanswered")
                else:
                    lost.append(f"{shot.name} is nowhere")
            elif archived[content] and not made[content]:
                lost.append(f"{shot.name} is in archiv/ and has no result")
            elif archived[content] + failed[content] > 1 or made[content] > 1:
                doubled.append(f"{shot.name}: {archived[content] + failed[content]} originals, {made[content]} results")
            elif failed[content]:
                innocent.append(f"{shot.name} is in failed/")
        return Balance(len(self.ledger.shots), tuple(innocent), tuple(lost), tuple(doubled))

    # --- dropping

    def _drop(self) -> None:
        number = 0
        while not self._no_photos.wait(PERIOD_SECONDS * self._dice.uniform(0.5, 1.5)):
            if len(self.open_shots()) < MOST_OPEN:
                self._shoot(number)
                number += 1

    def _shoot(self, number: int) -> None:
        side, suffix = self._dice.randrange(100, 180), self._dice.choice(SUFFIXES)
        rgb = np.ascontiguousarray(drawn_photo(side, side * 3 // 4, number))
        content = pyvips.Image.new_from_array(rgb, interpretation="srgb").write_to_buffer(suffix)
        path = self.root / "inbox" / self._dice.choice(FOLDERS) / f"load {number:05}{suffix}"
        scratch = path.with_name(f".{path.name}.tmp")
        while not self._no_photos.is_set():
            with suppress(OSError):  # the share is away, or its disk is full
                scratch.write_bytes(content)
                scratch.rename(path)
                self.ledger.shots[_sum(content)] = Shot(path.name, time.monotonic())
                return
            time.sleep(0.2)

    # --- looking

    def _look(self) -> None:
        while not self._no_looks.wait(LOOK_SECONDS):
            with suppress(OSError):  # the share is away, or a file was moved
                self.look_once()

    def look_once(self) -> None:
        """Note every report, and every file in failed/, that was not seen before."""
        for path in _new_files([self.root / grade for grade in GRADES], self._seen, ".json"):
            with suppress(ValueError, KeyError, TypeError, RecursionError):  # somebody else's JSON
                self._note_result(str(json.loads(path.read_text("utf-8"))["photo"]["sha256"]), path)
        for path in _new_files([self.root / "failed"], self._seen):
            if path.suffix != ".txt":
                self._note_failure(sum_of(path), path)

    def _note_result(self, content: str, path: Path) -> None:
        self.ledger.results[content] = path
        shot = self.ledger.shots.get(content)
        if shot and shot.done_at is None:
            shot.done_at = time.monotonic()
            self.ledger.finished_at.append(shot.done_at)

    def _note_failure(self, content: str, path: Path) -> None:
        self.ledger.failed[content] = path
        if shot := self.ledger.shots.get(content):
            shot.failed_at = time.monotonic()

    # --- people

    def _meddle(self) -> None:
        doings: list[Callable[[Path], None]] = [self._put_back, self._move]
        while not self._no_photos.wait(PEOPLE_SECONDS):
            with suppress(OSError, IndexError):  # the share is away, or the daemon moved the file first
                doing = doings[0]
                doing(self._a_result())
                doings.reverse()

    def _a_result(self) -> Path:
        """The picture of a photo that nobody has touched yet. Raises IndexError if there is none."""
        free = [content for content, shot in list(self.ledger.shots.items()) if shot.done_at and not shot.touched]
        content = self._dice.choice([content for content in free if content in self.ledger.results][-20:])
        self.ledger.shots[content].touched = True
        return self.ledger.results[content].with_suffix(".png")

    def _put_back(self, result: Path) -> None:
        result.rename(self.root / "inbox" / result.name)
        self.put_backs += 1

    def _move(self, result: Path) -> None:
        grade = next(name for name in GRADES if name != result.relative_to(self.root).parts[0])
        target = self.root / grade / result.name
        if not target.exists():
            result.rename(target)
            self.verdicts += 1


def _new_files(folders: list[Path], seen: set[str], suffix: str = "") -> Iterator[Path]:
    """Regular files below the folders that were not seen there before."""
    for folder in folders:
        for where, _, names in os.walk(folder):
            for name in names:
                path = Path(where, name)
                if name.endswith(suffix) and str(path) not in seen and path.is_file():
                    yield path
                    seen.add(str(path))


def _results(root: Path) -> Counter[str]:
    """How many reports there are of each photo whose picture is in a grade folder too; people may move it alone."""
    places = [path for grade in GRADES for path in files_below(root / grade)]
    pictures = {sum_of(path) for path in places if path.suffix == ".png"}
    found: Counter[str] = Counter()
    for path in places:
        if path.suffix == ".json":
            report = json.loads(path.read_text("utf-8"))
            found[report["photo"]["sha256"]] += report["sha256"][".png"] in pictures
    return found


def contents(folder: Path) -> Counter[str]:
    """How many files below a folder hold each content."""
    found: Counter[str] = Counter()
    for path in files_below(folder):
        with suppress(OSError):  # of the hostile ones, some cannot be read
            if path.is_file():
                found[sum_of(path)] += 1
    return found


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def remove(path: Path) -> None:
    """Remove whatever is there, if anything is."""
    with suppress(OSError):
        shutil.rmtree(path) if path.is_dir() and not path.is_symlink() else path.unlink()
