"""What the parts report reaches the one judgement, and from there the gauge and /readyz."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.engines.contract import ServerHealth
from daemon.errors import EngineAway, JournalLocked, NoRoom, RootAway, Said
from daemon.observe.labels import OBSTACLES
from daemon.observe.obstacles import Room
from daemon.service.lifecycle import Daemon
from daemon.work.job_runner import RunResult
from tests.doubles import ScriptedEngine
from tests.observe.scrape import value
from tests.test_crash_at_every_step import settings_for

pytestmark = pytest.mark.usefixtures("deaf")


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    daemon = Daemon(settings_for(tmp_path), engine=ScriptedEngine())
    yield daemon
    daemon.close()


def looked(daemon: Daemon) -> tuple[list[str], bool]:
    """The names of the obstacles after another look, and whether /readyz says 503 because of them."""
    daemon.parts.housekeeping.obstacles.look()
    for part in ("root", "engine", "recovery", "journal"):
        daemon.parts.health.report(part, True)
    able, page = daemon.parts.health.ready()
    told = page["obstacles"]
    assert isinstance(told, list)
    names = [each["name"] for each in told]
    gauge = [name for name in OBSTACLES if value(daemon.parts.metrics, "obstacle", reason=name)]
    assert gauge == names
    assert all(each["text"] and each["do"] and each["since"] for each in told)
    return names, not able


def test_while_all_is_well_nothing_is_told(daemon: Daemon) -> None:
    assert looked(daemon) == ([], False)


def test_a_share_that_is_away_and_comes_back(daemon: Daemon) -> None:
    daemon.parts.root.record(RootAway("the share does not answer"))
    assert looked(daemon) == (["root_away"], True)
    daemon.parts.root.record(None)
    assert looked(daemon) == ([], False)


@pytest.mark.parametrize(("mount", "name"), [("root", "root_disk_full"), ("state", "state_disk_full")])
def test_each_full_disk_is_told_by_its_own_name(daemon: Daemon, mount: str, name: str) -> None:
    daemon.parts.machine.rooms = {mount: Room("/disk", 0)}
    assert looked(daemon) == ([name], True)


def test_no_room_for_the_journal_is_no_trouble_of_the_hot_folder(daemon: Daemon) -> None:
    daemon.parts.root.record(NoRoom(Said("journal_no_room", path="/state", detail="full")))
    assert looked(daemon) == (["state_disk_full"], True)


def test_a_pause_lets_the_daemon_be_ready(daemon: Daemon) -> None:
    daemon.parts.journal.pause(daemon.parts.runtime.clock(), "anna")
    assert looked(daemon) == (["paused"], False)
    assert daemon.parts.health.obstacles[0].text.startswith("anna has paused the work")


def test_any_number_of_photos_in_back_off_is_told_and_one_that_could_start_ends_it(daemon: Daemon) -> None:
    journal, now = daemon.parts.journal, daemon.parts.runtime.clock()
    for number in range(3):
        job_id = f"job-{number}"
        journal.admit(job_id, f"{number}.jpg", Path("inbox") / f"{number}.jpg", 10, now)
        journal.take(now)
        journal.postpone(job_id, now + 60 + number, "the engine answers nonsense", EngineAway.reason)
    told = looked(daemon)
    until = daemon.parts.health.obstacles[0].until
    journal.admit("new", "new.jpg", Path("inbox/new.jpg"), 10, now)

    assert told == (["back_off"], False)
    assert until == now + 60
    assert looked(daemon) == ([], False)


def test_a_lone_server_that_is_down(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(daemon.parts.engine, "health", lambda: (ServerHealth("gpu1", False, "gpu1 is down"),))
    assert looked(daemon) == (["no_engine"], True)


def test_a_file_that_is_no_photo_is_told_once_it_was_seen_and_litter_is_not(daemon: Daemon) -> None:
    for name in ("offer.pdf", "Thumbs.db"):
        (daemon.parts.folders.inbox / name).write_bytes(b"x")
    daemon.parts.inbox_loop.turn(urgent=False)
    assert looked(daemon) == (["left_alone"], False)
    assert [each.name for each in daemon.parts.inbox_loop.left_alone] == ["offer.pdf"]


def test_photos_that_the_dispatcher_holds_back_are_in_back_off_also_while_one_is_tried(daemon: Daemon) -> None:
    parts, now = daemon.parts, daemon.parts.runtime.clock()
    parts.journal.admit("new", "new.jpg", Path("inbox/new.jpg"), 10, now)
    parts.refusals.postponed(EngineAway.reason, "the engine answers nonsense")
    parts.dispatch.backoff.record(RunResult.NO_ENGINE, now)

    assert looked(daemon) == (["back_off"], False)
    (told,) = parts.health.obstacles
    assert told.text == "the engine answers nonsense"
    assert told.until is not None
    parts.dispatch.engine_is_back()
    assert looked(daemon) == ([], False)


def test_a_journal_that_is_locked_even_for_reading_leaves_what_was_known_of_it(
    daemon: Daemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    daemon.parts.journal.pause(1.0, "anna")
    assert looked(daemon) == (["paused"], False)

    def locked(*_: object) -> None:
        raise JournalLocked(Said("journal_locked", path="/state/journal.sqlite3"))

    monkeypatch.setattr(daemon.parts.journal, "counts", locked)
    daemon.parts.health.report("journal", False, Said("journal_locked", path="/state/journal.sqlite3"))
    daemon.parts.housekeeping.obstacles.look()

    assert [each.name for each in daemon.parts.health.obstacles] == ["journal_locked", "paused"]


def test_a_disk_that_refuses_a_write_is_measured_at_once(daemon: Daemon, monkeypatch: pytest.MonkeyPatch) -> None:
    def measured(_: float) -> None:
        daemon.parts.machine.rooms = {"state": Room("/state", 0)}

    monkeypatch.setattr(daemon.parts.machine, "look_soon", measured)
    daemon.parts.refusals.met(NoRoom(Said("journal_no_room", path="/state/journal.sqlite3", detail="full")))

    assert looked(daemon) == (["state_disk_full"], True)
    assert daemon.parts.health.obstacles[0].text.code == "obstacle_state_full"
