"""The program of a worker process: decodes, judges and writes one file of a stranger at a time, as it is told.

It imports pictures, judgement, settings and the clock of the stages only. It ends when the daemon closes its channel,
and when the daemon dies.
"""

import os
import resource
import select
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from io import FileIO
from multiprocessing.connection import Connection
from multiprocessing.reduction import recv_handle
from pathlib import Path
from typing import Any

from daemon.observe.stage_clock import StageClock
from daemon.pictures.laid_out import LaidOut, Layout, lay_out
from daemon.pictures.opened_picture import OpenedPicture, PictureToShow
from daemon.pictures.photo import Seen
from daemon.pictures.pyramid import Layer
from daemon.pictures.thumbs import thumb_of_page
from daemon.pictures.values import Page
from daemon.settings.pixel_settings import PixelSettings
from daemon.work import kept_memory
from daemon.work.open_attempts import OpenAttempts
from daemon.work.open_file import OpenFile, memory_to_prove, memory_to_show, prove_open_file
from daemon.work.photo_worker import KeptAttempts
from daemon.work.quiet_thread import NICE, QuietThread
from daemon.work.worker_calls import Call, Reply, become_a_worker, encoded

_IDLE_SECONDS = 0.5  # without a call, after which others may have the memory
_MARGIN, _SPARE_BYTES = 2, 1 << 30  # a worker may take so many times what its file needs, and so much beyond that


TAKE, PAGES, DECODE, RELEASE = "take a file", "find its pages", "decode", "release"
LOOK, PROVE = "look at an open file", "prove"
THUMB, LOOK_TO_SHOW, SHOW = "make a thumbnail", "look at a file to show", "show a file"
TILE_OF, FITTING = "cut a tile", "fit a screen"
BUILD, BUILT = "build a layer", "see whether it is built"
SHOW_ATTEMPTS = "show attempts"
LAY_OUT = "lay out"


def serve(channel: Connection, daemon: int) -> None:
    """Answer calls until the channel closes. daemon: its process id."""
    become_a_worker()
    desk, calls = _Desk(channel, _data_bytes()), select.poll()
    calls.register(channel.fileno(), select.POLLIN)
    with suppress(EOFError, BrokenPipeError, ConnectionResetError):  # the daemon is gone, or wants no more
        while Path(f"/proc/{daemon}").exists():
            if desk.is_free and not calls.poll(_IDLE_SECONDS * 1000):
                kept_memory.give_back()
            call = channel.recv()
            channel.send_bytes(encoded(desk.answer(call)))


class _Desk:
    """The file on which this process works now."""

    def __init__(self, channel: Connection, empty_bytes: int) -> None:
        """empty_bytes: what the process takes without any file."""
        self._channel = channel
        self._empty_bytes = empty_bytes
        self._file: OpenFile | None = None
        self._picture: PictureToShow | None = None
        self._building: QuietThread | None = None
        self._nice = False
        self._opened: FileIO | None = None
        self._stages: list[tuple[str, float, float]] = []
        # This process does one thing at a time, so the threads of its libraries count as well.
        self._timed = StageClock(lambda *stage: self._stages.append(stage), time.process_time).timed
        self._words: Mapping[str, Callable[..., Any]] = {
            TAKE: self._take,
            PAGES: self._pages,
            DECODE: self._decode,
            RELEASE: self._release,
            LOOK: self._look,
            PROVE: self._prove,
            THUMB: thumb_of_page,
            LOOK_TO_SHOW: self._look_to_show,
            SHOW: self._show,
            TILE_OF: lambda *values: self._shown.tile(*values),
            FITTING: lambda layer: self._shown.fit(layer),
            BUILD: self._build,
            BUILT: lambda seconds: self._building is None or self._building.over(seconds),
            SHOW_ATTEMPTS: self._show_attempts,
            LAY_OUT: self._lay_out,
        }

    @property
    def is_free(self) -> bool:
        """Whether there is no file to be worked on."""
        return self._file is None and self._picture is None

    def answer(self, call: Call) -> Reply:
        """Do what was asked for. Whatever it raises is the answer."""
        self._stages.clear()
        try:
            value = (self._words.get(call.name) or getattr(self._file, call.name))(*call.values)
            return Reply(value, stages=tuple(self._stages))
        except Exception as error:  # noqa: BLE001 - the daemon decides what it means
            return Reply(None, error, error.__cause__, traceback.format_exc(), tuple(self._stages))

    def _take(self, path: Path, settings: PixelSettings) -> None:
        self._limit_memory(0)
        self._file = OpenFile(path, settings, self._timed)

    def _pages(self, path: Path, settings: PixelSettings) -> tuple[tuple[Page, ...], Mapping[Page, int]]:
        """The pages of a file, and the bytes that it takes if there is one only."""
        if self._file is None:
            self._take(path, settings)
        assert self._file is not None
        pages = self._file.pages()
        return pages, {page: self._file.memory_need(page) for page in pages if len(pages) == 1}

    def _decode(self, page: Page, need_bytes: int) -> Seen:
        self._limit_memory(need_bytes)
        assert self._file is not None
        self._file.decode(page)
        return self._file.seen()

    def _release(self) -> None:
        self._file = None
        if self._opened is not None:
            self._opened.close()

    def _look(self, name: str, max_megapixels: float, small_bytes: int) -> int:
        """The bytes that the proof of a file takes. If they are few, it is proven at once; returns 0 then."""
        self._limit_memory(0)
        self._opened = os.fdopen(recv_handle(self._channel), "rb", buffering=0)
        need = memory_to_prove(self._opened.fileno(), max_megapixels)
        if need > small_bytes:
            return need
        self._prove(name, max_megapixels, need)
        return 0

    def _prove(self, name: str, max_megapixels: float, need_bytes: int) -> None:
        self._limit_memory(need_bytes)
        assert self._opened is not None
        # It is closed before the answer: a file that somebody else has open for writing is not taken.
        with self._opened, self._timed("prove"):
            prove_open_file(self._opened.fileno(), name, max_megapixels)

    def _look_to_show(self, path: Path, max_megapixels: float, page: int) -> int:
        self._limit_memory(0)
        return memory_to_show(path, max_megapixels, page)

    def _show(
        self, path: Path, layers: Sequence[Layer], max_megapixels: float, page: int, hurried: bool, need_bytes: int
    ) -> None:
        """This process is for nothing else: it gets a low priority, which only root can take back."""
        if not hurried:
            self._be_nice()
        self._limit_memory(need_bytes)
        self._picture = OpenedPicture(path, layers, max_megapixels, page)

    @property
    def _shown(self) -> PictureToShow:
        assert self._picture is not None
        return self._picture

    def _build(self, layer: str, folder: Path) -> None:
        self._building = QuietThread(partial(self._shown.build, layer, folder))

    def _be_nice(self) -> None:
        if not self._nice:
            os.nice(NICE)
        self._nice = True

    def _lay_out(self, path: Path, layout: Layout, target: Path, max_megapixels: float, need_bytes: int) -> LaidOut:
        self._limit_memory(need_bytes)
        return lay_out(path, layout, target, max_megapixels)

    def _show_attempts(
        self, path: Path, settings: PixelSettings, kept: KeptAttempts, hurried: bool, need_bytes: int
    ) -> None:
        if not hurried:
            self._be_nice()
        self._limit_memory(need_bytes)
        self._picture = OpenAttempts(path, settings, kept)

    def _limit_memory(self, need_bytes: int) -> None:
        """Let malloc fail, here alone, for a file that wants much more than its header promises (getrlimit(2))."""
        limit = self._empty_bytes + _MARGIN * need_bytes + _SPARE_BYTES
        _, most = resource.getrlimit(resource.RLIMIT_DATA)
        with suppress(OSError):  # a sandbox may forbid it
            resource.setrlimit(resource.RLIMIT_DATA, (min(limit, most) if most >= 0 else limit, most))


def _data_bytes() -> int:
    """How much of the memory that RLIMIT_DATA limits this process has."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmData:")) * 1024
