"""The table of all Prometheus series: name, help text, labels, buckets, and the label values known beforehand.

`docs/metrics.md` lists the same series for people; a test compares the two.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import permutations

from daemon.observe import labels

RUN_TIME_LABELS = ("model", "server", "hook", "scheduler", "worker")
"""Labels whose values only the running daemon knows. A series names such a label before all others."""


@dataclass(frozen=True, slots=True)
class Series:
    """One row of the table, and what all kinds of series share. name: without the prefix `freisteller_`.

    start_values: the sets of label values that start at 0. Without any, each label set appears when it is first used.
    A label of RUN_TIME_LABELS is left out of these sets: its series start as soon as its value is known.
    """

    name: str
    help: str
    labels: tuple[str, ...] = ()
    start_values: tuple[tuple[str, ...], ...] = ()

    @property
    def run_time_label(self) -> str:
        """The label whose values only the running daemon knows, "" if there is none."""
        return self.labels[0] if self.labels and self.labels[0] in RUN_TIME_LABELS else ""


@dataclass(frozen=True, slots=True)
class Counter(Series):
    """A number that only grows, from 0 at each start of the daemon."""


@dataclass(frozen=True, slots=True)
class Gauge(Series):
    """A number as it is now."""


@dataclass(frozen=True, slots=True)
class Histogram(Series):
    """Many numbers, counted by size. buckets: the upper limit of each bucket, rising, in the unit of the series."""

    buckets: tuple[float, ...] = ()


def each(values: Iterable[str]) -> tuple[tuple[str, ...], ...]:
    """The start values of a series with one label, beside a label of RUN_TIME_LABELS if it has one."""
    return tuple((value,) for value in values)


ALONE: tuple[tuple[str, ...], ...] = ((),)
"""The start values of a series that has no label beside one of RUN_TIME_LABELS."""

# Seconds. A photo takes 1 s (small, one attempt) to 10 min (100 MP, three attempts on a busy server) ...
JOB_BUCKETS = (1, 2, 3, 5, 8, 13, 20, 30, 45, 60, 90, 120, 180, 300, 600)
# ... from its arrival to its end it may take a day, since it waits for others, for an engine, or over a weekend ...
TURNAROUND_BUCKETS = (5, 10, 20, 30, 60, 120, 300, 600, 1200, 1800, 3600, 7200, 14_400, 28_800, 57_600, 86_400, 259_200)
# ... a stage takes 1 ms to a minute, and a scanner's file is whole after the quiet time or only minutes later.
STAGE_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
WAIT_BUCKETS = (1, 2, 3, 5, 10, 20, 30, 60, 120, 300, 600)
# Twentieths, so that the default grade limits, 0.75 and 0.93, each are the limit of a bucket.
SCORE_BUCKETS = tuple(sorted({round(step / 20, 2) for step in range(1, 21)} | {0.93}))
GAIN_BUCKETS = (0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.3, 0.5, 1)
RUN_BUCKETS = (1, 2, 4, 8, 16, 32, 64)
ATTEMPT_BUCKETS = (1, 2, 3, 4, 5, 6, 8, 10, 15, 20)

# A row has one line or two.
# fmt: off
BUILD_INFO = Gauge("build_info", "Constant 1; the label carries the program's version.", ("version",))

# Intake
PHOTOS_SEEN = Counter("photos_seen_total", "Photos taken in, by what found them.", ("source",), each(labels.SOURCES))
MISSED_EVENTS = Counter("missed_events_total", "Photos that only a scan found, without any event.")
PHOTOS_IGNORED = Counter("photos_ignored_total", "Names in inbox/ that are left alone.",
    ("reason",), each(labels.IGNORED))
PHOTOS_INCOMPLETE = Gauge("photos_incomplete", "Files in inbox/ that are not proven whole yet.")
COMPLETENESS_WAIT = Histogram("completeness_wait_seconds",
    "Time from the first sight of a file to the proof that it is whole.", buckets=WAIT_BUCKETS)
LAST_SCAN = Gauge("last_scan_timestamp_seconds", "When inbox/ was last read; 0 = never.")
ROOT_REACHABLE = Gauge("root_reachable", "1 if the hot folder can be reached, else 0.")
ROOT_LINKS = Gauge("root_links", "1 for what a second name of a file is in the hot folder, as it was tried.",
    ("kind",), each(labels.LINKS))
BAD_ORDERS = Gauge("bad_orders", "Wrong orders (freisteller.toml) in inbox/, whose photos wait.")
OBSTACLE = Gauge("obstacle", "1 while this keeps photos from being done, else 0.", ("reason",), each(labels.OBSTACLES))
COLLISIONS = Counter("collisions_total", "Results that got another name because theirs was taken.")

# Photos and attempts
QUEUE_LENGTH = Gauge("queue_length", "Photos that wait for their turn.")
QUEUE_OLDEST = Gauge("queue_oldest_timestamp_seconds", "When the photo that waits longest came; 0 = none waits.")
JOBS_IN_PROGRESS = Gauge("jobs_in_progress", "Photos in work.")
PAUSED = Gauge("paused", "1 while a person has paused the work, else 0.")
PAUSED_SINCE = Gauge("paused_timestamp_seconds", "Since when the work is paused, and who paused it.", ("who",))
JOBS = Counter("jobs_total", "Photos that are done, by grade, or failed.", ("grade",), each(labels.ENDS))
FAILURES = Counter("failures_total", "Photos that went to failed/, by reason.", ("reason",), each(labels.FAILURES))
FAILED_AGAIN = Counter("failed_again_total", "Photos that failed again after a person had them tried again.")
JOB_DURATION = Histogram("job_duration_seconds", "Work on a photo, without stops, outages and back-off.",
    ("grade",), each(labels.ENDS), JOB_BUCKETS)
JOB_TURNAROUND = Histogram("job_turnaround_seconds", "Time from the arrival of a photo to its end, with all waiting.",
    ("grade",), each(labels.ENDS), TURNAROUND_BUCKETS)
STAGE_DURATION = Histogram("stage_duration_seconds", "Time that one stage of the work on a photo took.",
    ("stage",), each(labels.STAGES), STAGE_BUCKETS)
STAGE_CPU = Counter("stage_cpu_seconds_total", "Processor time of the work on photos, by stage.",
    ("stage",), each(labels.STAGES))
ATTEMPTS = Counter("attempts_total", "Recipes that an engine was asked to try.", ("model",), ALONE)
ATTEMPT_FAILURES = Counter("attempt_failures_total", "Attempts that gave no alpha.",
    ("model", "reason"), each(labels.ATTEMPT_FAILURES))
ATTEMPTS_PER_JOB = Histogram("attempts_per_job", "Attempts that a finished photo took.", buckets=ATTEMPT_BUCKETS)
SCORE = Histogram("score", "Score of each judged attempt, 0 to 1.", ("model",), ALONE, SCORE_BUCKETS)
SCORE_GAIN = Histogram("score_gain", "Best score of a photo minus its first score, if it had several attempts.",
    buckets=GAIN_BUCKETS)
VERDICTS = Counter("verdicts_total", "Results that a person moved to another grade.",
    ("from", "to"), tuple(permutations(labels.GRADES, 2)))
PUT_BACK = Counter("put_back_total", "Files that a person put back into inbox/ to have a photo tried again.",
    ("what",), each(labels.PUT_BACK))
POSTPONED = Counter("postponed_total", "Times that a photo had to wait, through no fault of its own.",
    ("reason",), each(labels.POSTPONEMENTS))
RECOVERED_JOBS = Counter("recovered_jobs_total", "Unfinished photos that a start of the daemon found.",
    ("how",), each(labels.RECOVERIES))
DUPLICATES = Counter("duplicates_total", "Photos that were not cut out because the same photo came before.")
JOURNAL_DAMAGED = Counter("journal_damaged_total", "Damaged journals that a start of the daemon set aside.")
QUARANTINED = Counter("quarantined_total", "Photos that went to failed/ because the program died on them.")
WORKERS_LOST = Counter("workers_lost_total", "Worker processes that died, hung or wanted too much memory with a file.")
WITNESSES = Counter("witnesses_total", "Photos beside whose results another model should stand, by what came of it.",
    ("result",), each(labels.WITNESSES))
LAST_SUCCESS = Gauge("last_success_timestamp_seconds", "When a photo last got a grade; 0 = not since the start.")

# Engines
ENGINE_UP = Gauge("engine_up", "1 if the server answers and can work, else 0.", ("server",), ALONE)
ENGINE_BUSY = Counter("engine_busy_seconds_total", "Time that a server spent computing for us.", ("server",), ALONE)
ENGINE_QUEUE_LENGTH = Gauge("engine_queue_length", "Our calls that a server has not answered yet.", ("server",), ALONE)
ENGINE_MEMORY_TOTAL = Gauge("engine_memory_total_bytes", "Memory of the server's devices.", ("server", "device"))
ENGINE_MEMORY_FREE = Gauge("engine_memory_free_bytes", "Free memory of the server's devices.", ("server", "device"))
ENGINE_CIRCUIT_STATE = Gauge("engine_circuit_state", "0 the server is used, 1 it is on trial, 2 it is left out.",
    ("server",))
ENGINE_RECONNECTS = Counter("engine_reconnects_total", "Connections to a server that were lost and renewed.",
    ("server",), ALONE)
ENGINE_FALLBACKS = Counter("engine_fallbacks_total", "How often the processor stood in for a graphics card.",
    ("server",), ALONE)
ENGINE_RUN_PHOTOS = Histogram("engine_run_photos", "Photos in each run of a network of the built-in engine.",
    ("server",), buckets=RUN_BUCKETS)
ENGINE_PAUSED_MODELS = Gauge("engine_paused_models", "Models that get no photos on a server.", ("server",), ALONE)
ENGINE_UPLOADS = Gauge("engine_uploads", "Our pictures in a server's temp folder.", ("server",))
ENGINE_HISTORY_ENTRIES = Gauge("engine_history_entries", "Our finished prompts that a server still remembers.",
    ("server",))
CANARY_SUCCESS = Gauge("canary_success_timestamp_seconds", "When the test picture last came back right; 0 = never.",
    ("server", "model"))

# Other machines
CLUSTER_SCHEDULER_UP = Gauge("cluster_scheduler_up", "1 if the scheduler of the cluster answers, else 0.",
    ("scheduler",))
CLUSTER_WORKERS = Gauge("cluster_workers", "Workers that the scheduler knows, by whether they get photos, or why not.",
    ("state",))
CLUSTER_WORKERS_LOST = Counter("cluster_workers_lost_total", "Workers that were lost while they had photos.",
    ("reason",), each(labels.WORKERS_LOST))
CLUSTER_PHOTOS = Counter("cluster_photos_total", "Photos that workers brought to their end.")
CLUSTER_PHOTOS_LOST = Counter("cluster_photos_lost_total", "Times that a photo was lost with a worker, or on the way.",
    ("reason",), each(labels.FAR_PHOTOS_LOST))
CLUSTER_PHOTOS_GIVEN_BACK = Counter("cluster_photos_given_back_total", "Times that a worker could not do a photo.",
    ("reason",), each(labels.FAR_PHOTOS_GIVEN_BACK))
CLUSTER_WORKER_PHOTOS = Counter("cluster_worker_photos_total", "Photos that this worker brought to their end.",
    ("worker",), ALONE)
CLUSTER_WORKER_IN_PROGRESS = Gauge("cluster_worker_photos_in_progress", "Photos that this worker has now.", ("worker",))
CLUSTER_WORKER_THREADS = Gauge("cluster_worker_threads", "Photos that this worker works on at once.", ("worker",))
CLUSTER_WORKER_CORES = Gauge("cluster_worker_cores", "Processors that this worker may use.", ("worker",))
CLUSTER_WORKER_MEMORY = Gauge("cluster_worker_memory_bytes", "Memory that photos may take on this worker.", ("worker",))
CLUSTER_WORKER_SET_ASIDE = Gauge("cluster_worker_set_aside", "1 while this worker gets no photos, and why.",
    ("worker", "reason"))

# Notifications
NOTIFICATIONS = Counter("notifications_total", "Notices for a hook, delivered or not.",
    ("hook", "event"), each(labels.EVENTS))
NOTIFICATION_FAILURES = Counter("notification_failures_total", "Notices that a hook did not get, after all tries.",
    ("hook", "reason"), each(labels.NOTICE_FAILURES))
BATCHES_DONE = Counter("batches_done_total", "Folders of inbox/ that were done and empty again.")

# The machine
HEARTBEAT = Gauge("heartbeat_timestamp_seconds", "When the main loop of the daemon last turned; 0 = never.")
DISK_FREE = Gauge("disk_free_bytes", "Free space where results or state are written.", ("mount",))
DISK_SIZE = Gauge("disk_size_bytes", "Size of the file system of that mount.", ("mount",))
GPU_UTILIZATION = Gauge("gpu_utilization_ratio", "Share of time this GPU works, 0 to 1.", ("gpu",))
GPU_MEMORY_USED = Gauge("gpu_memory_used_bytes", "Memory in use on this GPU.", ("gpu",))
GPU_MEMORY_TOTAL = Gauge("gpu_memory_total_bytes", "Memory of this GPU.", ("gpu",))
GPU_POWER = Gauge("gpu_power_watts", "Power this GPU draws.", ("gpu",))
# fmt: on

ALL: tuple[Series, ...] = tuple(row for row in list(vars().values()) if isinstance(row, Series))
"""Every series of this module, in the order above, which is also the order on the page."""
