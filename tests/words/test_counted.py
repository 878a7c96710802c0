"""One thing is one photo, and not one photos."""

from daemon.words.counted import counted


def test_one_thing_has_no_s() -> None:
    assert [counted(number, "new file") for number in (0, 1, 2)] == ["0 new files", "1 new file", "2 new files"]
