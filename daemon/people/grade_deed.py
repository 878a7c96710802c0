"""Gives a result a grade: the same as moving all its files by hand into the folder of that grade."""

from collections.abc import Sequence
from pathlib import PurePosixPath

from daemon.errors import IllegalMove, Said, Vanished
from daemon.hotfolder import ownership
from daemon.hotfolder.effects import Effect
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.runtime import Runtime
from daemon.jobs import Grade
from daemon.journal import JobRow, Journal
from daemon.journal.deed_rows import Deed
from daemon.people.deed_acts import Plan
from daemon.people.due_renditions import DueRenditions
from daemon.people.free_places import free_places
from daemon.people.gathering import Gathering
from daemon.people.known_results import KnownResults
from daemon.people.moved_results import Moved, grade_of, is_report
from daemon.people.verdicts import PersonGrades
from daemon.states import is_done

_MOST_NAMES = 5  # other programs may take a free name at any moment, but not each time


class GradeDeed:
    """A `DeedAct`. wish: {"grade": the folder's name}. To confirm the present grade is a verdict, too."""

    def __init__(
        self,
        folders: HotFolder,
        journal: Journal,
        known: KnownResults,
        gathering: Gathering,
        grades: PersonGrades,
        runtime: Runtime,
    ) -> None:
        self._folders = folders
        self._journal = journal
        self._known = known
        self._gathering = gathering
        self._grades = grades
        self._due = DueRenditions(journal)
        self._clock = runtime.clock
        self._tick = runtime.tick

    def plan(self, subject: str, wish: Plan, _: str) -> Plan:
        """Choose where each file of the result will be."""
        row = self._journal.row(subject)
        before, after = self._grade_now(row), Grade(wish["grade"])
        return {"round": row.job.round, "before": before, "after": after, "pairs": self._pairs(row.results, after)}

    def do(self, deed: Deed) -> None:
        """Move the files, then record where they are together with the verdict."""
        row = self._row_in_round(deed)
        before, after = Grade(deed.body["before"]), Grade(deed.body["after"])
        places = self._bring(row, [(place, to) for place, to in deed.body["pairs"]], after)
        moved = Moved(before, after, tuple(zip(row.results, row.results, strict=True)))
        self._grades.set_grade(deed.job_id, moved, places, deed.who, deed.number)

    def plan_undo(self, deed: Deed) -> Plan:
        """Choose where each file goes back to."""
        row = self._row_in_round(deed)
        standing = self._journal.verdicts.standing(row.job.id)
        if standing is not None and standing[1] != deed.number and standing[0] is not Grade(deed.body["after"]):
            raise IllegalMove(Said("graded_since", name=row.job.name))
        before = Grade(deed.body["before"])
        now = self._grade_now(row)
        return {"pairs": self._pairs(row.results, before if now.value == deed.body["after"] else now)}

    def undo(self, deed: Deed, plan: Plan) -> None:
        """Move the files back, then let the verdict count no longer."""
        row = self._row_in_round(deed)
        pairs = [(place, to) for place, to in plan["pairs"]]
        places = self._bring(row, pairs, grade_of(pairs[0][1]) or Grade(deed.body["before"]))
        self._tick(Effect.RECORD_VERDICT)
        self._due.add(deed.job_id)
        self._journal.verdicts.undo(deed.number, self._clock(), deed.job_id, places)

    def _row_in_round(self, deed: Deed) -> JobRow:
        row = self._journal.row(deed.job_id)
        if not is_done(row.job.state) or row.job.round != deed.body["round"]:
            raise IllegalMove(Said("no_result_since", name=row.job.name))
        return row

    def _grade_now(self, row: JobRow) -> Grade:
        """The grade of the folder that the result is in. Raises IllegalMove if its files are not where we have them."""
        if not is_done(row.job.state) or row.job.grade is None or not row.results:
            raise IllegalMove(Said("no_result_to_grade", name=row.job.name, state=row.job.state))
        pictures = [place for place in row.results if not is_report(place)]
        moved = [place for place in pictures if not self._known.is_of(row.job.id, place)]
        before = grade_of(row.results[0])
        if moved or before is None:
            self._folders.check()  # if the root went away just now, all files seem to be gone
            raise IllegalMove(Said("result_moved_away", name=(moved or pictures)[0]))
        return before

    def _pairs(self, places: Sequence[str], grade: Grade) -> list[tuple[str, str]]:
        """Each place and where its file belongs in the folder of a grade. A report that is gone is left out."""
        if grade_of(places[0]) is grade:
            return [(place, place) for place in places]
        self._tick(Effect.BRING_ALONG)
        there = [place for place in places if ownership.file_id_at(self._folders.root, place)]
        return list(zip(there, free_places(self._folders.grade(grade), there), strict=True))

    def _bring(self, row: JobRow, pairs: list[tuple[str, str]], grade: Grade) -> list[str]:
        """Move the files. Returns where they are. Raises Vanished if none is left."""
        for _ in range(_MOST_NAMES):
            places = self._gathering.bring(row.job.id, pairs)
            if not places:
                raise Vanished(Said("result_gone", name=row.job.name))
            astray = [place for place in places if grade_of(place) is not grade]
            if not astray:
                return places
            pairs = self._pairs([*astray, *(place for place in places if place not in astray)], grade)
        raise IllegalMove(Said("names_taken", name=PurePosixPath(places[0]).name))
