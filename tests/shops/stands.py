"""Each kind of shop on this machine, so that the same sentences hold for all: a double, and what opens it."""

import ssl
from collections.abc import MutableMapping
from pathlib import Path
from typing import Protocol

from daemon.settings.shop_section import ShopSettings
from daemon.shops.http_door import DoorLimits
from daemon.shops.open_shop import open_shop
from daemon.shops.shop_contract import Shop
from tests.shops import amazon_double, ebay_double, shopify_double, woocommerce_double
from tests.shops.amazon_double import AmazonDouble
from tests.shops.ebay_double import EbayDouble
from tests.shops.shop_server import PictureWeb, ShopServer
from tests.shops.shopify_double import ShopifyDouble
from tests.shops.woocommerce_double import WooCommerceDouble

QUICK = DoorLimits(connect_seconds=5, silent_seconds=20, answer_seconds=30)
SKU = "shoe-12"
OWNERS = (b"the owner's front", b"the owner's back")


class Stand(Protocol):
    """One kind of shop. A context manager, as its double is."""

    @property
    def double(self) -> ShopServer:
        """What is asked."""
        ...

    def settings(self, wrong: bool = False) -> dict[str, str]:
        """Of the shop. wrong: with a secret that nobody knows."""
        ...

    def add_product(self, sku: str, *owners: bytes) -> None:
        """A product that shows these pictures of its owner."""
        ...

    def shown(self, sku: str) -> list[bytes]:
        """What a customer sees of it, in order, once the shop has done what it does by itself."""
        ...

    def products(self) -> int:
        """How many there are."""
        ...

    def strays(self) -> int:
        """Files that nothing shows, and that do not expire by themselves."""
        ...


def opened(stand: Stand, notes: MutableMapping[str, str], wrong: bool = False) -> Shop:
    """The shop as a new process opens it. Nobody really sleeps."""
    settings = ShopSettings.model_validate({"rendition": "shop", **stand.settings(wrong)})
    return open_shop("mine", settings, QUICK, lambda _: None, notes)


class ShopifyStand:
    """Shopify."""

    def __init__(self) -> None:
        self.double = ShopifyDouble()
        self.double.points = self.double.most = 1e9
        self.double.polls = 1  # what waits for a file has tests of its own

    def settings(self, wrong: bool = False) -> dict[str, str]:
        return {"kind": "shopify", "address": self.double.url, "token": "shpat_no" if wrong else shopify_double.TOKEN}

    def add_product(self, sku: str, *owners: bytes) -> None:
        files = [self.double.add_file(f"owners-{number}.jpg", each) for number, each in enumerate(owners)]
        self.double.add_product(sku, media=tuple(files))

    def shown(self, sku: str) -> list[bytes]:
        (product,) = [each for each in self.double.products.values() if sku in each.skus]
        return self.double.shown(product)

    def products(self) -> int:
        return len(self.double.products)

    def strays(self) -> int:
        shown = {each for product in self.double.products.values() for each in product.media}
        return len(self.double.files.keys() - shown)


class WooCommerceStand:
    """WooCommerce."""

    def __init__(self) -> None:
        self.double = WooCommerceDouble()

    def settings(self, wrong: bool = False) -> dict[str, str]:
        password = "no" if wrong else woocommerce_double.PASSWORD
        return {
            "kind": "woocommerce",
            "address": self.double.url,
            "user": woocommerce_double.USER,
            "password": password,
        }

    def add_product(self, sku: str, *owners: bytes) -> None:
        files = [self.double.add_media(f"owners-{number}.jpg", each) for number, each in enumerate(owners)]
        self.double.add_product(sku, *files)

    def shown(self, sku: str) -> list[bytes]:
        (product,) = [each for each in self.double.products.values() if each.sku == sku]
        return [self.double.media[each].content for each in product.images]

    def products(self) -> int:
        return len(self.double.products)

    def strays(self) -> int:
        shown = {each for product in self.double.products.values() for each in product.images}
        return len(self.double.media.keys() - shown)


class EbayStand:
    """eBay."""

    def __init__(self) -> None:
        self.double = EbayDouble()
        self.owners: dict[str, bytes] = {}

    def settings(self, wrong: bool = False) -> dict[str, str]:
        return {
            "kind": "ebay",
            "address": self.double.url,
            "client_id": ebay_double.CLIENT,
            "client_secret": ebay_double.CLIENT_SECRET,
            "token": "v^1.1#no" if wrong else ebay_double.REFRESH,
        }

    def add_product(self, sku: str, *owners: bytes) -> None:
        urls = {f"https://i.ebayimg.test/owners/{number}.JPG": each for number, each in enumerate(owners)}
        self.owners |= urls
        self.double.add_item(sku, *urls)

    def shown(self, sku: str) -> list[bytes]:
        contents = self.owners | {each.url: each.content for each in self.double.images.values()}
        return [contents[url] for url in self.double.urls(sku)]

    def products(self) -> int:
        return len(self.double.items)

    def strays(self) -> int:
        return 0  # they do


class AmazonStand:
    """Amazon, and the folder of the web that it fetches from."""

    def __init__(self, folder: Path, certificate: Path) -> None:
        self.certificate = certificate
        self.double = AmazonDouble(ssl.create_default_context(cafile=str(certificate)))
        self.double.burst = 10**9  # the clock of its limit stands still here
        self.web = PictureWeb(folder, certificate)
        self.double.beside.append(self.web)

    def settings(self, wrong: bool = False) -> dict[str, str]:
        return {
            "kind": "amazon",
            "address": self.double.url,
            "client_id": amazon_double.CLIENT,
            "client_secret": amazon_double.CLIENT_SECRET,
            "token": "Atzr|no" if wrong else amazon_double.REFRESH,
            "seller": amazon_double.SELLER,
            "marketplace": amazon_double.MARKET,
            "base_url": self.web.url,
            "folder": str(self.web.folder),
            "ca_file": str(self.certificate),
        }

    def add_product(self, sku: str, *owners: bytes) -> None:
        self.double.add_listing(sku, *map(self.double.add_picture, owners))

    def shown(self, sku: str) -> list[bytes]:
        self.double.fetch_pictures()
        return self.double.shown(sku)

    def products(self) -> int:
        return len(self.double.listings)

    def strays(self) -> int:
        return 0  # it keeps none
