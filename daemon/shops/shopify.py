"""Shopify as a shop: files that are uploaded by stages, attached to products, and changed in place."""

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from daemon.shops import shopify_documents as documents
from daemon.shops.http_door import HttpDoor, SentFile
from daemon.shops.remote_names import holds_name
from daemon.shops.shop_contract import (
    LoginExpired,
    PictureToSend,
    Product,
    ProductUnknown,
    RemotePicture,
    RemoteState,
    ShopAway,
    ShopRefused,
)
from daemon.shops.shopify_graphql import ShopifyGraphQL, UserError, nodes, table, tables

TAKEN = frozenset({"FILENAME_ALREADY_EXISTS", "DUPLICATE_FILENAME_ERROR"})
AGAIN_SECONDS = 3.0  # until a file that was just made can be found by its name, or is ready
_STATES: Mapping[str, RemoteState] = {"READY": "ready", "FAILED": "failed"}


class ShopifyShop:
    """One shop at Shopify. title: its name in the settings. door: to the shop; it also brings files to the storage.

    A file's name is asked for before it is made, and Shopify itself refuses a second one of that name (RAISE_ERROR), so
    a list of files that lags behind makes no double.
    """

    def __init__(self, title: str, graphql: ShopifyGraphQL, door: HttpDoor) -> None:
        self._title, self._graphql, self._door = title, graphql, door

    @property
    def title(self) -> str:
        """The shop's name in the settings."""
        return self._title

    def product(self, sku: str) -> Product:
        """The product that has a variant of this SKU."""
        escaped = sku.replace("\\", "\\\\").replace("'", "\\'")
        data = self._graphql.ask(documents.VARIANTS_OF_SKU, query=f"sku:'{escaped}'")
        found = {
            str(table(variant.get("product")).get("id"))
            for variant in nodes(data.get("productVariants"))
            if variant.get("sku") == sku  # its search also finds similar ones
        }
        if len(found) != 1:
            several = f"{len(found)} products have the SKU" if found else "no product has the SKU"
            raise ProductUnknown(f"{several} {sku}")
        (product_id,) = found
        product = table(self._graphql.ask(documents.PRODUCT_MEDIA, id=product_id).get("product"))
        return Product(product_id, sku, tuple(map(self._picture, nodes(product.get("media")))))

    def uploaded(self, picture: PictureToSend) -> RemotePicture | None:
        """The file of this name, whatever Shopify has put to it."""
        stem = PurePosixPath(picture.name).stem
        data = self._graphql.ask(documents.FILES_NAMED, query=f"filename:{stem}*")
        found = [self._picture(node) for node in nodes(data.get("files"))]
        ours = [each for each in found if not each.name or holds_name(each.name, picture.name)]
        return min(ours, key=lambda each: each.state == "failed", default=None)

    def upload(self, picture: PictureToSend) -> RemotePicture:
        """Bring the file to the storage, and make a file of it."""
        source = self._staged(picture)
        try:
            return self._created(picture, source)
        except UserError as error:
            if not error.codes & TAKEN:
                raise
        found = self.uploaded(picture)
        if found is None:
            raise ShopAway("Shopify has a file of this name and does not list it yet.", AGAIN_SECONDS)
        if found.state == "failed":  # it never became a picture, and keeps its name from one that may
            self._graphql.ask(documents.DELETE, fileIds=[found.id])
            return self._created(picture, source)
        return found

    def tell(self, sku: str, picture_id: str) -> RemotePicture | None:  # noqa: ARG002 - other shops need it
        """What Shopify says of the file now."""
        node = self._graphql.ask(documents.ONE_FILE, id=picture_id).get("node")
        return self._picture(node) if isinstance(node, dict) else None

    def attach(self, product: Product, picture_id: str, place: int) -> None:
        """Show it with the product, then move it to its place."""
        shown = [picture.id for picture in product.pictures]
        if picture_id not in shown:
            self._graphql.ask(documents.UPDATE, files=[{"id": picture_id, "referencesToAdd": [product.id]}])
            shown.append(picture_id)
        wanted = min(place, len(shown)) - 1
        if shown.index(picture_id) != wanted:
            moves = [{"id": picture_id, "newPosition": str(wanted)}]
            self._graphql.ask(documents.REORDER, id=product.id, moves=moves)

    def replace(self, product: Product, earlier_id: str, picture: PictureToSend) -> RemotePicture:
        """Change the content of the earlier file: id, place and variants stay, and the old one is shown until then."""
        earlier = self.tell(picture.sku, earlier_id)
        if earlier is None:
            raise ShopAway("Shopify no longer has the earlier picture, which it had just shown.", AGAIN_SECONDS)
        if earlier.state == "failed":
            self._graphql.ask(documents.ACKNOWLEDGE, fileIds=[earlier_id])
        elif holds_name(earlier.name, picture.name):
            return earlier
        if earlier.name and PurePosixPath(earlier.name).suffix.lower() != PurePosixPath(picture.name).suffix:
            return self._exchanged(product, earlier_id, picture)
        change = {"id": earlier_id, "originalSource": self._staged(picture), "filename": picture.name}
        data = self._graphql.ask(documents.UPDATE, files=[change])
        return self._first(data, "fileUpdate")

    def _exchanged(self, product: Product, earlier_id: str, picture: PictureToSend) -> RemotePicture:
        """Of another kind of file: Shopify keeps a file's ending, so another file takes the place."""
        remote = self.uploaded(picture)
        if remote is None or remote.state == "failed":
            remote = self.upload(picture)
        if remote.state == "processing":
            raise ShopAway("Shopify still works on the picture that is to take the place.", AGAIN_SECONDS)
        if remote.state == "ready":
            self.attach(product, remote.id, picture.place)
            self._graphql.ask(documents.UPDATE, files=[{"id": earlier_id, "referencesToRemove": [product.id]}])
        return remote

    def _staged(self, picture: PictureToSend) -> str:
        """Bring the file to the storage; returns where it lies there."""
        wanted = {
            "resource": "IMAGE",
            "filename": picture.name,
            "mimeType": picture.media_type,
            "httpMethod": "POST",
            "fileSize": str(picture.bytes),
        }
        data = self._graphql.ask(documents.STAGE, input=[wanted])
        targets = tables(table(data.get("stagedUploadsCreate")).get("stagedTargets"))
        target = targets[0] if targets else {}
        url, source = target.get("url"), target.get("resourceUrl")
        if not isinstance(url, str) or not isinstance(source, str):
            raise ShopAway("Shopify names no place to upload to.")
        form = {str(each.get("name")): str(each.get("value")) for each in tables(target.get("parameters"))}
        sent = SentFile("file", picture.name, picture.path, picture.media_type)
        try:
            answer = self._door.ask("POST", url, form=form, file=sent)
        except LoginExpired:
            raise ShopAway("Shopify's storage does not accept its own signature any more.", AGAIN_SECONDS) from None
        if answer.status >= 400:
            words = self._graphql.words(answer.body.decode("utf-8", "replace"))
            raise ShopRefused(f"Shopify's storage answers {answer.status}: {words}")
        return source

    def _created(self, picture: PictureToSend, source: str) -> RemotePicture:
        wanted = {
            "originalSource": source,
            "contentType": "IMAGE",
            "filename": picture.name,
            "duplicateResolutionMode": "RAISE_ERROR",
        }
        if picture.alt:
            wanted["alt"] = picture.alt
        return self._first(self._graphql.ask(documents.CREATE, files=[wanted]), "fileCreate")

    def _first(self, data: Mapping[str, Any], mutation: str) -> RemotePicture:  # Any: JSON
        files = tables(table(data.get(mutation)).get("files"))
        if not files:
            raise ShopAway(f"Shopify answers {mutation} without a file.")
        return self._picture(files[0])

    def _picture(self, node: Mapping[str, Any]) -> RemotePicture:  # Any: JSON
        url = table(node.get("image")).get("url") or ""
        told = tables(node.get("fileErrors"))
        faults = "; ".join(str(fault.get("details") or fault.get("message")) for fault in told)
        state = _STATES.get(str(node.get("fileStatus", "READY")), "processing")  # other media have no fileStatus
        name = str(url).partition("?")[0].rpartition("/")[2]
        why = self._graphql.words(faults) or "Shopify does not say why" if state == "failed" else ""
        return RemotePicture(str(node.get("id", "")), name, state, why)
