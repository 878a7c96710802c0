"""A shop of the settings becomes the client of its kind, with all that it needs, or says what is missing."""

import pytest

from daemon.errors import BadSettings
from daemon.settings.shop_section import ShopSettings
from daemon.shops.amazon_regions import amazon_address
from daemon.shops.open_shop import open_shop

LOGINS: dict[str, dict[str, str]] = {
    "shopify": {"address": "https://a.myshopify.com", "token": "t"},
    "woocommerce": {"address": "https://shop.example", "user": "u", "password": "p"},
    "ebay": {"client_id": "c", "client_secret": "s", "token": "t"},
    "amazon": {
        "client_id": "c",
        "client_secret": "s",
        "token": "t",
        "seller": "A2",
        "marketplace": "A1PA6795UKMFR9",
        "base_url": "https://pictures.example",
    },
}
MISSING = [
    (kind, key)
    for kind, login in LOGINS.items()
    for key in login
    if key in ("user", "client_id", "token", "password", "client_secret")
]


def of_kind(kind: str, **more: str) -> ShopSettings:
    return ShopSettings.model_validate({"kind": kind, "rendition": "shop", **LOGINS[kind], **more})


@pytest.mark.parametrize("kind", LOGINS)
def test_a_shop_of_any_kind_is_opened_under_its_name(kind: str) -> None:
    assert open_shop("mine", of_kind(kind)).title == "mine"


@pytest.mark.parametrize(("kind", "key"), MISSING)
def test_what_is_missing_of_a_login_is_named(kind: str, key: str) -> None:
    with pytest.raises(BadSettings, match=f"mine has no {key}") as caught:
        open_shop("mine", of_kind(kind, **{key: ""}))

    is_secret = key not in ("user", "client_id")
    assert (f"shops.{key}.mine" in str(caught.value)) == is_secret


@pytest.mark.parametrize(
    ("marketplace", "region"), [("ATVPDKIKX0DER", "na"), ("A1PA6795UKMFR9", "eu"), ("A1VC38T7YXB528", "fe")]
)
def test_amazon_answers_in_the_region_of_the_marketplace(marketplace: str, region: str) -> None:
    assert amazon_address(marketplace) == f"https://sellingpartnerapi-{region}.amazon.com/"


def test_a_marketplace_that_nobody_knows_needs_an_address() -> None:
    with pytest.raises(BadSettings, match=r"shops\.mine\.address"):
        open_shop("mine", of_kind("amazon", marketplace="A0NEW"))

    assert open_shop("mine", of_kind("amazon", marketplace="A0NEW", address="https://new.amazon.com")).title == "mine"
