"""Looks after the daemon while it works: its status every second, its leftovers every minute."""

import logging
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress

from daemon.engines.contract import Engine, ServerHealth
from daemon.errors import JournalLocked, NoRoom
from daemon.journal import Journal
from daemon.logs import log
from daemon.logs.barrier import Barrier
from daemon.observe import series
from daemon.observe.health import Health
from daemon.observe.metrics import Metrics
from daemon.observe.obstacles import STOPPING, server_reasons
from daemon.service.journal_watch import JournalWatch
from daemon.service.obstacle_watch import ObstacleWatch
from daemon.service.systemd import Systemd
from daemon.states import State
from daemon.work.dispatch import Dispatch

TURN_SECONDS = 1.0
CLEAR_SECONDS = 60.0


class StatusTurn:
    """Shows how the daemon is: figures, health, status line and watchdog. It logs each change of a pause once."""

    def __init__(
        self,
        journal: Journal,
        dispatch: Dispatch,
        engine: Engine,
        metrics: Metrics,
        health: Health,
        systemd: Systemd,
        clock: Callable[[], float],
    ) -> None:
        """clock: Unix seconds."""
        self._journal = journal
        self._dispatch = dispatch
        self._engine = engine
        self._metrics = metrics
        self._health = health
        self._systemd = systemd
        self._clock = clock
        self._set_aside: set[tuple[str, str]] = set()  # (server, model)
        self._is_paused = False
        self._missing: frozenset[tuple[str, str]] | None = None  # None = nothing was looked at yet

    def turn(self) -> None:
        """Look at everything once."""
        now = self._clock()
        servers = self._engine.health()
        self._metrics.engine(servers)
        self._log_set_aside(servers)
        self._health.report("engine", any(each.up for each in servers), server_reasons(servers))
        self._end_outage(servers)
        self._metrics.set(series.HEARTBEAT, now)
        try:
            line = self._queue()
        except JournalLocked as error:  # even for reading; we are alive all the same
            line = str(error)
        self._systemd.status(line)
        if self._health.alive()[0]:
            self._systemd.watchdog()

    def _end_outage(self, servers: Sequence[ServerHealth]) -> None:
        """Let photos start at once when a server, or a model of one, is back, instead of when their wait ends.

        The first look counts as a return: an earlier run may have put photos off.
        """
        missing = frozenset(
            (each.server, model) for each in servers for model in ("", *each.set_aside) if model or not each.up
        )
        is_back = self._missing is None or bool(self._missing - missing)
        if is_back and any(each.up for each in servers):
            with suppress(NoRoom, JournalLocked):
                self._dispatch.engine_is_back()
                self._missing = missing
        elif not is_back:
            self._missing = missing

    def _queue(self) -> str:
        """How many photos run and wait, and whether a person pauses the work."""
        counts = self._journal.counts()
        waiting, running = counts.states[State.WAITING], self._dispatch.running
        self._metrics.queue(waiting, running, counts.oldest_admitted_at)
        line = f"{running} running, {waiting} waiting"
        if paused_at := self._paused_at():
            line += f"; paused since {time.strftime('%Y-%m-%d %H:%M', time.localtime(paused_at))}"
        worst = next((each for each in self._health.obstacles if each.name in STOPPING), None)
        return f"{line}; {worst.text}" if worst else line

    def _paused_at(self) -> float | None:
        """Since when a person pauses the work, in Unix seconds; logs when a pause begins or ends."""
        at, by = self._journal.paused_at(), self._journal.paused_by()
        if (at is not None) != self._is_paused:
            self._is_paused = at is not None
            who = f" by {by}" if by else ""
            text = f"Paused{who}: no photo is started until `freisteller resume`." if at else "Work goes on."
            log.log("paused" if at else "resumed", text, level=logging.WARNING if at else logging.INFO, people=True)
            self._dispatch.wake()
        self._metrics.paused(at, by)
        return at

    def _log_set_aside(self, servers: Sequence[ServerHealth]) -> None:
        """Log each model that a server newly sets aside, or uses again."""
        messages = {(each.server, model): each.message for each in servers for model in each.set_aside}
        for (server, model), message in messages.items():
            if (server, model) not in self._set_aside:
                text = f"{server} gets no photos for {model} now. {message}"
                log.log("model_paused", text, level=logging.ERROR, server=server, model=model)
        known = {each.server for each in servers}
        for server, model in sorted(self._set_aside - messages.keys()):
            if server in known:
                text = f"{server} gets photos for {model} again."
                log.log("model_resumed", text, people=True, server=server, model=model)
        self._set_aside = set(messages)


class Housekeeping:
    """Works in a thread of its own."""

    def __init__(
        self,
        status: StatusTurn,
        obstacles: ObstacleWatch,
        journal_watch: JournalWatch,
        dispatch: Dispatch,
        clear_leftovers: Callable[[], object],
        each_minute: Mapping[str, Callable[[], object]],
    ) -> None:
        """clear_leftovers: done while no photo is in work. each_minute: what else is done, by its name in the log."""
        self._status = status
        self.obstacles = obstacles
        self._journal_watch = journal_watch
        self._dispatch = dispatch
        self._clear_leftovers = clear_leftovers
        self._each_minute = dict(each_minute)
        self._barrier = Barrier()

    def look(self) -> None:
        """See and show once how everything is."""
        with self._barrier.around("The look at the journal"):
            self._journal_watch.look()
        with self._barrier.around("The look at what keeps photos from being done"):
            self.obstacles.look()
        with self._barrier.around("The status"):
            self._status.turn()

    def keep(self, stop: threading.Event) -> None:
        """Work until `stop`."""
        cleared = pruned = time.monotonic()
        while not stop.wait(TURN_SECONDS):
            self.look()
            if time.monotonic() - cleared > CLEAR_SECONDS and not self._dispatch.running:
                cleared = time.monotonic()
                with self._barrier.around("The clearing of leftovers"):
                    self._clear_leftovers()  # what a full disk left undone
            if time.monotonic() - pruned > CLEAR_SECONDS:
                pruned = time.monotonic()
                for name, work in self._each_minute.items():
                    with self._barrier.around(name):
                        work()
