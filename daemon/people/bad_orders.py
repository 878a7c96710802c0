"""Holds back the photos of a folder whose order is wrong, and says why in a note beside the order."""

import logging
import os
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from daemon.disk import open_below
from daemon.disk.file_id import FileId
from daemon.errors import BadOrder
from daemon.hotfolder.effects import Effect, Tick
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.order_names import NAME
from daemon.hotfolder.orders import NOTE, Orders, WrongOrder
from daemon.journal import Journal
from daemon.logs import log
from daemon.logs.barrier import Barrier
from daemon.observe import series
from daemon.observe.metrics import Metrics
from daemon.settings.current import CurrentSettings
from daemon.words.catalogue import LANGUAGES, N_, words_in
from daemon.words.said import said_in

_FIRST_LINE = N_("%(file)s in this folder is wrong, so the photos of the folder wait in inbox/.")
_MISNAMED = N_(
    "It is not clear which file is the order of this folder (%(file)s), so the photos of the folder wait in inbox/."
)
_FAULT = N_("What is wrong: %(fault)s")
_REMEDY = N_(
    "What you can do: correct the file, or remove it. The photos then go on by themselves, and this note is removed."
)
_AFTERWARDS = N_("The photos then go on by themselves, and this note is removed.")
_ALLOWED = N_("The file may have the sections %(sections)s. Whoever runs Freisteller knows what may stand in them.")
_SECTIONS = "[grading], [judgement], [strategy], [outputs], [renditions.NAME]"
_MOST_FIRST_BYTES = 1000  # of the first line of a note

Way = tuple[str, ...]
"""A folder below the inbox, as the names of the way there."""


class BadOrders:
    """Knows which orders are wrong. Only one thread uses it."""

    def __init__(
        self,
        folders: HotFolder,
        orders: Orders,
        journal: Journal,
        metrics: Metrics,
        clock: Callable[[], float],
        settings: CurrentSettings,
        tick: Tick,
    ) -> None:
        """clock: monotonic seconds. Of the settings, intake.quiet_seconds counts: an order is a file like any other."""
        self._folders = folders
        self._orders = orders
        self._journal = journal
        self._metrics = metrics
        self._clock = clock
        self._settings = settings
        self._tick = tick
        self._wrong: dict[Way, str] = {}
        self._since: dict[Way, tuple[FileId, float]] = {}
        self._answers: dict[Path, str | None] = {}
        self._barrier = Barrier()

    @property
    def messages(self) -> tuple[str, ...]:
        """A sentence for each order that is wrong now."""
        return tuple(self._wrong.values())

    def look(self) -> None:
        """Begin a turn: every order is read again, those that were wrong at once. Raises NoRoom or RootAway."""
        self._answers.clear()
        for way in list(self._wrong):
            order = self._folders.inbox.joinpath(*way, NAME)
            with self._barrier.around(str(order)):
                self.holds(order, urgent=True)
        self._metrics.set(series.BAD_ORDERS, len(self._wrong))

    def holds(self, source: Path, urgent: bool) -> bool:
        """Whether a file in the inbox must wait for its folder's order. As in `in_force`."""
        return self.in_force(source, urgent) is None

    def in_force(self, source: Path, urgent: bool) -> str | None:
        """The orders that a file in the inbox is taken by, as `Orders.in_force`; None if it must wait for one.

        urgent: the files are expected to be whole. Raises NoRoom or RootAway.
        """
        if source.parent not in self._answers:
            self._answers[source.parent] = self._answer(source.relative_to(self._folders.root), urgent)
        return self._answers[source.parent]

    def _answer(self, source: Path, urgent: bool) -> str | None:
        try:
            if not urgent and self._may_be_half_written(source):
                return None
            in_force = self._orders.in_force(source)
        except WrongOrder as wrong:
            self._refuse(wrong)
            return None
        way = source.parent.parts[1:]
        for depth in range(len(way) + 1):
            self._accept(way[:depth])
        return in_force

    def _may_be_half_written(self, source: Path) -> bool:
        """Whether an order on the way to this file was not unchanged for long enough."""
        now, settled = self._clock(), True
        for way, file_id in self._orders.file_ids(source):
            known = self._since.get(way)
            if known is None or known[0] != file_id:
                known = self._since[way] = (file_id, now)
            settled = settled and now - known[1] >= self._settings.now.intake.quiet_seconds
        return not settled

    def _refuse(self, wrong: WrongOrder) -> None:
        text = f"{str(wrong).rstrip('.')}. Its photos wait until it is right."
        if self._wrong.get(wrong.way) == text:
            return
        with suppress(OSError):  # we may not write there; the log has the message
            self._write_note(wrong)
        self._wrong[wrong.way] = text
        self._metrics.set(series.BAD_ORDERS, len(self._wrong))
        log.log("order_refused", text, level=logging.ERROR, folder="/".join(wrong.way))

    def _accept(self, way: Way) -> None:
        with suppress(OSError), open_below.opened(self._folders.inbox, way) as folder:
            if _is_our_note(folder):
                self._tick(Effect.REMOVE_ORDER_NOTE)
                os.unlink(NOTE, dir_fd=folder)
        if self._wrong.pop(way, None) is not None:
            self._metrics.set(series.BAD_ORDERS, len(self._wrong))
            self._journal.turns.make_due(BadOrder.reason)
            text = f"{'/'.join(('inbox', *way, NAME))} is right now, or gone; the photos go on."
            log.log("order_accepted", text, people=True, folder="/".join(way))

    def _write_note(self, wrong: WrongOrder) -> None:
        words = words_in(self._settings.now.language)
        fault = words.say(_FAULT, fault=said_in(wrong.fault, words))
        if wrong.misnamed:
            first, remedy = words.say(_MISNAMED, file=NAME), words.say(_AFTERWARDS)
        else:
            first = words.say(_FIRST_LINE, file=wrong.called.strip())
            remedy = f"{words.say(_REMEDY)}\n{words.say(_ALLOWED, sections=_SECTIONS)}"
        content = f"{first}\n\n{fault}\n\n{remedy}\n".encode()
        with open_below.opened(self._folders.inbox, wrong.way) as folder:
            self._tick(Effect.WRITE_ORDER_NOTE)
            with suppress(FileNotFoundError):
                if not _is_our_note(folder):
                    return  # somebody's own file of that name
                os.unlink(NOTE, dir_fd=folder)
            open_below.write_new(NOTE, content, folder)
            open_below.settle(folder)


def _is_our_note(folder: int) -> bool:
    """Whether the note there is one of ours. Raises FileNotFoundError if there is none."""
    with open_below.reading(NOTE, folder) as note:
        content = os.pread(note, _MOST_FIRST_BYTES, 0).decode(errors="replace").partition("\n")[0].lower()
    said = (words_in(language).say(line, file=NAME) for language in LANGUAGES for line in (_FIRST_LINE, _MISNAMED))
    return any(content == line.lower() for line in said)  # the language may have been changed since
