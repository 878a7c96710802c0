"""Finds the background pictures that an order names: they lie in the order's own folder, and nowhere else."""

import os
import stat
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from daemon.disk import open_below
from daemon.disk.os_errors import translate
from daemon.errors import BadSettings, Said
from daemon.hotfolder.ignored_names import is_ignored_file, is_ignored_folder
from daemon.settings import Settings
from daemon.settings.rendition_section import RenditionSettings
from daemon.settings.rendition_words import ground_words


def with_pictures_of(settings: Settings, names: Collection[str], root: Path, way: Sequence[str]) -> Settings:
    """The settings, with the whole path of each picture.

    names: of the renditions that stand in the order. way: the order's folder, as names below the root. Follows no
    symbolic link. Raises BadSettings if a picture is not there, or lies where it may not; NoRoom, RootAway.
    """
    renditions = dict(settings.renditions)
    for name in names:
        found = {
            key: str(root.joinpath(*way, *_picture_below_the_order(name, picture, root, way)))
            for key, picture in _pictures_of(renditions[name]).items()
        }
        if found:
            renditions[name] = _with_pictures(renditions[name], found)
    return settings.model_copy(update={"renditions": renditions})


def refuse_pictures(settings: Settings, names: Collection[str]) -> None:
    """Raise BadSettings if one of these renditions names a picture: who sends settings has no folder for it."""
    for name in names:
        for picture in _pictures_of(settings.renditions[name]).values():
            raise BadSettings(Said("sent_picture", name=name, picture=picture))


def refuse_missing(settings: Settings, names: Collection[str], root: Path) -> None:
    """Raise BadSettings if a picture that one of these renditions names is not below the root any more.

    names: of renditions whose pictures have whole paths. Follows no symbolic link. Raises NoRoom, RootAway.
    """
    for name in names:
        for picture in _pictures_of(settings.renditions[name]).values():
            if not Path(picture).is_relative_to(root):
                raise BadSettings(Said("order_picture_missing", name=name, picture=picture))
            parts = Path(picture).relative_to(root).parts
            _refuse_what_is_no_file(name, picture, root, parts)


def in_words(rendition: RenditionSettings) -> Mapping[str, object]:
    """The backgrounds of a rendition as an order has them, if one of them is a picture."""
    if not _pictures_of(rendition):
        return {}
    return {"backgrounds": rendition.backgrounds} if rendition.backgrounds else {"background": rendition.background}


_ALONE = ""


def _pictures_of(rendition: RenditionSettings) -> Mapping[str, str]:
    """The paths of the pictures that a rendition names as a background, by variant."""
    grounds = rendition.backgrounds or {_ALONE: rendition.background}
    return {key: picture for key, ground in grounds.items() if (picture := ground_words(ground).picture)}


def _with_pictures(rendition: RenditionSettings, paths: Mapping[str, str]) -> RenditionSettings:
    if rendition.backgrounds:
        return rendition.model_copy(update={"backgrounds": {**rendition.backgrounds, **paths}})
    return rendition.model_copy(update={"background": paths[_ALONE]})


def _picture_below_the_order(name: str, picture: str, root: Path, way: Sequence[str]) -> tuple[str, ...]:
    """The way of a picture from the order's folder. Raises BadSettings if it is not there, or may not lie there."""
    parts = _below_the_order(name, picture)
    _refuse_what_is_no_file(name, picture, root, (*way, *parts))
    return parts


def _below_the_order(name: str, picture: str) -> tuple[str, ...]:
    """The parts of a path that stays in the order's folder, and where nothing is taken in as a photo."""
    parts = tuple(part for part in picture.split("/") if part != ".")
    try:
        open_below.refuse_ways_out(parts)
    except ValueError as error:
        raise BadSettings(Said("order_picture_outside", name=name, picture=picture)) from error
    if not (is_ignored_file(parts[-1]) or any(is_ignored_folder(part) for part in parts[:-1])):
        raise BadSettings(Said("order_picture_is_photo", name=name, picture=picture))
    return parts


def _refuse_what_is_no_file(name: str, picture: str, root: Path, parts: Sequence[str]) -> None:
    missing = Said("order_picture_missing", name=name, picture=picture)
    try:
        with open_below.opened(root, parts[:-1]) as folder, open_below.reading(parts[-1], folder) as file:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                raise BadSettings(missing)
    except OSError as error:
        if error.errno in open_below.GONE | open_below.NO_FILE:
            raise BadSettings(missing) from error
        raise translate(error, f"Reading {picture}") or BadSettings(missing) from error
