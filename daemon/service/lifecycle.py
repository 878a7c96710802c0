"""Starts a daemon, lets it work, and stops it in reverse."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial

from daemon.engines.contract import Engine
from daemon.errors import JournalDamaged, JournalLocked, NoRoom
from daemon.hotfolder.effects import Tick
from daemon.hotfolder.runtime import Runtime
from daemon.journal import damage
from daemon.logs import log
from daemon.observe import series
from daemon.publishing.job_events import JobEnd
from daemon.service.far_work import start_pool
from daemon.service.open_root import open_root
from daemon.service.open_web import open_web
from daemon.service.reload import Reload, use_settings
from daemon.service.tools import make_tools
from daemon.service.wiring import wire
from daemon.settings import Settings
from daemon.words.counted import counted

AGAIN_SECONDS = 2.0  # after which a part looks again whether the disk of the state directory has room
HOPELESS_FAILURES = 3  # --once: after so many photos in a row without an engine, it stops waiting for one


def _ignore(_: object) -> None:
    """Nobody listens."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run did: how many photos are done, failed, and still open.

    broken: a fault of our own ended the run. wrong_orders: a sentence for each folder whose photos wait in the inbox
    because its freisteller.toml is wrong.
    """

    done: int
    failed: int
    open: int
    broken: bool
    wrong_orders: tuple[str, ...] = ()


class Daemon:
    """One hot folder, one journal, one engine."""

    def __init__(
        self,
        settings: Settings,
        *,
        on_end: Callable[[JobEnd], None] = _ignore,
        clock: Callable[[], float] = time.time,
        tick: Tick = _ignore,
        engine: Engine | None = None,
        reread: Callable[[], Settings] | None = None,
    ) -> None:
        """Take the locks and make all parts; nothing runs yet.

        on_end: is told how each photo ended. reread: returns the settings as they are now, for `reload`; None = they
        never change. Raises BadSettings, AlreadyRunning, RootAway, NoRoom; then nothing stays open.
        """
        self._stop = self.stopping = threading.Event()
        """Set once everything is asked to end."""
        self._lock = threading.Lock()
        self._ended: Counter[bool] = Counter()  # whether a photo has a grade -> photos
        self._broken = False
        runtime = Runtime(clock, tick, self._stop.is_set)
        with ExitStack() as doors:
            opened = open_root(doors, settings, clock)
            tools = make_tools(settings, opened, doors, runtime, engine)
            self.parts = wire(tools, doors, (self._count, on_end))
            self._doors = doors.pop_all()
        apply = partial(use_settings, self.parts)
        self.reloading = Reload(self.parts.settings, reread or (lambda: settings), apply, self.parts.systemd)

    def stop(self) -> None:
        """Ask everything to end; `run` then returns."""
        self.parts.journal.run_end.record_stop()  # first: whoever asked may not wait until the rest is done
        self._stop.set()
        self.parts.journal.patience.end()
        self.parts.dispatch.wake()
        self.parts.watcher.wake()
        self.reloading.ask()

    def close(self) -> None:
        """Close what is open, and do nothing else: work stays as it is, as after a crash. May be repeated."""
        self._doors.close()

    def run(self, *, once: bool = False) -> Summary:
        """Work until `stop`; with `once`, until nothing is left to do."""
        parts, threads = self.parts, self._threads(once)
        try:
            open_web(parts, self._doors)
            parts.opened.lease.keep(parts.folders.check, self._lose_root)
            self._work_or_wait_for_room("recovery", self.recover)
            parts.engine.start()
            parts.watcher.start()
            for thread in threads:
                thread.start()
            parts.machine.start()
            start_pool(parts, parts.dispatch)
            parts.notifications.start()
            parts.housekeeping.look()
            parts.systemd.ready()
            if once:
                parts.verdicts.turn(settle_seconds=0.0)
                parts.late_renditions.turn()
                parts.inbox_loop.receive_once(self._stop, self._nothing_left)
            else:
                parts.inbox_loop.receive(self._stop)
        except JournalDamaged as error:
            self._end_with_damaged_journal(error)
        finally:
            still_open = self._shut_down(threads)
        wrong_orders = parts.arrivals.bad_orders.messages
        return Summary(self._ended[True], self._ended[False], still_open, self._broken, wrong_orders)

    def recover(self) -> None:
        """Bring everything that a crash left in the middle to where it can go on."""
        parts = self.parts
        parts.folders.jobs.finish_interrupted_claims(parts.runtime.tick)
        parts.verdicts.recover()
        recovered = {**parts.arrivals.recover(), **parts.recovery.recover(), "half_sent": parts.uploads.open()}
        parts.deeds.recover()
        for how, count in recovered.items():
            parts.metrics.count(series.RECOVERED_JOBS, count, how=how)
            if count:
                log.log("recovered", f"{counted(count, 'photo')} of an earlier run: {how}", how=how, count=count)
        parts.health.report("recovery", True)

    def _threads(self, once: bool) -> list[threading.Thread]:
        parts, stop = self.parts, self._stop
        beat = partial(parts.health.report, "dispatcher", True)
        works: dict[str, Callable[[], object]] = {
            "dispatcher": partial(parts.dispatch.serve, stop, beat),
            "housekeeping": partial(parts.housekeeping.keep, stop),
            "reload": partial(self.reloading.serve, stop),
        }
        if not once:
            works["verdicts"] = partial(parts.verdicts.serve, stop)
            works["renditions of new grades"] = partial(parts.late_renditions.serve, stop)
            if parts.shop_sending.shops:
                works["sending to shops"] = partial(parts.shop_sending.serve, stop)
        path = parts.opened.journal_path
        if damage.is_large(path):
            works["check of the journal"] = partial(damage.look_closely, path, stop.is_set)
        if parts.reading_back.left_to_do:
            works["reading of reports"] = partial(parts.reading_back.serve, stop)
        return [threading.Thread(target=self._serve, args=(name, work), name=name) for name, work in works.items()]

    def _serve(self, part: str, work: Callable[[], object]) -> None:
        """Do a part's work. A part that dies ends the program: half a daemon is worse than none."""
        try:
            self._work_or_wait_for_room(part, work)
        except JournalDamaged as error:
            self._end_with_damaged_journal(error)
        except Exception as error:  # noqa: BLE001 - whatever it is, the supervisor starts us again
            text = f"The {part} stopped: {type(error).__name__}: {error}"
            log.log("internal_error", text, level=logging.ERROR, error=error)
            self._break_off()

    def _work_or_wait_for_room(self, part: str, work: Callable[[], object]) -> None:
        """Do a part's work, anew each time that the journal has no room, until it succeeds or the daemon stops."""
        while True:
            try:
                work()
            except NoRoom as error:
                if self._stop.is_set():
                    return
                if isinstance(error, JournalLocked):
                    self.parts.journal_watch.look()
                else:
                    self.parts.refusals.met(error)
                    log.log("waits_for_room", f"The {part} waits: {error}", level=logging.WARNING, part=part)
                self._stop.wait(AGAIN_SECONDS)
            else:
                return

    def _end_with_damaged_journal(self, error: JournalDamaged) -> None:
        """Nobody can work with a damaged journal. The next start makes a new one."""
        if not self._broken:
            log.log("journal_damaged", str(error), level=logging.ERROR)
        self._break_off()

    def _lose_root(self, reason: str) -> None:
        """Another machine has the hot folder now, so we may not touch anything in it."""
        log.log("taken_over", reason, level=logging.ERROR)
        self._break_off()

    def _break_off(self) -> None:
        self._broken = True
        self.stop()

    def _count(self, end: JobEnd) -> None:
        with self._lock:
            self._ended[end.grade is not None] += 1

    def _nothing_left(self) -> bool:
        parts = self.parts
        if parts.dispatch.running:
            return False
        if parts.dispatch.backoff.failures >= HOPELESS_FAILURES or parts.journal.paused_at() is not None:
            return True
        return self._open_jobs() == 0

    def _open_jobs(self) -> int:
        return self.parts.journal.counts().open

    def _shut_down(self, threads: list[threading.Thread]) -> int:
        """Stop in reverse: no new photos, no new jobs, running jobs end or are handed back, then everything closes.

        Returns how many jobs are still open.
        """
        parts = self.parts
        parts.systemd.stopping()
        self.stop()
        deadline = time.monotonic() + parts.settings.now.dispatch.stop_seconds
        started = [thread for thread in threads if thread.ident is not None]
        for thread in started:
            thread.join(max(0.0, deadline - time.monotonic()))
        while parts.dispatch.running and time.monotonic() < deadline:
            time.sleep(0.02)
        parts.engine.close()  # jobs that still ask it get EngineAway, and are put off
        if parts.pool is not None:
            parts.pool.close()
        parts.witnesses.close()
        parts.workers.close()  # and so do those that are still read, judged or written
        for thread in started:
            thread.join()  # whoever still works may change something, so nothing closes before that
        parts.executor.shutdown(wait=True)
        with suppress(NoRoom, JournalDamaged):
            parts.dispatch.undo_stranded(parts.runtime.clock())  # perhaps the journal can be written by now
        parts.notifications.close()
        still_open = 0
        with suppress(JournalDamaged, JournalLocked):
            still_open = self._open_jobs()
        self.close()
        return still_open
