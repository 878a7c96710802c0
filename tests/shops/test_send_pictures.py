"""Sending to a shop: once, in its place, whatever is interrupted. Against Shopify's double, and with a real journal."""

import hashlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from daemon.journal import Journal
from daemon.journal.shop_rows import ShopPicture, ShopPictures
from daemon.settings.shop_section import ShopSettings
from daemon.shops import shopify_documents as documents
from daemon.shops.http_door import DoorLimits
from daemon.shops.open_shop import open_shop
from daemon.shops.send_pictures import PictureSender, Sent
from daemon.shops.shop_contract import PictureToSend
from tests.shops.pictures_to_send import picture_to_send
from tests.shops.shop_server import Told
from tests.shops.shopify_double import ENDPOINT, TOKEN, ShopifyDouble

QUICK = DoorLimits(connect_seconds=5, silent_seconds=20, answer_seconds=20)


class Studio:
    """A journal, and what sends to one shop. waits: every sleep, in seconds; nobody really sleeps."""

    def __init__(self, double: ShopifyDouble, folder: Path) -> None:
        self.double, self.folder = double, folder
        self.waits: list[float] = []
        self.time = 1000.0

    def rows(self) -> ShopPictures:
        return Journal(self.folder / "journal").shop_pictures

    def sender(self, rows: ShopPictures | None = None, token: str = TOKEN) -> PictureSender:
        settings = ShopSettings.model_validate(
            {"kind": "shopify", "address": self.double.url, "rendition": "shop", "token": token}
        )
        shop = open_shop("mine", settings, QUICK, self.waits.append)
        return PictureSender(shop, rows or self.rows(), self.clock, self.wait)

    def clock(self) -> float:
        self.time += 1
        return self.time

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.double.points = min(self.double.most, self.double.points + seconds * self.double.rate)
        return True

    def send(self, *pictures: PictureToSend) -> list[str]:
        """As a new process would: what became of each."""
        return [sent.what for sent in self.sender().send(pictures)]

    def picture(self, content: bytes, sku: str = "shoe", place: int = 1) -> PictureToSend:
        return picture_to_send(self.folder, content, sku, place)

    def states(self, picture: PictureToSend) -> list[str]:
        return [row.state for row in self.rows().at("mine", picture.sku, picture.place)]


@pytest.fixture
def studio(tmp_path: Path) -> Iterator[Studio]:
    with ShopifyDouble() as double:
        yield Studio(double, tmp_path)


def test_pictures_are_sent_in_their_places_and_nothing_is_sent_again(studio: Studio) -> None:
    product = studio.double.add_product("shoe")
    pictures = [studio.picture(b"front"), studio.picture(b"back", place=2)]

    assert studio.send(*pictures) == ["new", "new"]
    assert studio.double.shown(product) == [b"front", b"back"]
    studio.double.mutations.clear()
    assert studio.send(*pictures) == ["same", "same"]
    assert studio.double.mutations == []


def test_a_correction_takes_the_place_of_the_picture_before_it(studio: Studio) -> None:
    owners = studio.double.add_file("size-chart.jpg", b"chart")
    product = studio.double.add_product("shoe", media=(owners,))
    first, second = studio.picture(b"first"), studio.picture(b"second")
    studio.send(first)

    assert studio.send(second) == ["replaced"]
    assert studio.double.shown(product) == [b"second", b"chart"]
    assert studio.states(second) == ["replaced", "there"]
    assert studio.send(second) == ["same"]
    assert studio.send(first) == ["replaced"]
    assert studio.double.shown(product) == [b"first", b"chart"]
    assert len(studio.double.files) == 2


def test_a_shop_that_keeps_a_files_name_is_not_sent_the_same_again(studio: Studio) -> None:
    product = studio.double.add_product("shoe")
    studio.send(studio.picture(b"first"))
    studio.send(second := studio.picture(b"second"))
    studio.double.files[product.media[0]].name = studio.picture(b"first").name

    assert studio.send(second) == ["same"]


def test_a_lost_journal_makes_no_double(studio: Studio) -> None:
    product = studio.double.add_product("shoe")
    studio.send(studio.picture(b"first"))
    for file in studio.folder.glob("journal*"):
        file.unlink()

    assert studio.send(studio.picture(b"first")) == ["same"]
    for file in studio.folder.glob("journal*"):
        file.unlink()
    assert studio.send(studio.picture(b"second")) == ["replaced"]
    assert studio.double.shown(product) == [b"second"]
    assert len(studio.double.files) == 1


def test_what_somebody_else_put_into_our_place_is_replaced(studio: Studio) -> None:
    product = studio.double.add_product("shoe")
    studio.send(picture := studio.picture(b"ours"))
    theirs = replace(picture, sha256=hashlib.sha256(b"theirs").hexdigest())
    studio.double.files[product.media[0]].name = picture.name.replace(picture.sha256[:8], theirs.sha256[:8])
    studio.double.files[product.media[0]].content = b"theirs"

    assert studio.send(picture) == ["replaced"]
    assert studio.double.shown(product) == [b"ours"]


def test_an_unknown_product_is_listed_and_the_others_go_on(studio: Studio) -> None:
    studio.double.add_product("shoe")
    (unknown, known) = studio.sender().send([studio.picture(b"a", "hat"), studio.picture(b"b")])

    assert (unknown.what, unknown.why) == ("unknown", "no product has the SKU hat")
    assert known.what == "new"
    assert studio.states(unknown.picture) == []


def test_a_shop_that_is_away_for_a_moment_is_asked_again(studio: Studio) -> None:
    product = studio.double.add_product("shoe")
    studio.double.instead("POST", ENDPOINT, Told.page(503, "Down"), times=2)

    assert studio.send(studio.picture(b"a")) == ["new"]
    assert studio.waits[:2] == [2.0, 4.0]
    assert studio.double.shown(product) == [b"a"]


def test_a_shop_says_how_long_it_wants_to_be_left_alone(studio: Studio) -> None:
    studio.double.add_product("shoe")
    studio.double.instead("POST", ENDPOINT, Told.of_json(429, {}, Retry_After="30"))

    assert studio.send(studio.picture(b"a")) == ["new"]
    assert studio.waits[0] == 30.0


def test_while_a_shop_is_away_the_rest_waits_and_it_is_left_alone(studio: Studio) -> None:
    product = studio.double.add_product("shoe")
    pictures = [studio.picture(b"a"), studio.picture(b"b", place=2), studio.picture(b"c", place=3)]
    studio.double.instead("POST", ENDPOINT, Told.page(503, "Down"), times=5)

    sent = list(studio.sender().send(pictures))

    assert [each.what for each in sent] == ["waits", "waits", "waits"]
    assert "answers 503" in sent[2].why
    assert len(studio.double.asked) == 5
    assert studio.send(*pictures) == ["new", "new", "new"]
    assert studio.double.shown(product) == [b"a", b"b", b"c"]


def test_who_wants_an_end_waits_for_no_shop(studio: Studio) -> None:
    studio.double.instead("POST", ENDPOINT, Told.page(503, "Down"), times=5)
    sender = studio.sender()
    sender._wait = lambda _: False

    assert [sent.what for sent in sender.send([studio.picture(b"a")])] == ["waits"]
    assert len(studio.double.asked) == 1


def test_an_empty_bucket_slows_sending_down_and_loses_nothing(studio: Studio) -> None:
    product = studio.double.add_product("shoe")
    studio.double.points, studio.double.rate = 0.0, 5.0

    assert studio.send(studio.picture(b"a"), studio.picture(b"b", place=2)) == ["new", "new"]
    assert studio.double.shown(product) == [b"a", b"b"]


def test_an_expired_login_stops_the_rest(studio: Studio) -> None:
    studio.double.add_product("shoe")
    pictures = [studio.picture(b"a"), studio.picture(b"b", place=2)]

    sent = list(studio.sender(token="old").send(pictures))

    assert [each.what for each in sent] == ["login", "login"]
    assert len(studio.double.asked) == 1


def test_a_picture_that_the_shop_cannot_use_is_told_and_tried_anew(studio: Studio) -> None:
    product = studio.double.add_product("shoe")
    studio.double.fails = True
    picture = studio.picture(b"a")

    (sent,) = studio.sender().send([picture])

    assert (sent.what, sent.why) == ("failed", "Not a valid image")
    assert studio.states(picture) == ["failed"]
    assert product.media == []
    assert studio.send(picture) == ["new"]


def test_a_replacement_that_fails_leaves_the_earlier_picture(studio: Studio) -> None:
    product = studio.double.add_product("shoe")
    studio.send(studio.picture(b"first"))
    studio.double.fails = True

    assert studio.send(second := studio.picture(b"second")) == ["failed"]
    assert studio.double.shown(product) == [b"first"]
    assert studio.states(second) == ["there", "failed"]
    assert studio.send(second) == ["replaced"]
    assert studio.double.shown(product) == [b"second"]


def test_a_picture_that_takes_long_is_left_processing_and_gone_on_with(studio: Studio) -> None:
    product = studio.double.add_product("shoe")
    studio.double.polls = 15
    picture = studio.picture(b"a")

    assert studio.send(picture) == ["processing"]
    assert (studio.states(picture), product.media) == (["uploaded"], [])
    assert studio.send(picture) == ["new"]
    assert (len(studio.double.files), studio.double.mutations.count("fileCreate")) == (1, 1)


def test_a_shop_that_takes_long_does_not_hold_up_each_picture(studio: Studio) -> None:
    studio.double.add_product("shoe")
    studio.double.polls = 100
    pictures = [studio.picture(bytes([number]), place=number) for number in range(1, 6)]

    assert studio.send(*pictures) == ["processing"] * 5
    assert len(studio.waits) == 10 + 4 * 3


def test_a_replacement_that_takes_long_is_gone_on_with(studio: Studio) -> None:
    product = studio.double.add_product("shoe")
    studio.send(studio.picture(b"first"))
    studio.double.polls = 15

    assert studio.send(second := studio.picture(b"second")) == ["processing"]
    assert studio.double.shown(product) == [b"first"]
    assert studio.states(second) == ["there", "placed"]
    assert studio.send(second) in (["same"], ["replaced"])
    assert studio.double.shown(product) == [b"second"]
    assert studio.states(second) == ["replaced", "there"]


def test_a_file_that_was_changed_or_moved_meanwhile_is_not_sent(studio: Studio) -> None:
    studio.double.add_product("shoe")
    changed, moved = studio.picture(b"a"), studio.picture(b"b", place=2)
    changed.path.write_bytes(b"other")
    moved.path.unlink()

    sent = list(studio.sender().send([changed, moved]))

    assert [each.what for each in sent] == ["failed", "failed"]
    assert "was changed meanwhile" in sent[0].why
    assert "cannot be read" in sent[1].why
    assert studio.double.mutations == []


def test_a_picture_that_its_owner_took_off_is_new_again(studio: Studio) -> None:
    product = studio.double.add_product("shoe")
    studio.send(picture := studio.picture(b"a"))
    product.media.clear()

    assert studio.send(picture) == ["new"]
    assert studio.double.shown(product) == [b"a"]
    assert len(studio.double.files) == 1


def test_a_dry_run_shows_the_difference_with_reading_requests_alone(studio: Studio) -> None:
    studio.double.add_product("shoe")
    same, earlier = studio.picture(b"same"), studio.picture(b"earlier", place=2)
    studio.send(same, earlier)
    studio.double.mutations.clear()
    studio.double.asked.clear()
    before = studio.rows().of("mine")
    pictures = [same, studio.picture(b"later", place=2), studio.picture(b"x", place=3), studio.picture(b"y", "hat")]

    found = [sent.what for sent in studio.sender().differences(pictures)]

    assert found == ["same", "replaced", "new", "unknown"]
    assert studio.double.mutations == []
    assert {asked.json()["query"] for asked in studio.double.asked} <= set(documents.READING)
    assert studio.rows().of("mine") == before


def test_a_dry_run_of_a_shop_that_is_away_waits_for_nobody(studio: Studio) -> None:
    studio.double.instead("POST", ENDPOINT, Told.page(503, "Down"))

    found = list(studio.sender().differences([studio.picture(b"a"), studio.picture(b"b", place=2)]))

    assert [sent.what for sent in found] == ["waits", "waits"]
    assert (studio.waits, len(studio.double.asked)) == ([], 1)


def test_an_answer_that_is_lost_at_any_step_makes_no_double(tmp_path: Path) -> None:
    for number in range(1, 40):
        (folder := tmp_path / str(number)).mkdir()
        with ShopifyDouble() as double:
            studio = Studio(double, folder)
            product = double.add_product("shoe", media=(double.add_file("chart.jpg", b"chart"),))
            cut = CutAfter(double, number)
            sent = studio.send(studio.picture(b"first"), studio.picture(b"side", place=2))
            sent += studio.send(studio.picture(b"second"))
            assert set(sent) <= {"new", "replaced", "same"}, number
            assert double.shown(product) == [b"second", b"side", b"chart"], number
            assert len(double.files) == 3, number
        if not cut.done:
            assert number > 15
            return
    raise AssertionError("it never ends")


class CutAfter:
    """Cuts the connection after the shop has acted on the request of this number."""

    def __init__(self, double: ShopifyDouble, number: int) -> None:
        self.left, self.done = number, False
        answer = double.respond

        def respond(asked):  # type: ignore[no-untyped-def]
            told = answer(asked)
            self.left -= 1
            if self.left == 0:
                self.done = True
                return None
            return told

        double.respond = respond  # type: ignore[method-assign]


def test_rows_of_another_shop_do_not_count(studio: Studio) -> None:
    product = studio.double.add_product("shoe")
    picture = studio.picture(b"a")
    studio.rows().record(ShopPicture("other", "shoe", 1, picture.sha256, "gid://1", "there", "", 1.0))

    assert studio.send(picture) == ["new"]
    assert studio.double.shown(product) == [b"a"]


def test_what_is_told_names_the_picture(studio: Studio) -> None:
    studio.double.add_product("shoe")
    picture = studio.picture(b"a")

    assert list(studio.sender().send([picture])) == [Sent(picture, "new")]
