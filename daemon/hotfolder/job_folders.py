"""The folders of single jobs: an original is claimed into one, results wait in another, both are cleared at the end."""

import errno
import os
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from daemon.disk import mounts, no_replace, open_below
from daemon.disk.names import clean_name, split_suffix
from daemon.disk.os_errors import is_of_one_file, translate, translated
from daemon.errors import FreistellerError, Said, Vanished
from daemon.hotfolder.claim_file import NOTE, finish_interrupted_claim, take
from daemon.hotfolder.effects import Effect, Tick
from daemon.hotfolder.free_names import stems
from daemon.logs.barrier import Barrier

JOB_ID = re.compile(r"[0-9A-Za-z][0-9A-Za-z_-]{0,127}")


class JobFolders:
    """The folders of all jobs, by job id. Every method may be called from any thread.

    Every method raises RootAway or NoRoom if the hot folder as a whole is the problem.
    """

    def __init__(self, root: Path, inbox: Path, private: Path, check: Callable[[], None]) -> None:
        """private: the folder that holds them. check: raises RootAway or NoRoom if the hot folder is not usable."""
        self.work_root = private / "work"
        """One folder per job, with its claimed original."""
        self.staging_root = private / "staging"
        """One folder per job, with the files that are not published yet."""
        self.returns_root = private / "returns"
        """One folder per job, with a file of the job that somebody put back into `inbox/` for another try."""
        self.tries_root = private / "tries"
        """One folder per try that another machine makes, with the files that it writes."""
        self._root = root
        self._inbox = inbox
        self._private = private
        self._check = check

    def claim(
        self, source: Path, job_id: str, unchanged: tuple[int, int] | None = None, into: Path | None = None
    ) -> Path:
        """Move a file below the root into the job's own folder. Returns its new path, which is durable on disk.

        unchanged: the size in bytes and the mtime in ns that were proven. into: `work_root` (the default) or
        `returns_root`. Raises Vanished if the file is gone, is not a regular file, changed since it was proven, is
        being written, or may not be moved; then it is where it was. Raises FileExistsError if the job has a file there.
        """
        way = source.relative_to(self._root).parts
        open_below.refuse_ways_out(way)
        name = clean_name(source.name)
        target = _folder(into or self.work_root, job_id) / (f"_{name}" if name.startswith(".") else name)
        if self.claimed(job_id, into) is not None:
            raise FileExistsError(f"job {job_id} already has a file: {target.parent}")
        with translated(f"Taking {source} into work"):
            self._make(target.parent)
        try:
            with open_below.opened(self._root, way[:-1]) as home, open_below.opened(target.parent) as work:
                take(home, way, work, target.name, unchanged=unchanged, ask_writers=_knows_all_writers(source))
        except (OSError, FreistellerError) as error:
            with suppress(OSError):
                target.parent.rmdir()
            if isinstance(error, OSError):
                raise self._meaning(error, source) from error
            raise
        return target

    def restore(self, place: Path, job_id: str) -> None:
        """Give a job its original to work on again; the file at `place` stays there as well. Raises like `claim`."""
        way = place.relative_to(self._root).parts
        target = _folder(self.work_root, job_id)
        with translated(f"Taking {place} into work"):
            self._make(target)
        try:
            with open_below.opened(self._root, way[:-1]) as home, open_below.opened(target) as work:
                no_replace.double(home, way[-1], work, clean_name(way[-1]))
                open_below.settle(work)
        except OSError as error:
            raise self._meaning(error, place) from error

    def claimed(self, job_id: str, of: Path | None = None) -> Path | None:
        """The path of the job's original, or None if it has none. of: `returns_root` for the file that was put back."""
        folder = _folder(of or self.work_root, job_id)
        with translated(f"The work folder {folder}"), suppress(FileNotFoundError), os.scandir(folder) as entries:
            for entry in entries:
                if not entry.name.startswith(".") and entry.is_file(follow_symlinks=False):
                    return Path(entry.path)
        return None

    def exists(self, job_id: str) -> bool:
        """Whether the job has a work folder or a staging folder."""
        return any(_folder(base, job_id).is_dir() for base in (self.work_root, self.staging_root))

    def work(self, job_id: str) -> Path:
        """The job's folder for its original. Makes it if it is missing."""
        return self._made(_folder(self.work_root, job_id))

    def staging(self, job_id: str) -> Path:
        """The job's folder for files that are not published yet. Makes it if it is missing."""
        return self._made(_folder(self.staging_root, job_id))

    def clear(self, job_id: str) -> None:
        """Remove what a finished job leaves: staging, then the original, then the note that says whose it is.

        An original without its note would count as a new photo if the journal were lost. May be repeated.
        """
        self.clear_staging(job_id)
        _remove(_folder(self.work_root, job_id), first=self.claimed(job_id))

    def clear_staging(self, job_id: str) -> None:
        """Remove the files of a job that are not published. May be repeated."""
        _remove(_folder(self.staging_root, job_id))

    def clear_tries(self) -> None:
        """Remove what machines wrote for tries that nobody waits for any more: those of a daemon that has ended."""
        _remove(self.tries_root)

    def has_staging(self, job_id: str) -> bool:
        """Whether the job has a staging folder."""
        return _folder(self.staging_root, job_id).is_dir()

    def release(self, job_id: str, name: str) -> Path | None:
        """Give a job's original back to `inbox/` under a free name like `name`. Returns None if the job has none."""
        original = self.claimed(job_id)
        if original is None:
            return None
        stem, suffix = split_suffix(clean_name(name).rpartition("/")[2])
        with translated(f"Giving {original} back to {self._inbox}"):
            with open_below.opened(original.parent) as work, open_below.opened(self._inbox) as inbox:
                for free in stems("unique", stem, suffix):
                    with suppress(FileExistsError):
                        no_replace.move(work, original.name, inbox, free + suffix)
                        break
                open_below.settle(inbox)
            self.clear(job_id)
        return self._inbox / f"{free}{suffix}"

    def in_work(self) -> tuple[str, ...]:
        """The ids of all jobs that have a work folder or a staging folder, sorted."""
        return self._jobs_below(self.work_root, self.staging_root)

    def put_back(self) -> tuple[str, ...]:
        """The ids of all jobs with a file that was put back and still waits for its other try, sorted."""
        return self._jobs_below(self.returns_root)

    def staged_as(self, inode: int) -> str | None:
        """The id of the job in whose staging folder this file lies as well. Returns None if there is none."""
        for job_id in self._jobs_below(self.staging_root):
            folder = self.staging_root / job_id
            with translated(f"The staging folder {folder}"), suppress(FileNotFoundError), os.scandir(folder) as entries:
                if any(entry.inode() == inode for entry in entries):
                    return job_id
        return None

    def finish_interrupted_claims(self, tick: Tick = lambda _: None) -> None:
        """Finish claims that a crash interrupted. Only the one daemon that claims may do so, before it scans."""
        barrier = Barrier()
        for base, job_ids in ((self.work_root, self.in_work()), (self.returns_root, self.put_back())):
            for job_id in job_ids:
                with barrier.around(f"The claim of job {job_id}"), translated(f"The work folder {base}"):
                    if (base / job_id / NOTE).exists():
                        tick(Effect.FINISH_CLAIM)
                        finish_interrupted_claim(base / job_id, self._root)

    def _jobs_below(self, *bases: Path) -> tuple[str, ...]:
        found: set[str] = set()
        with translated(f"The private folder {self._private}"):
            for base in bases:
                with suppress(FileNotFoundError), os.scandir(base) as entries:
                    found.update(
                        entry.name
                        for entry in entries
                        if entry.is_dir(follow_symlinks=False) and JOB_ID.fullmatch(entry.name)
                    )
        return tuple(sorted(found))

    def _made(self, folder: Path) -> Path:
        with translated(f"The folder {folder}"):
            self._make(folder)
        return folder

    def _make(self, folder: Path) -> None:
        try:
            folder.mkdir()
        except FileExistsError:
            return
        except FileNotFoundError:
            self._check()
            folder.parent.mkdir(exist_ok=True)
            folder.mkdir(exist_ok=True)
        open_below.settle_path(folder.parent)

    def _meaning(self, error: OSError, source: Path) -> FreistellerError:
        """What an error of a claim means: a problem of the hot folder as a whole, or of this file alone."""
        # One file or sub-folder that we may not touch is no reason for all others to wait.
        of_one_file = isinstance(error, PermissionError) or is_of_one_file(error, self._inbox, self._check)
        if not of_one_file and (meaning := translate(error, f"Taking {source} into work")):
            return meaning
        self._check()
        return Vanished(Said("cannot_take", name=source, fault=error.strerror))


def _remove(folder: Path, first: Path | None = None) -> None:
    """Remove a folder with all that is in it, `first` before all else. Raises NoRoom, RootAway."""
    with translated(f"Clearing {folder}"), suppress(FileNotFoundError):
        try:
            if first is not None:
                first.unlink(missing_ok=True)
            shutil.rmtree(folder)
        except OSError as error:
            # On NFS and FUSE, a removed file that a program has open stays as a hidden file. The next call removes it.
            if error.errno not in (errno.ENOTEMPTY, errno.EBUSY):
                raise


def _folder(base: Path, job_id: str) -> Path:
    if not JOB_ID.fullmatch(job_id):
        raise ValueError(f"{job_id!r} is not a job id")
    return base / job_id


def _knows_all_writers(source: Path) -> bool:
    """Whether every program that writes this file runs on this machine, so that the kernel knows it."""
    return not mounts.mount_of(str(source.parent), mounts.read()).remote
