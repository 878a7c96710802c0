"""The names of pictures in shops: product, place and content, found again whatever a shop adds."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.shops.remote_names import holds_name, holds_place, place_word, remote_name

SHA = "1a2b3c4d" + "0" * 56
OTHER = "ffffffff" + "0" * 56


def test_a_name_has_product_place_and_hash() -> None:
    assert remote_name("shoe-12", 1, SHA, ".JPG") == "shoe-12-main-1a2b3c4d.jpg"
    assert remote_name("shoe-12", 3, SHA, ".png") == "shoe-12-03-1a2b3c4d.png"
    assert [place_word(1), place_word(2), place_word(12)] == ["main", "02", "12"]


@given(st.text(min_size=1), st.text(min_size=1))
def test_two_skus_never_share_a_name(one: str, other: str) -> None:
    one_name, other_name = (remote_name(sku, 1, SHA, ".jpg") for sku in (one, other))

    assert one_name.isascii()
    assert "/" not in one_name
    assert (one_name == other_name) == (one == other)


@pytest.mark.parametrize(
    "sku", ["Schuh Größe 42", "SHOE-12", "a/b", "a b", "ä", "#", "x" * 300, "shoe_12", "../up", "-a-", "\udce4"]
)
def test_any_sku_becomes_a_plain_name_that_is_found_again(sku: str) -> None:
    name = remote_name(sku, 2, SHA, ".jpg")

    assert len(name) < 120
    assert holds_name(name, name)
    assert holds_place(name, sku, 2)


@pytest.mark.parametrize(
    "theirs",
    [
        "shoe-main-1a2b3c4d.jpg",
        "Shoe-Main-1A2B3C4D.jpeg",
        "https://cdn.shopify.com/s/files/1/files/shoe-main-1a2b3c4d_8b1f0c1e-02-4c3d.jpg?v=17",
        "shoe-main-1a2b3c4d-1.jpg",
        "shoe-main-1a2b3c4d-scaled.jpg",
        "shoe-main-1a2b3c4d",
    ],
)
def test_ours_is_known_with_what_shops_add(theirs: str) -> None:
    assert holds_name(theirs, remote_name("shoe", 1, SHA, ".jpg"))
    assert holds_place(theirs, "shoe", 1)


@pytest.mark.parametrize(
    "theirs",
    [
        "shoe-main-1a2b3c4e.jpg",
        "shoe-02-1a2b3c4d.jpg",
        "a-shoe-main-1a2b3c4d.jpg",
        "shoe-main-1a2b3c4d5.jpg",
        "shoe-main.jpg",
        "",
        "1a2b3c4d.jpg",
    ],
)
def test_another_picture_is_not_taken_for_ours(theirs: str) -> None:
    assert not holds_name(theirs, remote_name("shoe", 1, SHA, ".jpg"))


def test_an_earlier_picture_of_the_place_is_known_as_ours() -> None:
    earlier = remote_name("shoe", 1, OTHER, ".jpg")

    assert holds_place(earlier, "shoe", 1)
    assert not holds_place(earlier, "shoe", 2)
    assert not holds_place(earlier, "shoe-1", 1)
    assert not holds_place("front.jpg", "shoe", 1)
