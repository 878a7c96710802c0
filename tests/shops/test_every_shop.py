"""What holds for every kind of shop: the same sentences, against each one's double, with a real journal."""

import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Literal

import pytest

from daemon.journal import Journal
from daemon.shops.send_pictures import PictureSender
from daemon.shops.shop_contract import LoginExpired, PictureToSend, ProductUnknown, ShopAway
from tests.shops.pictures_to_send import picture_to_send
from tests.shops.shop_server import Told
from tests.shops.stands import (
    OWNERS,
    SKU,
    AmazonStand,
    EbayStand,
    ShopifyStand,
    Stand,
    WooCommerceStand,
    opened,
)

KINDS = ("shopify", "woocommerce", "ebay", "amazon")
MOST_REQUESTS, MOST_SENDS = 80, 8
Cut = Literal["before", "after"]
NewStand = Callable[[], Stand]
PLAIN: Mapping[str, NewStand] = {"shopify": ShopifyStand, "woocommerce": WooCommerceStand, "ebay": EbayStand}


@pytest.fixture(params=KINDS)
def new_stand(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[NewStand]:
    """new_stand(): a shop of this kind with one product, which shows two pictures of its owner."""
    with ExitStack() as stack:

        def made() -> Stand:
            stand: Stand
            if request.param == "amazon":
                folder = Path(tempfile.mkdtemp(dir=tmp_path))
                stand = AmazonStand(folder, request.getfixturevalue("certificate"))
            else:
                stand = PLAIN[request.param]()
            stack.enter_context(stand.double)
            stand.add_product(SKU, *OWNERS)
            return stand

        yield made


class Studio:
    """Sends to one shop, as a new process each time, with a journal that stays."""

    def __init__(self, stand: Stand, journal: Journal) -> None:
        self.stand, self.journal = stand, journal
        self._time = 1000.0

    def send(self, *pictures: PictureToSend) -> list[str]:
        """What became of each. A shop that is away is asked once."""
        shop = opened(self.stand, self.journal.shop_notes("mine"))
        sender = PictureSender(shop, self.journal.shop_pictures, self._clock, lambda _: True, tries=1)
        return [sent.what for sent in sender.send(pictures)]

    def shown(self, settled: Sequence[PictureToSend] = ()) -> list[bytes]:
        """What customers see. settled: sent until nothing is left to be done; what is processed is only told later."""
        for _ in range(MOST_SENDS if settled else 0):
            self.stand.shown(SKU)
            if set(self.send(*settled)) == {"same"}:
                break
        else:
            assert not settled, "there is always something left to be done"
        return self.stand.shown(SKU)

    def _clock(self) -> float:
        self._time += 1
        return self._time


@pytest.fixture
def studio(new_stand: NewStand, tmp_path: Path) -> Studio:
    return Studio(new_stand(), Journal(tmp_path / "journal"))


def test_pictures_come_into_their_places_once(studio: Studio, tmp_path: Path) -> None:
    pictures = [picture_to_send(tmp_path, content, SKU, place) for place, content in ((1, b"main"), (2, b"side"))]

    assert set(studio.send(*pictures)) <= {"new", "processing"}

    assert studio.shown(pictures) == [b"main", b"side", *OWNERS]


def test_what_is_there_already_changes_nothing(studio: Studio, tmp_path: Path) -> None:
    picture = picture_to_send(tmp_path, b"main", SKU)
    studio.send(picture)
    studio.shown([picture])
    studio.stand.double.asked.clear()

    assert studio.send(picture) == ["same"]

    writes = [each for each in studio.stand.double.asked if each.method in ("PUT", "PATCH", "DELETE")]
    assert not writes


def test_a_correction_comes_into_the_same_place(studio: Studio, tmp_path: Path) -> None:
    first, corrected = (picture_to_send(tmp_path, content, SKU, 2) for content in (b"first", b"corrected"))
    studio.send(first)
    assert studio.shown([first]) == [OWNERS[0], b"first", OWNERS[1]]

    assert set(studio.send(corrected)) <= {"replaced", "processing"}

    assert studio.shown([corrected]) == [OWNERS[0], b"corrected", OWNERS[1]]


@pytest.mark.slow
@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_line_that_dies_at_any_request_makes_no_double(new_stand: NewStand, tmp_path: Path, cut: Cut) -> None:
    pictures = [picture_to_send(tmp_path, content, SKU, place) for place, content in ((1, b"main"), (2, b"side"))]
    for number in range(MOST_REQUESTS):
        studio = Studio(new_stand(), Journal(tmp_path / f"journal-{number}"))
        studio.stand.double.cut_request(number, acts=cut == "after")
        studio.send(*pictures)
        cut_there = studio.stand.double.has_cut
        studio.stand.double.cut_no_more()

        assert studio.shown(pictures) == [b"main", b"side", *OWNERS], f"cut {cut} request {number} had done its deed"
        assert studio.stand.strays() == 0, f"cut {cut} request {number} left a file"
        if not cut_there:
            return
    pytest.fail("no run is whole")


@pytest.mark.slow
@pytest.mark.parametrize("cut", ["before", "after"])
def test_a_line_that_dies_at_any_request_of_a_correction_makes_no_double(
    new_stand: NewStand, tmp_path: Path, cut: Cut
) -> None:
    first, corrected = (picture_to_send(tmp_path, content, SKU) for content in (b"first", b"corrected"))
    for number in range(MOST_REQUESTS):
        studio = Studio(new_stand(), Journal(tmp_path / f"journal-{number}"))
        studio.send(first)
        studio.shown([first])
        studio.stand.double.cut_request(number, acts=cut == "after")
        studio.send(corrected)
        cut_there = studio.stand.double.has_cut
        studio.stand.double.cut_no_more()

        assert studio.shown([corrected]) == [b"corrected", *OWNERS], f"cut {cut} request {number} had done its deed"
        if not cut_there:
            return
    pytest.fail("no run is whole")


def test_a_product_that_is_not_there_is_listed_and_never_made(studio: Studio, tmp_path: Path) -> None:
    unknown, known = picture_to_send(tmp_path, b"main", "shoe-13"), picture_to_send(tmp_path, b"main", SKU)

    told = studio.send(unknown, known)

    assert told[0] == "unknown"
    assert told[1] in ("new", "processing")
    assert studio.stand.products() == 1
    with pytest.raises(ProductUnknown):
        opened(studio.stand, {}).product("shoe-13")


@pytest.mark.parametrize("told", [Told.page(503, "Maintenance"), Told.page(200, "Log in"), Told.of_json(429, {})])
def test_an_outage_postpones_and_loses_nothing(studio: Studio, tmp_path: Path, told: Told) -> None:
    pictures = [picture_to_send(tmp_path, content, SKU, place) for place, content in ((1, b"main"), (2, b"side"))]
    for method in ("GET", "POST", "PUT", "PATCH"):
        studio.stand.double.instead(method, "/", told, times=1000)
    assert studio.send(*pictures) == ["waits", "waits"]
    with pytest.raises(ShopAway):
        opened(studio.stand, {}).product(SKU)

    studio.stand.double.faults.clear()
    studio.send(*pictures)

    assert studio.shown(pictures) == [b"main", b"side", *OWNERS]


def test_a_login_that_ended_is_told_and_the_rest_is_not_tried(studio: Studio, tmp_path: Path) -> None:
    shop = opened(studio.stand, {}, wrong=True)
    sender = PictureSender(shop, studio.journal.shop_pictures, lambda: 1.0, lambda _: True)
    pictures = [picture_to_send(tmp_path, content, SKU, place) for place, content in ((1, b"main"), (2, b"side"))]

    assert [sent.what for sent in sender.send(pictures)] == ["login", "login"]

    assert len(studio.stand.double.asked) == 1
    with pytest.raises(LoginExpired):
        shop.product(SKU)
    assert studio.shown() == list(OWNERS)


@pytest.mark.parametrize("new_stand", ["amazon"], indirect=True)
def test_what_amazon_only_accepted_is_not_told_as_there(studio: Studio, tmp_path: Path) -> None:
    first, corrected = (picture_to_send(tmp_path, content, SKU) for content in (b"first", b"corrected"))
    for picture in (first, corrected):
        assert studio.send(picture) == ["processing"]
        assert studio.send(picture) == ["processing"]
        assert [row.state for row in studio.journal.shop_pictures.of("mine")][-1] == "placed"

        studio.stand.shown(SKU)

        assert studio.send(picture) == ["same"]
        assert [row.state for row in studio.journal.shop_pictures.of("mine")] == ["there"]
