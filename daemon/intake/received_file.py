"""Keeps a photo that is being sent in a file of ours beside the hot folder's other files, until it becomes a job."""

import hashlib
import os
import shutil
import threading
import uuid
from contextlib import suppress
from pathlib import Path

from daemon.disk import open_below
from daemon.disk.os_errors import translated
from daemon.errors import NoRoom, RootAway, Said
from daemon.hotfolder.effects import Effect, Tick
from daemon.hotfolder.hot_folder import HotFolder
from daemon.intake.kept_uploads import KeptUpload, UploadNote, kept_upload, write_note

SPARE_BYTES = 64 << 20
"""What an upload leaves free on the disk: results have to fit there, too."""
_LOOK_EVERY_BYTES = 16 << 20
_NAME = "photo"
_PIECE_BYTES = 1 << 20


class ReceivedFile:
    """One photo on its way in. Every method may raise NoRoom or RootAway, and ValueError once it is discarded.

    It lies in a folder of its own, on the file system of the job folders, so that taking it into work is a rename.
    """

    def __init__(self, folders: HotFolder, tick: Tick, expected_bytes: int = 0, kept: KeptUpload | None = None) -> None:
        """expected_bytes: how large it will be, as far as its sender says so; refused at once if that does not fit.

        kept: what has arrived of it before. All of it is read, which takes a while.
        """
        self._folders = folders
        self._tick = tick
        self.id = kept.id if kept else uuid.uuid4().hex
        self._folder = folders.uploads / self.id
        self._sum = hashlib.sha256()
        self._lock = threading.Lock()  # whoever sends may go away while a thread writes
        self._looked_at = 0
        self.path = self._folder / _NAME
        self.size_bytes = 0
        tick(Effect.RECEIVE_UPLOAD)
        folders.check()
        with translated(f"The folder {folders.uploads}"):
            if kept is not None and kept.photo is not None:
                self.path = kept.photo
                self.descriptor = os.open(self.path, os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW)
                self._read_again()
                return
            folders.uploads.mkdir(exist_ok=True)
            self._refuse_without_room(expected_bytes)
            self._folder.mkdir()
            self.descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)

    @property
    def sha256(self) -> bytes:
        """Of all bytes so far; 32 of them."""
        return self._sum.digest()

    def keep(self, note: UploadNote) -> None:
        """Keep it over a restart of the daemon, with what its sender said of it."""
        self._tick(Effect.RECEIVE_UPLOAD)
        with translated(f"Receiving a photo into {self._folders.uploads}"):
            write_note(self._folder, note)

    def write(self, data: bytes) -> None:
        """Add bytes at the end."""
        with self._lock, translated(f"Receiving a photo into {self._folders.uploads}"):
            if self.descriptor < 0:
                raise ValueError("this photo was discarded")
            left = memoryview(data)
            while left:
                left = left[os.write(self.descriptor, left) :]
            self._sum.update(data)
            self.size_bytes += len(data)
            if self.size_bytes - self._looked_at >= _LOOK_EVERY_BYTES:
                self._looked_at = self.size_bytes
                self._refuse_without_room(0)

    def head(self, length: int) -> bytes:
        """The first bytes."""
        return os.pread(self.descriptor, length, 0)

    def settle(self) -> None:
        """Make all bytes durable."""
        with translated(f"Receiving a photo into {self._folders.uploads}"):
            os.fsync(self.descriptor)

    def close_as(self, name: str) -> tuple[int, int]:
        """Write no more, and give the file its name. Returns its size in bytes and its mtime in ns."""
        self._tick(Effect.RECEIVE_UPLOAD)
        with translated(f"Receiving a photo into {self._folders.uploads}"):
            self._close()
            named = self._folder / name
            self.path = self.path.rename(named)
            open_below.settle_path(self._folder)
            found = named.stat()
        return found.st_size, found.st_mtime_ns

    def let_go(self) -> None:
        """Write no more, and leave what is there for later."""
        self._close()

    def discard(self) -> None:
        """Remove what is still there; nothing, once the file is in work. What cannot be removed goes at the next start.

        Raises nothing.
        """
        self._close()
        with suppress(OSError, RootAway, NoRoom):
            self._tick(Effect.CLEAR_UPLOAD)
            shutil.rmtree(self._folder)

    def _read_again(self) -> None:
        while data := os.pread(self.descriptor, _PIECE_BYTES, self.size_bytes):
            self._sum.update(data)
            self.size_bytes += len(data)

    def _close(self) -> None:
        with self._lock:
            if self.descriptor >= 0:
                os.close(self.descriptor)
                self.descriptor = -1

    def _refuse_without_room(self, expected_bytes: int) -> None:
        disk = os.statvfs(self._folders.private)
        if disk.f_bavail * disk.f_frsize < expected_bytes + SPARE_BYTES:
            raise NoRoom(Said("no_room_for_upload"))


def clear_received_files(folders: HotFolder, tick: Tick) -> int:
    """Remove what an earlier run received and did not take into work, unless its sender may go on with it.

    Returns how many. Nobody may send meanwhile.
    """
    left: list[Path] = []
    with translated(f"The folder {folders.uploads}"), suppress(FileNotFoundError):
        left = [folder for folder in folders.uploads.iterdir() if kept_upload(folders, folder.name) is None]
        for folder in left:
            tick(Effect.CLEAR_UPLOAD)
            shutil.rmtree(folder, ignore_errors=True)
    return len(left)
