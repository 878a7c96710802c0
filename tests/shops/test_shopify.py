"""Shopify behind the contract, against a double that answers as its reference says."""

import contextlib
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from graphql import parse, validate
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.errors import BadSettings, FreistellerError
from daemon.settings.shop_section import ShopSettings
from daemon.shops import shopify_documents as documents
from daemon.shops.http_door import DoorLimits
from daemon.shops.open_shop import open_shop
from daemon.shops.shop_contract import LoginExpired, ProductUnknown, Shop, ShopAway, ShopRefused
from tests.shops.pictures_to_send import picture_to_send
from tests.shops.shop_server import Told
from tests.shops.shopify_double import SCHEMA, TOKEN, ShopifyDouble

QUICK = DoorLimits(connect_seconds=5, silent_seconds=20, answer_seconds=20)


@pytest.fixture
def double() -> Iterator[ShopifyDouble]:
    with ShopifyDouble() as double:
        yield double


def opened(double: ShopifyDouble, token: str = TOKEN, waits: list[float] | None = None) -> Shop:
    given = {"kind": "shopify", "address": double.url, "rendition": "shop", "token": token}
    return open_shop("mine", ShopSettings.model_validate(given), QUICK, (waits if waits is not None else []).append)


def until_ready(shop: Shop, picture_id: str) -> list[str]:
    """What the shop says of a picture until it is done."""
    told: list[str] = []
    while not told or told[-1] == "processing":
        remote = shop.tell("shoe-12", picture_id)
        assert remote is not None
        told.append(remote.state)
    return told


@pytest.mark.parametrize("document", [*documents.READING, *documents.WRITING])
def test_shopify_understands_every_question(document: str) -> None:
    assert validate(SCHEMA, parse(document)) == []


def test_only_what_is_said_to_change_something_does() -> None:
    assert all(document.startswith("query ") for document in documents.READING)
    assert all(document.startswith("mutation ") for document in documents.WRITING)
    assert "productCreateMedia" not in "".join(documents.WRITING)  # deprecated


def test_a_product_is_found_by_exactly_its_sku(double: ShopifyDouble) -> None:
    front = double.add_file("front.jpg")
    product = double.add_product("O'Neill \\1", media=(front,))
    double.add_product("O'Neill \\10")

    found = opened(double).product("O'Neill \\1")

    assert (found.id, found.sku) == (product.id, "O'Neill \\1")
    assert [(each.id, each.name, each.state) for each in found.pictures] == [(front, "front.jpg", "ready")]


def test_a_sku_of_no_product_or_of_several_is_listed(double: ShopifyDouble) -> None:
    double.add_product("twice")
    double.add_product("twice")

    with pytest.raises(ProductUnknown, match="no product has the SKU shoe"):
        opened(double).product("shoe")
    with pytest.raises(ProductUnknown, match="2 products have the SKU twice"):
        opened(double).product("twice")


def test_two_variants_of_one_product_may_share_a_sku(double: ShopifyDouble) -> None:
    product = double.add_product("shoe", "shoe")

    assert opened(double).product("shoe").id == product.id


def test_a_picture_is_uploaded_processed_and_attached_at_its_place(double: ShopifyDouble, tmp_path: Path) -> None:
    shop, picture = opened(double), picture_to_send(tmp_path)
    product = double.add_product(picture.sku, media=(double.add_file("a.jpg", b"a"), double.add_file("b.jpg", b"b")))
    assert shop.uploaded(picture) is None

    remote = shop.upload(picture)

    assert remote.state == "processing"
    assert until_ready(shop, remote.id) == ["processing", "processing", "ready"]
    shop.attach(shop.product(picture.sku), remote.id, picture.place)
    assert double.shown(product) == [picture.path.read_bytes(), b"a", b"b"]
    assert double.files[remote.id].name == picture.name
    assert double.files[remote.id].alt == "A blue shoe"
    assert "fileDelete" not in double.mutations


def test_a_place_behind_all_pictures_is_the_last(double: ShopifyDouble, tmp_path: Path) -> None:
    shop, picture = opened(double), picture_to_send(tmp_path, place=7)
    product = double.add_product(picture.sku, media=(double.add_file("a.jpg", b"a"),))
    remote = shop.upload(picture)
    until_ready(shop, remote.id)

    for _ in range(2):
        shop.attach(shop.product(picture.sku), remote.id, picture.place)

    assert double.shown(product) == [b"a", picture.path.read_bytes()]
    assert "productReorderMedia" not in double.mutations


def test_a_picture_that_is_not_ready_is_attached_later(double: ShopifyDouble, tmp_path: Path) -> None:
    shop, picture = opened(double), picture_to_send(tmp_path)
    double.add_product(picture.sku)
    remote = shop.upload(picture)

    with pytest.raises(ShopAway, match="still works on the file"):
        shop.attach(shop.product(picture.sku), remote.id, 1)


def test_what_never_becomes_a_picture_says_why(double: ShopifyDouble, tmp_path: Path) -> None:
    shop, picture = opened(double), picture_to_send(tmp_path)
    double.fails = True
    remote = shop.upload(picture)

    assert until_ready(shop, remote.id)[-1] == "failed"
    told = shop.tell(picture.sku, remote.id)
    assert told is not None
    assert told.why == "Not a valid image"


def test_a_failed_file_gives_its_name_to_the_next_try(double: ShopifyDouble, tmp_path: Path) -> None:
    shop, picture = opened(double), picture_to_send(tmp_path)
    double.fails = True
    until_ready(shop, shop.upload(picture).id)

    again = shop.upload(picture)

    assert until_ready(shop, again.id)[-1] == "ready"
    assert [file.name for file in double.files.values()] == [picture.name]


def test_an_upload_whose_answer_was_lost_is_found(double: ShopifyDouble, tmp_path: Path) -> None:
    shop, picture = opened(double), picture_to_send(tmp_path)
    double.cut_after("POST", "/storage")
    with pytest.raises(ShopAway):
        shop.upload(picture)
    assert shop.uploaded(picture) is None

    remote = shop.upload(picture)

    assert shop.uploaded(picture) == remote
    assert len(double.files) == 1


def test_a_list_of_files_that_lags_behind_makes_no_double(double: ShopifyDouble, tmp_path: Path) -> None:
    shop, picture = opened(double), picture_to_send(tmp_path)
    remote = shop.upload(picture)
    double.lag = 2
    assert shop.uploaded(picture) is None

    with pytest.raises(ShopAway, match="does not list it yet"):
        shop.upload(picture)

    assert shop.upload(picture) == remote
    assert len(double.files) == 1


def test_a_name_with_a_suffix_of_shopify_is_known(double: ShopifyDouble, tmp_path: Path) -> None:
    picture = picture_to_send(tmp_path)
    stem = picture.name.removesuffix(".jpg")
    theirs = double.add_file(f"{stem}_8b1f0c1e-22aa-4c3d.jpg")
    double.add_file(f"{stem}f.jpg")

    remote = opened(double).uploaded(picture)

    assert remote is not None
    assert remote.id == theirs


def test_a_replaced_picture_keeps_its_id_and_its_place(double: ShopifyDouble, tmp_path: Path) -> None:
    shop = opened(double)
    first, second = picture_to_send(tmp_path, b"first"), picture_to_send(tmp_path, b"second")
    ours, other = double.add_file(first.name, b"first"), double.add_file("b.jpg", b"b")
    product = double.add_product(first.sku, media=(other, ours))

    remote = shop.replace(shop.product(first.sku), ours, second)

    assert (remote.id, remote.state) == (ours, "processing")
    assert double.shown(product) == [b"b", b"first"]  # the earlier one is shown until the new one is ready
    until_ready(shop, ours)
    assert double.shown(product) == [b"b", b"second"]
    assert shop.product(first.sku).pictures[1].name == second.name
    assert len(double.files) == 2

    double.mutations.clear()
    assert shop.replace(shop.product(first.sku), ours, second).state == "ready"
    assert double.mutations == []


def test_a_replacement_that_fails_leaves_the_earlier_picture_and_can_be_tried_again(
    double: ShopifyDouble, tmp_path: Path
) -> None:
    shop = opened(double)
    first, second = picture_to_send(tmp_path, b"first"), picture_to_send(tmp_path, b"second")
    ours = double.add_file(first.name, b"first")
    product = double.add_product(first.sku, media=(ours,))
    double.fails = True
    shop.replace(shop.product(first.sku), ours, second)

    assert until_ready(shop, ours)[-1] == "failed"
    assert double.shown(product) == [b"first"]
    shop.replace(shop.product(first.sku), ours, second)
    until_ready(shop, ours)
    assert double.shown(product) == [b"second"]


def test_a_picture_of_another_kind_takes_the_place_once_it_is_ready(double: ShopifyDouble, tmp_path: Path) -> None:
    shop = opened(double)
    first = picture_to_send(tmp_path, b"first")
    second = picture_to_send(tmp_path, b"second")
    second = replace(second, name=second.name.replace(".jpg", ".png"), media_type="image/png")
    ours, other = double.add_file(first.name, b"first"), double.add_file("b.jpg", b"b")
    product = double.add_product(first.sku, media=(ours, other))

    with pytest.raises(ShopAway, match="still works"):
        shop.replace(shop.product(first.sku), ours, second)

    assert double.shown(product) == [b"first", b"b"]
    made = shop.uploaded(second)
    assert made is not None
    until_ready(shop, made.id)
    assert shop.replace(shop.product(first.sku), ours, second).state == "ready"
    assert double.shown(product) == [b"second", b"b"]
    assert ours in double.files  # it may be shown elsewhere


def test_an_empty_bucket_is_told_with_the_time_that_it_needs(double: ShopifyDouble) -> None:
    shop = opened(double)
    double.points = 0.0

    with pytest.raises(ShopAway, match="THROTTLED") as caught:
        shop.product("shoe")

    assert caught.value.retry_after_seconds == pytest.approx(10 / 50)


def test_a_nearly_empty_bucket_is_waited_for_before_the_next_question(double: ShopifyDouble) -> None:
    waits: list[float] = []
    shop = opened(double, waits=waits)
    double.add_product("shoe")
    double.points = 22.0

    shop.product("shoe")
    assert waits == []
    double.points += 100.0
    shop.product("shoe")

    assert waits == [pytest.approx(8 / 50)]


def test_a_token_that_is_wrong_or_may_not_is_an_expired_login(double: ShopifyDouble) -> None:
    with pytest.raises(LoginExpired, match="Invalid API key"):
        opened(double, token="wrong").product("shoe")

    denied = {"errors": [{"message": "Access denied for files", "extensions": {"code": "ACCESS_DENIED"}}]}
    double.instead("POST", "graphql", Told.of_json(200, denied))
    with pytest.raises(LoginExpired, match="read and write of products and files: Access denied"):
        opened(double).product("shoe")


def test_another_version_of_the_api_is_not_worked_with(double: ShopifyDouble) -> None:
    double.version = "2026-01"

    with pytest.raises(LoginExpired, match="by version 2026-01 of its API instead of 2026-10"):
        opened(double).product("shoe")


@pytest.mark.parametrize(
    ("told", "kind"),
    [
        (Told.page(200, "Opening soon"), ShopAway),
        (Told.page(503, "Down"), ShopAway),
        (Told.of_json(429, {}, Retry_After="2"), ShopAway),
        (Told.of_json(430, {}), ShopAway),
        (Told.of_json(200, {"errors": [{"message": "x", "extensions": {"code": "INTERNAL_SERVER_ERROR"}}]}), ShopAway),
        (Told.of_json(200, {"data": None}), ShopAway),
        (Told.of_json(200, []), ShopRefused),
        (Told.of_json(200, {"errors": "Parse error"}), ShopRefused),
        (Told.of_json(404, {"errors": "Not Found"}), LoginExpired),
        (Told.of_json(402, {"errors": "Unavailable Shop"}), LoginExpired),
    ],
)
def test_each_answer_that_is_none_has_its_class(double: ShopifyDouble, told: Told, kind: type[Exception]) -> None:
    double.instead("POST", "graphql", told)

    with pytest.raises(kind):
        opened(double).product("shoe")


KEYS = st.sampled_from(
    [
        "nodes", "files", "node", "id", "product", "productVariants", "sku", "fileErrors", "image", "url", "media",
        "userErrors", "code", "stagedUploadsCreate", "stagedTargets", "parameters", "fileCreate", "throttleStatus",
    ]
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.sampled_from(["shoe", "READY", "http://127.0.0.1:1/"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=JSON, errors=JSON, cost=JSON)
def test_whatever_comes_in_place_of_an_answer_has_its_class(
    double: ShopifyDouble, tmp_path: Path, data: object, errors: object, cost: object
) -> None:
    shop, picture = opened(double), picture_to_send(tmp_path)
    told = {"data": data, "errors": errors, "extensions": {"cost": cost}}

    for act in (lambda: shop.product("shoe"), lambda: shop.uploaded(picture), lambda: shop.upload(picture)):
        double.faults.clear()
        double.instead("POST", "graphql", Told.of_json(200, told), times=100)
        with contextlib.suppress(FreistellerError):
            act()


PARTS: dict[str, object] = {
    "productVariants": {"nodes": [{"sku": "shoe", "product": {"id": "p"}}, {"sku": "shoe", "product": 7}]},
    "product": {"media": {"nodes": [{"image": 7, "fileErrors": 7}, {"fileErrors": ["x", {}], "fileStatus": "FAILED"}]}},
    "files": {"nodes": [{"image": {"url": 7}}, 7]},
    "stagedUploadsCreate": {"stagedTargets": [{"url": "x", "resourceUrl": "y", "parameters": [7, {}]}]},
    "fileCreate": {"files": [7], "userErrors": [7]},
}


@pytest.mark.parametrize("errors", [None, 7, "x", [7], {"extensions": 7}, [{"message": 7, "extensions": {"code": 7}}]])
@pytest.mark.parametrize("parts", [PARTS, dict.fromkeys(PARTS, 7), {name: {"userErrors": 7} for name in PARTS}])
def test_an_answer_of_another_shape_has_its_class(
    double: ShopifyDouble, tmp_path: Path, errors: object, parts: object
) -> None:
    shop, picture = opened(double), picture_to_send(tmp_path)

    for act in (lambda: shop.product("shoe"), lambda: shop.uploaded(picture), lambda: shop.upload(picture)):
        double.faults.clear()
        double.instead("POST", "graphql", Told.of_json(200, {"data": parts, "errors": errors}), times=100)
        with contextlib.suppress(FreistellerError):
            act()


def test_a_certificate_authority_that_is_not_there_is_told_at_once(double: ShopifyDouble) -> None:
    given = {"kind": "shopify", "address": double.url, "rendition": "shop", "token": TOKEN, "ca_file": "/nowhere.pem"}

    with pytest.raises(BadSettings, match=r"/nowhere\.pem is not there"):
        open_shop("mine", ShopSettings.model_validate(given), QUICK)


def test_a_storage_that_refuses_the_file_says_why(double: ShopifyDouble, tmp_path: Path) -> None:
    double.instead("POST", "/storage", Told(400, b"<Code>EntityTooLarge</Code>"))

    with pytest.raises(ShopRefused, match="storage answers 400: <Code>EntityTooLarge"):
        opened(double).upload(picture_to_send(tmp_path))


def test_a_storage_whose_signature_is_too_old_is_asked_again(double: ShopifyDouble, tmp_path: Path) -> None:
    double.instead("POST", "/storage", Told(403, b"<Code>AccessDenied</Code>"))

    with pytest.raises(ShopAway, match="signature"):
        opened(double).upload(picture_to_send(tmp_path))


def test_the_token_goes_to_the_shop_alone(double: ShopifyDouble, tmp_path: Path) -> None:
    with ShopifyDouble() as storage:
        shop, picture = opened(double), picture_to_send(tmp_path)
        told = {
            "data": {
                "stagedUploadsCreate": {
                    "stagedTargets": [
                        {
                            "url": f"{storage.url}/storage",
                            "resourceUrl": f"{storage.url}/tmp/x.jpg",
                            "parameters": [{"name": "key", "value": "tmp/x.jpg"}, {"name": "policy", "value": "e"}],
                        }
                    ],
                    "userErrors": [],
                }
            }
        }
        double.instead("POST", "graphql", Told.of_json(200, told))
        with pytest.raises(ShopRefused):
            shop.upload(picture)

    assert len(storage.asked) == 1
    assert TOKEN not in str(storage.asked)
