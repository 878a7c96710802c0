"""Tells which job a picture is a result of: by the file, by its content, or by the place where it lies.

No picture is decoded for that. What a picture says of itself counts for nothing: an editor copies the metadata of a
cut-out into whatever is made from it.
"""

from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from daemon.hotfolder import ownership
from daemon.hotfolder.hot_folder import HotFolder
from daemon.jobs import Grade
from daemon.journal import Journal
from daemon.journal.result_files import RESULTS_TO_READ
from daemon.people.moved_results import grade_of, is_report, stem_of
from daemon.publishing.reading_back import HISTORY_TO_READ

_CLOCKS_APART_SECONDS = 60.0  # a share's clock may be wrong by so much


class KnownResults:
    """Asks the journal. A place is a path below the root. Every method raises OSError if the disk does not answer."""

    def __init__(self, folders: HotFolder, journal: Journal, clock: Callable[[], float]) -> None:
        """clock: Unix seconds."""
        self._folders = folders
        self._journal = journal
        self._began_at = clock()
        self._knows_all = False  # whether all reports are read

    def owner_of(self, place: str) -> str | None:
        """The job that published this file, under whatever name and by whatever way it came here. None = it is another.

        An unchanged file that was only moved or linked is known by its inode, a copy by its SHA-256. A file is read
        only if a result has its size, or a size that nobody knows since the journal was lost.
        """
        found, files = ownership.file_id_at(self._folders.root, place), self._journal.result_files
        if found is None:
            return None
        if (owner := files.of_file(found)) or not files.may_have_size(found.size_bytes):
            return owner
        content = ownership.content_at(self._folders.root, place)
        return files.of_content(found.size_bytes, content) if content else None

    def may_be_forgotten(self, source: Path) -> bool:
        """Whether a file in the inbox may be a result that the journal will know once all reports are read.

        A journal that is new, or that an earlier version kept, must not take a result for a photo. What was written
        after this program had started is no such result.
        """
        if self._is_complete():
            return False
        try:
            is_old = source.lstat().st_mtime <= self._began_at + _CLOCKS_APART_SECONDS
            return is_old and self.owner_of(str(source.relative_to(self._folders.root))) is None
        except OSError:
            return False  # whoever takes it in reports what is wrong

    def require_room(self) -> None:
        """While reports are still to be read, prove that the journal can be written. Raises NoRoom.

        Photos wait for those reports, and are not admitted, so nobody else finds out that the disk is full.
        """
        if not self._is_complete():
            self._journal.facts.prove_room()

    def owner_in_grades(self, place: str) -> str | None:
        """Like `owner_of`, for a picture in a grade folder; a result that was edited on its way is known by its name.

        That is so if it lies where the journal has the result; or if it has the place in this grade folder which the
        result had in another one, if the result is not there any more, and if the report is still there or lies beside
        the picture.
        """
        return self.owner_of(place) or self._journal.jobs_at([place]).get(place) or self._former_owner(place)

    def placed(self, files: Sequence[tuple[str, int]]) -> Collection[str]:
        """Those places of files, each given with its inode, where the journal has a file of a result.

        A place where the file is known as another job's is left out: people swapped the two. An inode that is not known
        speaks for nobody, because some shares give a file another one each time.
        """
        jobs = self._journal.jobs_at([place for place, _ in files])
        owners = self._journal.result_files.jobs_of([inode for _, inode in files])
        return {
            place for place, inode in files if (job_id := jobs.get(place)) and job_id in owners.get(inode, {job_id})
        }

    def owner_of_any(self, place: str) -> str | None:
        """Like `owner_of`, also for a report. None for a file that we may not read."""
        try:
            if is_report(place):
                return ownership.job_of_report(self._folders.root, place)
            return self.owner_of(place)
        except (PermissionError, BlockingIOError):
            return None

    def is_of(self, job_id: str, place: str) -> bool:
        """Whether a file belongs to a job's result. False for a file that we may not read.

        Of a picture where the journal has its place, that is so whatever people made of it, unless another job
        published it.
        """
        try:
            if is_report(place):
                return ownership.job_of_report(self._folders.root, place) == job_id
            if ownership.file_id_at(self._folders.root, place) is None:
                return False
            return self.owner_in_grades(place) == job_id
        except (PermissionError, BlockingIOError):
            return False

    def _is_complete(self) -> bool:
        known = self._journal.facts.known
        self._knows_all = self._knows_all or not any(map(known, (HISTORY_TO_READ, RESULTS_TO_READ)))
        return self._knows_all

    def _former_owner(self, place: str) -> str | None:
        others = in_other_grades(self._folders, place)
        for former, job_id in self._journal.jobs_at(others).items():
            if ownership.file_id_at(self._folders.root, former) is None and self._has_report(job_id, place):
                return job_id
        return None

    def _has_report(self, job_id: str, place: str) -> bool:
        """Whether a job's report is where the journal has it, or beside a picture."""
        beside = place.rpartition("/")[0] + f"/{stem_of(place)}.json"
        reports = [known for known in self._journal.row(job_id).results if is_report(known)]
        return any(ownership.job_of_report(self._folders.root, report) == job_id for report in (*reports, beside))


def in_other_grades(folders: HotFolder, place: str) -> list[str]:
    """The same place below the folders of the other grades."""
    here, below = grade_of(place), place.partition("/")[2]
    return [f"{folders.grade(grade).name}/{below}" for grade in Grade if grade is not here]
