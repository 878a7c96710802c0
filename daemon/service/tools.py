"""Makes what many parts of a daemon need."""

from contextlib import ExitStack
from dataclasses import dataclass, replace
from functools import partial

from daemon import __version__
from daemon.cluster.pool import Pool
from daemon.engines.contract import Engine
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.job_locks import JobLocks
from daemon.hotfolder.root_condition import RootCondition
from daemon.hotfolder.runtime import Runtime
from daemon.journal import Journal
from daemon.journal.alphas import Alphas
from daemon.logs import log
from daemon.observe import series
from daemon.observe.gpu import Gpus
from daemon.observe.health import Health
from daemon.observe.machine import Machine
from daemon.observe.metrics import Metrics
from daemon.observe.stage_clock import StageClock
from daemon.pictures.picture_cache import PictureCache
from daemon.service.choose_engine import build_engine, cores, memory_for
from daemon.service.cluster_link import make_pool
from daemon.service.journal_watch import JournalWatch
from daemon.service.open_root import OpenRoot
from daemon.service.refusals import Refusals
from daemon.service.systemd import Systemd
from daemon.settings import Settings
from daemon.settings.current import CurrentSettings
from daemon.work.memory_budget import MemoryBudget
from daemon.work.photo_worker import PhotoWorkers
from daemon.work.processes import Processes
from daemon.work.progress import Progress
from daemon.work.witness_desk import WitnessDesk

STALE_SECONDS = 120.0  # a loop that has not turned for so long hangs


@dataclass(frozen=True, kw_only=True)
class Tools:
    """What many parts need."""

    settings: CurrentSettings
    runtime: Runtime
    opened: OpenRoot
    folders: HotFolder
    journal: Journal
    journal_watch: JournalWatch
    locks: JobLocks
    root: RootCondition
    refusals: Refusals
    budget: MemoryBudget
    workers: PhotoWorkers
    witnesses: WitnessDesk
    engine: Engine
    metrics: Metrics
    health: Health
    systemd: Systemd
    progress: Progress
    machine: Machine
    alphas: Alphas
    picture_cache: PictureCache
    pool: Pool | None


def make_tools(
    settings: Settings,
    opened: OpenRoot,
    doors: ExitStack,
    runtime: Runtime,
    engine: Engine | None,
) -> Tools:
    """Make what many parts need; `doors` closes it. engine: None = the one that the settings ask for."""
    budget = MemoryBudget(memory_for(settings))
    say = partial(log.log, "engine_prepares", people=True)
    engine = engine or build_engine(settings, say, opened.root_id, lambda: budget.crowded)
    doors.callback(engine.close)
    metrics = Metrics(__version__, engine.models, [health.server for health in engine.health()])
    if opened.damaged:
        metrics.count(series.JOURNAL_DAMAGED)
    progress = Progress(metrics)
    runtime = replace(runtime, stages=StageClock(progress.stage))
    opened.journal.time_with(runtime.stages.timed)
    current, health = CurrentSettings(settings), Health(stale_seconds=stale_seconds(settings))
    workers = Processes(budget, metrics, runtime, current)
    doors.callback(workers.close)
    witnesses = WitnessDesk(cores(), metrics, runtime.stages, lambda: budget.crowded)
    doors.callback(witnesses.close)
    machine = Machine(metrics, {"root": settings.root_path, "state": opened.state}, Gpus())
    doors.callback(machine.close)
    return Tools(
        settings=current,
        runtime=runtime.fenced(opened.lease),
        opened=opened,
        folders=opened.folders,
        journal=opened.journal,
        journal_watch=JournalWatch(opened.journal, health),
        locks=JobLocks(),
        root=RootCondition(opened.lease),
        refusals=Refusals(),
        budget=budget,
        workers=workers,
        witnesses=witnesses,
        engine=engine,
        metrics=metrics,
        health=health,
        systemd=Systemd(),
        progress=progress,
        machine=machine,
        alphas=Alphas(opened.state / "alphas"),
        pool=make_pool(current, doors),
        picture_cache=PictureCache(opened.state / "pictures", lambda: current.now.http.cache_mb),
    )


def stale_seconds(settings: Settings) -> float:
    """After how many seconds a loop that does not turn counts as hanging."""
    return max(STALE_SECONDS, 3 * settings.intake.scan_seconds)
