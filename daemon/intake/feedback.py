"""What people mean by moving results between grade folders: decided from places alone. No disk, no clock in here.

A place is a path below the root, POSIX, e.g. "gut/kunde/a.png", as the disk spells it.
"""

import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from daemon.jobs import Grade

REPORT = ".json"
_TAILS = ("_mask.png", "_flat.tif")  # endings that are more than a suffix


@dataclass(frozen=True, slots=True)
class Moved:
    """A result that a person gave another place. before == after: within one grade folder, which is no verdict.

    places: (known place, where it belongs now) for each file of the result, in the order in which they are known.
    """

    before: Grade
    after: Grade
    places: tuple[tuple[str, str], ...]


def read_move(known: Sequence[str], gone: Collection[str], found: Sequence[str]) -> Moved | None:
    """What was done to one result; None where nothing was, or only a copy was made of it.

    known: its places as they were last noted, in the order of their making. gone: those that nothing lies at any more.
    found: other places in grade folders that its pictures were seen at.

    The first of its pictures that a person did not delete speaks for all of it: a mask that is moved alone says
    nothing, and several formats that are moved say it once.
    """
    for place in known:
        if tail_of(place) == REPORT:
            continue
        if place not in gone:
            return None
        if now := _same_picture(place, found):
            return _moved(known, gone, found, place, now)
    return None


def grade_of(place: str) -> Grade | None:
    """The grade whose folder a place is in, however that is spelled; None for other folders."""
    top = unicodedata.normalize("NFC", place.partition("/")[0])
    return next((grade for grade in Grade if grade.value == top), None)


def tail_of(place: str) -> str:
    """What tells the files of one result apart: ".png", "_mask.png", ".tif", ".json"; in lower case."""
    name = PurePosixPath(place).name
    folded = name.lower()
    return next((tail for tail in _TAILS if folded.endswith(tail)), PurePosixPath(folded).suffix)


def stem_of(place: str) -> str:
    """The name of a result at a place, without its folders and without what `tail_of` names."""
    name = PurePosixPath(place).name
    return name[: len(name) - len(tail_of(place))]


def _same_picture(place: str, found: Sequence[str]) -> str | None:
    """Where this picture lies now; of several the one that changed the least: the others are copies."""
    tail = tail_of(place)
    alike = [other for other in found if tail_of(other) == tail]
    alike = alike or [other for other in found if PurePosixPath(tail_of(other)).suffix == PurePosixPath(tail).suffix]
    return min(alike, key=lambda other: (grade_of(other) != grade_of(place), other), default=None)


def _moved(known: Sequence[str], gone: Collection[str], found: Sequence[str], place: str, now: str) -> Moved | None:
    before, after = grade_of(place), grade_of(now)
    if before is None or after is None:
        return None
    beside = PurePosixPath(now).parent
    places = []
    for other in known:
        if other == place:
            there = now
        elif other in gone and (elsewhere := [each for each in found if tail_of(each) == tail_of(other)]):
            there = min(elsewhere, key=lambda each: (grade_of(each) != after, each))
        elif before == after:
            there = other
        else:
            there = str(beside / f"{stem_of(now)}{_spelled_tail(other)}")
        places.append((other, there))
    return Moved(before, after, tuple(places))


def _spelled_tail(place: str) -> str:
    name = PurePosixPath(place).name
    return name[len(name) - len(tail_of(place)) :]
