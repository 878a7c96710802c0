"""All settings, as one typed tree.

The sections hold the defaults. `config/freisteller.toml` repeats and explains them; a test compares both.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daemon.settings.engine_sections import ComfyUISettings, LocalEngineSettings, ServerSettings
    from daemon.settings.explain import suggestion
    from daemon.settings.judgement_sections import (
        DEFAULT_LADDER,
        AuditSettings,
        GradingSettings,
        JudgementSettings,
        Rung,
        StrategySettings,
    )
    from daemon.settings.model_sections import FamilySettings, ModelSettings, ModelTables, NodeSettings
    from daemon.settings.notify_sections import Event, HookSettings, NotifySettings
    from daemon.settings.output_formats import OutputFormat, PagesSetting
    from daemon.settings.photo_sections import IntakeSettings, OutputSettings
    from daemon.settings.read_settings import load, with_order
    from daemon.settings.section import Section
    from daemon.settings.tree import Settings

__all__ = [
    "DEFAULT_LADDER",
    "AuditSettings",
    "ComfyUISettings",
    "Event",
    "FamilySettings",
    "GradingSettings",
    "HookSettings",
    "IntakeSettings",
    "JudgementSettings",
    "LocalEngineSettings",
    "ModelSettings",
    "ModelTables",
    "NodeSettings",
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
    "suggestion",
    "with_order",
]

_MODULES = {
    "ComfyUISettings": "engine_sections",
    "LocalEngineSettings": "engine_sections",
    "ServerSettings": "engine_sections",
    "DEFAULT_LADDER": "judgement_sections",
    "AuditSettings": "judgement_sections",
    "GradingSettings": "judgement_sections",
    "JudgementSettings": "judgement_sections",
    "Rung": "judgement_sections",
    "StrategySettings": "judgement_sections",
    "FamilySettings": "model_sections",
    "ModelSettings": "model_sections",
    "ModelTables": "model_sections",
    "NodeSettings": "model_sections",
    "Event": "notify_sections",
    "HookSettings": "notify_sections",
    "NotifySettings": "notify_sections",
    "OutputFormat": "output_formats",
    "PagesSetting": "output_formats",
    "IntakeSettings": "photo_sections",
    "OutputSettings": "photo_sections",
    "suggestion": "explain",
    "load": "read_settings",
    "with_order": "read_settings",
    "Section": "section",
    "Settings": "tree",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import a module when something of it is wanted (PEP 562): a worker process needs none that needs pydantic."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
