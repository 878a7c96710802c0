"""The options that several commands share, and the settings that they lead to."""

from pathlib import Path
from typing import Annotated

import typer

from daemon.settings import Settings
from daemon.settings.settings_source import SettingsSource


def named_folder(typed: str) -> Path:
    """The folder that was typed. Raises BadParameter for "", which an unset variable of a script becomes."""
    if not typed:
        raise typer.BadParameter("it must not be empty: name a folder.")
    return Path(typed)


RootOption = Annotated[
    Path | None,
    typer.Option("--root", parser=named_folder, metavar="PATH", help="The hot folder, else root of the settings."),
]
ConfigOption = Annotated[Path | None, typer.Option("--config", help="A settings file (TOML), else the defaults.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]


def settings_of(config: Path | None, root: Path | None = None) -> Settings:
    """The settings that the options name. Raises BadSettings."""
    return SettingsSource(config, root).read()
