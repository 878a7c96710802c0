"""Keeps the numbers of all series and writes them as a page for Prometheus.

`series` lists every series. This module is the only one that imports prometheus-client.
"""

from collections import Counter as Counts
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from daemon.engines.contract import ServerHealth
from daemon.observe import series
from daemon.observe.gpu import GpuReading
from daemon.observe.labels import CIRCUIT_STATES, guarded, public_name

PREFIX = "freisteller_"
CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

F = TypeVar("F", Counter, Gauge, Histogram)


class Metrics:
    """All series of one daemon, in a registry of its own. Safe to call from any thread.

    models, servers: those known from the settings; others join when they are first named. Every label set that is
    known beforehand starts at 0, so that Prometheus sees the first failure as an increase. `labels` says which values
    a label may have: one that is not allowed is counted as "other".
    """

    def __init__(self, version: str, models: Sequence[str] = (), servers: Sequence[str] = ()) -> None:
        self._registry = CollectorRegistry()
        self._families = {row: _family(row, self._registry) for row in series.ALL}
        self._by_name = {row.name: family for row, family in self._families.items()}
        ProcessCollector(registry=self._registry)  # memory, open files, processor time, start: under their usual names
        self._stages: dict[str, tuple[Histogram, Counter]] = {}
        self._servers: set[str] = set()
        self._gone_servers: set[str] = set()
        self._reconnects: dict[str, int] = {}
        self._fallbacks: dict[str, int] = {}
        self._run_sizes: dict[str, Counts[int]] = {}
        self._pause: tuple[float, str] | None = None
        self.set(series.BUILD_INFO, 1, version=version)
        self._start_at_zero()
        for model in models:
            self._start_at_zero("model", model)
        for server in servers:
            self._start_at_zero("server", server)

    def count(self, row: series.Counter, by: float = 1, /, **labels: str) -> None:
        """Add `by` to a counter. labels: exactly those of the series; raises ValueError for others."""
        self._sample(Counter, row, labels).inc(by)

    def set(self, row: series.Gauge, value: float, /, **labels: str) -> None:
        """Set a gauge. labels: exactly those of the series; raises ValueError for others."""
        self._sample(Gauge, row, labels).set(value)

    def observe(self, row: series.Histogram, value: float, /, **labels: str) -> None:
        """Put a number into a histogram. labels: exactly those of the series; raises ValueError for others."""
        self._sample(Histogram, row, labels).observe(value)

    def forget(self, row: series.Series, /, **labels: str) -> None:
        """Show this label set no more. Does nothing if it is not shown."""
        with suppress(KeyError):
            self._by_name[row.name].remove(*(guarded(name, labels[name]) for name in row.labels))

    # Photos

    def photo_seen(self, found_by: str) -> None:
        """A photo was taken in. found_by: event, scan, startup or upload."""
        self.count(series.PHOTOS_SEEN, source=found_by)
        if found_by == "scan":
            self.count(series.MISSED_EVENTS)

    def completeness_waited(self, seconds: float) -> None:
        """A file was proven whole so many seconds after its first sight. This is also the first stage of its photo."""
        self.observe(series.COMPLETENESS_WAIT, seconds)
        self.stage("completeness", seconds)

    def queue(self, waiting: int, running: int, oldest_admitted_at: float | None) -> None:
        """How many photos wait and run. oldest_admitted_at: Unix time, of all that wait, also in a back-off."""
        self.set(series.QUEUE_LENGTH, waiting)
        self.set(series.JOBS_IN_PROGRESS, running)
        self.set(series.QUEUE_OLDEST, oldest_admitted_at or 0)

    def paused(self, at: float | None, who: str = "") -> None:
        """Since when a person pauses the work, in Unix seconds; None = nobody does. who: a login, "" = not known."""
        self.set(series.PAUSED, at is not None)
        pause = None if at is None else (at, who or "unknown")
        if pause != self._pause:
            self._families[series.PAUSED_SINCE].clear()
            self._pause = pause
        if pause is not None:
            self.set(series.PAUSED_SINCE, pause[0], who=pause[1])

    def stage(self, stage: str, seconds: float, cpu_seconds: float = 0.0) -> None:
        """One stage of the work on a photo took so many seconds, and of processor time. stage: one of STAGES."""
        if stage not in self._stages:  # they come twenty-five times a photo
            labels = {"stage": stage}
            duration = self._sample(Histogram, series.STAGE_DURATION, labels)
            self._stages[stage] = duration, self._sample(Counter, series.STAGE_CPU, labels)
        duration, cpu = self._stages[stage]
        duration.observe(seconds)
        cpu.inc(cpu_seconds)

    def attempt(self, model: str, score: float | None, error_reason: str | None) -> None:
        """An engine was asked once. score: 0..1, if it gave an alpha. error_reason: why it gave none."""
        self._start_at_zero("model", model)
        self.count(series.ATTEMPTS, model=model)
        if score is not None:
            self.observe(series.SCORE, score, model=model)
        if error_reason is not None:
            self.count(series.ATTEMPT_FAILURES, model=model, reason=error_reason)

    def job_finished(self, grade_label: str, seconds: float, attempts: int, gain: float | None, at: float) -> None:
        """A photo is done or failed. grade_label: one of ENDS. seconds: of work. at: Unix time.

        attempts: 0 means that the photo never came to an engine; it is left out of attempts_per_job.
        gain: best minus first score, None if there was only one attempt.
        """
        self.count(series.JOBS, grade=grade_label)
        self.observe(series.JOB_DURATION, seconds, grade=grade_label)
        if attempts:
            self.observe(series.ATTEMPTS_PER_JOB, attempts)
        if gain is not None:
            self.observe(series.SCORE_GAIN, gain)
        if grade_label != "failed":
            self.set(series.LAST_SUCCESS, at)

    # Engines

    def engine(self, healths: Sequence[ServerHealth]) -> None:
        """How each server is now. A server that is not listed loses its series, and an unknown figure has no series.

        Raises KeyError for a circuit that is not closed, half_open or open.
        """
        servers = {public_name(health.server) for health in healths}
        gone = self._servers - servers
        for server in gone:
            self._forget_server(server)
        self._gone_servers = (self._gone_servers | gone) - servers
        self._servers = servers
        for health in healths:
            self._show_server(health)

    def _show_server(self, health: ServerHealth) -> None:
        server = health.server
        self._start_at_zero("server", server)
        self.set(series.ENGINE_UP, health.up, server=server)
        self.set(series.ENGINE_QUEUE_LENGTH, health.running, server=server)
        self.set(series.ENGINE_PAUSED_MODELS, len(health.set_aside), server=server)
        self._set_if_known(series.ENGINE_MEMORY_TOTAL, health.memory_total_bytes, server=server, device="all")
        self._set_if_known(series.ENGINE_MEMORY_FREE, health.memory_free_bytes, server=server, device="all")
        self._set_if_known(series.ENGINE_UPLOADS, health.uploads, server=server)
        self._set_if_known(series.ENGINE_HISTORY_ENTRIES, health.history_entries, server=server)
        self.set(series.ENGINE_CIRCUIT_STATE, CIRCUIT_STATES[health.circuit], server=server)
        # A server that the settings name anew counts its connections from 0 again.
        self.count(series.ENGINE_RECONNECTS, max(0, health.reconnects - self._reconnects.get(server, 0)), server=server)
        self._reconnects[server] = health.reconnects
        self.count(series.ENGINE_FALLBACKS, max(0, health.fallbacks - self._fallbacks.get(server, 0)), server=server)
        self._fallbacks[server] = health.fallbacks
        sizes = Counts(dict(health.run_sizes))
        for size in (sizes - self._run_sizes.get(server, Counts())).elements():
            self.observe(series.ENGINE_RUN_PHOTOS, size, server=server)
        self._run_sizes[server] = sizes
        for model, at in (dict.fromkeys(health.tested, 0.0) | dict(health.canaries)).items():
            self.set(series.CANARY_SUCCESS, at, server=server, model=model)

    def _forget_server(self, server: str) -> None:
        for row, family in self._families.items():
            if row.run_time_label == "server":
                samples = [sample for part in family.collect() for sample in part.samples]
                for values in {tuple(sample.labels.values()) for sample in samples}:
                    if values[0] == server:
                        family.remove(*values)

    def engine_busy(self, server: str, seconds: float) -> None:
        """A server computed for us for so many seconds (the stage `infer` of its answer)."""
        if public_name(server) not in self._gone_servers:  # its last answer may come after it is gone
            self.count(series.ENGINE_BUSY, seconds, server=server)

    # Hooks and GPUs

    def know_hook(self, hook: str) -> None:
        """This hook gets notices from now on; its series start at 0."""
        self._start_at_zero("hook", hook)

    def gpus(self, readings: Sequence[GpuReading]) -> None:
        """This machine's GPUs. A GPU that is gone loses its series, and so does a figure that it cannot read."""
        for row in (series.GPU_UTILIZATION, series.GPU_MEMORY_USED, series.GPU_MEMORY_TOTAL, series.GPU_POWER):
            self._families[row].clear()
        for reading in readings:
            self._set_if_known(series.GPU_UTILIZATION, reading.utilization_ratio, gpu=reading.gpu)
            self._set_if_known(series.GPU_MEMORY_USED, reading.memory_used_bytes, gpu=reading.gpu)
            self._set_if_known(series.GPU_MEMORY_TOTAL, reading.memory_total_bytes, gpu=reading.gpu)
            self._set_if_known(series.GPU_POWER, reading.power_watts, gpu=reading.gpu)

    def exposition(self) -> bytes:
        """All series in Prometheus' text format 0.0.4, UTF-8."""
        return generate_latest(_WithoutCreationTimes(self._registry))

    def _set_if_known(self, row: series.Gauge, value: float | None, /, **labels: str) -> None:
        if value is not None:
            self.set(row, value, **labels)

    def _sample(self, kind: type[F], row: series.Series, labels: Mapping[str, str]) -> F:
        family = self._by_name[row.name]  # a row itself is long to hash
        if type(family) is not kind:  # isinstance takes 0.04 ms here, since the library's classes are protocols
            raise TypeError(f"{row.name} is no {kind.__name__}")
        return family.labels(**{name: guarded(name, value) for name, value in labels.items()}) if labels else family

    def _start_at_zero(self, run_time_label: str = "", value: str = "") -> None:
        """Create the known label sets of all series with this label; "": of all series without a run-time label."""
        named = (guarded(run_time_label, value),) if run_time_label else ()
        for row, family in self._families.items():
            if row.run_time_label == run_time_label:
                for values in row.start_values:
                    family.labels(*named, *values)


class _WithoutCreationTimes(Collector):
    """A registry without the `_created` series: they double the page, and nobody needs them.

    The library can leave them out too, but only for the whole process.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def collect(self) -> Iterator[Metric]:
        for family in self._registry.collect():
            family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
            yield family


def _family(row: series.Series, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    """The library's object for one row of the table."""
    if isinstance(row, series.Histogram):
        return Histogram(PREFIX + row.name, row.help, row.labels, registry=registry, buckets=row.buckets)
    kind = Counter if isinstance(row, series.Counter) else Gauge
    return kind(PREFIX + row.name, row.help, row.labels, registry=registry)
