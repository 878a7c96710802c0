"""Settings read anew while the daemon works: what changed, what of it counts at once, what only after a restart."""

import logging
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from pydantic import BaseModel

from daemon.errors import BadSettings
from daemon.logs import log
from daemon.service.systemd import Systemd
from daemon.settings import Settings
from daemon.settings.current import CurrentSettings

SERVERS = "comfyui.servers"
LIVE = (SERVERS, "dispatch", "grading", "intake", "journal", "log.level", "notify", "outputs", "strategy")
"""Sections and keys that count at once. Folders, port and kind of engine are what a running daemon is made of."""

Part = TypeVar("Part", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Change:
    """settings: to work with from now on. at_once, after_restart: the keys that changed, dotted."""

    settings: Settings
    at_once: tuple[str, ...]
    after_restart: tuple[str, ...]


def change(old: Settings, new: Settings) -> Change:
    """What of `new` a daemon that works with `old` can take over."""
    live = [key for key in LIVE if key != SERVERS]
    with_servers = _taken_over(old, [SERVERS], new)
    if with_servers.engine_in_use == old.engine_in_use and (with_servers.comfyui.servers or not old.comfyui.servers):
        live.append(SERVERS)
    before, after = _flat(old.model_dump()), _flat(new.model_dump())
    changed = [key for key in sorted(before.keys() | after.keys()) if before.get(key) != after.get(key)]
    at_once = tuple(key for key in changed if any(key == one or key.startswith(f"{one}.") for one in live))
    return Change(_taken_over(old, live, new), at_once, tuple(key for key in changed if key not in at_once))


class Reload:
    """Reads and takes over, in a thread of its own, when it is asked to.

    read: the settings as they are now; raises BadSettings. apply: takes them over, or raises BadSettings and leaves
    everything as it was.
    """

    def __init__(
        self,
        settings: CurrentSettings,
        read: Callable[[], Settings],
        apply: Callable[[Settings], None],
        systemd: Systemd,
    ) -> None:
        self._settings = settings
        self._read = read
        self._apply = apply
        self._systemd = systemd
        self._asked = threading.Event()

    def ask(self) -> None:
        """Read the settings anew, soon. Also ends `serve` where its stop is set."""
        self._asked.set()

    def serve(self, stop: threading.Event) -> None:
        """Do so whenever it is asked, until `stop`."""
        while not stop.is_set():
            self._asked.wait()
            self._asked.clear()
            if not stop.is_set():
                self.now()

    def now(self) -> None:
        """Read the settings and take over what can be; bad ones change nothing."""
        self._systemd.reloading()
        try:
            found = change(self._settings.now, self._read())
            self._apply(found.settings)
        except BadSettings as error:
            text = f"The settings were not reloaded; the old ones stay. {error}"
            log.log("reload_refused", text, level=logging.ERROR)
            self._systemd.remark = f"settings not reloaded: {error}"
        else:
            self._settings.now = found.settings
            self._tell(found)
        finally:
            self._systemd.ready()  # systemd waits for it, however it went

    def _tell(self, found: Change) -> None:
        taken, left = ", ".join(found.at_once), ", ".join(found.after_restart)
        text = f"The settings were read anew. Changed: {taken or 'nothing'}."
        log.log("reloaded", text, changed=found.at_once, after_restart=found.after_restart)
        self._systemd.remark = f"{left} changed: restart to use it" if left else ""
        if left:
            text = f"{left} cannot change while we work; the old value stays until the next start."
            log.log("restart_needed", text, level=logging.WARNING, keys=found.after_restart)


def _taken_over(old: Part, keys: Sequence[str], new: Part) -> Part:
    """`old` with these of its keys, dotted, as they are in `new`."""
    taken = old
    for key in keys:
        name, _, rest = key.partition(".")
        value = getattr(new, name)
        taken = taken.model_copy(update={name: _taken_over(getattr(taken, name), [rest], value) if rest else value})
    return taken


def _flat(tree: Mapping[str, Any], path: str = "") -> dict[str, object]:
    """Dotted key -> value; lists count as one value."""
    flat: dict[str, object] = {}
    for key, value in tree.items():
        flat |= _flat(value, f"{path}{key}.") if isinstance(value, dict) else {f"{path}{key}": value}
    return flat
