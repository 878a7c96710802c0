"""A file of our own is written whole and durably, whoever else writes it, however little a write takes."""

import os
import stat
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from daemon.disk import open_below
from daemon.disk.whole_file import write_whole
from daemon.hotfolder import lease_file

CONTENT = bytes(range(256)) * 40


def write_new(path: Path, content: bytes) -> None:
    with open_below.opened(path.parent) as folder:
        open_below.write_new(path.name, content, folder)


@pytest.mark.parametrize("write", [write_whole, write_new], ids=lambda write: write.__name__)
def test_all_bytes_are_written_though_a_write_takes_few(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, write: Callable[[Path, bytes], None]
) -> None:
    real = os.write
    monkeypatch.setattr(os, "write", lambda descriptor, content: real(descriptor, bytes(content)[:1000]))

    write(tmp_path / "a", CONTENT)

    assert (tmp_path / "a").read_bytes() == CONTENT


def test_a_lease_is_written_whole_though_a_write_takes_few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    holder, real, preal = lease_file.this_process(), os.write, os.pwrite
    lease_file.create(tmp_path / "lease.json", lease_file.Holder("x" * 32, "other", 1, "boot", "then"))
    monkeypatch.setattr(os, "write", lambda descriptor, content: real(descriptor, bytes(content)[:50]))
    monkeypatch.setattr(os, "pwrite", lambda descriptor, content, at: preal(descriptor, bytes(content)[:50], at))

    lease_file.write_over(tmp_path / "lease.json", holder)

    assert lease_file.read(tmp_path / "lease.json") == holder


def test_file_and_folder_are_durable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[bool] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(stat.S_ISDIR(os.fstat(descriptor).st_mode))
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)

    write_whole(tmp_path / "a", CONTENT)

    assert synced == [False, True]


def test_two_who_write_one_path_do_not_meet(tmp_path: Path) -> None:
    contents = [bytes([number]) * 200_000 for number in range(8)]
    with ThreadPoolExecutor(8) as threads:
        for _ in range(10):
            list(threads.map(lambda content: write_whole(tmp_path / "a", content), contents))
            assert (tmp_path / "a").read_bytes() in contents

    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_what_cannot_be_written_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_whole(tmp_path / "a", b"before")

    def full(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "write", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(tmp_path / "a", CONTENT)

    assert (tmp_path / "a").read_bytes() == b"before"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]
