"""Brings what belongs to a photo (sidecars, the film of a Live Photo) from `inbox/` to its original in `archiv/`.

They are not photos, so no job has them: they stay in `inbox/` until their photo is done, and follow it then by name.
One that comes a little later follows, too. If the photo fails, they wait where the photo is put back.
"""

import os
from contextlib import suppress
from pathlib import PurePosixPath

from daemon.disk import open_below
from daemon.disk.open_writers import open_for_writing
from daemon.disk.os_errors import translated
from daemon.errors import BadPhoto
from daemon.hotfolder import place_files
from daemon.hotfolder.effects import Effect
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.runtime import Runtime
from daemon.intake.companion_names import stem_key, tail_of
from daemon.intake.scan_values import Scan
from daemon.journal import Journal
from daemon.logs import log
from daemon.settings.current import CurrentSettings
from daemon.states import is_done

LATE_SECONDS = 600.0
"""A companion that came longer after its photo was done belongs to another photo of that name."""
_MOST_AT_FIRST, _MOST_AT_ONCE = 2000, 200  # photos that ended last
_MOST_KNOWN = 50_000


class Companions:
    """Remembers which photos were done lately. Only one thread uses it."""

    def __init__(self, folders: HotFolder, journal: Journal, settings: CurrentSettings, runtime: Runtime) -> None:
        self._folders = folders
        self._journal = journal
        self._settings = settings
        self._clock = runtime.clock
        self._tick = runtime.tick
        self._seen: set[tuple[str, float | None]] = set()
        self._archived: dict[str, tuple[str, float]] = {}  # stem -> place of the original, and when it was done

    def follow(self, scan: Scan) -> None:
        """Bring each companion to its photo, if that is done. Raises NoRoom, RootAway."""
        if not scan.companions or self._settings.now.intake.companions != "follow":
            return
        self._look()
        for arrival in scan.ready:  # from here on, companions of that name wait for this photo
            self._archived.pop(stem_key(str(arrival.source.relative_to(self._folders.inbox))), None)
        for each in scan.companions:
            place, done_at = self._archived.get(stem_key(each.path), ("", 0.0))
            if place and self._is_ready(each.path, done_at):
                self._bring(each.path, place)

    def _look(self) -> None:
        if len(self._seen) > _MOST_KNOWN:
            self._seen.clear()
            self._archived.clear()
        for row in reversed(self._journal.latest(_MOST_AT_ONCE if self._seen else _MOST_AT_FIRST)):
            job = row.job
            if (job.id, job.finished_at) in self._seen:
                continue
            self._seen.add((job.id, job.finished_at))
            original = self._journal.originals.of_job(job.id) if is_done(job.state) else None
            if original and original.place.startswith(f"{self._folders.archive.name}/"):
                source = PurePosixPath(row.source)
                self._archived[stem_key("/".join(source.parts[1:]))] = original.place, job.finished_at or 0.0

    def _is_ready(self, path: str, done_at: float) -> bool:
        """Whether a file is quiet, and belongs to the photo that was done then."""
        way, intake = path.split("/"), self._settings.now.intake
        with suppress(OSError), open_below.opened(self._folders.inbox, way[:-1]) as folder:
            with open_below.reading(way[-1], folder) as file:
                changed_at = max(os.fstat(file).st_ctime, os.fstat(file).st_mtime)
                is_quiet = self._clock() - changed_at >= intake.quiet_seconds and not open_for_writing(file)
            return is_quiet and changed_at <= done_at + LATE_SECONDS
        return False

    def _bring(self, path: str, place: str) -> None:
        archive, way = self._folders.archive, path.split("/")
        original = PurePosixPath(place).relative_to(archive.name)
        name = original.with_name(original.stem + tail_of(way[-1]))
        self._tick(Effect.BRING_COMPANION)
        with suppress(FileNotFoundError, BadPhoto), translated(f"Bringing {path} to its photo"):
            there = place_files.retire(self._folders.inbox / path, archive, name)
            with open_below.opened(self._folders.inbox, way[:-1]) as folder:
                os.unlink(way[-1], dir_fd=folder)
                open_below.settle(folder)
            text = f"{path} follows its photo to {there.relative_to(self._folders.root)}."
            log.log("companion_followed", text, name=path)
