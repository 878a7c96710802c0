"""The values that a scan of `inbox/` takes and returns."""

from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from daemon.errors import Said

FoundBy = Literal["event", "scan", "startup", "upload"]


@dataclass(frozen=True, slots=True)
class Arrival:
    """A photo that is proven whole.

    name: its path below `inbox/`, clean NFC text. waited_seconds: since it was first seen.
    """

    source: Path
    name: str
    size_bytes: int
    mtime_ns: int
    found_by: FoundBy
    waited_seconds: float


@dataclass(frozen=True, slots=True)
class Reject:
    """A file that will not become a photo any more. reason: why, in sentences for people."""

    source: Path
    name: str
    reason: Said


@dataclass(frozen=True, slots=True)
class LeftFile:
    """A name of the inbox that nobody works on. name: its path below `inbox/`, clean NFC text. why: as a phrase.

    since: when it was first seen, or last changed, in monotonic seconds.
    """

    path: str
    name: str
    why: Said
    since: float


@dataclass(frozen=True, slots=True)
class Scan:
    """What one scan found.

    ready: oldest first. incomplete: how many files are waited for. ignored: reason -> number of names that are newly
    ignored. left_alone: all that are ignored, litter left out, by name, and so are companions without their photo.
    companions: files that belong by their names to a photo that is not in `inbox/` any more. noted: folders with
    a note about what is left alone. next_look_seconds: when another scan can tell more, unless an event comes earlier.
    followers: paths below `inbox/` of photos that are not cut out, because they are the other file of a camera's pair.
    """

    ready: tuple[Arrival, ...]
    rejected: tuple[Reject, ...]
    incomplete: int
    ignored: Mapping[str, int]
    left_alone: Sequence[LeftFile]
    companions: Sequence[LeftFile]
    noted: Collection[str]
    next_look_seconds: float
    followers: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class Hints:
    """Paths that events named since the last scan. closed: those that a writer closed or renamed into place."""

    touched: Set[str] = frozenset()
    closed: Set[str] = frozenset()
