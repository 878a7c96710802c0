"""Finds the pictures of an order that may be exported: proven, unchanged since, and still wanted as they were made."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from daemon.errors import Said, said_of
from daemon.exports.left_out import NotExported
from daemon.exports.order_photos import OrderPhoto
from daemon.exports.told_pictures import ToldPicture, report_among, told_pictures
from daemon.hotfolder import ownership
from daemon.jobs import Grade
from daemon.renditions.named_renditions import rendition_of
from daemon.renditions.wanted import Canvas, Rendition
from daemon.settings.rendition_presets import shipped_presets

WantedFor = Callable[[OrderPhoto], Sequence[Rendition]]
"""What settings and orders want made of a photo, whatever its grade."""


@dataclass(frozen=True, slots=True)
class KeptPicture:
    """A picture that may be exported. rendition: as settings and orders name it now, else as it was made."""

    photo: OrderPhoto
    grade: Grade
    told: ToldPicture
    rendition: Rendition


def kept_pictures(
    root: Path, photos: Iterable[OrderPhoto], wanted_for: WantedFor
) -> tuple[list[KeptPicture], list[NotExported]]:
    """The pictures of these photos, and what is left out. root: of the hot folder. Reads each file once.

    Raises OSError if the disk cannot be read.
    """
    kept: list[KeptPicture] = []
    left_out: list[NotExported] = []
    for photo in photos:
        for found in _of_photo(root, photo, wanted_for):
            if isinstance(found, NotExported):
                left_out.append(found)
            else:
                kept.append(found)
    return kept, left_out


def _of_photo(root: Path, photo: OrderPhoto, wanted_for: WantedFor) -> Iterator[KeptPicture | NotExported]:
    if photo.missing or photo.grade is None:
        yield NotExported(photo.photo, "", photo.missing or Said("export_no_result"))
        return
    place = report_among(photo.results)
    content = ownership.report_at(root, place) if place else None
    if content is None:
        yield NotExported(photo.photo, "", Said("export_report_unreadable"))
        return
    try:
        told = told_pictures(content, photo.results)
    except ValueError as error:
        yield NotExported(photo.photo, "", said_of(error))
        return
    wanted = {rendition.label: rendition for rendition in wanted_for(photo)}
    for each in told:
        yield _picture(root, photo, photo.grade, each, wanted)
    made = {each.label for each in told}
    missing = [name for name, each in wanted.items() if photo.grade in each.grades and name not in made]
    yield from (NotExported(photo.photo, name, Said("export_not_made")) for name in missing)
    if not told and not missing:
        yield NotExported(photo.photo, "", Said("export_no_rendition"))


def _picture(
    root: Path, photo: OrderPhoto, grade: Grade, told: ToldPicture, wanted: Mapping[str, Rendition]
) -> KeptPicture | NotExported:
    rendition = _rendition(told, wanted.get(told.label))
    if fault := _fault(root, grade, told, rendition):
        return NotExported(photo.photo, told.label, fault)
    return KeptPicture(photo, grade, told, rendition)


def _fault(
    root: Path, grade: Grade, told: ToldPicture, rendition: Rendition
) -> Said | tuple[tuple[str, str, str], ...] | None:
    """What keeps a picture out; None = nothing."""
    if told.broken:
        return told.broken
    if rendition.preset != told.preset:
        return Said("export_preset_changed", before=told.preset or "-", now=rendition.preset or "-")
    if grade not in rendition.grades:
        return Said("export_grade", grade=grade, grades=", ".join(rendition.grades))
    content = ownership.content_at(root, told.place) if told.place else None
    if content is None:
        return Said("export_file_gone")
    return None if content.hex() == told.sha256 else Said("export_file_changed", name=told.place)


def _rendition(told: ToldPicture, own: Rendition | None) -> Rendition:
    """What a picture is now, by the settings; else, if its order is gone, what it was when it was made."""
    rendition = own or _as_it_was(told)
    return replace(rendition, encoding=replace(rendition.encoding, format=told.format))


def _as_it_was(told: ToldPicture) -> Rendition:
    preset = rendition_of(told.preset) if told.preset in shipped_presets() else None
    was = preset or Rendition(told.name, told.preset, Canvas(None, 1), folder=told.name)
    return replace(
        was,
        name=told.name,
        variant=told.variant,
        folder=was.folder if told.folder is None else told.folder,
        template=told.template or was.template,
        pictures=told.pictures if told.template else was.pictures,
    )
