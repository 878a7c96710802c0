"""`freisteller shops send` and `shops status`, with a hot folder, its journal and Shopify's double."""

import json
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from daemon.commands.shops_send import SentOrder, send_order
from daemon.commands.shops_status import shops_status
from daemon.disk.lock_file import Lock
from daemon.errors import AlreadyRunning, BadSettings
from daemon.journal import Journal
from daemon.journal.due_orders import DueOrder, DueOrders
from daemon.settings import Settings
from tests.exports.orders import done, result_of, settings_with
from tests.processes import freisteller
from tests.shops.shopify_double import TOKEN, ShopifyDouble


@pytest.fixture
def double() -> Iterator[ShopifyDouble]:
    with ShopifyDouble() as double:
        double.polls = 1
        yield double


def studio(tmp_path: Path, double: ShopifyDouble, **more: object) -> Settings:
    shop = {"kind": "shopify", "address": double.url, "rendition": "web", "token": TOKEN, **more}
    return settings_with(tmp_path, shops={"mine": shop}, products={"pattern": "{sku}_{position}"})


def sent(settings: Settings, shop: str | None = None, dry: bool = False) -> tuple[list[str], SentOrder]:
    lines: list[str] = []
    answer = send_order(settings, "kunde", shop, dry, lines.append)
    return [*lines, *(each.last_line() for each in answer.shops)], answer


def test_each_picture_has_a_line_and_what_goes_in_comes_out(tmp_path: Path, double: ShopifyDouble) -> None:
    settings = studio(tmp_path, double)
    done(settings, "shoe_1.jpg", "shoe_2.jpg", "hat_1.jpg", "other.jpg")
    product = double.add_product("shoe")

    lines, answer = sent(settings)

    assert lines == [
        "mine: other.jpg is left out: it has no SKU",
        "mine: hat main: unknown product: no product has the SKU hat",
        "mine: shoe main: new",
        "mine: shoe 02: new",
        "mine: 4 pictures: 2 new, 1 unknown product, 1 left out",
    ]
    assert (answer.is_whole, answer.is_later) == (False, False)
    assert len(product.media) == 2


def test_a_dry_run_says_what_would_be_and_changes_nothing(tmp_path: Path, double: ShopifyDouble) -> None:
    settings = studio(tmp_path, double)
    done(settings, "shoe_1.jpg")
    double.add_product("shoe")

    lines, answer = sent(settings, dry=True)

    assert lines == ["mine: shoe main: would be sent", "mine: 1 picture: 1 would be sent"]
    assert answer.is_whole
    assert double.mutations == []
    assert list(shops_status(settings).lines()) == ["mine (shopify): 0 pictures"]


def test_what_only_a_list_to_import_cannot_take_is_sent(tmp_path: Path, double: ShopifyDouble) -> None:
    settings = studio(tmp_path, double)
    asked = settings.export.model_copy(update={"base_url": "https://pictures.example", "google": "web"})
    settings = settings.model_copy(update={"export": asked})
    done(settings, "-shoe_1.jpg")
    double.add_product("-shoe")

    lines, answer = sent(settings)

    assert lines == ["mine: -shoe main: new", "mine: 1 picture: 1 new"]
    assert answer.is_whole


def test_what_stands_there_is_told_without_asking(tmp_path: Path, double: ShopifyDouble) -> None:
    settings = studio(tmp_path, double)
    done(settings, "shoe_1.jpg", "hat_1.jpg")
    double.add_product("shoe")
    double.add_product("hat")
    double.fails = True
    sent(settings)
    double.asked.clear()

    assert list(shops_status(settings).lines()) == [
        "mine (shopify): 2 pictures: 1 there, 1 not taken",
        "  hat main: not taken: Not a valid image",
    ]
    assert double.asked == []


def test_what_the_daemon_is_to_send_is_told_with_its_next_try(
    tmp_path: Path, double: ShopifyDouble, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    settings = studio(tmp_path, double, send="when_done")
    done(settings, "shoe_1.jpg")
    (path,) = tmp_path.rglob("journal.sqlite3")
    with closing(Journal(path)) as journal:
        due = DueOrders(journal.facts)
        due.record(DueOrder("gone", "kunde", 0.0))
        due.record(DueOrder("mine", "a", 0.0))
        due.record(DueOrder("mine", "b", 60.0, 2, "shoe main: away"))
        due.record(DueOrder("mine", "c", 60.0, 1, "shoe main: 401", person=True))
        due.record(DueOrder("mine", "d", None, 1, "hat main: no such SKU", person=True))

    assert list(shops_status(settings).lines()) == [
        "mine (shopify): 0 pictures",
        "  a: goes out once all its photos are done, not before 1970-01-01 00:00:00",
        "  b: tried again at 1970-01-01 00:01:00: shoe main: away",
        "  c: somebody should look; tried again at 1970-01-01 00:01:00: shoe main: 401",
        "  d: somebody should look, and then send it: hat main: no such SKU",
    ]


def test_a_picture_that_is_gone_is_told(tmp_path: Path, double: ShopifyDouble) -> None:
    settings = studio(tmp_path, double)
    root = done(settings, "shoe_1.jpg", "shoe_2.jpg")
    double.add_product("shoe")
    result_of(root, "shoe_1_for-web.png").unlink()

    lines, answer = sent(settings)

    assert lines[0].startswith("not sent: shoe_1.jpg (web): ")
    assert lines[1:] == ["mine: shoe 02: new", "mine: 1 picture: 1 new"]
    assert not answer.is_whole


def test_a_rendition_that_no_picture_is_names_those_that_there_are(tmp_path: Path, double: ShopifyDouble) -> None:
    settings = studio(tmp_path, double, rendition="wbe")
    done(settings, "shoe_1.jpg")

    lines, _ = sent(settings)

    assert lines == ["mine: no picture is the rendition wbe; there are: web", "mine: 0 pictures"]


@pytest.mark.parametrize(
    ("more", "shop", "why"),
    [
        ({}, "mien", "No shop is called mien: did you mean mine? The settings have: mine"),
        ({"token": ""}, None, r"no token. Provide it as systemd's credential shops\.token\.mine"),
    ],
)
def test_what_is_missing_is_said_before_anything_is_sent(
    tmp_path: Path, double: ShopifyDouble, more: dict[str, str], shop: str | None, why: str
) -> None:
    with pytest.raises(BadSettings, match=why.replace("?", r"\?")):
        sent(studio(tmp_path, double, **more), shop)

    assert double.asked == []


def test_settings_without_a_shop_say_how_to_name_one(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match=r"\[shops\.NAME\]"):
        sent(settings_with(tmp_path))


def test_two_never_send_at_once(tmp_path: Path, double: ShopifyDouble) -> None:
    settings = studio(tmp_path, double)
    done(settings, "shoe_1.jpg")
    double.add_product("shoe")
    sent(settings, dry=True)
    (journal,) = tmp_path.rglob("journal.sqlite3")

    another = Lock(journal.with_name("shops.lock"), "another one")
    with pytest.raises(AlreadyRunning, match="The list of pictures in shops is in use"):
        sent(settings)
    assert sent(settings, dry=True)[1].is_whole
    another.release()

    assert sent(settings)[1].is_whole


def test_the_command_sends_and_never_shows_the_token(tmp_path: Path, double: ShopifyDouble) -> None:
    settings = studio(tmp_path, double)
    root = done(settings, "shoe_1.jpg")
    (journal,) = tmp_path.rglob("journal.sqlite3")
    double.add_product("shoe")
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "shops.token.mine").write_text(TOKEN)
    (tmp_path / "f.toml").write_text(
        '[products]\npattern = "{sku}_{position}"\n'
        '[renditions.web]\ncanvas = "64x64"\nformat = "png"\n'
        f'[shops.mine]\nkind = "shopify"\naddress = "{double.url}"\nrendition = "web"\n'
    )
    given = {
        "CREDENTIALS_DIRECTORY": str(tmp_path / "secrets"),
        "FREISTELLER__ROOT": str(root),
        "FREISTELLER__STATE_DIR": str(journal.parent),
    }

    def command(*words: str) -> tuple[int, str]:
        told = freisteller("shops", *words, "--config", "f.toml", folder=tmp_path, **given)
        assert TOKEN not in told.stdout + told.stderr
        return told.returncode, told.stdout

    assert command("send", "kunde") == (0, "mine: shoe main: new\nmine: 1 picture: 1 new\n")
    code, told = command("send", "kunde", "--json")
    (shop,) = json.loads(told)["shops"]
    assert (code, shop["pictures"][0]["what"], shop["left_out"]) == (0, "same", [])
    another = Lock(journal.with_name("shops.lock"), "another one")
    assert command("send", "kunde")[0] == 75
    another.release()
    assert command("status") == (0, "mine (shopify): 1 picture: 1 there\n")
    double.faults.clear()
    double.points, double.rate = 0.0, 1e9
    assert command("send", "kunde", "--dry-run") == (
        75,
        "mine: shoe main: waits: Shopify slows us down (THROTTLED).\nmine: 1 picture: 1 waits\n",
    )
