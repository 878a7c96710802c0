"""Decides when a file may be taken, from what was seen of it and when. No disk and no clock in here.

A file must first be quiet (unchanged for a while) and then be proven (structure and decoding). A file that is not
proven waits, with an upper limit counted from its last change. How long "a while" is depends on what is known: it is
short after a writer closed the file, and long if a writer was seen to leave gaps. A TIFF waits longer still, because a
scanner may append a page, unless its times show that it was finished elsewhere.
"""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from daemon.disk.file_id import FileId
from daemon.errors import Said, said_together
from daemon.intake.proving import Finding, Proof

CLOSED_QUIET_SECONDS = 0.3
"""Enough after a close: it only has to outlast a writer that closes the file and opens it again at once."""

_ELSEWHERE_NS = 60 * 10**9
"""A file that was written so long before it got here is a copy that kept its time, or was moved in: no scanner still
appends to it. Both times come from the clock of the disk or server that holds the file."""

_GAP_FACTOR = 1.5  # the next gap of a writer may be half as long again as the longest one so far
_REMEMBERED_FILES = 20


@dataclass(frozen=True, slots=True)
class Rules:
    """The times for one kind of file system, in seconds."""

    quiet_seconds: float
    patience_seconds: float
    whole_seconds: float = 0.0
    """How long a file that is whole, and was written here, must be unchanged: a TIFF is also whole while its next
    page is still to come."""

    @property
    def refuse_seconds(self) -> float:
        """How long a file that is not a photo at all must be unchanged: it might be a placeholder for one."""
        return min(max(5 * self.quiet_seconds, 3.0), self.patience_seconds)


class FileAction(StrEnum):
    """What to do with a file now."""

    WAIT = "wait"
    PROVE = "prove"
    TAKE = "take"
    REJECT = "reject"


class FileDecision(NamedTuple):
    """What to do with a file. For WAIT, seconds says when another look can tell more."""

    action: FileAction
    seconds: float = 0.0


class ObservedFile:
    """What was seen of one file so far. Times are the caller's monotonic clock, in seconds."""

    __slots__ = ("changed_at", "closed", "file_id", "first_seen", "from_elsewhere", "longest_gap", "proof", "same_at")

    def __init__(self, file_id: FileId, now: float) -> None:
        self.file_id = file_id
        self.first_seen = now
        self.changed_at = now
        self.same_at = now
        """When it was last seen unchanged."""
        self.longest_gap = 0.0
        """The longest time that its writer left it unchanged before the next change."""
        self.closed = False
        """Whether a writer closed it since its last change."""
        self.from_elsewhere = _is_from_elsewhere(file_id)
        """Whether it was finished elsewhere, and then copied with its time or moved in."""
        self.proof: Proof | None = None

    def see(self, file_id: FileId, now: float, closed: bool = False) -> None:
        """Take in what a look showed. closed: a writer closed it since the last look."""
        if file_id == self.file_id:
            self.same_at = now
        else:
            # A gap counts only as long as the file was seen unchanged: looks that are far apart prove no gap.
            self.longest_gap = max(self.longest_gap, self.same_at - self.changed_at)
            if file_id.mtime_ns != self.file_id.mtime_ns:  # otherwise it was only renamed, or got other rights
                self.from_elsewhere = _is_from_elsewhere(file_id)
            self.file_id, self.changed_at, self.same_at = file_id, now, now
            self.closed, self.proof = False, None
        self.closed = self.closed or closed


def decide(file: ObservedFile, rules: Rules, writer_gap: float, now: float) -> FileDecision:
    """What to do with a file. writer_gap: the longest gap in recent files of the same writer, in seconds."""
    unchanged = now - file.changed_at
    if file.file_id.size_bytes == 0:
        quiet = rules.patience_seconds  # a placeholder; there is nothing to prove
    else:
        quiet = quiet_seconds(file, rules, writer_gap)
    if unchanged < quiet:
        return FileDecision(FileAction.WAIT, quiet - unchanged)
    if file.proof is None or file.proof.finding in (Finding.WRITING, Finding.UNDECIDED):
        return FileDecision(FileAction.PROVE)
    if file.proof.finding is Finding.WHOLE:
        left = 0.0 if file.from_elsewhere else rules.whole_seconds - unchanged
        return FileDecision(FileAction.WAIT, left) if left > 0 else FileDecision(FileAction.TAKE)
    # Not proven. At the limit the file is proven once more, since data can arrive without a change of size and times.
    limit = rules.refuse_seconds if file.proof.finding is Finding.NEVER else rules.patience_seconds
    if unchanged < limit:
        return FileDecision(FileAction.WAIT, limit - unchanged)
    if file.proof.made_at < file.changed_at + limit:
        return FileDecision(FileAction.PROVE)
    return FileDecision(FileAction.TAKE if file.proof.finding is Finding.DOUBTFUL else FileAction.REJECT)


def _is_from_elsewhere(file_id: FileId) -> bool:
    """Whether the content was written long before the file last changed in any way."""
    return file_id.ctime_ns - file_id.mtime_ns > _ELSEWHERE_NS


def quiet_seconds(file: ObservedFile, rules: Rules, writer_gap: float) -> float:
    """How long a file must be unchanged before it is worth proving."""
    base = min(rules.quiet_seconds, CLOSED_QUIET_SECONDS) if file.closed else rules.quiet_seconds
    learned = _GAP_FACTOR * max(file.longest_gap, writer_gap)
    return max(base, min(learned, rules.patience_seconds / 2))


def reason_for_rejecting(file: ObservedFile, now: float) -> Said:
    """Why a file goes to `failed/`, in sentences for people."""
    reason = [file.proof.reason] if file.proof else []
    if file.proof and file.proof.finding is Finding.NEVER:
        return file.proof.reason
    return said_together([*reason, Said("unchanged_for", n=round(now - file.changed_at))])


class Writer(NamedTuple):
    """Who writes a file, as far as the file shows it: its folder, its owner, and the suffix of its name."""

    folder: str
    owner: int
    suffix: str


class WritingGaps:
    """The longest gap in each of the latest files of every writer: how long it left them unchanged while writing."""

    def __init__(self) -> None:
        self._by_writer: dict[Writer, deque[float]] = {}

    def note(self, writer: Writer, seconds: float) -> None:
        """Remember the longest gap in a file of this writer that is complete now."""
        if seconds > 0 or writer in self._by_writer:
            self._by_writer.setdefault(writer, deque(maxlen=_REMEMBERED_FILES)).append(seconds)

    def longest(self, writer: Writer) -> float:
        """The longest gap in the writer's latest files, in seconds; 0 if there was none."""
        return max(self._by_writer.get(writer, ()), default=0.0) if self._by_writer else 0.0
