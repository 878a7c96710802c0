"""eBay as it answers: tokens, the Media API's pictures, and the Inventory API's items.

After eBay's reference (Media API v1_beta.5, Inventory API 1.18, "managing images"), read in November 2026; requests are
held against schemas/ebay_inventory_item.json. Not documented, and chosen here: the texts of 429 and of the limit of
revisions.
"""

import base64
import copy
import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from email.parser import BytesParser
from email.policy import HTTP
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import jsonschema_rs

from tests.shops.shop_server import Asked, Routes, ShopServer, Told, numbers, routed

CLIENT, CLIENT_SECRET, REFRESH = "studio-app", "cert-5f1c", "v^1.1#refresh-77e0"
TOKENS = "/identity/v1/oauth2/token"
IMAGES = "/commerce/media/v1_beta/image"
ITEMS = "/sell/inventory/v1/inventory_item"
SCOPE = "https://api.ebay.com/oauth/api_scope/sell.inventory"
_SCHEMA = jsonschema_rs.validator_for(
    json.loads(Path(__file__).with_name("schemas").joinpath("ebay_inventory_item.json").read_text("utf-8"))
)


@dataclass(slots=True)
class EpsImage:
    """A picture of eBay Picture Services. It expires if no item shows it."""

    id: str
    url: str
    content: bytes


class EbayDouble(ShopServer):
    """A seller's account. clock: seconds; a test moves it. posts_in_5_s: after which comes 429."""

    def __init__(self) -> None:
        super().__init__()
        self.images: dict[str, EpsImage] = {}
        self.items: dict[str, dict[str, Any]] = {}  # Any: JSON
        self.locales: dict[str, str] = {}
        self.revisions: Counter[str] = Counter()
        self.clock = 0.0
        self.tokens: dict[str, float] = {}
        self.posts_in_5_s, self.revisions_a_day = 50, 250
        self._posted: list[float] = []
        self._numbers = numbers()
        self._routes: Routes = {
            ("POST", TOKENS): self._token,
            ("POST", f"{IMAGES}/create_image_from_file"): self._create,
            ("GET", f"{IMAGES}/*"): self._image,
            ("GET", f"{ITEMS}/*"): self._item,
            ("PUT", f"{ITEMS}/*"): self._replace,
        }

    def add_item(self, sku: str, *urls: str, title: str = "A shoe", locale: str = "de_DE") -> None:
        product: dict[str, Any] = {  # Any: JSON
            "title": title,
            "description": "Leather",
            "aspects": {"Brand": ["Studio"], "Colour": ["blue"]},
            "ean": ["4006381333931"],
        }
        if urls:
            product["imageUrls"] = list(urls)
        self.items[sku] = {
            "condition": "NEW",
            "availability": {"shipToLocationAvailability": {"quantity": 7}},
            "packageWeightAndSize": {"weight": {"unit": "KILOGRAM", "value": 0.9}},
            "product": product,
        }
        self.locales[sku] = locale

    def urls(self, sku: str) -> list[str]:
        """What the item shows."""
        shown: list[str] = self.items[sku]["product"].get("imageUrls", [])
        return shown

    def expire_tokens(self) -> None:
        """What two hours do."""
        self.tokens.clear()

    def expire_images(self) -> None:
        """What 30 days do to pictures that no item shows."""
        shown = {url for sku in self.items for url in self.urls(sku)}
        self.images = {id: image for id, image in self.images.items() if image.url in shown}

    def answer(self, asked: Asked) -> Told:
        if asked.path != TOKENS:
            kind, _, token = asked.headers.get("authorization", "").partition(" ")
            if kind != "Bearer" or self.clock >= self.tokens.get(token, 0.0):
                return _errors(401, 1001, "OAuth", "Invalid access token")
        last = asked.target.partition("?")[0].removeprefix(f"{ITEMS}/")
        if asked.method == "GET" and asked.path.rstrip("/") == ITEMS:
            return Told.of_json(200, {"inventoryItems": [], "total": 0})
        told = None if "/" in last and asked.path.startswith(ITEMS) else routed(self._routes, asked)
        return told or _errors(404, 2002, "ACCESS", "Resource not found")

    def _token(self, asked: Asked, _: str) -> Told:
        kind, _, coded = asked.headers.get("authorization", "").partition(" ")
        if kind != "Basic" or base64.b64decode(coded).decode() != f"{CLIENT}:{CLIENT_SECRET}":
            return Told.of_json(401, {"error": "invalid_client", "error_description": "client authentication failed"})
        form = dict(parse_qsl(asked.body.decode()))
        if form.get("grant_type") != "refresh_token":
            return Told.of_json(400, {"error": "unsupported_grant_type", "error_description": "unsupported"})
        if form.get("refresh_token") != REFRESH:
            return Told.of_json(400, {"error": "invalid_grant", "error_description": "refresh token is invalid"})
        if SCOPE not in form.get("scope", SCOPE).split():
            return Told.of_json(400, {"error": "invalid_scope", "error_description": "scope is invalid"})
        token = f"v^1.1#access-{next(self._numbers)}"
        self.tokens[token] = self.clock + 7200
        return Told.of_json(200, {"access_token": token, "expires_in": 7200, "token_type": "User Access Token"})

    # Pictures

    def _create(self, asked: Asked, _: str) -> Told:
        self._posted = [at for at in self._posted if self.clock - at < 5.0]
        if len(self._posted) >= self.posts_in_5_s:
            return _errors(429, 2001, "ACCESS", "Too many requests. The request limit has been reached.")
        self._posted.append(self.clock)
        content = _form_file(asked.headers, asked.body, "image")
        if not content:
            return _errors(400, 190201, "API_MEDIA", "Missing or invalid image.")
        number = next(self._numbers)
        image = EpsImage(f"v1|img-{number}|0", f"https://i.ebayimg.test/00/s/{number}/$_57.JPG", content)
        self.images[image.id] = image
        location = f"{self.url}{IMAGES}/{image.id.replace('|', '%7C')}"
        return Told.of_json(201, _image_json(image), Location=location)

    def _image(self, asked: Asked, rest: str) -> Told:
        image = self.images.get(rest)
        if image is None:
            return _errors(404, 190001, "API_MEDIA", "The specified image_id does not exist.")
        return Told.of_json(200, _image_json(image))

    # Items

    def _item(self, asked: Asked, sku: str) -> Told:
        item = copy.deepcopy(self.items.get(sku))
        if item is None:
            return _errors(404, 25710, "API_INVENTORY", "We didn't find the resource/entity you are requesting.")
        item |= {"sku": sku, "locale": self.locales[sku], "groupIds": ["shoes"], "inventoryItemGroupKeys": ["shoes"]}
        if ship := item.get("availability", {}).get("shipToLocationAvailability"):
            ship["allocationByFormat"] = {"auction": 0, "fixedPrice": ship["quantity"]}
        return Told.of_json(200, item)

    def _replace(self, asked: Asked, sku: str) -> Told:
        """createOrReplace: the record is what is sent, and nothing else."""
        language = asked.headers.get("content-language", "")
        if len(language) != 5 or language[2] != "-":
            return _errors(400, 25709, "API_INVENTORY", "Invalid value for header Content-Language.")
        sent = asked.json()
        if fault := next(_SCHEMA.iter_errors(sent), None):
            return _errors(400, 2004, "ACCESS", f"Invalid request: {fault.message}")
        if self.revisions[sku] >= self.revisions_a_day:
            return _errors(400, 25002, "API_INVENTORY", "A user error has occurred. Too many revisions today.")
        known = sku in self.items
        self.revisions[sku] += 1
        self.items[sku] = {"product": {}, **sent}
        self.locales[sku] = language.replace("-", "_")
        return Told(204) if known else Told.of_json(201, {"warnings": []})


def _form_file(headers: Mapping[str, str], body: bytes, name: str) -> bytes:
    """The content of the file of this name in a multipart form; empty = it is not there."""
    kind = headers.get("content-type", "")
    if not kind.startswith("multipart/form-data"):
        return b""
    form = BytesParser(policy=HTTP).parsebytes(b"Content-Type: " + kind.encode() + b"\r\n\r\n" + body)
    for part in form.iter_parts():
        if part.get_param("name", header="content-disposition") == name and part.get_filename():
            content = part.get_payload(decode=True)
            return content if isinstance(content, bytes) else b""
    return b""


def _image_json(image: EpsImage) -> dict[str, str]:
    return {"imageUrl": image.url, "expirationDate": "2026-12-30T12:00:00.000Z"}


def _errors(status: int, id: int, domain: str, message: str) -> Told:
    error = {"errorId": id, "domain": domain, "category": "REQUEST", "message": message, "longMessage": message}
    return Told.of_json(status, {"errors": [error]})
