"""The lease on the share, and who may take it: one daemon per hot folder, across machines."""

import json
import os
import stat
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from daemon.errors import AlreadyRunning, RootAway
from daemon.hotfolder.effects import Effect
from daemon.hotfolder.lease import STALE_SECONDS, Lease
from daemon.hotfolder.lease_file import NAME, Holder, is_alive
from daemon.service.lifecycle import Daemon
from daemon.settings import load
from daemon.states import State
from tests.doubles import Clock, ScriptedEngine
from tests.drawing import save_photo
from tests.processes import DaemonProcess, freisteller
from tests.test_crash_at_every_step import files_below, one_life, settings_for, try_again

STUDIO_1 = Holder("1" * 32, "studio-1", 4711, "boot-of-studio-1", "2026-11-25 08:00:00")
STUDIO_2 = Holder("2" * 32, "studio-2", 815, "boot-of-studio-2", "1999-01-01 00:00:00")  # its clock is wrong


class Share:
    """A private folder, the clock of one machine, and what happens in the folder while a lease is waited for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.clock = Clock()
        self.said: list[str] = []
        self.meanwhile: Callable[[], object] = lambda: None
        self.processes: set[int] = set()

    def lease(self, me: Holder, *, locked: bool = True) -> Lease:
        return Lease(
            self.folder,
            locked=locked,
            print_line=self.said.append,
            me=me,
            clock=self.clock,
            sleep=self._sleep,
            alive=self.processes.__contains__,
        )

    def left_by(self, holder: Holder) -> None:
        """Leave the lease as a machine does that is gone."""
        (self.folder / NAME).write_text(json.dumps(asdict(holder)))

    @property
    def holder(self) -> str | None:
        path = self.folder / NAME
        return str(json.loads(path.read_text())["host"]) if path.exists() else None

    def _sleep(self, seconds: float) -> None:
        self.clock.advance(seconds)
        self.meanwhile()


@pytest.fixture
def share(tmp_path: Path) -> Share:
    return Share(tmp_path)


def test_a_lease_that_another_machine_renews_is_refused_with_its_name(share: Share) -> None:
    other = share.lease(STUDIO_1)
    share.meanwhile = other.beat

    with pytest.raises(AlreadyRunning, match=r"studio-1, pid 4711.*Stop that one first"):
        share.lease(STUDIO_2)

    assert share.holder == "studio-1"
    assert any("studio-1" in line for line in share.said)


@pytest.mark.parametrize("since", ["1970-01-01 00:00:00", "2999-01-01 00:00:00"])
def test_a_lease_that_nobody_renews_is_taken_over_whatever_the_clocks_say(share: Share, since: str) -> None:
    share.left_by(replace(STUDIO_1, since=since))
    began = share.clock.now

    share.lease(STUDIO_2)

    assert share.holder == "studio-2"
    assert share.clock.now - began >= STALE_SECONDS
    assert [path.name for path in share.folder.iterdir()] == [NAME]


def test_a_dead_process_of_this_machine_keeps_nobody_waiting(share: Share) -> None:
    share.left_by(STUDIO_1)
    began = share.clock.now

    share.lease(replace(STUDIO_1, token="3" * 32))

    assert share.clock.now == began


def test_a_process_of_this_machine_that_is_there_is_waited_for_though_its_lock_is_free(share: Share) -> None:
    """Two FUSE mounts of one folder share no locks."""
    other = share.lease(STUDIO_1)
    share.meanwhile = other.beat
    share.processes.add(STUDIO_1.pid)

    with pytest.raises(AlreadyRunning, match="studio-1"):
        share.lease(replace(STUDIO_1, token="3" * 32))


def test_a_process_knows_itself_and_others() -> None:
    assert is_alive(os.getppid())
    assert not is_alive(os.getpid())  # a lease with our number is left by an earlier process of that number
    assert not is_alive(10**300)
    assert not is_alive(2**22 + 1)  # higher than any pid of the kernel


def test_where_locks_do_not_work_a_process_of_this_machine_is_waited_for_too(share: Share) -> None:
    other = share.lease(STUDIO_1, locked=False)
    share.meanwhile = other.beat

    with pytest.raises(AlreadyRunning):
        share.lease(replace(STUDIO_1, token="3" * 32), locked=False)


def test_a_machine_that_was_started_again_waits_for_its_own_lease(share: Share) -> None:
    # Two machines may have the same name, as copies of a virtual machine do, so the name proves nothing.
    share.left_by(STUDIO_1)
    began = share.clock.now

    share.lease(replace(STUDIO_1, token="3" * 32, boot="another boot"))

    assert share.clock.now - began >= STALE_SECONDS


def test_a_lease_that_is_given_back_is_taken_at_once(share: Share) -> None:
    share.lease(STUDIO_1).release()
    began = share.clock.now

    share.lease(STUDIO_2)

    assert share.holder == "studio-2"
    assert share.clock.now == began


def test_a_lease_that_is_given_back_while_somebody_waits_is_taken(share: Share) -> None:
    other = share.lease(STUDIO_1)
    share.meanwhile = other.release

    share.lease(STUDIO_2)

    assert share.holder == "studio-2"


def test_of_two_that_see_a_stale_lease_one_gets_it(share: Share) -> None:
    share.left_by(STUDIO_1)
    quicker: list[Lease] = []

    def somebody_is_quicker() -> None:
        if not quicker and share.clock.now - 1_800_000_000.0 >= STALE_SECONDS:
            (share.folder / NAME).unlink()
            quicker.append(share.lease(replace(STUDIO_1, host="studio-3", token="3" * 32, boot="boot-3")))
        elif quicker:
            quicker[0].beat()

    share.meanwhile = somebody_is_quicker

    with pytest.raises(AlreadyRunning, match="studio"):
        share.lease(STUDIO_2)

    assert share.holder == "studio-3"


def test_a_lease_that_is_half_written_is_no_free_one(share: Share) -> None:
    (share.folder / NAME).write_text('{"token": "1')
    writes = iter(range(1, 100))
    share.meanwhile = lambda: (share.folder / NAME).write_text("x" * next(writes))

    with pytest.raises(AlreadyRunning):
        share.lease(STUDIO_2)


def test_who_was_seen_half_written_is_named_as_soon_as_it_can_be_read(share: Share) -> None:
    (share.folder / NAME).write_text("")
    looks = iter(["{", "{", json.dumps(asdict(STUDIO_1))])
    share.meanwhile = lambda: (share.folder / NAME).write_text(next(looks))

    with pytest.raises(AlreadyRunning, match=r"in use by another Freisteller \(on studio-1, pid 4711"):
        share.lease(STUDIO_2)


HOSTILE: dict[str, Callable[[Path], object]] = {
    "brackets": lambda path: path.write_text("[" * 200_000),
    "a number of 6,000 digits": lambda path: path.write_text('{"pid": ' + "9" * 6000 + "}"),
    "a pid that is no number": lambda path: path.write_text(json.dumps({**asdict(STUDIO_1), "pid": "\0"})),
    "a pid of 200 digits": lambda path: path.write_text(json.dumps({**asdict(STUDIO_1), "pid": 10**200})),
    "a pipe": os.mkfifo,
    "a folder": Path.mkdir,
    "a socket": lambda path: os.mknod(path, stat.S_IFSOCK | 0o600),
    "a way round": lambda path: path.symlink_to(path.name),
}


@pytest.mark.parametrize("hostile", HOSTILE)
def test_whatever_lies_in_the_place_of_the_lease_is_watched_and_then_put_aside(share: Share, hostile: str) -> None:
    HOSTILE[hostile](share.folder / NAME)
    began = share.clock.now

    Lease(
        share.folder, locked=True, print_line=share.said.append, me=STUDIO_2, clock=share.clock, sleep=share._sleep
    ).beat()

    assert share.holder == "studio-2"
    assert share.clock.now - began >= STALE_SECONDS


def test_who_was_away_for_long_finds_that_another_has_it_and_touches_nothing(share: Share) -> None:
    away = share.lease(STUDIO_1)
    away.keep(lambda: None, lambda _: None)
    sure_at_first = away.sure
    share.lease(STUDIO_2)  # thirty seconds pass here without a beat of the first

    with pytest.raises(RootAway):
        away.refuse_unless_sure()
    found = away.beat()
    away.release()

    assert sure_at_first
    assert found is not None
    assert found.host == "studio-2"
    assert share.holder == "studio-2"


def test_who_begins_late_looks_first_and_finds_that_another_has_it(share: Share) -> None:
    late = share.lease(STUDIO_1)
    share.lease(STUDIO_2)  # thirty seconds pass here, in which the first only opens its journal

    with pytest.raises(AlreadyRunning, match=r"studio-2, pid 815"):
        late.keep(lambda: None, lambda _: None)

    assert not late.sure
    late.release()
    assert share.holder == "studio-2"


def test_who_begins_while_the_share_is_away_is_not_sure(share: Share) -> None:
    lease = share.lease(STUDIO_1)

    lease.keep(unsure, lambda _: None)
    sure_at_first = lease.sure
    lease.beat()
    lease.release()

    assert not sure_at_first
    assert lease.sure


def test_a_lease_that_somebody_deleted_is_made_again(share: Share) -> None:
    lease = share.lease(STUDIO_1)
    (share.folder / NAME).unlink()

    assert lease.beat() is None
    assert share.holder == "studio-1"


def with_all_taken_in(folder: Path) -> Daemon:
    """A daemon whose inbox is empty, because all photos are in work."""
    flags = {"root": str(folder / "hot"), "state_dir": str(folder / "state"), "http": {"bind": ""}}
    daemon = Daemon(load(flags={**flags, "intake": {"quiet_seconds": 0}}), engine=ScriptedEngine())
    daemon.parts.engine.start()
    daemon.parts.inbox_loop.turn(urgent=True)
    return daemon


def unsure() -> None:
    raise RootAway("not renewed")


def test_nothing_is_published_while_another_machine_may_have_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_photo(tmp_path / "hot" / "inbox" / "a.png")
    daemon = with_all_taken_in(tmp_path)
    job = daemon.parts.journal.take(2.0**40)
    assert job is not None

    monkeypatch.setattr(daemon.parts.opened.lease, "refuse_unless_sure", unsure)
    daemon.parts.task_runner.run(job)
    results_while_unsure = list((tmp_path / "hot").glob("*/a.json"))
    monkeypatch.undo()
    again = daemon.parts.journal.take_decided(2.0**40, ())
    assert again is not None
    daemon.parts.task_runner.run(again)
    daemon.close()

    assert results_while_unsure == []
    assert len(list((tmp_path / "hot").glob("*/a.json"))) == 1


def test_nothing_that_people_put_back_or_moved_is_touched_while_another_machine_may_have_taken_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hot = tmp_path / "hot"
    save_photo(hot / "inbox" / "a.jpg")
    save_photo(hot / "inbox" / "b.jpg")
    daemon = with_all_taken_in(tmp_path)
    while job := daemon.parts.journal.take(2.0**40):
        daemon.parts.task_runner.run(job)

    monkeypatch.setattr(daemon.parts.opened.lease, "refuse_unless_sure", unsure)
    (cut_out,) = hot.glob("*/a.png")
    cut_out.rename(hot / "inbox" / "a.png")
    (moved,) = hot.glob("*/b.png")
    moved.rename(hot / "gut" / "b.png" if moved.parent.name != "gut" else hot / "sehr_gut" / "b.png")
    before = sorted(hot.rglob("*"))
    daemon.parts.inbox_loop.turn(urgent=True)
    daemon.parts.verdicts.turn(settle_seconds=0.0)
    after = sorted(hot.rglob("*"))
    daemon.close()

    assert after == before


def test_what_changes_the_hot_folder_is_fenced(tmp_path: Path) -> None:
    """Each change is blamed on the effect before it; what is not fenced would go on while another has the folder."""
    hot = tmp_path / "hot"
    blamed: dict[Effect, set[str]] = {}
    last: list[tuple[Effect, dict[str, int]]] = []

    def seen() -> dict[str, int]:
        files = [path for path in hot.rglob("*") if path.is_file() and path.name not in (NAME, "lock")]
        return {str(path.relative_to(hot)): path.lstat().st_ino for path in files}

    def tick(effect: Effect) -> None:
        now = seen()
        if last and now != last[0][1]:
            blamed.setdefault(last[0][0], set()).update(dict(now.items() ^ last[0][1].items()))
        last[:] = [(effect, now)]

    save_photo(hot / "inbox" / "kunde" / "a.jpg")
    save_photo(hot / "inbox" / "b.jpg", seed=1)
    (hot / "inbox" / "broken.jpg").write_bytes(b"<html>no photo</html>")
    settings = settings_for(tmp_path)
    one_life(settings, ScriptedEngine(), tick)
    daemon = Daemon(settings, engine=ScriptedEngine(), tick=tick)
    (result,) = hot.glob("*/b.png")
    result.rename(hot / "gut" / "b.png" if result.parent.name != "gut" else hot / "sehr_gut" / "b.png")
    last.clear()
    daemon.parts.verdicts.turn(settle_seconds=0.0)
    (failed,) = [row for row in daemon.parts.journal.latest(3) if row.job.state is State.FAILED]
    last.clear()
    try_again(daemon, failed.job.id)
    daemon.close()
    (cut_out,) = hot.glob("*/kunde/a.png")
    cut_out.rename(hot / "inbox" / "a.png")
    last.clear()
    one_life(settings, ScriptedEngine(), tick)

    assert len(blamed) > 10
    assert {effect for effect in blamed if not effect.fenced} == set(), blamed


@pytest.mark.parametrize("effect", [Effect.ADMIT, Effect.CLAIM])
def test_a_photo_that_may_not_be_taken_in_leaves_no_row_and_is_taken_later(tmp_path: Path, effect: Effect) -> None:
    refused = [effect]

    def tick(found: Effect) -> None:
        if found in refused:
            raise RootAway("not renewed")

    photo = save_photo(tmp_path / "hot" / "inbox" / "a.png")
    daemon = Daemon(settings_for(tmp_path), engine=ScriptedEngine(), tick=tick)
    daemon.parts.inbox_loop.turn(urgent=True)
    while_unsure = (photo.exists(), daemon.parts.journal.counts().open)
    refused.clear()
    daemon.parts.inbox_loop.turn(urgent=True)
    after = (photo.exists(), daemon.parts.journal.counts().open)
    daemon.close()

    assert while_unsure == (True, 0)
    assert after == (False, 1)


@pytest.mark.parametrize("effect", [Effect.TAKE_BACK, Effect.REQUEUE])
def test_a_retry_that_is_refused_leaves_the_photo_in_failed(tmp_path: Path, effect: Effect) -> None:
    hot = tmp_path / "hot"
    refused: list[Effect] = []

    def tick(found: Effect) -> None:
        if found in refused:
            raise RootAway("not renewed")

    hot.mkdir()
    (hot / "inbox").mkdir()
    (hot / "inbox" / "a.jpg").write_bytes(b"<html>no photo</html>")
    one_life(settings_for(tmp_path), ScriptedEngine(), lambda _: None)
    before = files_below(hot / "failed")
    daemon = Daemon(settings_for(tmp_path), engine=ScriptedEngine(), tick=tick)
    (failed,) = daemon.parts.journal.latest(1)
    refused.append(effect)
    with pytest.raises(RootAway):
        try_again(daemon, failed.job.id)
    daemon.parts.recovery.clear_leftovers()
    (after,) = daemon.parts.journal.latest(1)
    daemon.close()

    assert files_below(hot / "failed") == before
    assert (after.job.state, after.results) == (State.FAILED, failed.results)


@contextmanager
def renewed(folder: Path, holder: Holder) -> Iterator[None]:
    """Act as if a daemon on another machine worked in this hot folder."""
    stop = threading.Event()

    def serve() -> None:
        beats = 0
        while not stop.wait(0.2):
            beats += 1
            (folder / NAME).write_text(json.dumps(asdict(replace(holder, beats=beats))))

    thread = threading.Thread(target=serve)
    thread.start()
    yield
    stop.set()
    thread.join()


@pytest.mark.slow
def test_the_program_refuses_a_hot_folder_that_another_machine_works_in(tmp_path: Path) -> None:
    private = tmp_path / "hot" / ".freisteller"
    with DaemonProcess(tmp_path) as daemon:
        daemon.wait_until(lambda: (private / NAME).exists(), "the lease")
        daemon.wait_until(lambda: daemon.says('"action": "watching"'), "the start")
        daemon.kill()

    with renewed(private, STUDIO_1):
        refused = freisteller("run", "--once", folder=tmp_path)
    (private / NAME).unlink()
    allowed = freisteller("run", "--once", folder=tmp_path)

    assert refused.returncode == 2
    assert "in use by another Freisteller (on studio-1, pid 4711" in refused.stderr
    assert allowed.returncode == 0, allowed.stderr


@pytest.mark.slow
def test_the_program_ends_when_another_machine_has_taken_over(tmp_path: Path) -> None:
    private = tmp_path / "hot" / ".freisteller"
    with DaemonProcess(tmp_path) as daemon:
        daemon.wait_until(lambda: daemon.says('"watching"'), "the start")
        with renewed(private, STUDIO_1):
            code = daemon.ended()

    assert code == 1
    assert daemon.says("studio-1")
