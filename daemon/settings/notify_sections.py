"""The settings of notifications."""

import re
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from daemon.settings.engine_sections import check_url
from daemon.settings.section import Section

Event = Literal["failed", "paused", "resumed", "batch_done", "photo_done"]
"""The events that hooks are notified of."""
FOR_PEOPLE: tuple[Event, ...] = ("failed", "paused", "resumed", "batch_done")
"""What a hook gets unless it says otherwise. A notice for each single photo is for programs."""


_HEADER = re.compile(r"[A-Za-z0-9-]+")


def _hook_url(value: SecretStr) -> SecretStr:
    url = value.get_secret_value()
    if url:
        if not re.match(r"https?://[^\s/]", url):
            raise ValueError('must begin with "http://" or "https://" and name a host')
        check_url(url)
    return value


def _headers(value: dict[str, SecretStr]) -> dict[str, SecretStr]:
    for name, secret in value.items():
        if not _HEADER.fullmatch(name) or not secret.get_secret_value().isprintable():
            raise ValueError("must be names and values of HTTP headers, each on one line")
    return value


class HookSettings(Section):
    """A hook: a URL that gets notices by POST, or a program that reads them from its standard input.

    All of a URL may be secret, because chat services put the key into its path. secret: signs what is posted.
    """

    name: str = Field("", pattern=r"^[A-Za-z0-9_.-]{0,64}$")
    url: Annotated[SecretStr, AfterValidator(_hook_url)] = SecretStr("")
    token: SecretStr = SecretStr("")
    secret: SecretStr = SecretStr("")
    headers: Annotated[dict[str, SecretStr], AfterValidator(_headers)] = Field({})
    ca_file: str = ""
    command: tuple[str, ...] = ()
    on: tuple[Event, ...] = Field(FOR_PEOPLE, min_length=1)
    limit_seconds: float = Field(0.0, ge=0, le=3600)

    @property
    def title(self) -> str:
        """The hook's name in logs and metrics. It never contains a secret."""
        host = urlsplit(self.url.get_secret_value()).hostname
        return self.name or host or (Path(self.command[0]).name if self.command else "")

    @model_validator(mode="after")
    def it_has_one_destination(self) -> "HookSettings":
        """Refuse a hook with both a url and a command, and one with neither, unless a credential may bring the url."""
        if self.url.get_secret_value() and self.command:
            raise ValueError("a hook has either a url or a command, not both")
        if not (self.url.get_secret_value() or self.command or self.name):
            raise ValueError("a hook needs a url, a command, or a name whose credential holds the url")
        if self.command and not self.command[0]:
            raise ValueError("command must begin with a program")
        return self


class NotifySettings(Section):
    """Who is notified of failures, outages and finished batches."""

    hooks: tuple[HookSettings, ...] = ()
    tries: int = Field(5, ge=1, le=20)
    limit_seconds: float = Field(10.0, gt=0, le=300)
    pause_seconds: float = Field(60.0, ge=0, le=86400)
    batch_seconds: float = Field(30.0, ge=0, le=86400)
    contact_sheets: bool = True

    @model_validator(mode="after")
    def hooks_have_different_names(self) -> "NotifySettings":
        """Refuse two hooks of one name: they would share credentials and counters."""
        titles = [hook.title for hook in self.hooks]
        if twice := {title for title in titles if titles.count(title) > 1}:
            raise ValueError(f"two hooks are called {min(twice)}: give each its own name")
        return self
