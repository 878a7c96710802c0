"""One of every event, so that every series has samples. The tests of documents, rules and dashboard use it."""

from daemon.cluster.tallies import ClusterTotals, Tally
from daemon.cluster.worker_state import ClusterState, FarWorker
from daemon.engines.contract import ServerHealth
from daemon.observe import series
from daemon.observe.gpu import GpuReading
from daemon.observe.labels import STAGES
from daemon.observe.metrics import Metrics
from daemon.service.cluster_figures import ClusterFigures

MODELS = ("RMBG-2.0", "BEN2")
SERVERS = ("http://gpu1:8188", "http://gpu2:8188")
CLUSTER = ClusterState(
    True,
    "",
    (
        FarWorker("render-1", "tls://a", "render-1", 4, 16, 64 << 30, running=3),
        FarWorker("render-2", "tls://b", "render-2", 4, 8, 32 << 30, set_aside="root_away"),
    ),
)
TOTALS = ClusterTotals({"render-1": Tally(7, 1)}, 7, {"gone": 1}, {"gone": 1}, {"root_away": 1})


def metrics_of_a_new_daemon() -> Metrics:
    return Metrics("1.2.3", MODELS, SERVERS)


def server_in_use(server: str, now: float, reconnects: int) -> ServerHealth:
    return ServerHealth(
        server,
        True,
        "",
        2,
        24 << 30,
        6 << 30,
        reconnects=reconnects,
        fallbacks=reconnects,
        tested=MODELS,
        canaries=((MODELS[0], now),),
        uploads=2,
        history_entries=5,
        run_sizes=((1, 3), (4, 1)),
    )


def happen(metrics: Metrics, now: float) -> None:
    """One photo ends in each way, and everything else happens once. now: Unix time."""
    for found_by in ("event", "scan", "startup"):
        metrics.photo_seen(found_by)
    metrics.count(series.PHOTOS_IGNORED, reason="litter")
    metrics.set(series.PHOTOS_INCOMPLETE, 1)
    metrics.completeness_waited(2.5)
    metrics.set(series.LAST_SCAN, now)
    metrics.set(series.ROOT_REACHABLE, True)
    metrics.queue(waiting=4, running=2, oldest_admitted_at=now - 20)
    for stage in STAGES[1:]:
        metrics.stage(stage, 0.3, 0.2)
    for model in MODELS:
        metrics.attempt(model, 0.8, None)
        metrics.attempt(model, None, "recipe_refused")
    for grade in ("sehr_gut", "gut", "ungenuegend"):
        metrics.job_finished(grade, 9.0, 2, 0.1, now)
    metrics.job_finished("failed", 0.5, 0, None, now)
    metrics.count(series.FAILURES, reason="bad_photo")
    metrics.observe(series.JOB_TURNAROUND, 30.0, grade="gut")
    metrics.count(series.FAILED_AGAIN)
    metrics.count(series.POSTPONED, reason="engine_away")
    metrics.count(series.RECOVERED_JOBS, how="resumed")
    metrics.count(series.QUARANTINED)
    metrics.paused(now - 60, "anna")
    metrics.count(series.JOURNAL_DAMAGED)
    metrics.count(series.DUPLICATES)
    metrics.count(series.COLLISIONS)
    metrics.count(series.WORKERS_LOST)
    metrics.count(series.PUT_BACK, what="result")
    metrics.set(series.BAD_ORDERS, 1)
    metrics.count(series.VERDICTS, **{"from": "gut", "to": "ungenuegend"})
    for reconnects in (0, 1):
        metrics.engine([server_in_use(server, now, reconnects) for server in SERVERS])
    for server in SERVERS:
        metrics.engine_busy(server, 0.5)
    ClusterFigures(metrics, "tls://render-1:8786", lambda: now).show(CLUSTER, TOTALS)
    metrics.know_hook("chat")
    metrics.count(series.NOTIFICATIONS, hook="chat", event="failed")
    metrics.count(series.NOTIFICATION_FAILURES, hook="chat", reason="unreachable")
    metrics.count(series.BATCHES_DONE)
    metrics.gpus([GpuReading("0", 0.6, 6 << 30, 24 << 30, 210.0)])
    for mount, free in (("root", 60 << 30), ("state", 30 << 30)):
        metrics.set(series.DISK_FREE, free, mount=mount)
        metrics.set(series.DISK_SIZE, 100 << 30, mount=mount)
    metrics.set(series.HEARTBEAT, now)
