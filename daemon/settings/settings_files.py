"""Reads the settings file, and the files of model tables beside it."""

import tomllib
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from daemon.errors import BadSettings
from daemon.settings.explain import explain
from daemon.settings.model_sections import ModelTables


def read_toml(path: Path) -> dict[str, Any]:
    """The content of a TOML file. Raises BadSettings, which names the file."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise BadSettings(f"The settings file {path} cannot be read: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadSettings(f"The settings file {path} is not valid TOML: {error}") from error


def add_model_files(content: dict[str, Any], folder: Path) -> None:
    """Add the tables of `folder`/*.toml to the settings file's own content.

    Raises BadSettings if a file is bad, or a name stands twice.
    """
    if not folder.is_dir():
        return
    for path in sorted(folder.glob("*.toml")):
        tables = read_toml(path)
        try:
            ModelTables.model_validate(tables)
        except ValidationError as error:
            raise BadSettings(f"{explain(error, tree=ModelTables)} (file {path})") from error
        for kind, added in tables.items():
            known = content.setdefault(kind, {})
            if not isinstance(known, dict):
                return  # the settings file itself is wrong there, and is told so
            for name in added:
                if name in known:
                    raise BadSettings(f"Bad setting {kind}.{name} (file {path}): the name is taken already.")
            known |= added
