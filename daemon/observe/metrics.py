"""The Prometheus series: what each event of the house adds to them.

Fed from plain values; the only importer of prometheus-client. `docs/metrics.md` lists every series; a test compares.
Labels come from small fixed sets (grade, stage, reason, model, server): never a file name, a job or an error's text.
Every label set that is known beforehand starts at 0, so that the first failure is seen as an increase.
"""

from collections.abc import Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from daemon.engines.contract import ServerHealth
from daemon.observe.gpu import GpuReading
from daemon.observe.labels import (
    ATTEMPT_FAILURES,
    CIRCUIT_STATES,
    ENDS,
    EVENTS,
    FAILURES,
    GRADES,
    IGNORED,
    NOTICE_FAILURES,
    POSTPONEMENTS,
    PUT_BACK,
    RECOVERIES,
    SOURCES,
    STAGES,
    plain,
    public_name,
)

PREFIX = "freisteller_"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

# Seconds. A photo takes 1 s (small, one attempt) to 10 min (100 MP, three attempts on a busy server) ...
JOB_BUCKETS = (1, 2, 3, 5, 8, 13, 20, 30, 45, 60, 90, 120, 180, 300, 600)
# ... a stage 10 ms to a minute, and a scanner's file is whole after the quiet time, or only minutes later.
STAGE_BUCKETS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
WAIT_BUCKETS = (1, 2, 3, 5, 10, 20, 30, 60, 120, 300, 600)
# Twentieths, and the default grade limits, 0.75 and 0.93, on a bucket's border.
SCORE_BUCKETS = tuple(sorted({round(step / 20, 2) for step in range(1, 21)} | {0.93}))
GAIN_BUCKETS = (0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1)
ATTEMPT_BUCKETS = (1, 2, 3, 4, 5, 6, 8, 10, 15, 20)


class Metrics:
    """All series of one daemon, in a registry of its own. Safe to call from any thread.

    models, servers: those known from the settings; others join when they are first named.
    """

    def __init__(self, version: str, models: Sequence[str] = (), servers: Sequence[str] = ()) -> None:
        self._registry = CollectorRegistry()
        self._gauge("build_info", "Constant 1; the label carries the program's version.", "version").labels(
            version
        ).set(1)
        self._set_up_intake()
        self._set_up_jobs()
        self._set_up_engines()
        self._set_up_notifications()
        self._set_up_host()
        self._servers: set[str] = set()
        self._gone_servers: set[str] = set()
        ProcessCollector(registry=self._registry)  # memory, open files, processor time, start: under their usual names
        self._know_fixed_labels()
        for model in models:
            self._know_model(model)
        for server in servers:
            self._know_server(public_name(server))

    def _set_up_intake(self) -> None:
        self._seen = self._counter("photos_seen_total", "Photos taken in, by what found them.", "source")
        self._missed = self._counter("missed_events_total", "Photos that only a scan found, without any event.")
        self._ignored = self._counter("photos_ignored_total", "Names in inbox/ that are left alone.", "reason")
        self._incomplete = self._gauge("photos_incomplete", "Files in inbox/ that are not proven whole yet.")
        self._completeness_wait = self._histogram(
            "completeness_wait_seconds", "From first sight of a file to the proof that it is whole.", WAIT_BUCKETS
        )
        self._last_scan = self._gauge("last_scan_timestamp_seconds", "When inbox/ was last read; 0 = never.")
        self._root_reachable = self._gauge("root_reachable", "1 if the hot folder can be reached, else 0.")
        self._bad_orders = self._gauge("bad_orders", "Orders (freisteller.toml) in inbox/ that hold their photos back.")
        self._collisions = self._counter("collisions_total", "Results that got another name as theirs was taken.")

    def _set_up_jobs(self) -> None:
        self._queue_length = self._gauge("queue_length", "Photos that wait for their turn.")
        self._queue_oldest = self._gauge(
            "queue_oldest_timestamp_seconds", "When the photo was taken in that waits longest; 0 = none waits."
        )
        self._in_progress = self._gauge("jobs_in_progress", "Photos in work.")
        self._paused = self._gauge("paused", "1 while a person has paused the work, else 0.")
        self._jobs = self._counter("jobs_total", "Photos finished, by grade, or failed.", "grade")
        self._failures = self._counter("failures_total", "Photos that went to failed/, by reason.", "reason")
        self._job_duration = self._histogram(
            "job_duration_seconds", "From the start of a photo's work to its end.", JOB_BUCKETS, "grade"
        )
        self._stage_duration = self._histogram(
            "stage_duration_seconds", "Time that one stage of a photo's way took.", STAGE_BUCKETS, "stage"
        )
        self._attempts = self._counter("attempts_total", "Recipes that an engine was asked for.", "model")
        self._attempt_failures = self._counter(
            "attempt_failures_total", "Attempts that brought no alpha.", "model", "reason"
        )
        self._attempts_per_job = self._histogram(
            "attempts_per_job", "Attempts that a finished photo took.", ATTEMPT_BUCKETS
        )
        self._score = self._histogram("score", "Score of each judged attempt, 0 to 1.", SCORE_BUCKETS, "model")
        self._gain = self._histogram(
            "score_gain",
            "Score of a photo's best attempt minus that of its first, where there were more.",
            GAIN_BUCKETS,
        )
        self._verdicts = self._counter("verdicts_total", "Results that a person moved to another grade.", "from", "to")
        self._put_back = self._counter(
            "put_back_total", "Files that a person put back into inbox/ to have a photo tried again.", "what"
        )
        self._postponed = self._counter("postponed_total", "Photos put back, through no fault of theirs.", "reason")
        self._recovered = self._counter("recovered_jobs_total", "Photos that a start found half done.", "how")
        self._duplicates = self._counter(
            "duplicates_total", "Photos that were not cut out again as the same one came before."
        )
        self._set_aside = self._counter("journal_damaged_total", "Damaged journals that a start set aside.")
        self._quarantined = self._counter("quarantined_total", "Photos set aside as the program died on them.")
        self._last_success = self._gauge(
            "last_success_timestamp_seconds", "When a photo last got a grade; 0 = not since the start."
        )

    def _set_up_engines(self) -> None:
        self._engine_up = self._gauge("engine_up", "1 if the server answers and can work, else 0.", "server")
        self._engine_busy = self._counter(
            "engine_busy_seconds_total", "Time that a server spent computing for us.", "server"
        )
        self._engine_queue = self._gauge("engine_queue_length", "Our calls that a server has in hand.", "server")
        self._engine_memory_total = self._gauge(
            "engine_memory_total_bytes", "Memory of the server's devices.", "server", "device"
        )
        self._engine_memory_free = self._gauge(
            "engine_memory_free_bytes", "Free memory of the server's devices.", "server", "device"
        )
        self._circuit = self._gauge(
            "engine_circuit_state", "0 the server is used, 1 it is on trial, 2 it is left out.", "server"
        )
        self._reconnects = self._counter("engine_reconnects_total", "Lost and renewed connections.", "server")
        self._paused_models = self._gauge("engine_paused_models", "Models that get no photos on a server.", "server")
        self._uploads = self._gauge("engine_uploads", "Our pictures in a server's input folder.", "server")
        self._history_entries = self._gauge(
            "engine_history_entries", "Our finished prompts that a server still remembers.", "server"
        )
        self._canary = self._gauge(
            "canary_success_timestamp_seconds", "When the test picture last came back right.", "server", "model"
        )

    def _set_up_notifications(self) -> None:
        self._notices = self._counter(
            "notifications_total", "Notices for a hook, whatever became of them.", "hook", "event"
        )
        self._notice_failures = self._counter(
            "notification_failures_total", "Notices that a hook did not get, after all tries.", "hook", "reason"
        )
        self._batches = self._counter("batches_done_total", "HotFolder of inbox/ that were done and empty again.")

    def _set_up_host(self) -> None:
        self._heartbeat = self._gauge("heartbeat_timestamp_seconds", "When the daemon last went round; 0 = never.")
        self._disk_free = self._gauge("disk_free_bytes", "Room left where results or state are written.", "mount")
        self._disk_size = self._gauge("disk_size_bytes", "Size of the file system of that mount.", "mount")
        self._gpu_utilization = self._gauge("gpu_utilization_ratio", "Share of time this GPU works, 0 to 1.", "gpu")
        self._gpu_memory_used = self._gauge("gpu_memory_used_bytes", "Memory in use on this GPU.", "gpu")
        self._gpu_memory_total = self._gauge("gpu_memory_total_bytes", "Memory of this GPU.", "gpu")
        self._gpu_power = self._gauge("gpu_power_watts", "Power this GPU draws.", "gpu")

    def _know_fixed_labels(self) -> None:
        _start_at_zero(self._seen, SOURCES)
        _start_at_zero(self._ignored, IGNORED)
        _start_at_zero(self._jobs, ENDS)
        _start_at_zero(self._job_duration, ENDS)
        _start_at_zero(self._stage_duration, STAGES)
        _start_at_zero(self._failures, FAILURES)
        _start_at_zero(self._postponed, POSTPONEMENTS)
        _start_at_zero(self._recovered, RECOVERIES)
        _start_at_zero(self._put_back, PUT_BACK)
        for before in GRADES:
            for after in GRADES:
                if before != after:
                    self._verdicts.labels(before, after)

    def _know_model(self, model: str) -> None:
        _start_at_zero(self._attempts, (model,))
        _start_at_zero(self._score, (model,))
        for reason in ATTEMPT_FAILURES:
            self._attempt_failures.labels(model, reason)

    def _know_server(self, server: str) -> None:
        _start_at_zero(self._engine_up, (server,))
        _start_at_zero(self._engine_queue, (server,))
        _start_at_zero(self._engine_busy, (server,))
        _start_at_zero(self._reconnects, (server,))
        _start_at_zero(self._paused_models, (server,))

    # Intake

    def photo_seen(self, found_by: str) -> None:
        """A photo was taken in; found_by: event, scan or startup."""
        self._seen.labels(plain(found_by)).inc()
        if found_by == "scan":
            self._missed.inc()

    def photos_ignored(self, reason: str, count: int) -> None:
        """So many further names in `inbox/` are left alone for this reason."""
        self._ignored.labels(plain(reason)).inc(count)

    def incomplete(self, count: int) -> None:
        """So many files in `inbox/` are not proven whole at this moment."""
        self._incomplete.set(count)

    def completeness_waited(self, seconds: float) -> None:
        """A file was proven whole so long after it was first seen; also the first stage of its way."""
        self._completeness_wait.observe(seconds)
        self.stage("completeness", seconds)

    def scanned(self, at: float) -> None:
        """`inbox/` was read at this Unix time."""
        self._last_scan.set(at)

    def root_reachable(self, reachable: bool) -> None:
        """Whether the hot folder can be reached."""
        self._root_reachable.set(reachable)

    def bad_orders(self, count: int) -> None:
        """So many orders of sub-folders are wrong at this moment."""
        self._bad_orders.set(count)

    def collision(self) -> None:
        """A result got another name as its own was taken."""
        self._collisions.inc()

    # Jobs

    def queue(self, waiting: int, running: int, oldest_admitted_at: float | None) -> None:
        """How many photos wait and run; oldest_admitted_at: Unix time, of those that are due (back-off left out)."""
        self._queue_length.set(waiting)
        self._in_progress.set(running)
        self._queue_oldest.set(oldest_admitted_at or 0)

    def paused(self, paused: bool) -> None:
        """Whether a person has paused the work."""
        self._paused.set(paused)

    def stage(self, stage: str, seconds: float) -> None:
        """One stage of a photo's way took so long; stage is one of STAGES."""
        self._stage_duration.labels(plain(stage)).observe(seconds)

    def attempt(self, model: str, score: float | None, error_reason: str | None) -> None:
        """An engine was asked once: a score of 0..1, or the reason why there is none."""
        self._know_model(model)
        self._attempts.labels(model).inc()
        if score is not None:
            self._score.labels(model).observe(score)
        if error_reason is not None:
            self._attempt_failures.labels(model, plain(error_reason)).inc()

    def job_finished(self, grade_label: str, seconds: float, attempts: int, gain: float | None, at: float) -> None:
        """A photo is done, or failed; grade_label is one of ENDS, `at` Unix time.

        attempts 0 (a photo that never came to an engine) is left out of attempts_per_job.
        gain: best minus first score; None where there was one attempt only.
        """
        self._jobs.labels(plain(grade_label)).inc()
        self._job_duration.labels(plain(grade_label)).observe(seconds)
        if attempts:
            self._attempts_per_job.observe(attempts)
        if gain is not None:
            self._gain.observe(gain)
        if grade_label != "failed":
            self._last_success.set(at)

    def job_failed_reason(self, reason: str) -> None:
        """Why a photo went to `failed/`: the `reason` of an error class."""
        self._failures.labels(plain(reason)).inc()

    def postponed(self, reason: str) -> None:
        """A photo was put back: the `reason` of an error class."""
        self._postponed.labels(plain(reason)).inc()

    def recovered(self, how: str) -> None:
        """A start found a photo half done; how it went on is one of RECOVERIES."""
        self._recovered.labels(plain(how)).inc()

    def duplicate(self) -> None:
        """A photo was left out as its content came before."""
        self._duplicates.inc()

    def journal_set_aside(self) -> None:
        """The journal was damaged; this start began a new one."""
        self._set_aside.inc()

    def quarantined(self) -> None:
        """A photo was set aside as the program died on it too often."""
        self._quarantined.inc()

    def verdict_moved(self, from_label: str, to_label: str) -> None:
        """A person moved a result from one grade to another (ASCII labels)."""
        self._verdicts.labels(plain(from_label), plain(to_label)).inc()

    def put_back(self, what: str) -> None:
        """A person had a photo tried again by putting this back into `inbox/`: result, original or failed."""
        self._put_back.labels(plain(what)).inc()

    # Engines

    def engine(self, healths: Sequence[ServerHealth]) -> None:
        """How each server is right now; what a server does not say has no series, nor has one that is not listed."""
        servers = {public_name(health.server) for health in healths}
        for gone in self._servers - servers:
            self._forget_server(gone)
        self._gone_servers -= servers
        self._servers = servers
        for health in healths:
            server = public_name(health.server)
            self._know_server(server)
            self._engine_up.labels(server).set(health.up)
            self._engine_queue.labels(server).set(health.running)
            self._paused_models.labels(server).set(len(health.set_aside))
            for gauge, labels, value in (
                (self._engine_memory_total, (server, "all"), health.memory_total_bytes),
                (self._engine_memory_free, (server, "all"), health.memory_free_bytes),
                (self._uploads, (server,), health.uploads),
                (self._history_entries, (server,), health.history_entries),
            ):
                if value is not None:
                    gauge.labels(*labels).set(value)

    def _forget_server(self, server: str) -> None:
        self._gone_servers.add(server)
        for series in (
            self._engine_up,
            self._engine_queue,
            self._engine_busy,
            self._engine_memory_total,
            self._engine_memory_free,
            self._circuit,
            self._reconnects,
            self._paused_models,
            self._uploads,
            self._history_entries,
            self._canary,
        ):
            for labels in _label_sets_of(series, server):
                series.remove(*labels)

    def engine_busy(self, server: str, seconds: float) -> None:
        """A server computed for us for so long (the stage `infer` of its answer)."""
        if public_name(server) not in self._gone_servers:  # its last answer may come after it is gone
            self._engine_busy.labels(public_name(server)).inc(seconds)

    def engine_circuit(self, server: str, state: str) -> None:
        """What the breaker thinks of a server: closed, half_open or open. Raises KeyError for another word."""
        self._circuit.labels(public_name(server)).set(CIRCUIT_STATES[state])

    def engine_reconnected(self, server: str) -> None:
        """A lost connection to a server was renewed."""
        self._reconnects.labels(public_name(server)).inc()

    def canary(self, server: str, model: str, at: float) -> None:
        """The test picture came back right at this Unix time."""
        self._canary.labels(public_name(server), model).set(at)

    # Notifications

    def know_hook(self, hook: str) -> None:
        """A hook that is told from now on; its series start at 0."""
        for event in EVENTS:
            self._notices.labels(hook, event)
        for reason in NOTICE_FAILURES:
            self._notice_failures.labels(hook, reason)

    def notified(self, hook: str, event: str) -> None:
        """There is a notice for this hook; event is one of EVENTS."""
        self._notices.labels(hook, event).inc()

    def notification_failed(self, hook: str, reason: str) -> None:
        """A hook did not get a notice; reason is one of NOTICE_FAILURES."""
        self._notice_failures.labels(hook, plain(reason)).inc()

    def batch_done(self) -> None:
        """A folder of `inbox/` is done and empty again."""
        self._batches.inc()

    # Host

    def heartbeat(self, at: float) -> None:
        """The daemon went round once more at this Unix time."""
        self._heartbeat.set(at)

    def disk_free(self, mount: str, free_bytes: int, size_bytes: int | None = None) -> None:
        """Room at a place that matters; mount is a fixed word (root, state), not a path."""
        self._disk_free.labels(mount).set(free_bytes)
        if size_bytes is not None:
            self._disk_size.labels(mount).set(size_bytes)

    def gpus(self, readings: Sequence[GpuReading]) -> None:
        """This machine's GPUs; one that is gone, or a figure it cannot read, loses its series."""
        for series in (self._gpu_utilization, self._gpu_memory_used, self._gpu_memory_total, self._gpu_power):
            series.clear()
        for reading in readings:
            for series, value in (
                (self._gpu_utilization, reading.utilization_ratio),
                (self._gpu_memory_used, reading.memory_used_bytes),
                (self._gpu_memory_total, reading.memory_total_bytes),
                (self._gpu_power, reading.power_watts),
            ):
                if value is not None:
                    series.labels(reading.gpu).set(value)

    def exposition(self) -> bytes:
        """All series in Prometheus' text format 0.0.4, UTF-8."""
        return generate_latest(_WithoutBirthdays(self._registry))

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(PREFIX + name, text, labels, registry=self._registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(PREFIX + name, text, labels, registry=self._registry)

    def _histogram(self, name: str, text: str, buckets: Sequence[float], *labels: str) -> Histogram:
        return Histogram(PREFIX + name, text, labels, buckets=buckets, registry=self._registry)


class _WithoutBirthdays(Collector):
    """A registry without the `_created` series: they double the page, and nobody asks for them.

    The library has a switch for it, but for the whole process.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        for family in self._registry.collect():
            family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
            yield family


def _label_sets_of(series: Counter | Gauge, server: str) -> set[tuple[str, ...]]:
    """The label values, in their order, of all that `series` holds of one server."""
    samples = [sample.labels for family in series.collect() for sample in family.samples]
    return {tuple(labels.values()) for labels in samples if labels["server"] == server}


def _start_at_zero(series: Counter | Gauge | Histogram, values: Iterable[str]) -> None:
    for value in values:
        series.labels(value)
