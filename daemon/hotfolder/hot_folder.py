"""The folders of a hot folder: the only module that knows their names. Makes them and watches over them."""

import os
import stat
import unicodedata
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from daemon.disk import open_below
from daemon.disk.os_errors import root_error, translated
from daemon.errors import BadSettings, NoRoom, RootAway, Said
from daemon.hotfolder.job_folders import JobFolders
from daemon.hotfolder.root_identity import make_identity, read_identity
from daemon.jobs import Grade


class HotFolder:
    """One hot folder on disk. Call `prepare` first; every method may be called from any thread."""

    def __init__(self, root: Path) -> None:
        self._named = root
        self.root = Path(os.path.realpath(root))  # the root itself may be a link; below it none is followed
        self.jobs = JobFolders(self.root, self.inbox, self.private, self.check)
        """The folders of single jobs, in our private folder."""
        self._identity: str | None = None
        self._on_root_device: dict[Path, bool] = {}

    @property
    def identity(self) -> str | None:
        """The root's id, which tells it from any other hot folder; None before `prepare`."""
        return self._identity

    @property
    def inbox(self) -> Path:
        """Where people drop photos."""
        return self.root / "inbox"

    @property
    def failed(self) -> Path:
        """Originals that could not be processed."""
        return self.root / "failed"

    @property
    def archive(self) -> Path:
        """Originals of processed photos."""
        return self.root / "archiv"

    @property
    def private(self) -> Path:
        """The daemon's own folder: the folders of jobs, the identity, the lease."""
        return self.root / ".freisteller"

    @property
    def uploads(self) -> Path:
        """Photos that are being sent, and are no jobs yet."""
        return self.private / "uploads"

    def grade(self, grade: Grade) -> Path:
        """The folder of a grade. Finds an existing `ungenügend` also if a Mac spelled it in NFD."""
        path = self.root / grade.value
        if grade.value.isascii() or path.exists():
            return path
        with suppress(FileNotFoundError):
            for found in self.root.iterdir():
                if unicodedata.normalize("NFC", found.name) == grade.value:
                    return found
        return path

    def find(self, expected: str | None = None) -> str | None:
        """The root's id; None if it is no hot folder yet. Makes nothing.

        expected: the id that the journal knows. Raises RootAway if the root has another id, or none.
        """
        identity = read_identity(self.private)
        if expected is not None and identity != expected:
            raise RootAway(self._wrong_root(identity))
        return identity

    def prepare(self, expected: str | None = None) -> str:
        """Make the folders that are missing, and return the root's id.

        expected: the id that the journal knows. A root with another id, or with none, is left as it is.
        Raises RootAway, NoRoom, or BadSettings if something that is not a folder has a folder's name.
        """
        with translated(f"The hot folder {self.root}"):
            identity = self.find(expected)
            self.root.parent.mkdir(parents=True, exist_ok=True)
            for folder in (self.root, *self._folders(), self.jobs.work_root, self.jobs.staging_root):
                _make(folder)
                if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
                    raise NoRoom(Said("folder_not_writable", folder=folder))
            self._identity = identity or make_identity(self.private)
            device = self.root.stat().st_dev
            self._on_root_device = {folder: folder.lstat().st_dev == device for folder in self._folders()}
            return self._identity

    def check(self) -> None:
        """Check with a few stat calls that the root is there, where its name leads, is ours, whole and can be written.

        Makes a folder again that somebody deleted. Raises RootAway or NoRoom.
        """
        try:
            self._check()
        except OSError as error:
            raise root_error(error, f"The hot folder {self.root}") from error

    @contextmanager
    def checked(self, what: str) -> Iterator[None]:
        """Check the root before an act that reads all of a folder. what: the act, as a sentence names it.

        Raises RootAway or NoRoom for every OSError in it; a second check may know better what is wrong.
        """
        self.check()
        try:
            yield
        except OSError as error:
            self.check()
            raise root_error(error, what) from error

    def _check(self) -> None:
        leads_to = Path(os.path.realpath(self._named))
        if leads_to != self.root and leads_to.is_dir():  # people drop their photos there
            raise RootAway(Said("root_leads_elsewhere", name=self._named, place=leads_to, folder=self.root))
        identity = read_identity(self.private)
        if identity is None or identity != self._identity:
            raise RootAway(self._wrong_root(identity))
        device = self.root.stat().st_dev
        for folder, on_root_device in self._on_root_device.items():
            try:
                found = os.lstat(folder)
            except FileNotFoundError:
                if on_root_device:
                    _make(folder)
                    continue
                raise RootAway(Said("mount_gone", folder=folder)) from None
            if not stat.S_ISDIR(found.st_mode):
                raise RootAway(Said("no_folder_any_more", folder=folder))
            if (found.st_dev == device) != on_root_device:
                raise RootAway(Said("other_file_system", folder=folder))
        if os.statvfs(self.root).f_flag & os.ST_RDONLY:
            raise NoRoom(Said("root_read_only", folder=self.root))

    def _folders(self) -> tuple[Path, ...]:
        return (self.inbox, *(self.grade(grade) for grade in Grade), self.failed, self.archive, self.private)

    def _wrong_root(self, identity: str | None) -> Said:
        """A message for people: the root has this identity, or none, and we expect another one."""
        if identity is None:
            return Said("root_away_or_empty", folder=self.root, private=self.private.name)
        known = self._identity or Said("the_one_in_the_journal")
        return Said("another_root", folder=self.root, found=identity, known=known)


def _make(folder: Path) -> None:
    try:
        folder.mkdir()  # never with parents: they would grow on an empty mount point
    except FileExistsError:
        if stat.S_ISDIR(folder.lstat().st_mode):
            return
        raise BadSettings(
            f"{folder} must be a folder, and something else has that name (symbolic links are not followed). "
            "Move it away."
        ) from None
    open_below.settle_path(folder.parent)
