"""Decides what an export holds: its pictures with their names and addresses, the lists for shops, what is left out."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from daemon.errors import Said
from daemon.exports.addresses import address
from daemon.exports.exported_picture import ExportedPicture
from daemon.exports.kept_pictures import KeptPicture, WantedFor, kept_pictures
from daemon.exports.left_out import NO_PRODUCT, NotExported
from daemon.exports.listed_products import ListedPictures, ShopList, chosen_rendition, listed_products
from daemon.exports.named_pictures import first_positions, named_pictures
from daemon.exports.order_photos import OrderPhoto
from daemon.exports.product_pattern import ProductPattern
from daemon.exports.product_source import ProductSource
from daemon.exports.products import ShownProduct, ShownProducts, shown_products
from daemon.exports.shop_lists import GOOGLE, SHOPIFY, WOOCOMMERCE, google_list, shopify_list, woocommerce_list
from daemon.settings.export_sections import ExportSettings, ProductSettings
from daemon.words.catalogue import Texts


@dataclass(frozen=True, slots=True)
class ExportOrder:
    """What is to be exported, and how.

    root: of the hot folder. wanted_for: what settings and orders want made of a photo. source: the list of products.
    words: in which the files tell reasons.
    """

    root: Path
    name: str
    photos: tuple[OrderPhoto, ...]
    wanted_for: WantedFor
    products: ProductSettings
    settings: ExportSettings
    source: ProductSource
    words: Texts


@dataclass(frozen=True, slots=True)
class PlannedExport:
    """What an export holds.

    not_kept: what is no picture in it, or not clear. urls: by the picture's place; empty if no address is known.
    """

    pictures: tuple[ExportedPicture, ...]
    not_kept: tuple[NotExported, ...]
    urls: Mapping[str, str]
    lists: tuple[ShopList, ...]

    @property
    def left_out(self) -> tuple[NotExported, ...]:
        """All that is left out, also of the lists only."""
        return (*self.not_kept, *(each for one in self.lists for each in one.left_out))


@dataclass(frozen=True, slots=True)
class _Shop:
    """A shop that imports a list. name: of a rendition that is meant for it. preset: likewise; "" = it has none."""

    file: str
    name: str
    preset: str
    write: Callable[[Sequence[ListedPictures]], ShopList]


_SHOPS = (
    _Shop(SHOPIFY, "shopify", "shopify", shopify_list),
    _Shop(GOOGLE, "google", "google-merchant", google_list),
    _Shop(WOOCOMMERCE, "woocommerce", "", woocommerce_list),
)


def planned_export(order: ExportOrder, reserved: Sequence[str]) -> PlannedExport:
    """Plan the export of an order. reserved: names at its top that are no pictures'. Raises OSError."""
    shown, unclear = _shown(order)
    kept, without_file = kept_pictures(order.root, order.photos, order.wanted_for)
    named, without_name = named_pictures(
        order.root, order.name, kept, shown.by_photo, [*reserved, *(shop.file for shop in _SHOPS)]
    )
    base = order.settings.base_url
    urls = {each.name: address(base, order.name, each.name, each.sha256) for each in named} if base else {}
    lists = tuple(_lists(order, named, kept, urls, shown.products))
    return PlannedExport(tuple(named), (*unclear, *without_file, *without_name), urls, lists)


def _shown(order: ExportOrder) -> tuple[ShownProducts, list[NotExported]]:
    """Which products the photos show, and what is not clear of them."""
    asked = order.products
    pattern = ProductPattern.of(asked.pattern) if asked.pattern else None
    shown = shown_products([photo.photo for photo in order.photos], order.source.listed, pattern, asked.by_folder)
    if not (order.source.said or pattern or asked.by_folder):
        return shown, [NotExported("", "", Said("export_no_products"))]  # one thing to tell, not one a photo
    return shown, [
        _of_a_photo(fault) if fault.code == "product_unknown" else NotExported("", "", fault) for fault in shown.faults
    ]


def _of_a_photo(fault: Said) -> NotExported:
    return NotExported(str(fault.values["name"]), "", NO_PRODUCT)


def _lists(
    order: ExportOrder,
    pictures: Sequence[ExportedPicture],
    kept: Sequence[KeptPicture],
    urls: Mapping[str, str],
    products: Sequence[ShownProduct],
) -> list[ShopList]:
    """The lists that are wanted; each is whole, or left out with the reason."""
    presets = {(each.told.name, each.told.variant): each.told.preset for each in kept}
    made = {each.label: presets[each.rendition, each.variant] for each in pictures}
    first, handles = first_positions(products), {each.sku: each.handle for each in products}
    lists = []
    for shop in _SHOPS:
        label = chosen_rendition(shop.file, getattr(order.settings, shop.name), shop.name, shop.preset, made)
        if isinstance(label, Said):
            lists.append(ShopList(shop.file, None, label))
        elif label is not None and not urls:
            lists.append(ShopList(shop.file, None, Said("list_needs_address", list=shop.file)))
        elif label is not None:
            listed, left_out = listed_products(pictures, label, urls, first, handles)
            lists.append(shop.write(listed).with_left_out(left_out))
    return lists
