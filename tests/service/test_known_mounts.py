"""An empty mount point on which a hot folder was is never taken for a new one."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from daemon.commands.doctor import check_up
from daemon.disk import mounts
from daemon.disk.mounts import Mount
from daemon.errors import RootAway
from daemon.hotfolder.hot_folder import HotFolder
from daemon.service import known_mounts
from daemon.service.open_root import known_root
from daemon.settings import Settings, load

LOCAL = Mount("/", "ext4")


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    (tmp_path / "share" / "hot").mkdir(parents=True)
    return tmp_path / "share" / "hot"


def on_a_share(root: Path) -> Mapping[str, Mount]:
    return {"/": LOCAL, str(root.parent): Mount(str(root.parent), "cifs")}


def settings_of(root: Path, state: str = "") -> Settings:
    return load(flags={"root": str(root), "state_dir": state})


def remembered(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "home").rglob("*.json"))


def test_a_hot_folder_whose_share_is_not_mounted_is_refused(root: Path) -> None:
    known_mounts.remember(settings_of(root), on_a_share(root))

    with pytest.raises(RootAway, match="is not mounted"):
        known_mounts.refuse_unmounted(root, {"/": LOCAL})


def test_the_message_names_the_mount_and_what_to_remove(root: Path, tmp_path: Path) -> None:
    known_mounts.remember(settings_of(root), on_a_share(root))

    with pytest.raises(RootAway) as told:
        known_mounts.refuse_unmounted(root, {"/": LOCAL})

    (path,) = remembered(tmp_path)
    assert f"{root.parent} (cifs)" in str(told.value)
    assert str(path) in str(told.value)
    path.unlink()
    known_mounts.refuse_unmounted(root, {"/": LOCAL})


def test_on_its_share_an_empty_place_may_be_a_new_one(root: Path) -> None:
    known_mounts.remember(settings_of(root), on_a_share(root))

    known_mounts.refuse_unmounted(root, on_a_share(root))  # somebody deleted the hot folder on purpose


def test_a_hot_folder_that_was_moved_to_the_local_disk_is_taken(root: Path, tmp_path: Path) -> None:
    known_mounts.remember(settings_of(root), on_a_share(root))
    HotFolder(root).prepare()

    known_mounts.refuse_unmounted(root, {"/": LOCAL})
    known_mounts.remember(settings_of(root), {"/": LOCAL})

    assert remembered(tmp_path) == []


def test_nothing_is_remembered_of_a_hot_folder_beside_our_own_state(root: Path, tmp_path: Path) -> None:
    known_mounts.remember(settings_of(root), {"/": LOCAL})

    assert remembered(tmp_path) == []


def test_nothing_is_remembered_where_the_journal_stays_behind_and_knows_it(root: Path, tmp_path: Path) -> None:
    known_mounts.remember(settings_of(root, str(tmp_path / "state")), on_a_share(root))

    assert remembered(tmp_path) == []


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"point": "/share"}', b"\xff\xfe"])
def test_a_damaged_memory_keeps_nobody_from_working(root: Path, tmp_path: Path, content: bytes) -> None:
    known_mounts.remember(settings_of(root), on_a_share(root))
    (path,) = remembered(tmp_path)
    path.write_bytes(content)

    known_mounts.refuse_unmounted(root, {"/": LOCAL})


def test_what_cannot_be_remembered_keeps_nobody_from_working(
    root: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "home").write_text("a file, where a folder is needed")

    known_mounts.remember(settings_of(root), on_a_share(root))

    assert "It is not remembered" in caplog.text


@pytest.mark.parametrize("state", ["", "share/hot/.state"])
def test_neither_a_start_nor_the_doctor_takes_an_empty_mount_point(
    root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, state: str
) -> None:
    settings = settings_of(root, str(tmp_path / state) if state else "")
    known_mounts.remember(settings, on_a_share(root))
    monkeypatch.setattr(mounts, "read", lambda: {"/": LOCAL})

    with pytest.raises(RootAway, match="is not mounted"):
        known_root(settings)
    found = [check for check in check_up(settings) if "not mounted" in check.detail]

    assert [check.level for check in found] == ["fail"]
    assert list(root.iterdir()) == []
