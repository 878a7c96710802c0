"""Photos of a folder whose order is wrong wait in the inbox, and people are told why, beside the order."""

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from daemon.disk import open_below
from daemon.disk.file_id import FileId
from daemon.errors import BadOrder
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.orders import NAME, NOTE, Orders, Wrong
from daemon.journal import Journal
from daemon.logs import log
from daemon.observe import series
from daemon.observe.metrics import Metrics
from daemon.settings.current import CurrentSettings

_FIRST_LINE = f"{NAME} in this folder is wrong, so the photos of the folder wait in inbox/."
_REMEDY = (
    "What you can do: mend it, or remove it; the photos then go on by themselves, and this note goes.\n"
    "It may have the sections [grading], [strategy] and [outputs], with the keys of config/freisteller.toml."
)

Way = tuple[str, ...]


class BadOrders:
    """Knows which orders are wrong; one thread asks."""

    def __init__(
        self,
        *,
        folders: HotFolder,
        orders: Orders,
        journal: Journal,
        metrics: Metrics,
        clock: Callable[[], float],
        settings: CurrentSettings,
    ) -> None:
        """clock: monotonic seconds. quiet_seconds: an order must be unchanged for so long, like any file."""
        self._folders = folders
        self._orders = orders
        self._journal = journal
        self._metrics = metrics
        self._clock = clock
        self._settings = settings
        self._wrong: dict[Way, str] = {}
        self._since: dict[Way, tuple[FileId, float]] = {}
        self._answers: dict[Path, bool] = {}

    @property
    def told(self) -> tuple[str, ...]:
        """A sentence for each order that is wrong now."""
        return tuple(self._wrong.values())

    def look(self) -> None:
        """Begin a round: ask each order anew, those that were wrong above all. Raises NoRoom or RootAway."""
        self._answers.clear()
        for way in list(self._wrong):
            self.holds(self._folders.inbox.joinpath(*way, NAME), urgent=True)
        self._metrics.set(series.BAD_ORDERS, len(self._wrong))

    def holds(self, source: Path, urgent: bool) -> bool:
        """Whether a file in the inbox is to wait for its folder's order. urgent: what is there is meant to be whole.

        Raises NoRoom or RootAway.
        """
        if source.parent not in self._answers:
            self._answers[source.parent] = self._ask(source.relative_to(self._folders.root), urgent)
        return self._answers[source.parent]

    def _ask(self, source: Path, urgent: bool) -> bool:
        try:
            if not urgent and self._changes(source):
                return True
            self._orders.settings_for(source)
        except Wrong as wrong:
            self._refuse(wrong)
            return True
        way = source.parent.parts[1:]
        for depth in range(len(way) + 1):
            self._accept(way[:depth])
        return False

    def _changes(self, source: Path) -> bool:
        """Whether an order was not seen as it is for long enough: it may be half written."""
        now, settled = self._clock(), True
        for way, mark in self._orders.file_ids(source):
            known = self._since.get(way)
            if known is None or known[0] != mark:
                known = self._since[way] = (mark, now)
            settled = settled and now - known[1] >= self._settings.now.intake.quiet_seconds
        return not settled

    def _refuse(self, wrong: Wrong) -> None:
        text = f"{str(wrong).rstrip('.')}. Its photos wait until it is right."
        if self._wrong.get(wrong.way) == text:
            return
        self._wrong[wrong.way] = text
        self._metrics.set(series.BAD_ORDERS, len(self._wrong))
        log.log("order_refused", text, level=logging.ERROR, folder="/".join(wrong.way))
        with suppress(OSError):  # where we may not write, the log has said it
            self._write(wrong)

    def _accept(self, way: Way) -> None:
        with suppress(OSError), open_below.opened(self._folders.inbox, way) as folder:
            if _is_ours(folder):
                os.unlink(NOTE, dir_fd=folder)
        if self._wrong.pop(way, None) is not None:
            self._metrics.set(series.BAD_ORDERS, len(self._wrong))
            self._journal.turns.make_due(BadOrder.reason)
            text = f"{'/'.join(('inbox', *way, NAME))} is right now, or gone; the photos go on."
            log.log("order_accepted", text, folder="/".join(way))

    def _write(self, wrong: Wrong) -> None:
        content = f"{_FIRST_LINE}\n\nWhat is wrong: {wrong.fault}\n\n{_REMEDY}\n".encode()
        with open_below.opened(self._folders.inbox, wrong.way) as folder:
            with suppress(FileNotFoundError):
                if not _is_ours(folder):
                    return  # somebody's own file of that name
                os.unlink(NOTE, dir_fd=folder)
            flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
            note = os.open(NOTE, flags, 0o666, dir_fd=folder)
            try:
                os.write(note, content)
            finally:
                os.close(note)


def _is_ours(folder: int) -> bool:
    """Whether the note there is one of ours. Raises FileNotFoundError where there is none."""
    note = os.open(NOTE, open_below.FILE, dir_fd=folder)
    try:
        return os.pread(note, len(_FIRST_LINE), 0) == _FIRST_LINE.encode()
    finally:
        os.close(note)
