"""Proving one file: is it whole, not yet, or no photo at all? The only place that reads files in `inbox/`."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from daemon.errors import BadPhoto, NotWholeYet
from daemon.intake import descent
from daemon.intake.structure import follow_to_end
from daemon.intake.writers import open_for_writing


class Finding(StrEnum):
    """What a proof found."""

    WHOLE = "whole"
    DOUBTFUL = "doubtful"
    """It decodes, and looks as if data were still to come, e.g. ends in zeros."""
    NOT_YET = "not_yet"
    NEVER = "never"
    WRITING = "writing"
    """A program has it open for writing."""


@dataclass(frozen=True, slots=True)
class Mark:
    """What tells a file from its earlier self. ctime is in it since a copying program may set mtime back."""

    inode: int
    size_bytes: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, stat: os.stat_result) -> "Mark":
        """The mark that a stat shows."""
        return cls(stat.st_ino, stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)


@dataclass(frozen=True, slots=True)
class Proof:
    """What was found, why (a clause that begins with "it"; a whole sentence for NEVER), and when."""

    finding: Finding
    reason: str = ""
    made_at: float = 0.0


Decode = Callable[[Path, float], None]
"""Decodes a picture to its end; raises BadPhoto or NotWholeYet. Takes a path and the most megapixels allowed."""


class Prover:
    """Proves files below one folder. `decode` is `pictures.reading.prove_decodes`."""

    def __init__(self, inbox: Path, max_megapixels: float, decode: Decode, clock: Callable[[], float]) -> None:
        self._inbox = inbox
        self._max_megapixels = max_megapixels
        self._decode = decode
        self._clock = clock

    def prove(self, way: Sequence[str], mark: Mark, remote: bool) -> Proof | None:
        """Look into the file inbox/way; None where it is gone, or no longer the file of that mark.

        remote: other machines may write it unseen, so nobody is asked who has it open.
        """
        try:
            finding, reason = self._look(way, mark, remote)
        except (FileNotFoundError, NotADirectoryError, _Changed):
            return None
        except BlockingIOError:  # another program holds a lease on it; Samba does, for clients that write
            finding, reason = Finding.WRITING, "it is held by another program"
        except OSError as error:
            finding, reason = Finding.NOT_YET, f"it cannot be read: {error.strerror}"
        return Proof(finding, reason, self._clock())

    def _look(self, way: Sequence[str], mark: Mark, remote: bool) -> tuple[Finding, str]:
        with descent.opened(self._inbox, way[:-1]) as folder:
            descriptor = os.open(way[-1], descent.FILE, dir_fd=folder)
        try:
            self._same(descriptor, mark)
            if not remote and open_for_writing(descriptor):
                return Finding.WRITING, "it is open for writing"
            try:
                doubt = follow_to_end(descriptor)
                self._decode(self._inbox.joinpath(*way), self._max_megapixels)
            except NotWholeYet as error:
                return Finding.NOT_YET, str(error)
            except BadPhoto as error:
                return Finding.NEVER, str(error)
            finally:
                self._same(descriptor, mark)
            return (Finding.DOUBTFUL, doubt) if doubt else (Finding.WHOLE, "")
        finally:
            os.close(descriptor)

    def _same(self, descriptor: int, mark: Mark) -> None:
        if Mark.of(os.fstat(descriptor)) != mark:
            raise _Changed


class _Changed(Exception):
    """The file is not the one that was to be proven, or changed meanwhile. Answer: judge it anew at the next look."""
