"""Puts the original of a photo back into `archiv/`, when a person takes back what had sent it elsewhere."""

from functools import partial
from pathlib import PurePosixPath

from daemon.errors import Said, Vanished
from daemon.hotfolder import ownership, place_files
from daemon.hotfolder.effects import Effect, Tick
from daemon.hotfolder.hot_folder import HotFolder
from daemon.intake import files_below
from daemon.jobs import Job
from daemon.journal import Journal, Original
from daemon.publishing.kept_originals import is_anothers, laid


class ReturnedOriginals:
    """Whoever calls a method holds the lock of the job. Every method may be repeated after a crash."""

    def __init__(self, folders: HotFolder, journal: Journal, tick: Tick) -> None:
        self._folders = folders
        self._journal = journal
        self._tick = tick

    def retire(self, job: Job) -> Original | None:
        """Put the original in work into `archiv/`, too; it stays in work. Returns where it is; None if it has none."""
        original = self._folders.jobs.claimed(job.id)
        if original is None:
            return None
        self._tick(Effect.ARCHIVE)
        others = partial(is_anothers, self._folders.root, self._journal, job.id)
        path = place_files.retire(original, self._folders.archive, PurePosixPath(job.name), others)
        return laid(self._folders.root, job.id, path)

    def bring_back(self, job: Job, place: str) -> Original | None:
        """Move the original from `place`, in `failed/`, to `archiv/`. Returns where it is then.

        Raises Vanished if it is in neither.
        """
        root = self._folders.root
        if ownership.file_id_at(root, place) is None:
            noted = self._journal.originals.of_job(job.id)
            moved = files_below.place_of(self._folders.archive, noted.inode) if noted else None
            if moved is None:
                self._folders.check()
                raise Vanished(Said("original_just_gone", name=job.name))
            return laid(root, job.id, root / moved)
        self._tick(Effect.BRING_BACK_ORIGINAL)
        others = partial(is_anothers, root, self._journal, job.id)
        path = place_files.retire(root / place, self._folders.archive, PurePosixPath(job.name), others)
        original = laid(root, job.id, path)
        ownership.remove(root, place)
        return original
