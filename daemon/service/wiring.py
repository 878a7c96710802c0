"""Putting the parts of a daemon together, in the order in which they depend on each other; nothing runs yet."""

import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import replace

from daemon import __version__
from daemon.engines.contract import Engine
from daemon.hotfolder.effects import Effect
from daemon.hotfolder.job_locks import JobLocks
from daemon.hotfolder.orders import Orders
from daemon.hotfolder.root_condition import RootCondition
from daemon.hotfolder.runtime import Runtime
from daemon.intake.admission import Admission
from daemon.intake.watcher import Watcher
from daemon.journal.alphas import Alphas
from daemon.journal.audit_results import known_dead
from daemon.logs import log
from daemon.notify.batch_sheets import BatchSheets
from daemon.notify.batches import Batches
from daemon.notify.hooks import Hooks
from daemon.notify.notices import Origin
from daemon.notify.notifications import Notifications
from daemon.observe import series
from daemon.observe.gpu import Gpus
from daemon.observe.health import Health
from daemon.observe.machine import Machine
from daemon.observe.metrics import Metrics
from daemon.people.bad_orders import BadOrders
from daemon.people.next_round import NextRound
from daemon.people.person_grades import PersonGrades
from daemon.people.put_backs import PutBacks
from daemon.people.verdicts import Verdicts
from daemon.publishing.job_events import JobEnd, JobEvents
from daemon.publishing.publisher import Publisher
from daemon.publishing.reading_back import ReadingBack
from daemon.publishing.staging import Staging
from daemon.service.choose_engine import build_engine, memory_for, use_servers, workers_for
from daemon.service.housekeeping import Housekeeping
from daemon.service.inbox_loop import InboxLoop
from daemon.service.open_root import OpenRoot
from daemon.service.reload import Reload
from daemon.service.systemd import Systemd
from daemon.service.task_runner import TaskRunner
from daemon.settings import Settings
from daemon.settings.current import CurrentSettings
from daemon.work.dispatch import Brake, Dispatch
from daemon.work.job_runner import JobRunner
from daemon.work.memory_budget import MemoryBudget
from daemon.work.pipeline import Pipeline
from daemon.work.progress import Progress
from daemon.work.recovery import Recovery

STALE_SECONDS = 120.0  # a loop that has not turned for so long hangs
MOST_WORKERS = 256  # that the settings allow; how many there are is for the dispatcher to say


class Assembly:
    """All parts, each known to those that need it."""

    def __init__(
        self,
        settings: Settings,
        premises: OpenRoot,
        doors: ExitStack,
        *,
        engine: Engine | None,
        on_end: Sequence[Callable[[JobEnd], None]],
        print_line: Callable[[str], None],
        runtime: Runtime,
        reread: Callable[[], Settings],
    ) -> None:
        """Open what is to be opened; `doors` closes it again. Raises BadSettings.

        on_end: are told how each photo ended. reread: the settings as they
        are now. engine: None = the one that the settings ask for.
        """
        self.settings = CurrentSettings(settings)
        self.locks = JobLocks()
        self.lease = premises.lease
        self.root = RootCondition(premises.lease)
        self._premises = premises
        self._on_end = on_end
        self.runtime = replace(runtime, tick=self._fenced)
        self._given_tick = runtime.tick
        clock = runtime.clock
        self.folders = premises.folders
        self.journal = premises.journal
        self._budget = MemoryBudget(memory_for(settings))
        self.engine = engine or build_engine(settings, print_line, self._premises.root_id, lambda: self._budget.crowded)
        doors.callback(self.engine.close)
        self.metrics = Metrics(__version__, self.engine.models, [health.server for health in self.engine.health()])
        if premises.damaged:
            self.metrics.count(series.JOURNAL_DAMAGED)
        self.health = Health(stale_seconds=_stale_seconds(settings))
        self.systemd = Systemd()
        self.progress = Progress(self.metrics)
        self.machine = Machine(self.metrics, {"root": settings.root_path, "state": premises.state}, Gpus())
        doors.callback(self.machine.close)
        self._alphas = Alphas(premises.state / "alphas")
        self.notifications = self._build_herald(settings)
        self.admission = Admission(self.journal, self.folders, self.runtime)
        job_events = JobEvents(
            self.metrics,
            clock,
            on_end=(self.notifications.ended, *on_end),
            on_postponed=(self.notifications.postponed,),
        )
        staging = Staging(self.progress, self.runtime.tick)
        self.publisher = Publisher(
            self.journal,
            self.folders,
            alphas=self._alphas,
            staging=staging,
            job_events=job_events,
            locks=self.locks,
            runtime=self.runtime,
        )
        self.pipeline = Pipeline(
            self.engine,
            alphas=self._alphas,
            recorder=self.journal,
            meter=self.progress,
            budget=self._budget,
            runtime=self.runtime,
        )
        self._go_without_dead(settings)
        self.pipeline.strategy(settings)  # raises BadSettings, before anything begins
        self.job_runner = JobRunner(
            self.journal,
            self.folders,
            pipeline=self.pipeline,
            staging=staging,
            publisher=self.publisher,
            job_events=job_events,
            runtime=self.runtime,
        )
        self.recovery = Recovery(self.journal, self.folders, self._alphas, self.publisher, settings)
        self.reading_back = ReadingBack(self.journal, self.folders)
        self.journal.turns.prioritize(settings.dispatch.priorities)
        self.watcher = Watcher(self.folders, settings.intake, time.monotonic)
        doors.callback(self.watcher.close)
        self.executor = ThreadPoolExecutor(MOST_WORKERS, thread_name_prefix="photo")
        self.orders = Orders(self.folders, self.settings, self.pipeline.strategy)
        self.task_runner = TaskRunner(self.journal, self.orders, self.job_runner, self.progress, self.settings)
        self.dispatch = Dispatch(
            journal=self.journal,
            executor=self.executor,
            run=self.task_runner.run,
            workers=workers_for(settings, self.engine),
            brake=Brake(settings.dispatch.postpone_seconds),
            root=self.root,
            clock=clock,
        )
        next_round = NextRound(self.folders, self.journal, self.metrics, self.runtime)
        self.put_backs = PutBacks(self.folders, self.journal, next_round, self.locks, self.runtime)
        self.bad_orders = BadOrders(
            folders=self.folders,
            orders=self.orders,
            journal=self.journal,
            metrics=self.metrics,
            clock=time.monotonic,
            settings=self.settings,
        )
        self.inbox_loop = InboxLoop(
            folders=self.folders,
            condition=self.root,
            watcher=self.watcher,
            admission=self.admission,
            put_backs=self.put_backs,
            bad_orders=self.bad_orders,
            publisher=self.publisher,
            metrics=self.metrics,
            health=self.health,
            clock=clock,
            settings=self.settings,
            print_line=print_line,
            wake=self.dispatch.wake,
        )
        grades = PersonGrades(self.folders, self.journal, self.metrics, self.runtime)
        self.verdicts = Verdicts(self.folders, self.journal, grades, self.locks, self.settings)
        self.housekeeping = Housekeeping(
            journal=self.journal,
            dispatch=self.dispatch,
            engine=self.engine,
            metrics=self.metrics,
            health=self.health,
            systemd=self.systemd,
            tidy_up=self.recovery.clear_leftovers,
            clock=clock,
            settings=self.settings,
        )
        self.reload = Reload(self.settings, reread, self._use_settings, self.systemd)

    def _build_herald(self, settings: Settings) -> Notifications:
        origin = Origin(__version__, socket.gethostname(), str(settings.root_path))
        self.hooks = Hooks(settings.notify, origin, self.metrics)
        return Notifications(
            self.settings,
            hooks=self.hooks,
            batches=Batches(self.journal, self.folders, self.metrics, time.monotonic),
            sheets=BatchSheets(self.folders, self.settings),
            health=self.health,
            root=self.root,
            clock=self.runtime.clock,
        )

    def _go_without_dead(self, settings: Settings) -> None:
        """Leave the parameters out of recipes that the last audit found to change nothing."""
        self.pipeline.dead = dead = known_dead(self._premises.state, settings)
        if dead:
            text = ", ".join(f"{' and '.join(names)} of {model}" for model, names in dead.items())
            log.log("dead_parameters", f"An audit found no difference by {text}: recipes go without.", dead=dead)

    def _fenced(self, effect: Effect) -> None:
        """The tick of everything that touches the hot folder: not while somebody else may have it."""
        if effect.fenced:
            self.lease.refuse_unless_sure()
        self._given_tick(effect)

    def _use_settings(self, settings: Settings) -> None:
        """Work with other settings from now on, those of `reload.LIVE`; photos in work keep theirs to their end."""
        self.pipeline.strategy(settings)  # raises BadSettings, before anything is changed
        use_servers(self.engine, settings)
        self._go_without_dead(settings)
        self.journal.turns.prioritize(settings.dispatch.priorities)
        self._budget.resize(memory_for(settings))
        self.health.allow(_stale_seconds(settings))
        self.watcher.use_settings(settings.intake)
        self.hooks.use_settings(settings.notify)
        self.dispatch.brake.retune(settings.dispatch.postpone_seconds)
        self.dispatch.resize(workers_for(settings, self.engine))
        if settings.log.level != self.settings.now.log.level:
            log.set_level(settings.log.level)


def _stale_seconds(settings: Settings) -> float:
    return max(STALE_SECONDS, 3 * settings.intake.scan_seconds)
