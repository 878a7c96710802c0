"""Asks Shopify's GraphQL Admin API: its cost bucket, its versions, and the places in which it puts errors."""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from daemon.shops.http_door import HttpDoor, ShopAnswer
from daemon.shops.shop_contract import LoginExpired, ShopAway, ShopRefused

API_VERSION = "2026-10"
"""The newest version whose reference was read, in November 2026."""
LATER_CODES = frozenset({"MEDIA_CANNOT_BE_MODIFIED", "FILE_LOCKED", "NON_READY_STATE", "NON_READY_MEDIA"})
"""Of userErrors: another operation runs on the file, or it is not ready, so a later try may succeed."""
MOST_WAIT_SECONDS = 120.0  # for points of the bucket: a whole bucket is restored within this
_USUAL_RATE = 50.0  # points a second, the lowest that Shopify names


class UserError(ShopRefused):
    """Shopify refuses what was asked. codes: of its userErrors."""

    def __init__(self, message: str, codes: frozenset[str]) -> None:
        super().__init__(message)
        self.codes = codes


class ShopifyGraphQL:
    """The endpoint of one shop. version: of the API; "" = API_VERSION. wait: sleeps so many seconds."""

    def __init__(self, door: HttpDoor, version: str = "", wait: Callable[[float], object] = time.sleep) -> None:
        self._door, self._version, self._wait = door, version or API_VERSION, wait
        self._lacking_seconds = 0.0

    def ask(self, document: str, **variables: object) -> Mapping[str, Any]:  # Any: JSON of a stranger
        """The data of an answer. Before a question it waits until the bucket has what the last one took.

        Raises ShopAway if Shopify is busy or another operation locks the file; UserError for userErrors; ShopRefused
        for a question that Shopify does not understand; LoginExpired also if there is no such shop or version.
        """
        if self._lacking_seconds:
            self._wait(self._lacking_seconds)
        answer = self._door.ask(
            "POST",
            f"/admin/api/{self._version}/graphql.json",
            json_body={"query": document, "variables": variables},
        )
        said = self._said(answer)
        self._lacking_seconds = _lacking_seconds(said)
        if errors := said.get("errors"):
            raise self._error(errors)
        data = said.get("data")
        if not isinstance(data, dict):
            raise ShopAway("Shopify answers without data.")
        self._raise_user_errors(data)
        return data

    def words(self, text: object) -> str:
        """What Shopify says, for people."""
        return self._door.words(text)

    def _said(self, answer: ShopAnswer) -> Mapping[str, Any]:  # Any: JSON
        if answer.status in (402, 404):
            raise LoginExpired(f"Shopify answers {answer.status}: there is no such shop, or it is closed.")
        answered = answer.headers.get("x-shopify-api-version", self._version)
        if answered != self._version:  # it answers an expired version by its oldest, without a word
            raise LoginExpired(
                f"Shopify answers by version {self.words(answered)} of its API instead of {self._version}: install a "
                "newer Freisteller, or set api_version of the shop."
            )
        said = answer.json()
        if answer.status >= 400 or not isinstance(said, dict):
            raise ShopRefused(f"Shopify answers {answer.status}: {self.words(answer.body.decode('utf-8', 'replace'))}")
        return said

    def _error(self, errors: object) -> Exception:
        listed = errors if isinstance(errors, list) else [errors]
        codes = {str(table(table(error).get("extensions")).get("code", "")) for error in listed}
        words = self.words("; ".join(str(table(error).get("message", error)) for error in listed))
        if "THROTTLED" in codes or words == "Throttled":
            seconds, self._lacking_seconds = self._lacking_seconds or 1.0, 0.0  # who asks again waits first
            return ShopAway("Shopify slows us down (THROTTLED).", seconds)
        if "ACCESS_DENIED" in codes:
            return LoginExpired(f"Shopify denies access; the token needs read and write of products and files: {words}")
        if codes & {"INTERNAL_SERVER_ERROR", "TIMEOUT"}:
            return ShopAway(f"Shopify has an error of its own: {words}")
        return ShopRefused(f"Shopify does not understand the question: {words}")

    def _raise_user_errors(self, data: Mapping[str, Any]) -> None:  # Any: JSON
        for payload in data.values():
            for key in ("userErrors", "mediaUserErrors"):
                errors = tables(table(payload).get(key))
                if errors:
                    codes = frozenset(str(error.get("code") or "") for error in errors)
                    words = self.words("; ".join(str(error.get("message", "")) for error in errors))
                    if codes & LATER_CODES:
                        raise ShopAway(f"Shopify still works on the file: {words}")
                    raise UserError(f"Shopify refuses it: {words}", codes)


def table(value: object) -> Mapping[str, Any]:  # Any: JSON
    """A JSON object; empty if it is none."""
    return value if isinstance(value, dict) else {}


def tables(value: object) -> Sequence[Mapping[str, Any]]:  # Any: JSON
    """The objects of a JSON list; none if it is no list."""
    return [each for each in value if isinstance(each, dict)] if isinstance(value, list) else []


def nodes(connection: object) -> Sequence[Mapping[str, Any]]:  # Any: JSON
    """The nodes of a connection; none if it is not there."""
    return tables(table(connection).get("nodes"))


def _lacking_seconds(said: Mapping[str, Any]) -> float:  # Any: JSON
    """How long the bucket needs until it has what this question was to cost."""
    cost = table(table(said.get("extensions")).get("cost"))
    status = table(cost.get("throttleStatus"))
    if "currentlyAvailable" not in status:
        return 0.0
    lacking = _number(cost.get("requestedQueryCost")) - _number(status["currentlyAvailable"])
    return min(MOST_WAIT_SECONDS, max(0.0, lacking) / (_number(status.get("restoreRate")) or _USUAL_RATE))


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
