"""Lines for people fit the terminal, whatever is in them."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.logs.fitted import CUT, columns, padded, shortened, wrapped

NAMES = (
    "a" * 116 + ".jpg",
    "Frühjahr/" + "ü" * 107 + "_0007.jpg",
    unicodedata.normalize("NFD", "ü" * 116) + ".tif",
    "写真" * 58 + ".png",
    "no suffix " * 12,
    "IMG." + "x" * 116,
)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("room", [3, 10, 31, 32, 41, 60])
def test_a_long_name_fits_and_keeps_its_suffix(name: str, room: int) -> None:
    fits = shortened(name, room)

    assert columns(fits) <= room
    assert CUT in fits
    assert columns(padded(name, room)) == room
    suffix = name.rpartition(".")[2]
    if room > 10 and len(suffix) == 3:
        assert fits.endswith(f".{suffix}")


def test_a_name_that_fits_stays_as_it_is() -> None:
    assert shortened("写真.png", 8) == "写真.png"
    assert columns(shortened("写真.png", 7)) <= 7


def test_the_number_at_the_end_of_a_name_tells_photos_apart() -> None:
    first, second = (shortened(f"Frühjahrskatalog Schuhe und Taschen, Seite {n:04}.jpg", 30) for n in (1, 2))

    assert first != second
    assert first.endswith("0001.jpg")


def test_a_sentence_ends_its_lines_at_blanks_and_indents_all_but_the_first() -> None:
    lines = wrapped("09:31:02 The hot folder is away. Mount it.", 22, 9)

    assert lines == ["09:31:02 The hot", "         folder is", "         away. Mount", "         it."]


def test_blanks_within_and_before_a_line_stay() -> None:
    assert wrapped("    Drop photos into   here", 80) == ["    Drop photos into   here"]
    assert wrapped("", 80) == [""]


def test_a_path_that_no_line_holds_is_broken_and_whole_when_put_together() -> None:
    path = "/srv/" + "x" * 100

    assert "".join(wrapped(path, 40)) == path


@given(st.text(st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), max_size=200), st.integers(2, 100))
def test_no_line_is_broader_than_the_terminal_and_nothing_is_lost(text: str, width: int) -> None:
    lines = wrapped(text, width, 4)

    assert all(columns(line) <= width for line in lines)
    assert "".join("".join(lines).split()) == "".join(text.split())
