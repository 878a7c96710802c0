"""Finds the results below a folder, with what a sheet shows of each: files, grade, reasons."""

import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from daemon.errors import BadSettings
from daemon.hotfolder import ownership
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.root_identity import read_identity
from daemon.jobs import Grade, Limits, Reason
from daemon.publishing.notes import why_in
from daemon.publishing.report_reading import Reported, ReportedRendition, read_report
from daemon.renditions.wanted import Proved

CUTOUTS = (".png", ".webp", ".tif", ".jpg", "_flat.tif")  # results that show colours, those with an alpha first
MASK = "_mask.png"
NOTE = ".txt"
MOST_NAMESAKES = 100  # in the archive: "shoe.jpg", "shoe-2.jpg", … may all be the original of one name


@dataclass(frozen=True, slots=True)
class ShownRendition:
    """A rendition of a photo. path: None if it was left out, or is gone. broken: the rules that it breaks."""

    label: str
    path: Path | None
    broken: tuple[Proved, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """One photo on a sheet. grade: from its report, or of the folder that a person moved it to; None = it failed.

    original, cutout, mask: their paths, None if they are not there. moved_from: the grade that the program gave, if a
    person changed it. how: the recipe, after `tried` attempts. page: 1, 2, … of an original with several pages; 0 = it
    has one. score, rim, limits: both promises, and by what they were graded.
    """

    name: str
    grade: Grade | None
    score: float | None
    reasons: tuple[Reason | str, ...]
    original: Path | None
    cutout: Path | None = None
    mask: Path | None = None
    moved_from: Grade | None = None
    how: str = ""
    tried: int = 0
    page: int = 0
    rim: float | None = None
    limits: Limits | None = None
    renditions: tuple[ShownRendition, ...] = ()


@dataclass(frozen=True, slots=True)
class Found:
    """The photos to show, failures first, then from the worst score; and how many reports have no result any more."""

    shown: tuple[Shown, ...]
    lost: int


def find(folder: Path, originals: Path | None = None) -> Found:
    """The results below `folder`: a hot folder, a folder in one, or the folder that `process` wrote to.

    originals: the folder of the photos; None = the archive of the hot folder, else beside the results.
    Raises BadSettings if there is no such folder.
    """
    if not folder.is_dir():
        raise BadSettings(f"{folder} is no folder. Name a hot folder, a folder in it, or the folder of process --out.")
    folder = folder.absolute()
    hot = next((place for place in (folder, *folder.parents) if read_identity(place / ".freisteller")), None)
    folders = HotFolder(hot) if hot else None
    searched: tuple[Path, ...] = (folder,)
    if folders and folders.root == Path(os.path.realpath(folder)):
        searched = (*(folders.grade(grade) for grade in Grade), folders.failed)
    archive = originals or (folders.archive if folders else folder)
    return _found([*_files(searched, ".json"), *_files(searched, NOTE)], folders, archive)


def find_places(folders: HotFolder, places: Sequence[str]) -> Found:
    """The photos whose reports, or notes in `failed/`, are at these places below the hot folder."""
    return _found([folders.root / place for place in places], folders, folders.archive)


def _found(files: Iterable[Path], folders: HotFolder | None, archive: Path) -> Found:
    shown: list[Shown] = []
    lost = 0
    for path in files:
        if path.name.endswith(NOTE):
            shown += [_failure(path, folders)] if folders and folders.failed in path.parents else []
            continue
        for reported in _reported(path):
            found = _result(path, reported, folders, archive)
            shown += [found] if found else []
            lost += found is None
    shown.sort(key=lambda one: (one.grade.rank if one.grade else -1, _worse(one), one.name, one.page))
    return Found(tuple(shown), lost)


def _worse(shown: Shown) -> float:
    """Where the worse promise stands among its limits; without limits, as in earlier versions, the score."""
    score = shown.score or 0.0
    return shown.limits.place_of(score, shown.rim) if shown.limits else score


def _files(folders: Sequence[Path], suffix: str) -> Iterator[Path]:
    for folder in folders:
        for here, below, names in os.walk(folder):
            below[:] = sorted(name for name in below if not name.startswith("."))
            for name in sorted(names):
                if name.endswith(suffix) and not name.startswith("."):
                    yield Path(here, name)


def _reported(report: Path) -> tuple[Reported, ...]:
    try:
        return read_report(report.read_bytes())
    except (OSError, ValueError):
        return ()  # somebody else's JSON


def _result(report: Path, reported: Reported, folders: HotFolder | None, archive: Path) -> Shown | None:
    place = _place(report, reported, folders)
    if place is None:
        return None
    here = _grade_of(place, folders) or reported.filed
    moved = here is not reported.filed
    return Shown(
        name=reported.name,
        grade=here if moved else reported.grade,
        score=reported.score,
        reasons=reported.reasons,
        original=_original(archive, reported),
        cutout=_cutout(place, reported),
        mask=_mask(place, reported),
        moved_from=reported.filed if moved else None,
        how=reported.how,
        tried=reported.tried,
        page=reported.page,
        rim=reported.rim,
        limits=reported.limits,
        renditions=tuple(_rendition(place, each) for each in reported.renditions),
    )


def _place(report: Path, reported: Reported, folders: HotFolder | None) -> Path | None:
    """The path of a report's files without their suffixes: beside it, or where a person moved them without it."""
    stem = report.with_name(report.name.removesuffix(".json"))
    if _cutout(stem, reported) or _mask(stem, reported):
        return stem
    homes = [folders.grade(grade) for grade in Grade] if folders else []
    home = next((home for home in homes if home in stem.parents), None)
    if folders is None or home is None:
        return None
    for other in homes:
        place = other / stem.relative_to(home)
        found = _cutout(place, reported) or _mask(place, reported)
        if found and ownership.content_at(folders.root, str(found.relative_to(folders.root))) in reported.sums:
            return place
    return None


def _grade_of(place: Path, folders: HotFolder | None) -> Grade | None:
    if folders is None:
        return None
    return next((grade for grade in Grade if folders.grade(grade) in place.parents), None)


def _cutout(place: Path, reported: Reported) -> Path | None:
    return _there(place, [reported.page_suffix + suffix for suffix in CUTOUTS], reported)


def _mask(place: Path, reported: Reported) -> Path | None:
    return _there(place, [reported.page_suffix + MASK], reported)


def _there(place: Path, suffixes: Sequence[str], reported: Reported) -> Path | None:
    paths = (place.with_name(place.name + suffix) for suffix in suffixes if suffix in reported.suffixes)
    return next((path for path in paths if path.is_file()), None)


def _rendition(place: Path, told: ReportedRendition) -> ShownRendition:
    path = place.with_name(place.name + told.file)
    return ShownRendition(told.label, path if told.file and path.is_file() else None, told.broken)


def _original(archive: Path, reported: Reported) -> Path | None:
    """The photo of a report: the first one of the same size with its name, or with a number after the name."""
    path = archive / PurePosixPath(reported.name)
    names = (path, *(path.with_stem(f"{path.stem}-{number}") for number in range(2, MOST_NAMESAKES)))
    for candidate in names:
        try:
            if reported.size_bytes in (0, candidate.stat().st_size):
                return candidate
        except OSError:
            return None
    return None


def _failure(note: Path, folders: HotFolder) -> Shown:
    photo = note.with_name(note.name.removesuffix(NOTE))
    reason = ""
    with suppress(OSError):
        reason = why_in(note.read_text("utf-8", "replace")) or ""
    name = photo.relative_to(folders.failed).as_posix()
    return Shown(name, None, None, (reason,) if reason else (), photo if photo.is_file() else None)
