"""Tells which job a file in the inbox is the original of: one that a person took out of `archiv/` or `failed/`."""

from collections.abc import Iterator
from pathlib import Path

from daemon.disk.file_id import FileId
from daemon.hotfolder import ownership
from daemon.hotfolder.hot_folder import HotFolder
from daemon.journal import Journal, Original
from daemon.people import stray_results
from daemon.states import is_open, is_over


class KnownOriginals:
    """Knows an original by its file, as the journal recorded it. Raises OSError if the disk does not answer."""

    def __init__(self, folders: HotFolder, journal: Journal) -> None:
        self._folders = folders
        self._journal = journal

    def owner_of(self, file_id: FileId) -> str | None:
        """The job whose original this file is, if it was moved out of its folder. Returns None if it was not."""
        for original in self._journal.originals.of_file(file_id):
            state = self._journal.state_of(original.job_id)
            is_tried_again = is_open(state) and self._is_in_work(original.job_id, file_id)
            if (is_over(state) or is_tried_again) and not self._is_where_it_was(original):
                self._folders.check()  # the file was moved, not copied; but it also seems so if the root is gone
                return original.job_id
        return None

    def taken_early(self) -> Iterator[Path]:
        """The files in the inbox that people took back before the journal recorded that they had been put away."""
        under_way = {original.inode for original in self._journal.originals.under_way()}
        for place in stray_results.places_of(self._folders.inbox, under_way) if under_way else ():
            yield self._folders.root / place

    def _is_in_work(self, job_id: str, file_id: FileId) -> bool:
        """Whether a job's original in work is this very file, under another name."""
        in_work = self._folders.jobs.claimed(job_id)
        return in_work is not None and in_work.stat().st_ino == file_id.inode

    def _is_where_it_was(self, original: Original) -> bool:
        """Whether an original still lies where it was put; another photo may have taken that place since."""
        found = ownership.file_id_at(self._folders.root, original.place) if original.place else None
        return found is not None and found.inode == original.inode
