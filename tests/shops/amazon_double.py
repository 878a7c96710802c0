"""Amazon as it answers: tokens of Login with Amazon, and the Listings Items API with its slots for pictures.

After Amazon's reference (listingsItems_2021-08-01.json; "Submit media attributes"), read in November 2026; requests are
held against schemas/amazon_listings_patch.json. A URL that is accepted is really fetched, later: `fetch_pictures` is
what the hours do. Then the picture gets an address of Amazon's own, or the listing an issue.
"""

import contextlib
import copy
import hashlib
import json
import ssl
import urllib.request
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qsl, urlsplit

import jsonschema_rs

from tests.shops.shop_server import Asked, Routes, ShopServer, Told, numbers, routed

CLIENT, CLIENT_SECRET, REFRESH = "amzn1.application-oa2-client.studio", "amzn1.oa2-cs.v1.9f", "Atzr|IwEB-refresh"
SELLER, MARKET = "A2STUDIO", "A1PA6795UKMFR9"
TOKENS = "/auth/o2/token"
ITEMS = f"/listings/2021-08-01/items/{SELLER}"
MAIN = "main_product_image_locator"
SLOTS = (MAIN, *(f"other_product_image_locator_{number}" for number in range(1, 9)))
_SCHEMA = jsonschema_rs.validator_for(
    json.loads(Path(__file__).with_name("schemas").joinpath("amazon_listings_patch.json").read_text("utf-8"))
)
_INCLUDED = {"summaries", "attributes", "issues", "offers", "productTypes"}
_OWN = "https://m.media-amazon.test/images/I/"


class AmazonDouble(ShopServer):
    """A seller's listings at one marketplace.

    trusted: by which the double fetches pictures over https. lags: a listing shows a change only once it was fetched.
    """

    def __init__(self, trusted: ssl.SSLContext | None = None) -> None:
        super().__init__()
        self.listings: dict[str, dict[str, Any]] = {}  # Any: JSON
        self.pictures: dict[str, bytes] = {}
        self.tokens: dict[str, float] = {}
        self.clock = 0.0
        self.lags = False
        self.rate, self.burst = 5.0, 10
        self._called: list[float] = []
        self._pending: list[tuple[str, str, str]] = []
        self._numbers = numbers()
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), _NoRedirect, urllib.request.HTTPSHandler(context=trusted)
        )
        self._routes: Routes = {
            ("POST", TOKENS): self._token,
            ("GET", f"{ITEMS}/*"): self._get,
            ("PATCH", f"{ITEMS}/*"): self._patch,
        }

    def add_listing(self, sku: str, *locations: str, product_type: str = "SHOES") -> None:
        slots = {slot: _locator(location) for slot, location in zip(SLOTS, locations, strict=False)}
        self.listings[sku] = {
            "type": product_type,
            "attributes": {"item_name": [{"value": "A shoe", "marketplace_id": MARKET}], **slots},
            "issues": [],
        }

    def add_picture(self, content: bytes) -> str:
        """A picture that Amazon has on its servers; its address there."""
        own = f"{_OWN}{hashlib.sha256(content).hexdigest()[:11]}.jpg"
        self.pictures[own] = content
        return own

    def locations(self, sku: str) -> dict[str, str]:
        """What lies in the listing's slots."""
        attributes = self.listings[sku]["attributes"]
        return {slot: attributes[slot][0]["media_location"] for slot in SLOTS if slot in attributes}

    def shown(self, sku: str) -> list[bytes]:
        """The pictures that customers see, in order: only what Amazon has on its own servers."""
        return [self.pictures[at] for at in self.locations(sku).values() if at in self.pictures]

    def expire_tokens(self) -> None:
        """What an hour does."""
        self.tokens.clear()

    def fetch_pictures(self) -> None:
        """Fetch what was accepted: each picture is taken over, or the listing gets an issue and keeps the earlier."""
        with self.lock:
            pending, self._pending = self._pending, []
            for sku, slot, location in pending:
                listing = self.listings[sku]
                if location.startswith(_OWN):
                    listing["attributes"][slot] = _locator(location)
                    continue
                content, why = self._fetched(location)
                listing["issues"] = [each for each in listing["issues"] if slot not in each["attributeNames"]]
                if why:
                    listing["issues"].append(_issue("20000", why, slot))
                    continue
                listing["attributes"][slot] = _locator(self.add_picture(content))

    def answer(self, asked: Asked) -> Told:
        if asked.path == TOKENS:
            return self._token(asked, "")
        if self.clock >= self.tokens.get(asked.headers.get("x-amz-access-token", ""), 0.0):
            return _errors(403, "Unauthorized", "Access to requested resource is denied.")
        self._called = [at for at in self._called if self.clock - at < self.burst / self.rate]
        limit = {"x-amzn-RateLimit-Limit": str(self.rate)}
        if len(self._called) >= self.burst:
            told = _errors(429, "QuotaExceeded", "You exceeded your quota for the requested resource.")
            return Told(told.status, told.body, {**told.headers, **limit})
        self._called.append(self.clock)
        last = asked.target.partition("?")[0].removeprefix(f"{ITEMS}/")
        found = None if "/" in last else routed(self._routes, asked)
        return found or _errors(404, "NotFound", "The requested resource doesn't exist.")

    def _token(self, asked: Asked, _: str) -> Told:
        form = dict(parse_qsl(asked.body.decode()))
        if (form.get("client_id"), form.get("client_secret")) != (CLIENT, CLIENT_SECRET):
            return Told.of_json(401, {"error": "invalid_client", "error_description": "Client authentication failed"})
        if form.get("grant_type") != "refresh_token" or form.get("refresh_token") != REFRESH:
            return Told.of_json(400, {"error": "invalid_grant", "error_description": "Invalid grant parameter"})
        token = f"Atza|access-{next(self._numbers)}"
        self.tokens[token] = self.clock + 3600
        return Told.of_json(
            200, {"access_token": token, "token_type": "bearer", "expires_in": 3600, "refresh_token": REFRESH}
        )

    def _get(self, asked: Asked, sku: str) -> Told:
        included = set(asked.query.get("includedData", "summaries").split(","))
        if asked.query.get("marketplaceIds") != MARKET or not included <= _INCLUDED:
            return _errors(400, "InvalidInput", "Invalid parameters provided.")
        listing = self.listings.get(sku)
        if listing is None:
            return _errors(404, "NOT_FOUND", f"SKU '{sku}' not found in marketplace {MARKET}")
        whole = {
            "summaries": [{"marketplaceId": MARKET, "productType": listing["type"], "status": ["BUYABLE"]}],
            "attributes": listing["attributes"],
            "issues": listing["issues"],
            "productTypes": [{"marketplaceId": MARKET, "productType": listing["type"]}],
        }
        return Told.of_json(200, {"sku": sku, **{name: copy.deepcopy(whole[name]) for name in included & whole.keys()}})

    def _patch(self, asked: Asked, sku: str) -> Told:
        if asked.query.get("marketplaceIds") != MARKET:
            return _errors(400, "InvalidInput", "Invalid parameters provided.")
        sent = asked.json()
        if fault := next(_SCHEMA.iter_errors(sent), None):
            return _errors(400, "InvalidInput", fault.message)
        listing = self.listings.get(sku)
        if listing is None:
            return _errors(404, "NOT_FOUND", f"SKU '{sku}' not found in marketplace {MARKET}")
        wanted = {each["path"].removeprefix("/attributes/"): each for each in sent["patches"]}
        issues = [
            _issue("90220", f"'{slot}' is not an attribute of this product type.", slot)
            for slot in wanted
            if slot not in SLOTS
        ]
        if sent["productType"] != listing["type"]:
            issues.append(_issue("90004", "The product type does not match the listing.", "product_type"))
        if issues or asked.query.get("mode") == "VALIDATION_PREVIEW":
            return _submission(sku, "INVALID" if issues else "VALID", issues)
        for slot, patch in wanted.items():
            location = patch["value"][0]["media_location"]
            if not self.lags:
                listing["attributes"][slot] = patch["value"]
            if self.lags or not location.startswith(_OWN):
                self._pending.append((sku, slot, location))
        return _submission(sku, "ACCEPTED", [])

    def _fetched(self, location: str) -> tuple[bytes, str]:
        """The picture at a URL, or why Amazon does not take it."""
        if urlsplit(location).scheme != "https":
            return b"", "The media is not at a secure address."
        try:
            with contextlib.closing(self._opener.open(location, timeout=10)) as answer:
                if not answer.headers.get("Content-Type", "").startswith("image/"):
                    return b"", "The media is no picture."
                return answer.read(), ""
        except HTTPError as error:
            with error:
                return b"", f"Unable to retrieve media content: {error.code}."
        except OSError:
            return b"", "Unable to retrieve media content."


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_: object) -> None:
        return None


def _locator(location: str) -> list[dict[str, str]]:
    return [{"marketplace_id": MARKET, "media_location": location}]


def _issue(code: str, message: str, slot: str) -> dict[str, Any]:  # Any: JSON
    return {
        "code": code,
        "message": message,
        "severity": "ERROR",
        "attributeNames": [slot],
        "categories": ["INVALID_ATTRIBUTE"],
        "marketplaceIds": [MARKET],
    }


def _submission(sku: str, status: str, issues: list[dict[str, Any]]) -> Told:  # Any: JSON
    return Told.of_json(200, {"sku": sku, "status": status, "submissionId": "f1dc2914", "issues": issues})


def _errors(status: int, code: str, message: str) -> Told:
    return Told.of_json(status, {"errors": [{"code": code, "message": message, "details": ""}]})
