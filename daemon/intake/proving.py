"""Proving one file: is it whole, not yet, or no photo at all? The only place that reads files in `inbox/`."""

import os
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from daemon.disk import open_below
from daemon.disk.file_id import FileId
from daemon.disk.names import clean_name
from daemon.disk.open_writers import open_for_writing
from daemon.errors import BadPhoto, NotWholeYet, Vanished
from daemon.intake.file_structure import follow_to_end


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
class Proof:
    """What was found, why in sentences for people, and when."""

    finding: Finding
    reason: str = ""
    made_at: float = 0.0


Decode = Callable[[Path, float], None]
"""Decodes a picture to its end; takes a path and the most megapixels allowed.

Raises BadPhoto, NotWholeYet (in sentences that begin with the path's last part) or Vanished.
"""


class Prover:
    """Proves files below one folder. `decode` is `pictures.reading.prove_decodes`."""

    def __init__(self, inbox: Path, max_megapixels: float, decode: Decode, clock: Callable[[], float]) -> None:
        self._inbox = inbox
        self.max_megapixels = max_megapixels
        self._decode = decode
        self._clock = clock

    def prove(self, way: Sequence[str], mark: FileId, remote: bool) -> Proof | None:
        """Look into the file inbox/way; None where it is gone, or no longer the file of that mark.

        remote: other machines may write it unseen, so nobody is asked who has it open.
        """
        name = clean_name(way[-1])
        try:
            finding, reason = self._look(way, name, mark, remote)
        except (FileNotFoundError, NotADirectoryError, Vanished):
            return None
        except BlockingIOError:  # another program holds a lease on it; Samba does, for clients that write
            finding, reason = Finding.WRITING, f"{name} is held by another program."
        except OSError as error:
            finding = Finding.NOT_YET
            reason = f"{name} cannot be read ({error.strerror}). Allow the daemon's user to read it, or copy it again."
        return Proof(finding, reason, self._clock())

    def _look(self, way: Sequence[str], name: str, mark: FileId, remote: bool) -> tuple[Finding, str]:
        with open_below.opened(self._inbox, way[:-1]) as folder:
            descriptor = os.open(way[-1], open_below.FILE, dir_fd=folder)
        try:
            self._same(descriptor, mark)
            if not remote and open_for_writing(descriptor):
                return Finding.WRITING, f"{name} is open for writing."
            found = self._read(descriptor, name)
            self._same(descriptor, mark)
            return found
        finally:
            os.close(descriptor)

    def _read(self, descriptor: int, name: str) -> tuple[Finding, str]:
        try:
            doubt = follow_to_end(descriptor)
        except NotWholeYet as error:
            return Finding.NOT_YET, f"{name} is not whole: {error}. Copy it again."
        # The very file that is open here, whatever its path means by now, and however long or strange that path is.
        path = Path(f"/proc/self/fd/{descriptor}")
        try:
            self._decode(path, self.max_megapixels)
        except (NotWholeYet, BadPhoto) as error:
            finding = Finding.NEVER if isinstance(error, BadPhoto) else Finding.NOT_YET
            return finding, re.sub(f"^{path.name}(?= )", lambda _: name, str(error))
        return (Finding.DOUBTFUL, f"{name} may not be whole: {doubt}.") if doubt else (Finding.WHOLE, "")

    def _same(self, descriptor: int, mark: FileId) -> None:
        if FileId.of(os.fstat(descriptor)) != mark:
            raise Vanished("The file that was to be proven is another one by now.")
