"""Records the grades that people give to results by moving them to another grade folder."""

import logging
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Sequence
from contextlib import suppress

from daemon.disk.os_errors import translate
from daemon.errors import JournalDamaged, NoRoom, RootAway
from daemon.hotfolder.effects import Effect
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.job_locks import JobLocks
from daemon.hotfolder.runtime import Runtime
from daemon.journal import Journal
from daemon.logs import log
from daemon.logs.barrier import Barrier
from daemon.observe import series
from daemon.observe.metrics import Metrics
from daemon.people import moved_results
from daemon.people.due_renditions import DueRenditions
from daemon.people.gathering import Gathering
from daemon.people.known_results import KnownResults
from daemon.people.moved_results import Moved
from daemon.people.stray_results import StrayResult, StrayResults
from daemon.settings.current import CurrentSettings
from daemon.states import is_done, is_open

SETTLE_SECONDS = 5.0  # people move a picture, its mask and its report one after the other
LONGEST_PAUSE_SECONDS = 300.0
# A look takes at most one part in so many of the time, and of one processor's time.
_WALL_SHARE, _PROCESSOR_SHARE = 20, 400
_MOST_READINGS = 3  # of a verdict that our code stumbles over; then it waits for the next move or start


class PersonGrades:
    """Whoever calls a method holds the lock of the job."""

    def __init__(self, journal: Journal, metrics: Metrics, runtime: Runtime) -> None:
        self._journal = journal
        self._metrics = metrics
        self._due = DueRenditions(journal)
        self._clock = runtime.clock
        self._tick = runtime.tick

    def set_grade(
        self, job_id: str, moved: Moved, places: Sequence[str], who: str = "", deed: int | None = None
    ) -> None:
        """Record the grade that a person gave to a result; a second time changes nothing.

        places: where the files of the result are now. who: the person; "" = unknown, because the files were moved.
        deed: that gave the grade; None = the files were moved.
        """
        self._tick(Effect.RECORD_VERDICT)
        before, after, now = moved.before, moved.after, self._clock()
        if before is not after:
            self._due.add(job_id)
        how, verdicts = "moved" if deed is None else "review", self._journal.verdicts
        if verdicts.record(job_id, before, after, now, who=who, how=how, places=places, deed=deed):
            self._metrics.count(series.VERDICTS, **{"from": before.label, "to": after.label})
            text = f"{places[0]}: a person {_did(moved, deed)}."
            log.log("verdict", text, job=job_id, name=places[0], before=before.value, after=after.value)


def _did(moved: Moved, deed: int | None) -> str:
    if moved.before is moved.after:
        return f"confirmed {moved.after.value}"
    return f"{'moved' if deed is None else 'graded'} it from {moved.before.value} to {moved.after.value}"


class Verdicts:
    """Looks through the grade folders at intervals; the longer a look takes, the longer the interval."""

    def __init__(
        self,
        folders: HotFolder,
        journal: Journal,
        known: KnownResults,
        gathering: Gathering,
        grades: PersonGrades,
        locks: JobLocks,
        settings: CurrentSettings,
    ) -> None:
        self._folders = folders
        self._journal = journal
        self._known = known
        self._gathering = gathering
        self._grades = grades
        self._locks = locks
        self._settings = settings
        self._stray_results = StrayResults(folders, known.owner_in_grades, time.monotonic)
        self._barrier = Barrier()
        self._unread: Counter[str] = Counter()  # by job, how often its verdict could not be read

    def serve(self, stop: threading.Event) -> None:
        """Look at intervals until `stop`."""
        pause = 0.0
        while not stop.wait(pause):
            wall, processor = time.monotonic(), time.thread_time()
            waits = self.turn()
            wall, processor = time.monotonic() - wall, time.thread_time() - processor
            pause = pause_seconds(self._settings.now.intake.scan_seconds, wall, processor, waits)

    def recover(self) -> None:
        """Settle what an earlier run began to move, before any put-back or verdict is read."""
        with suppress(RootAway, NoRoom), self._barrier.around("The rest of a verdict"):
            self._gathering.finish()

    def turn(self, settle_seconds: float = SETTLE_SECONDS) -> bool:
        """Look once, and record what people did. Returns whether another look soon may tell more.

        settle_seconds: for how long a picture must have been seen at its place before it counts.
        """
        # The inbox loop tells people of RootAway and NoRoom; the next look finds what this one did not.
        with suppress(RootAway, NoRoom), self._barrier.around("The look through the grade folders"):
            self._gathering.finish()
            strays = self._stray_results.look(self._known.placed, settle_seconds)
            by_job: dict[str, list[StrayResult]] = defaultdict(list)
            for stray in strays:
                by_job[stray.job_id].append(stray)
            for job_id, group in by_job.items():
                with self._locks.trying(job_id) as is_ours:
                    if is_ours and self._consider(job_id, group):
                        self._stray_results.settled(group)
        return self._stray_results.waits

    def _consider(self, job_id: str, strays: Sequence[StrayResult]) -> bool:
        """Read the verdict on one result. Returns whether these pictures need no other look."""
        try:
            state = self._journal.state_of(job_id)
            if is_open(state):
                return False  # its results are being published or made again; a later look finds them
            if is_done(state) and not self._read(job_id, strays):
                return False
        except JournalDamaged:
            raise
        except Exception as error:  # noqa: BLE001 - one result must not keep the others from being read
            self._folders.check()
            meaning = translate(error, strays[0].place) if isinstance(error, OSError) else error
            if isinstance(meaning, NoRoom) or isinstance(error, RootAway):
                return False  # no room, or no sure lease: the next look tries again
            self._unread[job_id] += 1
            if self._unread[job_id] == 1:
                text = f"{strays[0].place} was moved there, but its verdict cannot be read: {error!r:.200}"
                log.log("verdict_unread", text, level=logging.WARNING, job=job_id)
            if self._unread[job_id] < _MOST_READINGS:
                return False
        self._unread.pop(job_id, None)
        return True

    def _read(self, job_id: str, strays: Sequence[StrayResult]) -> bool:
        """Returns False if the verdict must wait."""
        known, found = self._journal.row(job_id).results, [stray.place for stray in strays]
        # A result that came back to its place is found there, if the journal has another one at that place by now.
        gone = [place for place in known if place in found or not self._known.is_of(job_id, place)]
        self._folders.check()  # if the root went away just now, all files seem to be gone
        last = self._journal.verdicts.standing(job_id)
        moved = moved_results.read_move(known, gone, found, last and last[0])
        if moved is None:
            pictures = [place for place in known if place not in gone and not moved_results.is_report(place)]
            return self._stray_results.are_copies(strays, pictures)
        missing = moved_results.names_of(gone) - moved_results.names_of(found)
        if missing & self._stray_results.arriving():
            return False  # people move all formats of a result one after the other: one verdict, once all are there
        places = self._gathering.gather(job_id, moved)
        if places is None:
            return False
        if not set(places) & set(found):
            self._gathering.finish()
            return True  # the result went away again
        if moved.before is moved.after:
            self._journal.verdicts.record_moved(job_id, places)
        else:
            self._grades.set_grade(job_id, moved, places)
            _tell_of_those_apart(job_id, moved, places)
        return True


def _tell_of_those_apart(job_id: str, moved: Moved, places: Sequence[str]) -> None:
    for place in places:
        if moved_results.grade_of(place) is not moved.after:
            text = (
                f"{place} is not in {moved.after.value}, where its result is now ({places[0]}): a person put it there "
                f"or it could not follow. What counts is {moved.after.value}. Move it beside its result by hand."
            )
            log.log("result_apart", text, level=logging.WARNING, job=job_id, name=place)


def pause_seconds(scan_seconds: float, wall: float, processor: float, waits: bool) -> float:
    """How many seconds to leave the grade folders alone after a look.

    wall, processor: the seconds of time and of processor time that the look took. waits: whether another look soon may
    tell more.
    """
    share = max(_WALL_SHARE * wall, 0.0 if waits else _PROCESSOR_SHARE * processor)
    return min(max(scan_seconds, share), max(LONGEST_PAUSE_SECONDS, scan_seconds))
