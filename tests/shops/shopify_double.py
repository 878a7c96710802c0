"""Shopify as it documents itself: GraphQL Admin on a real port, with its storage, its bucket of points and its delays.

Questions are parsed, checked and answered by the part of its schema in `schemas/`: one that Shopify would not
understand fails here too.
"""

import email.parser
import email.policy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from graphql import GraphQLError, build_schema, graphql_sync

from tests.shops.shop_server import Asked, ShopServer, Told, numbers

VERSION = "2026-10"
TOKEN = "shpat_0123456789abcdef"
ENDPOINT = f"/admin/api/{VERSION}/graphql.json"
SCHEMA = build_schema((Path(__file__).parent / "schemas" / "shopify_2026_10.graphql").read_text("utf-8"))
COST = 10.0


@dataclass(slots=True)
class File:
    """A file of the shop. polls: questions until it is ready. next: name and content that an update brings then."""

    id: str
    name: str
    content: bytes
    alt: str
    status: str = "PROCESSING"
    polls: int = 3
    fails: bool = False
    next: tuple[str, bytes] | None = None


@dataclass(slots=True)
class Product:
    """A product. media: ids of files, in order."""

    id: str
    skus: tuple[str, ...]
    media: list[str] = field(default_factory=list)


class ShopifyDouble(ShopServer):
    """One shop. What a test may set: version (that it answers by), points and rate of the bucket, lag (questions for
    files by name that do not find new ones), fails (the next file never becomes a picture)."""

    def __init__(self) -> None:
        super().__init__()
        self.version = VERSION
        self.points, self.most, self.rate = 1000.0, 1000.0, 50.0
        self.lag = 0
        self.polls = 3
        self.fails = False
        self.files: dict[str, File] = {}
        self.products: dict[str, Product] = {}
        self.staged: dict[str, tuple[str, bytes]] = {}
        self.mutations: list[str] = []
        self._ids = numbers(1)

    def add_product(self, *skus: str, media: tuple[str, ...] = ()) -> Product:
        product = Product(f"gid://shopify/Product/{next(self._ids)}", skus, list(media))
        self.products[product.id] = product
        return product

    def add_file(self, name: str, content: bytes = b"the owner's", **more: Any) -> str:
        made = File(f"gid://shopify/MediaImage/{next(self._ids)}", name, content, "", **{"status": "READY", **more})
        self.files[made.id] = made
        return made.id

    def shown(self, product: Product) -> list[bytes]:
        """What a customer sees: the contents of the product's pictures, in order."""
        return [self.files[each].content for each in product.media]

    def answer(self, asked: Asked) -> Told:
        if asked.path == "/storage":
            return self._store(asked)
        if asked.path != ENDPOINT:
            return Told.of_json(404, {"errors": "Not Found"})
        if asked.headers.get("x-shopify-access-token") != TOKEN:
            return Told.of_json(401, {"errors": "[API] Invalid API key or access token"})
        return Told.of_json(200, self._asked(asked.json()), X_Shopify_API_Version=self.version)

    def _asked(self, body: Any) -> dict[str, Any]:
        status = {"maximumAvailable": self.most, "currentlyAvailable": self.points, "restoreRate": self.rate}
        cost = {"requestedQueryCost": COST, "actualQueryCost": COST, "throttleStatus": status}
        if self.points < COST:
            error = {"message": "Throttled", "extensions": {"code": "THROTTLED"}}
            return {"errors": [error], "extensions": {"cost": {**cost, "actualQueryCost": None}}}
        self.points -= COST
        status["currentlyAvailable"] = self.points
        done = graphql_sync(SCHEMA, body["query"], _Root(self), variable_values=body.get("variables"))
        told: dict[str, Any] = {"extensions": {"cost": cost}}
        if done.errors:
            return {**told, "errors": [{"message": error.message} for error in done.errors]}
        return {**told, "data": done.data}

    def _store(self, asked: Asked) -> Told:
        head = f"Content-Type: {asked.headers['content-type']}\r\n\r\n".encode()
        form = email.parser.BytesParser(policy=email.policy.HTTP).parsebytes(head + asked.body)
        parts = [(part.get_param("name", header="content-disposition"), part) for part in form.iter_parts()]
        if [name for name, _ in parts] != ["key", "policy", "file"]:
            return Told(400, b"<Error><Code>InvalidArgument</Code></Error>", {"Content-Type": "application/xml"})
        (_, key), _, (_, file) = parts
        content = file.get_payload(decode=True)
        assert isinstance(content, bytes)
        place = str(key.get_payload()).strip()
        self.staged[f"{self.url}/{place}"] = (place.rpartition("/")[2], content)
        return Told(201)

    def file_json(self, file: File) -> dict[str, Any]:
        error = {"code": "IMAGE_PROCESSING_FAILURE", "message": "Processing failed", "details": "Not a valid image"}
        made = file.status == "READY" or file.next
        return {
            "__typename": "MediaImage",
            "id": file.id,
            "alt": file.alt,
            "fileStatus": file.status,
            "fileErrors": [error] if file.status == "FAILED" else [],
            "image": {"url": f"https://cdn.shopify.com/s/files/1/0001/files/{file.name}?v=1"} if made else None,
        }

    def polled(self, file: File) -> None:
        """Somebody asked for this file: its processing goes on."""
        if file.status == "PROCESSING":
            file.polls -= 1
            if file.polls <= 0:
                file.status = "FAILED" if file.fails else "READY"
                if file.next and not file.fails:
                    file.name, file.content = file.next
                    file.next = None


class _Root:
    """The resolvers, each named as the field that it answers."""

    def __init__(self, shop: ShopifyDouble) -> None:
        self._shop = shop

    def node(self, info: Any, id: str) -> Any:
        file = self._shop.files.get(id)
        if file is None:
            return None
        self._shop.polled(file)
        return self._shop.file_json(file)

    def product(self, info: Any, id: str) -> Any:
        product = self._shop.products.get(id)
        if product is None:
            return None
        return {"id": id, "media": {"nodes": [self._shop.file_json(self._shop.files[each]) for each in product.media]}}

    def productVariants(self, info: Any, query: str, **_: Any) -> Any:  # noqa: N802
        wanted = query.removeprefix("sku:'").removesuffix("'").replace("\\'", "'").replace("\\\\", "\\")
        found = [
            {"__typename": "ProductVariant", "id": f"{product.id}/v", "sku": sku, "product": {"id": product.id}}
            for product in self._shop.products.values()
            for sku in product.skus
            if sku.lower().startswith(wanted.lower())  # a search also finds similar ones
        ]
        return {"nodes": found}

    def files(self, info: Any, query: str, **_: Any) -> Any:
        if self._shop.lag:
            self._shop.lag -= 1
            return {"nodes": []}
        start = query.removeprefix("filename:").removesuffix("*")
        found = [file for file in self._shop.files.values() if file.name.startswith(start)]
        return {"nodes": [self._shop.file_json(file) for file in found]}

    def stagedUploadsCreate(self, info: Any, input: list[dict[str, Any]]) -> Any:  # noqa: N802
        self._shop.mutations.append("stagedUploadsCreate")
        (wanted,) = input
        if wanted["httpMethod"] != "POST":
            raise GraphQLError("this double takes POST only")
        key = f"tmp/{next(self._shop._ids)}/{wanted['filename']}"
        form = [{"name": "key", "value": key}, {"name": "policy", "value": "eyJ"}]
        target = {"url": f"{self._shop.url}/storage", "resourceUrl": f"{self._shop.url}/{key}", "parameters": form}
        return {"stagedTargets": [target], "userErrors": []}

    def fileCreate(self, info: Any, files: list[dict[str, Any]]) -> Any:  # noqa: N802
        self._shop.mutations.append("fileCreate")
        (wanted,) = files
        staged = self._shop.staged.get(wanted["originalSource"])
        if staged is None:
            return _refused("files", "INVALID_IMAGE_SOURCE_URL", "Image URL is invalid")
        name = wanted.get("filename") or staged[0]
        if any(file.name == name for file in self._shop.files.values()):
            if wanted["duplicateResolutionMode"] == "RAISE_ERROR":
                return _refused("files", "FILENAME_ALREADY_EXISTS", "Filename already exists.")
            stem, dot, suffix = name.rpartition(".")
            name = f"{stem}_8b1f0c1e-22aa-4c3d-9f00-{next(self._shop._ids):012}{dot}{suffix}"
        made_id = self._shop.add_file(
            name, staged[1], status="PROCESSING", polls=self._shop.polls, fails=self._shop.fails
        )
        self._shop.fails = False
        made = self._shop.files[made_id]
        made.alt = wanted.get("alt") or ""
        return {"files": [self._shop.file_json(made)], "userErrors": []}

    def fileUpdate(self, info: Any, files: list[dict[str, Any]]) -> Any:  # noqa: N802
        self._shop.mutations.append("fileUpdate")
        (wanted,) = files
        file = self._shop.files.get(wanted["id"])
        if file is None:
            return _refused("files", "FILE_DOES_NOT_EXIST", "File id does not exist.")
        if file.status != "READY":
            return _refused("files", "NON_READY_STATE", "Non-ready files cannot be updated.")
        for product_id in wanted.get("referencesToAdd") or ():
            if wanted["id"] not in self._shop.products[product_id].media:
                self._shop.products[product_id].media.append(wanted["id"])
        for product_id in wanted.get("referencesToRemove") or ():
            self._shop.products[product_id].media.remove(wanted["id"])
        if source := wanted.get("originalSource"):
            name = wanted.get("filename") or file.name
            if name.rpartition(".")[2] != file.name.rpartition(".")[2]:
                text = "Provided filename extension must match original source."
                return _refused("files", "MISMATCHED_FILENAME_AND_ORIGINAL_SOURCE", text)
            file.next, file.status, file.polls = (name, self._shop.staged[source][1]), "PROCESSING", self._shop.polls
            file.fails, self._shop.fails = self._shop.fails, False
        return {"files": [self._shop.file_json(file)], "userErrors": []}

    def fileDelete(self, info: Any, fileIds: list[str]) -> Any:  # noqa: N802, N803
        self._shop.mutations.append("fileDelete")
        for each in fileIds:
            assert not any(each in product.media for product in self._shop.products.values()), "it is shown"
            del self._shop.files[each]
        return {"deletedFileIds": fileIds, "userErrors": []}

    def fileAcknowledgeUpdateFailed(self, info: Any, fileIds: list[str]) -> Any:  # noqa: N802, N803
        self._shop.mutations.append("fileAcknowledgeUpdateFailed")
        for each in fileIds:
            file = self._shop.files[each]
            file.status, file.next, file.fails = "READY", None, False
        return {"files": [self._shop.file_json(self._shop.files[each]) for each in fileIds], "userErrors": []}

    def productReorderMedia(self, info: Any, id: str, moves: list[dict[str, Any]]) -> Any:  # noqa: N802
        self._shop.mutations.append("productReorderMedia")
        media = self._shop.products[id].media
        for move in moves:
            media.remove(move["id"])
            media.insert(int(move["newPosition"]), move["id"])
        return {"job": {"id": "gid://shopify/Job/1", "done": False}, "mediaUserErrors": []}


def _refused(name: str, code: str, message: str) -> dict[str, Any]:
    return {name: [], "userErrors": [{"field": [name, "0"], "message": message, "code": code}]}
