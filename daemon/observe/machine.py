"""Measures this machine every few seconds: free space of the disks, load of the GPUs.

It works in a thread of its own: a share or a driver that hangs may block its caller for hours, and the heartbeat of the
daemon must not wait for that.
"""

import shutil
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from daemon.observe import series
from daemon.observe.gpu import Gpus
from daemon.observe.metrics import Metrics
from daemon.observe.obstacles import Room

LOOK_SECONDS = 5.0
CLOSE_SECONDS = 1.0


class Machine:
    """Feeds the series of disks and GPUs.

    disks: the value of the label `mount` -> a folder on that disk. usage: works as shutil.disk_usage, which returns
    (total, used, free) in bytes.
    """

    def __init__(
        self,
        metrics: Metrics,
        disks: Mapping[str, Path],
        gpus: Gpus,
        every_seconds: float = LOOK_SECONDS,
        usage: Callable[[Path], tuple[int, int, int]] = shutil.disk_usage,
    ) -> None:
        self._metrics = metrics
        self._disks = dict(disks)
        self._gpus = gpus
        self._every_seconds = every_seconds
        self._usage = usage
        self.rooms: Mapping[str, Room] = {}
        """By mount, the disks as last measured; one reference, so any thread may read it."""
        self._stop = threading.Event()
        self._wake = threading.Event()
        self._looked = threading.Event()
        self._thread = threading.Thread(target=self._look_until_closed, name="machine", daemon=True)

    def start(self) -> None:
        """Look every few seconds, until `close`."""
        self._thread.start()

    def look(self) -> None:
        """Measure everything once. A disk that is away keeps its last figures: other series say that it is away."""
        self._metrics.gpus(self._gpus.readings())
        for mount, folder in self._disks.items():
            try:
                total, _, free = self._usage(folder)
            except OSError:
                continue
            if total:  # some network shares do not say how large they are
                self.rooms = {**self.rooms, mount: Room(str(folder), free)}
            self._metrics.set(series.DISK_FREE, free, mount=mount)
            self._metrics.set(series.DISK_SIZE, total, mount=mount)

    def look_soon(self, seconds: float) -> None:
        """Have everything measured at once, and wait for that, but for so many seconds at most."""
        if self._thread.is_alive():
            self._looked.clear()
            self._wake.set()
            self._looked.wait(seconds)

    def close(self) -> None:
        """Stop looking, without waiting for a share that hangs. May be called twice, or without a start."""
        self._stop.set()
        self._wake.set()
        if self._thread.ident is not None:
            self._thread.join(CLOSE_SECONDS)

    def _look_until_closed(self) -> None:
        while True:
            self.look()
            self._looked.set()
            self._wake.wait(self._every_seconds)
            self._wake.clear()
            if self._stop.is_set():
                break
        self._gpus.close()
