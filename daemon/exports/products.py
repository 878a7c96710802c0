"""Which product a photo shows, as somebody said it: by the name of its file, by a list beside it, or by its folder."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import PurePosixPath

from daemon.disk.names import name_key
from daemon.errors import Said
from daemon.exports.product_list import ListedProduct, ProductList
from daemon.exports.product_pattern import ProductPattern


@dataclass(frozen=True, slots=True)
class ShownProduct:
    """The product that a photo shows.

    photo: its place below the folder that was dropped. position: of the picture among those of its product, from 1.
    handle, asin: what Shopify and Amazon call the product; "" = nobody said.
    """

    photo: str
    sku: str
    position: int
    title: str = ""
    handle: str = ""
    asin: str = ""


@dataclass(frozen=True, slots=True)
class ShownProducts:
    """What all photos of a folder show, product by product in the order of their pictures, and what is not clear."""

    products: tuple[ShownProduct, ...]
    faults: tuple[Said, ...] = ()

    @property
    def by_photo(self) -> dict[str, ShownProduct]:
        """What a photo shows, by `name_key` of its place."""
        return {name_key(each.photo): each for each in self.products}


def shown_products(
    photos: Sequence[str],
    listed: ProductList | None = None,
    pattern: ProductPattern | None = None,
    by_folder: bool = False,
) -> ShownProducts:
    """Find what each photo shows: the list says it first, then the pattern, then the name of the photo's folder.

    photos: their places below a folder, with "/". by_folder: whether a folder is called like a product. A picture whose
    position nobody said comes after those that have one, by its name. What is not clear is told, and never guessed.
    """
    found: list[ListedProduct] = []
    faults = list(listed.faults) if listed else []
    in_list = {name_key(each.file): each for each in listed.products} if listed else {}
    there = {name_key(photo) for photo in photos}
    faults += [
        Said("product_file_missing", row=each.row, name=each.file) for key, each in in_list.items() if key not in there
    ]
    for photo in sorted(photos, key=_in_natural_order):
        product = in_list.get(name_key(photo)) or _otherwise(photo, pattern, by_folder)
        if product is None:
            faults.append(Said("product_unknown", name=photo))
        else:
            found.append(replace(product, file=photo))  # a list may write its name in other letters
    products, doubled = _in_order(found)
    return ShownProducts(products, (*faults, *doubled))


def _otherwise(photo: str, pattern: ProductPattern | None, by_folder: bool) -> ListedProduct | None:
    path = PurePosixPath(photo)
    if pattern and (product := pattern.product_of(photo)):
        return product
    return ListedProduct(photo, path.parent.name) if by_folder and path.parent.name else None


def _in_order(found: Iterable[ListedProduct]) -> tuple[tuple[ShownProduct, ...], list[Said]]:
    """The pictures of each product one after the other, and which positions were given twice."""
    by_product: dict[str, list[ListedProduct]] = {}
    for each in found:
        by_product.setdefault(each.sku, []).append(each)
    shown: list[ShownProduct] = []
    faults: list[Said] = []
    for sku, pictures in by_product.items():
        places: dict[int, list[ListedProduct]] = {}
        for each in pictures:
            places.setdefault(each.position, []).append(each)
        waiting = places.pop(0, [])
        for n, (one, *others) in places.items():
            if others:
                faults.append(Said("product_position_twice", sku=sku, n=n, name=one.file, other=others[0].file))
        placed = {n: each[0] for n, each in places.items() if len(each) == 1}
        placed |= dict(enumerate(waiting, max(places, default=0) + 1))
        title = next((each.title for _, each in sorted(placed.items()) if each.title), "")
        handle = _the_only(sku, "handle", [each.handle for each in pictures], faults)
        asin = _the_only(sku, "asin", [each.asin for each in pictures], faults)
        shown += [
            ShownProduct(each.file, sku, n, each.title or title, handle, asin) for n, each in sorted(placed.items())
        ]
    return tuple(shown), faults


def _the_only(sku: str, column: str, codes: Iterable[str], faults: list[Said]) -> str:
    """What the rows of a product say in a column; "" if nothing, or if they differ, which is added to the faults."""
    said = sorted(set(codes) - {""})
    if len(said) > 1:
        faults.append(Said("product_code_twice", sku=sku, column=column, code=said[0], other=said[1]))
    return said[0] if len(said) == 1 else ""


def _in_natural_order(name: str) -> list[str | int]:
    """A key by which shoe-2 comes before shoe-10."""
    parts = re.split(r"([0-9]+)", name_key(name))  # every second one is a number
    return [int(part) if place % 2 else part for place, part in enumerate(parts)]


def values_of(product: ShownProduct | None) -> Mapping[str, str | int]:
    """What a template for names can take of a product."""
    return {"sku": product.sku, "n": product.position} if product else {}
