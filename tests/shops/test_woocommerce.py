"""WooCommerce: each picture once, a gallery that nobody loses, and what WordPress answers in place of a yes."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.errors import FreistellerError
from daemon.shops.http_door import DoorLimits
from daemon.shops.remote_names import holds_name
from daemon.shops.shop_contract import LoginExpired, ProductUnknown, RemotePicture, ShopAway, ShopRefused
from daemon.shops.woocommerce import WooCommerceLogin, WooCommerceShop
from tests.shops.pictures_to_send import picture_to_send
from tests.shops.shop_server import Told
from tests.shops.woocommerce_double import KEY, MEDIA, PASSWORD, SECRET, USER, WooCommerceDouble

QUICK = DoorLimits(connect_seconds=5, silent_seconds=5, answer_seconds=20)
CRITICAL = Told.of_json(500, {"code": "internal_server_error", "message": "<p>There has been a critical error</p>"})


@pytest.fixture
def double() -> Iterator[WooCommerceDouble]:
    with WooCommerceDouble() as running:
        yield running


def opened(double: WooCommerceDouble, **login: str) -> WooCommerceShop:
    whole = {"user": USER, "password": PASSWORD, "key": KEY, "secret": SECRET, **login}
    return WooCommerceShop("studio", WooCommerceLogin(double.url, **whole), QUICK)


@pytest.fixture
def shop(double: WooCommerceDouble) -> WooCommerceShop:
    return opened(double)


def test_a_picture_goes_into_the_library_as_it_is(
    double: WooCommerceDouble, shop: WooCommerceShop, tmp_path: Path
) -> None:
    picture = picture_to_send(tmp_path)

    sent = shop.upload(picture)

    (media,) = double.media.values()
    assert (media.file, media.content, media.mime, media.alt) == (
        picture.name,
        picture.path.read_bytes(),
        "image/jpeg",
        "A blue shoe",
    )
    assert sent == RemotePicture(str(media.id), picture.name)


def test_a_library_that_ignores_the_alt_text_of_an_upload_is_told_again(
    double: WooCommerceDouble, shop: WooCommerceShop, tmp_path: Path
) -> None:
    double.reads_query = False

    shop.upload(picture_to_send(tmp_path))

    assert [media.alt for media in double.media.values()] == ["A blue shoe"]


def test_an_upload_whose_answer_is_lost_is_found(
    double: WooCommerceDouble, shop: WooCommerceShop, tmp_path: Path
) -> None:
    picture = picture_to_send(tmp_path)
    double.cut_after("POST", MEDIA)
    with pytest.raises(ShopAway):
        shop.upload(picture)

    found = shop.uploaded(picture)

    (media,) = double.media.values()
    assert found == RemotePicture(str(media.id), picture.name)
    assert media.alt == "A blue shoe"


def test_an_upload_that_ends_in_a_critical_error_is_found(
    double: WooCommerceDouble, shop: WooCommerceShop, tmp_path: Path
) -> None:
    """WordPress keeps the file before it makes its sizes, which is where it runs out of memory."""
    picture = picture_to_send(tmp_path)
    double.after("POST", MEDIA, CRITICAL)
    with pytest.raises(ShopAway):
        shop.upload(picture)

    assert shop.uploaded(picture) is not None


def test_a_file_with_what_wordpress_adds_to_names_is_ours(
    double: WooCommerceDouble, shop: WooCommerceShop, tmp_path: Path
) -> None:
    picture = picture_to_send(tmp_path)
    double.scaled = True
    shop.upload(picture)
    shop.upload(picture)

    found = shop.uploaded(picture)

    assert [media.file for media in double.media.values()] == [picture.name, picture.name.replace(".jpg", "-1.jpg")]
    assert found is not None
    assert found.id == str(min(double.media))
    assert found.name.endswith("-scaled.jpg")
    assert holds_name(found.name, picture.name)


def test_a_file_that_only_contains_the_name_is_not_ours(
    double: WooCommerceDouble, shop: WooCommerceShop, tmp_path: Path
) -> None:
    picture = picture_to_send(tmp_path)
    double.add_media(f"blue-{picture.name}")

    assert shop.uploaded(picture) is None


def test_a_picture_of_another_content_is_not_ours(
    double: WooCommerceDouble, shop: WooCommerceShop, tmp_path: Path
) -> None:
    shop.upload(picture_to_send(tmp_path, b"the first"))

    assert shop.uploaded(picture_to_send(tmp_path, b"the corrected")) is None


def test_a_picture_is_attached_without_losing_others(
    double: WooCommerceDouble, shop: WooCommerceShop, tmp_path: Path
) -> None:
    theirs = [double.add_media("front.jpg"), double.add_media("back.jpg")]
    id = double.add_product("shoe-12", *theirs)
    ours = shop.upload(picture_to_send(tmp_path, place=2))

    shop.attach(shop.product("shoe-12"), ours.id, 2)

    assert double.products[id].images == [theirs[0], int(ours.id), theirs[1]]
    assert len(double.media) == 3  # with `src`, the two others would be there twice


def test_a_gallery_that_changed_since_it_was_read_keeps_the_change(
    double: WooCommerceDouble, shop: WooCommerceShop, tmp_path: Path
) -> None:
    id = double.add_product("shoe-12")
    product, ours = shop.product("shoe-12"), shop.upload(picture_to_send(tmp_path))
    added = double.add_media("by-a-person.jpg")
    double.products[id].images.append(added)

    shop.attach(product, ours.id, 1)

    assert double.products[id].images == [int(ours.id), added]


def test_a_picture_that_stands_in_its_place_is_not_written_again(
    double: WooCommerceDouble, shop: WooCommerceShop, tmp_path: Path
) -> None:
    double.add_product("shoe-12")
    ours = shop.upload(picture_to_send(tmp_path))
    double.cut_after("PUT", "/products")
    with pytest.raises(ShopAway):
        shop.attach(shop.product("shoe-12"), ours.id, 1)

    shop.attach(shop.product("shoe-12"), ours.id, 1)

    assert len(double.asked_for("PUT")) == 1


def test_a_shop_that_does_not_show_what_it_was_told_is_not_believed(
    double: WooCommerceDouble, shop: WooCommerceShop, tmp_path: Path
) -> None:
    id = double.add_product("shoe-12")
    ours = shop.upload(picture_to_send(tmp_path))
    double.instead("PUT", "/products", Told.of_json(200, {"id": id, "images": []}))

    with pytest.raises(ShopRefused, match="shows 0"):
        shop.attach(shop.product("shoe-12"), ours.id, 1)


def test_a_corrected_picture_takes_the_place_of_the_earlier_one(
    double: WooCommerceDouble, shop: WooCommerceShop, tmp_path: Path
) -> None:
    theirs = double.add_media("theirs.jpg")
    id = double.add_product("shoe-12", theirs)
    earlier = shop.upload(picture_to_send(tmp_path, b"the first"))
    shop.attach(shop.product("shoe-12"), earlier.id, 1)

    new = shop.replace(shop.product("shoe-12"), earlier.id, picture_to_send(tmp_path, b"the corrected"))

    assert double.products[id].images == [int(new.id), theirs]
    assert int(earlier.id) in double.media  # a duplicated product may show it, and nobody can be asked


@pytest.mark.parametrize(("method", "path"), [("POST", MEDIA), ("PUT", "/products")])
def test_a_replacement_whose_answer_is_lost_makes_no_second_picture(
    double: WooCommerceDouble, tmp_path: Path, method: str, path: str
) -> None:
    shop = opened(double)
    id = double.add_product("shoe-12")
    earlier = shop.upload(picture_to_send(tmp_path, b"the first"))
    shop.attach(shop.product("shoe-12"), earlier.id, 1)
    corrected = picture_to_send(tmp_path, b"the corrected")
    double.cut_after(method, path)
    with pytest.raises(ShopAway):
        shop.replace(shop.product("shoe-12"), earlier.id, corrected)

    new = shop.replace(shop.product("shoe-12"), earlier.id, corrected)

    assert double.products[id].images == [int(new.id)]
    assert set(double.media) == {int(earlier.id), int(new.id)}


def test_a_variation_shows_its_own_picture(double: WooCommerceDouble, shop: WooCommerceShop, tmp_path: Path) -> None:
    main = double.add_media("main.jpg")
    parent = double.add_product("shoe", main, type="variable")
    id = double.add_product("shoe-12", type="variation", parent=parent)
    ours = shop.upload(picture_to_send(tmp_path))

    shop.attach(shop.product("shoe-12"), ours.id, 1)

    assert double.products[id].images == [int(ours.id)]
    assert double.products[parent].images == [main]


def test_a_variation_loses_no_picture_of_somebody(
    double: WooCommerceDouble, shop: WooCommerceShop, tmp_path: Path
) -> None:
    parent = double.add_product("shoe", type="variable")
    theirs = double.add_media("theirs.jpg")
    id = double.add_product("shoe-12", theirs, type="variation", parent=parent)
    ours = shop.upload(picture_to_send(tmp_path))

    with pytest.raises(ShopRefused, match="one picture only"):
        shop.attach(shop.product("shoe-12"), ours.id, 1)

    assert double.products[id].images == [theirs]


@pytest.mark.parametrize("sku", ["shoe-12", "shoe-12,shoe-13", "SHOE-13"])
def test_a_product_is_never_guessed(double: WooCommerceDouble, shop: WooCommerceShop, sku: str) -> None:
    double.add_product("shoe-13")

    with pytest.raises(ProductUnknown, match="no product with the SKU"):
        shop.product(sku)


def test_two_products_of_one_sku_are_told(double: WooCommerceDouble, shop: WooCommerceShop) -> None:
    double.add_product("shoe-12")
    double.add_product("shoe-12")

    with pytest.raises(ProductUnknown, match="2 products"):
        shop.product("shoe-12")


def test_a_product_tells_its_pictures_in_order(double: WooCommerceDouble, shop: WooCommerceShop) -> None:
    first, second = double.add_media("front.jpg"), double.add_media("back.jpg")
    double.add_product("shoe-12", second, first)

    pictures = shop.product("shoe-12").pictures

    assert pictures == (RemotePicture(str(second), "back.jpg"), RemotePicture(str(first), "front.jpg"))


def test_a_file_too_large_for_the_server_is_refused_with_a_remedy(
    double: WooCommerceDouble, shop: WooCommerceShop, tmp_path: Path
) -> None:
    double.most_bytes = 5

    with pytest.raises(ShopRefused, match="client_max_body_size"):
        shop.upload(picture_to_send(tmp_path))


def test_a_kind_of_file_that_wordpress_does_not_take_is_refused(
    double: WooCommerceDouble, shop: WooCommerceShop, tmp_path: Path
) -> None:
    """It says so with 500, which else means that it is away."""
    picture = picture_to_send(tmp_path)
    told = {"code": "rest_upload_sideload_error", "message": "Sorry, you are not allowed to upload this file type."}
    double.instead("POST", MEDIA, Told.of_json(500, told))

    with pytest.raises(ShopRefused, match="not allowed to upload this file type"):
        shop.upload(picture)


@pytest.mark.parametrize(
    "told",
    [
        Told.page(200, "Please log in"),
        Told.page(403, "Blocked by a firewall"),
        Told.page(503, "Maintenance"),
        Told.page(508, "Resource limit is reached"),
        Told.of_json(429, {}, Retry_After="30"),
        CRITICAL,
    ],
)
def test_what_is_in_the_way_for_now_postpones(
    double: WooCommerceDouble, shop: WooCommerceShop, tmp_path: Path, told: Told
) -> None:
    picture = picture_to_send(tmp_path)
    for method in ("GET", "POST"):
        double.instead(method, MEDIA, told)

    for ask in (shop.uploaded, shop.upload):
        with pytest.raises(ShopAway):
            ask(picture)


def test_a_shop_that_says_how_long_is_left_alone_for_that(double: WooCommerceDouble, shop: WooCommerceShop) -> None:
    double.instead("GET", "/products", Told.of_json(429, {}, Retry_After="30"))

    with pytest.raises(ShopAway) as caught:
        shop.product("shoe-12")

    assert caught.value.retry_after_seconds == 30


def test_a_shop_that_is_gone_is_away(double: WooCommerceDouble, shop: WooCommerceShop) -> None:
    double.die()

    with pytest.raises(ShopAway):
        shop.product("shoe-12")


def test_a_picture_that_was_deleted_there_is_told(
    double: WooCommerceDouble, shop: WooCommerceShop, tmp_path: Path
) -> None:
    ours = shop.upload(picture_to_send(tmp_path))
    assert shop.tell("shoe-12", ours.id) == ours

    del double.media[int(ours.id)]

    assert shop.tell("shoe-12", ours.id) is None


def test_one_password_is_enough(double: WooCommerceDouble, tmp_path: Path) -> None:
    double.add_product("shoe-12")
    shop = opened(double, key="", secret="")
    ours = shop.upload(picture_to_send(tmp_path))

    shop.attach(shop.product("shoe-12"), ours.id, 1)

    assert shop.product("shoe-12").pictures == (ours,)


def test_the_secrets_are_in_no_error_and_no_log(
    double: WooCommerceDouble, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    secrets = ("app-p4ssw0rd", "ck_s3cret", "cs_s3cret")
    login = WooCommerceLogin(double.url, USER, *secrets)
    shop = WooCommerceShop("studio", login, limits=QUICK)
    told = [repr(shop), repr(login)]
    double.instead("POST", MEDIA, Told.of_json(400, {"code": "x", "message": f"bad {secrets[0]}"}))

    for ask in (lambda: shop.upload(picture_to_send(tmp_path)), lambda: shop.product("shoe-12")):
        with pytest.raises(FreistellerError) as caught:
            ask()
        told += [str(caught.value), repr(caught.value), repr(caught.value.__cause__)]

    assert isinstance(caught.value, LoginExpired)
    assert not [secret for secret in secrets if secret in f"{told} {caplog.text}"]
