"""What the client of a shop noted is there after a restart, and is of that shop only."""

from pathlib import Path

import pytest

from daemon.journal import Journal


def test_a_note_is_there_after_a_restart(tmp_path: Path) -> None:
    notes = Journal(tmp_path / "j").shop_notes("ebay")
    notes["1 shoe"] = "first"
    notes["1 shoe"] = "second"
    notes["2 shoe"] = "other"
    del notes["2 shoe"]

    again = Journal(tmp_path / "j").shop_notes("ebay")

    assert dict(again) == {"1 shoe": "second"}


def test_a_note_is_of_one_shop(tmp_path: Path) -> None:
    journal = Journal(tmp_path / "j")
    journal.shop_notes("ebay")["1 shoe"] = "noted"

    assert not journal.shop_notes("amazon")
    assert journal.shop_notes("amazon").get("1 shoe") is None
    with pytest.raises(KeyError):
        del journal.shop_notes("amazon")["1 shoe"]
