"""The settings of the engines: which engine to use, the ComfyUI servers, the built-in engine."""

import os
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, SecretStr, model_validator

from daemon.settings.section import Section


def check_url(value: str) -> str:
    """Return the URL unchanged. Raises ValueError if it names no host."""
    parts = urlsplit(value)
    if not parts.hostname or parts.port == 0:  # hostname and port raise ValueError for bad brackets or a bad port
        raise ValueError('must name a host, e.g. "http://gpu1:8188"')
    return value


def check_mirror(value: str) -> str:
    """Return the URL of a mirror unchanged; "" = none. Raises ValueError if it is no URL."""
    if value and not value.startswith(("http://", "https://")):
        raise ValueError('must be the http or https address of a folder, e.g. "https://files.studio.example/models"')
    return check_url(value) if value else value


Provider = Literal["cuda", "tensorrt", "directml", "coreml", "cpu"]


class LocalEngineSettings(Section):
    """The built-in engine: models on ONNX Runtime."""

    model: str = Field("u2netp", min_length=1)
    weights_dir: str = ""
    mirror: Annotated[str, AfterValidator(check_mirror)] = ""
    providers: Literal["auto"] | tuple[Provider, ...] = "auto"
    threads: int = Field(0, ge=0, le=256)
    batch: Literal["auto"] | Annotated[int, Field(ge=1, le=64)] = "auto"

    @property
    def weights_path(self) -> Path:
        """The folder of the .onnx files: the one that is set, else the one that rembg uses, too."""
        return Path(self.weights_dir or os.environ.get("U2NET_HOME") or "~/.u2net").expanduser().absolute()

    @property
    def rembg_paths(self) -> tuple[Path, ...]:
        """Other folders where rembg itself may have put weights, old ones and new ones."""
        try:
            home = Path.home()
        except RuntimeError:  # a service's user may have none
            return ()
        return tuple(path for path in (home / ".u2net", home / ".rembg") if path != self.weights_path)


class EngineSettings(Section):
    """Which engine to use, and the size of the proxy that it gets."""

    use: Literal["auto", "comfyui", "local"] = "auto"
    commercial_use: bool = False
    proxy_pixels: int = Field(1024, ge=256, le=4096)
    local: LocalEngineSettings = LocalEngineSettings()


class ServerSettings(Section):
    """One ComfyUI server."""

    url: Annotated[str, AfterValidator(check_url)] = Field(pattern=r"^https?://[^\s/]+")
    slots: int = Field(2, ge=1, le=16)
    token: SecretStr = SecretStr("")
    password: SecretStr = SecretStr("")
    ca_file: str = ""


class ComfyUISettings(Section):
    """The ComfyUI servers, and the time limits for them."""

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
        """Refuse two entries of one URL: they would count one GPU twice."""
        urls = [server.url.rstrip("/") for server in self.servers]
        if len(urls) != len(set(urls)):
            raise ValueError("the same url is listed twice")
        return self
