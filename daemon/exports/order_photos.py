"""Reads from the journal which photos an order has, and where the files of their results lie."""

import difflib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from daemon.disk.names import name_key
from daemon.errors import BadSettings, Said, as_said
from daemon.jobs import Grade
from daemon.journal import Journal
from daemon.journal.job_lists import ListOfJobs, SeenJob, Sort
from daemon.states import is_done, is_open

_AT_ONCE = 200  # jobs of a page of the journal
_SHOWN = 20  # orders in a message


@dataclass(frozen=True, slots=True)
class OrderPhoto:
    """A photo of an order.

    photo: its place below the order. source: where it was taken from, below the root. grade: of the folder that its
    result is in. results: places of its files below the root. settings: what was sent along with it, as JSON; "" =
    nothing. missing: why there is nothing of it to export; None = there is.
    """

    photo: str
    source: Path
    grade: Grade | None
    results: tuple[str, ...]
    settings: str
    missing: Said | None


def known_photos(journal: Journal, order: str) -> tuple[OrderPhoto, ...]:
    """The photos of an order, a top-level folder of `inbox/`, that the journal knows, as they came one by one."""
    return tuple(_photo(job, order) for job in _jobs(journal, ListOfJobs(order=order, sort=Sort.OLDEST)))


def no_such_order(journal: Journal, order: str) -> BadSettings:
    """That no photo is of an order, with the order that was probably meant."""
    return BadSettings(_unknown(order, {job.row.job.name for job in _jobs(journal, ListOfJobs())}))


def only_the_last(photos: Iterable[OrderPhoto]) -> tuple[OrderPhoto, ...]:
    """One photo for each place: the last one that has a result, else the last one.

    One that came again under its name counts anew, and its earlier result no more.
    """
    last: dict[str, OrderPhoto] = {}
    for photo in photos:
        key = name_key(photo.photo)
        before = last.pop(key, None)
        last[key] = before if before and not before.missing and photo.missing else photo
    return tuple(last.values())


def folder_in_inbox(photos: Iterable[OrderPhoto], order: str) -> str:
    """What the order's folder is called on the disk: a Mac, for one, may spell its name in another way."""
    ways = [photo.source.parts for photo in photos]
    named = [way[1] for way in ways if way[0] == "inbox" and len(way) > 2]
    return named[-1] if named else order


def _unknown(order: str, names: Iterable[str]) -> str:
    known = sorted({name.partition("/")[0] for name in names if "/" in name})
    close = difflib.get_close_matches(order, known, n=1)
    told = f'There is no order "{order}": an order is a folder in inbox/ that photos lay in.'
    if close:
        return f'{told} Did you mean "{close[0]}"?'
    return f"{told} There {'are' if len(known) > 1 else 'is'} {', '.join(known[:_SHOWN])}." if known else told


def _jobs(journal: Journal, wanted: ListOfJobs) -> Iterator[SeenJob]:
    cursor = None
    while True:
        page, cursor = journal.lists.page(wanted, _AT_ONCE, cursor)
        yield from page
        if cursor is None:
            return


def _photo(seen: SeenJob, order: str) -> OrderPhoto:
    row = seen.row
    name = PurePosixPath(row.job.name)
    return OrderPhoto(
        photo=name.relative_to(order).as_posix(),
        source=row.source,
        grade=seen.grade,
        results=row.results,
        settings=row.settings,
        missing=_missing(seen),
    )


def _missing(seen: SeenJob) -> Said | None:
    row = seen.row
    if is_open(row.job.state):
        return Said("export_in_work")
    if not is_done(row.job.state):
        return Said("export_failed", detail=as_said(row.job.reason or ""))
    if row.same_as:
        return Said("export_same_content")
    return None if row.results else Said("export_no_result")
