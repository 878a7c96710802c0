"""A file is taken by what it is, whatever it is called; and what is left alone has a name and a reason."""

import os
from pathlib import Path

import pytest

from daemon.errors import Said
from daemon.intake.left_in_words import left_in_words
from daemon.intake.scan_values import LeftFile, Scan
from daemon.intake.strangers import Strangers
from daemon.intake.walk_inbox import walk
from tests.intake.photos import World, photo

EPS = b"%!PS" + bytes(60)


@pytest.fixture
def world(tmp_path: Path) -> World:
    (tmp_path / "inbox").mkdir()
    return World(tmp_path / "inbox", quiet_seconds=2.0, patience_seconds=60.0)


def left(scan: Scan) -> dict[str, str]:
    return {each.name: str(each.why) for each in scan.left_alone}


@pytest.mark.parametrize("name", ["IMG_0001", "scan.0001", "photo.jpg.done", "shoe.v2"])
def test_a_photo_without_a_photo_s_suffix_is_taken(world: World, name: str) -> None:
    world.drop(name)

    assert left(world.look()) == {}
    assert world.names(world.look(after=10.0)) == [name]


@pytest.mark.parametrize("name", ["DSCF1.HIF", "stereo.MPO", "old.dib", "DSC1.nrw"])
def test_the_suffixes_of_cameras_are_as_quick_as_any(world: World, name: str) -> None:
    world.drop(name)
    world.look()

    assert world.names(world.look(after=2.0)) == [name]


def test_a_name_that_is_no_photo_s_gets_time_to_be_renamed(world: World) -> None:
    """Some copiers write under another name until all is there."""
    half = world.drop("a.jpg.upload")
    world.look(closed=["a.jpg.upload"])
    assert world.look(after=9.0).incomplete == 1

    half.rename(world.inbox / "a.jpg")
    world.look(after=1.0)

    assert world.names(world.look(after=2.0)) == ["a.jpg"]


def test_what_is_left_alone_is_named_with_what_it_is(world: World) -> None:
    world.drop("kunde/flat.eps", EPS)
    world.drop("line.svg", b"<svg/>")
    world.drop("later", b"")
    (world.inbox / "link.jpg").symlink_to("/etc/hostname")

    scan = world.look()

    assert left(scan) == {
        "kunde/flat.eps": "an EPS drawing",
        "later": "empty so far",
        "link.jpg": "a link, which is not followed",
        "line.svg": "an SVG drawing",
    }
    assert scan.incomplete == 0


def test_a_stranger_is_opened_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.drop("flat.eps", EPS)
    world.look()
    real, opened = os.pread, []

    def counted(descriptor: int, length: int, position: int) -> bytes:
        opened.append(position)
        return real(descriptor, length, position)

    monkeypatch.setattr(os, "pread", counted)

    world.look(after=100.0)

    assert opened == []


def test_a_stranger_that_becomes_a_photo_is_taken(world: World) -> None:
    world.drop("IMG_0001", b"")
    assert left(world.look()) == {"IMG_0001": "empty so far"}

    world.drop("IMG_0001")
    assert left(world.look(after=1.0)) == {}

    assert world.names(world.look(after=10.0)) == ["IMG_0001"]


def test_a_file_that_only_begins_like_a_photo_stays_where_it_is_with_its_reason(world: World) -> None:
    world.drop("IMG_0001", photo()[:2000])
    world.look()
    world.look(after=2.0)

    scan = world.look(after=60.0)
    later = world.look(after=600.0)

    assert (scan.rejected, later.rejected, later.incomplete) == ((), (), 0)
    assert "IMG_0001 is not whole" in left(later)["IMG_0001"]
    world.drop("IMG_0001")
    world.look(after=1.0)
    assert world.names(world.look(after=10.0)) == ["IMG_0001"]


def test_a_file_that_is_called_a_photo_and_is_none_is_rejected(world: World) -> None:
    world.drop("a.jpg", b"junk" + bytes(100))
    world.look()
    world.look(after=2.0)

    assert [reject.name for reject in world.look(after=10.0).rejected] == ["a.jpg"]


def test_a_stranger_that_was_taken_away_is_not_named_any_more(world: World) -> None:
    path = world.drop("kunde/flat.eps", EPS)
    world.look()

    path.unlink()

    assert left(world.look(after=5.0)) == {}


def test_a_stranger_keeps_the_time_when_it_was_first_seen(world: World) -> None:
    world.drop("flat.eps", EPS)
    first = world.look().left_alone[0].since

    assert world.look(after=50.0).left_alone[0].since == first


def test_an_unreadable_stranger_is_looked_at_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.drop("IMG_0001")
    real = os.open

    def refused(path: str, flags: int, *, dir_fd: int | None = None) -> int:
        if path == "IMG_0001":
            raise PermissionError(13, "Permission denied")
        return real(path, flags, dir_fd=dir_fd)

    monkeypatch.setattr(os, "open", refused)
    assert left(world.look()) == {"IMG_0001": "cannot be read (Permission denied)"}
    monkeypatch.setattr(os, "open", real)

    assert left(world.look(after=1.0)) == {}


def test_photos_and_strangers_are_told_apart_by_a_walk(tmp_path: Path) -> None:
    (tmp_path / "IMG_0001").write_bytes(photo())
    (tmp_path / "flat.eps").write_bytes(EPS)

    assert {each.path: each.stat is not None for each in walk(tmp_path, Strangers(), {})} == {
        "IMG_0001": True,
        "flat.eps": False,
    }


def test_five_names_are_told_and_the_others_counted() -> None:
    files = [LeftFile(f"{n}.eps", f"{n}.eps", Said("an_eps"), 0.0) for n in range(7)]

    assert left_in_words(files[:1]) == "0.eps: an EPS drawing"
    assert left_in_words(files).endswith("4.eps: an EPS drawing; and 2 more")
    assert left_in_words(()) == ""
