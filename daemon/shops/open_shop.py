"""Opens a shop of the settings: the one place that knows which kind is which client."""

import time
from collections.abc import Callable, Mapping, MutableMapping
from dataclasses import dataclass, replace
from pathlib import Path

from daemon.errors import BadSettings
from daemon.settings.shop_section import ShopKind, ShopSettings
from daemon.shops.amazon import AmazonLogin, AmazonShop
from daemon.shops.amazon_regions import amazon_address
from daemon.shops.ebay import EbayLogin, EbayShop
from daemon.shops.http_door import USUAL_LIMITS, DoorLimits, HttpDoor
from daemon.shops.shop_contract import Shop
from daemon.shops.shopify import ShopifyShop
from daemon.shops.shopify_graphql import ShopifyGraphQL
from daemon.shops.woocommerce import WooCommerceLogin, WooCommerceShop

Wait = Callable[[float], object]
Notes = MutableMapping[str, str]
AMAZON_TOKENS = "https://api.amazon.com/"


@dataclass(frozen=True, slots=True)
class _Means:
    """What any client needs besides its settings."""

    limits: DoorLimits
    wait: Wait
    notes: Notes


def open_shop(
    name: str,
    settings: ShopSettings,
    limits: DoorLimits = USUAL_LIMITS,
    wait: Wait = time.sleep,
    notes: Notes | None = None,
) -> Shop:
    """The shop of this name, not asked yet. Raises BadSettings without a login, or without its ca_file.

    wait: sleeps so many seconds. notes: of this shop in the journal; None = nothing is sent, or only by this process.
    """
    missing = [key for key in _NEEDED[settings.kind] if not _set(settings, key)]
    if missing:
        secrets = [f"shops.{key}.{name}" for key in missing if key not in _PLAIN]
        provide = f"Provide it as systemd's credential {' and '.join(secrets)}, or set" if secrets else "Set"
        raise BadSettings(f"The shop {name} has no {' and no '.join(missing)}. {provide} it in [shops.{name}].")
    if settings.ca_file and not Path(settings.ca_file).is_file():
        raise BadSettings(f"The file {settings.ca_file} is not there: shops.{name}.ca_file names it.")
    return _OPENED[settings.kind](name, settings, _Means(limits, wait, {} if notes is None else notes))


def _set(settings: ShopSettings, key: str) -> bool:
    value = getattr(settings, key)
    return bool(value if key in _PLAIN else value.get_secret_value())


def _shopify(name: str, settings: ShopSettings, means: _Means) -> Shop:
    token = settings.token.get_secret_value()
    door = HttpDoor(settings.address, {"X-Shopify-Access-Token": token}, (token,), means.limits, settings.ca_file)
    return ShopifyShop(name, ShopifyGraphQL(door, settings.api_version, means.wait), door)


def _woocommerce(name: str, settings: ShopSettings, means: _Means) -> Shop:
    login = WooCommerceLogin(
        url=settings.address,
        user=settings.user,
        password=settings.password.get_secret_value(),
        key=settings.client_id,
        secret=settings.client_secret.get_secret_value(),
        ca_file=settings.ca_file,
    )
    return WooCommerceShop(name, login, limits=means.limits)


def _ebay(name: str, settings: ShopSettings, means: _Means) -> Shop:
    login = EbayLogin(
        client=settings.client_id,
        secret=settings.client_secret.get_secret_value(),
        refresh_token=settings.token.get_secret_value(),
        language=settings.marketplace or "de-DE",
        ca_file=settings.ca_file,
    )
    if settings.address:
        address = settings.address.rstrip("/") + "/"
        login = replace(login, api=address, media_api=address.replace("//api.", "//apim.", 1))
    return EbayShop(name, login, means.limits, means.notes, wait=means.wait)


def _amazon(name: str, settings: ShopSettings, means: _Means) -> Shop:
    address = settings.address or amazon_address(settings.marketplace)
    if not address:
        raise BadSettings(
            f"The marketplace {settings.marketplace} of the shop {name} is not known. Set shops.{name}.address to "
            'where Amazon answers for it, e.g. "https://sellingpartnerapi-eu.amazon.com".'
        )
    address = address.rstrip("/") + "/"
    login = AmazonLogin(
        client=settings.client_id,
        secret=settings.client_secret.get_secret_value(),
        refresh_token=settings.token.get_secret_value(),
        seller=settings.seller,
        marketplace=settings.marketplace,
        base_url=settings.base_url,
        api=address,
        tokens=AMAZON_TOKENS if address.endswith(".amazon.com/") else address,
        folder=Path(settings.folder) if settings.folder else None,
        ca_file=settings.ca_file,
    )
    return AmazonShop(name, login, means.limits, means.notes, wait=means.wait)


_PLAIN = frozenset({"user", "client_id"})
_NEEDED: Mapping[ShopKind, tuple[str, ...]] = {
    "shopify": ("token",),
    "woocommerce": ("user", "password"),
    "ebay": ("client_id", "client_secret", "token"),
    "amazon": ("client_id", "client_secret", "token"),
}
_OPENED: Mapping[ShopKind, Callable[[str, ShopSettings, _Means], Shop]] = {
    "shopify": _shopify,
    "woocommerce": _woocommerce,
    "ebay": _ebay,
    "amazon": _amazon,
}
