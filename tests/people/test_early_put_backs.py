"""A person takes an original back into inbox/ before the journal could record that it lies in archiv/ or failed/."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.hotfolder.effects import Effect, Tick
from daemon.journal import Journal
from daemon.service.lifecycle import Daemon
from daemon.settings import Settings
from tests.doubles import ScriptedEngine
from tests.drawing import drawn_photo, save_photo
from tests.test_crash_at_every_step import (
    FAR_FUTURE,
    Died,
    dying_at,
    files_below,
    one_life,
    refuse,
    results,
    settings_for,
)

pytestmark = pytest.mark.usefixtures("deaf")

Start = Callable[[Settings], object]


class Studio:
    """A hot folder whose daemon died just after an original was put into archiv/ or failed/."""

    def __init__(self, folder: Path, died_at: Effect, engine: ScriptedEngine | None = None) -> None:
        self.settings = settings_for(folder)
        self.root = self.settings.root_path
        self.inbox = self.root / "inbox"
        self.drop()
        with pytest.raises(Died):
            self.live(dying_at(died_at), engine)

    def drop(self) -> None:
        save_photo(self.inbox / "kunde" / "a.tif", drawn_photo(96, 72))

    def live(self, tick: Tick = lambda _: None, engine: ScriptedEngine | None = None) -> None:
        one_life(self.settings, engine or ScriptedEngine(), tick)

    def rounds(self) -> dict[str, int]:
        """The round of each job, by the photo's name."""
        journal = Journal(Path(self.settings.state_dir) / "journal.sqlite3")
        try:
            return {row.job.name: row.job.round for row in journal.latest(9)}
        finally:
            journal.close()

    def left(self) -> list[str]:
        return [
            place for name in ("work", "returns", "staging") for place in files_below(self.root / ".freisteller" / name)
        ]


def scan_first(settings: Settings) -> None:
    one_life(settings, ScriptedEngine(), lambda _: None)


def publish_first(settings: Settings) -> None:
    daemon = Daemon(settings, engine=ScriptedEngine())
    try:
        daemon.recover()
        while job := daemon.parts.journal.take_suspect(FAR_FUTURE) or daemon.parts.journal.take_decided(FAR_FUTURE, ()):
            daemon.parts.task_runner.run(job)
        daemon.parts.recovery.clear_leftovers()
    finally:
        daemon.close()


@pytest.mark.parametrize("start", [scan_first, publish_first])
@pytest.mark.parametrize("name", ["a.tif", "zurück/b.tif"])
def test_an_original_taken_back_before_the_journal_knows_it_in_archiv_is_tried_again(
    tmp_path: Path, start: Start, name: str
) -> None:
    studio = Studio(tmp_path, Effect.COMPLETE)
    (studio.inbox / "zurück").mkdir()
    (studio.root / "archiv" / "kunde" / "a.tif").rename(studio.inbox / name)

    start(studio.settings)
    for _ in range(2):
        Daemon(studio.settings, engine=ScriptedEngine()).run(once=True)

    assert studio.rounds() == {"kunde/a.tif": 1}
    assert sorted(results(studio.root)) == ["kunde/a.json", "kunde/a.png"]
    assert files_below(studio.root / "archiv") == ["kunde/a-earlier.json", "kunde/a-earlier.png", "kunde/a.tif"]
    assert files_below(studio.inbox) == files_below(studio.root / "failed") == studio.left() == []


@pytest.mark.parametrize("start", [scan_first, publish_first])
def test_an_original_taken_back_before_the_journal_knows_it_in_failed_is_tried_again(
    tmp_path: Path, start: Start
) -> None:
    studio = Studio(tmp_path, Effect.RECORD_PLACES, ScriptedEngine(refuse))
    (studio.root / "failed" / "kunde" / "a.tif").rename(studio.inbox / "a.tif")

    start(studio.settings)
    for _ in range(2):
        Daemon(studio.settings, engine=ScriptedEngine()).run(once=True)

    assert studio.rounds() == {"kunde/a.tif": 1}
    assert sorted(results(studio.root)) == ["kunde/a.json", "kunde/a.png"]
    assert files_below(studio.root / "archiv") == ["kunde/a.tif"]
    assert files_below(studio.inbox) == studio.left() == []
    assert files_below(studio.root / "failed") == []


def test_an_original_taken_back_in_the_moment_in_which_its_job_is_completed_is_tried_again(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    root = settings.root_path
    archived = save_photo(root / "inbox" / "a.tif", drawn_photo(96, 72)).parents[1] / "archiv" / "a.tif"

    def take_it(effect: Effect) -> None:
        if effect is Effect.COMPLETE and not (root / "inbox" / "b.tif").exists():
            archived.rename(root / "inbox" / "b.tif")

    one_life(settings, ScriptedEngine(), take_it)
    for _ in range(2):
        Daemon(settings, engine=ScriptedEngine()).run(once=True)

    assert sorted(results(root)) == ["a.json", "a.png"]
    assert files_below(root / "archiv") == ["a-earlier.json", "a-earlier.png", "a.tif"]


@pytest.mark.parametrize("died_at", [Effect.RECORD_RESULTS, Effect.ARCHIVE, Effect.COMPLETE, Effect.CLEAR])
def test_two_names_of_one_file_are_two_photos_whenever_the_second_one_comes(tmp_path: Path, died_at: Effect) -> None:
    """The second name is dropped at the same time, but found only after the crash."""

    class Twins(Studio):
        def drop(self) -> None:
            super().drop()
            os.link(self.inbox / "kunde" / "a.tif", self.root.parent / "aside.tif")

    studio = Twins(tmp_path, died_at)
    (studio.root.parent / "aside.tif").rename(studio.inbox / "twin.tif")

    for _ in range(2):
        Daemon(studio.settings, engine=ScriptedEngine()).run(once=True)

    assert studio.rounds() == {"kunde/a.tif": 0, "twin.tif": 0}
    assert files_below(studio.root / "archiv") == ["kunde/a.tif", "twin.tif"]
    assert studio.left() == []


@pytest.mark.parametrize("died_at", [Effect.ARCHIVE, Effect.COMPLETE])
def test_a_person_who_takes_an_original_away_for_good_gets_no_second_result(tmp_path: Path, died_at: Effect) -> None:
    studio = Studio(tmp_path, died_at)
    archived = studio.root / "archiv" / "kunde" / "a.tif"
    if archived.exists():
        archived.rename(tmp_path / "kept.tif")

    for _ in range(2):
        Daemon(studio.settings, engine=ScriptedEngine()).run(once=True)

    assert studio.rounds() == {"kunde/a.tif": 0}
    assert files_below(studio.root / "archiv") == ["kunde/a.tif"]  # nobody told that it is not wanted
    assert studio.left() == []


def test_a_backup_of_what_is_in_work_is_no_put_back(tmp_path: Path) -> None:
    """A copy by hard links that is made while the program is down, and never lies in inbox/."""
    studio = Studio(tmp_path, Effect.ARCHIVE)
    (in_work,) = (studio.root / ".freisteller" / "work").glob("*/a.tif")
    os.link(in_work, tmp_path / "backup.tif")

    Daemon(studio.settings, engine=ScriptedEngine()).run(once=True)

    assert studio.rounds() == {"kunde/a.tif": 0}
    assert files_below(studio.root / "archiv") == ["kunde/a.tif"]


def test_an_original_is_known_again_though_another_photo_has_taken_its_place_in_archiv(tmp_path: Path) -> None:
    settings = settings_for(tmp_path)
    root = settings.root_path
    save_photo(root / "inbox" / "a.tif", drawn_photo(96, 72))
    one_life(settings, ScriptedEngine(), lambda _: None)
    (root / "archiv" / "a.tif").rename(root.parent / "in hand.tif")
    save_photo(root / "inbox" / "a.tif", drawn_photo(96, 72, seed=2))
    one_life(settings, ScriptedEngine(), lambda _: None)
    assert files_below(root / "archiv") == ["a.tif"]
    (root.parent / "in hand.tif").rename(root / "inbox" / "again.tif")

    one_life(settings, ScriptedEngine(), lambda _: None)

    archived = files_below(root / "archiv")
    assert archived == ["a-2.tif", "a-earlier.json", "a-earlier.png", "a.tif"]
    assert sorted(results(root)) == ["a-2.json", "a-2.png", "a.json", "a.png"]


@pytest.mark.parametrize("moment", [Effect.ASK_ENGINE, Effect.PUBLISH, Effect.RECORD_RESULTS, Effect.ARCHIVE])
def test_an_original_taken_back_while_its_result_is_tried_again_is_no_second_photo(
    tmp_path: Path, moment: Effect
) -> None:
    """The original is in archiv/ and in work then: a result was put back, not the original."""
    settings = settings_for(tmp_path)
    root = settings.root_path
    save_photo(root / "inbox" / "a.tif", drawn_photo(96, 72))
    one_life(settings, ScriptedEngine(), lambda _: None)
    (result,) = root.glob("*/a.png")
    result.rename(root / "inbox" / "a.png")

    def take_it(effect: Effect) -> None:
        if effect is moment and (root / "archiv" / "a.tif").exists():
            (root / "archiv" / "a.tif").rename(root / "inbox" / "b.tif")

    one_life(settings, ScriptedEngine(), take_it)
    for _ in range(2):
        Daemon(settings, engine=ScriptedEngine()).run(once=True)

    assert sorted(results(root)) == ["a.json", "a.png"]
    assert [name for name in files_below(root / "archiv") if "earlier" not in name] == ["a.tif"]
    assert files_below(root / "inbox") == files_below(root / "failed") == []
