"""Amazon: pictures that are fetched and not sent, accepted and not shown, taken over under another address."""

import logging
import shutil
import ssl
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.errors import FreistellerError
from daemon.shops.amazon import AmazonLogin, AmazonShop
from daemon.shops.http_door import DoorLimits
from daemon.shops.shop_contract import LoginExpired, ProductUnknown, RemotePicture, ShopAway, ShopRefused
from tests.shops.amazon_double import (
    CLIENT,
    CLIENT_SECRET,
    ITEMS,
    MAIN,
    MARKET,
    REFRESH,
    SELLER,
    SLOTS,
    TOKENS,
    AmazonDouble,
)
from tests.shops.pictures_to_send import JPEG, picture_to_send
from tests.shops.shop_server import PictureWeb, Told

QUICK = DoorLimits(connect_seconds=5, silent_seconds=5, answer_seconds=20)
THEIRS = ("https://m.media-amazon.test/images/I/front.jpg", "https://m.media-amazon.test/images/I/back.jpg")


@pytest.fixture
def web(tmp_path: Path, certificate: Path) -> Iterator[PictureWeb]:
    folder = tmp_path / "public"
    folder.mkdir()
    with PictureWeb(folder, certificate) as running:
        yield running


@pytest.fixture
def double(certificate: Path) -> Iterator[AmazonDouble]:
    with AmazonDouble(ssl.create_default_context(cafile=str(certificate))) as running:
        yield running


Opened = Callable[..., AmazonShop]


@pytest.fixture
def opened(double: AmazonDouble, web: PictureWeb, certificate: Path) -> Opened:
    """opened(notes, …): a shop whose time is the double's; waiting moves it."""

    def wait(seconds: float) -> None:
        double.clock += seconds

    def open_shop(notes: dict[str, str] | None = None, folder: bool = True, **login: str) -> AmazonShop:
        whole = {
            "client": CLIENT,
            "secret": CLIENT_SECRET,
            "refresh_token": REFRESH,
            "seller": SELLER,
            "marketplace": MARKET,
            "base_url": f"{web.url}/pictures",
            "api": f"{double.url}/",
            "tokens": f"{double.url}/",
            "ca_file": str(certificate),
            **login,
        }
        amazon = AmazonLogin(**whole, folder=web.folder if folder else None)
        return AmazonShop("amazon", amazon, QUICK, {} if notes is None else notes, lambda: double.clock, wait)

    return open_shop


@pytest.fixture
def shop(opened: Opened) -> AmazonShop:
    return opened()


def attached(shop: AmazonShop, folder: Path, content: bytes = JPEG, place: int = 1) -> RemotePicture:
    """A picture that was brought to its place, as who sends does it."""
    picture = picture_to_send(folder, content, place=place)
    remote = shop.uploaded(picture) or shop.upload(picture)
    shop.attach(shop.product("shoe-12"), remote.id, place)
    return remote


def ready(picture: RemotePicture) -> RemotePicture:
    """The picture once Amazon shows it."""
    return replace(picture, takes_hours=False)


def test_a_picture_lies_where_everybody_can_fetch_it(shop: AmazonShop, web: PictureWeb, tmp_path: Path) -> None:
    picture = picture_to_send(tmp_path)
    assert shop.uploaded(picture) is None

    sent = shop.upload(picture)

    assert (web.folder / picture.name).read_bytes() == picture.path.read_bytes()
    assert sent == RemotePicture(f"{web.url}/pictures/{picture.name}", picture.name, takes_hours=True)
    assert shop.uploaded(picture) == sent


def test_what_was_accepted_is_not_said_to_be_there(double: AmazonDouble, shop: AmazonShop, tmp_path: Path) -> None:
    double.add_listing("shoe-12", THEIRS[0])
    ours = attached(shop, tmp_path)
    assert [shop.tell("shoe-12", ours.id)] == [RemotePicture(ours.id, ours.name, "processing", takes_hours=True)]

    double.fetch_pictures()

    assert shop.tell("shoe-12", ours.id) == RemotePicture(ours.id, ours.name, "ready")
    assert double.shown("shoe-12") == [JPEG]


def test_a_picture_that_was_taken_over_is_still_known_as_ours(
    double: AmazonDouble, opened: Opened, tmp_path: Path
) -> None:
    """Amazon shows it under another address then, so only what was noted tells."""
    notes: dict[str, str] = {}
    double.add_listing("shoe-12", *THEIRS)
    ours = attached(opened(notes), tmp_path)
    double.fetch_pictures()

    product = opened(notes).product("shoe-12")

    assert product.pictures == (ready(ours), RemotePicture(THEIRS[0]), RemotePicture(THEIRS[1]))


@pytest.mark.parametrize("fetched", [False, True])
def test_a_picture_whose_answer_was_lost_is_in_the_listing_once(
    double: AmazonDouble, opened: Opened, tmp_path: Path, fetched: bool
) -> None:
    notes: dict[str, str] = {}
    double.add_listing("shoe-12", *THEIRS)
    double.cut_after("PATCH", ITEMS)
    with pytest.raises(ShopAway):
        attached(opened(notes), tmp_path)
    if fetched:
        double.fetch_pictures()

    ours = attached(opened(notes), tmp_path)

    double.fetch_pictures()
    assert double.shown("shoe-12") == [JPEG]
    assert list(double.locations("shoe-12").values())[1:] == list(THEIRS)
    assert opened(notes).tell("shoe-12", ours.id) == ready(ours)


def test_a_picture_that_never_went_out_is_sent_again(double: AmazonDouble, opened: Opened, tmp_path: Path) -> None:
    """It was noted, and then the line was dead."""
    notes: dict[str, str] = {}
    double.add_listing("shoe-12", *THEIRS)
    double.cut_before("PATCH", ITEMS)
    with pytest.raises(ShopAway):
        attached(opened(notes), tmp_path)

    attached(opened(notes), tmp_path)

    double.fetch_pictures()
    assert double.shown("shoe-12") == [JPEG]
    assert list(double.locations("shoe-12").values())[1:] == list(THEIRS)


@pytest.mark.parametrize("lags", [False, True])
def test_several_pictures_stand_in_their_places(
    double: AmazonDouble, shop: AmazonShop, tmp_path: Path, lags: bool
) -> None:
    double.lags = lags
    double.add_listing("shoe-12")

    for place in (1, 2, 3):
        attached(shop, tmp_path, f"picture {place}".encode(), place)

    double.fetch_pictures()
    assert double.shown("shoe-12") == [b"picture 1", b"picture 2", b"picture 3"]
    assert list(double.locations("shoe-12")) == list(SLOTS[:3])


def test_pictures_that_stand_there_move_back(double: AmazonDouble, opened: Opened, tmp_path: Path) -> None:
    notes: dict[str, str] = {}
    double.add_listing("shoe-12")
    first = attached(opened(notes), tmp_path, b"the first")
    double.fetch_pictures()

    second = attached(opened(notes), tmp_path, b"the second")
    double.fetch_pictures()

    assert double.shown("shoe-12") == [b"the second", b"the first"]
    assert [each.id for each in opened(notes).product("shoe-12").pictures] == [second.id, first.id]


def test_a_further_picture_never_becomes_the_main_one(double: AmazonDouble, shop: AmazonShop, tmp_path: Path) -> None:
    """The main one must be on white; a further one may be on anything."""
    double.add_listing("shoe-12")

    attached(shop, tmp_path, place=2)

    assert MAIN not in double.locations("shoe-12")


def test_a_listing_whose_slots_are_taken_loses_no_picture(
    double: AmazonDouble, shop: AmazonShop, tmp_path: Path
) -> None:
    double.add_listing("shoe-12", *(f"https://m.media-amazon.test/{number}.jpg" for number in range(9)))
    before = double.locations("shoe-12")

    with pytest.raises(ShopRefused, match="All 9 slots"):
        attached(shop, tmp_path)

    assert double.locations("shoe-12") == before


@pytest.mark.parametrize("restart", [False, True])
def test_a_listing_that_lags_is_waited_for(double: AmazonDouble, opened: Opened, tmp_path: Path, restart: bool) -> None:
    """Amazon accepted it, and the listing still shows what was there: it is neither there nor to be sent again."""
    notes: dict[str, str] = {}
    double.lags = True
    double.add_listing("shoe-12", *THEIRS)
    shop = opened(notes)
    ours = attached(shop, tmp_path)
    shop = opened(notes) if restart else shop

    told = shop.tell("shoe-12", ours.id)
    attached(shop, tmp_path)

    assert told == RemotePicture(ours.id, ours.name, "processing", takes_hours=True)
    double.fetch_pictures()
    assert double.shown("shoe-12") == [JPEG]
    assert list(double.locations("shoe-12").values())[1:] == list(THEIRS)
    assert shop.tell("shoe-12", ours.id) == ready(ours)


@pytest.mark.parametrize("lags", [False, True])
def test_a_correction_that_never_went_out_is_sent_again(
    double: AmazonDouble, opened: Opened, tmp_path: Path, lags: bool
) -> None:
    notes: dict[str, str] = {}
    double.add_listing("shoe-12", *THEIRS)
    earlier = attached(opened(notes), tmp_path, b"the first", 2)
    double.fetch_pictures()
    double.lags = lags
    corrected = picture_to_send(tmp_path, b"the corrected", place=2)
    double.cut_before("PATCH", ITEMS)
    with pytest.raises(ShopAway):
        opened(notes).replace(opened(notes).product("shoe-12"), earlier.id, corrected)
    product = opened(notes).product("shoe-12")
    assert product.pictures[1] == ready(earlier)

    new = opened(notes).replace(product, earlier.id, corrected)

    double.fetch_pictures()
    assert double.shown("shoe-12") == [b"the corrected"]
    assert len(double.locations("shoe-12")) == 3
    assert opened(notes).product("shoe-12").pictures[1] == RemotePicture(new.id, new.name)


@pytest.mark.parametrize("lost", [False, True])
@pytest.mark.parametrize("fetched", [False, True])
def test_a_corrected_picture_takes_the_slot_of_the_earlier_one(
    double: AmazonDouble, opened: Opened, tmp_path: Path, fetched: bool, lost: bool
) -> None:
    notes: dict[str, str] = {}
    double.add_listing("shoe-12", *THEIRS)
    earlier = attached(opened(notes), tmp_path, b"the first", 2)
    double.fetch_pictures()
    corrected = picture_to_send(tmp_path, b"the corrected", place=2)
    if lost:
        double.cut_after("PATCH", ITEMS)
        with pytest.raises(ShopAway):
            opened(notes).replace(opened(notes).product("shoe-12"), earlier.id, corrected)
        if fetched:
            double.fetch_pictures()

    new = opened(notes).replace(opened(notes).product("shoe-12"), earlier.id, corrected)

    assert new.state == "processing"
    double.fetch_pictures()
    assert double.shown("shoe-12") == [b"the corrected"]
    assert len(double.locations("shoe-12")) == 3
    assert opened(notes).tell("shoe-12", new.id) == RemotePicture(new.id, new.name)
    assert opened(notes).tell("shoe-12", earlier.id) == earlier  # it still lies in the folder, and is in no slot


@pytest.mark.parametrize(
    ("instead", "why"),
    [
        (Told.page(404, "Not Found"), "404"),
        (Told(302, b"", {"Location": "/login.html"}), "302"),
        (Told.page(200, "Log in"), "no picture"),
        (Told(200, b"another", {"Content-Type": "image/jpeg"}), "another picture"),
        (Told.page(403, "Forbidden"), "403"),
    ],
)
def test_what_amazon_could_not_fetch_is_not_offered(
    shop: AmazonShop, web: PictureWeb, tmp_path: Path, instead: Told, why: str
) -> None:
    web.instead("GET", "/pictures", instead)

    with pytest.raises(ShopRefused, match=why):
        shop.upload(picture_to_send(tmp_path))


def test_a_folder_of_the_web_without_https_is_refused(opened: Opened, tmp_path: Path) -> None:
    with pytest.raises(ShopRefused, match="https only"):
        opened(base_url="http://127.0.0.1/pictures").upload(picture_to_send(tmp_path))


def test_a_folder_that_is_not_there_is_named(shop: AmazonShop, web: PictureWeb, tmp_path: Path) -> None:
    web.folder.rmdir()

    with pytest.raises(ShopRefused, match=str(web.folder)):
        shop.upload(picture_to_send(tmp_path))


def test_a_folder_that_somebody_else_fills_is_only_looked_at(opened: Opened, web: PictureWeb, tmp_path: Path) -> None:
    picture = picture_to_send(tmp_path)
    with pytest.raises(ShopRefused, match=rf"{picture.name} answers 404"):
        opened(folder=False).upload(picture)
    assert not list(web.folder.iterdir())

    shutil.copy(picture.path, web.folder / picture.name)

    assert opened(folder=False).upload(picture).state == "ready"


@pytest.mark.parametrize(
    "instead", [Told.page(404, "gone"), Told(301, b"", {"Location": "/"}), Told.page(200, "A page")]
)
def test_a_picture_that_amazon_cannot_fetch_is_told_later(
    double: AmazonDouble, shop: AmazonShop, web: PictureWeb, tmp_path: Path, instead: Told
) -> None:
    double.add_listing("shoe-12", THEIRS[0])
    ours = attached(shop, tmp_path)
    web.instead("GET", "/pictures", instead)

    double.fetch_pictures()

    told = shop.tell("shoe-12", ours.id)
    assert told is not None
    assert told.state == "failed"
    assert "media" in told.why


def test_an_objection_to_an_earlier_picture_is_not_held_against_this_one(
    double: AmazonDouble, shop: AmazonShop, web: PictureWeb, tmp_path: Path
) -> None:
    double.add_listing("shoe-12")
    earlier = attached(shop, tmp_path, b"the first")
    web.instead("GET", "/pictures", Told.page(404, "gone"))
    double.fetch_pictures()

    new = shop.replace(shop.product("shoe-12"), earlier.id, picture_to_send(tmp_path, b"the corrected"))

    states = []
    for _ in range(2):
        told = shop.tell("shoe-12", new.id)
        states.append(told.state if told else None)
        double.fetch_pictures()
    assert states == ["processing", "ready"]


def test_a_listing_of_another_type_keeps_it(double: AmazonDouble, shop: AmazonShop, tmp_path: Path) -> None:
    double.add_listing("shoe-12", product_type="LUGGAGE")

    attached(shop, tmp_path)

    assert len(double.locations("shoe-12")) == 1


def test_what_amazon_does_not_accept_is_told_in_its_words(
    double: AmazonDouble, shop: AmazonShop, tmp_path: Path
) -> None:
    double.add_listing("shoe-12")
    issue = {"code": "1", "message": "The seller is blocked.", "severity": "ERROR", "categories": []}
    told = {"sku": "shoe-12", "status": "INVALID", "submissionId": "1", "issues": [issue]}
    double.instead("PATCH", ITEMS, Told.of_json(200, told))

    with pytest.raises(ShopRefused, match="The seller is blocked"):
        attached(shop, tmp_path)


def test_many_requests_keep_below_the_limit(double: AmazonDouble, shop: AmazonShop) -> None:
    double.add_listing("shoe-12")
    double.burst = 5

    for _ in range(20):
        shop.product("shoe-12")

    assert double.clock == 3.0


def test_a_shop_that_wants_fewer_requests_is_left_alone_as_long_as_its_rate_says(
    double: AmazonDouble, shop: AmazonShop
) -> None:
    double.add_listing("shoe-12")
    double.rate, double.burst = 0.2, 0

    with pytest.raises(ShopAway) as caught:
        shop.product("shoe-12")

    assert caught.value.retry_after_seconds == 5


def test_a_token_that_ends_in_the_middle_is_had_anew(double: AmazonDouble, shop: AmazonShop) -> None:
    double.add_listing("shoe-12")
    shop.product("shoe-12")
    double.expire_tokens()

    shop.product("shoe-12")

    assert len(double.asked_for("POST", TOKENS)) == 2


@pytest.mark.parametrize("wrong", [{"refresh_token": "Atzr|old"}, {"secret": "amzn1.oa2-cs.old"}])
def test_a_login_that_ended_is_asked_for_once(double: AmazonDouble, opened: Opened, wrong: dict[str, str]) -> None:
    with pytest.raises(LoginExpired, match="not accepted"):
        opened(**wrong).product("shoe-12")

    assert len(double.asked) == 1


@pytest.mark.parametrize("sku", ["shoe/12 ä?", "a%2Fb", "a+b"])
def test_a_sku_arrives_as_it_is(double: AmazonDouble, shop: AmazonShop, sku: str) -> None:
    double.add_listing(sku, THEIRS[0])

    assert shop.product(sku).pictures == (RemotePicture(THEIRS[0]),)


@pytest.mark.parametrize("sku", ["", ".", "..", "unknown"])
def test_a_listing_that_is_not_there_is_never_made(double: AmazonDouble, shop: AmazonShop, sku: str) -> None:
    with pytest.raises(ProductUnknown):
        shop.product(sku)

    assert not double.listings


def test_an_outage_postpones(double: AmazonDouble, shop: AmazonShop) -> None:
    double.add_listing("shoe-12")
    for told in (Told.page(503, "Busy"), Told.page(200, "Maintenance")):
        double.instead("GET", ITEMS, told)
        with pytest.raises(ShopAway):
            shop.product("shoe-12")
    double.die()
    with pytest.raises(ShopAway):
        shop.product("shoe-12")


def test_the_secrets_are_in_no_error_and_no_log(
    double: AmazonDouble, shop: AmazonShop, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    double.add_listing("shoe-12")
    shop.product("shoe-12")
    (token,) = double.tokens
    echo = {"errors": [{"code": "InvalidInput", "message": f"{token} {REFRESH} {CLIENT_SECRET}"}]}
    double.instead("GET", ITEMS, Told.of_json(400, echo))
    with pytest.raises(FreistellerError) as caught:
        shop.product("shoe-12")

    told = f"{shop!r} {shop._login!r} {caught.value!r} {caught.value.__context__!r} {caplog.text}"
    assert not [secret for secret in (token, REFRESH, CLIENT_SECRET) if secret in told]
