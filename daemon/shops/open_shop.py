"""Opens a shop of the settings: the one place that knows which kind is which client."""

import time
from collections.abc import Callable, Mapping

from daemon.errors import BadSettings
from daemon.settings.shop_section import ShopKind, ShopSecret, ShopSettings
from daemon.shops.http_door import USUAL_LIMITS, DoorLimits, HttpDoor
from daemon.shops.shop_contract import Shop
from daemon.shops.shopify import ShopifyShop
from daemon.shops.shopify_graphql import ShopifyGraphQL

Wait = Callable[[float], object]


def open_shop(name: str, settings: ShopSettings, limits: DoorLimits = USUAL_LIMITS, wait: Wait = time.sleep) -> Shop:
    """The shop of this name, not asked yet. wait: sleeps so many seconds. Raises BadSettings without a login."""
    missing = [key for key in _NEEDED[settings.kind] if not getattr(settings, key).get_secret_value()]
    if missing:
        listed = " and ".join(f"shops.{key}.{name}" for key in missing)
        raise BadSettings(
            f"The shop {name} has no {' and no '.join(missing)}. Provide it as systemd's credential {listed}, or set "
            f"it in [shops.{name}]."
        )
    return _OPENED[settings.kind](name, settings, limits, wait)


def _shopify(name: str, settings: ShopSettings, limits: DoorLimits, wait: Wait) -> Shop:
    token = settings.token.get_secret_value()
    door = HttpDoor(settings.address, {"X-Shopify-Access-Token": token}, (token,), limits, settings.ca_file)
    return ShopifyShop(name, ShopifyGraphQL(door, settings.api_version, wait), door)


_NEEDED: Mapping[ShopKind, tuple[ShopSecret, ...]] = {"shopify": ("token",)}
_OPENED: Mapping[ShopKind, Callable[[str, ShopSettings, DoorLimits, Wait], Shop]] = {"shopify": _shopify}
