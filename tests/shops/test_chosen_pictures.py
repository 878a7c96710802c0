"""Which pictures of an order go to a shop."""

from pathlib import Path

import pytest

from daemon.exports.exported_picture import ExportedPicture
from daemon.jobs import Grade
from daemon.shops.chosen_pictures import WantedPictures, chosen_pictures

SHOP = WantedPictures("shopify")


def exported(photo: str = "shoe.jpg", sku: str = "shoe", position: int = 1, **more: object) -> ExportedPicture:
    stem = photo.partition(".")[0]
    values: dict[str, object] = {
        "path": Path(f"gut/{stem}_for-shopify.jpg"), "name": f"shopify/{stem}.jpg", "photo": photo, "sku": sku,
        "title": "A shoe", "position": position, "rendition": "shopify", "variant": "", "grade": Grade.GUT,
        "size": (2000, 2000), "bytes": 5, "sha256": "1a2b3c4d" * 8,
    }  # fmt: skip
    return ExportedPicture(**{**values, **more})  # type: ignore[arg-type]


def test_a_picture_goes_by_its_product_place_and_content() -> None:
    (picture,) = chosen_pictures([exported()], SHOP).pictures

    assert (picture.name, picture.sku, picture.place) == ("shoe-main-1a2b3c4d.jpg", "shoe", 1)
    assert (picture.media_type, picture.alt, picture.bytes) == ("image/jpeg", "A shoe", 5)


def test_other_renditions_and_variants_are_not_for_this_shop() -> None:
    others = [exported(rendition="ebay"), exported(variant="grey")]

    assert chosen_pictures(others, SHOP).pictures == ()
    assert chosen_pictures(others, SHOP).left_out == ()


def test_the_main_picture_may_be_another_rendition() -> None:
    wanted = WantedPictures("amazon-pt", main="amazon-main")
    both = [
        exported("a.jpg", position=position, rendition=rendition)
        for position in (1, 2)
        for rendition in ("amazon-pt", "amazon-main")
    ]

    chosen = chosen_pictures(both, wanted)

    assert [picture.place for picture in chosen.pictures] == [1, 2]
    assert chosen.left_out == ()


def test_a_main_picture_that_was_not_made_is_not_filled_by_another_rendition() -> None:
    wanted = WantedPictures("amazon-pt", main="amazon-main")

    assert chosen_pictures([exported(rendition="amazon-pt")], wanted).pictures == ()


def test_two_pictures_that_want_one_place_are_both_listed() -> None:
    chosen = chosen_pictures([exported("a.jpg"), exported("b.jpg"), exported("c.jpg", position=2)], SHOP)

    assert [picture.place for picture in chosen.pictures] == [2]
    assert [(each.photo, each.why) for each in chosen.left_out] == [
        ("a.jpg", "b.jpg also wants the place main of shoe: give each its own position"),
        ("b.jpg", "a.jpg also wants the place main of shoe: give each its own position"),
    ]


@pytest.mark.parametrize(
    ("picture", "why"),
    [
        (exported(sku=""), "it has no SKU"),
        (exported(position=0), "its position is 0; possible are 1 to 250"),
        (exported(position=251), "its position is 251; possible are 1 to 250"),
        (exported(path=Path("a.psd")), "shops take no files of this kind"),
    ],
)
def test_what_cannot_be_sent_says_why(picture: ExportedPicture, why: str) -> None:
    chosen = chosen_pictures([picture], SHOP)

    assert chosen.pictures == ()
    assert [each.why for each in chosen.left_out] == [why]
