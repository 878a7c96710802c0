"""Finds the data files that are shipped with the code: inside an installed wheel, or beside a checkout."""

from pathlib import Path

_PACKAGE = Path(__file__).parent.parent


def shipped(*parts: str) -> Path:
    """The path of a shipped file, e.g. shipped("config", "freisteller.toml"). Raises FileNotFoundError."""
    for base in (_PACKAGE / "_shipped", _PACKAGE.parent):
        path = base.joinpath(*parts)
        if path.exists():
            return path
    raise FileNotFoundError(f"{'/'.join(parts)} is missing from this installation. Install freisteller again.")
