"""When a file may be taken: decided from what was seen of it and when. No disk, no clock in here.

Quiet first (nothing changed for a while), then proven (structure and decoding). What is not proven waits, with an
upper limit counted from its last change. How long "a while" is depends on what is known: a close after writing makes
it short, pauses that a writer was seen to make, long. A TIFF is given longer still, for a scanner may append a page,
unless its times tell that it was finished elsewhere.
"""

from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

from daemon.disk.file_id import FileId
from daemon.intake.proving import Finding, Proof

CLOSED_QUIET_SECONDS = 0.3
"""Enough after a close: it only bridges a writer that closes and opens again at once."""

_BROUGHT_NS = 60 * 10**9
"""A file written so long before it got here is a copy that kept its time, or was moved in: no scanner is at it. Both
times are of the clock of the disk or the server that it lies on."""

_PAUSE_FACTOR = 1.5  # a writer that paused this long may next time pause half as much longer
_REMEMBERED_FILES = 20


@dataclass(frozen=True, slots=True)
class Rules:
    """The times for one kind of file system, in seconds."""

    quiet_seconds: float
    patience_seconds: float
    whole_seconds: float = 0.0
    """How long a file that is whole, and was written here, must be unchanged: a TIFF with a further page to come is
    whole without it."""

    @property
    def refuse_seconds(self) -> float:
        """How long what is no photo at all must be unchanged: it might be a placeholder for one."""
        return min(max(5 * self.quiet_seconds, 3.0), self.patience_seconds)


class Next(StrEnum):
    """What to do with a file now."""

    WAIT = "wait"
    PROVE = "prove"
    TAKE = "take"
    REJECT = "reject"


class Step(NamedTuple):
    """What to do, and for WAIT, after how many seconds another look can tell more."""

    next: Next
    seconds: float = 0.0


class Watched:
    """One file under observation. Times are the caller's monotonic clock, in seconds."""

    __slots__ = ("brought", "changed_at", "closed", "first_seen", "longest_pause", "mark", "proof", "same_at")

    def __init__(self, mark: FileId, now: float) -> None:
        self.mark = mark
        self.first_seen = now
        self.changed_at = now
        self.same_at = now
        self.longest_pause = 0.0
        self.closed = False
        self.brought = _is_older(mark)
        """Whether it was finished elsewhere, and copied with its time or moved in."""
        self.proof: Proof | None = None

    def see(self, mark: FileId, now: float, closed: bool = False) -> None:
        """Take in what a look showed. closed: a writer closed it since the last look."""
        if mark == self.mark:
            self.same_at = now
        else:
            # Only as long as it was seen unchanged: looks that are far apart say nothing of a pause.
            self.longest_pause = max(self.longest_pause, self.same_at - self.changed_at)
            if mark.mtime_ns != self.mark.mtime_ns:  # else it was only renamed, or given other rights
                self.brought = _is_older(mark)
            self.mark, self.changed_at, self.same_at = mark, now, now
            self.closed, self.proof = False, None
        self.closed = self.closed or closed


def next_step(file: Watched, rules: Rules, writer_pause: float, now: float) -> Step:
    """What to do with a file. writer_pause: the longest pause that recent files of its writer showed, in seconds."""
    unchanged = now - file.changed_at
    if file.mark.size_bytes == 0:
        quiet = rules.patience_seconds  # a placeholder; there is nothing to prove
    else:
        quiet = quiet_seconds(file, rules, writer_pause)
    if unchanged < quiet:
        return Step(Next.WAIT, quiet - unchanged)
    if file.proof is None or file.proof.finding is Finding.WRITING:
        return Step(Next.PROVE)
    if file.proof.finding is Finding.WHOLE:
        left = 0.0 if file.brought else rules.whole_seconds - unchanged
        return Step(Next.WAIT, left) if left > 0 else Step(Next.TAKE)
    # Not proven. At the limit it is looked into once more, since data can arrive without a change of size and times.
    limit = rules.refuse_seconds if file.proof.finding is Finding.NEVER else rules.patience_seconds
    if unchanged < limit:
        return Step(Next.WAIT, limit - unchanged)
    if file.proof.made_at < file.changed_at + limit:
        return Step(Next.PROVE)
    return Step(Next.TAKE if file.proof.finding is Finding.DOUBTFUL else Next.REJECT)


def _is_older(mark: FileId) -> bool:
    """Whether it was written long before its last change of any kind."""
    return mark.ctime_ns - mark.mtime_ns > _BROUGHT_NS


def quiet_seconds(file: Watched, rules: Rules, writer_pause: float) -> float:
    """How long a file must be unchanged before it is worth a look inside."""
    base = min(rules.quiet_seconds, CLOSED_QUIET_SECONDS) if file.closed else rules.quiet_seconds
    learned = _PAUSE_FACTOR * max(file.longest_pause, writer_pause)
    return max(base, min(learned, rules.patience_seconds / 2))


def reason_for_rejecting(file: Watched, now: float) -> str:
    """Why a file goes to `failed/`, in sentences for people."""
    reason = file.proof.reason if file.proof else ""
    if file.proof and file.proof.finding is Finding.NEVER:
        return reason
    return f"{reason} It had not changed for {now - file.changed_at:.0f} seconds.".lstrip()


class Writer(NamedTuple):
    """Who writes, as far as a file shows it: the folder, the owner, and the kind of file by its name's ending."""

    folder: str
    owner: int
    suffix: str


class Pauses:
    """The longest pauses that the latest files of each writer showed while they were written."""

    def __init__(self) -> None:
        self._by_writer: dict[Writer, deque[float]] = {}

    def note(self, writer: Writer, seconds: float) -> None:
        """A file of this writer is complete; this was its longest pause."""
        if seconds > 0 or writer in self._by_writer:
            self._by_writer.setdefault(writer, deque(maxlen=_REMEMBERED_FILES)).append(seconds)

    def longest(self, writer: Writer) -> float:
        """The longest of the latest, in seconds; 0 where none paused."""
        return max(self._by_writer.get(writer, ()), default=0.0) if self._by_writer else 0.0
