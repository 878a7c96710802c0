"""Building everything, recovering, starting, waiting, and stopping in reverse."""

import logging
import socket
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from functools import partial

from daemon import __version__
from daemon.admission import Admission
from daemon.alphas import Alphas
from daemon.batches import Batches
from daemon.budget import MemoryBudget
from daemon.building import build_engine, build_pipeline, memory_for, use_servers, workers_for
from daemon.chronicle import Chronicle, Ending
from daemon.dispatch import Brake, Dispatch
from daemon.engines.contract import Engine
from daemon.errors import BadOrder, BadSettings, JournalDamaged, NoRoom, RootAway
from daemon.findings import known_dead
from daemon.herald import Herald
from daemon.holding import Holding
from daemon.housekeeping import Housekeeping
from daemon.intake.folders import Folders
from daemon.intake.identity import read_identity
from daemon.intake.orders import Orders
from daemon.intake.watcher import Watcher
from daemon.jobs import Job
from daemon.journal import Journal, damage, fact_in
from daemon.lease import Lease
from daemon.locks import Lock
from daemon.observe import logs
from daemon.observe.gpu import Gpus
from daemon.observe.health import Health
from daemon.observe.hooks import Hooks
from daemon.observe.http import StatusServer
from daemon.observe.labels import public_name
from daemon.observe.machine import Machine
from daemon.observe.metrics import Metrics
from daemon.observe.notices import Origin
from daemon.observe.notify import Notifier
from daemon.observe.progress import Progress
from daemon.pipeline import Tick
from daemon.rebuilding import Rebuilding
from daemon.reception import Reception
from daemon.recovery import Recovery
from daemon.reload import Reload
from daemon.returns import Returns
from daemon.routing import Routing
from daemon.settings import Settings
from daemon.verdicts import Verdicts
from daemon.worker import Fate, Worker

JOURNAL = "journal.sqlite3"
FENCED = frozenset({"admit", "publish", "archive", "lay aside"})
STALE_SECONDS = 120.0  # a loop that has not turned for so long hangs
MOST_WORKERS = 256  # that the settings allow; how many there are is for the dispatcher to say
HOPELESS_KNOCKS = 3  # --once: so many photos in a row without an engine, and it stops waiting for one


def _ignore(_: object) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run did: photos done and failed, what is still open, and whether a fault of our own ended it."""

    done: int
    failed: int
    open: int
    broken: bool


class Daemon:
    """One hot folder, one journal, one engine."""

    def __init__(
        self,
        settings: Settings,
        *,
        tell: Callable[[Ending], None] = _ignore,
        say: Callable[[str], None] = _ignore,
        clock: Callable[[], float] = time.time,
        tick: Tick = _ignore,
        engine: Engine | None = None,
        reread: Callable[[], Settings] | None = None,
    ) -> None:
        """Take the locks and open everything, in the order in which things depend on each other; nothing runs yet.

        reread: the settings as they are now, for `reload`; None = they never change.
        Raises BadSettings, AlreadyRunning, RootAway, NoRoom; then nothing stays open.
        """
        self.settings = settings
        self._clock = clock
        self._say = say
        self._given_tick = tick
        self._tick = self._fenced
        self._stop = threading.Event()
        self._tally = _Tally(tell)
        with ExitStack() as doors:
            self._build(doors, engine, say, clock, self._tick)
            self._reload = Reload(settings, reread or (lambda: settings), self._adopt, self._notifier)
            self._doors = doors.pop_all()

    def _build(
        self,
        doors: ExitStack,
        engine: Engine | None,
        say: Callable[[str], None],
        clock: Callable[[], float],
        tick: Tick,
    ) -> None:
        settings = self.settings
        self.folders = Folders(settings.root_path)
        # With the id that the journal knows, an empty mount point is not taken for a new hot folder.
        root_id = self.folders.prepare(_known_root(settings))
        state = settings.state_path(root_id)
        doors.callback(Lock(state / "lock", f"The state directory {state}").release)
        lock = Lock(self.folders.private / "lock", f"The hot folder {settings.root_path}")
        doors.callback(lock.release)
        self._lease = Lease(self.folders.private, locked=lock.held, say=say)
        doors.callback(self._lease.release)
        self._journal_path = state / JOURNAL
        damaged = self._set_damage_aside(say)
        self.journal = Journal(self._journal_path)
        doors.callback(self.journal.close)
        if self.journal.fact("root", root_id) != root_id:
            raise BadSettings(
                f"The journal in {state} belongs to another hot folder than {settings.root_path}. If that is an empty "
                "mount point, mount the share; if there are two hot folders, give each a state_dir of its own; "
                "if the old one was deleted on purpose, remove that state directory."
            )
        self.engine = engine or build_engine(settings, say, root_id)
        doors.callback(self.engine.close)
        self.metrics = Metrics(__version__, self.engine.models, [health.server for health in self.engine.health()])
        if damaged:
            self.metrics.journal_set_aside()
        self.health = Health(stale_seconds=_stale_seconds(settings))
        self._notifier = Notifier()
        self._progress = Progress(self.metrics)
        self._machine = Machine(self.metrics, {"root": settings.root_path, "state": state}, Gpus())
        doors.callback(self._machine.close)
        self._state = state
        self._alphas = Alphas(state / "alphas")
        self._budget = MemoryBudget(memory_for(settings))
        self._herald = self._build_herald(settings)
        self.admission = Admission(self.journal, self.folders, clock, tick)
        self.worker = self._build_worker(settings)
        self._tell_dead(settings)
        self.recovery = Recovery(self.journal, self.folders, self._alphas, settings.dispatch.max_tries)
        self.rebuilding = Rebuilding(self.journal, self.folders)
        self.journal.prioritize(settings.dispatch.priorities)
        self.watcher = Watcher(self.folders, settings.intake, time.monotonic)
        doors.callback(self.watcher.close)
        self._executor = ThreadPoolExecutor(MOST_WORKERS, thread_name_prefix="photo")
        self.dispatch = Dispatch(
            journal=self.journal,
            executor=self._executor,
            run=lambda job: self._progress.follow(job, self.run_job),
            workers=workers_for(settings, self.engine),
            brake=Brake(settings.dispatch.postpone_seconds),
            ready=lambda: self.reception.root_is_there and self._lease.sure,
            unclaimed=lambda: (*self.admission.unclaimed, *self.returns.unclaimed),
            clock=clock,
        )
        self.returns = Returns(
            folders=self.folders,
            journal=self.journal,
            metrics=self.metrics,
            refuse=lambda reject: self.reception.refuse(reject),
            clock=clock,
            tick=tick,
        )
        self.orders = Orders(self.folders, lambda: self.settings, self._build_worker)
        self.holding = Holding(
            folders=self.folders,
            orders=self.orders,
            journal=self.journal,
            metrics=self.metrics,
            clock=time.monotonic,
            quiet_seconds=lambda: self.settings.intake.quiet_seconds,
        )
        self.reception = Reception(
            folders=self.folders,
            watcher=self.watcher,
            admission=self.admission,
            returns=self.returns,
            holding=self.holding,
            worker=self.worker,
            metrics=self.metrics,
            health=self.health,
            clock=clock,
            scan_seconds=settings.intake.scan_seconds,
            say=say,
            wake=self.dispatch.wake,
        )
        self.verdicts = Verdicts(
            folders=self.folders,
            journal=self.journal,
            metrics=self.metrics,
            clock=clock,
            tick=tick,
            scan_seconds=settings.intake.scan_seconds,
        )
        self._housekeeping = Housekeeping(
            journal=self.journal,
            dispatch=self.dispatch,
            engine=self.engine,
            metrics=self.metrics,
            health=self.health,
            notifier=self._notifier,
            tidy_up=lambda: self.recovery.tidy_up(self.worker),
            clock=clock,
            remark=lambda: self._reload.remark,
            keep_days=lambda: self.settings.journal.keep_days,
        )

    def _build_herald(self, settings: Settings) -> Herald:
        origin = Origin(__version__, socket.gethostname(), str(settings.root_path))
        return Herald(
            settings.notify,
            hooks=Hooks(settings.notify, origin, self.metrics),
            batches=Batches(self.journal, self.folders, time.monotonic),
            health=self.health,
            metrics=self.metrics,
            root_trouble=lambda: self.reception.trouble,
            clock=self._clock,
        )

    def _set_damage_aside(self, say: Callable[[str], None]) -> bool:
        """Put a damaged journal out of the way; whether there was one."""
        fault = damage.find(self._journal_path)
        if fault is None:
            return False
        aside = damage.set_aside(self._journal_path, self._clock())
        text = (
            f"The journal was damaged ({fault}) and is set aside as {aside}. A new one goes on with the photos in "
            "work and reads back from their reports what is done; nothing is done twice. Is the disk all right?"
        )
        logs.log("journal_set_aside", text, level=logging.ERROR, path=str(aside))
        say(text)
        return True

    def run_job(self, job: Job) -> Fate:
        """Do a job by the settings and the orders of its start; never raises."""
        try:
            settings = self.orders.settings_for(self.journal.entry(job.id).source)
        except (BadOrder, NoRoom, RootAway) as error:
            return self.worker.hold(job, error)
        worker = self.worker if settings is self.settings else self._build_worker(settings)
        return worker.run(job)

    def _tell_dead(self, settings: Settings) -> None:
        if dead := known_dead(self._state, settings):
            text = ", ".join(f"{' and '.join(names)} of {model}" for model, names in dead.items())
            logs.log("dead_parameters", f"An audit found no difference by {text}: recipes go without.", dead=dead)

    def _build_worker(self, settings: Settings) -> Worker:
        return Worker(
            journal=self.journal,
            folders=self.folders,
            pipeline=build_pipeline(
                settings,
                self.engine,
                alphas=self._alphas,
                notebook=self.journal,
                meter=self._progress,
                budget=self._budget,
                tick=self._tick,
                stopping=self._stop.is_set,
                dead=known_dead(self._state, settings),
                journal=self.journal,
            ),
            routing=Routing(settings.outputs, self._progress, self._tick),
            alphas=self._alphas,
            chronicle=Chronicle(self.metrics, self._tell, self._clock, self._herald.postponed),
            clock=self._clock,
            tick=self._tick,
            max_tries=settings.dispatch.max_tries,
            postpone_seconds=settings.dispatch.postpone_seconds,
            leave_out_equal=settings.intake.equal_content == "skip",
        )

    def _tell(self, ending: Ending) -> None:
        self._herald.ended(ending)
        self._tally.count(ending)

    def _adopt(self, settings: Settings) -> None:
        """Work with other settings from now on, those of `reload.LIVE`; photos in work keep theirs to their end."""
        worker = self._build_worker(settings)  # raises BadSettings, before anything is changed
        use_servers(self.engine, settings)
        self.worker = worker
        self._tell_dead(settings)
        self.journal.prioritize(settings.dispatch.priorities)
        self._budget.resize(memory_for(settings))
        self.health.allow(_stale_seconds(settings))
        self.watcher.adopt(settings.intake)
        self.reception.adopt(settings.intake.scan_seconds)
        self.verdicts.adopt(settings.intake.scan_seconds)
        self._herald.adopt(settings.notify)
        self.dispatch.brake.retune(settings.dispatch.postpone_seconds)
        self.dispatch.resize(workers_for(settings, self.engine))
        if settings.log.level != self.settings.log.level:
            logs.set_level(settings.log.level)
        self.settings = settings

    def stop(self) -> None:
        """Ask everything to end; `run` then returns."""
        self._stop.set()
        self.dispatch.wake()
        self._reload.ask()

    def reload(self) -> None:
        """Read the settings anew, soon."""
        self._reload.ask()

    def close(self) -> None:
        """Close all doors, and nothing else: what is in work stays as it is, as after a crash. May be repeated."""
        self._doors.close()

    def run(self, *, once: bool = False) -> Summary:
        """Work until `stop`; with `once`, until nothing is left to do."""
        threads = [
            self._thread("dispatcher", lambda: self.dispatch.serve(self._stop, self._beat)),
            self._thread("housekeeping", lambda: self._housekeeping.keep(self._stop)),
            self._thread("reload", lambda: self._reload.serve(self._stop)),
        ]
        if not once:
            threads.append(self._thread("verdicts", lambda: self.verdicts.serve(self._stop)))
        if damage.is_large(self._journal_path):
            look = partial(damage.look_closely, self._journal_path, self._stop.is_set)
            threads.append(self._thread("look at the journal", look))
        if self.rebuilding.left_to_do:
            threads.append(self._thread("reading of reports", partial(self.rebuilding.serve, self._stop)))
        try:
            self._open_port()
            self._lease.keep(self.folders.check, self._end)
            self.recover()
            self.engine.start()
            self.watcher.start()
            for thread in threads:
                thread.start()
            self._machine.start()
            self._herald.start()
            self._housekeeping.turn()
            self._notifier.ready()
            if once:
                self.verdicts.turn(settle_seconds=0.0)
                self.reception.receive_once(self._stop, self._nothing_left)
            else:
                self.reception.receive(self._stop)
        except JournalDamaged as error:
            self._note_damage(error)
        finally:
            still_open = self._shut_down(threads)
        return Summary(self._tally.done, self._tally.failed, still_open, self._tally.broken)

    def recover(self) -> None:
        """Bring everything that a crash left in the middle to where it can go on."""
        self.folders.mend()
        found = {
            "unclaimed": self.admission.recover(),
            "put_back": self.returns.recover(),
            **self.recovery.recover(self.worker),
        }
        for how, count in found.items():
            for _ in range(count):
                self.metrics.recovered(how)
            if count:
                logs.log("recovered", f"{count} photos of an earlier run: {how}", how=how, count=count)
        self.health.report("recovery", True)

    def _open_port(self) -> None:
        http = self.settings.http
        if not http.bind:
            return
        port = StatusServer(http.bind, self.metrics, self.health, http.token.get_secret_value(), status=self._status)
        host, number = port.start()
        self._doors.callback(port.close)
        logs.log("http_listening", f"Metrics and health are at http://{host}:{number}/", host=host, port=number)

    def _status(self) -> dict[str, object]:
        """The page /status: photos by their jobs only, for whoever may not read the hot folder."""
        now = time.monotonic()
        running = [
            {"job": each.job, "stage": each.stage, "seconds": round(now - each.began, 1), "attempts": each.attempts}
            for each in self._progress.running()
        ]
        servers = [
            {"server": public_name(each.server), "up": each.up, "in_hand": each.running, "paused": list(each.paused)}
            for each in self.engine.health()
        ]
        return {"freisteller": __version__, "running": running, "servers": servers}

    def _beat(self) -> None:
        self.health.report("dispatcher", True)

    def _thread(self, part: str, work: Callable[[], None]) -> threading.Thread:
        """A thread that dies takes the program with it: half a daemon is worse than none."""

        def serve() -> None:
            try:
                work()
            except JournalDamaged as error:
                self._note_damage(error)
            except Exception as error:  # noqa: BLE001 - whatever it is, the supervisor starts us again
                text = f"The {part} stopped: {type(error).__name__}: {error}"
                logs.log("internal_error", text, level=logging.ERROR, error=error)
                self._tally.broken = True
                self.stop()

        return threading.Thread(target=serve, name=part)

    def _note_damage(self, error: JournalDamaged) -> None:
        """Nobody can work with a damaged journal: end, so that the next start begins a new one."""
        if not self._tally.broken:
            logs.log("journal_damaged", str(error), level=logging.ERROR)
            self._say(str(error))
        self._tally.broken = True
        self.stop()

    def _end(self, reason: str) -> None:
        """Another machine has the hot folder now: nothing here may be touched any more."""
        logs.log("taken_over", reason, level=logging.ERROR)
        self._say(reason)
        self._tally.broken = True
        self.stop()

    def _fenced(self, step: str) -> None:
        """The tick of everything that touches the hot folder: not while somebody else may have it."""
        if step in FENCED:
            self._lease.refuse_unless_sure()
        self._given_tick(step)

    def _nothing_left(self) -> bool:
        if self.dispatch.running:
            return False
        if self.dispatch.brake.failures >= HOPELESS_KNOCKS or self.journal.paused_at() is not None:
            return True
        return self.journal.counts(self._clock()).open == 0

    def _shut_down(self, threads: list[threading.Thread]) -> int:
        """In reverse: no new photos, no new jobs, what runs ends or is handed back, then the doors close."""
        self._notifier.stopping()
        self.stop()
        for thread in threads:
            if thread.ident is not None:
                thread.join()
        deadline = time.monotonic() + self.settings.dispatch.stop_seconds
        while self.dispatch.running and time.monotonic() < deadline:
            time.sleep(0.02)
        self.engine.close()  # what still asks it is answered EngineAway, and postponed
        self._executor.shutdown(wait=True)
        self._herald.close()
        still_open = 0
        with suppress(JournalDamaged):
            still_open = self.journal.counts(self._clock()).open
        self.close()
        return still_open


def _stale_seconds(settings: Settings) -> float:
    return max(STALE_SECONDS, 3 * settings.intake.scan_seconds)


def _known_root(settings: Settings) -> str | None:
    """The id of the root that the journal belongs to; None where the state directory is new or depends on that id."""
    given = settings.given_state_path
    if given is None:
        return None
    try:
        return fact_in(given / JOURNAL, "root")
    except JournalDamaged as error:
        found = read_identity(Folders(settings.root_path).private)
        if found is None:
            raise RootAway(
                f"{settings.root_path} is away or empty, and {error} So nobody knows which share belongs there. "
                f"Mount the right one; for a new hot folder, remove {given}."
            ) from error
        return found


class _Tally:
    """Counts endings on their way to whoever is told."""

    def __init__(self, tell: Callable[[Ending], None]) -> None:
        self._tell = tell
        self._lock = threading.Lock()
        self.done = 0
        self.failed = 0
        self.broken = False

    def count(self, ending: Ending) -> None:
        with self._lock:
            if ending.grade is None:
                self.failed += 1
            else:
                self.done += 1
        self._tell(ending)
