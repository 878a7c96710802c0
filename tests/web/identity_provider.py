"""A provider of OpenID Connect for tests: a process that keeps the rules, and breaks them when it is told to.

Run as a module it prints its port. `POST /-/behave` takes JSON, see `Behaviour`.
"""

import base64
import json
import secrets
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import OctKey, RSAKey

CLIENT, SECRET = "freisteller", "a secret: with ä/ & more"
HERE = Path(__file__).resolve().parent.parent.parent


@dataclass
class Behaviour:
    """What it does, and what it does wrong.

    person: claims in the ID token. besides: at /userinfo. token: changes of the token's claims; None leaves one out.
    sign: "right", "none", "HS256" (with the public key), "swapped" (another key under the same id), "rotated" (a new
    key of another id, which /keys shows). told: path -> [status, body]. described: changes of its description.
    slow: paths that send a byte a second; endless: paths that send without end. asks: shows a page with a link first.
    refuses: an error.
    """

    person: Mapping[str, object] = field(default_factory=lambda: {"sub": "u-1"})
    besides: Mapping[str, object] = field(default_factory=dict)
    token: Mapping[str, object] = field(default_factory=dict)
    sign: str = "right"
    told: Mapping[str, list[Any]] = field(default_factory=dict)  # Any: JSON
    described: Mapping[str, object] = field(default_factory=dict)
    slow: list[str] = field(default_factory=list)
    endless: list[str] = field(default_factory=list)
    asks: bool = False
    refuses: str = ""
    takes_codes_again: bool = False


class _Provider(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.issuer = f"http://127.0.0.1:{self.server_port}"
        self.does = Behaviour()
        self.keys = [RSAKey.generate_key(2048, {"kid": "first", "use": "sig"})]
        self.codes: dict[str, dict[str, str]] = {}
        self.access_tokens: set[str] = set()

    def id_token(self, nonce: str) -> str:
        now = int(time.time())
        claims = {"iss": self.issuer, "aud": CLIENT, "exp": now + 300, "iat": now, "nonce": nonce, **self.does.person}
        claims = {name: value for name, value in {**claims, **self.does.token}.items() if value is not None}
        right = self.keys[-1]
        if self.does.sign == "none":
            head, body = (base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode() for part in (
                {"alg": "none", "kid": right.kid}, claims
            ))  # fmt: skip
            return f"{head}.{body}."
        if self.does.sign == "HS256":
            public = OctKey.import_key(right.as_pem(private=False))
            return jwt.encode({"alg": "HS256", "kid": right.kid}, claims, public, ["HS256"])
        if self.does.sign == "swapped":
            right = RSAKey.generate_key(2048, {"kid": str(right.kid)})
        if self.does.sign == "rotated":
            right = RSAKey.generate_key(2048, {"kid": secrets.token_hex(4), "use": "sig"})
            self.keys[:] = [right]
        return jwt.encode({"alg": "RS256", "kid": right.kid}, claims, right, ["RS256"])


class _Answers(BaseHTTPRequestHandler):
    server: _Provider

    def do_GET(self) -> None:
        self._answer({})

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"] or 0)).decode()
        if self.path == "/-/behave":
            self.server.does = Behaviour(**json.loads(body))
            self._send(HTTPStatus.OK, {})
        else:
            self._answer({name: values[0] for name, values in parse_qs(body).items()})

    def _answer(self, form: Mapping[str, str]) -> None:
        parts, does = urlsplit(self.path), self.server.does
        if parts.path in does.slow or parts.path in does.endless:
            self._never_end(1.0 if parts.path in does.slow else 0.0)
        elif parts.path in does.told:
            status, body = does.told[parts.path]
            self._send(status, body)
        elif parts.path == "/.well-known/openid-configuration":
            self._send(HTTPStatus.OK, {**self._description(), **does.described})
        elif parts.path == "/keys":
            self._send(HTTPStatus.OK, {"keys": [key.as_dict(private=False) for key in self.server.keys]})
        elif parts.path == "/authorize":
            self._authorize({name: values[0] for name, values in parse_qs(parts.query).items()})
        elif parts.path == "/end":
            self._end({name: values[0] for name, values in parse_qs(parts.query).items()})
        elif parts.path == "/token":
            self._token(form)
        elif parts.path == "/userinfo":
            sent = (self.headers["Authorization"] or "").removeprefix("Bearer ")
            known = sent in self.server.access_tokens
            status = HTTPStatus.OK if known else HTTPStatus.UNAUTHORIZED
            self._send(status, {"sub": does.person["sub"], **does.besides})
        else:
            self._send(HTTPStatus.NOT_FOUND, {"error": "not_found"})

    def _description(self) -> dict[str, object]:
        base = self.server.issuer
        places = {"authorization_endpoint": "authorize", "token_endpoint": "token", "jwks_uri": "keys"}
        places |= {"userinfo_endpoint": "userinfo", "end_session_endpoint": "end"}
        return {"issuer": base, **{name: f"{base}/{path}" for name, path in places.items()}}

    def _authorize(self, asked: Mapping[str, str]) -> None:
        does = self.server.does
        good = asked["client_id"] == CLIENT and asked["response_type"] == "code" and "openid" in asked["scope"].split()
        if not good or asked["code_challenge_method"] != "S256" or len(asked["state"]) < 32 or len(asked["nonce"]) < 32:
            self._send(HTTPStatus.BAD_REQUEST, {"error": "invalid_request"})
        elif does.asks and "yes" not in asked:
            page = f"<!doctype html><title>Log in</title><a id=yes href='{self.path}&amp;yes=1'>It is me</a>"
            self._send(HTTPStatus.OK, page, "text/html")
        else:
            code = secrets.token_urlsafe(16)
            self.server.codes[code] = dict(asked)
            answer = {"error": does.refuses} if does.refuses else {"code": code}
            self.send_response(HTTPStatus.FOUND)
            self.send_header("Location", f"{asked['redirect_uri']}?{urlencode({**answer, 'state': asked['state']})}")
            self.end_headers()

    def _end(self, asked: Mapping[str, str]) -> None:
        """Log out whom our own ID token names, and lead back (RP-Initiated Logout 1.0)."""
        try:
            jwt.decode(asked["id_token_hint"], self.server.keys[-1], ["RS256"])
        except (KeyError, JoseError, ValueError):
            self._send(HTTPStatus.BAD_REQUEST, {"error": "invalid_request"})
            return
        if asked["client_id"] != CLIENT:
            self._send(HTTPStatus.BAD_REQUEST, {"error": "invalid_client"})
            return
        self.send_response(HTTPStatus.FOUND)
        self.send_header("Location", asked["post_logout_redirect_uri"])
        self.end_headers()

    def _token(self, form: Mapping[str, str]) -> None:
        sent = base64.b64decode((self.headers["Authorization"] or "").removeprefix("Basic ")).decode()
        client = (
            tuple(map(unquote_plus, sent.split(":"))) if sent else (form.get("client_id"), form.get("client_secret"))
        )
        codes = self.server.codes
        asked = codes.get(form["code"]) if self.server.does.takes_codes_again else codes.pop(form["code"], None)
        if client != (CLIENT, SECRET):
            self._send(HTTPStatus.UNAUTHORIZED, {"error": "invalid_client"})
        elif (
            asked is None
            or asked["redirect_uri"] != form["redirect_uri"]
            or asked["code_challenge"] != create_s256_code_challenge(form["code_verifier"])
        ):
            self._send(HTTPStatus.BAD_REQUEST, {"error": "invalid_grant"})
        else:
            access = secrets.token_urlsafe(16)
            self.server.access_tokens.add(access)
            tokens = {"access_token": access, "token_type": "Bearer", "id_token": self.server.id_token(asked["nonce"])}
            self._send(HTTPStatus.OK, tokens)

    def _send(self, status: int, body: object, kind: str = "application/json") -> None:
        content = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def _never_end(self, pause_seconds: float) -> None:
        """A JSON text that goes on until nobody listens any more."""
        self.send_response(HTTPStatus.OK)
        self.end_headers()
        try:
            while True:
                self.wfile.write(b" " if pause_seconds else b" " * 65536)
                time.sleep(pause_seconds)
        except OSError:
            return

    def log_message(self, *_: object) -> None:
        return


@dataclass(frozen=True)
class Provider:
    """The running process, as tests see it."""

    issuer: str

    def does(self, **behaviour: object) -> None:
        """From now on it behaves like this, and otherwise well."""
        body = json.dumps(behaviour).encode()
        with urllib.request.urlopen(f"{self.issuer}/-/behave", body, timeout=60) as answer:
            answer.read()


@contextmanager
def provider() -> Iterator[Provider]:
    """A provider, in a process of its own while the block runs."""
    command = [sys.executable, "-m", "tests.web.identity_provider"]
    with subprocess.Popen(command, cwd=HERE, stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout
            yield Provider(f"http://127.0.0.1:{int(process.stdout.readline())}")
        finally:
            process.kill()


if __name__ == "__main__":
    served = _Provider()
    sys.stdout.write(f"{served.server_port}\n")
    sys.stdout.flush()
    served.serve_forever()
