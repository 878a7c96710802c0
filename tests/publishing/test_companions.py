"""What belongs to a photo follows it to `archiv/`, and nothing of it is lost or mixed up."""

import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.hotfolder.effects import Effect
from daemon.hotfolder.runtime import Runtime
from daemon.intake.companion_names import is_called_a_companion, stem_key, tail_of
from daemon.journal import JobRow
from daemon.publishing.companions import Companions
from daemon.publishing.lately_done import LATE_SECONDS, LatelyDone
from daemon.service.lifecycle import Daemon
from daemon.settings import Settings
from tests.doubles import ScriptedEngine
from tests.drawing import save_photo
from tests.test_crash_at_every_step import Died, files_below, next_job, settings_for

pytestmark = pytest.mark.usefixtures("deaf")


class Studio:
    def __init__(self, folder: Path, settings: Settings | None = None) -> None:
        self.dies_before: Effect | None = None
        self.daemon = Daemon(settings or settings_for(folder), engine=ScriptedEngine(), tick=self.tick)
        self.root = self.daemon.parts.folders.root
        self.inbox = self.daemon.parts.folders.inbox

    def tick(self, effect: Effect) -> None:
        if effect is self.dies_before:
            raise Died

    def drop(self, name: str, content: bytes = b"sidecar", seconds_ago: float = 60.0) -> Path:
        path = self.inbox / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        at = time.time() - seconds_ago
        os.utime(path, (at, at))
        return path

    def look(self) -> None:
        while (scan := self.daemon.parts.inbox_loop.turn(urgent=True)) and scan.incomplete:
            self.daemon.parts.watcher.wait(scan.next_look_seconds, threading.Event())

    def live(self) -> None:
        self.look()
        while job := next_job(self.daemon.parts.journal):
            self.daemon.parts.task_runner.run(job)
        self.look()

    def left(self) -> list[str]:
        return [each.name for each in self.daemon.parts.inbox_loop.left_alone]


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    studio = Studio(tmp_path)
    yield studio
    studio.daemon.close()


def test_sidecars_and_films_follow_their_photo(studio: Studio) -> None:
    save_photo(studio.inbox / "kunde" / "IMG_1.png")
    for name in ("IMG_1.xmp", "IMG_1.PNG.xmp", "IMG_1.MOV", "img_1.aae"):
        studio.drop(f"kunde/{name}", name.encode())

    studio.live()

    archive = studio.root / "archiv"
    assert files_below(studio.inbox) == []
    assert files_below(archive) == [
        "kunde/IMG_1.MOV", "kunde/IMG_1.PNG.xmp", "kunde/IMG_1.aae", "kunde/IMG_1.png", "kunde/IMG_1.xmp"
    ]  # fmt: skip
    assert (archive / "kunde" / "IMG_1.MOV").read_bytes() == b"IMG_1.MOV"


def test_while_a_photo_is_in_work_its_companions_wait_and_are_not_in_the_way(studio: Studio) -> None:
    save_photo(studio.inbox / "a.png")
    studio.drop("a.xmp")

    studio.look()

    assert files_below(studio.inbox) == ["a.xmp"]
    assert studio.left() == []


def test_a_companion_without_a_photo_stays_and_is_named(studio: Studio) -> None:
    save_photo(studio.inbox / "a.png")
    studio.drop("b.xmp")
    studio.drop("film.MOV", b"\0\0\0\x14ftypqt  ")

    studio.live()

    assert files_below(studio.inbox) == ["b.xmp", "film.MOV"]
    assert studio.left() == ["b.xmp", "film.MOV"]


def test_a_photo_of_another_folder_takes_no_companion_along(studio: Studio) -> None:
    save_photo(studio.inbox / "kunde" / "a.png")
    studio.drop("a.xmp")

    studio.live()

    assert files_below(studio.inbox) == ["a.xmp"]


def test_a_preview_of_a_film_is_never_cut_out(studio: Studio) -> None:
    save_photo(studio.inbox / "film.png")
    (studio.inbox / "film.png").rename(studio.inbox / "film.THM")

    studio.live()

    assert files_below(studio.inbox) == ["film.THM"]


def test_a_companion_takes_the_number_of_its_original(studio: Studio) -> None:
    save_photo(studio.inbox / "a.png")
    studio.live()
    save_photo(studio.inbox / "a.png", seed=1)
    studio.drop("a.xmp", b"of the second")
    studio.live()

    archive = studio.root / "archiv"
    assert files_below(archive) == ["a-2.png", "a-2.xmp", "a.png"]
    assert (archive / "a-2.xmp").read_bytes() == b"of the second"


def test_no_file_of_somebody_else_is_replaced(studio: Studio) -> None:
    (studio.root / "archiv" / "a.xmp").write_bytes(b"earlier")
    save_photo(studio.inbox / "a.png")
    studio.drop("a.xmp", b"later")

    studio.live()

    archive = studio.root / "archiv"
    assert (archive / "a.xmp").read_bytes() == b"earlier"
    assert files_below(archive) == ["a-2.xmp", "a.png", "a.xmp"]


def test_one_that_comes_after_its_photo_was_done_follows(studio: Studio) -> None:
    save_photo(studio.inbox / "a.png")
    studio.live()

    studio.drop("a.xmp", seconds_ago=0.0)
    studio.live()

    assert files_below(studio.root / "archiv") == ["a.png", "a.xmp"]


def test_one_that_comes_long_after_belongs_to_the_next_photo_of_that_name(
    studio: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_photo(studio.inbox / "a.png")
    studio.live()
    monkeypatch.setattr("daemon.publishing.lately_done.LATE_SECONDS", -60.0)

    studio.drop("a.xmp", seconds_ago=0.0)
    studio.live()

    assert LATE_SECONDS > 0
    assert files_below(studio.inbox) == ["a.xmp"]


def test_of_a_photo_that_failed_they_stay_where_it_is_put_back(studio: Studio) -> None:
    (studio.inbox / "a.png").write_text("Dear Sir or Madam, " * 50)
    studio.drop("a.xmp")

    studio.live()

    assert files_below(studio.inbox) == ["a.xmp"]
    assert "a.png" in files_below(studio.root / "failed")


@pytest.mark.parametrize("section", [{"intake": {"companions": "leave"}}, {"outputs": {"keep_originals": False}}])
def test_by_setting_they_stay(tmp_path: Path, section: dict[str, dict[str, object]]) -> None:
    settings = settings_for(tmp_path)
    name, values = next(iter(section.items()))
    changed = getattr(settings, name).model_copy(update=values)
    studio = Studio(tmp_path, settings.model_copy(update={name: changed}))
    save_photo(studio.inbox / "a.png")
    studio.drop("a.xmp")

    studio.live()
    studio.daemon.close()

    assert files_below(studio.inbox) == ["a.xmp"]
    assert studio.left() == []


def test_of_orphans_that_lie_still_nobody_is_asked(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    save_photo(studio.inbox / "a.png")
    studio.drop("b.xmp")
    studio.live()
    parts, asked = studio.daemon.parts, list[int]()
    companions = Companions(parts.folders, LatelyDone(parts.folders, parts.journal), parts.settings, Runtime())
    scan, latest = parts.watcher.scan(urgent=True), parts.journal.latest

    def ask(count: int) -> tuple[JobRow, ...]:
        asked.append(count)
        return latest(count)

    monkeypatch.setattr(parts.journal, "latest", ask)

    companions.follow(scan)
    companions.follow(scan)
    assert len(asked) == 1

    save_photo(studio.inbox / "b.png")
    studio.look()
    while job := next_job(parts.journal):
        parts.task_runner.run(job)
    companions.follow(scan)
    assert len(asked) == 2
    assert files_below(studio.inbox) == []


def test_after_a_crash_they_follow_at_the_next_start(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    studio = Studio(tmp_path, settings)
    save_photo(studio.inbox / "a.png")
    studio.drop("a.xmp")
    studio.dies_before = Effect.BRING_COMPANION
    with pytest.raises(Died):
        studio.live()
    studio.daemon.close()
    os.link(studio.inbox / "a.xmp", studio.root / "archiv" / "a.xmp")  # it died between the two names

    later = Studio(tmp_path, settings)
    later.live()
    later.daemon.close()

    assert files_below(later.inbox) == []
    assert files_below(later.root / "archiv") == ["a.png", "a.xmp"]


@pytest.mark.parametrize(
    ("path", "key", "tail"),
    [
        ("kunde/A.jpg", "kunde/a", ".jpg"),
        ("kunde/a.XMP", "kunde/a", ".XMP"),
        ("kunde/a.NEF.pp3", "kunde/a", ".NEF.pp3"),
        ("kunde/v1.2.xmp", "kunde/v1.2", ".xmp"),
        ("v1.2/a", "v1.2/a", ""),
    ],
)
def test_a_photo_and_its_companions_have_one_stem(path: str, key: str, tail: str) -> None:
    assert stem_key(path) == key
    assert tail_of(path) == tail


def test_companions_are_known_by_their_suffix() -> None:
    assert is_called_a_companion("a.MOV")
    assert not is_called_a_companion("a.jpg")
    assert not is_called_a_companion("xmp")
