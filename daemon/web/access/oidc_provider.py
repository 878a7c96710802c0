"""A provider of OpenID Connect: where it is asked, with which keys it signs, and whom it let in."""

import base64
import time
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import quote_plus, urlencode

from daemon.settings.oidc_section import OidcSettings, is_safe_url
from daemon.web.access import oidc_tokens
from daemon.web.access.oidc_tokens import NotProven
from daemon.web.access.proven_person import ProvenPerson
from daemon.web.access.provider_line import ProviderLine
from daemon.web.access.provider_logins import LoginSecrets
from daemon.web.access.user_rows import LONGEST_SUBJECT
from daemon.web.callers import Role

LONGEST_HINT = 6000
"""Characters of an ID token that a URL can hold beside the rest; without it, the provider asks who logs out."""
KEPT_SECONDS = 600.0
"""So long we believe what the provider said of itself. Of new keys we hear at once: a token names them."""


class OidcProvider:
    """It is a `LoginProvider`. Its methods wait for the provider, so they run in threads; safe to use from many.

    back: the URL to which the provider sends people back, below our page to log in. clock: Unix seconds.
    """

    def __init__(
        self, settings: OidcSettings, back: str, line: ProviderLine, clock: Callable[[], float] = time.time
    ) -> None:
        self._settings = settings
        self._back = back
        self._left = back.removesuffix("/oidc/callback")
        self._line = line
        self._clock = clock
        self.name, self.fault = line.name, line.fault
        self._places: Mapping[str, Any] = {}  # as the provider describes itself
        self._keys: Mapping[str, Any] = {}
        self._read_at = {"places": -KEPT_SECONDS, "keys": -KEPT_SECONDS}  # on a clock that only goes forward

    def way_there(self, secrets: LoginSecrets) -> str:
        """The URL at which a person logs in. Raises Refused."""
        values = {"state": secrets.state, "nonce": secrets.nonce, "verifier": secrets.verifier}
        endpoint = self._place("authorization_endpoint")
        return oidc_tokens.way_there(endpoint, self._settings.client_id, self._back, self._settings.scopes, values)

    def person(self, code: str, issuer: str | None, secrets: LoginSecrets) -> ProvenPerson:
        """Who it is to whom the provider gave this code: by the claim that is set, and by its groups.

        issuer: as the provider's answer names it (RFC 9207), if it does. Raises Refused.
        """
        must_name = self.described().get("authorization_response_iss_parameter_supported") is True
        if issuer != self._settings.issuer and (issuer is not None or must_name):
            raise self.fault("the answer comes from another provider")
        answer = self._tokens(code, secrets.verifier)
        id_token = answer.get("id_token")
        if not isinstance(id_token, str):
            raise self.fault("it sends no ID token")
        try:
            claims = self._proven(id_token, secrets.nonce)
        except NotProven as error:
            raise self.fault(str(error)) from error
        wanted = {self._settings.claim, *([self._settings.groups_claim] if self._settings.roles else [])}
        if not wanted <= claims.keys():
            claims = {**claims, **self._told_besides(answer.get("access_token"), claims["sub"])}
        role, group = self._role_in(claims)
        names = [claims.get(name) for name in ("preferred_username", "email", "name")]
        subject = self._subject_in(claims)
        return ProvenPerson(
            subject,
            (*(name for name in names if isinstance(name, str)), subject),
            role,
            group,
            self._settings.session_hours * 3600,
            id_token,
        )

    def way_out(self, id_token: str) -> str:
        """The URL at which a person logs out (OpenID Connect RP-Initiated Logout 1.0); "" if there is none."""
        endpoint = self.described().get("end_session_endpoint")
        if self._settings.logout == "here" or endpoint is None:
            return ""
        values = {"client_id": self._settings.client_id, "post_logout_redirect_uri": self._left}
        if len(id_token) <= LONGEST_HINT:
            values["id_token_hint"] = id_token
        place = self._place("end_session_endpoint")
        return f"{place}{'&' if '?' in place else '?'}{urlencode(values)}"

    def _proven(self, id_token: str, nonce: str) -> dict[str, Any]:
        """The claims of an ID token. If the keys may have changed, they are read anew, once."""
        asked = {"issuer": self._settings.issuer, "client_id": self._settings.client_id, "nonce": nonce}
        was_kept = self._is_kept("keys")
        if not was_kept:
            self._read_keys()
        try:
            return oidc_tokens.proven_claims(id_token, self._keys, asked, self._clock())
        except NotProven as error:
            if not (was_kept and error.may_be_old_keys):
                raise
        self._read_keys()
        return oidc_tokens.proven_claims(id_token, self._keys, asked, self._clock())

    def _tokens(self, code: str, verifier: str) -> dict[str, Any]:
        client, secret = self._settings.client_id, self._settings.client_secret.get_secret_value()
        ways = self.described().get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        headers, who = {}, {"client_id": client}
        if secret and isinstance(ways, list) and "client_secret_basic" not in ways:
            who["client_secret"] = secret
        elif secret:
            pair = f"{quote_plus(client)}:{quote_plus(secret)}"  # RFC 6749, section 2.3.1
            headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
        form = oidc_tokens.token_form(code, self._back, verifier, who)
        return self._line.ask(self._place("token_endpoint"), headers, form)

    def _told_besides(self, access_token: object, subject: object) -> dict[str, Any]:
        """What the provider says of a person besides the ID token, if it is about the same person."""
        if not isinstance(access_token, str) or not access_token.isascii() or not access_token.isprintable():
            return {}
        if "userinfo_endpoint" not in self.described():
            return {}
        told = self._line.ask(self._place("userinfo_endpoint"), {"Authorization": f"Bearer {access_token}"})
        if told.get("sub") != subject:
            raise self.fault("what it says besides is about somebody else")
        return told

    def _subject_in(self, claims: Mapping[str, Any]) -> str:
        claim = self._settings.claim
        subject = claims.get(claim)
        if not isinstance(subject, str) or not 0 < len(subject) <= LONGEST_SUBJECT or not subject.isprintable():
            raise self.fault(f"it does not say the {claim} of this person")
        if claim == "email" and claims.get("email_verified") is not True:
            raise self.fault(f"it has not verified the address {subject}")
        return subject

    def _role_in(self, claims: Mapping[str, Any]) -> tuple[Role | None, str]:
        """The highest role that a group of the person gives, and that group."""
        roles, claim = self._settings.roles, self._settings.groups_claim
        groups = claims.get(claim, []) if roles else []
        if not isinstance(groups, list) or not all(isinstance(group, str) for group in groups):
            raise self.fault(f"its {claim} is no list of texts, so nobody knows the person's groups")
        found = [(Role(roles[group]), group) for group in groups if group in roles]
        return max(found, key=lambda each: list(Role).index(each[0]), default=(None, ""))

    def _place(self, name: str) -> str:
        url = self.described().get(name)
        if not isinstance(url, str) or not is_safe_url(url):
            raise self.fault(f"its {name} is no address with https")
        return url

    def described(self) -> Mapping[str, Any]:
        """What the provider says of itself. Raises Refused. Any: the values of somebody else's JSON."""
        if not self._is_kept("places"):
            issuer = self._settings.issuer
            described = self._line.ask(issuer.rstrip("/") + "/.well-known/openid-configuration")
            if described.get("issuer") != issuer:
                raise self.fault(f"it calls itself {str(described.get('issuer'))[:200]!r}, not {issuer!r}")
            self._places, self._read_at["places"] = described, time.monotonic()
        return self._places

    def _read_keys(self) -> None:
        self._keys, self._read_at["keys"] = self._line.ask(self._place("jwks_uri")), time.monotonic()

    def _is_kept(self, what: str) -> bool:
        return time.monotonic() - self._read_at[what] < KEPT_SECONDS
