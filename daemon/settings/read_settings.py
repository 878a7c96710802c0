"""Loads the settings from a TOML file, FREISTELLER__… variables, flags and credentials."""

import json
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsError

from daemon.errors import BadSettings
from daemon.settings.credentials import HTTP_TOKEN, OIDC_SECRET, of_hook, of_server, of_shop, read_credentials
from daemon.settings.engine_sections import ServerSettings
from daemon.settings.explain import explain, suggestion
from daemon.settings.notify_sections import HookSettings
from daemon.settings.setting_places import line_number, place_of
from daemon.settings.settings_files import add_model_files, read_toml
from daemon.settings.shop_section import SHOP_SECRETS, ShopSettings
from daemon.settings.tree import PREFIX, Order, Settings


def with_order(settings: Settings, order: Mapping[str, Any], text: str = "") -> Settings:
    """The settings, overridden by those of an order. Tables are merged key by key, renditions name by name.

    text: the order as it was written, if it was a file.
    Raises BadSettings, which names the key, the value, what is allowed, and the line.
    """
    lines = text.splitlines()
    merged: dict[str, Any] = {name: dict(getattr(settings, name)) for name in Order.model_fields}
    for name, section in order.items():
        known = merged.get(name)
        merged[name] = {**known, **section} if isinstance(known, dict) and isinstance(section, dict) else section
    try:
        valid = Order.model_validate(merged)
    except ValidationError as error:
        places = (lambda keys: f"line {number}" if (number := line_number(keys, lines)) else "") if lines else None
        raise BadSettings(explain(error, Order, places)) from error
    return settings.model_copy(update={name: getattr(valid, name) for name in Order.model_fields})


def load(config: Path | None = None, flags: dict[str, Any] | None = None) -> Settings:
    """Load the settings. Flags override the environment, that overrides the TOML file, and that the defaults.

    Credentials fill in secrets that are set nowhere else.
    flags: nested like the settings, with only the given keys.
    Model tables in `models.d/*.toml` beside the TOML file count as if they were in it.
    Raises BadSettings, which names the key, the value and what is allowed.
    """
    content = read_toml(config) if config else {}
    if config:
        add_model_files(content, config.parent / "models.d")
    _refuse_unknown_variables()

    class Loaded(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            del dotenv_settings, file_secret_settings  # settings come from no other place
            return init_settings, env_settings, InitSettingsSource(settings_cls, content)

    try:
        loaded = Loaded(**(flags or {}))
        return _with_credentials(Settings.model_construct(loaded.model_fields_set, **dict(loaded)))  # can be pickled
    except ValidationError as error:
        raise BadSettings(explain(error, Settings, lambda path: place_of(path, config, flags or {}, PREFIX))) from error
    except SettingsError as error:
        raise BadSettings(_not_json(str(error))) from error


def _not_json(error: str) -> str:
    """Which variables hold a list or a table that is no JSON. Their values may be secret, so they are not shown."""
    section = re.search(r'field "(\w+)"', error)
    begin = f"{PREFIX}{section[1] if section else ''}".upper()
    named = [name for name in sorted(os.environ) if name.upper().startswith(begin) and not _is_json(os.environ[name])]
    return f'{" or ".join(named)} must be a list or a table, written as JSON, such as ["png"] or {{"key": 1}}.'


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True


def _with_credentials(settings: Settings) -> Settings:
    """The settings, with systemd's credentials for all secrets that are not set. Raises BadSettings."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    credentials = read_credentials(Path(folder)) if folder else {}
    hooks = tuple(_with_credentials_of_hook(hook, credentials) for hook in settings.notify.hooks)
    if not credentials:
        return settings
    http, comfyui = settings.http, settings.comfyui
    if not http.token.get_secret_value():
        http = http.model_copy(update={"token": SecretStr(credentials.get(HTTP_TOKEN, ""))})
    if not http.oidc.client_secret.get_secret_value():
        secret = SecretStr(credentials.get(OIDC_SECRET, ""))
        http = http.model_copy(update={"oidc": http.oidc.model_copy(update={"client_secret": secret})})
    servers = tuple(_with_credentials_of_server(server, credentials) for server in comfyui.servers)
    shops = {name: _with_credentials_of_shop(name, shop, credentials) for name, shop in settings.shops.items()}
    return settings.model_copy(
        update={
            "http": http,
            "comfyui": comfyui.model_copy(update={"servers": servers}),
            "shops": shops,
            "notify": settings.notify.model_copy(update={"hooks": hooks}),
        }
    )


def _with_credentials_of_hook(hook: HookSettings, credentials: Mapping[str, str]) -> HookSettings:
    """The hook, with its credentials for unset secrets. Raises BadSettings if it has neither url nor command."""
    given = {
        key: SecretStr(secret)
        for key in ("url", "token", "secret")
        if not getattr(hook, key).get_secret_value() and (secret := of_hook(credentials, key, hook.name))
    }
    if not (hook.command or hook.url.get_secret_value() or "url" in given):
        raise BadSettings(
            f"The hook {hook.name} of notify.hooks has no url and no command. Set one of them, or provide its url as "
            f"systemd's credential notify.url.{hook.name}."
        )
    try:
        return HookSettings.model_validate({**dict(hook), **given})
    except ValidationError as error:
        raise BadSettings(
            f"The credential notify.url.{hook.name} cannot be used. It must be a url that begins with http:// or "
            "https://, and the hook must have no command."
        ) from error


def _with_credentials_of_shop(name: str, shop: ShopSettings, credentials: Mapping[str, str]) -> ShopSettings:
    unset = (key for key in SHOP_SECRETS if not getattr(shop, key).get_secret_value())
    return shop.model_copy(update={key: SecretStr(of_shop(credentials, key, name)) for key in unset})


def _with_credentials_of_server(server: ServerSettings, credentials: Mapping[str, str]) -> ServerSettings:
    parts = urlsplit(server.url)
    has_secret = bool(server.token.get_secret_value() or server.password.get_secret_value() or parts.password)
    if has_secret:
        return server
    name = "password" if parts.username else "token"
    secret = of_server(credentials, f"comfyui.{name}", parts.hostname or "", parts.port)
    return server.model_copy(update={name: SecretStr(secret)})


def _refuse_unknown_variables() -> None:
    known = set(Settings.model_fields)
    for name in os.environ:
        if name.upper().startswith(PREFIX):
            section = name[len(PREFIX) :].split("__")[0].lower()
            if section not in known:
                raise BadSettings(f"Unknown setting {name} in the environment{suggestion(section, known)}")
