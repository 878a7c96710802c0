"""What the last audit found to make no difference, kept in the state directory for whoever chooses recipes."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from daemon.disk.whole_file import write_whole
from daemon.errors import NoRoom
from daemon.settings import Section, Settings

FILE = "audit.json"


class Findings(Section):
    """Of one engine and one size of proxy: another engine, or other pixels, may answer otherwise. at: Unix time."""

    engine: str
    proxy_pixels: int
    at: float
    dead: dict[str, tuple[str, ...]]


def known_dead(state: Path, settings: Settings) -> dict[str, tuple[str, ...]]:
    """By model the parameters that make no difference to the engine in use; nothing where no audit says so."""
    try:
        found = Findings.model_validate_json((state / FILE).read_bytes())
    except (OSError, ValidationError):
        return {}  # never made, or made by another version: then everything may differ
    return found.dead if _of(settings) == (found.engine, found.proxy_pixels) else {}


def keep(state: Path, settings: Settings, dead: Mapping[str, Sequence[str]], models: Sequence[str], now: float) -> Path:
    """Write down what an audit of `models` found, whole or not at all; of other models the last audit still counts.

    Raises NoRoom where it cannot be written.
    """
    engine, proxy_pixels = _of(settings)
    others = {model: names for model, names in known_dead(state, settings).items() if model not in models}
    found = {model: tuple(names) for model, names in dead.items()}
    findings = Findings(engine=engine, proxy_pixels=proxy_pixels, at=now, dead=others | found)
    path = state / FILE
    try:
        state.mkdir(parents=True, exist_ok=True)
        write_whole(path, (json.dumps(findings.model_dump(), indent=1) + "\n").encode())
    except OSError as error:
        raise NoRoom(f"{path} cannot be written: {error.strerror}. Without it the daemon learns nothing.") from error
    return path


def _of(settings: Settings) -> tuple[str, int]:
    return settings.engine_in_use, settings.engine.proxy_pixels
