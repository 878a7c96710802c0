"""Remembers in the state directory what was tried once for some weights on this machine."""

import importlib.metadata
import json
import threading
from contextlib import suppress
from pathlib import Path

from daemon.disk import open_below
from daemon.disk.whole_file import write_whole

NAME = "onnx-trials.json"
MOST_BYTES = 1 << 16
MOST_KEPT = 100  # trials of other weights, versions and machines
LARGEST_FOUND = 256
NVIDIA = Path("/proc/driver/nvidia/gpus")


class KeptTrials:
    """What the trials of one daemon found. Threads may use it at once."""

    def __init__(self, folder: Path | None) -> None:
        """folder: None = nothing is kept, so nothing is to be tried."""
        self._file = folder / NAME if folder else None
        self._writing = threading.Lock()

    @property
    def keeps(self) -> bool:
        """Whether a trial pays."""
        return self._file is not None

    def found(self, key: str) -> int | None:
        """What an earlier trial found; None if there was none."""
        return self._read().get(key)

    def keep(self, key: str, found: int) -> None:
        """Keep what a trial found, a number from 1 to 256. Where the folder may not be written, nothing is kept."""
        if self._file is not None:
            with self._writing, suppress(OSError):
                newest = dict([*self._read().items(), (key, found)][-MOST_KEPT:])
                write_whole(self._file, json.dumps(newest, indent=1).encode())

    def _read(self) -> dict[str, int]:
        if self._file is not None:
            with suppress(OSError, ValueError, AttributeError):
                kept = json.loads(open_below.read_small(self._file, MOST_BYTES))
                return {key: n for key, n in kept.items() if isinstance(n, int) and 1 <= n <= LARGEST_FOUND}
        return {}


def key_of(weights: Path, cores: int) -> str:
    """What a trial on the processor holds for: these weights, this ONNX Runtime, so many cores. Raises OSError."""
    status = weights.stat()  # their sum would say the same, but takes a second for a gigabyte
    return f"{weights.name} of {status.st_size} bytes, {status.st_mtime_ns}, {_runtime()}, {cores} cores"


def cards(folder: Path = NVIDIA) -> str:
    """The graphics cards of this machine, as far as their driver lists them; "" = none.

    folder: has a folder for each card, with a file `information`.
    """
    models = []
    for file in sorted(folder.glob("*/information")):
        with suppress(OSError, UnicodeDecodeError):
            lines = file.read_text().splitlines()
            models += [line.partition(":")[2].strip() for line in lines if line.startswith("Model:")]
    return " and ".join(models)


def _runtime() -> str:
    """The ONNX Runtime that is installed, without importing it."""
    for package in ("onnxruntime", "onnxruntime-gpu", "onnxruntime-directml"):
        with suppress(importlib.metadata.PackageNotFoundError):
            return f"{package} {importlib.metadata.version(package)}"
    return "another onnxruntime"
