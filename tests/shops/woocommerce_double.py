"""WordPress and WooCommerce as they answer: the media library of wp/v2, and the products of wc/v3.

After the sources of WordPress (class-wp-rest-attachments-controller.php, sanitize_file_name, wp_unique_filename) and
WooCommerce (Version3/class-wc-rest-products-controller.php, set_product_images), read in November 2026. What is cut
down: only the fields that a client of pictures needs.
"""

import base64
import re
from dataclasses import dataclass, field
from typing import Any

from tests.shops.shop_server import Asked, Routes, ShopServer, Told, numbers, routed

USER = "studio"
PASSWORD = "abcd EFGH 1234 ijkl MNOP 5678"
KEY, SECRET = "ck_0123456789", "cs_9876543210"
MEDIA = "/wp-json/wp/v2/media"
PRODUCTS = "/wp-json/wc/v3/products"
_SUFFIXES = {"image/jpeg": ("jpg", "jpeg"), "image/png": ("png",), "image/webp": ("webp",)}
_IMAGE_SCHEMA = {"id", "src", "name", "alt"}


@dataclass(slots=True)
class Media:
    """A file of the media library. file: its name there, as WordPress made it."""

    id: int
    file: str
    content: bytes
    mime: str
    title: str
    alt: str = ""


@dataclass(slots=True)
class Product:
    """A product, or a variation of the product `parent`. images: ids of media, the main picture first."""

    id: int
    sku: str
    name: str
    type: str = "simple"
    parent: int = 0
    images: list[int] = field(default_factory=list)


class WooCommerceDouble(ShopServer):
    """A shop with a media library and products.

    most_bytes: what PHP takes. scaled: pictures are over 2560 pixels. reads_query: an upload takes alt_text from there.
    """

    def __init__(self) -> None:
        super().__init__()
        self.media: dict[int, Media] = {}
        self.products: dict[int, Product] = {}
        self.most_bytes = 2 << 20
        self.scaled = False
        self.reads_query = True
        self._ids = numbers(100)
        self._media_routes: Routes = {
            ("GET", ""): self._search,
            ("POST", ""): self._upload,
            ("GET", "/*"): self._one_media,
            ("POST", "/*"): self._describe,
            ("DELETE", "/*"): self._delete,
        }
        self._product_routes: Routes = {
            ("GET", ""): self._products,
            ("GET", "/*"): self._product,
            ("PUT", "/*"): self._change,
        }

    def add_product(self, sku: str, *images: int, name: str = "A shoe", type: str = "simple", parent: int = 0) -> int:
        product = Product(next(self._ids), sku, name, type, parent, list(images))
        self.products[product.id] = product
        return product.id

    def add_media(self, file: str, content: bytes = b"somebody's", mime: str = "image/jpeg") -> int:
        media = Media(next(self._ids), self._free_name(file), content, mime, file.rpartition(".")[0])
        self.media[media.id] = media
        return media.id

    def answer(self, asked: Asked) -> Told:
        if asked.path.startswith(MEDIA):
            if not self._is_user(asked):
                return _error(401, "incorrect_password", "The provided password is an invalid application password.")
            told = routed(self._media_routes, asked, MEDIA)
        else:
            if not self._is_user(asked) and _login(asked) != f"{KEY}:{SECRET}":
                return _error(401, "woocommerce_rest_cannot_view", "Sorry, you cannot list resources.")
            told = routed(self._product_routes, asked, PRODUCTS)
        return told or _error(404, "rest_no_route", "No route was found matching the URL and request method.")

    def _is_user(self, asked: Asked) -> bool:
        user, _, password = _login(asked).partition(":")
        return user == USER and re.sub("[^a-zA-Z0-9]", "", password) == PASSWORD.replace(" ", "")

    # The media library

    def _search(self, asked: Asked, _: str) -> Told:
        words = asked.query.get("search", "")
        found = [each for each in self.media.values() if words.lower() in f"{each.file} {each.title}".lower()]
        page, size = int(asked.query.get("page", 1)), int(asked.query.get("per_page", 10))
        found = sorted(found, key=lambda each: -each.id)[(page - 1) * size : page * size]
        return Told.of_json(200, [self._media_json(each) for each in found])

    def _upload(self, asked: Asked, _: str) -> Told:
        mime = asked.headers.get("content-type", "")
        named = re.search(r'filename="?([^";]+)"?', asked.headers.get("content-disposition", ""))
        if len(asked.body) > self.most_bytes:
            return Told.page(413, "<h1>413 Request Entity Too Large</h1><hr>nginx")
        if not asked.body:
            return _error(400, "rest_upload_no_data", "No data supplied.")
        if not mime:
            return _error(400, "rest_upload_no_content_type", "No Content-Type supplied.")
        if named is None:
            return _error(400, "rest_upload_no_content_disposition", "No Content-Disposition supplied.")
        if named[1].rpartition(".")[2].lower() not in _SUFFIXES.get(mime, ()):
            return _error(500, "rest_upload_sideload_error", "Sorry, you are not allowed to upload this file type.")
        id = self.add_media(sanitized(named[1]), asked.body, mime)
        if self.reads_query:
            self.media[id].alt = asked.query.get("alt_text", "")
        return Told.of_json(201, self._media_json(self.media[id]), Location=f"{self.url}{MEDIA}/{id}")

    def _one_media(self, asked: Asked, rest: str) -> Told:
        media = self.media.get(int(rest))
        return Told.of_json(200, self._media_json(media)) if media else _no_media()

    def _describe(self, asked: Asked, rest: str) -> Told:
        media = self.media.get(int(rest))
        if media is None:
            return _no_media()
        sent = asked.json()
        media.alt, media.title = sent.get("alt_text", media.alt), sent.get("title", media.title)
        return Told.of_json(200, self._media_json(media))

    def _delete(self, asked: Asked, rest: str) -> Told:
        media = self.media.get(int(rest))
        if media is None:
            return _no_media()
        if asked.query.get("force") not in ("true", "1"):
            return _error(501, "rest_trash_not_supported", "The media does not support trashing. Set 'force=true'.")
        del self.media[media.id]
        for product in self.products.values():
            product.images = [id for id in product.images if id != media.id]
        return Told.of_json(200, {"deleted": True, "previous": self._media_json(media)})

    def _free_name(self, name: str) -> str:
        stem, _, suffix = name.rpartition(".")
        taken = {each.file for each in self.media.values()}
        count = 0
        while name in taken:
            count += 1
            name = f"{stem}-{count}.{suffix}"
        return name

    def _media_json(self, media: Media) -> dict[str, Any]:  # Any: JSON
        served, details = media.file, {}
        if self.scaled:
            stem, _, suffix = media.file.rpartition(".")
            served, details = f"{stem}-scaled.{suffix}", {"original_image": media.file}
        return {
            "id": media.id,
            "slug": media.file.rpartition(".")[0].lower(),
            "title": {"rendered": media.title},
            "alt_text": media.alt,
            "mime_type": media.mime,
            "media_details": {"file": f"2026/11/{served}", **details},
            "source_url": f"{self.url}/wp-content/uploads/2026/11/{served}",
        }

    # The products

    def _products(self, asked: Asked, _: str) -> Told:
        wanted = asked.query.get("sku", "")
        skus = {each.lower() for each in (wanted, *wanted.split(","))}  # the database compares without case
        found = [each for each in self.products.values() if not wanted or each.sku.lower() in skus]
        return Told.of_json(200, [self._product_json(each) for each in found])

    def _product(self, asked: Asked, rest: str) -> Told:
        product = self._found(rest)
        return Told.of_json(200, self._product_json(product)) if product else _no_product()

    def _change(self, asked: Asked, rest: str) -> Told:
        product, sent = self._found(rest), asked.json()
        if product is None:
            return _no_product()
        images = [sent["image"]] if "image" in sent else sent.get("images")
        if images is None:
            return Told.of_json(200, self._product_json(product))
        if not isinstance(images, list) or not all(isinstance(each, dict) for each in images):
            return _error(400, "rest_invalid_param", "Invalid parameter(s): images")
        if unknown := {key for each in images for key in each} - _IMAGE_SCHEMA:
            return _error(400, "rest_invalid_param", f"Invalid parameter(s): {unknown}")
        ids = []
        for image in images:
            id = int(image.get("id") or 0)
            if not id and "src" in image:  # loaded again each time: this is what doubles pictures
                id = self.add_media(image["src"].rpartition("/")[2], b"loaded from src")
            if id not in self.media:
                return _error(400, "woocommerce_product_invalid_image_id", f"#{id} is an invalid image ID.")
            ids.append(id)
        product.images = ids
        product.name = sent.get("name", product.name)
        return Told.of_json(200, self._product_json(product))

    def _found(self, rest: str) -> Product | None:
        """products/ID, or products/PARENT/variations/ID: each kind has its own address."""
        parent, _, variation = rest.partition("/variations/")
        product = self.products.get(int(variation or parent))
        if product is None or product.parent != (int(parent) if variation else 0):
            return None
        return product

    def _product_json(self, product: Product) -> dict[str, Any]:  # Any: JSON
        ids = product.images
        if product.type == "variation" and not ids:  # it shows its product's main picture
            ids = self.products[product.parent].images[:1]
        images = [
            {"id": id, "src": self._media_json(self.media[id])["source_url"], "name": self.media[id].title, "alt": ""}
            for id in ids
            if id in self.media
        ]
        shown: dict[str, Any] = {"images": images}
        if product.type == "variation":
            shown = {"image": images[0] if images else None}
        return {
            "id": product.id,
            "sku": product.sku,
            "name": product.name,
            "type": product.type,
            "parent_id": product.parent,
            **shown,
        }


def sanitized(name: str) -> str:
    """As WordPress' sanitize_file_name: no odd letters, dashes for spaces, and no second full stop that looks real."""
    name = re.sub(r"[?\[\]/\\=<>:;,'\"&$#*()|~`!{}%+’«»”“]", "", name)
    name = re.sub(r"[\r\n\t -]+", "-", name).strip(".-_")
    first, *parts = name.split(".")
    for part in parts[:-1]:
        first += f".{part}" + ("_" if re.fullmatch(r"[a-zA-Z]{2,5}\d?", part) and part not in ("jpg", "png") else "")
    return f"{first}.{parts[-1]}" if parts else first


def _login(asked: Asked) -> str:
    kind, _, coded = asked.headers.get("authorization", "").partition(" ")
    return base64.b64decode(coded).decode() if kind == "Basic" else ""


def _error(status: int, code: str, message: str) -> Told:
    return Told.of_json(status, {"code": code, "message": message, "data": {"status": status}})


def _no_media() -> Told:
    return _error(404, "rest_post_invalid_id", "Invalid post ID.")


def _no_product() -> Told:
    return _error(404, "woocommerce_rest_product_invalid_id", "Invalid ID.")
