"""Gives a result the grade that a person wants for it."""

from collections.abc import Sequence
from contextlib import suppress

from daemon.hotfolder import ownership
from daemon.hotfolder.effects import Effect
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.runtime import Runtime
from daemon.journal import Journal
from daemon.logs import log
from daemon.observe import series
from daemon.observe.metrics import Metrics
from daemon.people.moved_results import Moved


class PersonGrades:
    """Whoever calls a method holds the lock of the job."""

    def __init__(self, folders: HotFolder, journal: Journal, metrics: Metrics, runtime: Runtime) -> None:
        self._folders = folders
        self._journal = journal
        self._metrics = metrics
        self._clock = runtime.clock
        self._tick = runtime.tick

    def gather(self, job_id: str, moved: Moved) -> list[str]:
        """Bring all files of a result to where a person wants it. Returns where each is; one that is gone is left out.

        A file stays where it is if its new place is taken or may not be written.
        """
        return [place for pair in moved.places if (place := self._bring(job_id, *pair))]

    def set_grade(self, job_id: str, moved: Moved, places: Sequence[str], who: str = "") -> None:
        """Record the grade that a person gave to a result; a second time changes nothing.

        places: where the files of the result are now. who: the person; "" = unknown, because the files were moved.
        """
        self._tick(Effect.RECORD_VERDICT)
        before, after, now = moved.before, moved.after, self._clock()
        if self._journal.verdicts.record(job_id, before, after, now, who=who, how="moved", places=places):
            self._metrics.count(series.VERDICTS, **{"from": before.label, "to": after.label})
            text = f"{places[0]}: a person moved it from {before.value} to {after.value}."
            log.log("verdict", text, job=job_id, name=places[0], before=before.value, after=after.value)

    def _bring(self, job_id: str, place: str, to: str) -> str | None:
        if place != to and ownership.is_of(job_id, self._folders.root, place):
            self._tick(Effect.BRING_ALONG)
            with suppress(FileExistsError, FileNotFoundError, PermissionError):
                ownership.move(self._folders.root, place, to)
        return next((each for each in (to, place) if ownership.is_of(job_id, self._folders.root, each)), None)
