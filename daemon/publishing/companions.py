"""Brings what belongs to a photo (sidecars, the film of a Live Photo) from `inbox/` to its original in `archiv/`.

No job has them: they stay in `inbox/` until their photo is done, and follow it then by name. One that comes a little
later follows, too. If the photo fails, they wait where the photo is put back. So does the other file of a camera's
pair, which `Pairs` told from the photos.
"""

import os
from collections.abc import Sequence
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
from daemon.intake.companion_names import tail_of
from daemon.intake.scan_values import LeftFile, Scan
from daemon.logs import log
from daemon.publishing.lately_done import DonePhoto, LatelyDone
from daemon.settings.current import CurrentSettings


class Companions:
    """Only one thread uses it."""

    def __init__(self, folders: HotFolder, lately: LatelyDone, settings: CurrentSettings, runtime: Runtime) -> None:
        self._folders = folders
        self._lately = lately
        self._settings = settings
        self._clock = runtime.clock
        self._tick = runtime.tick
        self._orphans: Sequence[LeftFile] = ()  # thousands may lie there for years

    def follow(self, scan: Scan) -> None:
        """Bring each companion to its photo, if that is done. Raises NoRoom, RootAway."""
        follows = self._settings.now.intake.companions == "follow"
        if not scan.followers and not (follows and scan.companions):
            return
        if not self._lately.look() and scan.companions is self._orphans and not scan.followers:
            return
        paths = [*(each.path for each in scan.companions if follows), *scan.followers]
        for arrival in scan.ready:  # from here on, companions of that name wait for this photo
            self._lately.forget(str(arrival.source.relative_to(self._folders.inbox)))
        have_photos = False
        for path in paths:
            if photo := self._lately.photo_of(path):
                have_photos = True
                if self._is_ready(path, photo):
                    self._bring(path, photo.place)
        self._orphans = () if have_photos else scan.companions

    def _is_ready(self, path: str, photo: DonePhoto) -> bool:
        """Whether a file is quiet, and belongs to this photo."""
        way, intake = path.split("/"), self._settings.now.intake
        with suppress(OSError), open_below.opened(self._folders.inbox, way[:-1]) as folder:
            with open_below.reading(way[-1], folder) as file:
                changed_at = max(os.fstat(file).st_ctime, os.fstat(file).st_mtime)
                is_quiet = self._clock() - changed_at >= intake.quiet_seconds and not open_for_writing(file)
            return is_quiet and photo.is_met_by(changed_at)
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
