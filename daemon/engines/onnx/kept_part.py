"""The part of a file that has arrived so far: locked against a second fetch, and kept when a fetch is interrupted."""

import errno
import fcntl
import json
import os
import uuid
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

from daemon.disk import open_below
from daemon.disk.whole_file import put_in_place, write_whole
from daemon.engines.onnx.proven_weights import digest_of_open

_FLAGS = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW
_NO_LOCKS_HERE = {errno.ENOLCK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
_MOST_NOTE_BYTES = 1 << 14


class PartInUse(Exception):
    """Another process fetches the same file. Answer: wait for it, if there is time."""


@dataclass(frozen=True, slots=True)
class PartNote:
    """Where a part came from. sum: of the file as it was promised. url, validator: its source, "" = unknown."""

    sum: str = ""
    url: str = ""
    validator: str = ""


class KeptPart:
    """The part of `target` that is on the disk, below a name of its own. Use it as a context manager.

    Where the file system has no locks, the part has a name that no other fetch has, and an interruption loses it.
    """

    def __init__(self, target: Path, *, wait: bool) -> None:
        """Open the part, and lock it. wait: for another process that fetches the same file; else raise PartInUse.

        Raises OSError.
        """
        self._target = target
        self._path = target.with_name(f".{target.name}.part")
        self._note_path = target.with_name(f".{target.name}.part.json")
        self._kept = True
        self._descriptor = self._locked(wait)

    def __enter__(self) -> "KeptPart":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._kept or self.size == 0:  # nothing is worth keeping
            self._forget()
        os.close(self._descriptor)

    @property
    def size(self) -> int:
        """Bytes that are there."""
        return os.fstat(self._descriptor).st_size

    def note(self) -> PartNote:
        """Where the part came from. An empty note if that is unknown."""
        with suppress(OSError, ValueError, TypeError):
            values = json.loads(open_below.read_small(self._note_path, _MOST_NOTE_BYTES))
            if all(isinstance(value, str) for value in values.values()):
                return PartNote(**values)
        return PartNote()

    def begin(self, note: PartNote) -> None:
        """Start anew: forget what is there. Raises OSError."""
        os.ftruncate(self._descriptor, 0)
        self.came_from(note)

    def came_from(self, note: PartNote) -> None:
        """Keep where the part comes from. Raises OSError."""
        if self._kept:
            values = {"sum": note.sum, "url": note.url, "validator": note.validator}
            write_whole(self._note_path, json.dumps(values).encode())

    def append(self, some: bytes) -> None:
        """Add what arrived. Raises OSError."""
        at = self.size
        left = memoryview(some)
        while left:
            written = os.pwrite(self._descriptor, left, at)
            at, left = at + written, left[written:]

    def digest(self, algorithm: str) -> str:
        """The hex digest of what is there. algorithm: "sha256" or "md5". Raises OSError."""
        os.lseek(self._descriptor, 0, os.SEEK_SET)
        with open(self._descriptor, "rb", closefd=False) as file:
            return digest_of_open(file, algorithm)

    def publish(self) -> None:
        """Give the whole file its name, durably, replacing what is there. Raises OSError."""
        put_in_place(self._path, self._target)
        self._note_path.unlink(missing_ok=True)
        self._path = self._target  # so that leaving removes no part that another process has begun since
        self._kept = True

    def _forget(self) -> None:
        if self._path != self._target:
            self._path.unlink(missing_ok=True)
            self._note_path.unlink(missing_ok=True)

    def _locked(self, wait: bool) -> int:
        while True:
            descriptor = os.open(self._path, _FLAGS, 0o644)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
                if self._is_named(descriptor):
                    return descriptor
            except BlockingIOError as error:
                os.close(descriptor)
                raise PartInUse(str(self._target)) from error
            except OSError as error:
                os.close(descriptor)
                if error.errno not in _NO_LOCKS_HERE:
                    raise
                return self._unshared()
            except BaseException:
                os.close(descriptor)
                raise
            os.close(descriptor)  # its holder has finished it meanwhile: the name is another file's, or nobody's

    def _is_named(self, descriptor: int) -> bool:
        try:
            named = self._path.lstat()
        except FileNotFoundError:
            return False
        return os.path.samestat(named, os.fstat(descriptor))

    def _unshared(self) -> int:
        self._kept = False
        self._path.unlink(missing_ok=True)
        self._path = self._target.with_name(f".{self._target.name}.{uuid.uuid4().hex}.part")
        return os.open(self._path, _FLAGS | os.O_EXCL, 0o644)
