"""Names the files of `inbox/` that are left alone in a note beside them, and removes the note when none is left."""

import os
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence

from daemon.disk import open_below
from daemon.errors import Said
from daemon.hotfolder.effects import Effect
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.orders import LEFT_NOTE
from daemon.hotfolder.runtime import Runtime
from daemon.intake.scan_values import LeftFile, Scan
from daemon.settings.current import CurrentSettings
from daemon.words.catalogue import LANGUAGES, N_, Texts, words_in
from daemon.words.said import said_in

AGE_SECONDS = 10.0
"""How long a file must be left alone before a note says so: it may be somebody's temporary name."""
MOST_NAMES = 50
_FIRST_LINE = N_("Freisteller does not work on these files:")
_REMEDY = N_(
    "What you can do: export what is to be cut out as JPEG, PNG or TIFF, and put that into this folder. The rest harms "
    "nothing. When nothing is left alone here any more, this note is removed."
)
_SWITCH = N_("If you want no such notes, set left_alone_notes = false under [intake] in the settings.")
_MOST_FIRST_BYTES = 400  # of the first line of a note


class LeftNotes:
    """Keeps one note in each folder of the inbox that needs one. Only one thread uses it."""

    def __init__(self, folders: HotFolder, settings: CurrentSettings, runtime: Runtime) -> None:
        self._folders = folders
        self._settings = settings
        self._tick = runtime.tick
        self._written: dict[str, bytes] = {}
        self._told: tuple[object, ...] = ()  # what was told of last, if nothing was left to do

    def tell(self, scan: Scan) -> None:
        """Bring the notes up to what a scan found. Where they cannot be written, only `status` and the pages tell."""
        asked = (scan.left_alone, scan.noted, self._settings.now)
        if self._told and all(one is other for one, other in zip(asked, self._told, strict=True)):
            return  # of thousands, it takes a while to see that all notes are there
        old = self._old_enough(scan.left_alone)
        wanted, failed = self._wanted(old), False
        for folder in sorted({*wanted, *scan.noted}):
            content = wanted.get(folder)
            if content is not None and folder in scan.noted and self._written.get(folder) == content:
                continue
            try:
                self._bring_up(folder, content)
            except OSError:
                failed = True
        self._told = () if failed or len(old) < len(scan.left_alone) else asked

    def _old_enough(self, left: Sequence[LeftFile]) -> Sequence[LeftFile]:
        now, least = time.monotonic(), max(AGE_SECONDS, 5 * self._settings.now.intake.quiet_seconds)
        return [each for each in left if now - each.since >= least]

    def _wanted(self, left: Sequence[LeftFile]) -> Mapping[str, bytes]:
        settings = self._settings.now
        by_folder: dict[str, list[LeftFile]] = defaultdict(list)
        for each in left if settings.intake.left_alone_notes else ():
            by_folder[each.path.rpartition("/")[0]].append(each)
        words = words_in(settings.language)
        return {folder: _note(files, words) for folder, files in by_folder.items()}

    def _bring_up(self, folder: str, content: bytes | None) -> None:
        with open_below.opened(self._folders.inbox, folder.split("/") if folder else ()) as descriptor:
            there = _note_there(descriptor)
            if there is not None and not _is_ours(there):
                return  # somebody's own file of that name
            if there != content:
                self._tick(Effect.TELL_LEFT_ALONE)
                if there is not None:
                    os.unlink(LEFT_NOTE, dir_fd=descriptor)
                if content is not None:
                    open_below.write_new(LEFT_NOTE, content, descriptor)
                open_below.settle(descriptor)
        self._written[folder] = content or b""


def _note(files: Sequence[LeftFile], words: Texts) -> bytes:
    lines = [
        said_in(Said("left_named", name=each.name.rpartition("/")[2], why=each.why), words)
        for each in files[:MOST_NAMES]
    ]
    if len(files) > MOST_NAMES:
        lines.append(said_in(Said("left_more", n=len(files) - MOST_NAMES), words))
    parts = (words.say(_FIRST_LINE), "", *lines, "", words.say(_REMEDY), words.say(_SWITCH), "")
    return "\n".join(parts).encode()


def _note_there(folder: int) -> bytes | None:
    try:
        with open_below.reading(LEFT_NOTE, folder) as note, open(note, "rb", closefd=False) as file:
            return file.read(1 << 16)
    except FileNotFoundError:
        return None


def _is_ours(content: bytes) -> bool:
    """Whether a note is one of ours, in whatever language."""
    return any(
        content[:_MOST_FIRST_BYTES].startswith(words_in(language).say(_FIRST_LINE).encode()) for language in LANGUAGES
    )
