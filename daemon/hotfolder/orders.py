"""Orders: the `freisteller.toml` of a sub-folder of the inbox, which says how photos in it are to be done."""

import errno
import os
import stat
import tomllib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from daemon.disk import open_below
from daemon.disk.file_id import FileId
from daemon.disk.os_errors import means
from daemon.errors import BadOrder, BadSettings
from daemon.hotfolder.hot_folder import HotFolder
from daemon.settings import Settings, with_order
from daemon.settings.current import CurrentSettings

NAME = "freisteller.toml"
"""What an order is called."""
NOTE = f"{NAME}-error.txt"
"""The note that we leave beside a wrong order."""
_MOST_BYTES = 64 << 10


class Wrong(BadOrder):
    """An order that cannot be followed. way: its folder below the inbox. fault: what is wrong, for people."""

    def __init__(self, way: tuple[str, ...], fault: str) -> None:
        super().__init__(f"{'/'.join(('inbox', *way, NAME))}: {fault}")
        self.way = way
        self.fault = fault


class Orders:
    """Reads the orders on the way to a photo; the nearest file wins, key by key. Safe to use from many threads."""

    def __init__(self, folders: HotFolder, settings: CurrentSettings, verify: Callable[[Settings], object]) -> None:
        """base: the settings that orders change. verify: raises BadSettings where nobody can work by its argument."""
        self._folders = folders
        self._current = settings
        self._verify = verify

    def settings_for(self, source: Path) -> Settings:
        """How the photo at this place below the root is to be done, by the orders as they are now.

        Raises Wrong, NoRoom, RootAway.
        """
        settings = self._current.now
        for way, file in self._files(source):
            try:
                settings = with_order(settings, _read(file))
                self._verify(settings)
            except BadSettings as error:
                raise Wrong(way, str(error)) from error
        return settings

    def file_ids(self, source: Path) -> tuple[tuple[tuple[str, ...], FileId], ...]:
        """The folders with an order on the way to a photo, and what tells each file from its earlier self."""
        return tuple((way, FileId.of(os.fstat(file))) for way, file in self._files(source))

    def _files(self, source: Path) -> Iterator[tuple[tuple[str, ...], int]]:
        """The outermost first. No symbolic link is followed; what is no file is no order."""
        inbox, *parts = source.parts[:-1]
        for depth in range(len(parts) + 1 if inbox == self._folders.inbox.name else 0):
            way = tuple(parts[:depth])
            try:
                yield from ((way, file) for file in self._opened((inbox, *way)))
            except OSError as error:
                away = None if isinstance(error, PermissionError) else means(error, f"Reading {NAME}")
                raise away or Wrong(way, f"it cannot be read ({error.strerror}).") from error

    def _opened(self, way: Sequence[str]) -> Iterator[int]:
        """The order of one folder, open for reading, if there is one."""
        try:
            with open_below.opened(self._folders.root, way) as folder:
                file = os.open(NAME, open_below.FILE, dir_fd=folder)
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            if error.errno == errno.ELOOP:  # a symbolic link
                return
            raise
        try:
            if stat.S_ISREG(os.fstat(file).st_mode):
                yield file
        finally:
            os.close(file)


def _read(file: int) -> dict[str, Any]:
    if os.fstat(file).st_size > _MOST_BYTES:
        raise BadSettings(f"larger than {_MOST_BYTES} bytes, so it is no order")
    try:
        return tomllib.loads(os.pread(file, _MOST_BYTES, 0).decode("utf-8-sig"))  # Windows' editor puts a BOM there
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSettings(f"not valid TOML: {error}") from error
