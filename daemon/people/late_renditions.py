"""Follows a person's verdict with renditions: those for the new grade are made, those that are not for it go away.

Under the job's lock, in steps that may each be repeated: what is not for the grade moves to `archiv/`, what is lacking
is staged, recorded, and put beside the result; the report comes last, and then the job is due no longer. So a crash
leaves it due, and what was not told of in the report is made once more.
"""

import logging
import threading
from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path, PurePosixPath

from daemon.errors import BadOrder, BadPhoto, EngineAway, IllegalMove, JournalDamaged, NoRoom, RootAway, Said, Vanished
from daemon.hotfolder import ownership, place_files
from daemon.hotfolder.effects import Effect
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.runtime import Runtime
from daemon.jobs import Grade
from daemon.journal import JobRow, Journal, ResultFile
from daemon.logs import log
from daemon.logs.barrier import Barrier
from daemon.people.due_renditions import DueRenditions
from daemon.people.known_results import KnownResults
from daemon.people.moved_results import grade_of, is_report
from daemon.people.rendition_desk import RenditionDesk
from daemon.pictures.result_names import FOR, TAIL
from daemon.publishing.earlier_result import EARLIER
from daemon.publishing.published_files import as_published
from daemon.publishing.publisher import Publisher
from daemon.publishing.reports import Cut, Staged
from daemon.publishing.staging import content_of
from daemon.publishing.told_renditions import rendition_values, retold, told_labels
from daemon.renditions.wanted import MadeRendition
from daemon.states import is_done, is_open

LOOK_SECONDS = 2.0
_MOST_TRIES = 3  # of a result whose process is lost, or that we stumble over; then it waits for another verdict


class LateRenditions:
    """Only one thread uses it."""

    def __init__(
        self,
        folders: HotFolder,
        journal: Journal,
        known: KnownResults,
        desk: RenditionDesk,
        publisher: Publisher,
        runtime: Runtime,
    ) -> None:
        self._folders = folders
        self._journal = journal
        self._known = known
        self._desk = desk
        self._locks = publisher.locks
        self._due = DueRenditions(journal)
        self._tick = runtime.tick
        self._barrier = Barrier()
        self._tries: Counter[str] = Counter()

    def serve(self, stop: threading.Event) -> None:
        """Look at intervals until `stop`."""
        while not stop.wait(LOOK_SECONDS):
            self.turn()

    def turn(self) -> None:
        """See to every result that is due; what an outage or a stop prevents is due again."""
        for job_id in self._due.jobs():
            with (
                suppress(RootAway, NoRoom),
                self._barrier.around(f"The renditions of {job_id}"),
                suppress(EngineAway),
                self._locks.trying(job_id) as is_ours,
            ):
                if is_ours and not is_open(self._journal.state_of(job_id)):
                    self._see_to(job_id)

    def _see_to(self, job_id: str) -> None:
        self._folders.check()
        self._tries[job_id] += 1
        try:
            if is_done(self._journal.state_of(job_id)):
                self._follow(self._journal.row(job_id))
        except (BadPhoto, BadOrder, Vanished, IllegalMove) as error:
            self._give_up(job_id, error)
        except (RootAway, NoRoom, EngineAway, JournalDamaged):
            self._tries[job_id] -= 1
            raise
        except Exception as error:
            if self._tries[job_id] < _MOST_TRIES:
                raise
            self._give_up(job_id, error)
        self._tick(Effect.CLEAR)
        self._folders.jobs.clear_staging(job_id)
        self._due.done(job_id)
        del self._tries[job_id]

    def _give_up(self, job_id: str, error: Exception) -> None:
        name = self._journal.row(job_id).job.name
        text = f"{name}: its pictures for shops do not follow its new grade: {error}"
        log.log("renditions_not_followed", text, level=logging.WARNING, job=job_id, name=name)

    def _follow(self, row: JobRow) -> None:
        """Make what is lacking for the grade that a result has now, and take away what is not for it."""
        report = next((place for place in row.results if is_report(place)), None)
        grade = grade_of(row.results[0]) if row.results and row.job.grade else None
        content = ownership.report_at(self._folders.root, report) if report else None
        told = told_labels(content) if content else None
        if report is None or grade is None or content is None or told is None or not self._is_ours(row, report):
            return
        wanted = self._desk.wanted(row)
        not_wanted = frozenset(each.label for each in wanted if grade not in each.grades)
        due = [each.label for each in wanted if grade in each.grades]
        lacking = {
            page: missing for page, labels in told.items() if (missing := [each for each in due if each not in labels])
        }
        cuts = self._made(row, grade, lacking)
        row = self._without(row, not_wanted)
        row, made, staged = self._placed(row, report, cuts)
        if made or any(not_wanted & labels for labels in told.values()):
            values = {cut.page.number: [rendition_values(each, cut.page) for each in cut.renditions] for cut in made}
            sums = {suffix: content_of(path).hex() for path, suffix in staged}
            self._tick(Effect.PUBLISH)
            if not self._is_ours(row, report):
                raise RootAway(Said("just_moved_again", name=report))
            ownership.rewrite(self._folders.root, report, retold(content, not_wanted, values, sums))
            self._tell(row, grade, not_wanted, made)

    def _is_ours(self, row: JobRow, report: str) -> bool:
        return ownership.job_of_report(self._folders.root, report) == row.job.id

    def _made(self, row: JobRow, grade: Grade, lacking: dict[int, list[str]]) -> tuple[Cut, ...]:
        if not lacking:
            return ()
        self._tick(Effect.MAKE_STAGING)
        return self._desk.make(row, grade, lacking, self._folders.jobs.staging(row.job.id))

    def _without(self, row: JobRow, labels: frozenset[str]) -> JobRow:
        """Move renditions to `archiv/`; one that a person edited stays."""
        gone = [place for place in row.results if _label_at(place) in labels and self._retired(row, place)]
        if not gone:
            return row
        return self._recorded(row, [place for place in row.results if place not in gone])

    def _retired(self, row: JobRow, place: str) -> bool:
        """Move one of our files to `archiv/`. Returns False if it is there and not as it was published."""
        root, name = self._folders.root, PurePosixPath(row.job.name)
        if ownership.file_id_at(root, place) is None:
            return True
        if self._known.owner_of(place) != row.job.id:
            return False
        tail = TAIL.search(PurePosixPath(place).name)
        assert tail is not None  # it has the label of a rendition
        self._tick(Effect.ARCHIVE_EARLIER_RESULT)
        file = [(root / place, tail[0])]
        place_files.place(file, self._folders.archive, name.with_name(f"{name.stem}{EARLIER}"))
        self._tick(Effect.REMOVE_EARLIER_RESULT)
        ownership.remove(root, place)
        return True

    def _placed(self, row: JobRow, report: str, cuts: Sequence[Cut]) -> tuple[JobRow, list[Cut], list[Staged]]:
        """Put new renditions beside the result. One whose name another file has is left out."""
        beside = PurePosixPath(report).with_suffix("")
        taken = {suffix for cut in cuts for _, suffix in cut.files if not self._is_free(row, f"{beside}{suffix}")}
        cuts = [_without_taken(cut, taken) for cut in cuts]
        staged = [file for cut in cuts for file in cut.files]
        if not staged:
            return row, cuts, staged
        places = [f"{beside}{suffix}" for _, suffix in staged]
        files = [_as_staged(path) for path, _ in staged]
        self._tick(Effect.RECORD_RESULTS)
        self._journal.result_files.record(row.job.id, files)
        # Before the files are there: whatever happens then, they are known as ours.
        row = self._recorded(row, [*(each for each in row.results if each not in (*places, report)), *places, report])
        self._tick(Effect.PUBLISH)
        root, top = self._folders.root, beside.parts[0]
        place_files.place(staged, root / top, beside.relative_to(top))
        self._journal.result_files.record(row.job.id, as_published(root, files, places))
        return row, cuts, staged

    def _is_free(self, row: JobRow, place: str) -> bool:
        """Whether nothing lies at a place; what an interrupted try put there, untold of, is removed and made anew."""
        if ownership.file_id_at(self._folders.root, place) is None:
            return True
        if place not in row.results or self._known.owner_of(place) != row.job.id:
            return False
        self._tick(Effect.REMOVE_EARLIER_RESULT)
        return ownership.remove(self._folders.root, place)

    def _recorded(self, row: JobRow, places: Sequence[str]) -> JobRow:
        self._tick(Effect.RECORD_PLACES)
        self._journal.verdicts.record_moved(row.job.id, places)
        return replace(row, results=tuple(places))

    def _tell(self, row: JobRow, grade: Grade, gone: frozenset[str], cuts: Sequence[Cut]) -> None:
        made = [each.rendition.label for cut in cuts for each in cut.renditions if not each.broken]
        text = f"{row.job.name}: its pictures for shops are those of {grade.value} now."
        log.log("renditions_followed", text, job=row.job.id, name=row.job.name, made=made, not_for_it=sorted(gone))


def _label_at(place: str) -> str:
    tail = TAIL.search(PurePosixPath(place).name.lower())
    what = (tail["what"] or "") if tail else ""
    return what.removeprefix(FOR) if what.startswith(FOR) else ""


def _without_taken(cut: Cut, taken: set[str]) -> Cut:
    why = "another file has its name"
    made = tuple(
        MadeRendition.not_made(each.rendition, why)
        if not each.broken and rendition_values(each, cut.page)["file"] in taken
        else each
        for each in cut.renditions
    )
    return replace(cut, renditions=made, files=tuple(file for file in cut.files if file[1] not in taken))


def _as_staged(path: Path) -> ResultFile:
    found = path.stat()
    return ResultFile(content_of(path), found.st_ino, found.st_size, found.st_mtime_ns)
