"""The cookies: one carries a session, one a login at a provider that is under way."""

from dataclasses import dataclass

from starlette.requests import Request
from starlette.responses import Response

from daemon.web.access.proxies import Peer

PREFIX = "__Host-"
"""Browsers take a cookie of this prefix only over TLS, for this one host, and from no other host's page."""


@dataclass(frozen=True, slots=True)
class SecretCookie:
    """A cookie with a secret, which a browser keeps until it is closed. Over TLS its name has the prefix."""

    plain_name: str

    def name(self, peer: Peer) -> str:
        """What it is called for this browser."""
        return PREFIX + self.plain_name if peer.by_tls else self.plain_name

    def sent_by(self, request: Request, peer: Peer) -> str:
        """The secret that a browser sends; "" if it sends none."""
        return request.cookies.get(self.name(peer), "")

    def give(self, response: Response, secret: str, peer: Peer) -> None:
        """Let the browser keep a secret."""
        response.set_cookie(self.name(peer), secret, path="/", secure=peer.by_tls, httponly=True, samesite="lax")

    def take(self, response: Response, peer: Peer) -> None:
        """Let the browser forget it."""
        response.delete_cookie(self.name(peer), path="/", secure=peer.by_tls, httponly=True, samesite="lax")


SESSION = SecretCookie("freisteller")
LOGIN = SecretCookie("freisteller-login")
