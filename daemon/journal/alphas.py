"""Keeps the raw alphas of attempts on the local disk: no crash pays for one twice, and people may take another one."""

import hashlib
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Sequence, Set
from contextlib import suppress
from pathlib import Path

from daemon.arrays import Alpha
from daemon.disk.whole_file import write_whole
from daemon.errors import NoRoom, Said
from daemon.jobs import Job, Recipe
from daemon.pictures import codec

_SIZE_AT = 16  # width and height of a PNG, four bytes each (PNG 1.2, 11.2.2)


class Alphas:
    """One folder per job, one 8-bit PNG per attempt: of jobs in work in one place, of results in another."""

    def __init__(self, folder: Path) -> None:
        """folder: of jobs in work; the one of results lies beside it."""
        self._folder = folder
        self._kept = folder.with_name(f"{folder.name}-of-results")

    def keep(self, job: Job, number: int, recipe: Recipe, alpha: Alpha) -> Alpha:
        """Write an alpha, whole or not at all; returns it as `find` will give it: (H, W) float32 in steps of 1/255.

        Raises NoRoom if the state directory cannot be written.
        """
        steps = codec.steps_of(alpha)
        self.keep_png(job, number, recipe, codec.encode_steps(steps))
        return codec.alpha_of(steps)

    def keep_png(self, job: Job, number: int, recipe: Recipe, png: bytes) -> None:
        """Write an alpha that is encoded already, whole or not at all. Raises NoRoom like `keep`."""
        path = self._path(job, number, recipe)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, png)
        except OSError as error:
            raise NoRoom(Said("no_room_for_alpha", folder=self._folder, fault=error.strerror or error)) from error

    def png_of(self, job: Job, number: int, recipe: Recipe) -> bytes | None:
        """The PNG of an attempt's alpha, as it was kept, whole or not; None if it was not kept."""
        for folder in (self._folder, self._kept):
            with suppress(OSError):
                return self._path(job, number, recipe, folder).read_bytes()
        return None

    def size_of(self, job: Job, number: int, recipe: Recipe) -> tuple[int, int] | None:
        """(width, height) of an attempt's alpha as it was kept, in pixels; None if it was not kept."""
        for folder in (self._folder, self._kept):
            with suppress(OSError), self._path(job, number, recipe, folder).open("rb") as file:
                sides = file.read(_SIZE_AT + 8)[_SIZE_AT:]
                return int.from_bytes(sides[:4]), int.from_bytes(sides[4:])
        return None

    def keep_for_result(self, job: Job, number: int, recipe: Recipe, content: bytes) -> None:
        """Write the alpha of an attempt that was made after the job was done. content: a PNG. Raises NoRoom."""
        path = self._path(job, number, recipe, self._kept)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, content)
        except OSError as error:
            raise NoRoom(
                Said("no_room_for_kept_alpha", name=job.name, folder=self._kept, fault=error.strerror or error)
            ) from error

    def keeps(self, job: Job, number: int, recipe: Recipe) -> bool:
        """Whether the alpha of an attempt is kept."""
        return any(self._path(job, number, recipe, folder).is_file() for folder in (self._folder, self._kept))

    def exists(self, job_id: str) -> bool:
        """Whether alphas are kept for the work on a job."""
        return (self._folder / job_id).is_dir()

    def drop(self, job_id: str) -> None:
        """Delete the alphas that were kept for the work on a job."""
        shutil.rmtree(self._folder / job_id, ignore_errors=True)

    def lay_by(self, job_id: str) -> None:
        """Put the alphas of a job that has a result aside, until `prune`. What the disk does not take is deleted."""
        with suppress(OSError):
            paths = list((self._folder / job_id).iterdir())
            (self._kept / job_id).mkdir(parents=True, exist_ok=True)
            for path in paths:
                path.replace(self._kept / job_id / path.name)
        self.drop(job_id)

    def prune(
        self, before: float, most_bytes: int, forgotten: Callable[[Sequence[str]], Collection[str]], needed: Set[str]
    ) -> int:
        """Delete alphas that were laid by: those of before this time, and the oldest beyond so many bytes.

        forgotten: which of these jobs the journal does not know any more; theirs go as well. needed: jobs whose alphas
        stay, since somebody works on them again. Returns of how many jobs they were deleted.
        """
        kept = sorted(_laid_by(self._kept))
        gone = set(forgotten([job_id for _, job_id, _ in kept]))
        excess, deleted = sum(size for _, _, size in kept) - most_bytes, 0
        for at, job_id, size in kept:
            if job_id not in needed and (at < before or excess > 0 or job_id in gone):
                shutil.rmtree(self._kept / job_id, ignore_errors=True)
                excess -= size
                deleted += 1
        return deleted

    def jobs(self) -> tuple[str, ...]:
        """The ids of the jobs that have alphas for the work on them."""
        return tuple(sorted(path.name for path in self._folder.glob("*") if path.is_dir()))

    def _path(self, job: Job, number: int, recipe: Recipe, folder: Path | None = None) -> Path:
        # The name depends on the recipe: after a restart with other settings the attempt may ask for something else.
        digest = hashlib.sha256(repr(recipe).encode()).hexdigest()[:12]
        made_in = job.choice.alphas_round if job.choice else job.round
        return (folder or self._folder) / job.id / f"{made_in}-{number}-{digest}.png"


def _laid_by(folder: Path) -> Iterator[tuple[float, str, int]]:
    """When alphas of a job were laid by last, the job's id, and their size in bytes."""
    with suppress(FileNotFoundError), os.scandir(folder) as jobs:
        for job in jobs:
            with suppress(OSError), os.scandir(job) as alphas:
                yield job.stat().st_mtime, job.name, sum(alpha.stat().st_size for alpha in alphas)
