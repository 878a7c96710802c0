"""Finds where all files of a result can stand together: under one name that nobody has yet."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath

from daemon.hotfolder.free_names import entered, stems
from daemon.people.moved_results import spelled_tail, stem_of


def free_places(
    folder: Path, places: Sequence[str], is_ours: Callable[[int, str], bool] = lambda *_: False
) -> list[str]:
    """A place in `folder`, a folder of the root, for each of these, in the sub-folders and with the name of the first.

    If a name is taken, all get the next one: "a-2", "a-3"…; sub-folders that are missing are made, so the caller ticks.
    is_ours: whether the file at a place is the one that belongs there; it gets an index of `places`, and that place.
    Raises RootAway, OSError.
    """
    first, tails = PurePosixPath(places[0]), [spelled_tail(place) for place in places]
    longest = max(tails, key=lambda tail: len(tail.encode()))
    with entered(folder, first.parts[1:-1]) as (descriptor, way):
        for stem in stems("unique", stem_of(places[0]), longest):
            found = [str(PurePosixPath(folder.name, *way, stem + tail)) for tail in tails]
            if all(_is_free(place, descriptor) or is_ours(index, place) for index, place in enumerate(found)):
                return found
    raise AssertionError("counting never ends")


def _is_free(place: str, folder: int) -> bool:
    try:
        os.stat(PurePosixPath(place).name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return True
    return False
