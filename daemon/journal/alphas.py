"""Keeps the raw alphas of attempts on the local disk until their job is over, so that no crash pays for one twice."""

import hashlib
import shutil
from pathlib import Path

from daemon.arrays import Alpha
from daemon.disk.whole_file import write_whole
from daemon.errors import NoRoom
from daemon.jobs import Job, Recipe
from daemon.pictures import codec


class Alphas:
    """One folder per job, one 8-bit PNG per attempt."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def keep(self, job: Job, number: int, recipe: Recipe, alpha: Alpha) -> Alpha:
        """Write an alpha, whole or not at all; returns it as `find` will give it: (H, W) float32 in steps of 1/255.

        Raises NoRoom if the state directory cannot be written.
        """
        path = self._path(job, number, recipe)
        data = codec.encode_alpha(alpha)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(path, data)
        except OSError as error:
            raise NoRoom(
                f"The alpha that an engine computed cannot be kept in {self._folder}: {error.strerror or error}. "
                "Make room on the disk of the state directory; work then goes on by itself."
            ) from error
        return codec.decode_alpha(data)

    def find(self, job: Job, number: int, recipe: Recipe) -> Alpha | None:
        """The alpha of an attempt, (H, W) float32 0..1; None if it was not kept or cannot be read."""
        try:
            return codec.decode_alpha(self._path(job, number, recipe).read_bytes())
        except (OSError, ValueError):
            return None

    def exists(self, job_id: str) -> bool:
        """Whether alphas are kept for a job."""
        return (self._folder / job_id).is_dir()

    def drop(self, job_id: str) -> None:
        """Delete all alphas of a job."""
        shutil.rmtree(self._folder / job_id, ignore_errors=True)

    def jobs(self) -> tuple[str, ...]:
        """The ids of the jobs that have alphas here."""
        return tuple(sorted(path.name for path in self._folder.glob("*") if path.is_dir()))

    def _path(self, job: Job, number: int, recipe: Recipe) -> Path:
        # The name depends on the recipe: after a restart with other settings the attempt may ask for something else.
        digest = hashlib.sha256(repr(recipe).encode()).hexdigest()[:12]
        return self._folder / job.id / f"{job.round}-{number}-{digest}.png"
