"""Finds photos of an order that the journal has forgotten (`journal.keep_days`), by the reports of their results."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from pathlib import Path, PurePosixPath

from daemon.exports.order_photos import OrderPhoto
from daemon.hotfolder import ownership
from daemon.hotfolder.hot_folder import HotFolder
from daemon.intake.files_below import files_below
from daemon.jobs import Grade
from daemon.pictures.result_names import REPORT
from daemon.publishing.report_reading import Reported, read_report


def forgotten_photos(
    folders: HotFolder, order: str, unknown: Callable[[Sequence[str]], Collection[str]]
) -> Iterator[OrderPhoto]:
    """The photos whose results lie in the order's folders of the grades, and of which only a report tells.

    order: a top-level folder's name. unknown: which of some job ids the journal does not know. Raises OSError.
    """
    for grade in Grade:
        for place, reported in _reports(folders, grade, order):
            if reported.job in unknown([reported.job]):
                photo = PurePosixPath(reported.name).relative_to(order).as_posix()
                stem = place.removesuffix(REPORT)
                results = (*(stem + suffix for suffix in reported.suffixes), place)
                yield OrderPhoto(photo, Path(folders.inbox.name, reported.name), grade, results, "", None)


def _reports(folders: HotFolder, grade: Grade, order: str) -> Iterator[tuple[str, Reported]]:
    top = folders.grade(grade)
    for place, _ in files_below(top) if top.is_dir() else ():
        if not (place.startswith(f"{top.name}/{order}/") and place.endswith(REPORT)):
            continue
        with suppress(ValueError):  # somebody else's JSON
            reported = read_report(ownership.report_at(folders.root, place) or b"")[0]
            if reported.name.startswith(f"{order}/"):
                yield place, reported
