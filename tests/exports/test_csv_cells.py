"""No cell of a table for people is run as a formula, and every cell comes back as it was."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.exports.csv_cells import as_text, for_people, table


@pytest.mark.parametrize("text", ["=1+1", "+49", "-1", "@SUM(A1)", "\t=1", "\r=1", '=HYPERLINK("http://x";"y")'])
def test_a_formula_is_made_a_text(text: str) -> None:
    assert as_text(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "a=1", "Größe 42", "4006381333931", "'=1"])
def test_what_is_no_formula_stays_as_it_is(text: str) -> None:
    assert as_text(text) == text


@given(st.lists(st.lists(st.text(), min_size=2, max_size=2), min_size=1, max_size=4))
def test_every_cell_is_read_back_as_it_was(rows: list[list[str]]) -> None:
    text = table(("one", "other"), rows)

    assert list(csv.reader(io.StringIO(text, newline=""), strict=True))[1:] == rows


def test_a_table_for_people_opens_in_a_spreadsheet_with_its_umlauts() -> None:
    content = for_people(("file", "n"), [["Größe.jpg", 1], ["=x", 2]])

    assert content.startswith(b"\xef\xbb\xbf")
    assert content.decode("utf-8-sig") == "file,n\r\nGröße.jpg,1\r\n'=x,2\r\n"
