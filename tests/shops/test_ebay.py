"""eBay: an item that loses nothing, tokens that end in the middle, and limits that are kept."""

import logging
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daemon.errors import FreistellerError
from daemon.shops.ebay import EbayLogin, EbayShop
from daemon.shops.http_door import DoorLimits
from daemon.shops.shop_contract import LoginExpired, Product, ProductUnknown, RemotePicture, ShopAway, ShopRefused
from tests.shops.ebay_double import CLIENT, CLIENT_SECRET, IMAGES, ITEMS, REFRESH, TOKENS, EbayDouble
from tests.shops.pictures_to_send import picture_to_send
from tests.shops.shop_server import Told

QUICK = DoorLimits(connect_seconds=5, silent_seconds=5, answer_seconds=20)
THEIRS = ("https://i.ebayimg.test/00/s/front.JPG", "https://i.ebayimg.test/00/s/back.JPG")


@pytest.fixture
def double() -> Iterator[EbayDouble]:
    with EbayDouble() as running:
        yield running


def opened(double: EbayDouble, notes: dict[str, str] | None = None, **login: str) -> EbayShop:
    """A shop whose time is the double's; waiting moves it."""

    def wait(seconds: float) -> None:
        double.clock += seconds

    whole = {"client": CLIENT, "secret": CLIENT_SECRET, "refresh_token": REFRESH, **login}
    ebay = EbayLogin(**whole, api=f"{double.url}/", media_api=f"{double.url}/")
    return EbayShop("ebay", ebay, QUICK, {} if notes is None else notes, lambda: double.clock, wait)


@pytest.fixture
def shop(double: EbayDouble) -> EbayShop:
    return opened(double)


def test_a_picture_is_sent_as_a_form(double: EbayDouble, shop: EbayShop, tmp_path: Path) -> None:
    picture = picture_to_send(tmp_path)

    sent = shop.upload(picture)

    (image,) = double.images.values()
    assert image.content == picture.path.read_bytes()
    assert sent == RemotePicture(image.url, picture.name)


def test_an_item_keeps_all_it_has(double: EbayDouble, shop: EbayShop, tmp_path: Path) -> None:
    """A PUT replaces the whole record, so title and stock would be lost with a picture alone."""
    double.add_item("shoe-12", *THEIRS, title="Schöner Schuh")
    before = {**double.items["shoe-12"], "product": {**double.items["shoe-12"]["product"]}}
    ours = shop.upload(picture_to_send(tmp_path))

    shop.attach(shop.product("shoe-12"), ours.id, 2)

    before["product"]["imageUrls"] = [THEIRS[0], ours.id, THEIRS[1]]
    assert double.items["shoe-12"] == before


def test_an_item_without_pictures_gets_one(double: EbayDouble, shop: EbayShop, tmp_path: Path) -> None:
    double.add_item("shoe-12")
    ours = shop.upload(picture_to_send(tmp_path))

    shop.attach(shop.product("shoe-12"), ours.id, 1)

    assert double.urls("shoe-12") == [ours.id]


def test_stock_that_was_sold_meanwhile_stays_sold(double: EbayDouble, shop: EbayShop, tmp_path: Path) -> None:
    double.add_item("shoe-12")
    product, ours = shop.product("shoe-12"), shop.upload(picture_to_send(tmp_path))
    double.items["shoe-12"]["availability"]["shipToLocationAvailability"]["quantity"] = 3

    shop.attach(product, ours.id, 1)

    assert double.items["shoe-12"]["availability"] == {"shipToLocationAvailability": {"quantity": 3}}


@pytest.mark.parametrize("locale", ["de_DE", "en_GB"])
def test_an_item_keeps_its_language(double: EbayDouble, shop: EbayShop, tmp_path: Path, locale: str) -> None:
    double.add_item("shoe-12", locale=locale)

    shop.attach(shop.product("shoe-12"), shop.upload(picture_to_send(tmp_path)).id, 1)

    assert double.locales["shoe-12"] == locale


def test_a_token_that_ends_in_the_middle_is_had_anew(double: EbayDouble, shop: EbayShop, tmp_path: Path) -> None:
    double.add_item("shoe-12")
    ours = shop.upload(picture_to_send(tmp_path))
    double.expire_tokens()

    shop.attach(shop.product("shoe-12"), ours.id, 1)

    assert double.urls("shoe-12") == [ours.id]
    assert len(double.asked_for("POST", TOKENS)) == 2


def test_a_token_is_had_anew_before_it_ends(double: EbayDouble, shop: EbayShop) -> None:
    double.add_item("shoe-12")
    shop.product("shoe-12")
    double.clock += 7200 - 30

    shop.product("shoe-12")

    assert [each.method for each in double.asked] == ["POST", "GET", "POST", "GET"]


@pytest.mark.parametrize("wrong", [{"refresh_token": "v^1.1#old"}, {"secret": "cert-old"}])
def test_a_login_that_ended_is_asked_for_once(double: EbayDouble, wrong: dict[str, str]) -> None:
    with pytest.raises(LoginExpired, match="not accepted"):
        opened(double, None, **wrong).product("shoe-12")

    assert len(double.asked) == 1


def test_a_hundred_uploads_keep_below_the_limit(double: EbayDouble, shop: EbayShop, tmp_path: Path) -> None:
    picture = picture_to_send(tmp_path)

    for _ in range(100):
        shop.upload(picture)

    assert len(double.images) == 100
    assert double.clock == 5.0


def test_a_shop_that_wants_fewer_requests_is_left_alone(double: EbayDouble, shop: EbayShop, tmp_path: Path) -> None:
    """Another program of the same seller may have used the limit up."""
    double.posts_in_5_s = 0

    with pytest.raises(ShopAway) as caught:
        shop.upload(picture_to_send(tmp_path))

    assert caught.value.retry_after_seconds == 5


def test_a_shop_whose_revisions_are_used_up_is_asked_later(double: EbayDouble, shop: EbayShop, tmp_path: Path) -> None:
    double.add_item("shoe-12", *THEIRS)
    double.revisions_a_day = 0

    with pytest.raises(ShopAway, match="today") as caught:
        shop.attach(shop.product("shoe-12"), shop.upload(picture_to_send(tmp_path)).id, 1)

    assert caught.value.retry_after_seconds == 3600
    assert double.urls("shoe-12") == list(THEIRS)


def test_a_picture_that_stands_in_its_place_costs_no_revision(
    double: EbayDouble, shop: EbayShop, tmp_path: Path
) -> None:
    double.add_item("shoe-12", *THEIRS)
    ours = shop.upload(picture_to_send(tmp_path))
    double.cut_after("PUT", ITEMS)
    with pytest.raises(ShopAway):
        shop.attach(shop.product("shoe-12"), ours.id, 1)

    shop.attach(shop.product("shoe-12"), ours.id, 1)

    assert double.urls("shoe-12") == [ours.id, *THEIRS]
    assert double.revisions["shoe-12"] == 1


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("cut", ["POST", "PUT"])
def test_a_replacement_whose_answer_is_lost_makes_no_second_picture(
    double: EbayDouble, tmp_path: Path, cut: str, restart: bool
) -> None:
    notes: dict[str, str] = {}
    shop = opened(double, notes)
    double.add_item("shoe-12", THEIRS[0])
    earlier = shop.upload(picture_to_send(tmp_path, b"the first"))
    shop.attach(shop.product("shoe-12"), earlier.id, 1)
    corrected = picture_to_send(tmp_path, b"the corrected")
    double.cut_after(cut, ITEMS if cut == "PUT" else IMAGES)
    with pytest.raises(ShopAway):
        shop.replace(shop.product("shoe-12"), earlier.id, corrected)

    shop = opened(double, notes) if restart else shop
    new = shop.replace(shop.product("shoe-12"), earlier.id, corrected)

    assert double.urls("shoe-12") == [new.id, THEIRS[0]]
    assert next(image.content for image in double.images.values() if image.url == new.id) == b"the corrected"


def test_what_was_uploaded_is_known_after_a_crash(double: EbayDouble, tmp_path: Path) -> None:
    notes: dict[str, str] = {}
    picture = picture_to_send(tmp_path)
    ours = opened(double, notes).upload(picture)

    again = opened(double, notes)

    assert again.uploaded(picture) == ours
    assert again.uploaded(picture_to_send(tmp_path, b"another")) is None
    assert again.uploaded(picture_to_send(tmp_path, place=2)) is None


def test_a_picture_that_expired_unused_is_not_believed_in(double: EbayDouble, shop: EbayShop, tmp_path: Path) -> None:
    double.add_item("shoe-12")
    picture = picture_to_send(tmp_path)
    ours = shop.upload(picture)
    assert shop.tell("shoe-12", ours.id) == ours

    double.expire_images()

    assert shop.uploaded(picture) is None
    assert shop.tell("shoe-12", ours.id) is None


def test_a_picture_that_the_item_shows_is_told(double: EbayDouble, shop: EbayShop) -> None:
    double.add_item("shoe-12", *THEIRS)

    assert shop.tell("shoe-12", THEIRS[1]) == RemotePicture(THEIRS[1])
    assert shop.tell("shoe-12", "https://i.ebayimg.test/gone.JPG") is None


def test_an_item_that_is_full_loses_no_picture(double: EbayDouble, shop: EbayShop, tmp_path: Path) -> None:
    full = [f"https://i.ebayimg.test/{number}.JPG" for number in range(24)]
    double.add_item("shoe-12", *full)

    with pytest.raises(ShopRefused, match="24"):
        shop.attach(shop.product("shoe-12"), shop.upload(picture_to_send(tmp_path)).id, 1)

    assert double.urls("shoe-12") == full


@pytest.mark.parametrize("sku", ["shoe/12 ä?", "a%2Fb", "a+b"])
def test_a_sku_arrives_as_it_is(double: EbayDouble, shop: EbayShop, sku: str) -> None:
    double.add_item(sku, *THEIRS)

    assert [each.id for each in shop.product(sku).pictures] == list(THEIRS)


@pytest.mark.parametrize("sku", ["", "..", ".", "unknown"])
def test_an_item_that_is_not_there_is_never_made(double: EbayDouble, shop: EbayShop, sku: str) -> None:
    with pytest.raises(ProductUnknown):
        shop.product(sku)

    assert not double.items


@pytest.mark.parametrize(
    "told",
    [
        Told.page(200, "Maintenance"),
        Told.page(503, "Service Unavailable"),
        Told.of_json(500, {"errors": [{"errorId": 25025, "message": "Concurrent access is not allowed."}]}),
    ],
)
def test_what_is_in_the_way_for_now_postpones(double: EbayDouble, shop: EbayShop, tmp_path: Path, told: Told) -> None:
    double.add_item("shoe-12")
    ours = shop.upload(picture_to_send(tmp_path))
    for method, path in (("GET", ITEMS), ("PUT", ITEMS), ("POST", IMAGES)):
        double.instead(method, path, told)

    asks: tuple[Callable[[], object], ...] = (
        lambda: shop.product("shoe-12"),
        lambda: shop.attach(Product("shoe-12", "shoe-12"), ours.id, 1),
        lambda: shop.upload(picture_to_send(tmp_path)),
    )
    for ask in asks:
        with pytest.raises(ShopAway):
            ask()


def test_what_ebay_says_no_to_is_told_in_its_words(double: EbayDouble, shop: EbayShop, tmp_path: Path) -> None:
    no = {"errors": [{"errorId": 190201, "message": "x", "longMessage": "The image is too small."}]}
    double.instead("POST", IMAGES, Told.of_json(400, no))

    with pytest.raises(ShopRefused, match="The image is too small"):
        shop.upload(picture_to_send(tmp_path))


def test_the_secrets_are_in_no_error_and_no_log(
    double: EbayDouble, shop: EbayShop, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    double.add_item("shoe-12")
    shop.product("shoe-12")
    (token,) = double.tokens
    echo = {"errors": [{"errorId": 1, "message": f"{token} {REFRESH} {CLIENT_SECRET}"}]}
    double.instead("POST", IMAGES, Told.of_json(400, echo))
    with pytest.raises(FreistellerError) as caught:
        shop.upload(picture_to_send(tmp_path))

    told = f"{shop!r} {shop._login!r} {caught.value!r} {caught.value.__context__!r} {caplog.text}"
    assert not [secret for secret in (token, REFRESH, CLIENT_SECRET) if secret in told]
