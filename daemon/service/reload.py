"""Reads the settings again while the daemon works, and takes over what can change without a restart."""

import logging
import threading
from collections.abc import Callable

from daemon.errors import BadSettings, NoRoom
from daemon.logs import log
from daemon.service.choose_engine import leave_out_dead_parameters, memory_for, use_servers
from daemon.service.far_work import photos_at_once
from daemon.service.systemd import Systemd
from daemon.service.tools import stale_seconds
from daemon.service.wiring import Parts
from daemon.settings import Settings
from daemon.settings.current import CurrentSettings
from daemon.settings.differences import SettingsChange, settings_change


class Reload:
    """Works in a thread of its own, whenever it is asked.

    read: returns the settings as they are now; raises BadSettings. apply: makes the daemon use settings; raises
    BadSettings, before it changes anything.
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
        """Read the settings soon. Also wakes `serve` after its `stop` was set."""
        self._asked.set()

    def serve(self, stop: threading.Event) -> None:
        """Read the settings whenever somebody asks, until `stop`."""
        while not stop.is_set():
            self._asked.wait()
            self._asked.clear()
            if not stop.is_set():
                self.now()

    def now(self) -> None:
        """Read the settings and take over what can change; bad settings change nothing. Raises NoRoom."""
        self._systemd.reloading()
        try:
            change = settings_change(self._settings.now, self._read())
            self._apply(change.settings)
        except NoRoom:
            self.ask()  # the journal cannot be written now; all of it is done again
            raise
        except BadSettings as error:
            text = f"The settings were not reloaded; the old ones stay in use. {error}"
            log.log("reload_refused", text, level=logging.ERROR)
            self._systemd.remark = f"settings not reloaded: {error}"
        else:
            self._settings.now = change.settings
            self._report(change)
        finally:
            self._systemd.ready()  # systemd waits for it, also after bad settings

    def _report(self, change: SettingsChange) -> None:
        taken, left = ", ".join(change.at_once), ", ".join(change.after_restart)
        text = f"The settings were reloaded. Changed: {taken or 'nothing'}."
        log.log("reloaded", text, people=True, changed=change.at_once, after_restart=change.after_restart)
        self._systemd.remark = f"{left} changed: restart to use it" if left else ""
        if left:
            text = f"{left} cannot change while Freisteller runs. The old value stays in use until the next start."
            log.log("restart_needed", text, level=logging.WARNING, keys=change.after_restart)


def use_settings(parts: Parts, settings: Settings) -> None:
    """Work with other settings from now on; photos in work keep theirs. Raises BadSettings, and changes nothing then.

    Parts that read `CurrentSettings` are not named here.
    """
    parts.pipeline.strategy(settings)  # raises BadSettings
    use_servers(parts.engine, settings)
    leave_out_dead_parameters(parts.pipeline, parts.opened.state, settings)
    parts.journal.turns.prioritize(settings.dispatch.priorities)
    parts.budget.resize(memory_for(settings))
    parts.health.allow(stale_seconds(settings))
    parts.watcher.use_settings(settings.intake)
    parts.hooks.use_settings(settings.notify)
    parts.dispatch.backoff.first_seconds = settings.dispatch.postpone_seconds
    parts.dispatch.resize(photos_at_once(settings, parts.engine, parts.pool))
    if settings.log.level != parts.settings.now.log.level:
        log.set_level(settings.log.level)
