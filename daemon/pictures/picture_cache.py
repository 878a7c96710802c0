"""Keeps pictures for browsers in a folder of the state directory that never gets larger than it may."""

import hashlib
import os
import shutil
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from daemon.errors import NoRoom, Said
from daemon.pictures.pyramid import Part

_NEW = ".new-"  # begins the name of a folder in which files are made that nobody may find yet
_USED_SECONDS = 60.0  # a file that was used so lately need not be marked again
_LEAST_FREE_BYTES = 512 << 20  # of the disk: the journal is there as well, and comes first
_MEBIBYTE = 1 << 20
_KEY_CHARACTERS = 24


def key_of(content: bytes, page: int = 0) -> str:
    """Names a file that is shown. content: SHA-256 of it, or what else tells it. page: of a file of several, from 1."""
    return hashlib.sha256(content + bytes([page % 256])).hexdigest()[:_KEY_CHARACTERS]


def name_of(key: str, layers: Sequence[str], layer: str, part: Part) -> str:
    """The name of one picture of a file. layers: all that is shown of the file: an original has colours only."""
    return ".".join([key, "-".join(layers), layer, part])


class PictureCache:
    """Files by name. The least recently used one goes first. Safe to use from many threads, and at every crash.

    A file is made in a scratch folder beside the others and then gets its name, so what is found is always whole. Only
    one process keeps files in a folder.
    """

    def __init__(self, folder: Path, most_mb: Callable[[], int]) -> None:
        """most_mb: how many MB (2^20 bytes) all files may have together."""
        self._folder = folder
        self._most_mb = most_mb
        self._lock = threading.Lock()
        self._sizes: dict[str, int] | None = None  # by name; None until the folder was read

    def find(self, name: str) -> Path | None:
        """The file of that name, and a note that it was used now; None if it is not kept."""
        path = self._folder / name
        with suppress(OSError):
            now = time.time()
            if abs(now - path.stat().st_mtime) > _USED_SECONDS:
                os.utime(path, (now, now))
            return path
        return None

    def drop(self, name: str) -> None:
        """Remove a file that turned out to be damaged."""
        with self._lock, suppress(OSError):
            (self._folder / name).unlink(missing_ok=True)
            self._known().pop(name, None)

    def scratch_of(self, job_id: str) -> Path:
        """A folder to make files in for a job, which may not be there. What a crash leaves in it is removed later."""
        with self._lock:
            self._known()
        return self._folder / f"{_NEW}{job_id}"

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder to make files in, which is removed in the end. Raises NoRoom if there is none, or no room in it."""
        folder = self._folder / f"{_NEW}{uuid.uuid4().hex}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with self._lock:
                self._make_room()
            folder.mkdir()
            yield folder
        except OSError as error:
            raise NoRoom(Said("no_room_for_pictures", folder=self._folder, fault=error.strerror or error)) from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    def keep(self, name: str, path: Path) -> None:
        """Give a file in a scratch folder its name; what is kept under that name goes. Raises OSError."""
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)  # a name without content must not be left after a power cut
            size = os.fstat(descriptor).st_size
        finally:
            os.close(descriptor)
        with self._lock:
            path.replace(self._folder / name)
            self._known()[name] = size
            self._make_room(besides=name)

    def _known(self) -> dict[str, int]:
        """The sizes of all files. The first time, what an earlier run left unfinished is removed."""
        if self._sizes is None:
            self._sizes = {}
            with suppress(OSError), os.scandir(self._folder) as entries:
                for entry in entries:
                    if entry.name.startswith(_NEW):
                        shutil.rmtree(entry.path, ignore_errors=True)
                    else:
                        self._sizes[entry.name] = entry.stat().st_size
        return self._sizes

    def _make_room(self, besides: str = "") -> None:
        """Remove what was not used for longest, as far as there are too many bytes. besides: keep this one."""
        known = self._known()
        most, free = self._most_mb() * _MEBIBYTE, shutil.disk_usage(self._folder).free
        excess = max(sum(known.values()) - most, _LEAST_FREE_BYTES - free)
        if excess <= 0:
            return
        for _, name in sorted((_used_at(self._folder / name), name) for name in known if name != besides):
            with suppress(OSError):
                (self._folder / name).unlink(missing_ok=True)
            excess -= known.pop(name)
            if excess <= 0:
                return
        if free < _LEAST_FREE_BYTES and not besides:
            raise OSError(None, "the disk is nearly full")


def _used_at(path: Path) -> float:
    try:
        return path.stat().st_mtime
    except OSError:
        return 0.0
