"""Finds out once how many threads a run of a network should have on this machine, and remembers it."""

import hashlib
import importlib.metadata
import json
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from daemon.disk import open_below
from daemon.disk.whole_file import write_whole
from daemon.engines.onnx.onnx_session import OnnxSession

NAME = "onnx-threads.json"
MOST_BYTES = 1 << 16
MOST_KEPT = 100  # trials of other weights, versions and machines
LONGEST_SECONDS = 2.0  # the first photo waits meanwhile
LARGEST_BYTES = 64_000_000  # a run of larger weights takes longer than that by itself
BETTER = 0.9  # of the usual number's time: what takes longer may be chance


class ThreadTrial:
    """The trials of one daemon, in a file of its state directory."""

    def __init__(self, folder: Path | None, cores: int, most_slots: int) -> None:
        """folder: None = try nothing and keep nothing. most_slots: runs at once."""
        self._file = folder / NAME if folder else None
        self._cores = cores
        self._most_slots = most_slots

    @property
    def usual(self) -> int:
        """As many threads as are left for each of the most runs at once."""
        return max(1, self._cores // self.slots(1))

    def slots(self, threads: int) -> int:
        """How many runs of so many threads the processor has room for."""
        return max(1, min(self._most_slots, self._cores // threads))

    def kept(self, weights: Path) -> int | None:
        """What an earlier trial of these weights found here; None if there was none."""
        with suppress(OSError):
            if self._file and weights.stat().st_size <= LARGEST_BYTES:
                return _read(self._file).get(self._key(weights))
        return None

    def threads(self, weights: Path, load: Callable[[int], OnnxSession]) -> int:
        """How many threads a run should have: what is kept, or what a trial finds now. load: for so many threads."""
        if not self._file or weights.stat().st_size > LARGEST_BYTES:
            return self.usual
        key, kept = self._key(weights), _read(self._file)
        if key not in kept:
            found = fastest(self._candidates(), lambda threads: self._seconds(load(threads), threads), time.monotonic)
            newest = dict([*kept.items(), (key, found)][-MOST_KEPT:])
            with suppress(OSError):
                write_whole(self._file, json.dumps(newest, indent=1).encode())
            return found
        return kept[key]

    def _candidates(self) -> tuple[int, ...]:
        """The usual number, then fewer runs at once with more threads each."""
        return tuple(dict.fromkeys(max(1, self._cores // slots) for slots in (self.slots(1), 2, 1)))

    def _seconds(self, session: OnnxSession, threads: int) -> float:
        """How long a picture takes while the processor is full of such runs."""
        slots = self.slots(threads)
        with ThreadPoolExecutor(slots) as pool:
            began = time.monotonic()
            for run in [pool.submit(session.maps, session.empty_picture) for _ in range(slots)]:
                run.result()
            return (time.monotonic() - began) / slots

    def _key(self, weights: Path) -> str:
        """What a trial holds for: these weights, this ONNX Runtime, so many cores."""
        with weights.open("rb") as file:
            return f"{hashlib.file_digest(file, 'sha256').hexdigest()}, {_runtime()}, {self._cores} cores"


def fastest(candidates: Sequence[int], seconds_of: Callable[[int], float], clock: Callable[[], float]) -> int:
    """The candidate that takes least time. The first one is the usual one, and wins unless another is much faster.

    Stops when the next one would end after LONGEST_SECONDS, if it takes as long as the last one.
    """
    began = before = clock()
    found: dict[int, float] = {}
    for candidate in candidates:
        found[candidate] = seconds_of(candidate)
        now = clock()
        if now + (now - before) - began > LONGEST_SECONDS:
            break
        before = now
    best = min(found, key=lambda candidate: found[candidate])
    return best if found[best] < BETTER * found[candidates[0]] else candidates[0]


def _runtime() -> str:
    """The ONNX Runtime that is installed, without importing it."""
    for package in ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml"):
        with suppress(importlib.metadata.PackageNotFoundError):
            return f"{package} {importlib.metadata.version(package)}"
    return "another onnxruntime"


def _read(file: Path) -> dict[str, int]:
    with suppress(OSError, ValueError, AttributeError):
        kept = json.loads(open_below.read_small(file, MOST_BYTES))
        return {key: threads for key, threads in kept.items() if isinstance(threads, int) and 1 <= threads <= 256}
    return {}
