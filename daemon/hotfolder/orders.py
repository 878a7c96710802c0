"""Reads orders: a `freisteller.toml` in a sub-folder of the inbox says how the photos of that folder are to be done."""

import json
import os
import stat
import textwrap
import tomllib
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from daemon.disk import open_below
from daemon.disk.file_id import FileId
from daemon.disk.os_errors import is_of_one_file, translate
from daemon.errors import BadOrder, BadSettings, FreistellerError, Said, said_of
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.kept_order import Sections, kept, merged, with_kept
from daemon.hotfolder.order_names import NAME, MisnamedOrder, OrderNames, order_among
from daemon.hotfolder.order_pictures import refuse_pictures, with_pictures_of
from daemon.settings import Settings, with_order
from daemon.settings.current import CurrentSettings

NOTE = f"{NAME}-error.txt"
"""The note that we leave beside a wrong order."""
LEFT_NOTE = "freisteller-left-alone.txt"
"""The note that names the files of a folder that are left alone."""
_MOST_BYTES = 64 << 10
_MOST_LETTERS = 1000  # of a fault; a person reads it, and it may quote a value of the order
_MOST_DOTS = 200
_MOST_LOOKS = 3  # at a folder in which somebody is renaming orders


class WrongOrder(BadOrder):
    """An order that cannot be followed. way: its folder below the inbox. fault: what is wrong, for people.

    called: the name of its file. misnamed: it is the name that is wrong.
    """

    def __init__(self, way: tuple[str, ...], fault: Said, called: str = NAME, misnamed: bool = False) -> None:
        super().__init__(Said("wrong_order", file="/".join(("inbox", *way, called)), fault=fault))
        self.way = way
        self.fault = fault
        self.called = called
        self.misnamed = misnamed


class Orders:
    """Reads the orders on the way to a photo; the nearest one wins, key by key. Safe to use from many threads."""

    def __init__(self, folders: HotFolder, settings: CurrentSettings, verify: Callable[[Settings], object]) -> None:
        """settings: what orders change. verify: raises BadSettings if nobody can work by its argument."""
        self._folders = folders
        self._current = settings
        self._verify = verify
        self._names = OrderNames()

    def settings_for(self, source: Path, own: str = "", taken_by: str | None = None) -> Settings:
        """How the photo at this place below the root is to be done.

        own: what came with the photo itself, as JSON of an order's sections; it wins. "" = nothing.
        taken_by: the orders that count for it, as `in_force` told them; None = as they are now.
        Raises WrongOrder, NoRoom, RootAway; BadOrder if nobody can work by one of these.
        """
        settings = self._now(source)[0] if taken_by is None else self._by_kept(source, taken_by)
        return self._with_own(settings, own) if own else settings

    def in_force(self, source: Path) -> str:
        """The orders that count for a photo at this place now, as JSON to keep. Raises WrongOrder, NoRoom, RootAway."""
        return kept(self._now(source)[1])

    def _now(self, source: Path) -> tuple[Settings, Sections]:
        """The settings by the orders as they are now, and these orders merged."""
        settings, sections = self._current.now, Sections()
        for way, called, file in self._files(source):
            try:
                text = _read(file)
                order = _parsed(text)
                settings = with_order(settings, order, text)
                own_names, place = order.get("renditions", ()), (self._folders.inbox.name, *way)
                settings = with_pictures_of(settings, own_names, self._folders.root, place)
                self._verify(settings)
                sections = merged(sections, order, settings)
            except BadSettings as error:
                raise WrongOrder(way, _shortened(said_of(error)), called) from error
            except FreistellerError:
                raise
            except Exception as error:  # whatever a parser raises for strangers' bytes, e.g. RecursionError
                raise WrongOrder(way, _not_understood(error), called) from error
        return settings, sections

    def _by_kept(self, source: Path, taken_by: str) -> Settings:
        try:
            settings = with_kept(self._current.now, taken_by, self._folders.root)
            self._verify(settings)
        except (BadSettings, ValueError, RecursionError, AttributeError) as error:
            if self.file_ids(source):  # somebody may have corrected the order for that
                return self._now(source)[0]
            raise BadOrder(Said("taken_order_bad", detail=_shortened(said_of(error)))) from error
        return settings

    def file_ids(self, source: Path) -> tuple[tuple[tuple[str, ...], FileId], ...]:
        """The folders with an order on the way to a photo, each with the order's file id. Raises as settings_for."""
        return tuple((way, FileId.of(os.fstat(file))) for way, _, file in self._files(source))

    def _with_own(self, settings: Settings, own: str) -> Settings:
        try:
            order = json.loads(own)
            settings = with_order(settings, order)
            refuse_pictures(settings, order.get("renditions", ()))
            self._verify(settings)
        except (BadSettings, ValueError, RecursionError, AttributeError) as error:
            raise BadOrder(Said("sent_settings_bad", detail=_shortened(said_of(error)))) from error
        return settings

    def _files(self, source: Path) -> Iterator[tuple[tuple[str, ...], str, int]]:
        """The orders on the way to a photo, outermost first: folder, name, open for reading. Follows no links."""
        inbox, *parts = source.parts[:-1]
        for depth in range(len(parts) + 1 if inbox == self._folders.inbox.name else 0):
            way = tuple(parts[:depth])
            try:
                yield from ((way, called, file) for called, file in self._opened((inbox, *way)))
            except MisnamedOrder as error:
                raise WrongOrder(way, said_of(error), error.called, misnamed=True) from error
            except OSError as error:
                of_one_file = isinstance(error, PermissionError) or is_of_one_file(
                    error, self._folders.inbox, self._folders.check
                )
                meaning = None if of_one_file else translate(error, f"Reading {NAME}")
                raise meaning or WrongOrder(way, Said("order_unreadable", fault=error.strerror)) from error

    def _opened(self, way: Sequence[str]) -> Iterator[tuple[str, int]]:
        """The name of the order of one folder, and the order open for reading, if there is one."""
        try:
            with open_below.opened(self._folders.root, way) as folder:
                yield from self._opened_in(folder)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            if error.errno not in open_below.NO_FILE:
                raise

    def _opened_in(self, folder: int) -> Iterator[tuple[str, int]]:
        for look in range(_MOST_LOOKS):
            names = self._names.within(folder, anew=look > 0)
            with _order_file(NAME, folder) as file:
                called = order_among(names, found=file is not None)
                if file is not None:
                    yield NAME, file
                    return
            if called is None and NAME not in names:
                return
            with _order_file(called or NAME, folder) as file:
                if file is not None:
                    yield called or NAME, file
                    return
        raise MisnamedOrder(Said("order_unreadable", fault="its name keeps changing"), NAME)


@contextmanager
def _order_file(name: str, folder: int) -> Iterator[int | None]:
    """A file open for reading; None if there is none. Only a regular file is an order. Raises OSError."""
    with ExitStack() as stack:
        try:
            file = stack.enter_context(open_below.reading(name, folder))
        except FileNotFoundError:
            yield None
            return
        except OSError as error:
            if error.errno not in open_below.NO_FILE:
                raise
            yield None
            return
        yield file if stat.S_ISREG(os.fstat(file).st_mode) else None


def _read(file: int) -> str:
    if os.fstat(file).st_size > _MOST_BYTES:
        raise BadSettings(Said("order_too_large", n=_MOST_BYTES))
    try:
        return os.pread(file, _MOST_BYTES, 0).decode("utf-8-sig")  # Windows' editor writes a BOM
    except UnicodeDecodeError as error:
        raise BadSettings(Said("no_toml", detail=error)) from error


def _parsed(text: str) -> dict[str, Any]:
    try:
        # The parser needs a time that grows with the square of the parts of a key.
        if any(line.count(".") > _MOST_DOTS and not line.startswith("#") for line in text.splitlines()):
            raise BadSettings(Said("order_dots", n=_MOST_DOTS))
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise BadSettings(Said("no_toml", detail=error)) from error


def _shortened(fault: Said) -> Said:
    """A fault as a person reads it, whose own words are not too long."""
    whole = textwrap.shorten(fault, _MOST_LETTERS, placeholder=" …")
    return fault if whole == fault else Said.again(whole)


def _not_understood(error: Exception) -> Said:
    return Said("order_not_understood", detail=f"{type(error).__name__}: {error!s:.200}")
