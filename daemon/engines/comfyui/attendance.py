"""Looks after servers, each from a thread of its own: probes them, cleans up there, and releases those that leave."""

import contextlib
import threading

from daemon.engines.comfyui.servers import ServerEntry, Servers
from daemon.errors import EngineAway, EngineMisconfigured, FreistellerError

SOONEST_PROBE = 16  # a server that failed is probed after probe_seconds / 16, then after twice as long, and so on


class Attendance:
    """Attends to servers until `stop` is set."""

    def __init__(self, servers: Servers, probe_seconds: float, stop: threading.Event) -> None:
        self._servers = servers
        self._probe_seconds = probe_seconds
        self._stop = stop

    def begin(self, entry: ServerEntry) -> None:
        """Listen to the server's events and probe it, in the background."""
        entry.server.start()
        name = f"probe-{entry.server.name}"
        threading.Thread(target=self._attend, args=(entry,), name=name, daemon=True).start()

    def _attend(self, entry: ServerEntry) -> None:
        """Look after one server until it is released. Each has its own thread, because a hung server answers late."""
        self._probe_until_it_leaves(entry)
        if entry.leaving and self._servers.wait_until_empty(entry):
            with contextlib.suppress(FreistellerError):  # the server may really be gone
                entry.server.clean_up()
            entry.server.close(entry.trust.reachable)

    def _probe_until_it_leaves(self, entry: ServerEntry) -> None:
        usual = self._probe_seconds
        soon = usual / SOONEST_PROBE
        while not self._stop.is_set() and not entry.leaving:
            try:
                memory = entry.server.memory()
            except (EngineAway, EngineMisconfigured) as error:
                with self._servers.changing(entry) as trust:
                    trust.record_absence(error)
            else:
                if not entry.trust.reachable:
                    entry.server.forget_nodes()  # before it gets a photo: it may be another installation now
                with self._servers.changing(entry) as trust:
                    entry.memory = memory
                    trust.record_probe()
                with contextlib.suppress(FreistellerError):  # the next probe cleans up again
                    entry.server.clean_up()
            reachable = entry.trust.reachable
            hurried = entry.probe_soon.wait(usual if reachable else soon)
            soon = usual / SOONEST_PROBE if reachable else min(usual, soon * 2)
            if hurried:  # a photo failed there a moment ago: wait shortly, then probe
                self._stop.wait(soon)
                entry.probe_soon.clear()
