"""Keeps in the state directory which parameters the last audit found to make no difference."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import ValidationError

from daemon.disk.whole_file import write_whole
from daemon.errors import NoRoom
from daemon.settings import Section, Settings

FILE = "audit.json"


class AuditResults(Section):
    """The file's content. It holds for one engine and one proxy size: with others, everything may differ.

    at: Unix time of the audit. dead: by model the parameters that make no difference.
    """

    engine: str
    proxy_pixels: int
    at: float
    dead: dict[str, tuple[str, ...]]


def known_dead(state: Path, settings: Settings) -> dict[str, tuple[str, ...]]:
    """By model the parameters that make no difference to the engine in use; empty if no audit says so."""
    try:
        found = AuditResults.model_validate_json((state / FILE).read_bytes())
    except (OSError, ValidationError):
        return {}  # there was no audit, or another version wrote its file: everything may differ
    return found.dead if _of(settings) == (found.engine, found.proxy_pixels) else {}


def record(
    state: Path, settings: Settings, dead: Mapping[str, Sequence[str]], models: Sequence[str], now: float
) -> Path:
    """Write what an audit of `models` found, whole or not at all; for other models the last audit still counts.

    Raises NoRoom if the file cannot be written.
    """
    engine, proxy_pixels = _of(settings)
    others = {model: names for model, names in known_dead(state, settings).items() if model not in models}
    found = {model: tuple(names) for model, names in dead.items()}
    results = AuditResults(engine=engine, proxy_pixels=proxy_pixels, at=now, dead=others | found)
    path = state / FILE
    try:
        state.mkdir(parents=True, exist_ok=True)
        write_whole(path, (json.dumps(results.model_dump(), indent=1) + "\n").encode())
    except OSError as error:
        raise NoRoom(
            f"{path} cannot be written: {error.strerror}. Make room there and audit again: the daemon learns what the "
            "audit found from this file only."
        ) from error
    return path


def _of(settings: Settings) -> tuple[str, int]:
    return settings.engine_in_use, settings.engine.proxy_pixels
