"""Finds out who is at the other end: the client itself, or a proxy that we were told to believe."""

import ipaddress
from dataclasses import dataclass
from http import HTTPStatus
from typing import TypeAlias

from starlette.requests import Request

from daemon.settings.http_section import HttpSettings
from daemon.web.problems import Refused

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

_FORWARDING = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip", "via")


@dataclass(frozen=True, slots=True)
class Peer:
    """Who asks, as far as the connection shows. address: of the person's machine, "" = not known.

    by_tls: whether the browser came by https. user: whom a listed proxy says it is; None = it does not say.
    is_this_machine: no other machine and no proxy stands between.
    """

    address: str
    by_tls: bool
    user: str | None
    is_this_machine: bool


class Proxies:
    """The proxies of `http.proxies`. What anybody else says of other machines or users counts for nothing."""

    def __init__(self, http: HttpSettings) -> None:
        self._networks = [ipaddress.ip_network(network) for network in http.proxies]
        self._header = http.proxy_header
        self._public_tls = http.public_url.startswith("https://")

    def peer(self, request: Request) -> Peer:
        """Who sent a request. Raises Refused if a listed proxy says something that cannot be read."""
        host = request.client.host if request.client else ""
        forwarded = any(name in request.headers for name in _FORWARDING)
        connected = _address(host) if host else None
        if connected is None or not self._lists(connected):
            is_here = connected is not None and connected.is_loopback and not forwarded
            return Peer(host, self._public_tls, None, is_here)
        scheme = _single(request, "x-forwarded-proto", "https" if self._public_tls else "http").lower()
        if scheme not in ("http", "https"):
            raise _unreadable("X-Forwarded-Proto")
        user = _single(request, self._header, "") if self._header else ""
        return Peer(self._client(request, connected), self._public_tls or scheme == "https", user or None, False)

    def _client(self, request: Request, connected: Address) -> str:
        """The last machine of the way that is no listed proxy; those before it may be invented."""
        nearest = connected
        words = ",".join(request.headers.getlist("x-forwarded-for"))
        for word in reversed(words.split(",") if words else []):
            found = _address(word.strip())
            if found is None:
                raise _unreadable("X-Forwarded-For")
            nearest = found
            if not self._lists(found):
                break
        return str(nearest)

    def _lists(self, address: Address) -> bool:
        return any(address in network for network in self._networks)


def _address(text: str) -> Address | None:
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return found.ipv4_mapped or found if isinstance(found, ipaddress.IPv6Address) else found


def _single(request: Request, header: str, default: str) -> str:
    """The value of a header that may come once. Raises Refused if it comes twice: which one is the proxy's?"""
    found = request.headers.getlist(header)
    if len(found) > 1:
        raise _unreadable(header)
    return found[0].strip() if found else default


def _unreadable(header: str) -> Refused:
    return Refused(HTTPStatus.BAD_REQUEST, "bad_forwarding", f"the proxy's header {header} cannot be read")
