"""What this machine has left, read every few seconds: room on the disks, GPUs.

In a thread of its own, for a hung share or driver may hold whoever asks it for hours, and the daemon's heartbeat must
not wait for that.
"""

import shutil
import threading
from collections.abc import Callable, Mapping
from pathlib import Path

from daemon.observe import series
from daemon.observe.gpu import Gpus
from daemon.observe.metrics import Metrics

LOOK_SECONDS = 5.0
CLOSE_SECONDS = 1.0


class Machine:
    """Feeds the series of disks and GPUs.

    disks: fixed word in the metrics -> a folder on that disk. usage: as shutil.disk_usage, (total, used, free) bytes.
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
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._keep, name="machine", daemon=True)

    def start(self) -> None:
        """Look now and then, until `close`."""
        self._thread.start()

    def look(self) -> None:
        """Read everything once. A disk that is away keeps its last figures; that it is away, others say."""
        self._metrics.gpus(self._gpus.readings())
        for mount, folder in self._disks.items():
            try:
                total, _, free = self._usage(folder)
            except OSError:
                continue
            self._metrics.set(series.DISK_FREE, free, mount=mount)
            self._metrics.set(series.DISK_SIZE, total, mount=mount)

    def close(self) -> None:
        """Stop looking; does not wait for a share that hangs. May be called twice, or without a start."""
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join(CLOSE_SECONDS)

    def _keep(self) -> None:
        while True:
            self.look()
            if self._stop.wait(self._every_seconds):
                break
        self._gpus.close()
