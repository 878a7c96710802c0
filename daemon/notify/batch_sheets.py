"""Makes the contact sheet of each folder that is done, in a thread of its own, so that no photo waits for it."""

import logging
import queue
import threading
import time
from collections.abc import Callable
from pathlib import Path

from daemon.contact_sheet.build_sheet import ThumbOf, make_sheet, worst_of
from daemon.contact_sheet.shown_results import find_places
from daemon.errors import FreistellerError, NoRoom, Said
from daemon.hotfolder.effects import Effect, Tick
from daemon.hotfolder.hot_folder import HotFolder
from daemon.logs import log
from daemon.notify.notices import BatchFigures
from daemon.pictures import thumbs
from daemon.settings.current import CurrentSettings
from daemon.words.catalogue import words_in

FOLDER = "contact-sheets"
ITSELF = "_inbox"  # the name of the sheet for photos that lie in inbox/ itself
LONGEST_NAME = 80  # characters of a folder's name: at four bytes each, and with a suffix, still a legal file name
LONGEST_SECONDS = 60.0  # for one sheet
CLOSE_SECONDS = 5.0  # how long a stop waits: below systemd's TimeoutStopSec, together with all other waits of a stop
MOST_WAITING = 20  # folders; people prefer a notice without a sheet to one that comes many minutes late


class BatchSheets:
    """Makes one sheet after the other. A new sheet replaces the old one of its folder. Safe to call from any thread."""

    def __init__(
        self,
        folders: HotFolder,
        settings: CurrentSettings,
        thumb: ThumbOf = thumbs.thumb_of_page,
        longest_seconds: float = LONGEST_SECONDS,
        tick: Tick = lambda _: None,
    ) -> None:
        self._folders = folders
        self._settings = settings
        self._thumb = thumb
        self._longest_seconds = longest_seconds
        self._tick = tick
        self._waiting: queue.SimpleQueue[_SheetRequest | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._open: list[_SheetRequest] = []
        self._closing_at: float | None = None
        self._thread = threading.Thread(target=self._make_all, name="contact sheets", daemon=True)

    def make(self, figures: BatchFigures, on_made: Callable[[Path | None], None]) -> None:
        """Call `on_made` exactly once: with the web page of the sheet, or with None if there will be no sheet."""
        request = _SheetRequest(figures, on_made)
        with self._lock:
            accepted = self._closing_at is None and len(self._open) < MOST_WAITING
            if accepted:
                self._open.append(request)
                self._waiting.put(request)
                if self._thread.ident is None:
                    self._thread.start()
        if not accepted:
            request.answer(None)

    def close(self, seconds: float = CLOSE_SECONDS) -> None:
        """Make the requested sheets for so many seconds at most. A request that is still open then gets no sheet."""
        with self._lock:
            self._closing_at = time.monotonic() + seconds
        self._waiting.put(None)
        if self._thread.ident is not None:
            self._thread.join(seconds)
        for request in list(self._open):  # the hot folder hangs
            request.answer(None)

    def _make_all(self) -> None:
        while (request := self._waiting.get()) is not None:
            request.answer(self._sheet_or_none(request.figures))
            with self._lock:
                self._open.remove(request)

    def _sheet_or_none(self, figures: BatchFigures) -> Path | None:
        until = time.monotonic() + self._longest_seconds

        def check_time() -> None:
            closing = self._closing_at
            if time.monotonic() > (until if closing is None else min(until, closing)):
                raise _TooLong("It took too long.")
            self._tick(Effect.WRITE_SHEET)  # the next one may be the last look before the sheet is written

        try:
            check_time()
            return self._sheet(figures, check_time)
        except (FreistellerError, OSError, _TooLong) as error:
            why = str(error)
        except Exception as error:  # noqa: BLE001 - no error of a sheet may keep the notice from people
            why = f"{type(error).__name__}: {error}"
        text = f"There is no contact sheet of {figures.folder or 'inbox'}: {why}"
        log.log("sheet_failed", text, level=logging.WARNING, folder=figures.folder)
        return None

    def _sheet(self, figures: BatchFigures, check_time: Callable[[], None]) -> Path | None:
        self._folders.check()  # we must not write below an empty mount point
        place = self._folders.root / FOLDER
        if place.is_symlink():
            raise NoRoom(Said("sheet_is_a_link", path=place))
        self._tick(Effect.WRITE_SHEET)
        place.mkdir(exist_ok=True)
        shown = find_places(self._folders, figures.places).shown
        if not shown:
            return None
        words = words_in(self._settings.now.language)
        _, html = make_sheet(
            shown,
            place / (figures.folder or ITSELF)[:LONGEST_NAME],
            figures.folder or "inbox",
            max_megapixels=self._settings.now.intake.max_megapixels,
            threads=1,
            words=words,
            remark=worst_of(len(shown), figures.photos, words) if len(figures.places) < figures.photos else "",
            on_photo=check_time,
            thumb=self._thumb,
        )
        return html


class _TooLong(Exception):
    """A sheet took too long, or the daemon stops. The notice goes out without it."""


class _SheetRequest:
    """A sheet to make, and whom to call then. Only the first answer counts."""

    def __init__(self, figures: BatchFigures, on_made: Callable[[Path | None], None]) -> None:
        self.figures = figures
        self._on_made = on_made
        self._lock = threading.Lock()
        self._answered = False

    def answer(self, sheet: Path | None) -> None:
        with self._lock:
            first, self._answered = not self._answered, True
        if first:
            self._on_made(sheet)
