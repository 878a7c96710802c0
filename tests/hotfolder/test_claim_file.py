"""Claims a file whose folder is another file system below the inbox, e.g. a scanner's share."""

import errno
import os
import subprocess
from pathlib import Path

import pytest

from daemon.disk import no_replace
from daemon.errors import NoRoom, Vanished
from daemon.hotfolder import claim_file
from daemon.hotfolder.claim_file import NOTE
from daemon.hotfolder.hot_folder import HotFolder

JOB = "job-1"


@pytest.fixture
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> HotFolder:
    folders = HotFolder(tmp_path / "hot")
    folders.prepare()
    real = os.rename

    def across(source: str, target: str, *, src_dir_fd: int | None = None, dst_dir_fd: int | None = None) -> None:
        if src_dir_fd != dst_dir_fd:
            raise OSError(errno.EXDEV, "Invalid cross-device link")
        real(source, target, src_dir_fd=src_dir_fd, dst_dir_fd=dst_dir_fd)

    monkeypatch.setattr(os, "rename", across)
    return folders


def drop(folders: HotFolder, content: bytes = b"photo") -> Path:
    path = folders.inbox / "scanner" / "a.jpg"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    return path


def left_in_work(folders: HotFolder) -> list[str]:
    return sorted(path.name for path in folders.jobs.work_root.rglob("*") if path.is_file())


def test_a_file_is_taken_across_file_systems(folders: HotFolder) -> None:
    source = drop(folders)
    os.utime(source, ns=(1, 2_000_000_000))

    claimed = folders.jobs.claim(source, JOB)

    assert claimed.read_bytes() == b"photo"
    assert claimed.stat().st_mtime_ns == 2_000_000_000
    assert not source.exists()
    assert left_in_work(folders) == ["a.jpg"]


def test_a_file_that_changes_while_it_is_copied_stays(folders: HotFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    source = drop(folders)
    real = no_replace.digest

    def digest_then_grow(descriptor: int) -> bytes:
        result = real(descriptor)
        source.write_bytes(b"a longer photo")
        return result

    monkeypatch.setattr(no_replace, "digest", digest_then_grow)

    with pytest.raises(Vanished, match="changed while it was copied"):
        folders.jobs.claim(source, JOB)
    assert source.read_bytes() == b"a longer photo"
    assert folders.jobs.in_work() == ()


def test_a_file_that_somebody_writes_stays(folders: HotFolder) -> None:
    source = drop(folders)

    with source.open("ab"), pytest.raises(Vanished, match="being written"):
        folders.jobs.claim(source, JOB)
    assert source.exists()
    assert folders.jobs.in_work() == ()


def test_a_disk_that_gets_full_leaves_the_source(folders: HotFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    source = drop(folders)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(no_replace, "_write_copy", full)

    with pytest.raises(NoRoom):
        folders.jobs.claim(source, JOB)
    assert source.exists()
    assert folders.jobs.in_work() == ()


def test_a_source_that_cannot_be_taken_away_is_not_taken(folders: HotFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    source = drop(folders)
    real = os.unlink

    def refuse(name: str, *, dir_fd: int) -> None:
        if os.path.samestat(os.stat(f"/proc/self/fd/{dir_fd}"), source.parent.stat()):  # noqa: PTH116
            raise PermissionError(errno.EACCES, "Permission denied")
        real(name, dir_fd=dir_fd)

    monkeypatch.setattr(os, "unlink", refuse)

    with pytest.raises(Vanished, match="Permission denied"):
        folders.jobs.claim(source, JOB)
    assert source.exists()
    assert folders.jobs.in_work() == ()


@pytest.fixture
def interrupted(folders: HotFolder, monkeypatch: pytest.MonkeyPatch) -> HotFolder:
    """A claim that ended after the copy was in work, and before its source was removed."""
    drop(folders)
    with monkeypatch.context() as patch:
        patch.setattr(claim_file, "_remove_source", power_cut)
        with pytest.raises(SystemError):
            folders.jobs.claim(folders.inbox / "scanner" / "a.jpg", JOB)
    assert left_in_work(folders) == [NOTE, "a.jpg"]
    return folders


def power_cut(*_: object) -> None:
    raise SystemError("the power went")


def test_the_next_start_removes_a_source_that_is_in_work(interrupted: HotFolder) -> None:
    HotFolder(interrupted.root).jobs.finish_interrupted_claims()

    assert not (interrupted.inbox / "scanner" / "a.jpg").exists()
    assert left_in_work(interrupted) == ["a.jpg"]


def test_a_source_that_is_another_photo_by_now_stays(interrupted: HotFolder) -> None:
    source = interrupted.inbox / "scanner" / "a.jpg"
    source.write_bytes(b"the next photo")

    HotFolder(interrupted.root).jobs.finish_interrupted_claims()

    assert source.read_bytes() == b"the next photo"
    assert left_in_work(interrupted) == ["a.jpg"]


def test_a_source_that_is_gone_is_gone(interrupted: HotFolder) -> None:
    (interrupted.inbox / "scanner" / "a.jpg").unlink()
    (interrupted.inbox / "scanner").rmdir()

    HotFolder(interrupted.root).jobs.finish_interrupted_claims()

    assert left_in_work(interrupted) == ["a.jpg"]


@pytest.mark.parametrize("note", [b"", b"{", b'{"way": ["inbox", "scanner", "a.jpg"], "mark": [1, 2, 3, 4]}'])
def test_a_note_without_a_copy_takes_nothing(folders: HotFolder, note: bytes) -> None:
    source = drop(folders)
    work = folders.jobs.work_root / JOB
    work.mkdir()
    (work / NOTE).write_bytes(note)
    (work / ".part").write_bytes(b"pho")

    HotFolder(folders.root).jobs.finish_interrupted_claims()

    assert source.read_bytes() == b"photo"
    assert left_in_work(folders) == []


def test_whoever_only_looks_at_a_root_mends_nothing(interrupted: HotFolder) -> None:
    HotFolder(interrupted.root).prepare()

    assert left_in_work(interrupted) == [NOTE, "a.jpg"]


@pytest.mark.slow
def test_a_real_mount_beneath_the_inbox(tmp_path: Path) -> None:
    folders = HotFolder(tmp_path / "hot")
    folders.prepare()
    mount = folders.inbox / "scanner"
    mount.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", str(mount)], check=False, capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        (mount / "a.jpg").write_bytes(b"photo")

        assert folders.jobs.claim(mount / "a.jpg", JOB).read_bytes() == b"photo"
        assert list(mount.iterdir()) == []
    finally:
        subprocess.run(["umount", str(mount)], check=True)


@pytest.mark.parametrize(
    "content",
    [
        b"[" * 200_000,
        b"[]",
        b"7",
        b'{"way": 7, "mark": 7}',
        b'{"way": ["\\u0000"], "mark": []}',
        b'{"way": []}',
        b"9" * 6000,
    ],
)
def test_a_note_that_is_not_ours_ends_no_start(folders: HotFolder, content: bytes) -> None:
    source = drop(folders)
    work = folders.jobs.work_root / JOB
    work.mkdir()
    (work / "a.jpg").write_bytes(b"photo")
    (work / NOTE).write_bytes(content)

    folders.jobs.finish_interrupted_claims()

    assert left_in_work(folders) == ["a.jpg"]
    assert source.exists()


def test_a_pipe_in_the_place_of_a_note_holds_up_no_start(folders: HotFolder) -> None:
    (folders.jobs.work_root / JOB).mkdir()
    os.mkfifo(folders.jobs.work_root / JOB / NOTE)

    folders.jobs.finish_interrupted_claims()

    assert left_in_work(folders) == []
