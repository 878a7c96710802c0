"""Where a command's settings come from, so that they can be read again, or by another command."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from daemon.settings.read_settings import load
from daemon.settings.tree import Settings


@dataclass(frozen=True, slots=True)
class SettingsSource:
    """config: a settings file. root: the hot folder, which goes before that of the settings. None = not named."""

    config: Path | None
    root: Path | None = None

    def read(self) -> Settings:
        """The settings as they are now. Raises BadSettings."""
        flags: dict[str, Any] = {} if self.root is None else {"root": str(self.root)}  # Any: nested like the settings
        return load(self.config, flags)

    @property
    def words(self) -> tuple[str, ...]:
        """The options that lead any command to these settings."""
        config = () if self.config is None else ("--config", str(self.config.absolute()))
        return (*config, *(() if self.root is None else ("--root", str(self.root.absolute()))))
