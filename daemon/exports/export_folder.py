"""Builds the folder of an export beside the earlier one, and puts it in its place when it is whole."""

import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath

from daemon.disk import no_replace, open_below
from daemon.disk.exchange import exchange
from daemon.disk.lock_file import Lock
from daemon.disk.os_errors import translated
from daemon.errors import BadSettings, Said, Vanished
from daemon.exports.exported_picture import ExportedPicture
from daemon.exports.manifest import MANIFEST, read_manifest
from daemon.hotfolder.ignored_names import is_ignored_file, is_ignored_folder

_MOST_MANIFEST_BYTES = 64 << 20


class ExportFolder:
    """The place of one order's export. A kill at any time leaves the earlier export, or the new one, whole."""

    def __init__(self, home: Path, order: str, swap: Callable[[int, str, str], bool] = exchange) -> None:
        """home: the folder of all exports. swap: exchanges two names; False = it cannot."""
        self.path = home / order
        self._home = home
        self._order = order
        self._swap = swap
        mark = hashlib.sha256(os.fsencode(order)).hexdigest()[:16]  # an order's name may be as long as names may be
        self._scratch, self._earlier, self._lock = (f".export-{mark}.{what}" for what in ("part", "old", "lock"))

    @contextmanager
    def building(self) -> Iterator[Path]:
        """An empty folder to fill; it takes the place of the earlier export at the end, if nothing was raised.

        Raises BadSettings if the place holds what no export of this order wrote, AlreadyRunning if another one is being
        made, NoRoom or RootAway if the disk does not take it.
        """
        with translated(f"The folder {self._home}"):
            self._home.mkdir(exist_ok=True)
            lock = Lock(self._home / self._lock, f"The export of {self._order}")
            try:
                self._finish_a_killed_one()
                self._refuse_what_is_not_ours()
                scratch = self._home / self._scratch
                scratch.mkdir()
                try:
                    yield scratch
                    self._put_in_place()
                finally:
                    shutil.rmtree(scratch, ignore_errors=True)
            finally:
                lock.release()  # its file stays: another export may have it open already

    def _finish_a_killed_one(self) -> None:
        """Take away what a killed export left; where names cannot be exchanged, its earlier one may stand aside."""
        earlier = self._home / self._earlier
        if earlier.is_dir() and not self.path.exists():
            earlier.rename(self.path)
        for left in (earlier, self._home / self._scratch):
            if os.path.lexists(left):
                shutil.rmtree(left)

    def _refuse_what_is_not_ours(self) -> None:
        if not os.path.lexists(self.path):
            return
        if self.path.is_symlink() or not self.path.is_dir():
            raise BadSettings(f"{self.path} is no folder. Move it away, or name another folder with --out.")
        ours = self._files_of_earlier()
        strange = next((name for name in _files_below(self.path) if name not in ours), None)
        if strange is not None:
            raise BadSettings(
                f"{self.path} holds {strange}, which no export of {self._order} wrote; a new export would delete it. "
                "Move it away, or name another folder with --out."
            )

    def _files_of_earlier(self) -> frozenset[str]:
        try:
            told = read_manifest(open_below.read_small(self.path / MANIFEST, _MOST_MANIFEST_BYTES))
        except (OSError, ValueError):
            return frozenset()
        return told.files if told and told.order == self._order else frozenset()

    def _put_in_place(self) -> None:
        with open_below.opened(Path(os.path.realpath(self._home))) as home:
            if not self.path.exists():
                no_replace.move(home, self._scratch, home, self.path.name)
            elif not self._swap(home, self._scratch, self.path.name):
                os.rename(self.path.name, self._earlier, src_dir_fd=home, dst_dir_fd=home)
                os.rename(self._scratch, self.path.name, src_dir_fd=home, dst_dir_fd=home)
            open_below.settle(home)
        shutil.rmtree(self._home / self._earlier, ignore_errors=True)


def copy_picture(picture: ExportedPicture, scratch: Path) -> None:
    """Copy a picture to its place below a folder, durable. Raises Vanished if it is not what was proven; OSError."""
    target = scratch.joinpath(*PurePosixPath(picture.name).parts)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        with open_below.opened(picture.path.parent) as folder, open_below.reading(picture.path.name, folder) as file:
            content = _whole(file)
    except OSError as error:
        if error.errno in open_below.GONE | open_below.NO_FILE:
            raise Vanished(Said("export_moved_meanwhile", name=picture.path)) from error
        raise
    if hashlib.sha256(content).hexdigest() != picture.sha256:
        raise Vanished(Said("export_moved_meanwhile", name=picture.path))
    with open_below.opened(target.parent) as folder:
        open_below.write_new(target.name, content, folder)


def _whole(file: int) -> bytes:
    with open(file, "rb", closefd=False) as stream:
        return stream.read()  # shops take some 20 MB at most


def _files_below(folder: Path) -> Iterator[str]:
    """The files below a folder, with "/", without what systems leave there."""
    for here, below, names in os.walk(folder):
        below[:] = [name for name in below if not is_ignored_folder(name)]
        for name in names:
            if not is_ignored_file(name):
                yield Path(here, name).relative_to(folder).as_posix()
