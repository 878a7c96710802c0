"""The settings of the running daemon: how much it does at once, what it remembers, what it logs."""

import unicodedata
from typing import Annotated, Literal

from pydantic import Field, field_validator

from daemon.settings.section import Section


class DispatchSettings(Section):
    """How much is done at once. workers 0 = as many as the engine can use. executor: "dask" = on the machines of a
    cluster, too.
    """

    executor: Literal["local", "dask"] = "local"
    workers: int = Field(0, ge=0, le=256)
    memory_mb: int = Field(0, ge=0, le=10_000_000)
    max_tries: int = Field(3, ge=1, le=1000)
    postpone_seconds: float = Field(5.0, gt=0, le=3600)
    stop_seconds: float = Field(30.0, ge=0, le=3600)
    hang_seconds: float = Field(60.0, gt=0, le=86400)
    priorities: dict[str, Annotated[int, Field(ge=-1000, le=1000)]] = Field({})

    @field_validator("priorities")
    @classmethod
    def folder_names_are_normalized(cls, priorities: dict[str, int]) -> dict[str, int]:
        """Put the folder names into NFC, like the names of photos. The folders must lie directly below `inbox/`."""
        for name in priorities:
            if "/" in name.strip("/"):
                raise ValueError(
                    f"{name!r} does not lie directly below inbox/; sub-folders share the priority of their folder"
                )
        return {unicodedata.normalize("NFC", name.strip("/")): value for name, value in priorities.items()}


class JournalSettings(Section):
    """What the journal remembers. keep_days 0 = everything, for ever. keep_alphas_days 0 = no alphas of results."""

    keep_days: int = Field(0, ge=0, le=36500)
    keep_alphas_days: int = Field(30, ge=0, le=36500)
    keep_alphas_mb: int = Field(2048, ge=0, le=10_000_000)


class LogSettings(Section):
    """What is logged, and how."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "text", "json"] = "auto"
