import json
import os
import stat
import subprocess
import sys
import threading
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.errors import BadSettings, NoRoom, RootAway, Vanished
from daemon.hotfolder import hot_folder as folders_module
from daemon.hotfolder.hot_folder import HotFolder
from daemon.jobs import Grade

JOB = "20261122-101500-0a1b2c3d"
NFD = unicodedata.normalize("NFD", "ungenügend")


@pytest.fixture
def folders(tmp_path: Path) -> HotFolder:
    folders = HotFolder(tmp_path / "hot")
    folders.prepare()
    return folders


def drop(folders: HotFolder, name: str = "a.jpg", content: bytes = b"photo") -> Path:
    path = folders.inbox / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def tree(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*") if not path.is_dir()}


def test_all_folders_are_made(folders: HotFolder) -> None:
    assert {path.name for path in folders.root.iterdir()} == {
        "inbox", "sehr_gut", "gut", "ungenügend", "failed", "archiv", ".freisteller",
    }  # fmt: skip


def test_a_root_keeps_its_identity(folders: HotFolder) -> None:
    identity = json.loads((folders.private / "root.json").read_text())["id"]

    assert HotFolder(folders.root).prepare() == identity
    assert HotFolder(folders.root).prepare(expected=identity) == identity


def test_two_daemons_that_start_at_once_agree_on_the_identity(tmp_path: Path) -> None:
    start = threading.Barrier(8)
    seen: list[str] = []

    def prepare() -> None:
        start.wait()
        seen.append(HotFolder(tmp_path / "hot").prepare())

    threads = [threading.Thread(target=prepare) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(seen) == 8
    assert len(set(seen)) == 1


def test_an_empty_mount_point_is_not_filled_with_folders(tmp_path: Path) -> None:
    with pytest.raises(RootAway, match="Mount the share again"):
        HotFolder(tmp_path).prepare(expected="0b0e5b0c-7a1c-4c1e-9f0e-000000000000")

    assert list(tmp_path.iterdir()) == []


def test_another_hot_folder_is_not_ours(folders: HotFolder) -> None:
    with pytest.raises(RootAway, match="another hot folder"):
        HotFolder(folders.root).prepare(expected="0b0e5b0c-7a1c-4c1e-9f0e-000000000000")


@pytest.mark.parametrize("content", ["{", "[" * 100_000, '{"id": "\\ud800"}', '{"id": 1e999}', "9" * 6000])
def test_a_damaged_identity_is_no_reason_to_make_a_new_one(folders: HotFolder, content: str) -> None:
    (folders.private / "root.json").write_text(content)

    with pytest.raises(RootAway, match="damaged"):
        HotFolder(folders.root).prepare()


def test_a_pipe_in_the_place_of_the_identity_holds_nobody_up(folders: HotFolder) -> None:
    (folders.private / "root.json").unlink()
    os.mkfifo(folders.private / "root.json")

    with pytest.raises(RootAway, match="damaged"):
        HotFolder(folders.root).prepare()


@pytest.mark.parametrize("name", ["inbox", "gut", ".freisteller"])
def test_a_file_in_a_folder_s_place_stops_the_start(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")

    with pytest.raises(BadSettings, match="Move it away"):
        HotFolder(tmp_path).prepare()
    assert (tmp_path / name).read_text() == "mine"


def test_a_link_in_a_folder_s_place_is_not_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (tmp_path / "hot").mkdir()
    (tmp_path / "hot" / "gut").symlink_to(outside)

    with pytest.raises(BadSettings, match="symbolic links"):
        HotFolder(tmp_path / "hot").prepare()


def test_the_root_itself_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "hot").symlink_to("real")
    folders = HotFolder(tmp_path / "hot")

    folders.prepare()

    assert folders.jobs.claim(drop(folders), JOB).read_bytes() == b"photo"


def test_a_link_that_is_turned_to_another_folder_stops_the_work_until_it_leads_back(tmp_path: Path) -> None:
    one, two, link = tmp_path / "one", tmp_path / "two", tmp_path / "hot"
    for folder in (one, two):
        folder.mkdir()
    link.symlink_to(one)
    folders = HotFolder(link)
    folders.prepare()

    link.unlink()
    link.symlink_to(two)
    with pytest.raises(RootAway, match=f"{link} leads to {two} now, and the work is in {one}"):
        folders.check()
    assert list(two.iterdir()) == []

    link.unlink()
    link.symlink_to(one)
    folders.check()


def test_a_link_that_somebody_removes_keeps_nobody_from_working(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    link = tmp_path / "hot"
    link.symlink_to("one")
    folders = HotFolder(link)
    folders.prepare()

    link.unlink()

    folders.check()


def test_a_grade_folder_that_a_mac_made_is_found(tmp_path: Path) -> None:
    (tmp_path / NFD).mkdir()
    folders = HotFolder(tmp_path)

    folders.prepare()

    assert folders.grade(Grade.UNGENUEGEND).name == NFD
    assert sum(unicodedata.normalize("NFC", path.name) == "ungenügend" for path in tmp_path.iterdir()) == 1


def test_a_healthy_root_passes(folders: HotFolder) -> None:
    folders.check()


def test_a_root_that_is_gone_is_away(folders: HotFolder) -> None:
    folders.root.rename(folders.root.with_name("away"))

    with pytest.raises(RootAway):
        folders.check()


def test_a_root_that_was_remounted_empty_is_away(folders: HotFolder) -> None:
    folders.root.rename(folders.root.with_name("away"))
    folders.root.mkdir()

    with pytest.raises(RootAway):
        folders.check()
    assert list(folders.root.iterdir()) == []


def test_a_root_that_became_another_one_is_away(folders: HotFolder, tmp_path: Path) -> None:
    HotFolder(tmp_path / "other").prepare()
    folders.root.rename(folders.root.with_name("away"))
    (tmp_path / "other").rename(folders.root)

    with pytest.raises(RootAway, match="Mount the right share"):
        folders.check()


def test_a_root_that_comes_back_is_known_again(folders: HotFolder) -> None:
    away = folders.root.rename(folders.root.with_name("away"))
    with pytest.raises(RootAway):
        folders.check()

    away.rename(folders.root)

    folders.check()


def test_a_folder_that_somebody_deleted_is_made_again(folders: HotFolder) -> None:
    folders.inbox.rmdir()

    folders.check()

    assert folders.inbox.is_dir()


def test_a_folder_that_became_a_link_stops_the_work(folders: HotFolder, tmp_path: Path) -> None:
    folders.archive.rmdir()
    folders.archive.symlink_to(tmp_path)

    with pytest.raises(RootAway, match="not a folder any more"):
        folders.check()


def test_a_read_only_root_is_no_room(folders: HotFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.statvfs(folders.root)
    shown = list(real)
    shown[8] |= os.ST_RDONLY
    monkeypatch.setattr(os, "statvfs", lambda path: os.statvfs_result(shown))

    with pytest.raises(NoRoom, match="read-only"):
        folders.check()


def test_a_mount_that_went_away_beneath_the_root_is_noticed(folders: HotFolder) -> None:
    folders._on_root_device[folders.inbox] = False  # as if inbox/ had been another mount

    with pytest.raises(RootAway, match="another file system"):
        folders.check()
    folders.inbox.rmdir()
    with pytest.raises(RootAway, match="was mounted and is gone"):
        folders.check()


def test_a_claimed_file_is_in_work_and_nowhere_else(folders: HotFolder) -> None:
    source = drop(folders, "kunde/a.jpg")

    claimed = folders.jobs.claim(source, JOB)

    assert claimed == folders.jobs.work_root / JOB / "a.jpg"
    assert claimed == folders.jobs.claimed(JOB)
    assert claimed.read_bytes() == b"photo"
    assert tree(folders.root) == {".freisteller/root.json", f".freisteller/work/{JOB}/a.jpg"}


@pytest.mark.parametrize(
    "name", [b"line\nbreak.jpg", b"\xff\xfe.jpg", b"x" * 251 + b".jpg", b"CON.jpg", "ü👟.jpg".encode(), b"a:b?.jpg"]
)
def test_a_file_of_any_name_can_be_claimed(folders: HotFolder, name: bytes) -> None:
    claimed = folders.jobs.claim(drop(folders, os.fsdecode(name)), JOB)

    assert claimed.read_bytes() == b"photo"
    assert "\n" not in claimed.name


def test_a_failed_original_can_be_taken_back(folders: HotFolder) -> None:
    original = folders.failed / "a.jpg"
    original.write_bytes(b"photo")

    assert folders.jobs.claim(original, JOB).read_bytes() == b"photo"


def test_a_file_that_is_gone_was_taken_by_somebody_else(folders: HotFolder) -> None:
    with pytest.raises(Vanished):
        folders.jobs.claim(folders.inbox / "gone.jpg", JOB)

    assert folders.jobs.in_work() == ()


def test_a_file_in_a_folder_that_is_gone_was_taken_by_somebody_else(folders: HotFolder) -> None:
    with pytest.raises(Vanished):
        folders.jobs.claim(folders.inbox / "gone" / "a.jpg", JOB)


def test_a_root_that_is_gone_takes_no_file_with_it(folders: HotFolder) -> None:
    source = drop(folders)
    folders.root.rename(folders.root.with_name("away"))

    with pytest.raises(RootAway):
        folders.jobs.claim(source, JOB)
    assert not folders.root.exists()


def test_a_symbolic_link_is_not_taken(folders: HotFolder, tmp_path: Path) -> None:
    outside = tmp_path / "private.jpg"
    outside.write_bytes(b"private")
    link = folders.inbox / "a.jpg"
    link.symlink_to(outside)

    with pytest.raises(Vanished, match="regular file"):
        folders.jobs.claim(link, JOB)
    assert link.is_symlink()
    assert outside.read_bytes() == b"private"


def test_no_link_on_the_way_is_followed(folders: HotFolder, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.jpg").write_bytes(b"private")
    (folders.inbox / "kunde").symlink_to(outside)

    with pytest.raises(Vanished):
        folders.jobs.claim(folders.inbox / "kunde" / "a.jpg", JOB)
    assert (outside / "a.jpg").read_bytes() == b"private"


@pytest.mark.parametrize("outside", ["/etc/hostname", "elsewhere.jpg"])
def test_a_file_outside_the_root_is_never_claimed(folders: HotFolder, tmp_path: Path, outside: str) -> None:
    with pytest.raises(ValueError, match="subpath"):
        folders.jobs.claim(tmp_path / outside, JOB)


def test_a_way_up_is_no_way_out(folders: HotFolder, tmp_path: Path) -> None:
    (tmp_path / "private.jpg").write_bytes(b"private")

    with pytest.raises(ValueError, match="not a name within"):
        folders.jobs.claim(folders.inbox / ".." / ".." / "private.jpg", JOB)
    assert (tmp_path / "private.jpg").exists()


@pytest.mark.parametrize("make", [os.mkfifo, os.mkdir])
def test_what_is_no_file_is_not_taken(folders: HotFolder, make: Callable[[Path], None]) -> None:
    make(folders.inbox / "a.jpg")

    with pytest.raises(Vanished):
        folders.jobs.claim(folders.inbox / "a.jpg", JOB)
    assert (folders.inbox / "a.jpg").exists()


def test_a_file_that_is_swapped_for_a_pipe_while_it_is_taken_goes_back(
    folders: HotFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = drop(folders)
    real = os.rename

    def swap_then_rename(*arguments: object, **keywords: object) -> None:
        source.unlink()
        os.mkfifo(source)
        real(*arguments, **keywords)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "rename", swap_then_rename)

    with pytest.raises(Vanished):
        folders.jobs.claim(source, JOB)
    assert stat.S_ISFIFO(source.lstat().st_mode)
    assert folders.jobs.claimed(JOB) is None


def test_a_file_that_changed_since_it_was_proven_goes_back(folders: HotFolder) -> None:
    source = drop(folders)
    proven = (source.stat().st_size, source.stat().st_mtime_ns)
    source.write_bytes(b"a longer photo")

    with pytest.raises(Vanished, match="changed"):
        folders.jobs.claim(source, JOB, unchanged=proven)
    assert source.read_bytes() == b"a longer photo"

    proven = (source.stat().st_size, source.stat().st_mtime_ns)
    assert folders.jobs.claim(source, JOB, unchanged=proven).read_bytes() == b"a longer photo"


def test_a_file_that_a_program_has_open_for_writing_goes_back(folders: HotFolder) -> None:
    source = drop(folders)
    with source.open("ab"):
        with pytest.raises(Vanished, match="being written"):
            folders.jobs.claim(source, JOB)
        assert source.read_bytes() == b"photo"

    assert folders.jobs.claim(source, JOB).read_bytes() == b"photo"


def test_a_job_never_gets_a_second_original(folders: HotFolder) -> None:
    folders.jobs.claim(drop(folders), JOB)
    second = drop(folders, "b.jpg")

    with pytest.raises(FileExistsError):
        folders.jobs.claim(second, JOB)
    assert second.exists()


@pytest.mark.parametrize("job_id", ["", ".", "..", "../x", "a/b", ".hidden", "x" * 200])
def test_a_job_id_is_no_path(folders: HotFolder, job_id: str) -> None:
    with pytest.raises(ValueError, match="job id"):
        folders.jobs.staging(job_id)


def test_clearing_a_job_leaves_nothing_and_may_be_repeated(folders: HotFolder) -> None:
    folders.jobs.claim(drop(folders), JOB)
    (folders.jobs.staging(JOB) / "result.png").write_bytes(b"png")

    folders.jobs.clear(JOB)
    folders.jobs.clear(JOB)

    assert folders.jobs.in_work() == ()
    assert tree(folders.root) == {".freisteller/root.json"}


def test_a_file_that_is_still_open_somewhere_is_cleared_next_time(
    folders: HotFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folders.jobs.staging(JOB) / ".nfs0001").touch()

    def busy(*_: object, **__: object) -> None:
        raise OSError(16, "Device or resource busy")

    with monkeypatch.context() as patch:
        patch.setattr(os, "unlink", busy)
        folders.jobs.clear(JOB)
    assert folders.jobs.in_work() == (JOB,)

    folders.jobs.clear(JOB)
    assert folders.jobs.in_work() == ()


def test_clearing_follows_no_link(folders: HotFolder, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "a.jpg").write_bytes(b"private")
    (folders.jobs.staging(JOB) / "link").symlink_to(outside)

    folders.jobs.clear(JOB)

    assert (outside / "a.jpg").exists()


def test_what_is_in_work_is_listed(folders: HotFolder) -> None:
    folders.jobs.claim(drop(folders), "job-1")
    folders.jobs.staging("job-2")
    (folders.jobs.work_root / "lost+found?").mkdir()
    (folders.jobs.work_root / "a file").write_text("")

    assert folders.jobs.in_work() == ("job-1", "job-2")


def test_a_job_s_original_can_be_given_back(folders: HotFolder) -> None:
    folders.jobs.claim(drop(folders, content=b"first"), JOB)
    drop(folders, content=b"second")

    assert folders.jobs.release(JOB, "kunde/a.jpg") == folders.inbox / "a-2.jpg"

    assert (folders.inbox / "a.jpg").read_bytes() == b"second"
    assert (folders.inbox / "a-2.jpg").read_bytes() == b"first"
    assert folders.jobs.in_work() == ()
    assert folders.jobs.release(JOB, "a.jpg") is None


def test_a_full_disk_is_no_room(folders: HotFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    source = drop(folders)

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "rename", full)

    with pytest.raises(NoRoom, match="Make room"):
        folders.jobs.claim(source, JOB)
    assert source.exists()


def test_a_stale_share_is_away(folders: HotFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    source = drop(folders)

    def stale(*_: object, **__: object) -> None:
        raise OSError(116, "Stale file handle")

    monkeypatch.setattr(os, "rename", stale)

    with pytest.raises(RootAway):
        folders.jobs.claim(source, JOB)


def test_one_file_that_may_not_be_moved_does_not_stop_all(folders: HotFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "rename", refused)

    with pytest.raises(Vanished, match="Permission denied"):
        folders.jobs.claim(drop(folders), JOB)


def test_new_folders_are_open_to_those_whom_the_umask_lets_in(tmp_path: Path) -> None:
    code = (
        "import os, sys, pathlib; os.umask(0o007); from daemon.hotfolder.hot_folder import HotFolder; "
        "HotFolder(pathlib.Path(sys.argv[1])).prepare()"
    )
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "hot")], check=True)

    assert {stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "hot").iterdir()} == {0o770}


def test_importing_the_folders_loads_no_watcher_and_no_codec() -> None:
    code = "import sys, daemon.hotfolder.hot_folder; assert not {'watchdog', 'pyvips', 'cv2'} & set(sys.modules)"

    subprocess.run([sys.executable, "-c", code], check=True)
    assert folders_module.__doc__
