"""Asks a login provider over HTTP, for a bounded time and a bounded number of bytes, and only for JSON."""

import http.client
import json
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import closing, suppress
from http import HTTPStatus
from typing import Any
from urllib.parse import urlsplit

from daemon.settings.oidc_section import is_safe_url
from daemon.web.problems import Refused

SECONDS = 8.0
"""For a whole answer, however slowly it comes."""
MOST_BYTES = 512 * 1024


class ProviderLine:
    """Safe to use from many threads. name: what people call the provider. seconds: see SECONDS."""

    def __init__(self, name: str, seconds: float = SECONDS) -> None:
        self.name = name
        self._seconds = seconds

    def ask(self, url: str, headers: Mapping[str, str] | None = None, form: str | None = None) -> dict[str, Any]:
        """The JSON object at a URL. form: is sent as a POST. No redirect is followed, and no proxy is asked.

        Raises Refused (502) if there is none, and says why. Any in the answer: what somebody else's JSON holds.
        """
        if not is_safe_url(url):
            raise self.fault(f"it names an address that is neither https nor on this machine: {url[:200]!r}")
        try:
            status, body = self._answer(url, headers or {}, form)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise self.fault(
                f"{urlsplit(url).hostname} does not answer within {self._seconds:.0f} s: {error}"
            ) from error
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            answer = None
        if status != HTTPStatus.OK:
            why = answer.get("error") if isinstance(answer, dict) else None
            raise self.fault(f"{urlsplit(url).path} answers {status} {str(why or '')[:100]}".strip())
        if not isinstance(answer, dict):
            raise self.fault(f"{urlsplit(url).path} does not answer with a JSON object")
        return answer

    def fault(self, why: str) -> Refused:
        """The error of a provider that does not do what it must. why: for the admin, in whatever words it came."""
        why = "".join(letter if letter.isprintable() else " " for letter in why)
        return Refused(
            HTTPStatus.BAD_GATEWAY, "provider_fault", f"The login at {self.name} does not work now: {why}. Try again "
            "later, or log in with a password. An admin finds the settings in [http.oidc]"
        )  # fmt: skip

    def _answer(self, url: str, headers: Mapping[str, str], form: str | None) -> tuple[int, bytes]:
        parts = urlsplit(url)
        path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        sent = {"Accept": "application/json", "User-Agent": "freisteller", **headers}
        if form is not None:
            sent["Content-Type"] = "application/x-www-form-urlencoded"
        with closing(_BoundedConnection(parts.hostname or "", parts.port, self._seconds, parts.scheme)) as connection:
            connection.request("GET" if form is None else "POST", path, form, sent)
            with closing(connection.getresponse()) as answer:
                body = bytearray()
                while piece := answer.read1(64 * 1024):
                    body += piece
                    if len(body) > MOST_BYTES:
                        raise ValueError(f"the answer is larger than {MOST_BYTES} bytes")
                if connection.is_late or answer.length:
                    raise OSError("the answer comes too slowly, or not all of it")
                return answer.status, bytes(body)


class _BoundedConnection(http.client.HTTPConnection):
    """Ends after so many seconds, whatever is under way: a server may send one byte every few seconds."""

    def __init__(self, host: str, port: int | None, seconds: float, scheme: str) -> None:
        is_tls = scheme == "https"
        super().__init__(host, port or (443 if is_tls else 80), timeout=seconds)
        self._context = ssl.create_default_context() if is_tls else None
        self._line: socket.socket | None = None
        self.is_late = False
        self._clock = threading.Timer(seconds, self._break_off)
        self._clock.daemon = True
        self._clock.start()

    def connect(self) -> None:
        super().connect()
        self._line = self.sock
        if self._context is not None:
            self.sock = self._context.wrap_socket(self.sock, server_hostname=self.host)
            self._line = self.sock

    def close(self) -> None:
        self._clock.cancel()
        super().close()

    def _break_off(self) -> None:
        self.is_late = True
        if self._line is not None:
            with suppress(OSError):
                socket.socket.shutdown(self._line, socket.SHUT_RDWR)  # SSLSocket.shutdown would touch its own state
