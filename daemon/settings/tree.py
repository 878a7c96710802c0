"""The whole tree, and the part of it that an order may change."""

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from daemon.settings.engine_sections import ComfyUISettings, EngineSettings
from daemon.settings.judgement_sections import AuditSettings, GradingSettings, StrategySettings
from daemon.settings.notify_sections import HttpSettings, NotifySettings
from daemon.settings.photo_sections import IntakeSettings, OutputSettings
from daemon.settings.running_sections import DispatchSettings, JournalSettings, LogSettings
from daemon.settings.section import Section

PREFIX = "FREISTELLER__"


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
