"""Reports whether the hot folder can be worked in, to everybody who needs to know."""

import logging
from collections.abc import Callable

from daemon.errors import FreistellerError
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.root_condition import RootCondition
from daemon.logs import log
from daemon.observe import series
from daemon.observe.health import Health
from daemon.observe.metrics import Metrics


class RootWatch:
    """Only the inbox loop reports; others read the `RootCondition`."""

    def __init__(
        self,
        folders: HotFolder,
        condition: RootCondition,
        metrics: Metrics,
        health: Health,
        print_line: Callable[[str], None],
        wake: Callable[[], None],
    ) -> None:
        """wake: tells the dispatcher that jobs may start."""
        self._folders = folders
        self._condition = condition
        self._metrics = metrics
        self._health = health
        self._print_line = print_line
        self._wake = wake

    def check(self) -> None:
        """Begin a turn of the inbox loop. Raises RootAway or NoRoom."""
        self._health.report("watcher", True)
        self._folders.check()

    def report(self, trouble: FreistellerError | None) -> None:
        """Tell what a turn found. trouble: why no photo can be taken in or published; None = nothing is wrong."""
        there = trouble is None
        if self._condition.record(trouble):
            text = str(trouble) if trouble else f"The hot folder {self._folders.root} is back."
            level = logging.ERROR if trouble else logging.INFO
            log.log("root_away" if trouble else "root_back", text, level=level)
            self._print_line(text)
        self._metrics.set(series.ROOT_REACHABLE, there)
        self._health.report("root", there, str(trouble or ""))
        if there:
            self._wake()
