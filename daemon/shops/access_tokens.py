"""Access tokens that expire within hours, and are had anew for a refresh token when one is needed."""

import time
from collections.abc import Callable, Collection, Mapping
from typing import Any

from daemon.shops.http_door import HttpDoor, SentFile, ShopAnswer
from daemon.shops.shop_contract import LoginExpired, ShopAway

EARLY_SECONDS = 60.0  # a token that ends while a picture is under way is of no use


class AccessToken:
    """The token of one login. Not for several threads at once."""

    def __init__(self, door: HttpDoor, path: str, form: Mapping[str, str], clock: Callable[[], float] = time.monotonic):
        """path, form: what asks for a token at this door; secret. clock: seconds that never go back."""
        self._door, self._path, self._form, self._clock = door, path, form, clock
        self._token = ""
        self._until = 0.0

    def current(self) -> str:
        """A token that is good for a minute at least, as far as the shop said. Raises LoginExpired and ShopAway."""
        if not self._token or self._clock() >= self._until:
            answer = self._door.ask("POST", self._path, form=self._form, read=(400, 401, 403))
            self._token, seconds = self._told(answer)
            self._until = self._clock() + seconds - EARLY_SECONDS
        return self._token

    def forget(self) -> None:
        """Have another one next time: the shop does not know this one any more."""
        self._token = ""

    def _told(self, answer: ShopAnswer) -> tuple[str, float]:
        told = json_object(answer)
        if answer.status == 200 and isinstance(token := told.get("access_token"), str) and token:
            seconds = told.get("expires_in")
            return token, float(seconds) if isinstance(seconds, int | float) else 0.0
        if answer.status in (400, 401, 403):
            why = self._door.words(told.get("error_description") or told.get("error") or answer.status)
            raise LoginExpired(f"The refresh token, or the application's secret, is not accepted: {why}.")
        raise ShopAway(f"No access token came: {self._door.words(answer.status)}.")


class TokenDoor:
    """A door that shows an access token at each request."""

    def __init__(self, door: HttpDoor, token: AccessToken, header: Callable[[str], Mapping[str, str]]) -> None:
        """header: how a token is shown."""
        self.door = door
        self._token, self._header = token, header

    def ask(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        json_body: object = None,
        file: SentFile | None = None,
        read: Collection[int] = (),
    ) -> ShopAnswer:
        """As `HttpDoor.ask`. A token that the shop knows no more is had anew once: nothing was done for it."""

        def once() -> ShopAnswer:
            token = self._token.current()
            self.door.keep_secret(token)
            shown = {**self._header(token), **(headers or {})}
            return self.door.ask(method, path, headers=shown, query=query, json_body=json_body, file=file, read=read)

        self._token.current()  # a refresh token that is not accepted is asked for once, not twice
        try:
            return once()
        except LoginExpired:
            self._token.forget()
        return once()


def json_object(answer: ShopAnswer) -> Mapping[str, Any]:  # Any: JSON of a stranger
    """The answer's JSON object; empty if it is another kind of JSON, or nothing. Raises ShopAway for a page."""
    told: Any = answer.json() if answer.body else {}
    return told if isinstance(told, dict) else {}
