"""Starting a daemon, recovering, waiting, and stopping in reverse."""

import logging
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial

from daemon import __version__
from daemon.engines.contract import Engine
from daemon.errors import JournalDamaged, NoRoom
from daemon.hotfolder.effects import Tick
from daemon.hotfolder.runtime import Runtime
from daemon.journal import damage
from daemon.logs import log
from daemon.observe import series
from daemon.observe.labels import public_name
from daemon.observe.status_port import StatusServer
from daemon.publishing.job_events import JobEnd
from daemon.service import open_root
from daemon.service.wiring import Assembly
from daemon.settings import Settings

AGAIN_SECONDS = 2.0  # after which a part looks again whether the disk of the state directory has room
HOPELESS_KNOCKS = 3  # --once: so many photos in a row without an engine, and it stops waiting for one


def _ignore(_: object) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run did: photos done and failed, what is still open, and whether a fault of our own ended it.

    wrong_orders: a sentence for each folder whose photos wait in the inbox because its order is wrong.
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
        print_line: Callable[[str], None] = _ignore,
        clock: Callable[[], float] = time.time,
        tick: Tick = _ignore,
        engine: Engine | None = None,
        reread: Callable[[], Settings] | None = None,
    ) -> None:
        """Take the locks and open everything, in the order in which things depend on each other; nothing runs yet.

        reread: the settings as they are now, for `reload`; None = they never change.
        Raises BadSettings, AlreadyRunning, RootAway, NoRoom; then nothing stays open.
        """
        self._clock = clock
        self._print_line = print_line
        self._stop = threading.Event()
        self._tally = _Tally()
        with ExitStack() as doors:
            entered = open_root.enter(doors, settings, clock, print_line)
            self._journal_path = entered.journal_path
            self.parts = Assembly(
                settings,
                entered,
                doors,
                engine=engine,
                on_end=(self._tally.count, on_end),
                print_line=print_line,
                runtime=Runtime(clock, tick, self._stop.is_set),
                reread=reread or (lambda: settings),
            )
            self._doors = doors.pop_all()

    def stop(self) -> None:
        """Ask everything to end; `run` then returns."""
        self._stop.set()
        self.parts.dispatch.wake()
        self.parts.reload.ask()

    def reload(self) -> None:
        """Read the settings anew, soon."""
        self.parts.reload.ask()

    def close(self) -> None:
        """Close all doors, and nothing else: what is in work stays as it is, as after a crash. May be repeated."""
        self._doors.close()

    def run(self, *, once: bool = False) -> Summary:
        """Work until `stop`; with `once`, until nothing is left to do."""
        threads = [
            self._thread("dispatcher", lambda: self.parts.dispatch.serve(self._stop, self._beat)),
            self._thread("housekeeping", lambda: self.parts.housekeeping.keep(self._stop)),
            self._thread("reload", lambda: self.parts.reload.serve(self._stop)),
        ]
        if not once:
            threads.append(self._thread("verdicts", lambda: self.parts.verdicts.serve(self._stop)))
        if damage.is_large(self._journal_path):
            look = partial(damage.look_closely, self._journal_path, self._stop.is_set)
            threads.append(self._thread("look at the journal", look))
        if self.parts.reading_back.left_to_do:
            threads.append(self._thread("reading of reports", partial(self.parts.reading_back.serve, self._stop)))
        try:
            self._open_port()
            self.parts.lease.keep(self.parts.folders.check, self._end)
            while not self._served("recovery", self.recover):
                self._stop.wait(AGAIN_SECONDS)
            self.parts.engine.start()
            self.parts.watcher.start()
            for thread in threads:
                thread.start()
            self.parts.machine.start()
            self.parts.notifications.start()
            self.parts.housekeeping.turn()
            self.parts.systemd.ready()
            if once:
                self.parts.verdicts.turn(settle_seconds=0.0)
                self.parts.inbox_loop.receive_once(self._stop, self._nothing_left)
            else:
                self.parts.inbox_loop.receive(self._stop)
        except JournalDamaged as error:
            self._note_damage(error)
        finally:
            still_open = self._shut_down(threads)
        return Summary(
            self._tally.done, self._tally.failed, still_open, self._tally.broken, self.parts.bad_orders.messages
        )

    def recover(self) -> None:
        """Bring everything that a crash left in the middle to where it can go on."""
        self.parts.folders.jobs.finish_interrupted_claims()
        found = {
            "unclaimed": self.parts.admission.recover(),
            "put_back": self.parts.put_backs.recover(),
            **self.parts.recovery.recover(),
        }
        for how, count in found.items():
            self.parts.metrics.count(series.RECOVERED_JOBS, count, how=how)
            if count:
                log.log("recovered", f"{count} photos of an earlier run: {how}", how=how, count=count)
        self.parts.health.report("recovery", True)

    def _open_port(self) -> None:
        http = self.parts.settings.now.http
        if not http.bind:
            return
        port = StatusServer(
            http.bind, self.parts.metrics, self.parts.health, http.token.get_secret_value(), status=self._status
        )
        host, number = port.start()
        self._doors.callback(port.close)
        log.log("http_listening", f"Metrics and health are at http://{host}:{number}/", host=host, port=number)

    def _status(self) -> dict[str, object]:
        """The page /status: photos by their jobs only, for whoever may not read the hot folder."""
        now = time.monotonic()
        running = [
            {"job": each.job, "stage": each.stage, "seconds": round(now - each.began, 1), "attempts": each.attempts}
            for each in self.parts.progress.running()
        ]
        servers = [
            {"server": public_name(each.server), "up": each.up, "in_hand": each.running, "paused": list(each.set_aside)}
            for each in self.parts.engine.health()
        ]
        return {"freisteller": __version__, "running": running, "servers": servers}

    def _beat(self) -> None:
        self.parts.health.report("dispatcher", True)

    def _thread(self, part: str, work: Callable[[], None]) -> threading.Thread:
        """A thread that dies takes the program with it: half a daemon is worse than none."""

        def serve() -> None:
            try:
                while not self._served(part, work):
                    self._stop.wait(AGAIN_SECONDS)
            except JournalDamaged as error:
                self._note_damage(error)
            except Exception as error:  # noqa: BLE001 - whatever it is, the supervisor starts us again
                text = f"The {part} stopped: {type(error).__name__}: {error}"
                log.log("internal_error", text, level=logging.ERROR, error=error)
                self._tally.broken = True
                self.stop()

        return threading.Thread(target=serve, name=part)

    def _served(self, part: str, work: Callable[[], None]) -> bool:
        """Whether a part went round until its end; not where the journal had no room, which is waited for."""
        try:
            work()
        except NoRoom as error:
            if not self._stop.is_set():
                self.parts.notifications.postponed(error.reason, str(error))
                log.log("waits_for_room", f"The {part} waits: {error}", level=logging.WARNING, part=part)
                return False
        return True

    def _note_damage(self, error: JournalDamaged) -> None:
        """Nobody can work with a damaged journal: end, so that the next start begins a new one."""
        if not self._tally.broken:
            log.log("journal_damaged", str(error), level=logging.ERROR)
            self._print_line(str(error))
        self._tally.broken = True
        self.stop()

    def _end(self, reason: str) -> None:
        """Another machine has the hot folder now: nothing here may be touched any more."""
        log.log("taken_over", reason, level=logging.ERROR)
        self._print_line(reason)
        self._tally.broken = True
        self.stop()

    def _nothing_left(self) -> bool:
        if self.parts.dispatch.running:
            return False
        if self.parts.dispatch.brake.failures >= HOPELESS_KNOCKS or self.parts.journal.paused_at() is not None:
            return True
        return self.parts.journal.counts(self._clock()).open == 0

    def _shut_down(self, threads: list[threading.Thread]) -> int:
        """In reverse: no new photos, no new jobs, what runs ends or is handed back, then the doors close."""
        self.parts.systemd.stopping()
        self.stop()
        for thread in threads:
            if thread.ident is not None:
                thread.join()
        deadline = time.monotonic() + self.parts.settings.now.dispatch.stop_seconds
        while self.parts.dispatch.running and time.monotonic() < deadline:
            time.sleep(0.02)
        self.parts.engine.close()  # what still asks it is answered EngineAway, and postponed
        self.parts.executor.shutdown(wait=True)
        self.parts.notifications.close()
        still_open = 0
        with suppress(JournalDamaged):
            still_open = self.parts.journal.counts(self._clock()).open
        self.close()
        return still_open


class _Tally:
    """Counts how photos ended."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.done = 0
        self.failed = 0
        self.broken = False

    def count(self, ending: JobEnd) -> None:
        with self._lock:
            if ending.grade is None:
                self.failed += 1
            else:
                self.done += 1
