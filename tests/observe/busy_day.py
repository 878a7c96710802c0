"""A day's worth of events, so that every series has samples: for the tests of documents, rules and dashboard."""

from daemon.engines.contract import ServerHealth
from daemon.observe.gpu import GpuReading
from daemon.observe.metrics import Metrics

MODELS = ("RMBG-2.0", "BEN2")
SERVERS = ("http://gpu1:8188", "http://gpu2:8188")


def metrics_of_a_new_daemon() -> Metrics:
    return Metrics("1.2.3", MODELS, SERVERS)


def happen(metrics: Metrics, now: float) -> None:
    """One photo of each ending goes through, one of everything else happens; `now` is Unix time."""
    for found_by in ("event", "scan", "startup"):
        metrics.photo_seen(found_by)
    metrics.photos_ignored("litter", 1)
    metrics.incomplete(1)
    metrics.completeness_waited(2.5)
    metrics.scanned(now)
    metrics.root_reachable(True)
    metrics.queue(waiting=4, running=2, oldest_admitted_at=now - 20)
    for stage in ("read", "proxy", "upload", "wait", "infer", "fetch", "judge", "refine", "write", "publish"):
        metrics.stage(stage, 0.3)
    for model in MODELS:
        metrics.attempt(model, 0.8, None)
        metrics.attempt(model, None, "recipe_refused")
    for grade in ("sehr_gut", "gut", "ungenuegend"):
        metrics.job_finished(grade, 9.0, 2, 0.1, now)
    metrics.job_finished("failed", 0.5, 0, None, now)
    metrics.job_failed_reason("bad_photo")
    metrics.postponed("engine_away")
    metrics.recovered("resumed")
    metrics.quarantined()
    metrics.paused(False)
    metrics.journal_set_aside()
    metrics.duplicate()
    metrics.collision()
    metrics.verdict_moved("gut", "ungenuegend")
    metrics.engine(
        [ServerHealth(server, True, "", 2, 24 << 30, 6 << 30, uploads=2, history_entries=5) for server in SERVERS]
    )
    for server in SERVERS:
        metrics.engine_busy(server, 0.5)
        metrics.engine_circuit(server, "closed")
        metrics.engine_reconnected(server)
        metrics.canary(server, MODELS[0], now)
    metrics.know_hook("chat")
    metrics.notified("chat", "failed")
    metrics.notification_failed("chat", "unreachable")
    metrics.batch_done()
    metrics.gpus([GpuReading("0", 0.6, 6 << 30, 24 << 30, 210.0)])
    metrics.disk_free("root", 60 << 30, 100 << 30)
    metrics.disk_free("state", 30 << 30, 100 << 30)
    metrics.heartbeat(now)
