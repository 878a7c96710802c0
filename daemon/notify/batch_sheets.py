"""The contact sheet of each folder that is done, made in a thread of its own: no photo waits for it."""

import logging
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path

from daemon.contact_sheet.build_sheet import make_sheet
from daemon.contact_sheet.shown_results import find_places
from daemon.errors import FreistellerError, NoRoom
from daemon.hotfolder.hot_folder import HotFolder
from daemon.logs import log
from daemon.notify.notices import BatchFigures

FOLDER = "contact-sheets"
ITSELF = "_inbox"  # what the sheet of photos in inbox/ itself is called
LONGEST_NAME = 80  # characters of a folder's name: with four bytes each and an ending still a name of a file
LONGEST_SECONDS = 60.0  # for one sheet
CLOSE_SECONDS = 5.0  # what a stop waits; below systemd's TimeoutStopSec, together with what else is waited for
MOST_WAITING = 20  # folders; a notice that is two minutes late is worth less than one without a sheet


class BatchSheets:
    """Makes one sheet after the other; an older one of the same folder is replaced. Safe to call from any thread."""

    def __init__(
        self, folders: HotFolder, max_megapixels: Callable[[], float], longest_seconds: float = LONGEST_SECONDS
    ) -> None:
        self._folders = folders
        self._max_megapixels = max_megapixels
        self._longest_seconds = longest_seconds
        self._waiting: queue.SimpleQueue[_Order | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._open: list[_Order] = []
        self._closing_at: float | None = None
        self._thread = threading.Thread(target=self._serve, name="contact sheets", daemon=True)

    def make(self, figures: BatchFigures, then: Callable[[Path | None], None]) -> None:
        """Call `then`, once, with the page when it is made, or with None where there will be none."""
        order = _Order(figures, then)
        with self._lock:
            taken = self._closing_at is None and len(self._open) < MOST_WAITING
            if taken:
                self._open.append(order)
                self._waiting.put(order)
                if self._thread.ident is None:
                    self._thread.start()
        if not taken:
            order.tell(None)

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Make what waits for so long at most; what is not made by then is told without."""
        with self._lock:
            self._closing_at = time.monotonic() + seconds
        self._waiting.put(None)
        if self._thread.ident is not None:
            self._thread.join(seconds)
        for order in list(self._open):  # a hot folder that hangs
            order.tell(None)

    def _serve(self) -> None:
        while (order := self._waiting.get()) is not None:
            order.tell(self._sheet(order.figures))
            with self._lock:
                self._open.remove(order)

    def _sheet(self, figures: BatchFigures) -> Path | None:
        until = time.monotonic() + self._longest_seconds

        def look_at_the_clock() -> None:
            closing = self._closing_at
            if time.monotonic() > (until if closing is None else min(until, closing)):
                raise _TooLong("It took too long.")

        try:
            look_at_the_clock()
            return self._made(figures, look_at_the_clock)
        except (FreistellerError, OSError, _TooLong) as error:
            why = str(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the folder is done all the same
            why = f"{type(error).__name__}: {error}"
        text = f"No contact sheet of {figures.folder or 'inbox'}: {why}"
        log.log("sheet_failed", text, level=logging.WARNING, folder=figures.folder)
        return None

    def _made(self, figures: BatchFigures, told: Callable[[], None]) -> Path | None:
        self._folders.check()  # nothing is to be written below an empty mount point
        place = self._folders.root / FOLDER
        if place.is_symlink():
            raise NoRoom(f"{place} is a link, and those are not followed. Remove it.")
        place.mkdir(exist_ok=True)
        shown = find_places(self._folders, figures.places).shown
        if not shown:
            return None
        _, html = make_sheet(
            shown,
            place / (figures.folder or ITSELF)[:LONGEST_NAME],
            figures.folder or "inbox",
            max_megapixels=self._max_megapixels(),
            threads=1,
            remark=f"the {len(shown)} worst of {figures.photos:,}" if len(figures.places) < figures.photos else "",
            told=told,
        )
        return html


class _TooLong(Exception):
    """A sheet is broken off."""


class _Order:
    """A sheet to be made, and who waits for it."""

    def __init__(self, figures: BatchFigures, then: Callable[[Path | None], None]) -> None:
        self.figures = figures
        self._then = then
        self._lock = threading.Lock()
        self._told = False

    def tell(self, sheet: Path | None) -> None:
        with self._lock:
            first, self._told = not self._told, True
        if first:
            self._then(sheet)
