"""Where WooCommerce keeps a product's pictures. Decides, and asks nobody."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

_PATH = re.compile(r"(\d+)(?:/variations/(\d+))?")


@dataclass(frozen=True, slots=True)
class Place:
    """Where a product lies below wc/v3/products. variation: of that product, 0 = the product itself."""

    product: int
    variation: int = 0

    @property
    def path(self) -> str:
        """Such as "12" or "12/variations/15"."""
        return f"{self.product}/variations/{self.variation}" if self.variation else str(self.product)

    @classmethod
    def of_path(cls, path: str) -> "Place":
        """Raises ValueError if it is none."""
        found = _PATH.fullmatch(path)
        if found is None:
            raise ValueError(f"{path} is no place of a product.")
        return cls(int(found[1]), int(found[2] or 0))


def place_of(product: Mapping[str, Any]) -> Place:  # Any: JSON
    """The place of a product that WooCommerce lists. Variations are listed too, and lie below their product."""
    if product.get("type") == "variation" and product.get("parent_id"):
        return Place(int(product["parent_id"]), int(product["id"]))
    return Place(int(product["id"]))


def shown_by(product: Mapping[str, Any]) -> list[Mapping[str, Any]]:  # Any: JSON
    """The pictures of a product, the main one first; of a variation its only one. Placeholders have the id 0."""
    images = product.get("images") if "images" in product else [product.get("image")]
    return [each for each in images or () if isinstance(each, dict) and each.get("id")]
