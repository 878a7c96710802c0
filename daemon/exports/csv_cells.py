"""Writes tables that spreadsheets and shops read, so that no cell of them is run as a formula."""

import csv
import io
from collections.abc import Iterable, Sequence

BOM = "\ufeff"
"""What tells Excel that a file is UTF-8."""
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
"""What a cell begins with that a spreadsheet would run (OWASP, CSV injection)."""


def is_formula(text: str) -> bool:
    """Whether a spreadsheet would run a cell with this text."""
    return text.startswith(_FORMULA)


def as_text(text: str) -> str:
    """A cell that no spreadsheet runs: with an apostrophe before what begins like a formula."""
    return f"'{text}" if is_formula(text) else text


def table(head: Sequence[str], rows: Iterable[Sequence[str | int]], delimiter: str = ",") -> str:
    """A table with CRLF lines; cells with delimiters, quotes or newlines are quoted. Cells stay as they are."""
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter, lineterminator="\r\n")
    writer.writerow(head)
    writer.writerows(rows)
    return file.getvalue()


def for_people(head: Sequence[str], rows: Iterable[Sequence[str | int]]) -> bytes:
    """A table for a spreadsheet: UTF-8 with a BOM, no cell a formula."""
    cells = ([as_text(cell) if isinstance(cell, str) else cell for cell in row] for row in rows)
    return (BOM + table(head, cells)).encode()
