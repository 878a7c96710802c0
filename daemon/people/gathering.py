"""Brings all files of a result to where a person moved its picture.

The journal first records what is about to be moved, so that no file is forgotten where a crash left it.
"""

import json
from collections.abc import Sequence
from contextlib import suppress

from daemon.hotfolder import ownership
from daemon.hotfolder.effects import Effect
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.job_locks import JobLocks
from daemon.hotfolder.runtime import Runtime
from daemon.journal import JobRow, Journal
from daemon.people import known_results
from daemon.people.known_results import KnownResults
from daemon.people.moved_results import Moved, grade_of, is_report, numbered, stem_of
from daemon.states import is_done, is_open

_UNDER_WAY = "gathering"
"""The fact in the journal: a job, its round, the places of its files, each with the one to which it is brought, and
where the picture was that a person moved; "", or missing in facts of earlier versions: the first picture of the result.
"""


class Gathering:
    """Only one thread gathers. Whoever calls `gather` holds the lock of the job."""

    def __init__(
        self, folders: HotFolder, journal: Journal, known: KnownResults, locks: JobLocks, runtime: Runtime
    ) -> None:
        self._folders = folders
        self._journal = journal
        self._known = known
        self._locks = locks
        self._tick = runtime.tick

    def gather(self, job_id: str, moved: Moved) -> list[str] | None:
        """Bring all files of a result to where a person wants it. Returns where each is; one that is gone is left out.

        A file stays where it is if its new place may not be written, or is taken by a person's own file or by a result
        that lies beside its picture; a picture gets the next number then. Those in the folder of the new grade come
        first, the reports last. Returns None, and moves nothing, if that must wait, because another thread changes a
        result that lies in the way.
        """
        if not all(self._make_way(job_id, to) for place, to in moved.places if place != to):
            return None
        self._announce(self._journal.row(job_id), *moved.places, by=moved.by)
        left = {place: to for place, to in moved.places if place != to and not is_report(place)}
        brought = self.bring(job_id, moved.places)
        places = [self._numbered(job_id, place, left[place]) if place in left else place for place in brought]
        return sorted(places, key=lambda place: (is_report(place), grade_of(place) is not moved.after))

    def bring(self, job_id: str, pairs: Sequence[tuple[str, str]]) -> list[str]:
        """Move files of a result, each from one place to another; whoever calls it has recorded the pairs.

        Returns where each is. One that is gone is left out, and one whose new place is taken stays where it is.
        """
        return [place for pair in pairs if (place := self._bring(job_id, *pair))]

    def finish(self) -> None:
        """Settle what a crash, or an error, left half gathered.

        A person may have moved the picture again meanwhile. If it came back, so do the files that had been brought
        along. If not, the journal records where those are, and the verdict is still to be read.
        """
        told = self._journal.facts.known(_UNDER_WAY)
        if told is None:
            return
        job_id, round_, pairs, *by = json.loads(told)
        with self._locks.trying(job_id) as is_ours:
            if not is_ours:
                return
            if is_done(self._journal.state_of(job_id)) and (row := self._journal.row(job_id)).job.round == round_:
                places, picture = dict(pairs), next(iter(by), "") or _picture(row)
                now = [self._settled(job_id, picture, place, places.get(place, place)) for place in row.results]
                self._journal.verdicts.record_moved(job_id, now)
            self._journal.facts.forget(_UNDER_WAY)

    def _announce(self, row: JobRow, *places: tuple[str, str], by: str = "") -> None:
        self._journal.facts.record(_UNDER_WAY, json.dumps([row.job.id, row.job.round, places, by]))

    def _settled(self, job_id: str, picture: str | None, place: str, to: str) -> str:
        """Where to record a file that was to be brought from one place to another.

        picture: where the one was that a person moved; that is still to be read.
        """
        if place in (to, picture) or self._known.is_of(job_id, place) or not self._known.is_of(job_id, to):
            return place
        if picture and self._known.is_of(job_id, picture) and self._move(job_id, to, place):
            return place
        return to

    def _bring(self, job_id: str, place: str, to: str) -> str | None:
        if self._move(job_id, place, to) or self._known.is_of(job_id, to):
            return to
        # A crash may have come after a file was brought along to a grade that people have left again since.
        if any(self._move(job_id, here, to) for here in known_results.in_other_grades(self._folders, place)):
            return to
        return place if self._known.is_of(job_id, place) else None

    def _numbered(self, job_id: str, place: str, to: str) -> str:
        """Where a picture is that could not be brought to a place: there under the next free number, if it may be."""
        aside = next(each for each in numbered(to) if ownership.file_id_at(self._folders.root, each) is None)
        return aside if self._move(job_id, place, aside) else place

    def _move(self, job_id: str, place: str, to: str) -> bool:
        if place != to and self._known.is_of(job_id, place):
            self._tick(Effect.BRING_ALONG)
            with suppress(FileExistsError, FileNotFoundError, PermissionError):
                ownership.move(self._folders.root, place, to)
                return True
        return False

    def _make_way(self, job_id: str, place: str) -> bool:
        """Let a file of another result that lies at a place step aside, until its own result is read.

        Two results of one name that people swap have each other's places. Returns False if that must wait.
        """
        other = self._known.owner_of_any(place)
        if other is None or other == job_id:
            return True
        with self._locks.trying(other) as is_ours:
            state = self._journal.state_of(other)
            if state is None:
                return True  # a result that the journal does not know is a person's own
            if not is_ours or is_open(state):
                return False
            row = self._journal.row(other)
            if not self._is_beside_its_picture(row, place) and (aside := self._step_aside(row, place)):
                self._tick(Effect.RECORD_PLACES)
                places = [aside if known == place else known for known in row.results]
                self._journal.verdicts.record_moved(other, places)
            return True

    def _is_beside_its_picture(self, row: JobRow, place: str) -> bool:
        picture = _picture(row)
        if picture is None or _without_tail(picture) != _without_tail(place):
            return False
        return self._known.is_of(row.job.id, picture)

    def _step_aside(self, row: JobRow, place: str) -> str | None:
        """Give a file the next free name in its folder. Returns its place then, None if it is gone or may not move."""
        for aside in numbered(place):
            if ownership.file_id_at(self._folders.root, aside):
                continue
            self._announce(row, (place, aside))
            self._tick(Effect.BRING_ALONG)
            try:
                ownership.move(self._folders.root, place, aside)
            except FileExistsError:
                continue
            except (FileNotFoundError, PermissionError):
                return None
            return aside
        return None


def _picture(row: JobRow) -> str | None:
    """Where the journal has the picture that decides for a result."""
    return next((place for place in row.results if not is_report(place)), None)


def _without_tail(place: str) -> tuple[str, str]:
    return place.rpartition("/")[0], stem_of(place)
