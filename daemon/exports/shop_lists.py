"""Writes the lists that shops import: Shopify's and WooCommerce's CSV of products, Google's supplemental feed."""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence

from daemon.errors import Said
from daemon.exports.csv_cells import as_text, is_formula, table
from daemon.exports.export_names import ascii_folded
from daemon.exports.left_out import NotExported
from daemon.exports.listed_products import ListedPictures, ShopList

SHOPIFY, GOOGLE, WOOCOMMERCE = "shopify.csv", "google.tsv", "woocommerce.csv"
_GOOGLE_MOST = 11  # pictures of a product: image_link, and 10 in additional_image_link
_GOOGLE_MOST_ID = 50  # characters
_GOOGLE_MOST_ADDRESS = 2000  # characters
_SHOPIFY_MOST = 250  # pictures of a product


def shopify_list(products: Sequence[ListedPictures]) -> ShopList:
    """Shopify's CSV of products, with its column names of 2025: a row for each picture, the product's first one first.

    Shopify refuses an import without titles, and an empty one would empty the shop's own: each product needs one.
    """
    kept, left_out = _without_formulas(products, SHOPIFY, lambda product: product.titles)
    titled = [product for product in kept if product.title]
    left_out += [
        NotExported("", "", Said("list_needs_title", list=SHOPIFY, sku=each.sku)) for each in kept if not each.title
    ]
    groups, unclear = _by_handle(titled)
    told = [Said("list_handles_made", list=SHOPIFY)] if any(not each.handle for each in titled) else []
    rows = [row for handle, group in groups.items() for row in _shopify_rows(handle, group)]
    left_out += [
        NotExported("", "", Said("list_most_pictures", list=SHOPIFY, sku=group[0].sku, n=_SHOPIFY_MOST))
        for group in groups.values()
        if sum(len(product.pictures) for product in group) > _SHOPIFY_MOST
    ]
    head = ["URL handle", "Title", "Product image URL", "Image position", "Image alt text"]
    return _list(SHOPIFY, table(head, rows).encode() if rows else None, told, [*left_out, *unclear])


def google_list(products: Sequence[ListedPictures]) -> ShopList:
    """A supplemental feed for Google Merchant Center: it changes the pictures of products, and adds none."""
    kept, left_out = _without_formulas(products, GOOGLE, lambda product: [product.sku])
    fitting: list[ListedPictures] = []
    for product in kept:
        if len(product.sku) > _GOOGLE_MOST_ID:
            left_out.append(NotExported("", "", Said("list_id_too_long", list=GOOGLE, sku=product.sku)))
        elif any(len(url) > _GOOGLE_MOST_ADDRESS for _, url in product.pictures):
            left_out.append(NotExported("", "", Said("list_address_too_long", list=GOOGLE, sku=product.sku)))
        else:
            fitting.append(product)
    several = any(len(product.pictures) > 1 for product in fitting)
    rows = []
    for product in fitting:
        urls = [url for _, url in product.pictures]
        if len(urls) > _GOOGLE_MOST:
            many = Said("list_most_pictures", list=GOOGLE, sku=product.sku, n=_GOOGLE_MOST)
            left_out.append(NotExported("", "", many))
        rows.append([product.sku, urls[0], *([",".join(urls[1:_GOOGLE_MOST])] if several else [])])
    head = ["id", "image_link", *(["additional_image_link"] if several else [])]
    return _list(GOOGLE, table(head, rows, delimiter="\t").encode() if rows else None, [], left_out)


def woocommerce_list(products: Sequence[ListedPictures]) -> ShopList:
    """WooCommerce's CSV of products: all pictures of a product in one cell, the first one is its main picture.

    WooCommerce takes the apostrophe before what begins like a formula away again, as it writes it itself.
    """
    rows = [[as_text(product.sku), ", ".join(url for _, url in product.pictures)] for product in products]
    return _list(WOOCOMMERCE, table(["SKU", "Images"], rows).encode() if rows else None, [], [])


def _list(file: str, content: bytes | None, told: Sequence[Said], left_out: Sequence[NotExported]) -> ShopList:
    if content is None:
        return ShopList(file, None, Said("list_empty", list=file), (), tuple(left_out))
    return ShopList(file, content, None, tuple(told), tuple(left_out))


def _shopify_rows(handle: str, group: Sequence[ListedPictures]) -> list[list[str | int]]:
    """The rows of a product; its title stands in the first one only."""
    rows: list[list[str | int]] = []
    for picture, url in [each for product in group for each in product.pictures][:_SHOPIFY_MOST]:
        title = group[0].title
        rows.append([handle, "" if rows else title, url, len(rows) + 1, picture.title or title])
    return rows


def _by_handle(products: Sequence[ListedPictures]) -> tuple[dict[str, list[ListedPictures]], list[NotExported]]:
    """Products by what Shopify calls them; several SKUs may be variants of one. What is not clear is left out.

    A handle that nobody said is made of the SKU, but two products never get the same one in that way.
    """
    made = {product.sku: _made_handle(product.sku) for product in products if not product.handle}
    taken = Counter([*made.values(), *{product.handle.casefold() for product in products if product.handle}])
    groups: dict[str, list[ListedPictures]] = defaultdict(list)
    unclear = []
    for product in products:
        handle = product.handle or made[product.sku]
        if not handle or (not product.handle and taken[handle] > 1):
            unclear.append(NotExported("", "", Said("list_handle_unclear", list=SHOPIFY, sku=product.sku)))
        else:
            groups[handle].append(product)
    return groups, unclear


def _made_handle(sku: str) -> str:
    """A handle as Shopify makes it of a title: small letters, digits and dashes."""
    return re.sub(r"[^a-z0-9]+", "-", ascii_folded(sku).lower()).strip("-")


def _without_formulas(
    products: Sequence[ListedPictures], file: str, cells: Callable[[ListedPictures], Iterable[str]]
) -> tuple[list[ListedPictures], list[NotExported]]:
    """The products whose cells no spreadsheet runs. These shops take cells as they are, so no apostrophe helps."""
    kept, left_out = [], []
    for product in products:
        if odd := next(filter(is_formula, cells(product)), None):
            left_out.append(NotExported("", "", Said("list_formula", list=file, sku=product.sku, cell=odd)))
        else:
            kept.append(product)
    return kept, left_out
