"""Proves one file: is it whole, not whole yet, or not a photo at all? The only module that reads files in `inbox/`."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from daemon.disk import open_below
from daemon.disk.file_id import FileId
from daemon.disk.names import clean_name
from daemon.disk.open_writers import open_for_writing
from daemon.disk.os_errors import list_once
from daemon.errors import NOTHING_SAID, BadPhoto, EngineAway, NotWholeYet, RootAway, Said, Vanished, said_of
from daemon.intake.background_decoding import BackgroundDecoding, Decode
from daemon.pictures.file_structure import follow_to_end
from daemon.pictures.partial_file import EndMissing

_MOST_REMEMBERED = 100


class Finding(StrEnum):
    """What a proof found."""

    WHOLE = "whole"
    DOUBTFUL = "doubtful"
    """It decodes, but looks as if data were still to come: it ends in zeros, for example."""
    NOT_YET = "not_yet"
    NEVER = "never"
    WRITING = "writing"
    """A program has it open for writing."""
    UNDECIDED = "undecided"
    """The proof is not over yet, or the program stops."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What was found. reason: why, in sentences for people. made_at: when, in monotonic seconds."""

    finding: Finding
    reason: Said = NOTHING_SAID
    made_at: float = 0.0


class Prover:
    """Proves files below one folder. decode: e.g. `PhotoWorkers.prove`."""

    def __init__(
        self,
        inbox: Path,
        max_megapixels: float,
        decode: Decode,
        clock: Callable[[], float],
        on_late: Callable[[], None] = lambda: None,
    ) -> None:
        """on_late: is called, from another thread, when a proof that was UNDECIDED can be decided."""
        self._inbox = inbox
        self.max_megapixels = max_megapixels
        self._decoding = BackgroundDecoding(decode, on_late)
        self._clock = clock
        self._followed: dict[FileId, tuple[Said | None, EndMissing | None]] = {}

    def prove(self, way: Sequence[str], file_id: FileId, remote: bool) -> Proof | None:
        """Prove the file inbox/way. Returns None if it is gone, or is not the file of that id any more.

        Raises RootAway if the inbox does not answer either.

        remote: whether other machines may write it unseen; then the kernel cannot tell who has it open.
        """
        name = clean_name(way[-1])
        try:
            finding, reason = self._look(way, name, file_id, remote)
        except (FileNotFoundError, NotADirectoryError, Vanished):
            return None
        except BlockingIOError:  # another program holds a lease on it; Samba does, for clients that write
            finding, reason = Finding.WRITING, Said("held_by_program", name=name)
        except OSError as error:
            finding = Finding.NOT_YET
            reason = Said("access_denied", name=name, fault=error.strerror)
        return Proof(finding, reason, self._clock())

    def begin(self, way: Sequence[str], file_id: FileId, remote: bool) -> None:
        """Begin to decode the file inbox/way beside others, if it may be whole; never raises.

        `prove` finds out what comes of it, and meets what went wrong here once more.
        """
        with suppress(Exception), self._opened(way, file_id) as descriptor:
            if remote or not open_for_writing(descriptor):
                followed = self._follow(descriptor, file_id)
                if self._decoding.begin(file_id, descriptor, clean_name(way[-1]), self.max_megapixels):
                    self._followed[file_id] = followed

    def has_ended(self, file_id: FileId) -> bool:
        """Whether a file was decoded to its end that was begun, so that `prove` takes no time."""
        return self._decoding.has_ended(file_id)

    def close(self) -> None:
        """Begin no more proofs."""
        self._decoding.close()

    def _look(self, way: Sequence[str], name: str, file_id: FileId, remote: bool) -> tuple[Finding, Said]:
        undecided = Finding.UNDECIDED, Said("still_read", name=name)
        if self._decoding.is_busy_with(file_id):
            return undecided  # without following its structure to the end once more, at each look
        with self._opened(way, file_id) as descriptor:
            if not remote and open_for_writing(descriptor):
                return Finding.WRITING, Said("open_for_writing", name=name)
            found = self._read(descriptor, name, file_id) or undecided
            _refuse_another_file(descriptor, file_id)
            return found

    @contextmanager
    def _opened(self, way: Sequence[str], file_id: FileId) -> Iterator[int]:
        with open_below.opened(self._inbox, way[:-1]) as folder:
            descriptor = os.open(way[-1], open_below.FILE, dir_fd=folder)
        try:
            _refuse_another_file(descriptor, file_id)
            yield descriptor
        finally:
            os.close(descriptor)

    def _follow(self, descriptor: int, file_id: FileId) -> tuple[Said | None, EndMissing | None]:
        """What the structure makes doubtful, and the end that it lacks. Raises NotWholeYet. Each file is read once."""
        if len(self._followed) > _MOST_REMEMBERED:  # of files that went away meanwhile
            self._followed.clear()
        if known := self._followed.pop(file_id, None):
            return known
        try:
            return follow_to_end(descriptor), None
        except EndMissing as error:
            return said_of(error), error

    def _read(self, descriptor: int, name: str, file_id: FileId) -> tuple[Finding, Said] | None:
        try:
            doubt, missing = self._follow(descriptor, file_id)
        except NotWholeYet as error:
            return Finding.NOT_YET, Said("not_whole", name=name, detail=error)
        try:
            if not self._decoding.decode(file_id, descriptor, name, self.max_megapixels):
                return None
        except EngineAway:
            return Finding.UNDECIDED, Said("stopping_file_waits", name=name)
        except (NotWholeYet, BadPhoto, RootAway) as error:
            if isinstance(error, RootAway):
                list_once(self._inbox)  # an unreadable spot is this file's trouble, unless this fails too
            if missing and isinstance(error, NotWholeYet):
                return Finding.NOT_YET, Said("not_whole", name=name, detail=missing)
            return Finding.NEVER if isinstance(error, BadPhoto) else Finding.NOT_YET, said_of(error)
        if doubt:
            return Finding.DOUBTFUL, Said("may_not_be_whole", name=name, detail=doubt)
        return Finding.WHOLE, NOTHING_SAID


def _refuse_another_file(descriptor: int, file_id: FileId) -> None:
    if FileId.of(os.fstat(descriptor)) != file_id:
        raise Vanished(Said("changed_while_proven"))
