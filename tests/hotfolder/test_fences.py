"""Whatever changes the hot folder is an effect that the lease fences, and is done within the function that said so.

Python reports every call that changes a file (audit events). A mixed run is watched: each change below the hot folder
must happen while a function is at work that has called the tick with a fenced effect.

What this cannot see: changes that other processes make (photo workers write into staging, after WRITE_RESULT), changes
by a C library, and what the run does not do. One tick also covers all that its function does afterwards.
"""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import FrameType

import pytest

from daemon.errors import BadPhoto, RecipeRefused
from daemon.hotfolder.claim_file import NOTE
from daemon.hotfolder.effects import Effect
from daemon.hotfolder.order_names import NAME
from daemon.intake.uploads import SentPhoto
from daemon.jobs import Grade, Recipe
from daemon.notify.batch_sheets import BatchSheets
from daemon.notify.notices import BatchFigures
from daemon.people.deeds import DeedKind
from daemon.people.retries import Retries
from daemon.service.lifecycle import Daemon
from daemon.settings import Settings
from daemon.settings.rendition_section import RenditionSettings
from daemon.settings.rendition_values import GradeName
from daemon.states import State
from tests.doubles import ScriptedEngine
from tests.drawing import drawn_photo, save_photo
from tests.test_crash_at_every_step import FAR_FUTURE, results, settings_for

pytestmark = pytest.mark.usefixtures("deaf")

GRADES: tuple[GradeName, ...] = ("sehr_gut", "gut", "ungenügend")
CHANGES = {"os.rename", "os.link", "os.remove", "os.rmdir", "os.mkdir", "os.symlink", "os.truncate", "os.utime"}
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
WITHOUT_LEASE = {"open_root", "check"}
"""Functions that need none: the start, which takes the lease, and what makes a folder again that somebody deleted."""
OF_THE_LEASE = {"lock_file.py", "lease_file.py", "lease.py"}
"""Modules that are the lock and the lease themselves."""


class Watch:
    """Follows ticks and changes in all threads while it is in use."""

    def __init__(self) -> None:
        self.root = ""
        self.announced: list[FrameType] = []
        self.unannounced: list[str] = []
        self.seen: set[Effect] = set()
        self.changes = 0
        self._inside = threading.local()

    def tick(self, effect: Effect) -> None:
        """Called by `Runtime.fenced`'s tick, which the function with the effect calls."""
        self.seen.add(effect)
        frame = sys._getframe(2)
        # An alpha is written into the state directory, under a name that an audit event does not tell the folder of.
        if (effect.fenced or effect is Effect.KEEP_ALPHA) and frame not in self.announced:
            self.announced.append(frame)

    def hear(self, event: str, arguments: tuple[object, ...]) -> None:
        if not self.root or getattr(self._inside, "now", False):
            return
        self._inside.now = True
        try:
            if (path := self._changed(event, arguments)) is not None:
                self._judge(event, path)
        finally:
            self._inside.now = False

    def _changed(self, event: str, arguments: tuple[object, ...]) -> str | None:
        """The path that is changed below the root; None if nothing there is."""
        if event in CHANGES:
            return self._below(arguments[0], arguments[-1] if event != "os.rename" else arguments[2])
        if event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING:
            return self._below(arguments[0], -1)
        if event == "ctypes.dlsym" and arguments[1] == "renameat2":
            return "a rename without replacing"
        return None

    def _below(self, path: object, folder: object) -> str | None:
        if not isinstance(path, str | bytes | os.PathLike):
            return None
        text = os.fsdecode(path)
        if not text.startswith("/"):  # relative to a folder that only some events tell; only our own code does that
            if isinstance(folder, int) and folder >= 0:
                text = f"{Path(f'/proc/self/fd/{folder}').readlink()}/{text}"
            else:
                text = f"{self.root}/?/{text}"
        return text if text.startswith(self.root) else None

    def _judge(self, event: str, path: str) -> None:
        frame: FrameType | None = sys._getframe(2)
        story: list[str] = []
        while frame is not None:
            function, module = frame.f_code.co_name, Path(frame.f_code.co_filename).name
            if frame in self.announced or function in WITHOUT_LEASE or module in OF_THE_LEASE:
                self.changes += frame in self.announced
                return
            story.append(function)
            frame = frame.f_back
        self.unannounced.append(f"{event} {path.removeprefix(self.root)}: {' < '.join(story[:6])}")


WATCH = Watch()
_HOOKED: list[bool] = []


@pytest.fixture
def watch() -> Iterator[Watch]:
    """An audit hook cannot be removed, so one stays; it does nothing between the tests."""
    if not _HOOKED:
        sys.addaudithook(WATCH.hear)
        _HOOKED.append(True)
    WATCH.__init__()  # type: ignore[misc]  # the hook knows this very object
    yield WATCH
    WATCH.root = ""


class House:
    """Daemons that are watched, one after the other, in one thread; `person` does what people do."""

    def __init__(self, folder: Path, watch: Watch) -> None:
        self.watch = watch
        settings = settings_for(folder)
        intake = settings.intake.model_copy(update={"equal_content": "skip"})
        grading = settings.grading.model_copy(update={"sehr_gut": 0.9999})  # so there are several attempts
        for_each = {
            f"for-{n}": RenditionSettings(canvas="64x64", enlarge=True, grades=(grade,))
            for n, grade in enumerate(GRADES)
        }
        self.settings: Settings = settings.model_copy(
            update={"intake": intake, "grading": grading, "renditions": for_each}
        )
        self.root, self.inbox = settings.root_path, settings.root_path / "inbox"
        self.engine = ScriptedEngine()
        self.inbox.mkdir(parents=True)

    @contextmanager
    def daemon(self) -> Iterator[Daemon]:
        self.watch.root = f"{os.path.realpath(self.root)}/"
        daemon = Daemon(self.settings, engine=self.engine, tick=self.watch.tick)
        try:
            daemon.recover()
            self.live(daemon)
            yield daemon
        finally:
            daemon.close()
            self.watch.root = ""

    def live(self, daemon: Daemon) -> None:
        daemon.parts.engine.start()
        while (scan := daemon.parts.inbox_loop.turn(urgent=True)) and scan.incomplete:
            daemon.parts.watcher.wait(scan.next_look_seconds, threading.Event())
        while job := daemon.parts.journal.take_decided(FAR_FUTURE, ()) or daemon.parts.journal.take(FAR_FUTURE):
            daemon.parts.task_runner.run(job)
        daemon.parts.verdicts.turn(settle_seconds=0.0)
        daemon.parts.late_renditions.turn()
        daemon.parts.recovery.clear_leftovers()

    def place(self, name: str) -> Path:
        (found,) = (self.root / place for place in results_of(self.root) if place.endswith(name))
        return found


def results_of(root: Path) -> list[str]:
    return [
        str(path.relative_to(root))
        for grade in ("sehr_gut", "gut", "ungenügend")
        for path in (root / grade).rglob("*")
        if path.is_file()
    ]


def refuse(recipe: Recipe) -> None:
    raise RecipeRefused(f"{recipe} is refused")


def person_fails_a_photo(house: House) -> None:
    house.engine.trouble = refuse
    save_photo(house.inbox / "bad.png", seed=3)


def program_sends_photos(daemon: Daemon, folder: Path) -> None:
    save_photo(folder / "sent.png", seed=4)
    uploads = daemon.parts.uploads
    for content in ((folder / "sent.png").read_bytes(), b"no photo"):
        file = uploads.begin()
        with suppress(BadPhoto):
            file.write(content)
            uploads.take_in(file, SentPhoto("sent.png", "kunde"))
        file.discard()
    uploads.begin()  # and the program dies


def person_takes_another_attempt(daemon: Daemon) -> None:
    row = next(row for row in daemon.parts.journal.rows(State.DONE) if len(row.job.attempts) > 1 and row.results)
    number = next(each.number for each in row.job.attempts if each.verdict and each.number != row.job.best)
    daemon.parts.other_attempts.take_attempt(row.job.id, number, "anna")


def person_decides_on_a_page(daemon: Daemon) -> None:
    deeds, (row, *_) = daemon.parts.deeds, [row for row in daemon.parts.journal.rows(State.DONE) if row.job.grade]
    other = Grade.GUT if row.job.grade is not Grade.GUT else Grade.UNGENUEGEND
    wishes: dict[DeedKind, dict[str, str]] = {
        DeedKind.GRADE: {"grade": other},
        DeedKind.RETRY: {},
        DeedKind.FAIL: {"word": "no"},
    }
    for kind, wish in wishes.items():
        number = deeds.act(kind, row.job.id, "eva", wish)
        daemon.parts.late_renditions.turn()
        deeds.undo(number, "eva")


def person_drops_photos(house: House) -> None:
    save_photo(house.inbox / "kunde" / "a.png", drawn_photo(96, 72))
    (house.inbox / "kunde" / "a.xmp").write_text("<x:xmpmeta/>")
    (house.inbox / "kunde" / "flat.eps").write_bytes(b"%!PS" + bytes(30))
    (house.inbox / "letter.jpg").write_text("Dear Sir or Madam, " * 50)
    (house.inbox / "wrong").mkdir()
    (house.inbox / "wrong" / NAME).write_text("[")
    save_photo(house.inbox / "wrong" / "b.png", seed=2)


def test_every_change_of_the_hot_folder_is_an_effect_that_the_lease_fences(
    tmp_path: Path, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("daemon.people.left_notes.AGE_SECONDS", 0.0)
    house = House(tmp_path, watch)
    person_drops_photos(house)
    with house.daemon() as daemon:
        sheets = BatchSheets(daemon.parts.folders, daemon.parts.settings, tick=daemon.parts.runtime.tick)
        made: list[Path | None] = []
        places = tuple(place for place in results_of(house.root) if place.endswith(".json"))
        sheets.make(BatchFigures("kunde", 1, 0, {}, 0, 1.0, places), made.append)  # grades are only shown
        sheets.close(60)
    (house.inbox / "wrong" / NAME).unlink()
    save_photo(house.inbox / "twin.png", drawn_photo(96, 72))
    with house.daemon():
        pass
    person_fails_a_photo(house)
    with house.daemon() as daemon:
        program_sends_photos(daemon, tmp_path)
        person_decides_on_a_page(daemon)
        house.engine.trouble = None
        (failed,) = [row for row in daemon.parts.journal.rows(State.FAILED) if row.job.name == "bad.png"]
        Retries(daemon.parts.folders, daemon.parts.journal, daemon.parts.locks, daemon.parts.runtime).try_again(
            failed.job.id
        )
        house.live(daemon)
    house.place("/b.png").rename(house.root / "ungenügend" / "moved.png")
    house.place("/a.png").rename(house.inbox / "again.png")
    (house.root / "failed" / "letter.jpg").rename(house.inbox / "letter.jpg")
    with house.daemon():
        pass
    work = house.root / ".freisteller" / "work"
    save_photo(work / "20250101-000000-aaaaaaaa" / "lost.png", seed=5)  # of a job that a lost journal knew
    (work / "20250101-000000-bbbbbbbb").mkdir()
    (work / "20250101-000000-bbbbbbbb" / NOTE).write_text("half a no")
    save_photo(house.inbox / "letter.jpg", seed=6)  # what had failed under this name
    with house.daemon() as daemon:
        person_takes_another_attempt(daemon)
        house.live(daemon)

    assert not watch.unannounced, "\n".join(watch.unannounced)
    assert watch.changes > 100
    assert made[0] is not None
    assert {effect for effect in Effect if effect.fenced} <= watch.seen
    assert "lost.png" in " ".join(results(house.root))
