"""Remembers how long each model took for a picture on this machine: beside the weights, or in the state directory."""

import json
from collections import Counter
from contextlib import suppress
from pathlib import Path

from daemon.disk import open_below
from daemon.disk.whole_file import write_whole

NAME = ".speeds.json"
MOST_BYTES = 1 << 16


class SeenSpeeds:
    """Keeps the time of each model's second picture in this process: the first one also warms it up."""

    def __init__(self, folder: Path, instead: Path | None = None) -> None:
        """instead: where they are kept if `folder` may not be written, as a service's weights."""
        self._folder = folder
        self._instead = instead
        self._pictures: Counter[str] = Counter()

    def seen(self, model: str, seconds: float) -> None:
        """Tell how long a picture took. Threads may call it: counted wrongly, a time is of the third picture."""
        self._pictures[model] += 1
        if self._pictures[model] == 2 and not keep_speed(self._folder, model, seconds) and self._instead:
            keep_speed(self._instead, model, seconds)


def read_speeds(folder: Path) -> dict[str, float]:
    """Seconds for one picture, by model. Empty if nothing was kept, or if what was kept cannot be read."""
    with suppress(OSError, ValueError, AttributeError):
        kept = json.loads(open_below.read_small(folder / NAME, MOST_BYTES))
        return {name: float(seconds) for name, seconds in kept.items() if isinstance(seconds, int | float)}
    return {}


def keep_speed(folder: Path, model: str, seconds: float | None) -> bool:
    """Keep the newest time of a model; None = forget it. Returns False if the folder may not be written."""
    speeds = read_speeds(folder) | ({} if seconds is None else {model: round(seconds, 3)})
    if seconds is None and speeds.pop(model, None) is None:
        return True
    with suppress(OSError):
        write_whole(folder / NAME, json.dumps(speeds, indent=1).encode())
        return True
    return False
