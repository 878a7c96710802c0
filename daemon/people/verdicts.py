"""People judge too: a result that somebody moves to another grade folder is a verdict, noted once."""

import logging
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from contextlib import suppress

from daemon.disk.os_errors import named
from daemon.errors import NoRoom, RootAway
from daemon.hotfolder import ownership
from daemon.hotfolder.effects import Effect
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.runtime import Runtime
from daemon.journal import Journal
from daemon.logs import log
from daemon.observe import series
from daemon.observe.metrics import Metrics
from daemon.people import moved_results
from daemon.people.stray_results import StrayResult, StrayResults
from daemon.states import is_done, is_open

SETTLE_SECONDS = 5.0  # people move a picture, its mask and its report one after the other
LONGEST_PAUSE_SECONDS = 300.0
_WALL_SHARE, _PROCESSOR_SHARE = 20, 400  # a look that took a second of these is not repeated within so many


class Verdicts:
    """Looks through the grade folders now and then; the less often, the longer that takes."""

    def __init__(
        self,
        *,
        folders: HotFolder,
        journal: Journal,
        metrics: Metrics,
        runtime: Runtime,
        scan_seconds: float,
    ) -> None:
        self._folders = folders
        self._journal = journal
        self._metrics = metrics
        self._clock = runtime.clock
        self._tick = runtime.tick
        self._scan_seconds = scan_seconds
        self._gallery = StrayResults(folders, time.monotonic, SETTLE_SECONDS)

    def adopt(self, scan_seconds: float) -> None:
        """Look at most so often."""
        self._scan_seconds = scan_seconds

    def serve(self, stop: threading.Event) -> None:
        """Look now and then until `stop`."""
        pause = 0.0
        while not stop.wait(pause):
            wall, processor = time.monotonic(), time.thread_time()
            waits = self.turn()
            wall, processor = time.monotonic() - wall, time.thread_time() - processor
            pause = pause_seconds(self._scan_seconds, wall, processor, waits)

    def turn(self, settle_seconds: float = SETTLE_SECONDS) -> bool:
        """Look once, and note what people did. Returns whether something is still on the move.

        settle_seconds: a picture must have been seen where it is for so long.
        """
        try:
            strays = self._gallery.look(self._journal.jobs_at, settle_seconds)
            by_job: dict[str, list[StrayResult]] = defaultdict(list)
            for stray in strays:
                by_job[stray.job_id].append(stray)
            for job_id, group in by_job.items():
                self._consider(job_id, group)
        except (RootAway, NoRoom):
            pass  # the reception tells people; the next look finds what this one did not
        return self._gallery.waits

    def _consider(self, job_id: str, strays: Sequence[StrayResult]) -> None:
        state = self._journal.state_of(job_id)
        if is_open(state):
            return  # it is being published, or made again: a later look tells
        if is_done(state):
            try:
                with named(f"A result of {job_id}"):
                    self._read(job_id, [stray.place for stray in strays])
            except OSError as error:
                text = f"{strays[0].place} was moved, and cannot be followed: {error}"
                log.log("verdict_unread", text, level=logging.WARNING, job=job_id)
        self._gallery.settled(strays)

    def _read(self, job_id: str, found: Sequence[str]) -> None:
        known = self._journal.row(job_id).results
        gone = [place for place in known if ownership.file_id_at(self._folders.root, place) is None]
        self._folders.check()  # a root that went away meanwhile would look the same
        moved = moved_results.read_move(known, gone, found)
        if moved is None:
            return
        places = [place for pair in moved.places if (place := self._bring(job_id, *pair))]
        if not set(places) & set(found):
            return  # gone again meanwhile
        if moved.before is moved.after:
            self._journal.verdicts.record_moved(job_id, places)
            return
        self._tick(Effect.NOTE_VERDICT)
        now = self._clock()
        if self._journal.verdicts.record(job_id, moved.before, moved.after, now, how="moved", places=places):
            self._metrics.count(series.VERDICTS, **{"from": moved.before.label, "to": moved.after.label})
            before, after = moved.before.value, moved.after.value
            text = f"{places[0]}: a person moved it from {before} to {after}"
            log.log("verdict", text, job=job_id, name=places[0], before=before, after=after)

    def _bring(self, job_id: str, place: str, to: str) -> str | None:
        """Bring one file of the result to where the rest of it is; returns where it is, None where it is gone."""
        if place != to and ownership.is_of(job_id, self._folders.root, place):
            self._tick(Effect.BRING_ALONG)
            with suppress(FileExistsError, FileNotFoundError, PermissionError):  # then it stays where it is
                ownership.move(self._folders.root, place, to)
        return next((each for each in (to, place) if ownership.is_of(job_id, self._folders.root, each)), None)


def pause_seconds(scan_seconds: float, wall: float, processor: float, waits: bool) -> float:
    """How long to leave the grade folders alone after a look that took so many seconds of time and of a processor.

    waits: whether something was seen that another look soon tells more of.
    """
    share = max(_WALL_SHARE * wall, 0.0 if waits else _PROCESSOR_SHARE * processor)
    return min(max(scan_seconds, share), max(LONGEST_PAUSE_SECONDS, scan_seconds))
