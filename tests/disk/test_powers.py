"""What a file system can do is seen by trying it, and nothing of that is left."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.disk import open_below, powers
from daemon.disk.powers import Links, Powers
from tests.hotfolder.answers_of_file_systems import ANSWERS

SEEN = {
    "sshfs": Powers(Links.SEPARATE, noreplace=False, steady=True),
    "rclone": Powers(Links.NONE, noreplace=False, steady=True),
    "bindfs": Powers(Links.ONE_FILE, noreplace=False, steady=True),
    "without_links": Powers(Links.NONE, noreplace=True, steady=True),
}


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[int]:
    with open_below.opened(tmp_path) as descriptor:
        yield descriptor


def test_a_local_disk_has_everything(folder: int, tmp_path: Path) -> None:
    assert powers.try_out(folder) == Powers(Links.ONE_FILE, noreplace=True, steady=True)
    assert powers.links_in(folder) is Links.ONE_FILE
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("kind", ANSWERS)
def test_others_are_known_by_their_answers(
    folder: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    ANSWERS[kind](monkeypatch)

    assert powers.try_out(folder) == SEEN[kind]
    assert powers.links_in(folder) is SEEN[kind].links
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_if_the_disk_fails_in_the_middle(
    folder: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(5, os.strerror(5))

    monkeypatch.setattr(os, "rename", fail)

    with pytest.raises(OSError, match="Input/output"):
        powers.try_out(folder)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("links", Links)
def test_each_way_has_words_of_its_own(links: Links) -> None:
    said = powers.in_words(Powers(links, noreplace=True, steady=True), "fuse.x")

    assert said.startswith("on fuse.x files" if links is not Links.SEPARATE else "on fuse.x a second name")
    assert "inode" not in said
    assert "inode" in powers.in_words(Powers(links, noreplace=True, steady=False), "fuse.x")
