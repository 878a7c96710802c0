"""Building everything, recovering, starting, waiting, and stopping in reverse."""

import logging
import os
import shutil
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from daemon import __version__
from daemon.admission import Admission
from daemon.alphas import Alphas
from daemon.chronicle import Chronicle, Ending
from daemon.dispatch import Brake, Dispatch
from daemon.engines.contract import Engine
from daemon.errors import BadSettings, NoRoom, RootAway
from daemon.intake.folders import Folders
from daemon.intake.watcher import Watcher
from daemon.jobs import State
from daemon.journal import Journal
from daemon.judgement.grading import Thresholds
from daemon.judgement.strategy import Strategy
from daemon.locks import Lock
from daemon.observe import logs
from daemon.observe.health import Health
from daemon.observe.http import StatusServer
from daemon.observe.metrics import Metrics
from daemon.observe.notify import Notifier
from daemon.pipeline import Notebook, Pipeline, Tick
from daemon.routing import Routing
from daemon.settings import Settings
from daemon.worker import Worker

HOUSEKEEPING_SECONDS = 1.0
TIDY_SECONDS = 60.0
HOPELESS_KNOCKS = 3  # --once: so many photos in a row without an engine, and it stops waiting for one


def build_engine(settings: Settings, say: Callable[[str], None]) -> Engine:
    """The engine that the settings ask for; its libraries are imported here, and only its own."""
    if settings.engine_in_use == "comfyui":
        from daemon.engines.pool import ComfyUIEngine

        return ComfyUIEngine(settings.comfyui)
    from daemon.engines.local import LocalEngine

    return LocalEngine(settings.engine.local, _cores(), say)


def _ignore(_: object) -> None:
    """Nobody wants to know."""


def _cores() -> int:
    return len(os.sched_getaffinity(0))


def build_pipeline(
    settings: Settings,
    engine: Engine,
    *,
    alphas: Alphas,
    notebook: Notebook,
    metrics: Metrics,
    tick: Tick,
    stopping: Callable[[], bool],
) -> Pipeline:
    """The way from photo to outcome. Raises BadSettings where no rung of the ladder fits the engine."""
    ladder = Strategy(
        settings.strategy.ladder,
        engine.models,
        settings.engine.local.model,
        settings.strategy.max_attempts,
        settings.strategy.min_gain,
    )
    if ladder.next_recipe(()) is None:
        raise BadSettings(
            f"strategy.ladder names no model that the engine in use has (it has: {', '.join(engine.models) or 'none'})."
        )
    return Pipeline(
        engine=engine,
        strategy=ladder,
        thresholds=Thresholds(settings.grading.sehr_gut, settings.grading.gut),
        alphas=alphas,
        notebook=notebook,
        meter=metrics,
        proxy_pixels=settings.engine.proxy_pixels,
        max_megapixels=settings.intake.max_megapixels,
        search_finishes=settings.strategy.finishes,
        tick=tick,
        stopping=stopping,
    )


def workers_for(settings: Settings, engine: Engine) -> int:
    """Photos in work at once: enough that the engine never waits while others are read, judged or written."""
    if settings.dispatch.workers:
        return settings.dispatch.workers
    return engine.slots if settings.engine_in_use == "local" else engine.slots + _cores()


@dataclass(frozen=True, slots=True)
class Summary:
    """What a run did: photos done and failed, and what is still open."""

    done: int
    failed: int
    open: int


class Daemon:
    """One hot folder, one journal, one engine; built here, in the order in which things depend on each other."""

    def __init__(
        self,
        settings: Settings,
        *,
        tell: Callable[[Ending], None] = _ignore,
        say: Callable[[str], None] = _ignore,
        clock: Callable[[], float] = time.time,
        tick: Tick = _ignore,
        engine: Engine | None = None,
    ) -> None:
        """Take the locks and open everything; nothing runs yet.

        Raises BadSettings, AlreadyRunning, RootAway, NoRoom.
        """
        self.settings = settings
        self._say = say
        self._clock = clock
        self._stop = threading.Event()
        self._done = 0
        self._failed = 0
        self.folders = Folders(settings.root_path)
        root_id = self.folders.prepare()
        self._locks = (
            Lock(settings.state_path / "lock", f"The state directory {settings.state_path}"),
            Lock(self.folders.private / "lock", f"The hot folder {settings.root_path}"),
        )
        self.journal = Journal(settings.state_path / "journal.sqlite3")
        if self.journal.fact("root", root_id) != root_id:
            raise BadSettings(
                f"The journal in {settings.state_path} belongs to another hot folder than {settings.root_path}. "
                "Give each hot folder a state_dir of its own."
            )
        self.engine = engine or build_engine(settings, say)
        servers = [health.server for health in self.engine.health()]
        self.metrics = Metrics(__version__, self.engine.models, servers)
        self.health = Health()
        self._http = StatusServer(settings.http.bind, self.metrics, self.health) if settings.http.bind else None
        self._notifier = Notifier()
        chronicle = Chronicle(self.metrics, self._counted(tell), clock)
        alphas = Alphas(settings.state_path / "alphas")
        self.admission = Admission(self.journal, self.folders, clock, tick)
        self.worker = Worker(
            journal=self.journal,
            folders=self.folders,
            pipeline=build_pipeline(
                settings,
                self.engine,
                alphas=alphas,
                notebook=self.journal,
                metrics=self.metrics,
                tick=tick,
                stopping=self._stop.is_set,
            ),
            routing=Routing(settings.outputs, self.metrics, tick),
            alphas=alphas,
            chronicle=chronicle,
            clock=clock,
            tick=tick,
            max_tries=settings.dispatch.max_tries,
            postpone_seconds=settings.dispatch.postpone_seconds,
        )
        self.watcher = Watcher(self.folders, settings.intake, time.monotonic)
        workers = workers_for(settings, self.engine)
        self._executor = ThreadPoolExecutor(workers, thread_name_prefix="photo")
        self.dispatch = Dispatch(
            journal=self.journal,
            executor=self._executor,
            run=self.worker.run,
            workers=workers,
            brake=Brake(settings.dispatch.postpone_seconds),
            ready=self._root_is_there,
            unclaimed=lambda: self.admission.unclaimed,
            clock=clock,
        )
        self._root_there = True

    def _counted(self, tell: Callable[[Ending], None]) -> Callable[[Ending], None]:
        lock = threading.Lock()

        def count(ending: Ending) -> None:
            with lock:
                if ending.grade is None:
                    self._failed += 1
                else:
                    self._done += 1
                tell(ending)

        return count

    def stop(self) -> None:
        """Ask everything to end; `run` then returns."""
        self._stop.set()
        self.dispatch.wake()

    def run(self, *, once: bool = False) -> Summary:
        """Work until `stop`; with `once`, until nothing is left to do."""
        threads = [
            threading.Thread(target=self._serve, args=("dispatcher", self._dispatch), name="dispatch"),
            threading.Thread(target=self._serve, args=("housekeeping", self._keep_house), name="housekeeping"),
        ]
        try:
            if self._http:
                host, port = self._http.start()
                logs.log("http_listening", f"Metrics and health are at http://{host}:{port}/", host=host, port=port)
            self.recover()
            self.engine.start()
            self.watcher.start()
            for thread in threads:
                thread.start()
            self.health.report("recovery", True)
            self._notifier.ready()
            self._watch(once)
        finally:
            self._shut_down([thread for thread in threads if thread.is_alive()])
        return Summary(self._done, self._failed, self._open_at_end)

    def recover(self) -> None:
        """Bring everything that a crash left in the middle to where it can go on."""
        for how, count in {"claimed": self.admission.recover(), **self.worker.recover()}.items():
            for _ in range(count):
                self.metrics.recovered(how)
            if count:
                logs.log("recovered", f"{count} photos of an earlier run: {how}", how=how, count=count)

    def _serve(self, part: str, work: Callable[[], None]) -> None:
        """A thread that dies takes the program with it: half a daemon is worse than none."""
        try:
            work()
        except Exception as error:
            logs.log("internal_error", f"The {part} stopped: {type(error).__name__}: {error}", level=logging.ERROR)
            self.health.report(part, False, str(error))
            self.stop()
            raise

    def _dispatch(self) -> None:
        self.dispatch.serve(self._stop, lambda: self.health.report("dispatcher", True))

    def _watch(self, once: bool) -> None:
        """The intake's round: scan, admit, refuse, sleep."""
        while not self._stop.is_set():
            self.health.report("watcher", True)
            try:
                self.folders.check()
                scan = self.watcher.scan(urgent=once)
                self._note_root(None)
                for refused in scan.rejected:
                    give_up = partial(self.worker.give_up, reason=refused.reason, kind="bad_photo")
                    self.admission.refuse(refused.source, refused.name, self._size_of(refused.source), give_up)
                for arrival in scan.ready:
                    self.metrics.photo_seen(arrival.found_by)
                    self.metrics.completeness_waited(arrival.waited_seconds)
                    self.admission.admit(arrival.source, arrival.name, arrival.size_bytes)
                    self.dispatch.wake()
            except (RootAway, NoRoom) as error:
                self._note_root(error)
                if once:
                    return
                self._stop.wait(self.settings.intake.scan_seconds)
                continue
            for reason, count in scan.ignored.items():
                self.metrics.photos_ignored(reason, count)
                logs.log("ignored", f"{count} new in inbox/ left alone: {reason}", reason=reason, count=count)
            self.metrics.incomplete(scan.incomplete)
            self.metrics.scanned(self._clock())
            if once and not scan.incomplete and self._nothing_left():
                return
            self.watcher.wait(0.05 if once and not scan.incomplete else scan.next_look_seconds, self._stop)

    @staticmethod
    def _size_of(path: Path) -> int:
        try:
            return path.lstat().st_size
        except OSError:
            return 0

    def _nothing_left(self) -> bool:
        if self.dispatch.running:
            return False
        if self.dispatch.brake.failures >= HOPELESS_KNOCKS:
            return True
        return self.journal.counts(self._clock()).open == 0

    def _root_is_there(self) -> bool:
        return self._root_there

    def _note_root(self, trouble: Exception | None) -> None:
        there = trouble is None
        if there != self._root_there:
            text = str(trouble) if trouble else f"The hot folder {self.settings.root_path} is back."
            logs.log("root_away" if trouble else "root_back", text, level=logging.ERROR if trouble else logging.INFO)
            self._say(text)
        self._root_there = there
        self.metrics.root_reachable(there)
        self.health.report("root", there, str(trouble or ""))
        if there:
            self.dispatch.wake()

    def _keep_house(self) -> None:
        """Once a second: gauges, health, the watchdog; now and then what a full disk left undone."""
        tidied = time.monotonic()
        while not self._stop.wait(HOUSEKEEPING_SECONDS):
            now = self._clock()
            counts = self.journal.counts(now)
            self.metrics.queue(counts.states[State.WAITING], self.dispatch.running, counts.oldest_admitted_at)
            healths = self.engine.health()
            self.metrics.engine(healths)
            troubles = "; ".join(f"{each.server}: {each.message or 'away'}" for each in healths if not each.up)
            self.health.report("engine", any(each.up for each in healths), troubles)
            self.metrics.heartbeat(now)
            for mount, path in (("root", self.settings.root_path), ("state", self.settings.state_path)):
                if path.exists():
                    self.metrics.disk_free(mount, shutil.disk_usage(path).free)
            self._notifier.status(f"{self.dispatch.running} running, {counts.states[State.WAITING]} waiting")
            if self.health.alive()[0]:
                self._notifier.watchdog()
            if time.monotonic() - tidied > TIDY_SECONDS and self._root_there and not self.dispatch.running:
                self.worker.tidy_up()
                tidied = time.monotonic()

    def _shut_down(self, threads: list[threading.Thread]) -> None:
        """In reverse: no new photos, no new jobs, what runs ends or is handed back, then the doors close."""
        self._notifier.stopping()
        self.stop()
        for thread in threads:
            thread.join()
        self.watcher.close()
        deadline = time.monotonic() + self.settings.dispatch.stop_seconds
        while self.dispatch.running and time.monotonic() < deadline:
            time.sleep(0.02)
        self.engine.close()
        self._executor.shutdown(wait=True)
        self._open_at_end = self.journal.counts(self._clock()).open
        if self._http:
            self._http.close()
        self.journal.close()
        for lock in self._locks:
            lock.release()


def stop_on_signals(stop: Callable[[], None]) -> None:
    """SIGINT and SIGTERM end the work in order; the second one ends it at once, which loses nothing either."""
    asked = threading.Event()

    def handle(number: int, frame: object) -> None:
        del frame
        if asked.is_set():
            os._exit(128 + number)
        asked.set()
        stop()

    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, handle)
