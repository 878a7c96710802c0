"""Everything configurable, as one typed tree: a TOML file, then FREISTELLER__… variables, then flags.

The defaults stand here once; `config/freisteller.toml` repeats them with comments, and a test says so.
"""

import difflib
import os
import re
import tomllib
import unicodedata
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from daemon.credentials import HTTP_TOKEN, of_hook, of_server, read_credentials
from daemon.errors import BadSettings

PREFIX = "FREISTELLER__"
_LOGIN = re.compile(r"://[^/]*@")


class Section(BaseModel):
    """A part of the tree: frozen, and strict about unknown keys."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class LocalEngineSettings(Section):
    """The built-in engine: rembg's sessions on ONNX Runtime."""

    model: str = Field("u2netp", min_length=1)
    weights_dir: str = ""
    threads: int = Field(0, ge=0, le=256)

    @property
    def weights_path(self) -> Path:
        """The folder of the .onnx files: as set, else the one that rembg itself reads."""
        return Path(self.weights_dir or os.environ.get("U2NET_HOME") or "~/.u2net").expanduser().absolute()


class EngineSettings(Section):
    """Which engine works, and what size of proxy it sees."""

    use: Literal["auto", "comfyui", "local"] = "auto"
    commercial_use: bool = False
    proxy_pixels: int = Field(1024, ge=256, le=4096)
    local: LocalEngineSettings = LocalEngineSettings()


def _url(value: str) -> str:
    parts = urlsplit(value)
    if not parts.hostname or parts.port == 0:  # both raise ValueError where the brackets or the port are none
        raise ValueError('must name a host, e.g. "http://gpu1:8188"')
    return value


class ServerSettings(Section):
    """One ComfyUI server."""

    url: Annotated[str, AfterValidator(_url)] = Field(pattern=r"^https?://[^\s/]+")
    slots: int = Field(2, ge=1, le=16)
    token: SecretStr = SecretStr("")
    password: SecretStr = SecretStr("")
    ca_file: str = ""


class ComfyUISettings(Section):
    """The ComfyUI servers and how patiently they are asked."""

    servers: tuple[ServerSettings, ...] = ()
    attempt_seconds: float = Field(300.0, gt=0, le=86400)
    connect_seconds: float = Field(5.0, gt=0, le=600)
    poll_seconds: float = Field(2.0, gt=0, le=600)
    probe_seconds: float = Field(10.0, gt=0, le=3600)
    affinity_seconds: float = Field(3.0, ge=0, le=3600)
    parked: tuple[str, ...] = ()
    canary_minutes: float = Field(0.0, ge=0, le=10080)

    @model_validator(mode="after")
    def servers_are_named_once(self) -> "ComfyUISettings":
        """Two entries of one URL would count one GPU twice."""
        urls = [server.url.rstrip("/") for server in self.servers]
        if len(urls) != len(set(urls)):
            raise ValueError("the same url is listed twice")
        return self


class IntakeSettings(Section):
    """How the inbox is watched, and when a file counts as whole."""

    quiet_seconds: float = Field(2.0, ge=0, le=3600)
    remote_quiet_seconds: float = Field(5.0, ge=0, le=3600)
    scan_seconds: float = Field(5.0, gt=0, le=3600)
    patience_seconds: float = Field(60.0, gt=0, le=86400)
    remote_patience_seconds: float = Field(600.0, gt=0, le=86400)
    max_megapixels: float = Field(500.0, gt=0, le=4000)
    equal_content: Literal["process", "skip"] = "process"


class GradingSettings(Section):
    """The lowest score of a grade; below `gut` a result is ungenügend."""

    sehr_gut: float = Field(0.93, ge=0, le=1)
    gut: float = Field(0.75, ge=0, le=1)

    @model_validator(mode="after")
    def grades_are_in_order(self) -> "GradingSettings":
        """sehr_gut must ask for more than gut."""
        if self.sehr_gut <= self.gut:
            raise ValueError(f"sehr_gut ({self.sehr_gut}) must be higher than gut ({self.gut})")
        return self


class Rung(Section):
    """One recipe of the ladder. model "local" stands for engine.local.model."""

    model: str = Field(min_length=1)
    process_res: int | None = Field(None, ge=256, le=2048)
    view: Literal["whole", "zoom", "mirrored"] = "whole"


DEFAULT_LADDER = (
    Rung(model="RMBG-2.0", process_res=1024),
    Rung(model="BEN2", process_res=1024),
    Rung(model="BiRefNet-HR"),
    Rung(model="RMBG-2.0", process_res=1024, view="zoom"),
    Rung(model="INSPYRENET", process_res=1024),
    Rung(model="BEN", process_res=1024),
    Rung(model="local"),
    Rung(model="local", view="mirrored"),
    Rung(model="local", view="zoom"),
)


class StrategySettings(Section):
    """Which recipes are tried, in which order, and when enough is enough."""

    ladder: tuple[Rung, ...] = Field(DEFAULT_LADDER, min_length=1)
    max_attempts: int = Field(3, ge=1, le=20)
    min_gain: float = Field(0.01, ge=0, le=1)
    finishes: bool = True
    learn: bool = True


class AuditSettings(Section):
    """The grid that an audit goes through; models () = all that the engine in use has."""

    models: tuple[str, ...] = ()
    process_res: tuple[Annotated[int, Field(ge=256, le=2048)], ...] = Field((512, 1024, 2048), min_length=1)
    sensitivity: tuple[Annotated[float, Field(ge=0, le=1)], ...] = (0.2, 0.5, 0.9)
    mask_blur: tuple[Annotated[float, Field(ge=0, le=64)], ...] = (0.0, 2.0, 5.0)
    mask_offset: tuple[Annotated[int, Field(ge=-64, le=64)], ...] = (-2, 0, 2)
    dead_ssim: float = Field(0.999, gt=0, le=1)


OutputFormat = Literal["png", "tiff", "webp", "mask", "jpeg", "tiff_on_colour"]


PagesSetting = Literal["each", "first"]


class OutputSettings(Section):
    """What is written for each photo."""

    formats: tuple[OutputFormat, ...] = Field(("png",), min_length=1)
    keep_originals: bool = True
    clean_rims: bool = True
    background: str = Field("#ffffff", pattern=r"^#[0-9a-fA-F]{6}$")
    trim: bool = False
    margin: float = Field(0.05, ge=0, le=1)
    max_side: int = Field(0, ge=0, le=100_000)
    pages: PagesSetting = "each"
    equal_names: Literal["unique", "version", "fail"] = "unique"

    @property
    def ground(self) -> tuple[int, int, int]:
        """The background colour: red, green, blue, 0..255, sRGB."""
        red, green, blue = bytes.fromhex(self.background[1:])
        return red, green, blue

    @model_validator(mode="after")
    def formats_are_named_once(self) -> "OutputSettings":
        """A format listed twice would be written twice under one name."""
        if len(set(self.formats)) != len(self.formats):
            raise ValueError("a format is listed twice")
        return self


class DispatchSettings(Section):
    """How much is done at once. workers 0 = as many as the engine can use."""

    workers: int = Field(0, ge=0, le=256)
    memory_mb: int = Field(0, ge=0, le=10_000_000)
    max_tries: int = Field(3, ge=1, le=1000)
    postpone_seconds: float = Field(5.0, gt=0, le=3600)
    stop_seconds: float = Field(30.0, ge=0, le=3600)
    priorities: dict[str, Annotated[int, Field(ge=-1000, le=1000)]] = {}

    @field_validator("priorities")
    @classmethod
    def folders_are_named_as_photos_are(cls, priorities: dict[str, int]) -> dict[str, int]:
        """A folder's name in NFC, as in the names of photos; it stands right below `inbox/`."""
        for name in priorities:
            if "/" in name.strip("/"):
                raise ValueError(f"{name!r} is no folder right below inbox/; sub-folders share its priority")
        return {unicodedata.normalize("NFC", name.strip("/")): value for name, value in priorities.items()}


class JournalSettings(Section):
    """What the journal remembers. keep_days 0 = everything, for ever."""

    keep_days: int = Field(0, ge=0, le=36500)


def _bind(value: object) -> object:
    if isinstance(value, str) and value:
        host, colon, port = value.rpartition(":")
        if not colon or not host or not port.isdigit() or not 0 <= int(port) <= 65535:
            raise ValueError('must be "host:port", e.g. "127.0.0.1:9108", or "" for no port at all')
    return value


class HttpSettings(Section):
    """The port for /metrics, /healthz, /readyz and /status; "" opens none."""

    bind: Annotated[str, BeforeValidator(_bind)] = "127.0.0.1:9108"
    token: SecretStr = SecretStr("")


Event = Literal["failed", "paused", "resumed", "batch_done"]
"""What hooks are told of."""

_HEADER = re.compile(r"[A-Za-z0-9-]+")


def _hook_url(value: SecretStr) -> SecretStr:
    url = value.get_secret_value()
    if url:
        if not re.match(r"https?://[^\s/]", url):
            raise ValueError('must begin with "http://" or "https://" and name a host')
        _url(url)
    return value


def _headers(value: dict[str, SecretStr]) -> dict[str, SecretStr]:
    for name, secret in value.items():
        if not _HEADER.fullmatch(name) or not secret.get_secret_value().isprintable():
            raise ValueError("must be names and values of HTTP headers, each on one line")
    return value


class HookSettings(Section):
    """One place that is told of events: a URL that gets a POST, or a program that gets it as its standard input.

    All of a URL may be secret: chat services put the key into its path.
    """

    name: str = Field("", pattern=r"^[A-Za-z0-9_.-]{0,64}$")
    url: Annotated[SecretStr, AfterValidator(_hook_url)] = SecretStr("")
    token: SecretStr = SecretStr("")
    headers: Annotated[dict[str, SecretStr], AfterValidator(_headers)] = {}
    ca_file: str = ""
    command: tuple[str, ...] = ()
    on: tuple[Event, ...] = Field(get_args(Event), min_length=1)
    limit_seconds: float = Field(0.0, ge=0, le=3600)

    @property
    def title(self) -> str:
        """What logs and metrics call it; never a secret."""
        host = urlsplit(self.url.get_secret_value()).hostname
        return self.name or host or (Path(self.command[0]).name if self.command else "")

    @model_validator(mode="after")
    def it_is_one_thing(self) -> "HookSettings":
        """Either a url or a command; neither only where a credential may bring the url."""
        if self.url.get_secret_value() and self.command:
            raise ValueError("a hook has either a url or a command, not both")
        if not (self.url.get_secret_value() or self.command or self.name):
            raise ValueError("a hook needs a url, a command, or a name whose credential holds the url")
        if self.command and not self.command[0]:
            raise ValueError("command must begin with a program")
        return self


class NotifySettings(Section):
    """Who is told of what went wrong and of batches that are done."""

    hooks: tuple[HookSettings, ...] = ()
    tries: int = Field(5, ge=1, le=20)
    limit_seconds: float = Field(10.0, gt=0, le=300)
    pause_seconds: float = Field(60.0, ge=0, le=86400)
    batch_seconds: float = Field(30.0, ge=0, le=86400)

    @model_validator(mode="after")
    def hooks_are_told_apart(self) -> "NotifySettings":
        """Two hooks of one name would share their credentials and their counters."""
        titles = [hook.title for hook in self.hooks]
        if twice := {title for title in titles if titles.count(title) > 1}:
            raise ValueError(f"two hooks are called {min(twice)}: give each a name of its own")
        return self


class LogSettings(Section):
    """What is logged, and how."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "text", "json"] = "auto"


class Settings(BaseSettings):
    """The whole tree."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    root: str = Field("hotfolder", min_length=1)
    state_dir: str = ""
    engine: EngineSettings = EngineSettings()
    comfyui: ComfyUISettings = ComfyUISettings()
    intake: IntakeSettings = IntakeSettings()
    grading: GradingSettings = GradingSettings()
    strategy: StrategySettings = StrategySettings()
    audit: AuditSettings = AuditSettings()
    outputs: OutputSettings = OutputSettings()
    dispatch: DispatchSettings = DispatchSettings()
    journal: JournalSettings = JournalSettings()
    http: HttpSettings = HttpSettings()
    notify: NotifySettings = NotifySettings()
    log: LogSettings = LogSettings()

    @model_validator(mode="after")
    def a_named_engine_can_work(self) -> "Settings":
        """engine.use = comfyui needs a server."""
        if self.engine.use == "comfyui" and not self.comfyui.servers:
            raise ValueError('engine.use is "comfyui", but comfyui.servers lists none')
        return self

    @property
    def root_path(self) -> Path:
        """The hot folder, absolute; a leading ~ is the user's home."""
        return Path(self.root).expanduser().absolute()

    @property
    def engine_in_use(self) -> Literal["comfyui", "local"]:
        """What `auto` means: ComfyUI if a server is listed, else local."""
        if self.engine.use == "auto":
            return "comfyui" if self.comfyui.servers else "local"
        return self.engine.use

    @property
    def given_state_path(self) -> Path | None:
        """The state directory as set, or systemd's StateDirectory; None where each root has one of its own."""
        given = self.state_dir or os.environ.get("STATE_DIRECTORY", "").split(":")[0]
        return Path(given).expanduser().absolute() if given else None

    def state_path(self, root_id: str) -> Path:
        """Where the journal lives: as given, else a folder of that root's own.

        root_id: of the root's identity file, so that a hot folder that is made anew has a journal of its own, and
        one that is moved keeps its.
        """
        base = Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state").expanduser().absolute()
        return self.given_state_path or base / "freisteller" / root_id


class Order(Section):
    """What a `freisteller.toml` in a sub-folder of the inbox may say."""

    grading: GradingSettings
    strategy: StrategySettings
    outputs: OutputSettings


def with_order(settings: Settings, order: Mapping[str, Any]) -> Settings:
    """The settings with those of an order in their place; tables are merged key by key.

    Raises BadSettings naming the key, the value and what is allowed.
    """
    merged: dict[str, Any] = {name: getattr(settings, name).model_dump() for name in Order.model_fields}
    for name, section in order.items():
        known = merged.get(name)
        merged[name] = {**known, **section} if isinstance(known, dict) and isinstance(section, dict) else section
    try:
        valid = Order.model_validate(merged)
    except ValidationError as error:
        raise BadSettings(_explain(error, tree=Order)) from error
    return settings.model_copy(update={name: getattr(valid, name) for name in Order.model_fields})


def load(config: Path | None = None, flags: dict[str, Any] | None = None) -> Settings:
    """Read the tree: defaults, then the TOML file, then the environment, then flags.

    flags: nested like the tree; only what was given.
    Raises BadSettings naming the key, the value and what is allowed.
    """
    content = _read_toml(config) if config else {}
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
            del dotenv_settings, file_secret_settings  # two more places to look would be two too many
            return init_settings, env_settings, InitSettingsSource(settings_cls, content)

    try:
        return _with_credentials(Loaded(**(flags or {})))
    except ValidationError as error:
        raise BadSettings(_explain(error, config)) from error
    except SettingsError as error:
        raise BadSettings(f"{error}; a list or table in a {PREFIX}… variable is written as JSON") from error


def _with_credentials(settings: Settings) -> Settings:
    """The settings with systemd's credentials wherever no secret is set. Raises BadSettings."""
    folder = os.environ.get("CREDENTIALS_DIRECTORY", "")
    credentials = read_credentials(Path(folder)) if folder else {}
    hooks = tuple(_with_credentials_of_hook(hook, credentials) for hook in settings.notify.hooks)
    if not credentials:
        return settings
    http, comfyui = settings.http, settings.comfyui
    if not http.token.get_secret_value():
        http = http.model_copy(update={"token": SecretStr(credentials.get(HTTP_TOKEN, ""))})
    servers = tuple(_with_credentials_of_server(server, credentials) for server in comfyui.servers)
    return settings.model_copy(
        update={
            "http": http,
            "comfyui": comfyui.model_copy(update={"servers": servers}),
            "notify": settings.notify.model_copy(update={"hooks": hooks}),
        }
    )


def _with_credentials_of_hook(hook: HookSettings, credentials: Mapping[str, str]) -> HookSettings:
    """The hook with its credentials where it has no secret. Raises BadSettings where it still has nowhere to go."""
    given = {
        key: SecretStr(secret)
        for key in ("url", "token")
        if not getattr(hook, key).get_secret_value() and (secret := of_hook(credentials, key, hook.name))
    }
    if not (hook.command or hook.url.get_secret_value() or "url" in given):
        raise BadSettings(
            f"The hook {hook.name} of notify.hooks has no url and no command; its url may also be systemd's "
            f"credential notify.url.{hook.name}, which is not there"
        )
    try:
        return HookSettings.model_validate({**dict(hook), **given})
    except ValidationError as error:
        raise BadSettings(
            f"The credential notify.url.{hook.name} cannot be used: it must be a url that begins with http:// or "
            "https://, and the hook must have no command"
        ) from error


def _with_credentials_of_server(server: ServerSettings, credentials: Mapping[str, str]) -> ServerSettings:
    parts = urlsplit(server.url)
    has_secret = bool(server.token.get_secret_value() or server.password.get_secret_value() or parts.password)
    if has_secret:
        return server
    name = "password" if parts.username else "token"
    secret = of_server(credentials, f"comfyui.{name}", parts.hostname or "", parts.port)
    return server.model_copy(update={name: SecretStr(secret)})


def _read_toml(config: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(config.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSettings(f"The settings file {config} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSettings(f"The settings file {config} is not valid TOML: {error}") from error


def _refuse_unknown_variables() -> None:
    known = set(Settings.model_fields)
    for name in os.environ:
        if name.upper().startswith(PREFIX):
            section = name[len(PREFIX) :].split("__")[0].lower()
            if section not in known:
                raise BadSettings(f"Unknown setting {name} in the environment{_meant(section, known)}")


def _explain(error: ValidationError, config: Path | None = None, tree: type[BaseModel] = Settings) -> str:
    lines = []
    for fault in error.errors():
        path = [str(part) for part in fault["loc"] if part != "function-before[_bind(), str]"]
        key = ".".join(path) or "settings"
        if fault["type"] == "extra_forbidden":
            lines.append(f"Unknown setting {key}{_meant(path[-1], _keys_beside(path, tree))}")
            continue
        allowed = fault["msg"].removeprefix("Value error, ")
        secret = {"token", "password"} & {*path} or (path[:2] == ["notify", "hooks"] and "on" not in path)
        value = "***" if secret else _LOGIN.sub("://***@", repr(fault["input"]))
        shown = "" if isinstance(fault["input"], dict | BaseModel) else f" = {value}"
        lines.append(f"Bad setting {key}{shown}: {allowed[:1].lower()}{allowed[1:]}")
    where = f" (settings file {config}, {PREFIX}… variables, flags)" if config else ""
    return "\n".join(lines) + where


def _meant(key: str, known: Iterable[str]) -> str:
    known = sorted(known)
    close = difflib.get_close_matches(key, known, n=1)
    return f": did you mean {close[0]}?" if close else f": allowed are {', '.join(known)}"


def _keys_beside(path: list[str], tree: type[BaseModel]) -> Iterable[str]:
    """The keys allowed where `path` went wrong."""
    section = tree
    for part in path[:-1]:
        if part.isdigit():
            continue
        annotation = section.model_fields[part].annotation
        inner = [kind for kind in (annotation, *get_args(annotation)) if isinstance(kind, type)]
        section = next((kind for kind in inner if issubclass(kind, BaseModel)), section)
    return section.model_fields
