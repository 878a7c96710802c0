"""Tells which job a file in the inbox is the original of: one that a person took out of `archiv/` or `failed/`."""

from daemon.disk.file_id import FileId
from daemon.hotfolder.hot_folder import HotFolder
from daemon.journal import Journal
from daemon.publishing.kept_originals import is_where_it_was
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
            is_tried_again = is_open(state) and self._is_in_work_or_lacking(original.job_id, file_id)
            if (is_over(state) or is_tried_again) and not is_where_it_was(self._folders.root, original):
                self._folders.check()  # the file was moved, not copied; but it also seems so if the root is gone
                return original.job_id
        return None

    def _is_in_work_or_lacking(self, job_id: str, file_id: FileId) -> bool:
        """Whether a job's original in work is this very file, under another name, or is not in work.

        It is not there if a person took it out of its folder before a job that is tried again had it.
        """
        in_work = self._folders.jobs.claimed(job_id)
        return in_work is None or in_work.stat().st_ino == file_id.inode
