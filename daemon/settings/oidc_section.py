"""The settings of logging in elsewhere: at a provider that speaks OpenID Connect."""

import ipaddress
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, StringConstraints, model_validator

from daemon.settings.section import Section


def is_safe_url(url: str) -> bool:
    """Whether secrets may travel to this URL: by TLS, or to this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        is_whole = bool(host) and parts.port != 0 and parts.username is None and not parts.fragment
    except ValueError:
        return False
    if not is_whole or not url.isascii() or not url.isprintable() or " " in url:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _issuer(value: str) -> str:
    if value and (not is_safe_url(value) or "?" in value):
        raise ValueError('must be "https://host/path", exactly as the provider calls itself; http only on this machine')
    return value


class OidcSettings(Section):
    """A provider at which people may log in. issuer "" = there is none.

    name: what the button on the page to log in calls it. client_id, client_secret: by which it knows us; a secret "" if
    it needs none. claim: what it says of a person that we compare with the users' own; see `freisteller user oidc`.
    scopes: what we ask it for. groups_claim: what it says of a person's groups. roles: group -> what its members may do
    here; the highest counts. session_hours: so long a session by a group lasts. logout: whether people who log out are
    sent to the provider, to log out there as well, or only here.
    """

    issuer: Annotated[str, AfterValidator(_issuer)] = ""
    name: str = "OpenID Connect"
    client_id: str = ""
    client_secret: SecretStr = SecretStr("")
    claim: Literal["sub", "email", "preferred_username"] = "sub"
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    groups_claim: Annotated[str, StringConstraints(min_length=1)] = "groups"
    roles: dict[Annotated[str, StringConstraints(min_length=1)], Literal["viewer", "reviewer", "operator", "admin"]] = (
        Field(default_factory=dict)
    )
    session_hours: float = Field(12.0, gt=0, le=24 * 365)
    logout: Literal["provider", "here"] = "provider"

    @model_validator(mode="after")
    def knows_us(self) -> "OidcSettings":
        """Refuse a provider that could not know us."""
        if self.issuer and not self.client_id:
            raise ValueError("issuer needs client_id: the name by which the provider knows Freisteller")
        if self.issuer and not self.name.strip():
            raise ValueError("name must not be empty: it stands on the button")
        if "openid" not in self.scopes or any(
            not scope or not scope.isascii() or " " in scope for scope in self.scopes
        ):
            raise ValueError('scopes must list words, and "openid" must be one of them')
        return self
