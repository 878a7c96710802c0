"""Once a second: gauges, health and the watchdog; now and then what a full disk left undone."""

import logging
import threading
import time
from collections.abc import Callable, Sequence

from daemon.engines.contract import Engine, ServerHealth
from daemon.journal import Journal
from daemon.logs import log
from daemon.observe import series
from daemon.observe.health import Health
from daemon.observe.metrics import Metrics
from daemon.service.systemd import Systemd
from daemon.settings.current import CurrentSettings
from daemon.states import State
from daemon.work.dispatch import Dispatch

TURN_SECONDS = 1.0
TIDY_SECONDS = 60.0
DAY_SECONDS = 86400.0
MOST_PRUNED = 500  # at a time: less than a tenth of a second in which no photo starts


class Housekeeping:
    """Looks after the daemon while it works."""

    def __init__(
        self,
        *,
        journal: Journal,
        dispatch: Dispatch,
        engine: Engine,
        metrics: Metrics,
        health: Health,
        systemd: Systemd,
        tidy_up: Callable[[], object],
        clock: Callable[[], float],
        settings: CurrentSettings,
    ) -> None:
        self._journal = journal
        self._dispatch = dispatch
        self._engine = engine
        self._metrics = metrics
        self._health = health
        self._systemd = systemd
        self._tidy_up = tidy_up
        self._clock = clock
        self._settings = settings
        self._paused: set[tuple[str, str]] = set()
        self._was_paused = False

    def keep(self, stop: threading.Event) -> None:
        """Go round until `stop`."""
        tidied = pruned = time.monotonic()
        while not stop.wait(TURN_SECONDS):
            self.turn()
            if time.monotonic() - tidied > TIDY_SECONDS and not self._dispatch.running:
                self._tidy_up()
                tidied = time.monotonic()
            if time.monotonic() - pruned > TIDY_SECONDS:
                self.prune()
                pruned = time.monotonic()

    def prune(self) -> None:
        """Strike out what the journal need not keep any longer; a share of it at a time."""
        days = self._settings.now.journal.keep_days
        pruned = self._journal.prune(self._clock() - days * DAY_SECONDS, MOST_PRUNED) if days else 0
        if pruned:
            text = f"{pruned} photos that were over for more than {days} days were struck out of the journal."
            log.log("journal_pruned", text, count=pruned)

    def turn(self) -> None:
        """One round of looking at everything."""
        now = self._clock()
        counts = self._journal.counts(now)
        waiting, running = counts.states[State.WAITING], self._dispatch.running
        self._metrics.queue(waiting, running, counts.oldest_admitted_at)
        healths = self._engine.health()
        self._note_servers(healths)
        troubles = "; ".join(f"{each.server}: {each.message or 'away'}" for each in healths if not each.up)
        self._health.report("engine", any(each.up for each in healths), troubles)
        self._metrics.set(series.HEARTBEAT, now)
        paused = self._note_pause()
        self._systemd.status("; ".join(filter(None, (f"{running} running, {waiting} waiting", paused))))
        if self._health.alive()[0]:
            self._systemd.watchdog()

    def _note_pause(self) -> str:
        """Tell once that work was paused or goes on; returns what the status line says of it."""
        at = self._journal.paused_at()
        if (at is not None) != self._was_paused:
            self._was_paused = at is not None
            text = "Paused: nothing new is started until `freisteller resume`." if at else "Work goes on."
            log.log("paused" if at else "resumed", text, level=logging.WARNING if at else logging.INFO)
            self._dispatch.wake()
        self._metrics.set(series.PAUSED, at is not None)
        return "" if at is None else f"paused since {time.strftime('%Y-%m-%d %H:%M', time.localtime(at))}"

    def _note_servers(self, healths: Sequence[ServerHealth]) -> None:
        """Metrics of each server; a line for each model that is paused there, or works again."""
        self._metrics.engine(healths)
        for health in healths:
            for model in health.set_aside:
                if (health.server, model) not in self._paused:
                    text = f"{health.server} gets no photos for {model} now. {health.message}"
                    log.log("model_paused", text, level=logging.ERROR, server=health.server, model=model)
        paused = {(health.server, model) for health in healths for model in health.set_aside}
        servers = {health.server for health in healths}
        for server, model in sorted(each for each in self._paused - paused if each[0] in servers):
            log.log("model_resumed", f"{server} gets photos for {model} again.", server=server, model=model)
        self._paused = paused
