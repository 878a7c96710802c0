"""Lists for shops are read as the shop would read them, and have no product that is not clear."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.errors import Said
from daemon.exports.addresses import address
from daemon.exports.exported_picture import ExportedPicture
from daemon.exports.listed_products import ListedPictures, ShopList, chosen_rendition, listed_products
from daemon.exports.shop_lists import google_list, shopify_list, woocommerce_list
from daemon.jobs import Grade
from daemon.words.catalogue import words_in

BASE = "https://pictures.example/{order}"


def picture(sku: str = "A", position: int = 1, title: str = "", rendition: str = "shop") -> ExportedPicture:
    name = f"{rendition}/{sku} {position}.jpg"
    return ExportedPicture(
        Path(name), name, f"{sku}-{position}.png", sku, title, position, rendition, "", Grade.GUT, (9, 9), 9, "ab" * 32
    )


def product(sku: str, *titles: str, handle: str = "") -> ListedPictures:
    """A product with a picture for each title."""
    pictures = [picture(sku, at, title) for at, title in enumerate(titles, 1)]
    pairs = tuple((each, address(BASE, "o", each.name, each.sha256)) for each in pictures)
    return ListedPictures(sku, titles[0], handle, pairs)


def rows(found: ShopList, delimiter: str = ",") -> list[dict[str, str]]:
    assert found.content is not None
    text = found.content.decode("utf-8")
    assert not text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))


def told(found: ShopList) -> list[str]:
    return [each.why.code for each in found.left_out if isinstance(each.why, Said)]


def test_shopify_gets_a_row_for_each_picture_and_the_title_once() -> None:
    found = rows(shopify_list([product("Ä 1", "Größe, rot", "Größe, rot"), product("b", "Hut", handle="der-hut")]))

    url = "https://pictures.example/o/shop/%C3%84%201%20{}.jpg?v=abababab"
    assert found == [
        {"URL handle": "ae-1", "Title": "Größe, rot", "Product image URL": url.format(1), "Image position": "1", "Image alt text": "Größe, rot"},  # noqa: E501
        {"URL handle": "ae-1", "Title": "", "Product image URL": url.format(2), "Image position": "2", "Image alt text": "Größe, rot"},  # noqa: E501
        {"URL handle": "der-hut", "Title": "Hut", "Product image URL": "https://pictures.example/o/shop/b%201.jpg?v=abababab", "Image position": "1", "Image alt text": "Hut"},  # noqa: E501
    ]  # fmt: skip


def test_a_product_without_a_title_is_not_in_shopifys_list() -> None:
    """Shopify refuses a list without titles, and an empty one would empty its own."""
    found = shopify_list([product("a", "Hut", handle="a"), product("b", "", handle="b")])

    assert [row["URL handle"] for row in rows(found)] == ["a"]
    assert told(found) == ["list_needs_title"]


def test_several_skus_of_one_handle_are_variants_of_one_product() -> None:
    found = shopify_list([product("red", "Hut", "Hut", handle="hut"), product("blue", "Hut", handle="hut")])

    assert [(row["URL handle"], row["Image position"]) for row in rows(found)] == [
        ("hut", "1"),
        ("hut", "2"),
        ("hut", "3"),
    ]
    assert [row["Title"] for row in rows(found)] == ["Hut", "", ""]


def test_a_handle_is_only_made_of_a_sku_if_no_other_product_has_it() -> None:
    found = shopify_list(
        [product("A 1", "x"), product("a-1", "y"), product("c", "z"), product("X", "z", handle="C"), product("靴", "s")]
    )

    assert [row["URL handle"] for row in rows(found)] == ["C"]
    assert told(found) == ["list_handle_unclear"] * 4


def test_google_gets_the_sku_as_it_is_and_the_further_pictures_in_one_cell() -> None:
    found = rows(google_list([product("0042", "a", "b", "c"), product("Ä,1", "d")]), "\t")

    first = "https://pictures.example/o/shop/0042%201.jpg?v=abababab"
    assert found[0]["id"] == "0042"
    assert found[0]["image_link"] == first
    assert found[0]["additional_image_link"].split(",") == [
        first.replace("%201", "%202"),
        first.replace("%201", "%203"),
    ]
    assert found[1] == {
        "id": "Ä,1",
        "image_link": "https://pictures.example/o/shop/%C3%84%2C1%201.jpg?v=abababab",
        "additional_image_link": "",
    }


def test_google_gets_no_column_that_nobody_needs() -> None:
    assert list(rows(google_list([product("a", "x")]), "\t")[0]) == ["id", "image_link"]


def test_google_gets_what_it_takes_and_the_rest_is_told() -> None:
    long = product("x" * 51, "a")
    far = replace(product("far", "a"), pictures=((picture("far"), "https://x.example/" + "a" * 2000),))

    found = google_list([long, far, product("many", *"abcdefghijklm")])

    assert told(found) == ["list_id_too_long", "list_address_too_long", "list_most_pictures"]
    (row,) = rows(found, "\t")
    assert len(row["additional_image_link"].split(",")) == 10


def test_woocommerce_gets_all_pictures_of_a_product_in_one_cell() -> None:
    assert rows(woocommerce_list([product("Ä,1", "a", "b")])) == [
        {
            "SKU": "Ä,1",
            "Images": "https://pictures.example/o/shop/%C3%84%2C1%201.jpg?v=abababab, "
            "https://pictures.example/o/shop/%C3%84%2C1%202.jpg?v=abababab",
        }
    ]


@pytest.mark.parametrize("odd", ['=HYPERLINK("http://x")', "+1", "-1", "@x"])
def test_no_list_has_a_cell_that_a_spreadsheet_would_run(odd: str) -> None:
    by_sku, by_title = product(odd, "x"), product("a", "x", odd)

    assert told(google_list([by_sku])) == ["list_formula"]
    assert told(shopify_list([by_title])) == ["list_formula"]
    assert rows(woocommerce_list([by_sku]))[0]["SKU"] == f"'{odd}"  # WooCommerce takes the apostrophe away again


@pytest.mark.parametrize("write", [shopify_list, google_list, woocommerce_list])
def test_a_list_without_products_is_left_out(write: object) -> None:
    assert callable(write)
    found = write([])
    assert (found.content, found.why.code) == (None, "list_empty")


@given(st.text(min_size=1, max_size=30).filter(str.isprintable), st.text("0123456789abcdef", min_size=64, max_size=64))
def test_an_address_is_ascii_and_leads_to_the_file(name: str, sha256: str) -> None:
    url = address("https://pictures.example/{order}/", "Größe 1/?#", f"a/{name}", sha256)

    assert url.isascii()
    assert not set(url) & set(' "<>\\^`{|},')
    assert unquote(urlsplit(url).path) == f"/Größe 1/?#/a/{name}"
    assert urlsplit(url).query == f"v={sha256[:8]}"


MADE = {"shop": "", "ebay": "ebay", "one": "shopify", "two": "shopify", "google": ""}


@pytest.mark.parametrize(
    ("asked", "name", "preset", "made", "chosen"),
    [
        ("ebay", "shopify", "shopify", MADE, "ebay"),
        ("", "google", "google-merchant", MADE, "google"),
        ("", "shopify", "shopify", {"one": "shopify", "ebay": "ebay"}, "one"),
        ("", "woocommerce", "", MADE, None),
        ("", "shopify", "shopify", MADE, "list_several_renditions"),
        ("nothing", "shopify", "shopify", MADE, "list_unknown_rendition"),
    ],
)
def test_a_list_has_the_rendition_that_is_named_else_the_only_one_for_its_shop(
    asked: str, name: str, preset: str, made: Mapping[str, str], chosen: str | None
) -> None:
    found = chosen_rendition("x.csv", asked, name, preset, made)

    assert (found.code if isinstance(found, Said) else found) == chosen


def test_a_product_whose_first_picture_is_missing_is_in_no_list() -> None:
    """Its second picture would become the main one."""
    pictures: Sequence[ExportedPicture] = [
        picture("A", 1), picture("A", 3), picture("B", 2), picture("A", 2, rendition="x"), picture("", 0),
    ]  # fmt: skip
    urls = {each.name: "https://x" for each in pictures}

    listed, left_out = listed_products(pictures, "shop", urls, {"A": 1, "B": 1}, {"A": "a-handle"})

    assert [(each.sku, each.handle, [one.position for one, _ in each.pictures]) for each in listed] == [
        ("A", "a-handle", [1, 3])
    ]
    (why,) = (each.reason(words_in("en")) for each in left_out)
    assert why.startswith("B is not in the list of this shop: its first picture is missing")
