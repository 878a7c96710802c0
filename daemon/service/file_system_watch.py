"""Tries what the file system of the hot folder can do, at the start and whenever another one is mounted there."""

import logging
import os

from daemon.disk import mounts, open_below, powers
from daemon.disk.os_errors import translated
from daemon.disk.powers import Links
from daemon.hotfolder.hot_folder import HotFolder
from daemon.logs import log
from daemon.observe import series
from daemon.observe.metrics import Metrics


class FileSystemWatch:
    """What was seen last. For one thread."""

    def __init__(self, folders: HotFolder, metrics: Metrics) -> None:
        self._folders = folders
        self._metrics = metrics
        self._device: int | None = None

    def look(self) -> None:
        """Try it out, if it was not tried on this mount. Raises RootAway, NoRoom."""
        private = self._folders.private
        with translated(f"The private folder {private}"), open_below.opened(private) as folder:
            device = os.fstat(folder).st_dev
            if device == self._device:
                return
            seen = powers.try_out(folder)
        self._device = device
        kind = mounts.mount_of(os.path.realpath(private), mounts.read()).kind
        for links in Links:
            self._metrics.set(series.ROOT_LINKS, links is seen.links, kind=links)
        text = f"{self._folders.root}: {powers.in_words(seen, kind)}."
        level = logging.INFO if seen.steady else logging.WARNING
        log.log("file_system", text, level=level, kind=kind, links=str(seen.links), noreplace=seen.noreplace)
