"""All settings, as one typed tree.

The sections hold the defaults. `config/freisteller.toml` repeats and explains them; a test compares both.
"""

from daemon.settings.engine_sections import ComfyUISettings, LocalEngineSettings, ServerSettings
from daemon.settings.judgement_sections import DEFAULT_LADDER, AuditSettings, GradingSettings, Rung, StrategySettings
from daemon.settings.load import load, with_order
from daemon.settings.notify_sections import Event, HookSettings, NotifySettings
from daemon.settings.photo_sections import IntakeSettings, OutputFormat, OutputSettings, PagesSetting
from daemon.settings.section import Section
from daemon.settings.tree import Settings

__all__ = [
    "DEFAULT_LADDER",
    "AuditSettings",
    "ComfyUISettings",
    "Event",
    "GradingSettings",
    "HookSettings",
    "IntakeSettings",
    "LocalEngineSettings",
    "NotifySettings",
    "OutputFormat",
    "OutputSettings",
    "PagesSetting",
    "Rung",
    "Section",
    "ServerSettings",
    "Settings",
    "StrategySettings",
    "load",
    "with_order",
]
