"""The settings of shops that pictures are sent to."""

import pytest

from daemon.errors import BadSettings
from daemon.settings import Settings, load

SHOP = {"kind": "shopify", "address": "https://a.myshopify.com", "rendition": "shop"}


def with_shop(name: str = "mine", **more: object) -> Settings:
    return load(flags={"shops": {name: {**SHOP, **more}}})


@pytest.mark.parametrize(
    "address",
    ["http://a.myshopify.com", "ftp://a", "a.myshopify.com", "https://", "https://me:pw@a", "https://a/?token=1"],
)
def test_an_address_that_would_tell_the_login_to_others_is_refused(address: str) -> None:
    with pytest.raises(BadSettings, match=r"shops\.mine\.address"):
        with_shop(address=address)


def test_a_shop_on_this_machine_needs_no_encryption() -> None:
    assert with_shop(address="http://127.0.0.1:8080").shops["mine"].address == "http://127.0.0.1:8080"


@pytest.mark.parametrize("kind", ["shopify", "woocommerce"])
def test_a_shop_of_its_owner_needs_its_address(kind: str) -> None:
    with pytest.raises(BadSettings, match="needs its address"):
        with_shop(kind=kind, address="")


def test_ebay_has_an_address_of_its_own() -> None:
    assert with_shop(kind="ebay", address="").shops["mine"].address == ""


@pytest.mark.parametrize("name", ["My Shop", "a_b", "", "x" * 41])
def test_a_name_must_be_plain(name: str) -> None:
    with pytest.raises(BadSettings):
        with_shop(name)


def test_an_unknown_key_is_named() -> None:
    with pytest.raises(BadSettings, match="adress"):
        with_shop(adress="x")


def test_amazon_needs_where_pictures_can_be_fetched() -> None:
    amazon = {"kind": "amazon", "address": "", "seller": "A2", "marketplace": "A1PA6795UKMFR9"}

    with pytest.raises(BadSettings, match="base_url"):
        with_shop(**amazon)
    assert with_shop(**amazon, base_url="https://pictures.example").shops["mine"].folder == ""
