"""Makes the parts of a daemon, in the order in which they need each other; nothing runs yet."""

import socket
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from dataclasses import dataclass

from daemon import __version__
from daemon.hotfolder.orders import Orders
from daemon.intake.admission import Admission
from daemon.intake.scan_values import Arrival
from daemon.intake.uploads import Uploads
from daemon.intake.watcher import Watcher
from daemon.notify.batch_sheets import BatchSheets
from daemon.notify.batches import Batches
from daemon.notify.hooks import Hooks
from daemon.notify.notices import Origin
from daemon.notify.notifications import Notifications
from daemon.people.bad_orders import BadOrders
from daemon.people.deeds import Deeds
from daemon.people.known_results import KnownResults
from daemon.people.late_renditions import LateRenditions
from daemon.people.learnt_corrections import LearntCorrections
from daemon.people.other_attempts import OtherAttempts
from daemon.people.put_backs import PutBacks
from daemon.people.rendition_desk import RenditionDesk
from daemon.people.retries import NextRound
from daemon.people.verdicts import Verdicts
from daemon.publishing.job_events import JobEnd, JobEvents
from daemon.publishing.publisher import Publisher
from daemon.publishing.reading_back import ReadingBack
from daemon.publishing.rendered_pictures import RenderedPictures
from daemon.publishing.staging import Staging
from daemon.service.after_scan import AfterScan
from daemon.service.arrivals import Arrivals
from daemon.service.far_work import MOST_AT_ONCE, opener, photos_at_once
from daemon.service.housekeeping import Housekeeping, StatusTurn
from daemon.service.inbox_loop import InboxLoop, RootWatch
from daemon.service.make_deeds import make_deeds
from daemon.service.make_pipeline import make_pipeline
from daemon.service.obstacle_watch import ObstacleWatch
from daemon.service.pruning import Pruning
from daemon.service.shop_sending import ShopSending
from daemon.service.task_runner import TaskRunner
from daemon.service.tools import Tools
from daemon.work.attempt_pictures import AttemptPictures
from daemon.work.backoff import Backoff
from daemon.work.cut_file import FilesHere
from daemon.work.dispatch import Dispatch
from daemon.work.job_runner import JobRunner
from daemon.work.pipeline import Pipeline
from daemon.work.recovery import Recovery


@dataclass(frozen=True, kw_only=True)
class Parts(Tools):
    """What a running daemon is made of; each part knows only those that it needs."""

    hooks: Hooks
    notifications: Notifications
    pipeline: Pipeline
    publisher: Publisher
    job_runner: JobRunner
    task_runner: TaskRunner
    recovery: Recovery
    reading_back: ReadingBack
    executor: ThreadPoolExecutor
    dispatch: Dispatch
    watcher: Watcher
    arrivals: Arrivals
    uploads: Uploads
    inbox_loop: InboxLoop
    verdicts: Verdicts
    late_renditions: LateRenditions
    shop_sending: ShopSending
    deeds: Deeds
    status: StatusTurn
    housekeeping: Housekeeping
    other_attempts: OtherAttempts
    attempt_pictures: AttemptPictures


def wire(tools: Tools, doors: ExitStack, on_end: Sequence[Callable[[JobEnd], None]]) -> Parts:
    """Make all parts; `doors` closes them. Raises BadSettings.

    on_end: are told how each photo ended.
    """
    settings, folders, journal, runtime = tools.settings, tools.folders, tools.journal, tools.runtime
    hooks, notifications = _notifications(tools)
    pipeline = make_pipeline(tools)
    publisher, job_runner = _running(tools, pipeline, _job_events(tools, notifications, on_end))
    orders = Orders(folders, settings, pipeline.strategy)
    corrections = LearntCorrections(journal, orders, runtime)
    task_runner = TaskRunner(journal, orders, job_runner, tools.progress, settings, corrections)
    executor = ThreadPoolExecutor(MOST_AT_ONCE, thread_name_prefix="photo")
    dispatch = _dispatch(tools, executor, task_runner)
    recovery = Recovery(journal, folders, tools.alphas, publisher, settings.now, runtime.tick)
    watcher = doors.enter_context(closing(Watcher(folders, settings.now.intake, tools.workers.prove, time.monotonic)))
    known = KnownResults(folders, journal, runtime.clock)
    next_round = NextRound(folders, journal, known, tools.metrics, runtime)
    arrivals = _arrivals(tools, known, next_round, orders, publisher, dispatch)
    others = OtherAttempts(folders, journal, tools.alphas, next_round, tools.locks, runtime, dispatch.wake)
    verdicts, deeds = make_deeds(tools, known, publisher, others)
    desk = RenditionDesk(folders.root, pipeline, orders, others, runtime.tick)
    uploads = _uploads(tools, doors, arrivals.admission, orders, dispatch)
    status = StatusTurn(journal, dispatch, tools.engine, tools.metrics, tools.health, tools.systemd, runtime.clock)
    inbox_loop = _inbox_loop(tools, watcher, arrivals, dispatch)
    return Parts(
        **vars(tools),
        hooks=hooks,
        notifications=notifications,
        pipeline=pipeline,
        publisher=publisher,
        job_runner=job_runner,
        task_runner=task_runner,
        executor=executor,
        dispatch=dispatch,
        recovery=recovery,
        reading_back=ReadingBack(journal, folders),
        watcher=watcher,
        arrivals=arrivals,
        uploads=uploads,
        inbox_loop=inbox_loop,
        verdicts=verdicts,
        late_renditions=LateRenditions(folders, journal, known, desk, publisher, runtime),
        shop_sending=ShopSending(journal, folders, tools.root, settings, runtime.clock),
        deeds=deeds,
        status=status,
        housekeeping=_housekeeping(tools, status, inbox_loop, dispatch, recovery, deeds, uploads),
        other_attempts=others,
        attempt_pictures=AttemptPictures(pipeline, tools.workers, settings),
    )


def _job_events(tools: Tools, notifications: Notifications, on_end: Sequence[Callable[[JobEnd], None]]) -> JobEvents:
    refused = tools.refusals
    told = (notifications.ended, refused.ended, *on_end), (refused.postponed,), (notifications.left_out,)
    return JobEvents(tools.metrics, tools.runtime.clock, *told)


def _running(tools: Tools, pipeline: Pipeline, events: JobEvents) -> tuple[Publisher, JobRunner]:
    journal, folders, runtime = tools.journal, tools.folders, tools.runtime
    shown = RenderedPictures(tools.picture_cache, lambda: bool(tools.settings.now.http.bind))
    staging = Staging(tools.progress, runtime.tick, tools.settings, shown)
    publisher = Publisher(
        journal, folders, alphas=tools.alphas, staging=staging, job_events=events, locks=tools.locks, runtime=runtime
    )
    files = opener(tools, pipeline, FilesHere(pipeline, staging))
    job_runner = JobRunner(
        journal, folders, files=files, staging=staging, publisher=publisher, job_events=events, runtime=runtime
    )
    return publisher, job_runner


def _housekeeping(
    tools: Tools,
    status: StatusTurn,
    inbox_loop: InboxLoop,
    dispatch: Dispatch,
    recovery: Recovery,
    deeds: Deeds,
    uploads: Uploads,
) -> Housekeeping:
    each_minute = {
        "The deeds that an outage stopped": deeds.resume,
        "The pruning of the journal": Pruning(tools.journal, tools.alphas, tools.settings, tools.runtime.clock).prune,
        "The clearing of forgotten uploads": uploads.clear_forgotten,
        # An engine may find out after its start how many photos at once are good.
        "The number of workers": lambda: dispatch.resize(photos_at_once(tools.settings.now, tools.engine, tools.pool)),
    }
    obstacles = ObstacleWatch(tools, inbox_loop, dispatch)
    return Housekeeping(status, obstacles, tools.journal_watch, dispatch, recovery.clear_leftovers, each_minute)


def _arrivals(
    tools: Tools, known: KnownResults, next_round: NextRound, orders: Orders, publisher: Publisher, dispatch: Dispatch
) -> Arrivals:
    folders, journal, metrics, runtime = tools.folders, tools.journal, tools.metrics, tools.runtime
    return Arrivals(
        Admission(journal, folders, runtime),
        PutBacks(folders, journal, known, next_round, tools.locks, runtime),
        known,
        BadOrders(folders, orders, journal, metrics, time.monotonic, tools.settings, runtime.tick),
        publisher,
        metrics,
        dispatch.wake,
    )


def _inbox_loop(tools: Tools, watcher: Watcher, arrivals: Arrivals, dispatch: Dispatch) -> InboxLoop:
    root_watch = RootWatch(tools.folders, tools.root, tools.metrics, tools.health, dispatch.wake)
    after_scan = AfterScan(tools)
    return InboxLoop(watcher, arrivals, after_scan, root_watch, tools.metrics, tools.settings, tools.runtime.clock)


def _uploads(tools: Tools, doors: ExitStack, admission: Admission, orders: Orders, dispatch: Dispatch) -> Uploads:
    def on_admitted(arrival: Arrival) -> None:
        tools.metrics.photo_seen(arrival.found_by)
        dispatch.wake()

    uploads = Uploads(tools.folders, admission, orders, tools.workers.prove, tools.settings, tools.runtime, on_admitted)
    doors.callback(uploads.close)
    return uploads


def _notifications(tools: Tools) -> tuple[Hooks, Notifications]:
    settings = tools.settings
    origin = Origin(__version__, socket.gethostname(), str(settings.now.root_path))
    hooks = Hooks(settings.now.notify, origin, tools.metrics)
    return hooks, Notifications(
        settings,
        hooks=hooks,
        batches=Batches(tools.journal, tools.folders, tools.metrics, time.monotonic),
        sheets=BatchSheets(tools.folders, settings, tools.workers.thumb, tick=tools.runtime.tick),
        health=tools.health,
        root=tools.root,
        clock=tools.runtime.clock,
    )


def _dispatch(tools: Tools, executor: ThreadPoolExecutor, task_runner: TaskRunner) -> Dispatch:
    settings = tools.settings.now
    tools.journal.turns.prioritize(settings.dispatch.priorities)
    return Dispatch(
        tools.journal,
        executor,
        task_runner.run,
        photos_at_once(settings, tools.engine, tools.pool),
        Backoff(settings.dispatch.postpone_seconds),
        tools.root,
        tools.runtime.clock,
    )
