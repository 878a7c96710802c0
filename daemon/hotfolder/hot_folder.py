"""The folders of a hot folder: the only place that knows their names, and moves work in and out of our own ones."""

import errno
import os
import re
import shutil
import stat
import unicodedata
from contextlib import suppress
from pathlib import Path

from daemon.disk import mounts, no_replace, open_below
from daemon.disk.names import clean_name, shorten, split_suffix
from daemon.disk.os_errors import away, means, named
from daemon.errors import BadSettings, FreistellerError, NoRoom, RootAway, Vanished
from daemon.hotfolder.claim_file import mend, take
from daemon.hotfolder.root_identity import make_identity, read_identity
from daemon.jobs import Grade

_JOB_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,127}")


class HotFolder:
    """One hot folder on disk. `prepare` comes first; every method may be called from any thread."""

    def __init__(self, root: Path) -> None:
        self.root = Path(os.path.realpath(root))  # the root itself may be a link; below it none is followed
        self._identity: str | None = None
        self._on_root_device: dict[Path, bool] = {}

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
        """Ours alone: work, staging, the identity."""
        return self.root / ".freisteller"

    @property
    def work_root(self) -> Path:
        """One folder per job, with its claimed original."""
        return self.private / "work"

    @property
    def staging_root(self) -> Path:
        """One folder per job, with what is not published yet."""
        return self.private / "staging"

    @property
    def returns_root(self) -> Path:
        """One folder per job, with a file of it that somebody put back into `inbox/`, until that is seen to."""
        return self.private / "returns"

    def grade(self, grade: Grade) -> Path:
        """The folder of a grade; an existing `ungenügend` that a Mac spelled in NFD is found too."""
        path = self.root / grade.value
        if grade.value.isascii() or path.exists():
            return path
        with suppress(FileNotFoundError):
            for found in self.root.iterdir():
                if unicodedata.normalize("NFC", found.name) == grade.value:
                    return found
        return path

    def prepare(self, expected: str | None = None) -> str:
        """Make what is missing and return the root's id.

        expected: the id that the journal knows; a root that has another one, or none, is left as it is.
        Raises RootAway, NoRoom, or BadSettings where something else stands in a folder's place.
        """
        with named(f"The hot folder {self.root}"):
            identity = read_identity(self.private)
            if expected is not None and identity != expected:
                raise RootAway(self._stranger(identity))
            self.root.parent.mkdir(parents=True, exist_ok=True)
            for folder in (self.root, *self._folders(), self.work_root, self.staging_root):
                _make(folder)
                if not os.access(folder, os.R_OK | os.W_OK | os.X_OK):
                    raise NoRoom(f"{folder} cannot be written. Allow the daemon's user to, or mount it writable.")
            self._identity = identity or make_identity(self.private)
            device = self.root.stat().st_dev
            self._on_root_device = {folder: folder.lstat().st_dev == device for folder in self._folders()}
            return self._identity

    def mend(self) -> None:
        """Finish claims that a crash interrupted. Only for the one daemon that claims, before it scans."""
        with named(f"The work folder {self.work_root}"):
            for job_id in self.jobs_in_work():
                mend(self.work_root / job_id, self.root)
            for job_id in self.jobs_put_back():
                mend(self.returns_root / job_id, self.root)

    def check(self) -> None:
        """See that the root is there, ours, whole and writable: a few stat calls.

        A folder that somebody deleted is made again. Raises RootAway or NoRoom.
        """
        try:
            self._check()
        except OSError as error:
            raise away(error, f"The hot folder {self.root}") from error

    def _check(self) -> None:
        identity = read_identity(self.private)
        if identity is None or identity != self._identity:
            raise RootAway(self._stranger(identity))
        device = self.root.stat().st_dev
        for folder, on_root_device in self._on_root_device.items():
            try:
                found = os.lstat(folder)
            except FileNotFoundError:
                if on_root_device:
                    _make(folder)
                    continue
                raise RootAway(f"{folder} was mounted and is gone. Mount it again; the work goes on.") from None
            if not stat.S_ISDIR(found.st_mode):
                raise RootAway(f"{folder} is no folder any more. Put the folder back; the work goes on by itself.")
            if (found.st_dev == device) != on_root_device:
                raise RootAway(f"{folder} is on another file system than before. Mount it as it was.")
        if os.statvfs(self.root).f_flag & os.ST_RDONLY:
            raise NoRoom(f"The hot folder {self.root} is read-only. Mount it for writing; work then goes on.")

    def claim(
        self, source: Path, job_id: str, unchanged: tuple[int, int] | None = None, into: Path | None = None
    ) -> Path:
        """Take a file below the root into the job's own folder; returns where it is now, on disk for good.

        unchanged: the size in bytes and the mtime in ns that were proven. into: `work_root` (the default) or
        `returns_root`. Raises Vanished where the file is gone, no
        regular file, changed since, being written, or may not be moved; then it is where it was. Raises RootAway or
        NoRoom where it is the folder's fault.
        """
        way = source.relative_to(self.root).parts
        open_below.refuse_ways_out(way)
        name = clean_name(source.name)
        target = self._of_job(into or self.work_root, job_id) / (f"_{name}" if name.startswith(".") else name)
        if self.claimed(job_id, into) is not None:
            raise FileExistsError(f"job {job_id} has one already: {target.parent}")
        with named(f"Taking {source} into work"):
            self._make_of_job(target.parent)
        try:
            with open_below.opened(self.root, way[:-1]) as home, open_below.opened(target.parent) as work:
                take(home, way, work, target.name, unchanged=unchanged, ask_writers=self._knows_all_writers(source))
        except (OSError, FreistellerError) as error:
            with suppress(OSError):
                target.parent.rmdir()
            if isinstance(error, OSError):
                raise self._meaning(error, source) from error
            raise
        return target

    def restore(self, place: Path, job_id: str) -> None:
        """Give a job its original to work on again; what lies at `place` stays there. Raises like `claim`."""
        way = place.relative_to(self.root).parts
        target = self._of_job(self.work_root, job_id)
        with named(f"Taking {place} into work"):
            self._make_of_job(target)
        try:
            with open_below.opened(self.root, way[:-1]) as home, open_below.opened(target) as work:
                no_replace.double(home, way[-1], work, clean_name(way[-1]))
                open_below.settle(work)
        except OSError as error:
            raise self._meaning(error, place) from error

    def claimed(self, job_id: str, of: Path | None = None) -> Path | None:
        """The original of a job in work, if there; of: `returns_root` for what was put back instead."""
        folder = self._of_job(of or self.work_root, job_id)
        with named(f"The work folder {folder}"), suppress(FileNotFoundError), os.scandir(folder) as entries:
            for entry in entries:
                if not entry.name.startswith(".") and entry.is_file(follow_symlinks=False):
                    return Path(entry.path)
        return None

    def staging(self, job_id: str) -> Path:
        """The job's folder for files that are not published yet; made if missing."""
        folder = self._of_job(self.staging_root, job_id)
        with named(f"The staging folder {folder}"):
            self._make_of_job(folder)
        return folder

    def clear(self, job_id: str) -> None:
        """Remove what a finished job leaves: staging first, so that an original is the last thing to go. Idempotent."""
        for base in (self.staging_root, self.work_root):
            folder = self._of_job(base, job_id)
            with named(f"Clearing {folder}"), suppress(FileNotFoundError):
                try:
                    shutil.rmtree(folder)
                except OSError as error:
                    # On NFS and FUSE, a file that somebody has open leaves a hidden one; the next clearing takes it.
                    if error.errno not in (errno.ENOTEMPTY, errno.EBUSY):
                        raise

    def release(self, job_id: str, name: str) -> Path | None:
        """Give a job's original back to `inbox/` under a free name like `name`; None where the job has none."""
        original = self.claimed(job_id)
        if original is None:
            return None
        stem, suffix = split_suffix(clean_name(name).rpartition("/")[2])
        tail, number = suffix, 1
        with named(f"Giving {original} back to {self.inbox}"):
            with open_below.opened(original.parent) as work, open_below.opened(self.inbox) as inbox:
                while True:
                    free = shorten(stem, tail)
                    with suppress(FileExistsError):
                        no_replace.move(work, original.name, inbox, free)
                        break
                    number += 1
                    tail = f"-{number}{suffix}"
                open_below.settle(inbox)
            self.clear(job_id)
        return self.inbox / free

    def jobs_in_work(self) -> tuple[str, ...]:
        """The ids that have a work or a staging folder."""
        return self._jobs_below(self.work_root, self.staging_root)

    def jobs_put_back(self) -> tuple[str, ...]:
        """The ids of jobs of which something was put back that is not seen to yet."""
        return self._jobs_below(self.returns_root)

    def _jobs_below(self, *bases: Path) -> tuple[str, ...]:
        found: set[str] = set()
        with named(f"The private folder {self.private}"):
            for base in bases:
                with suppress(FileNotFoundError), os.scandir(base) as entries:
                    found.update(
                        entry.name
                        for entry in entries
                        if entry.is_dir(follow_symlinks=False) and _JOB_ID.fullmatch(entry.name)
                    )
        return tuple(sorted(found))

    def _knows_all_writers(self, source: Path) -> bool:
        """Whether nobody can write the file without this kernel."""
        return not mounts.mount_of(str(source.parent), mounts.read()).remote

    def _folders(self) -> tuple[Path, ...]:
        return (self.inbox, *(self.grade(grade) for grade in Grade), self.failed, self.archive, self.private)

    def _of_job(self, base: Path, job_id: str) -> Path:
        if not _JOB_ID.fullmatch(job_id):
            raise ValueError(f"{job_id!r} is no job id")
        return base / job_id

    def _make_of_job(self, folder: Path) -> None:
        try:
            folder.mkdir()
        except FileExistsError:
            return
        except FileNotFoundError:
            self.check()
            folder.parent.mkdir(exist_ok=True)
            folder.mkdir(exist_ok=True)
        open_below.settle_path(folder.parent)

    def _meaning(self, error: OSError, source: Path) -> FreistellerError:
        """What an error of a claim means: the folder's fault, or this file's."""
        # One file or sub-folder that we may not touch is no reason for all others to wait.
        if not isinstance(error, PermissionError) and (meaning := means(error, f"Taking {source} into work")):
            return meaning
        self.check()
        return Vanished(f"{source} cannot be taken: {error.strerror}")

    def _stranger(self, identity: str | None) -> str:
        known = self._identity or "the one in the journal"
        if identity is None:
            return (
                f"{self.root} is away or empty: its {self.private.name} folder is not there. "
                "Mount the share again; the work goes on by itself."
            )
        return f"{self.root} is another hot folder ({identity}, not {known}). Mount the right share."


def _make(folder: Path) -> None:
    try:
        folder.mkdir()  # never with parents: they would grow on an empty mount point
    except FileExistsError:
        found = folder.lstat().st_mode
        if stat.S_ISDIR(found):
            return
        raise BadSettings(
            f"{folder} stands where a folder is needed, and is none (symbolic links are not followed). Move it away."
        ) from None
    open_below.settle_path(folder.parent)
