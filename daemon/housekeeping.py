"""Once a second: gauges, health and the watchdog; now and then what a full disk left undone."""

import threading
import time
from collections.abc import Callable

from daemon.dispatch import Dispatch
from daemon.engines.contract import Engine
from daemon.jobs import State
from daemon.journal import Journal
from daemon.observe.health import Health
from daemon.observe.metrics import Metrics
from daemon.observe.notify import Notifier

TURN_SECONDS = 1.0
TIDY_SECONDS = 60.0


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
        notifier: Notifier,
        tidy_up: Callable[[], object],
        clock: Callable[[], float],
    ) -> None:
        self._journal = journal
        self._dispatch = dispatch
        self._engine = engine
        self._metrics = metrics
        self._health = health
        self._notifier = notifier
        self._tidy_up = tidy_up
        self._clock = clock

    def keep(self, stop: threading.Event) -> None:
        """Go round until `stop`."""
        tidied = time.monotonic()
        while not stop.wait(TURN_SECONDS):
            self.turn()
            if time.monotonic() - tidied > TIDY_SECONDS and not self._dispatch.running:
                self._tidy_up()
                tidied = time.monotonic()

    def turn(self) -> None:
        """One round of looking at everything."""
        now = self._clock()
        counts = self._journal.counts(now)
        waiting, running = counts.states[State.WAITING], self._dispatch.running
        self._metrics.queue(waiting, running, counts.oldest_admitted_at)
        healths = self._engine.health()
        self._metrics.engine(healths)
        troubles = "; ".join(f"{each.server}: {each.message or 'away'}" for each in healths if not each.up)
        self._health.report("engine", any(each.up for each in healths), troubles)
        self._metrics.heartbeat(now)
        self._notifier.status(f"{running} running, {waiting} waiting")
        if self._health.alive()[0]:
            self._notifier.watchdog()
