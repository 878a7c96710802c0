"""Decides what a person meant by moving a result between grade folders, from places alone. No disk and no clock here.

A place is a path below the root, POSIX, e.g. "gut/kunde/a.png", as the disk spells it.
"""

import itertools
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from daemon.disk.names import name_key
from daemon.hotfolder.free_names import stems
from daemon.jobs import Grade
from daemon.pictures.result_names import REPORT, is_rendition, tails_of


@dataclass(frozen=True, slots=True)
class Moved:
    """A result that a person moved. before == after: within one grade folder, which is no verdict.

    places: (known place, where it belongs now) for each file of the result, in the order in which they are known.
    by: the known place of the picture that was moved; "" = none was, the grade was given in another way.
    """

    before: Grade
    after: Grade
    places: tuple[tuple[str, str], ...]
    by: str = ""


def read_move(
    known: Sequence[str], gone: Collection[str], found: Sequence[str], standing: Grade | None = None
) -> Moved | None:
    """What was done to one result. Returns None if nothing was, or if a person only made a copy.

    known: the result's places as last recorded, in the order in which they were made. gone: those where no file is any
    more. found: other places in grade folders where its pictures were seen. standing: the grade that people gave it
    last, None = none: it counts if the result's pictures are in the folders of several grades.

    Any of its pictures that a person moved speaks for the whole result; of several, the first one does, so that they
    count once. Only a rendition says nothing as long as a picture that comes before it is still there.
    """
    pictures = [place for place in known if not is_report(place)]
    tails, is_there = tails_of(known), False
    for place in pictures:
        if place not in gone:
            is_there = True
        elif is_there and is_rendition(tails[place]):
            continue
        elif now := _same_picture(place, _not_of_others(place, pictures, found), by_suffix=not is_there):
            return _moved(known, gone, found, place, now, standing)
    return None


def grade_of(place: str) -> Grade | None:
    """The grade whose folder a place is in, however that folder is spelled. Returns None for other folders."""
    top = unicodedata.normalize("NFC", place.partition("/")[0])
    return next((grade for grade in Grade if grade.value == top), None)


def tail_of(place: str) -> str:
    """What tells the files of one result apart: ".png", "_for-ebay.jpg", "-p2_mask.png", ".json"; in lower case."""
    return tails_of([place])[place]


def stem_of(place: str) -> str:
    """The name of a result at a place, without its folders and without its tail."""
    name = PurePosixPath(place).name
    return name[: len(name) - len(tail_of(place))]


def names_of(places: Iterable[str]) -> frozenset[str]:
    """The names of files at places, as `name_key` gives them."""
    return frozenset(map(_name, places))


def is_report(place: str) -> bool:
    """Whether a file of a result is its report, by its name."""
    return place.lower().endswith(REPORT)


def numbered(place: str) -> Iterator[str]:
    """The places in the same folder to which a file may step aside, in this order: "gut/a-2.png", "gut/a-3.png"…"""
    tail, path = spelled_tail(place), PurePosixPath(place)
    for stem in itertools.islice(stems("unique", stem_of(place), tail), 1, None):
        yield str(path.with_name(f"{stem}{tail}"))


def _same_picture(place: str, found: Sequence[str], by_suffix: bool = True) -> str | None:
    """Where this picture is now. Of several, the one whose place changed least; the others are copies.

    by_suffix: whether a name of another kind may be its; not while it might be a copy of a picture that is still there.
    """
    for alike in (_name, tail_of, _suffix)[: 3 if by_suffix else 2]:
        if matches := [other for other in found if alike(other) == alike(place)]:
            return min(matches, key=lambda other: (grade_of(other) != grade_of(place), other))
    return None


def _not_of_others(place: str, pictures: Sequence[str], found: Sequence[str]) -> list[str]:
    """What was found, without what is called like another picture of the result: a mask is not the cut-out."""
    names = {_name(other) for other in pictures if other != place} - {_name(place)}
    return [other for other in found if _name(other) not in names]


def _moved(
    known: Sequence[str],
    gone: Collection[str],
    found: Sequence[str],
    place: str,
    now: str,
    standing: Grade | None,
) -> Moved | None:
    """The whole result, given that its picture at `place` is at `now`."""
    before, after = grade_of(place), grade_of(now)
    if standing in map(grade_of, known):
        before = standing
    if before is None or after is None:
        return None
    left = [other for other in found if other != now]
    tails = tails_of(known)  # together, since the photo's name may itself end like a tail
    name, tail = PurePosixPath(now).name, tails[place]
    stem = name[: len(name) - len(tail)] if name.lower().endswith(tail) else stem_of(now)
    places = []
    for other in known:
        if other == place:
            there = now
        elif other in gone and (elsewhere := _same_picture(other, left)) and tail_of(elsewhere) == tail_of(other):
            there = elsewhere
        elif before == after:
            there = other
        else:
            there = str(PurePosixPath(now).with_name(f"{stem}{_ending(other, tails[other])}"))
        places.append((other, there))
    return Moved(before, after, tuple(places), place)


def _name(place: str) -> str:
    return name_key(PurePosixPath(place).name)


def _ending(place: str, tail: str) -> str:
    """A tail as the disk spells it."""
    name = PurePosixPath(place).name
    return name[len(name) - len(tail) :]


def _suffix(place: str) -> str:
    return PurePosixPath(place).suffix.lower()


def spelled_tail(place: str) -> str:
    """The tail of a place as the disk spells it."""
    return _ending(place, tail_of(place))
