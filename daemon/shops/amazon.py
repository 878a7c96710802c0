"""Amazon: a listing has nine slots for pictures, each filled by the URL of a picture that Amazon then fetches itself.

Nothing is uploaded: the pictures lie in a folder of the web. That Amazon accepts a change does not mean that it shows
it; only what the listing itself shows, hours later, tells that a picture is there.
"""

import time
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from daemon.disk.whole_file import write_whole
from daemon.shops.access_tokens import AccessToken, TokenDoor, json_object
from daemon.shops.amazon_slots import (
    NoSlotFree,
    Slot,
    note_accepted,
    note_changes,
    patches,
    slots_of,
    with_exchanged,
    with_picture,
)
from daemon.shops.http_door import USUAL_LIMITS, DoorLimits, HttpDoor, ShopAnswer, retry_after
from daemon.shops.pace import Pace
from daemon.shops.shop_contract import PictureToSend, Product, ProductUnknown, RemotePicture, ShopAway, ShopRefused

LISTINGS = "listings/2021-08-01/items"
TOKENS = "auth/o2/token"
REQUESTS_PER_SECOND = 5
MOST_PICTURE_BYTES = 64 << 20
NOT_THE_FILE = (301, 302, 303, 307, 308, 401, 403, 404, 410)  # what a wrong folder of the web answers


@dataclass(frozen=True, slots=True)
class AmazonLogin:
    """Who we are there. client, secret: the application's. refresh_token: the seller's, with the role Product Listing.

    api, tokens: where Amazon answers, and where it gives tokens. base_url: of the folder of the web. folder: the same
    folder on this machine, where the pictures are put; None = somebody else puts them there.
    """

    client: str
    secret: str = field(repr=False)
    refresh_token: str = field(repr=False)
    seller: str
    marketplace: str
    base_url: str
    api: str
    tokens: str = "https://api.amazon.com/"
    folder: Path | None = None
    ca_file: str = ""


class AmazonShop:
    """A seller's listings at one marketplace, behind the contract `Shop`. A picture's id is the URL where it lies."""

    def __init__(
        self,
        title: str,
        login: AmazonLogin,
        limits: DoorLimits = USUAL_LIMITS,
        notes: MutableMapping[str, str] | None = None,
        clock: Callable[[], float] = time.monotonic,
        wait: Callable[[float], object] = time.sleep,
    ) -> None:
        """notes: what must be known after a crash; None = this process only. clock: seconds that never go back."""
        self.title = title
        self._login = login
        self._pace = Pace(REQUESTS_PER_SECOND, 1.0, clock, wait)
        self._notes = {} if notes is None else notes
        secrets = (login.secret, login.refresh_token)
        form = {
            "grant_type": "refresh_token",
            "refresh_token": login.refresh_token,
            "client_id": login.client,
            "client_secret": login.secret,
        }
        keys = HttpDoor(login.tokens, None, secrets, limits, login.ca_file)
        listings = HttpDoor(login.api, None, secrets, limits, login.ca_file)
        self._listings = TokenDoor(listings, AccessToken(keys, TOKENS, form, clock), _shown_token)
        large = DoorLimits(limits.connect_seconds, limits.silent_seconds, limits.answer_seconds, MOST_PICTURE_BYTES)
        self._web = HttpDoor(login.base_url.rstrip("/") + "/", None, (), large, login.ca_file)

    def __repr__(self) -> str:
        return f"AmazonShop({self.title})"  # never the login

    def product(self, sku: str) -> Product:
        """The listing of this SKU. The id of a picture of ours is its own URL, whatever Amazon makes of it."""
        return Product(sku, sku, tuple(slot.told() for slot in self._slots(sku, self._item(sku)) if slot.holds))

    def uploaded(self, picture: PictureToSend) -> RemotePicture | None:
        """The picture, if the folder of the web gives it out."""
        return None if self._fault(picture) else _lying(self._url(picture))

    def upload(self, picture: PictureToSend) -> RemotePicture:
        """Put the file into the folder, if it is ours to fill, and prove that everybody can fetch it."""
        content = picture.path.read_bytes()
        if self._login.folder is not None:
            try:
                write_whole(self._login.folder / picture.name, content)
            except OSError as error:
                raise ShopRefused(f"No picture can be put into {self._login.folder}: {error.strerror}.") from error
        if fault := self._fault(picture):
            raise ShopRefused(fault)
        return _lying(self._url(picture))

    def tell(self, sku: str, picture_id: str) -> RemotePicture | None:
        """What the listing shows of this picture; of one that is in no slot, whether it can still be fetched."""
        for slot in self._slots(sku, self._item(sku)):
            if slot.is_of(picture_id):
                return slot.told()
        answer = self._web.ask("GET", picture_id, read=NOT_THE_FILE)
        return _lying(picture_id) if answer.status == 200 else None

    def attach(self, product: Product, picture_id: str, place: int) -> None:
        """Write the URL into the slot of its place, and what stands there into the next ones."""
        self._rewrite(product.sku, picture_id, lambda slots: with_picture(slots, picture_id, place))

    def replace(self, product: Product, earlier_id: str, picture: PictureToSend) -> RemotePicture:
        """Write another URL into the slot. Amazon shows the earlier picture until it has fetched this one."""
        new = self.uploaded(picture) or self.upload(picture)
        place = picture.place
        self._rewrite(product.sku, new.id, lambda slots: with_exchanged(slots, earlier_id, new.id, place))
        return RemotePicture(new.id, new.name, "processing", takes_hours=True)

    def _rewrite(self, sku: str, url: str, change: Callable[[Sequence[Slot]], list[str]]) -> None:
        item = self._item(sku)
        slots = self._slots(sku, item)
        try:
            held = change(slots)
        except NoSlotFree:
            raise ShopRefused(f"All {len(slots)} slots for pictures of {sku} are taken.") from None
        wanted = patches(slots, held, self._login.marketplace)
        if not wanted:
            return
        noted = note_changes(slots, held, url, sku, self._notes)
        told = self._asked("PATCH", sku, json_body={"productType": self._product_type(item), "patches": wanted})
        if told.get("status") != "ACCEPTED":
            said = [str(issue.get("message", "")) for issue in told.get("issues") or ()]
            raise ShopRefused(f"{self.title} does not accept the pictures of {sku}: {self._words(' '.join(said))}")
        note_accepted(noted, self._notes)

    def _slots(self, sku: str, item: Mapping[str, Any]) -> list[Slot]:  # Any: JSON
        return slots_of(item, self._login.marketplace, sku, self._notes)

    def _product_type(self, item: Mapping[str, Any]) -> str:  # Any: JSON
        for each in item.get("summaries") or ():
            if each.get("marketplaceId") == self._login.marketplace and each.get("productType"):
                return str(each["productType"])
        return "PRODUCT"  # what Amazon calls any

    def _item(self, sku: str) -> Mapping[str, Any]:  # Any: JSON
        return self._asked("GET", sku, {"includedData": "summaries,attributes,issues"})

    def _asked(
        self, method: str, sku: str, query: Mapping[str, str] | None = None, json_body: object = None
    ) -> Mapping[str, Any]:  # Any: JSON
        if sku.strip(".") == "":
            raise ProductUnknown(f'A SKU like "{sku}" cannot be asked for.')  # it would lead to another address
        path = f"{LISTINGS}/{quote(self._login.seller, safe='')}/{quote(sku, safe='')}"
        whole = {"marketplaceIds": self._login.marketplace, **(query or {})}
        self._pace.keep()
        answer = self._listings.ask(method, path, query=whole, json_body=json_body, read=(429,))
        if answer.status == 200:
            return json_object(answer)
        if answer.status == 404:
            raise ProductUnknown(f"{self.title} has no listing with the SKU {sku} at {self._login.marketplace}.")
        if answer.status == 429:
            raise ShopAway(f"{self.title} wants fewer requests.", retry_after(answer) or _rest_seconds(answer))
        errors = json_object(answer).get("errors") or ()
        said = " ".join(str(each.get("message", "")) for each in errors)
        raise ShopRefused(f"{self.title} answers {answer.status}: {self._words(said)}")

    def _words(self, text: str) -> str:
        return self._listings.door.words(text)

    def _url(self, picture: PictureToSend) -> str:
        return f"{self._login.base_url.rstrip('/')}/{quote(picture.name)}"

    def _fault(self, picture: PictureToSend) -> str:
        """Why Amazon could not fetch this very picture; "" = it can, as far as can be seen from here."""
        url = self._url(picture)
        if urlsplit(url).scheme != "https":
            return f"Amazon fetches pictures by https only, and base_url is {self._login.base_url}."
        answer = self._web.ask("GET", url, read=NOT_THE_FILE)
        if answer.status != 200:
            return f"{url} answers {answer.status}: Amazon can only show what lies there for everybody."
        if not answer.headers.get("content-type", "").startswith("image/"):
            return f"{url} gives out something that is no picture."
        if sha256(answer.body).hexdigest() != picture.sha256:
            return f"{url} gives out another picture than {picture.path.name}."
        return ""


def _lying(url: str) -> RemotePicture:
    """A picture that lies there to be fetched."""
    return RemotePicture(url, url.rpartition("/")[2], takes_hours=True)


def _shown_token(token: str) -> Mapping[str, str]:
    return {"x-amz-access-token": token}


def _rest_seconds(answer: ShopAnswer) -> float:
    """How long until one more request is allowed, by the rate that Amazon tells in requests per second."""
    try:
        return max(1.0, min(60.0, 1.0 / float(answer.headers.get("x-amzn-ratelimit-limit", "1"))))
    except (ValueError, ZeroDivisionError):
        return 1.0
