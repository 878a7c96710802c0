"""The tree of all settings, with the part that an order may change."""

import os
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from daemon.settings.cluster_section import ClusterSettings
from daemon.settings.engine_sections import ComfyUISettings, EngineSettings
from daemon.settings.export_sections import ExportSettings, ProductSettings
from daemon.settings.http_section import HttpSettings
from daemon.settings.judgement_sections import AuditSettings, GradingSettings, JudgementSettings, StrategySettings
from daemon.settings.model_sections import FamilySettings, ModelSettings, ModelTables
from daemon.settings.notify_sections import NotifySettings
from daemon.settings.photo_sections import IntakeSettings, OutputSettings
from daemon.settings.rendition_section import Renditions
from daemon.settings.running_sections import DispatchSettings, JournalSettings, LogSettings
from daemon.settings.section import Section
from daemon.settings.shop_section import ShopName, ShopSettings

PREFIX = "FREISTELLER__"
MOST_SHOPS = 40


class Settings(BaseSettings):
    """All settings."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        env_nested_delimiter="__",
        extra="forbid",
        frozen=True,
        nested_model_default_partial_update=True,
    )

    root: str = Field("hotfolder", min_length=1)
    state_dir: str = ""
    language: Literal["de", "en"] = "en"
    engine: EngineSettings = EngineSettings()
    comfyui: ComfyUISettings = ComfyUISettings()
    intake: IntakeSettings = IntakeSettings()
    grading: GradingSettings = GradingSettings()
    judgement: JudgementSettings = JudgementSettings()
    strategy: StrategySettings = StrategySettings()
    audit: AuditSettings = AuditSettings()
    outputs: OutputSettings = OutputSettings()
    renditions: Renditions = Field({})
    products: ProductSettings = ProductSettings()
    export: ExportSettings = ExportSettings()
    shops: dict[ShopName, ShopSettings] = Field({}, max_length=MOST_SHOPS)
    dispatch: DispatchSettings = DispatchSettings()
    cluster: ClusterSettings = ClusterSettings()
    journal: JournalSettings = JournalSettings()
    http: HttpSettings = HttpSettings()
    notify: NotifySettings = NotifySettings()
    log: LogSettings = LogSettings()
    families: dict[str, FamilySettings] = {}
    models: dict[str, ModelSettings] = {}

    @property
    def own_models(self) -> ModelTables:
        """The user's own tables of ComfyUI models."""
        return ModelTables(families=self.families, models=self.models)

    @model_validator(mode="after")
    def a_named_engine_can_work(self) -> "Settings":
        """Refuse engine.use = "comfyui" without a server."""
        if self.engine.use == "comfyui" and not self.comfyui.servers:
            raise ValueError('engine.use is "comfyui", but comfyui.servers lists none')
        return self

    @model_validator(mode="after")
    def a_cluster_has_a_scheduler(self) -> "Settings":
        """Refuse dispatch.executor = "dask" without a scheduler."""
        if self.dispatch.executor == "dask" and not self.cluster.scheduler:
            raise ValueError('dispatch.executor is "dask", but cluster.scheduler names none')
        return self

    @property
    def root_path(self) -> Path:
        """The hot folder as an absolute path. A leading ~ stands for the user's home."""
        return Path(self.root).expanduser().absolute()

    @property
    def engine_in_use(self) -> Literal["comfyui", "local"]:
        """The engine to use. "auto" means ComfyUI if a server is listed, else local."""
        if self.engine.use == "auto":
            return "comfyui" if self.comfyui.servers else "local"
        return self.engine.use

    @property
    def given_state_path(self) -> Path | None:
        """The state directory that is set, else systemd's StateDirectory. None if each hot folder has its own."""
        given = self.state_dir or os.environ.get("STATE_DIRECTORY", "").split(":")[0]
        return Path(given).expanduser().absolute() if given else None

    def state_path(self, root_id: str) -> Path:
        """The state directory of one hot folder: the given one, else a folder of its own.

        root_id: from the hot folder's identity file. So a hot folder that is created anew gets a new journal, and one
        that is moved keeps its journal.
        """
        return self.given_state_path or own_state_folder() / root_id


def own_state_folder() -> Path:
    """Where the program keeps what belongs to this account, as the state of each hot folder without a place for it."""
    base = Path(os.environ.get("XDG_STATE_HOME") or "~/.local/state").expanduser().absolute()
    return base / "freisteller"


class Order(Section):
    """The sections that an order, the `freisteller.toml` of an inbox folder, may set."""

    grading: GradingSettings
    judgement: JudgementSettings
    strategy: StrategySettings
    outputs: OutputSettings
    renditions: Renditions = Field({})
    products: ProductSettings
    export: ExportSettings
