"""A file that cannot be read, or that our own code stumbles over, is one file's trouble: the others go on."""

import errno
import logging
import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from daemon.errors import RootAway
from daemon.hotfolder import claim_file
from daemon.intake.admission import Admission
from daemon.intake.scan_values import Arrival, Scan
from daemon.pictures.file_structure import follow_to_end
from daemon.pictures.reading import prove_decodes
from daemon.service.lifecycle import Daemon
from tests.doubles import ScriptedEngine
from tests.drawing import save_photo
from tests.processes import works_in_this_process
from tests.test_crash_at_every_step import files_below, settings_for

pytestmark = pytest.mark.usefixtures("deaf")

EIO = OSError(errno.EIO, os.strerror(errno.EIO))


def turn(daemon: Daemon, times: int = 1) -> Scan | None:
    scan = None
    for _ in range(times):
        scan = daemon.parts.inbox_loop.turn(urgent=True)
        daemon.parts.watcher.wait(0.6 if times > 1 else 0.0, threading.Event())
    return scan


def in_work(daemon: Daemon) -> list[str]:
    return sorted(row.job.name for row in map(daemon.parts.journal.row, daemon.parts.journal.open_ids()))


def decoding(monkeypatch: pytest.MonkeyPatch, trouble: Exception) -> None:
    real = prove_decodes

    def prove(path: Path, max_megapixels: float, name: str) -> None:
        if path.readlink().name == "bad.png":
            raise trouble
        real(path, max_megapixels, name)

    monkeypatch.setattr("daemon.work.open_file.prove_decodes", prove)
    works_in_this_process(monkeypatch)


def structure(monkeypatch: pytest.MonkeyPatch, trouble: Exception) -> None:
    real = follow_to_end

    def follow(descriptor: int) -> str | None:
        if Path(f"/proc/self/fd/{descriptor}").readlink().name == "bad.png":
            raise trouble
        return real(descriptor)

    monkeypatch.setattr("daemon.intake.proving.follow_to_end", follow)


def opening(name: str) -> Callable[[pytest.MonkeyPatch, Exception], None]:
    def spoil(monkeypatch: pytest.MonkeyPatch, trouble: Exception) -> None:
        real = os.open

        def opened(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
            if path == name and (name == "bad" or Path(f"/proc/self/fd/{dir_fd}").readlink().name == "bad"):
                raise trouble
            return real(path, flags, mode, dir_fd=dir_fd)

        monkeypatch.setattr(os, "open", opened)

    return spoil


def claiming(monkeypatch: pytest.MonkeyPatch, trouble: Exception) -> None:
    real = claim_file.take

    def take(home: int, way: tuple[str, ...], *rest: int, **keywords: object) -> None:
        if way[-1] == "bad.png":
            raise trouble
        real(home, way, *rest, **keywords)  # type: ignore[arg-type]

    monkeypatch.setattr("daemon.hotfolder.job_folders.take", take)


def admission(monkeypatch: pytest.MonkeyPatch, trouble: Exception) -> None:
    real = Admission.admit

    def admit(self: Admission, arrival: Arrival, *along: Any) -> object:  # Any: passed on as it is
        if arrival.name == "bad/bad.png":
            raise trouble
        return real(self, arrival, *along)

    monkeypatch.setattr(Admission, "admit", admit)


UNREADABLE = {
    "its pixels": (decoding, RootAway("bad.png cannot be read: Input/output error.")),
    "its structure": (structure, EIO),
    "the file": (opening("bad.png"), EIO),
    "its folder": (opening("bad"), EIO),
    "its order": (opening("freisteller.toml"), EIO),
    "its move": (claiming, EIO),
}


@pytest.mark.parametrize("where", UNREADABLE)
def test_a_file_that_the_disk_cannot_read_waits_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    spoil, trouble = UNREADABLE[where]
    spoil(monkeypatch, trouble)
    daemon = Daemon(settings_for(tmp_path), engine=ScriptedEngine())
    save_photo(daemon.parts.folders.inbox / "bad" / "bad.png")
    save_photo(daemon.parts.folders.inbox / "good.png", seed=1)

    scan = turn(daemon)
    taken, left = in_work(daemon), files_below(tmp_path / "hot" / "inbox")
    daemon.close()

    assert scan is not None
    assert taken == ["good.png"]
    assert "bad/bad.png" in left


@pytest.mark.parametrize("spoil", [decoding, claiming])
def test_a_share_that_does_not_answer_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[pytest.MonkeyPatch, Exception], None]
) -> None:
    trouble = RootAway("cannot be read") if spoil is decoding else EIO
    spoil(monkeypatch, trouble)
    daemon = Daemon(settings_for(tmp_path), engine=ScriptedEngine())
    save_photo(daemon.parts.folders.inbox / "bad" / "bad.png")
    real = os.listdir

    def listdir(path: object) -> object:
        if str(path).endswith("inbox"):
            raise EIO
        return real(path)  # type: ignore[call-overload]

    monkeypatch.setattr(os, "listdir", listdir)

    assert turn(daemon) is None
    assert files_below(tmp_path / "hot" / "inbox") == ["bad/bad.png"]
    monkeypatch.undo()
    daemon.close()


STUMBLING = {"prover": decoding, "structure": structure, "admission": admission}


@pytest.mark.parametrize("where", STUMBLING)
def test_a_file_that_our_code_stumbles_over_waits_and_fails_after_three_times(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, where: str
) -> None:
    STUMBLING[where](monkeypatch, RuntimeError("a bug"))
    daemon = Daemon(settings_for(tmp_path), engine=ScriptedEngine())
    save_photo(daemon.parts.folders.inbox / "bad" / "bad.png")
    save_photo(daemon.parts.folders.inbox / "good.png", seed=1)
    failed = tmp_path / "hot" / "failed"

    with caplog.at_level(logging.ERROR, "freisteller"):
        turn(daemon)
        after_one = (in_work(daemon), files_below(failed))
        turn(daemon, times=4)
    at_the_end = (in_work(daemon), files_below(failed))
    daemon.close()

    assert after_one == (["good.png"], [])
    assert at_the_end == (["good.png"], ["bad/bad.png", "bad/bad.png.txt"])
    assert "RuntimeError: a bug" in (failed / "bad" / "bad.png.txt").read_text("utf-8")
    assert len([record for record in caplog.records if "a bug" in record.getMessage()]) == 1


def test_no_photo_fails_because_another_program_locks_the_journal(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    admission(monkeypatch, sqlite3.OperationalError("database is locked"))
    daemon = Daemon(settings_for(tmp_path), engine=ScriptedEngine())
    save_photo(daemon.parts.folders.inbox / "bad" / "bad.png")

    turn(daemon, times=5)
    left = files_below(tmp_path / "hot" / "inbox")
    monkeypatch.undo()
    turn(daemon)
    taken = in_work(daemon)
    daemon.close()

    assert (left, taken) == (["bad/bad.png"], ["bad/bad.png"])


def test_a_file_that_is_in_order_after_all_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    decoding(monkeypatch, RuntimeError("a bug"))
    daemon = Daemon(settings_for(tmp_path), engine=ScriptedEngine())
    save_photo(daemon.parts.folders.inbox / "bad" / "bad.png")
    turn(daemon, times=2)
    daemon.close()
    monkeypatch.undo()
    daemon = Daemon(settings_for(tmp_path), engine=ScriptedEngine())

    turn(daemon)
    taken = in_work(daemon)
    daemon.close()

    assert taken == ["bad/bad.png"]
