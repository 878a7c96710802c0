"""The settings of the port: where it is, what it is called, and whose word counts there."""

import ipaddress
import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from daemon.settings.oidc_section import OidcSettings
from daemon.settings.section import Section


def _bind(value: object) -> object:
    if isinstance(value, str) and value:
        host, colon, port = value.rpartition(":")
        if not colon or not host or not port.isdigit() or not 0 <= int(port) <= 65535:
            raise ValueError('must be "host:port", e.g. "127.0.0.1:9108", or "" for no port at all')
    return value


def _public_url(value: str) -> str:
    try:
        parts = urlsplit(value)
        is_good = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_good = False
    if value and (not is_good or parts.path not in ("", "/") or parts.query or parts.fragment or parts.username):
        raise ValueError('must be "https://host" or "https://host:port", without a path, or ""')
    return value.rstrip("/")


def _hosts(value: tuple[str, ...]) -> tuple[str, ...]:
    for name in value:
        if not re.fullmatch(r"[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?", name):
            raise ValueError('must list names without a port, e.g. "photobox.local"')
    return tuple(name.lower() for name in value)


def _networks(value: tuple[str, ...]) -> tuple[str, ...]:
    for network in value:
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            raise ValueError('must list addresses or networks, e.g. "127.0.0.1" or "10.1.0.0/16"') from error
    return value


def _header(value: str) -> str:
    if value and not re.fullmatch(r"[A-Za-z0-9-]+", value):
        raise ValueError('must be the name of an HTTP header, e.g. "Remote-User", or ""')
    return value


class HttpSettings(Section):
    """The port for people and programs. bind "" opens no port.

    public_url: what people type, if a proxy stands before the port. hosts: further names of this machine.
    proxies: whose headers count. proxy_header: the one in which a proxy names who logged in there.
    session_idle_hours, session_days: when people have to log in again.
    cache_mb: how much of the state directory pictures for browsers may take.
    language: of the pages; "" = as each browser prefers.

    oidc: a provider at which people may log in, too.

    upload_mb: how large a photo may be that a program sends. unfinished_mb: how much all photos may have together that
    come in several requests. wait_seconds: how long a request may wait for the end of its photo. fetch_urls: whether
    photos are fetched from addresses that programs send.
    """

    bind: Annotated[str, BeforeValidator(_bind)] = "127.0.0.1:9108"
    token: SecretStr = SecretStr("")
    public_url: Annotated[str, AfterValidator(_public_url)] = ""
    hosts: Annotated[tuple[str, ...], AfterValidator(_hosts)] = ()
    proxies: Annotated[tuple[str, ...], AfterValidator(_networks)] = ()
    proxy_header: Annotated[str, AfterValidator(_header)] = ""
    session_idle_hours: float = Field(12.0, gt=0, le=24 * 365)
    session_days: float = Field(14.0, gt=0, le=365)
    cache_mb: int = Field(4096, ge=64, le=10_000_000)
    language: Literal["", "de", "en"] = ""
    upload_mb: int = Field(2000, ge=1, le=100_000)
    unfinished_mb: int = Field(20_000, ge=1, le=10_000_000)
    wait_seconds: float = Field(120.0, ge=0, le=3600)
    fetch_urls: bool = False
    oidc: OidcSettings = OidcSettings()

    @model_validator(mode="after")
    def somebody_sends_the_header(self) -> "HttpSettings":
        """Refuse proxy_header without proxies: nobody's word would count."""
        if self.proxy_header and not self.proxies:
            raise ValueError("proxy_header needs proxies: the addresses whose word for a user's name counts")
        return self

    @model_validator(mode="after")
    def the_provider_knows_the_way_back(self) -> "HttpSettings":
        """Refuse oidc without public_url: the provider sends people back to a fixed address only."""
        if self.oidc.issuer and not self.public_url:
            raise ValueError("oidc needs public_url: the address to which the provider sends people back")
        return self
