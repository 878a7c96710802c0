"""Tells what differs between two settings, and which of it a running daemon can take over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel

from daemon.settings.tree import Settings

SERVERS = "comfyui.servers"
LIVE = (
    SERVERS,
    "cluster.silent_seconds",
    "dispatch.hang_seconds",
    "dispatch.max_tries",
    "dispatch.memory_mb",
    "dispatch.postpone_seconds",
    "dispatch.priorities",
    "dispatch.stop_seconds",
    "dispatch.workers",
    "export",
    "grading",
    "intake",
    "journal",
    "judgement",
    "language",
    "log.level",
    "notify",
    "outputs",
    "products",
    "renditions",
    "strategy",
)
"""Sections and keys that a running daemon takes over. Its folders, port, kind of engine and cluster are fixed."""

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class SettingsChange:
    """settings: to work with from now on. at_once, after_restart: the dotted keys that changed."""

    settings: Settings
    at_once: tuple[str, ...]
    after_restart: tuple[str, ...]


def settings_change(old: Settings, new: Settings) -> SettingsChange:
    """What of `new` a daemon that works with `old` can take over."""
    live = [key for key in LIVE if key != SERVERS]
    with_servers = _with_keys(old, [SERVERS], new)
    if with_servers.engine_in_use == old.engine_in_use and (with_servers.comfyui.servers or not old.comfyui.servers):
        live.append(SERVERS)
    before, after = _flat(old.model_dump()), _flat(new.model_dump())
    changed = [key for key in sorted(before.keys() | after.keys()) if before.get(key) != after.get(key)]
    at_once = tuple(key for key in changed if any(key == one or key.startswith(f"{one}.") for one in live))
    return SettingsChange(_with_keys(old, live, new), at_once, tuple(key for key in changed if key not in at_once))


def _with_keys(old: Model, keys: Sequence[str], new: Model) -> Model:
    """`old`, with these of its dotted keys as they are in `new`."""
    taken = old
    for key in keys:
        name, _, rest = key.partition(".")
        value = getattr(new, name)
        taken = taken.model_copy(update={name: _with_keys(getattr(taken, name), [rest], value) if rest else value})
    return taken


def _flat(tree: Mapping[str, Any], path: str = "") -> dict[str, object]:  # Any: a tree of whatever settings hold
    """Dotted key -> value; a list counts as one value."""
    flat: dict[str, object] = {}
    for key, value in tree.items():
        flat |= _flat(value, f"{path}{key}.") if isinstance(value, dict) else {f"{path}{key}": value}
    return flat
