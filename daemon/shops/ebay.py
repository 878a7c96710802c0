"""eBay: pictures go to eBay Picture Services, items of the Inventory API show them by their addresses.

An item is only ever written whole: what is not sent is lost, so it is read just before, and one list of it is changed.
eBay finds no picture by its name. What was uploaded for a place is noted before an item shows it.
"""

import re
import time
from base64 import b64encode
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, unquote

from daemon.shops.access_tokens import AccessToken, TokenDoor, json_object
from daemon.shops.http_door import USUAL_LIMITS, DoorLimits, HttpDoor, SentFile, ShopAnswer, retry_after
from daemon.shops.pace import Pace
from daemon.shops.picture_order import exchanged, inserted
from daemon.shops.shop_contract import PictureToSend, Product, ProductUnknown, RemotePicture, ShopAway, ShopRefused

API, MEDIA_API = "https://api.ebay.com/", "https://apim.ebay.com/"
TOKENS = "identity/v1/oauth2/token"
IMAGES = "commerce/media/v1_beta/image"
ITEMS = "sell/inventory/v1/inventory_item"
SCOPE = "https://api.ebay.com/oauth/api_scope/sell.inventory"
MOST_POSTS, WINDOW_SECONDS = 50, 5.0
MOST_PICTURES = 24
WRITTEN = (
    "availability", "condition", "conditionDescription", "conditionDescriptors", "packageWeightAndSize", "product",
)  # fmt: skip
NOT_FOUND = {25702, 25710}  # errorId: no such SKU
TOMORROW_SECONDS = 3600.0  # asked once an hour whether the next day of revisions has begun
_REVISIONS = re.compile(r"revis|number of times you can change", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class EbayLogin:
    """Who we are there. client, secret: the application's. refresh_token: the seller's, with the scope sell.inventory.

    language: of items that do not say theirs, e.g. "de-DE".
    """

    client: str
    secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    language: str = "de-DE"
    api: str = API
    media_api: str = MEDIA_API
    ca_file: str = ""


class EbayShop:
    """A seller's account at eBay, behind the contract `Shop`. A picture's id is its address there."""

    def __init__(
        self,
        title: str,
        login: EbayLogin,
        limits: DoorLimits = USUAL_LIMITS,
        notes: MutableMapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        """notes: what must be known after a crash; None = this process only. clock: seconds that never go back."""
        self.title = title
        self._login = login
        self._pace = Pace(MOST_POSTS, WINDOW_SECONDS, clock, wait)
        self._notes = {} if notes is None else notes
        basic = f"Basic {b64encode(f'{login.client}:{login.secret}'.encode()).decode()}"
        secrets = (login.secret, login.refresh_token, basic)
        form = {"grant_type": "refresh_token", "refresh_token": login.refresh_token, "scope": SCOPE}
        keys = HttpDoor(login.api, {"Authorization": basic}, secrets, limits, login.ca_file)
        token = AccessToken(keys, TOKENS, form, clock)
        self._items = TokenDoor(HttpDoor(login.api, None, secrets, limits, login.ca_file), token, _bearer)
        self._media = TokenDoor(HttpDoor(login.media_api, None, secrets, limits, login.ca_file), token, _bearer)

    def __repr__(self) -> str:
        return f"EbayShop({self.title})"  # never the login

    def product(self, sku: str) -> Product:
        """The inventory item of this SKU."""
        noted = filter(None, (self._noted(sku, place) for place in range(1, MOST_PICTURES + 1)))
        names = {each.url: each.name for each in noted}
        return Product(sku, sku, tuple(RemotePicture(url, names.get(url, "")) for url in _urls(self._item(sku))))

    def uploaded(self, picture: PictureToSend) -> RemotePicture | None:
        """The picture that was noted for this place, unless it has expired."""
        noted = self._noted(picture.sku, picture.place)
        if noted is None or noted.name != picture.name:
            return None
        kept = self._is_kept(noted) or noted.url in _urls(self._item(picture.sku))
        return RemotePicture(noted.url, noted.name) if kept else None

    def upload(self, picture: PictureToSend) -> RemotePicture:
        """Send the file as a form. One whose answer is lost expires by itself after 30 days."""
        self._pace.keep()
        file = SentFile("image", picture.name, picture.path, picture.media_type)
        answer = self._media.ask("POST", f"{IMAGES}/create_image_from_file", file=file, read=(429,))
        url = str(self._taken(self._media.door, answer, 201).get("imageUrl", ""))
        number = unquote(answer.headers.get("location", "").rpartition("/")[2])
        if not url.startswith("https://") or " " in url + number:
            raise ShopAway(f"{self.title} took the picture, and does not say where it is.")
        self._notes[_key(picture.sku, picture.place)] = f"{picture.name} {number} {url}"
        return RemotePicture(url, picture.name)

    def tell(self, sku: str, picture_id: str) -> RemotePicture | None:
        """Whether the item shows it, or else whether it was noted and has not expired yet."""
        if picture_id in _urls(self._item(sku)):
            return RemotePicture(picture_id)
        for place in range(1, MOST_PICTURES + 1):
            noted = self._noted(sku, place)
            if noted is not None and noted.url == picture_id:
                return RemotePicture(noted.url, noted.name) if self._is_kept(noted) else None
        return None

    def attach(self, product: Product, picture_id: str, place: int) -> None:
        """Write the item anew with this picture at its place."""
        self._rewrite(product.sku, lambda urls: inserted(urls, picture_id, place))

    def replace(self, product: Product, earlier_id: str, picture: PictureToSend) -> RemotePicture:
        """Upload, then write the item anew with the two exchanged. The earlier one expires by itself."""
        new = self.uploaded(picture) or self.upload(picture)
        self._rewrite(product.sku, lambda urls: exchanged(urls, earlier_id, new.id, picture.place))
        return new

    def _rewrite(self, sku: str, change: Callable[[Sequence[str]], list[str]]) -> None:
        item = self._item(sku)
        before = _urls(item)
        after = change(before)
        if after == before:
            return
        if len(after) > MOST_PICTURES:
            raise ShopRefused(f"{self.title} shows {MOST_PICTURES} pictures of an item, and {sku} has all of them.")
        headers = {"Content-Language": str(item.get("locale") or self._login.language).replace("_", "-")}
        whole = _written(item, after)
        answer = self._items.ask("PUT", _path(sku), headers=headers, json_body=whole, read=(429, 500))
        if answer.status not in (200, 201, 204):
            raise self._refusal(self._items.door, answer)
        json_object(answer)  # a page instead of it means that nobody wrote anything

    def _noted(self, sku: str, place: int) -> "_Noted | None":
        words = self._notes.get(_key(sku, place), "").split(" ")
        return _Noted(*words) if len(words) == 3 else None

    def _is_kept(self, noted: "_Noted") -> bool:
        answer = self._media.ask("GET", f"{IMAGES}/{quote(noted.number, safe='')}", read=(429,))
        if answer.status in (200, 404):
            return answer.status == 200
        raise self._refusal(self._media.door, answer)

    def _item(self, sku: str) -> Mapping[str, Any]:  # Any: JSON
        answer = self._items.ask("GET", _path(sku), read=(429,))
        if answer.status == 404 or (answer.status == 400 and _error_id(answer) in NOT_FOUND):
            raise ProductUnknown(f"{self.title} has no inventory item with the SKU {sku}.")
        return self._taken(self._items.door, answer, 200)

    def _taken(self, door: HttpDoor, answer: ShopAnswer, status: int) -> Mapping[str, Any]:  # Any: JSON
        if answer.status != status:
            raise self._refusal(door, answer)
        return json_object(answer)

    def _refusal(self, door: HttpDoor, answer: ShopAnswer) -> Exception:
        if answer.status == 429:
            return ShopAway(f"{self.title} wants fewer requests.", retry_after(answer) or WINDOW_SECONDS)
        door.judged(answer)
        said = door.words(_error(answer).get("longMessage") or _error(answer).get("message") or answer.status)
        if answer.status == 400 and _REVISIONS.search(said):
            return ShopAway(f"{self.title} takes no more changes of this item today: {said}", TOMORROW_SECONDS)
        return ShopRefused(f"{self.title} answers {answer.status}: {said}")


@dataclass(frozen=True, slots=True)
class _Noted:
    """A picture that was uploaded. number: of eBay Picture Services, by which it can be asked for. url: its id."""

    name: str
    number: str
    url: str


def _bearer(token: str) -> Mapping[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _key(sku: str, place: int) -> str:
    return f"{place} {sku}"


def _path(sku: str) -> str:
    if sku.strip(".") == "":
        raise ProductUnknown(f'A SKU like "{sku}" cannot be asked for.')  # it would lead to another address
    return f"{ITEMS}/{quote(sku, safe='')}"


def _urls(item: Mapping[str, Any]) -> list[str]:  # Any: JSON
    urls = (item.get("product") or {}).get("imageUrls") or []
    return [str(url) for url in urls]


def _written(item: Mapping[str, Any], urls: Sequence[str]) -> dict[str, Any]:  # Any: JSON
    """The record that is sent: what was read, without what eBay adds by itself, with these pictures."""
    whole = {name: item[name] for name in WRITTEN if name in item}
    whole["product"] = {**(whole.get("product") or {}), "imageUrls": list(urls)}
    ship = (whole.get("availability") or {}).get("shipToLocationAvailability")
    if ship:
        kept = {name: value for name, value in ship.items() if name != "allocationByFormat"}
        whole["availability"] = {**whole["availability"], "shipToLocationAvailability": kept}
    return whole


def _error(answer: ShopAnswer) -> Mapping[str, Any]:  # Any: JSON
    errors = json_object(answer).get("errors")
    first = errors[0] if isinstance(errors, list) and errors else {}
    return first if isinstance(first, dict) else {}


def _error_id(answer: ShopAnswer) -> object:
    return _error(answer).get("errorId")
