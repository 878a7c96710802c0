"""What the journal remembers of pictures in shops."""

from dataclasses import replace
from pathlib import Path

from daemon.journal import Journal
from daemon.journal.shop_rows import ShopPicture

FIRST = ShopPicture("mine", "shoe", 1, "aa" * 32, "gid/1", "there", "", 100.0)


def test_what_is_recorded_outlives_a_restart(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    journal.shop_pictures.record(FIRST)
    journal.close()

    again = Journal(tmp_path / "j").shop_pictures

    assert again.at("mine", "shoe", 1) == (FIRST,)
    assert again.shops() == ("mine",)
    assert again.at("mine", "shoe", 2) == again.at("other", "shoe", 1) == ()


def test_a_picture_that_is_there_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    rows = Journal(tmp_path / "j").shop_pictures
    other_place = replace(FIRST, place=2)
    second = replace(FIRST, sha256="bb" * 32, remote_id="gid/2", state="uploaded", at=200.0)
    for row in (FIRST, other_place, second):
        rows.record(row)
    assert [row.state for row in rows.at("mine", "shoe", 1)] == ["there", "uploaded"]

    rows.record(replace(second, state="there", at=300.0))

    assert [(row.sha256, row.state) for row in rows.at("mine", "shoe", 1)] == [
        (FIRST.sha256, "replaced"),
        (second.sha256, "there"),
    ]
    assert [row.sha256 for row in rows.of("mine")] == [second.sha256, FIRST.sha256]


def test_the_first_picture_can_come_back(tmp_path: Path) -> None:
    rows = Journal(tmp_path / "j").shop_pictures
    second = replace(FIRST, sha256="bb" * 32, at=200.0)

    for row in (FIRST, second, replace(FIRST, at=300.0)):
        rows.record(row)

    assert [(row.sha256, row.state) for row in rows.at("mine", "shoe", 1)] == [
        (second.sha256, "replaced"),
        (FIRST.sha256, "there"),
    ]
