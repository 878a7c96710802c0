"""What product a photo shows is taken from what somebody wrote, and never guessed."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.errors import Said
from daemon.exports.product_list import ListedProduct, product_list
from daemon.exports.product_pattern import ProductPattern
from daemon.exports.products import ShownProduct, shown_products

ROWS = "file;sku;title;position\nschuh-ä.jpg;0042;Schuh, braun;1\nb.jpg;0042;;2\n"
READ = (
    ListedProduct("schuh-ä.jpg", "0042", "Schuh, braun", 1, 2),
    ListedProduct("b.jpg", "0042", "", 2, 3),
)


def codes(faults: tuple[Said, ...]) -> list[str]:
    return [fault.code for fault in faults]


@pytest.mark.parametrize(
    "content",
    [
        ROWS.encode(),
        ROWS.encode("utf-8-sig"),
        ROWS.encode("utf-16"),
        ROWS.encode("cp1252"),
        unicodedata.normalize("NFD", ROWS).encode(),
        ROWS.replace("\n", "\r\n").encode(),
        ROWS.replace("\n", "\r").encode(),
        ROWS.replace(";", "\t").encode(),
        ROWS.replace("Schuh, braun", '"Schuh, braun"').replace(";", ",").encode(),
        f"sep=;\n{ROWS}".replace("\n2", "\n3").encode(),
        ROWS.replace("file;sku", " File ;SKU").encode(),
        (ROWS + ";;;\n\n").encode(),
    ],
    ids=["UTF-8", "BOM", "UTF-16", "Windows", "NFD", "CRLF", "CR", "tabs", "commas", "sep=", "capitals", "empty rows"],
)
def test_a_list_is_read_as_a_spreadsheet_saved_it(content: bytes) -> None:
    found = product_list(content)

    assert found.faults == ()
    assert [(each.file, each.sku, each.title, each.position) for each in found.products] == [
        (each.file, each.sku, each.title, each.position) for each in READ
    ]


def test_a_row_says_where_it_stood() -> None:
    assert product_list(ROWS.encode()).products == READ


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (";0042;;", 'row 3: "" is no name of a photo beside the list'),
        ("../b.jpg;0042;;", 'row 3: "../b.jpg" is no name of a photo beside the list'),
        ("b.jpg;;;", 'row 3: "" is no SKU: it is empty, longer than 200 characters, or has characters that cannot be shown.'),  # noqa: E501
        ("b.jpg;6.29E+12;;", 'row 3: "6.29E+12" is what a spreadsheet makes of a long number: digits are lost. Format the column as text, and type the number again.'),  # noqa: E501
        ("b.jpg;0042;;zwei", 'row 3: the position "zwei" is no whole number from 1 to 9999'),
        ("b.jpg;0042;;0", 'row 3: the position "0" is no whole number from 1 to 9999'),
        ("A.JPG;0043;;", "rows 2 and 3 both say what A.JPG shows, so neither counts"),
    ],
)  # fmt: skip
def test_a_row_that_is_not_clear_is_told_with_its_number(row: str, said: str) -> None:
    found = product_list(f"file;sku;title;position\na.jpg;0042;;\n{row}\n".encode())

    assert list(found.faults) == [said]
    assert [each.file for each in found.products] == ([] if "neither" in said else ["a.jpg"])


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "products_columns"),
        (b"file;title\na.jpg;x\n", "products_columns"),
        (b"file;sku;sku\na.jpg;x;y\n", "products_column_twice"),
        (b"PK\x03\x04\0\0\x81\x8d", "products_no_text"),
        (b'file;sku\n"a.jpg;x\n', "products_no_csv"),
    ],
)
def test_a_list_that_is_none_is_refused_as_a_whole(content: bytes, code: str) -> None:
    found = product_list(content)

    assert (found.products, codes(found.faults)) == ((), [code])


@given(st.binary(max_size=300))
def test_bytes_of_any_kind_are_read_or_told(content: bytes) -> None:
    found = product_list(b"file;sku\n" + content)

    assert all(each.file and each.sku for each in found.products)


@pytest.mark.parametrize(
    ("pattern", "photo", "found"),
    [
        ("{sku}_{position}", "A-100_02.jpg", ("A-100", "", 2)),
        ("{sku}_{position}", "sub/A_1_2.jpg", ("A_1", "", 2)),
        ("{sku}_{position}", "A-100.jpg", None),
        ("{sku}_{position}", "A-100_0.jpg", None),
        ("{sku}", "Größe 42.jpg", ("Größe 42", "", 0)),
        ("{sku} - {title} ({position})", "42 - Schuh (3).tif", ("42", "Schuh", 3)),
        ("{sku}_{title}", "A_1_2.jpg", None),
        ("{any}_{sku}", "shoot1_42.jpg", ("42", "", 0)),
        ("{any}_{sku}", "shoot1_42_b.jpg", None),
        ("Ä{sku}", unicodedata.normalize("NFD", "Ä42.jpg"), ("42", "", 0)),
        ("{sku}.x", "42yx.jpg", None),
    ],
)
def test_a_name_is_read_by_a_pattern_or_not_at_all(
    pattern: str, photo: str, found: tuple[str, str, int] | None
) -> None:
    product = ProductPattern.of(pattern).product_of(photo)

    assert (product and (product.sku, product.title, product.position)) == found


@pytest.mark.parametrize(
    ("pattern", "code"),
    [
        ("{sku", "pattern_brackets"),
        ("{sku}_{size}", "pattern_field"),
        ("{sku:02}", "pattern_field"),
        ("{title}", "pattern_without_sku"),
        ("{sku}_{sku}", "pattern_without_sku"),
        ("{sku}_{position}_{position}", "pattern_twice"),
        ("{sku}{position}", "pattern_side_by_side"),
    ],
)
def test_a_pattern_that_would_guess_is_refused(pattern: str, code: str) -> None:
    with pytest.raises(ValueError, match="pattern") as raised:
        ProductPattern.of(pattern)
    assert raised.value.args[0].code == code


@given(st.text("ab_-1", min_size=1, max_size=8), st.integers(1, 9999))
def test_what_a_name_was_built_of_is_read_from_it(sku: str, position: int) -> None:
    product = ProductPattern.of("{sku}__x__{position}").product_of(f"{sku}__x__{position}.jpg")

    assert product is not None
    assert (product.sku, product.position) == (sku, position)


def test_the_list_comes_before_the_pattern_and_the_pattern_before_the_folder() -> None:
    listed = product_list(b"file;sku\nf/A_1.jpg;L\n")
    pattern = ProductPattern.of("{sku}_{position}")

    found = shown_products(["f/A_1.jpg", "f/B_7.jpg", "f/other.jpg", "loose.jpg"], listed, pattern, by_folder=True)

    assert {each.photo: each.sku for each in found.products} == {
        "f/A_1.jpg": "L",
        "f/B_7.jpg": "B",
        "f/other.jpg": "f",
    }
    assert list(found.faults) == ["loose.jpg: nobody said which product it shows"]


def test_a_row_without_its_photo_and_a_photo_without_its_row_are_told() -> None:
    found = shown_products(["b.jpg"], product_list(b"file;sku\na.jpg;L\n"))

    assert codes(found.faults) == ["product_file_missing", "product_unknown"]


def test_a_photo_from_a_mac_is_found_in_a_list_from_windows() -> None:
    photo = unicodedata.normalize("NFD", "Größe.JPG")

    found = shown_products([photo], product_list("file;sku\ngröße.jpg;42\n".encode("cp1252")))

    assert found.faults == ()
    assert found.products == (ShownProduct(photo, "42", 1),)


def test_pictures_of_a_product_are_in_order_and_those_without_a_place_come_last() -> None:
    listed = product_list(b"file;sku;position;title\nz.jpg;A;1;\ny.jpg;A;5;Shoe\np10.jpg;A;;\np2.jpg;A;;\n")

    found = shown_products(["p10.jpg", "p2.jpg", "y.jpg", "z.jpg"], listed)

    assert [(each.photo, each.position, each.title) for each in found.products] == [
        ("z.jpg", 1, "Shoe"),
        ("y.jpg", 5, "Shoe"),
        ("p2.jpg", 6, "Shoe"),
        ("p10.jpg", 7, "Shoe"),
    ]


@pytest.mark.parametrize("column", ["handle", "asin"])
def test_what_shops_call_a_product_holds_for_all_its_pictures_unless_rows_differ(column: str) -> None:
    listed = product_list(f"file;sku;{column}\na.jpg;A;x1\nb.jpg;A;\nc.jpg;B;y1\nd.jpg;B;y2\n".encode())

    found = shown_products(["a.jpg", "b.jpg", "c.jpg", "d.jpg"], listed)

    assert [getattr(each, column) for each in found.products] == ["x1", "x1", "", ""]
    assert list(found.faults) == [f"B has two codes in the column {column}, y1 and y2, so neither counts."]


@pytest.mark.parametrize("handle", ["two words", "a--/b", "=x", "-a", "a-"])
def test_a_handle_that_no_shop_has_is_told(handle: str) -> None:
    found = product_list(f"file;sku;handle\na.jpg;A;{handle}\n".encode())

    assert (found.products, codes(found.faults)) == ((), ["products_row"])
    assert "may have only letters, digits, and dashes between them" in found.faults[0]


def test_two_pictures_at_one_place_are_told_and_neither_has_it() -> None:
    pattern = ProductPattern.of("{sku}_{position}")

    found = shown_products(["A_1.jpg", "A_01.png", "A_2.jpg"], pattern=pattern)

    assert codes(found.faults) == ["product_position_twice"]
    assert [each.photo for each in found.products] == ["A_2.jpg"]
