"""WooCommerce: pictures go into WordPress' media library, products show them by their ids.

Never by `src`: with that, WooCommerce would load a picture again, under a new name, each time a product is changed.
"""

from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import urlsplit

from daemon.shops.http_door import USUAL_LIMITS, DoorLimits, HttpDoor, ShopAnswer
from daemon.shops.picture_order import exchanged, inserted
from daemon.shops.remote_names import holds_name
from daemon.shops.shop_contract import PictureToSend, Product, ProductUnknown, RemotePicture, ShopRefused
from daemon.shops.woocommerce_products import Place, place_of, shown_by

MEDIA = "wp-json/wp/v2/media"
PRODUCTS = "wp-json/wc/v3/products"
REFUSALS = frozenset({500, 501})  # by which WordPress also answers that it does not want a file


@dataclass(frozen=True, slots=True)
class WooCommerceLogin:
    """Who we are there. url: of the WordPress, where wp-json lies below. user, password: with an application password.

    key, secret: WooCommerce's own, "" = the application password is for the products too.
    """

    url: str
    user: str
    password: str = field(repr=False)
    key: str = field(default="", repr=False)
    secret: str = field(default="", repr=False)
    ca_file: str = ""


class WooCommerceShop:
    """A shop of WooCommerce 3.5 or later, behind the contract `Shop`."""

    def __init__(
        self,
        title: str,
        login: WooCommerceLogin,
        limits: DoorLimits = USUAL_LIMITS,
    ) -> None:
        self.title = title
        base = login.url.rstrip("/") + "/"
        secrets = (login.password, login.key, login.secret)
        library = _basic(login.user, login.password)
        products = _basic(login.key, login.secret) if login.key else library
        self._library = HttpDoor(base, {"Authorization": library}, (*secrets, library), limits, login.ca_file)
        self._products = HttpDoor(base, {"Authorization": products}, (*secrets, products), limits, login.ca_file)

    def __repr__(self) -> str:
        return f"WooCommerceShop({self.title})"  # never the login

    def product(self, sku: str) -> Product:
        """The product, or the variation of one, of this SKU."""
        answer = self._products.ask("GET", PRODUCTS, query={"sku": sku, "per_page": "100"})
        # A comma in a SKU means several of them, and the database compares without case.
        found = [each for each in self._listed(self._products, answer) if each.get("sku") == sku]
        if len(found) != 1:
            raise ProductUnknown(
                f"{self.title} has no product with the SKU {sku}."
                if not found
                else f"{self.title} has {len(found)} products with the SKU {sku}."
            )
        place = place_of(found[0])
        return Product(place.path, sku, tuple(map(_shown, shown_by(self._product_json(place)))))

    def uploaded(self, picture: PictureToSend) -> RemotePicture | None:
        """The oldest file of this name in the media library."""
        query = {"search": picture.name.rpartition(".")[0], "per_page": "100"}
        answer = self._library.ask("GET", MEDIA, query=query)
        same = [each for each in self._listed(self._library, answer) if holds_name(_url(each), picture.name)]
        return min(map(_stored, same), key=lambda each: int(each.id), default=None)

    def upload(self, picture: PictureToSend) -> RemotePicture:
        """Send the file's bytes as they are; WordPress knows its name from the headers."""
        headers = {
            "Content-Type": picture.media_type,
            "Content-Disposition": f'attachment; filename="{picture.name}"',
        }
        query = {"alt_text": picture.alt} if picture.alt else None
        answer = self._library.ask("POST", MEDIA, headers=headers, query=query, raw=picture.path, read=REFUSALS)
        if answer.status == 413:
            raise ShopRefused(
                f"The server of {self.title} takes no file of {picture.bytes / 1e6:.1f} MB. Its operator can allow it: "
                "upload_max_filesize and post_max_size of PHP, client_max_body_size of nginx."
            )
        media = self._taken(self._library, answer, 201)
        if picture.alt and media.get("alt_text") != picture.alt:
            self._library.ask("POST", f"{MEDIA}/{int(media['id'])}", json_body={"alt_text": picture.alt})
        return _stored(media)

    def tell(self, sku: str, picture_id: str) -> RemotePicture | None:  # noqa: ARG002 - other shops need it
        """What the media library has under this id."""
        answer = self._library.ask("GET", f"{MEDIA}/{int(picture_id)}")
        return None if answer.status in (404, 410) else _stored(self._taken(self._library, answer, 200))

    def attach(self, product: Product, picture_id: str, place: int) -> None:
        """Write the product's pictures anew, with this one at its place."""
        there = Place.of_path(product.id)
        shown = _ids(shown_by(self._product_json(there)))
        self._show(there, shown, inserted(shown, int(picture_id), place))

    def replace(self, product: Product, earlier_id: str, picture: PictureToSend) -> RemotePicture:
        """Upload, then write the product's pictures anew with the two exchanged.

        The earlier one stays in the media library: no shop can be asked what else shows it (a duplicated product does).
        """
        new = self.uploaded(picture) or self.upload(picture)
        there = Place.of_path(product.id)
        shown = _ids(shown_by(self._product_json(there)))
        self._show(there, shown, exchanged(shown, int(earlier_id), int(new.id), picture.place))
        return new

    def _show(self, place: Place, before: Sequence[int], after: Sequence[int]) -> None:
        """Let a product show these pictures. `images` replaces what is there, so each one must be in it."""
        if tuple(after) == tuple(before):
            return
        if place.variation and not self._fits(place, before, after):
            raise ShopRefused("A variation shows one picture only: this one has another already.")
        images = [{"id": id} for id in after]
        sent = {"image": images[0]} if place.variation else {"images": images}
        answer = self._products.ask("PUT", f"{PRODUCTS}/{place.path}", json_body=sent)
        shown = _ids(shown_by(self._taken(self._products, answer, 200)))
        wanted = after[:1] if place.variation else after
        if tuple(shown) != tuple(wanted):
            raise ShopRefused(f"{self.title} was told to show {len(wanted)} pictures, and shows {len(shown)} others.")

    def _fits(self, place: Place, before: Sequence[int], after: Sequence[int]) -> bool:
        """Whether a variation, which has room for one picture, loses none. One without shows its product's main one."""
        if len(after) == 1:
            return True
        parents = _ids(shown_by(self._product_json(Place(place.product))))
        return after[0] not in before and list(before) == parents[:1]

    def _product_json(self, place: Place) -> Mapping[str, Any]:  # Any: JSON
        answer = self._products.ask("GET", f"{PRODUCTS}/{place.path}")
        if answer.status == 404:
            raise ProductUnknown(f"{self.title} has no product {place.path} any more.")
        return self._taken(self._products, answer, 200)

    def _listed(self, door: HttpDoor, answer: ShopAnswer) -> Sequence[Mapping[str, Any]]:  # Any: JSON
        found = answer.json()
        if answer.status != 200 or not isinstance(found, list):
            raise self._refusal(door, answer)
        return [each for each in found if isinstance(each, dict)]

    def _taken(self, door: HttpDoor, answer: ShopAnswer, status: int) -> Mapping[str, Any]:  # Any: JSON
        told = answer.json()
        if answer.status != status or not isinstance(told, dict) or not isinstance(told.get("id"), int):
            raise self._refusal(door, answer)
        return told

    def _refusal(self, door: HttpDoor, answer: ShopAnswer) -> Exception:
        """What WordPress says, as the error that it is: of its codes, only those of uploads mean this picture."""
        told = answer.json()
        code = told.get("code") if isinstance(told, dict) else None
        if answer.status >= 500 and not str(code).startswith("rest_"):
            door.judged(answer)
        said = told.get("message") if isinstance(told, dict) else told
        return ShopRefused(f"{self.title} answers {answer.status}: {door.words(said)}")


def _basic(user: str, password: str) -> str:
    return f"Basic {b64encode(f'{user}:{password}'.encode()).decode()}"


def _ids(images: Sequence[Mapping[str, Any]]) -> list[int]:  # Any: JSON
    return [int(each["id"]) for each in images]


def _shown(image: Mapping[str, Any]) -> RemotePicture:  # Any: JSON
    return RemotePicture(str(image["id"]), PurePosixPath(urlsplit(str(image.get("src", ""))).path).name)


def _stored(media: Mapping[str, Any]) -> RemotePicture:  # Any: JSON
    return RemotePicture(str(media["id"]), PurePosixPath(urlsplit(_url(media)).path).name)


def _url(media: Mapping[str, Any]) -> str:  # Any: JSON
    return str(media.get("source_url", ""))
