"""Reads a list of products: a CSV beside the photos with the columns file, sku, title and position."""

import codecs
import csv
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from daemon.disk.names import name_key
from daemon.errors import Said
from daemon.renditions.product_codes import is_by_a_spreadsheet

MOST_POSITION = 9999
_POSITION = re.compile(r"0{0,9}[1-9][0-9]{0,3}")
_HANDLE = re.compile(r"[^\W_]+(?:[-_]+[^\W_]+)*")  # Shopify takes letters of any language; capitals it makes small
MOST_BYTES = 16 << 20
_MOST_ROWS = 100_000
_MOST_LETTERS = 200  # of a SKU; shops take 40 to 100
_DELIMITERS = ";,\t"
_COLUMNS = ("file", "sku", "title", "position", "handle", "asin")
_NEEDED = ("file", "sku")
_MARKS = ((codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))


@dataclass(frozen=True, slots=True)
class ListedProduct:
    """What is said of one photo.

    file: its place below the list's folder. position: 0 = not said. row: in the list. handle: what Shopify calls the
    product in its addresses. asin: what Amazon calls it, an ASIN or a GTIN.
    """

    file: str
    sku: str
    title: str = ""
    position: int = 0
    row: int = 0
    handle: str = ""
    asin: str = ""


@dataclass(frozen=True, slots=True)
class ProductList:
    """The rows of a list that are clear, and what is wrong with the others."""

    products: tuple[ListedProduct, ...]
    faults: tuple[Said, ...] = ()


def product_list(content: bytes) -> ProductList:
    """Read a list as spreadsheets save it: with semicolons, commas or tabs, in UTF-8, UTF-16 or Windows-1252.

    Rows that are not clear are left out and told; two rows for one file are both.
    """
    if len(content) > MOST_BYTES:
        return ProductList((), (Said("products_too_large", most=MOST_BYTES),))
    text = _text_of(content)
    if text is None:
        return ProductList((), (Said("products_no_text"),))
    try:
        rows = list(_rows_of(text))
    except csv.Error as error:
        return ProductList((), (Said("products_no_csv", detail=error),))
    if len(rows) > _MOST_ROWS:
        return ProductList((), (Said("products_too_many_rows", most=_MOST_ROWS),))
    _, head = rows[0] if rows else (0, [])
    names = [name.strip().casefold() for name in head]
    missing = [name for name in _NEEDED if name not in names]
    if missing:
        return ProductList((), (Said("products_columns", columns=", ".join(missing)),))
    if twice := next((name for name in _COLUMNS if names.count(name) > 1), None):
        return ProductList((), (Said("products_column_twice", column=twice),))
    return _read(rows[1:], names)


def sku_fault(sku: str) -> Said | None:
    """What keeps a text from being a SKU: a seller's own name of a product, which is free but for this."""
    if is_by_a_spreadsheet(sku):
        return Said("sku_from_spreadsheet", code=sku)
    if not sku or len(sku) > _MOST_LETTERS or not sku.isprintable():
        return Said("sku_unusable", code=sku[:_MOST_LETTERS])
    return None


def _read(rows: list[tuple[int, list[str]]], names: list[str]) -> ProductList:
    products: dict[str, ListedProduct] = {}
    faults, twice = [], set()
    for number, row in rows:
        cells = dict(zip(names, (unicodedata.normalize("NFC", cell).strip() for cell in row), strict=False))
        product = _product_in(number, cells)
        if isinstance(product, Said):
            faults.append(Said("products_row", row=number, detail=product))
            continue
        key = name_key(product.file)
        if other := products.get(key):
            faults.append(Said("products_file_twice", row=other.row, other=number, name=product.file))
            twice.add(key)
        else:
            products[key] = product
    return ProductList(tuple(each for key, each in products.items() if key not in twice), tuple(faults))


def _product_in(number: int, cells: Mapping[str, str]) -> ListedProduct | Said:
    """What a row says, or what is wrong with it."""
    file, sku, position = (cells.get(name, "") for name in ("file", "sku", "position"))
    file = file.replace("\\", "/").removeprefix("./")
    if not file or not file.isprintable() or any(part in ("", ".", "..") for part in file.split("/")):
        return Said("products_row_file", name=file)
    if fault := sku_fault(sku):
        return fault
    if position and not _POSITION.fullmatch(position):
        return Said("products_row_position", position=position, most=MOST_POSITION)
    if (handle := cells.get("handle", "")) and not _HANDLE.fullmatch(handle):
        return Said("products_row_handle", handle=handle)
    title = "".join(letter for letter in cells.get("title", "") if letter.isprintable())
    return ListedProduct(file, sku, title, int(position or 0), number, handle, cells.get("asin", ""))


def _text_of(content: bytes) -> str | None:
    """The text of a file; None if it is none, as a spreadsheet's own file."""
    encoding = next((encoding for mark, encoding in _MARKS if content.startswith(mark)), "utf-8")
    try:
        text = content.decode(encoding)
    except UnicodeDecodeError:
        if encoding != "utf-8":
            return None
        try:
            text = content.decode("cp1252")  # "CSV" in Excel on Windows, where it is not "CSV UTF-8"
        except UnicodeDecodeError:
            return None
    return None if "\0" in text else text


def _rows_of(text: str) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not empty, with the number of its last line. Raises csv.Error."""
    lines = text.splitlines(keepends=True)
    delimiter, before = "", 0
    if lines and lines[0].strip().casefold().startswith("sep=") and len(lines[0].strip()) == len("sep=;"):
        delimiter, before = lines[0].strip()[-1], 1  # a line that Excel reads, and writes no more
    head = next((line for line in lines[before:] if line.strip()), "")
    delimiter = delimiter or max(_DELIMITERS, key=head.count)
    reader = csv.reader(lines[before:], delimiter=delimiter, strict=True)
    for row in reader:
        if any(cell.strip() for cell in row):
            yield reader.line_num + before, row
