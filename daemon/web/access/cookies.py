"""The cookie that carries a session."""

from starlette.requests import Request
from starlette.responses import Response

from daemon.web.access.proxies import Peer

PLAIN = "freisteller"
SECURE = f"__Host-{PLAIN}"
"""Browsers take a cookie of this prefix only over TLS, for this one host, and from no other host's page."""


def session_of(request: Request, peer: Peer) -> str:
    """The secret of the session that a browser sends; "" if it sends none."""
    return request.cookies.get(_name(peer), "")


def give(response: Response, secret: str, peer: Peer) -> None:
    """Let the browser keep a session, until it is closed or the session is over."""
    response.set_cookie(_name(peer), secret, path="/", secure=peer.by_tls, httponly=True, samesite="lax")


def take(response: Response, peer: Peer) -> None:
    """Let the browser forget its session."""
    response.delete_cookie(_name(peer), path="/", secure=peer.by_tls, httponly=True, samesite="lax")


def _name(peer: Peer) -> str:
    return SECURE if peer.by_tls else PLAIN
