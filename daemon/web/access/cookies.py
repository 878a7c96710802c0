"""The cookies: one carries a session, one a login at a provider that is under way."""

from starlette.requests import Request
from starlette.responses import Response

from daemon.web.access.proxies import Peer

PLAIN = "freisteller"
LOGIN = "freisteller-login"
SECURE = "__Host-"
"""Browsers take a cookie of this prefix only over TLS, for this one host, and from no other host's page."""


def session_of(request: Request, peer: Peer) -> str:
    """The secret of the session that a browser sends; "" if it sends none."""
    return request.cookies.get(_name(PLAIN, peer), "")


def give(response: Response, secret: str, peer: Peer) -> None:
    """Let the browser keep a session, until it is closed or the session is over."""
    response.set_cookie(_name(PLAIN, peer), secret, path="/", secure=peer.by_tls, httponly=True, samesite="lax")


def take(response: Response, peer: Peer) -> None:
    """Let the browser forget its session."""
    response.delete_cookie(_name(PLAIN, peer), path="/", secure=peer.by_tls, httponly=True, samesite="lax")


def login_of(request: Request, peer: Peer) -> str:
    """The secret of the login that a browser began at a provider; "" if it sends none."""
    return request.cookies.get(_name(LOGIN, peer), "")


def give_login(response: Response, secret: str, peer: Peer) -> None:
    """Let the browser keep a login at a provider, until it comes back from there."""
    response.set_cookie(_name(LOGIN, peer), secret, path="/", secure=peer.by_tls, httponly=True, samesite="lax")


def take_login(response: Response, peer: Peer) -> None:
    """Let the browser forget its login at a provider."""
    response.delete_cookie(_name(LOGIN, peer), path="/", secure=peer.by_tls, httponly=True, samesite="lax")


def _name(name: str, peer: Peer) -> str:
    return SECURE + name if peer.by_tls else name
