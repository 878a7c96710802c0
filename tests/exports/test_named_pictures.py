"""Each picture of an export gets a place of its own by its template, or is told as left out."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.disk.names import name_key
from daemon.exports.exported_picture import ExportedPicture
from daemon.exports.kept_pictures import KeptPicture
from daemon.exports.left_out import NotExported
from daemon.exports.named_pictures import named_pictures
from daemon.exports.order_photos import OrderPhoto
from daemon.exports.products import ShownProduct
from daemon.exports.told_pictures import ToldPicture
from daemon.jobs import Grade
from daemon.renditions.named_renditions import rendition_of
from daemon.renditions.wanted import Canvas, Rendition
from daemon.words.catalogue import words_in

PLAIN = Rendition("web", "", Canvas(1.0, 300), folder="web")
MAIN, FURTHER = rendition_of("amazon-main"), rendition_of("amazon-pt")


def picture(photo: str, rendition: Rendition = PLAIN, page_suffix: str = "") -> KeptPicture:
    told = ToldPicture(
        rendition.name, "", rendition.preset, page_suffix, f"gut/o/{photo}.jpg", "ab", "jpeg", (300, 300), 9, ()
    )
    order_photo = OrderPhoto(photo, Path("inbox/o", photo), Grade.GUT, (), "", None)
    return KeptPicture(order_photo, Grade.GUT, told, rendition)


def products(*shown: tuple[str, str, int]) -> Mapping[str, ShownProduct]:
    return {name_key(photo): ShownProduct(photo, sku, position) for photo, sku, position in shown}


def named(*pictures: KeptPicture, by: Mapping[str, ShownProduct] | None = None) -> tuple[list[str], list[str]]:
    """The places, and for each picture that has none the reason."""
    found, left_out = named_pictures(Path("/hot"), "kunde", pictures, by or {}, ("manifest.json", "contact-sheets"))
    return [each.name for each in found], [told(each) for each in left_out]


def told(left_out: NotExported) -> str:
    return f"{left_out.photo} ({left_out.rendition}): {left_out.reason(words_in('en'))}"


def test_a_picture_lies_in_the_folder_of_its_rendition_under_its_template() -> None:
    assert named(picture("Größe 1.jpg")) == (["web/Groesse 1.jpg"], [])


def test_two_photos_of_one_name_in_two_folders_stay_apart() -> None:
    assert named(picture("rot/1.jpg"), picture("blau/1.jpg"))[0] == ["web/blau/1.jpg", "web/rot/1.jpg"]


def test_names_for_amazon_lie_in_one_flat_folder() -> None:
    by = products(("rot/1.jpg", "B0C1ABCDEF", 1), ("rot/2.jpg", "B0C1ABCDEF", 2))

    names, left_out = named(*(picture(f"rot/{n}.jpg", each) for n in (1, 2) for each in (MAIN, FURTHER)), by=by)

    assert names == ["amazon/B0C1ABCDEF.MAIN.jpg", "amazon/B0C1ABCDEF.PT01.jpg"]
    assert left_out == []  # the first picture is no further one, and the second one no main one: nobody asked for that


def test_names_for_amazon_take_the_asin_of_the_list_and_all_others_the_sku() -> None:
    by = {"a.jpg": ShownProduct("a.jpg", "MY-1", 1, asin="B0C1ABCDEF")}
    by_sku = replace(PLAIN, template="{sku}")

    assert named(picture("a.jpg", MAIN), picture("a.jpg", by_sku), by=by) == (
        ["amazon/B0C1ABCDEF.MAIN.jpg", "web/MY-1.jpg"],
        [],
    )


@pytest.mark.parametrize(
    ("sku", "reason"),
    [
        ("4006381333932", "is no GTIN: its last digit is 2"),
        ("40063813339", "is no ASIN: an ASIN has 10 characters, and this one has 11"),
        ("A-1", 'it has "-", and only letters, digits and full stops are allowed'),
        ("6.29E", "it must be an ASIN"),
    ],
)
def test_a_name_that_amazon_does_not_take_is_told_and_never_put_right(sku: str, reason: str) -> None:
    names, (left_out,) = named(picture("a.jpg", MAIN), by=products(("a.jpg", sku, 1)))

    assert names == []
    assert reason in left_out
    assert left_out.startswith("a.jpg (amazon-main): ")


def test_a_name_that_needs_a_product_is_told_for_a_photo_without_one() -> None:
    by_product = replace(PLAIN, template="{sku}_{n:02}")

    assert named(picture("a.jpg", by_product))[1] == [
        'a.jpg (web): The name "{sku}_{n:02}" cannot be made: {sku} is not known for this photo.'
    ]
    assert named(picture("a.jpg", MAIN))[1] == ["a.jpg (amazon-main): nobody said which product it shows"]


def test_of_two_pictures_with_one_name_neither_is_exported_and_both_are_told() -> None:
    other = replace(PLAIN, name="other")
    upper = replace(PLAIN, name="upper", template="{stem}", folder="WEB")

    names, left_out = named(picture("a.jpg"), picture("a.jpg", other), picture("b.jpg"), picture("B.png", upper))

    assert names == []
    assert left_out == [
        "a.jpg (web): a.jpg (web) and a.jpg (other) would both become web/a.jpg, so neither is exported.",
        "a.jpg (other): a.jpg (other) and a.jpg (web) would both become web/a.jpg, so neither is exported.",
        "b.jpg (web): b.jpg (web) and B.png (upper) would both become web/b.jpg, so neither is exported.",
        "B.png (upper): B.png (upper) and b.jpg (web) would both become WEB/B.jpg, so neither is exported.",
    ]


@pytest.mark.parametrize("folder", ["manifest.json", "Contact-Sheets/x", "web/a.jpg"])
def test_a_folder_that_would_lie_upon_another_file_is_told(folder: str) -> None:
    names, left_out = named(picture("a.jpg"), picture("b.jpg", replace(PLAIN, name="odd", folder=folder)))

    assert len(names) == 1
    assert "is that of a folder, or of a list, of the export" in left_out[0]


def test_pages_of_one_file_stay_apart_by_their_numbers() -> None:
    assert named(picture("a.tif", page_suffix="-p1"), picture("a.tif", page_suffix="-p2"))[0] == [
        "web/a-p1.jpg",
        "web/a-p2.jpg",
    ]


def test_all_of_a_template_can_be_filled() -> None:
    whole = replace(PLAIN, template="{order}-{grade}-{sku}-{n:02}-{stem}", folder="")

    assert named(picture("a.jpg", whole), by=products(("a.jpg", "Ä 1/2", 3)))[0] == ["kunde-gut-Ae 1_2-03-a.jpg"]


def test_pictures_are_in_the_order_of_products_and_those_without_one_come_last() -> None:
    by = products(("x.jpg", "B", 2), ("y.jpg", "B", 1), ("z.jpg", "A", 1))

    found, _ = named_pictures(Path("/hot"), "o", [picture(f"{name}.jpg") for name in "nxyz"], by, ())

    assert [each.photo for each in found] == ["z.jpg", "y.jpg", "x.jpg", "n.jpg"]
    assert found[-1] == ExportedPicture(
        Path("/hot/gut/o/n.jpg.jpg"), "web/n.jpg", "n.jpg", "", "", 0, "web", "", Grade.GUT, (300, 300), 9, "ab"
    )
