"""The one door to shops over HTTP: bounded in time and bytes, and no secret ever leaves it in an error or a log.

It decides only what is the same for all shops: who cannot be reached, is busy or answers with a page instead of JSON is
away; who does not know us says so. Any other answer is the caller's to read.
"""

import json
import re
import time
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import IO, Any
from urllib.parse import urljoin, urlsplit

import requests
from requests.auth import AuthBase

from daemon import __version__
from daemon.shops.shop_contract import LoginExpired, ShopAway, ShopRefused

BUSY = frozenset({408, 423, 425, 429, 430})  # and every 5xx. 423, 430: Shopify, after persistent excess
MOST_SHOWN = 300  # characters of a shop's words that people see
LONGEST_RETRY_AFTER_SECONDS = 3600.0
MOST_TOKENS = 20  # they follow each other; an answer holds none of hours ago


@dataclass(frozen=True, slots=True)
class DoorLimits:
    """How much patience a shop gets.

    silent_seconds: between two bytes. answer_seconds: for the whole answer. most_bytes: of an answer.
    """

    connect_seconds: float = 10.0
    silent_seconds: float = 60.0
    answer_seconds: float = 180.0
    most_bytes: int = 8 << 20


USUAL_LIMITS = DoorLimits()


@dataclass(frozen=True, slots=True)
class ShopAnswer:
    """What a shop answered. headers: names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)

    def json(self) -> Any:  # Any: JSON of a stranger
        """The body as JSON. Raises ShopAway if it is none: a page of a login or a security plug-in came instead."""
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            kind = "a page" if self.is_page else "something that is no JSON"
            raise ShopAway(f"The shop answers {self.status} with {kind}.") from error

    @property
    def is_page(self) -> bool:
        """Whether it is HTML."""
        head = self.body[:200].lstrip().lower()
        return "html" in self.headers.get("content-type", "") or head.startswith((b"<!doctype", b"<html"))


@dataclass(frozen=True, slots=True)
class SentFile:
    """The file of a multipart form, sent last. field: the form's name for it."""

    field: str
    name: str
    path: Path
    media_type: str


class HttpDoor:
    """Requests to one shop. Not for several threads at once.

    base: what paths are below. headers: of every request to that host; they may be secret, and go to no other host.
    secrets: texts that no error may contain.
    """

    def __init__(
        self,
        base: str,
        headers: Mapping[str, str] | None = None,
        secrets: tuple[str, ...] = (),
        limits: DoorLimits = USUAL_LIMITS,
        ca_file: str = "",
    ) -> None:
        self._base, self._headers, self._limits = base, dict(headers or {}), limits
        self._secrets = tuple(secret for secret in secrets if secret)
        self._tokens: tuple[str, ...] = ()
        self._session = requests.Session()
        self._session.auth = _NoLogin()  # else requests would take a login out of ~/.netrc
        self._session.headers["User-Agent"] = f"freisteller/{__version__}"
        self._ca_file = ca_file or None  # told at each request, else REQUESTS_CA_BUNDLE would go before it

    def ask(
        self,
        method: str,
        path: str,
        *,
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        json_body: object = None,
        form: Mapping[str, str] | None = None,
        file: SentFile | None = None,
        raw: Path | None = None,
        read: Collection[int] = (),
    ) -> ShopAnswer:
        """Ask once. path: below the base, or a whole URL, which gets our own headers only on the same host.

        json_body, form (with `file`: a multipart form) or raw (a file as it is): what is sent. No redirect is followed.
        read: statuses that the caller judges itself. Raises ShopAway for what may be better later, LoginExpired for 401
        and 403, ShopRefused for a file or an address that cannot be used; OSError if our own file cannot be read.
        """
        url = urljoin(self._base, path)
        ours = self._headers if urlsplit(url)[:2] == urlsplit(self._base)[:2] else {}
        with _opened(file.path if file else raw) as opened:
            files = {file.field: (file.name, opened, file.media_type)} if file and opened else None
            data: object = opened if raw else form
            answer = self._answer(
                method, url, {**ours, **(headers or {})}, params=query, json=json_body, data=data, files=files
            )
        return answer if answer.status in read else self.judged(answer, urlsplit(url).hostname or "")

    def keep_secret(self, secret: str) -> None:
        """Let no error contain this text, which became known only now: a token, say."""
        self._tokens = (*self._tokens[1 - MOST_TOKENS :], secret)

    def words(self, text: object) -> str:
        """What a shop says, for people: on one line, not too long, without our secrets."""
        shown = str(text)
        for secret in (*self._secrets, *self._tokens):
            shown = shown.replace(secret, "***")
        shown = " ".join("".join(c if c.isprintable() else " " for c in shown).split())
        return shown if len(shown) <= MOST_SHOWN else f"{shown[: MOST_SHOWN - 1]}…"

    def close(self) -> None:
        """Close the connections."""
        self._session.close()

    def judged(self, answer: ShopAnswer, host: str = "") -> ShopAnswer:
        """The answer, unless its status says that the shop is away or does not know us: then what `ask` raises."""
        host = host or urlsplit(self._base).hostname or "the shop"
        if answer.status in BUSY or answer.status >= 500:
            raise ShopAway(f"{host} answers {answer.status}.", retry_after(answer))
        if 300 <= answer.status < 400:
            raise ShopAway(f"{host} leads elsewhere ({answer.status}); is the address of the shop right?")
        if answer.status in (401, 403):
            if answer.is_page and answer.status == 403:
                raise ShopAway(f"{host} answers 403 with a page: something before the shop holds us up.")
            raise LoginExpired(f"{host} answers {answer.status}: {self.words(answer.body.decode('utf-8', 'replace'))}")
        return answer

    def _answer(self, method: str, url: str, headers: Mapping[str, str], **sent: Any) -> ShopAnswer:  # Any: as it is
        host = urlsplit(url).hostname or "the shop"
        timeout = (self._limits.connect_seconds, self._limits.silent_seconds)
        fault: str
        try:
            with self._session.request(
                method,
                url,
                headers=dict(headers),
                timeout=timeout,
                allow_redirects=False,
                stream=True,
                verify=self._ca_file,
                **sent,
            ) as answer:
                body = self._body(answer, host)
                lower = {name.lower(): value for name, value in answer.headers.items()}
                return ShopAnswer(answer.status_code, lower, body)
        except requests.exceptions.SSLError:
            fault = f"The certificate of {host} is not trusted (REQUESTS_CA_BUNDLE names authorities of your own)."
        except requests.exceptions.ProxyError:
            fault = "The proxy of the environment (HTTPS_PROXY, HTTP_PROXY) lets nothing through."
        except requests.exceptions.Timeout:
            fault = f"{host} did not answer in time."
        except (requests.exceptions.InvalidURL, requests.exceptions.InvalidHeader, UnicodeError):
            raise ShopRefused(f"{host} cannot be asked: the address or a header cannot be sent.") from None
        except requests.exceptions.RequestException as error:
            fault = f"{host} cannot be reached ({type(error).__name__})."
        raise ShopAway(fault)  # not from the error, whose text may hold what was sent

    def _body(self, answer: requests.Response, host: str) -> bytes:
        deadline = time.monotonic() + self._limits.answer_seconds
        body = bytearray()
        for some in answer.iter_content(64 << 10):
            body += some
            if len(body) > self._limits.most_bytes:
                raise ShopAway(f"{host} answers with more than {self._limits.most_bytes >> 20} MB.")
            if time.monotonic() > deadline:
                raise ShopAway(f"{host} answers too slowly.")
        return bytes(body)


def retry_after(answer: ShopAnswer) -> float:
    """The seconds that the shop wants to be left alone, an hour at most; 0 = it does not say."""
    wanted = answer.headers.get("retry-after", "").strip()
    if re.fullmatch(r"\d{1,9}(\.\d{1,6})?", wanted, re.ASCII):
        return min(LONGEST_RETRY_AFTER_SECONDS, float(wanted))
    try:
        return min(LONGEST_RETRY_AFTER_SECONDS, max(0.0, parsedate_to_datetime(wanted).timestamp() - time.time()))
    except (ValueError, OverflowError):
        return 0.0


class _NoLogin(AuthBase):
    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        return request


@contextmanager
def _opened(path: Path | None) -> Iterator[IO[bytes] | None]:
    if path is None:
        yield None
        return
    with path.open("rb") as opened:
        yield opened
