"""What `freisteller doctor` checks of a cluster: certificates, the scheduler, and what each worker says of itself."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing
from datetime import UTC, datetime
from queue import Empty, Queue

from daemon import __version__
from daemon.cluster.known_worker import KnownWorker
from daemon.cluster.link import Link, LinkLost, SeenWorker, TlsFiles
from daemon.cluster.tallies import Tally
from daemon.cluster.worker_state import FarWorker
from daemon.commands.findings import Check
from daemon.errors import BadSettings, FreistellerError
from daemon.hotfolder.hot_folder import HotFolder
from daemon.service.cluster_certificates import certificate_days_left
from daemon.service.cluster_link import WARN_DAYS, proven_files, way_to
from daemon.settings import Settings
from daemon.words.counted import counted

HERE_MEANWHILE = "Until then the daemon cuts photos out itself."
ANSWER_SECONDS = 30.0
OTHER_ROOT = "other_root"
"""As a reason of `SET_ASIDE`, but known to a doctor alone: the daemon sees it when the worker gives a photo back."""
REMEDIES: Mapping[str, str] = {
    "other_version": f"Install version {__version__} of Freisteller there.",
    "root_away": "Mount the hot folder there, and name it in the settings there.",
    OTHER_ROOT: "Mount the hot folder of this daemon there, or let it join another scheduler.",
    "engine_away": "Run freisteller doctor there.",
    "silent": "Look whether that machine hangs, or cannot be reached.",
    "leaving": "",
}


def cluster_checks(settings: Settings) -> Iterator[Check]:
    """Check the cluster of the settings, if they name one. Only with executor = "dask" the scheduler is asked."""
    cluster = settings.cluster
    if not cluster.scheduler:
        return
    try:
        tls = proven_files(cluster)
        if tls is not None:
            yield _certificates(tls)
        if settings.dispatch.executor != "dask":
            return
        connect = way_to(cluster, tls)
    except BadSettings as error:
        yield Check("fail", "cluster", str(error), "Do what it says. Until then the daemon does not start.")
        return
    try:
        seen = _asked(connect)
    except LinkLost as error:
        text = f"{cluster.scheduler} does not answer ({error})"
        remedy = f"Look whether the scheduler runs, and whether its port can be reached from here. {HERE_MEANWHILE}"
        yield Check("warn", "scheduler", text, remedy)
        return
    yield Check("OK", "scheduler", f"{cluster.scheduler} answers, and knows {counted(len(seen), 'worker')}")
    if not seen:
        remedy = f"Start one on each machine: freisteller worker {cluster.scheduler}. {HERE_MEANWHILE}"
        yield Check("warn", "workers", "none is there", remedy)
    for worker in sorted(seen, key=lambda each: each.name):
        yield worker_check(worker, seen, settings.cluster.silent_seconds, _identity(settings))


def _asked(connect: Callable[[], Link]) -> Sequence[SeenWorker]:
    """The workers that the scheduler knows. Raises LinkLost, also if it lets us connect and says nothing then."""
    answers: Queue[Sequence[SeenWorker] | LinkLost] = Queue()

    def ask() -> None:
        try:
            with closing(connect()) as link:
                answers.put(link.workers())
        except LinkLost as error:
            answers.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=ANSWER_SECONDS)
    except Empty:
        raise LinkLost(f"it says nothing for {ANSWER_SECONDS:.0f} seconds") from None
    if isinstance(answer, LinkLost):
        raise answer
    return answer


def worker_check(worker: SeenWorker, all_seen: Sequence[SeenWorker], silent_seconds: float, root_id: str) -> Check:
    """How one worker is. all_seen: every worker, itself included. root_id: of the hot folder; "" = not known."""
    newest = max(each.seen for each in all_seen)  # by the scheduler's clock, which may not be ours
    known = KnownWorker(worker, heard_at=worker.seen)
    shown = known.shown(__version__, newest, silent_seconds, Tally())
    why = shown.set_aside
    if not why and root_id and worker.told.get("root_id", root_id) != root_id:
        why = OTHER_ROOT
    what = f"worker {shown.name}"
    if why:
        return Check("warn", what, f"gets no photos: {_reason(shown, why)}", REMEDIES[why])
    return Check("OK", what, _has(shown))


def _reason(worker: FarWorker, why: str) -> str:
    return {
        "other_version": f"it has version {worker.version}, and this is {__version__}"
        if worker.version
        else "it is no worker of Freisteller, or has just joined",
        "root_away": "it does not see the hot folder",
        OTHER_ROOT: "it sees another hot folder",
        "engine_away": f"it reaches no engine ({worker.engine})",
        "silent": "it has not been heard of for a while",
        "leaving": "it was asked to end",
    }[why]


def _has(worker: FarWorker) -> str:
    told = [f"version {worker.version}", "sees the hot folder", f"its engine answers ({worker.engine})"]
    told += [f"{counted(worker.threads, 'photo')} at once"]
    if worker.cores:
        told += [counted(worker.cores, "processor")]
    if worker.memory_bytes:
        told += [f"{worker.memory_bytes / 1024**3:.1f} GiB for photos"]
    return f"on {worker.host}: {', '.join(told)}"


def _certificates(tls: TlsFiles) -> Check:
    days = certificate_days_left(tls, datetime.now(UTC))
    text = f"{tls.cert} fits its key and its authority, and ends in {counted(int(days), 'day')}"
    if days <= WARN_DAYS:
        remedy = "Bring a new one to all machines, see docs/operations/cluster.md: without it nobody is let in."
        return Check("warn", "certificates of the cluster", text, remedy)
    return Check("OK", "certificates of the cluster", text)


def _identity(settings: Settings) -> str:
    try:
        return HotFolder(settings.root_path).find() or ""
    except (OSError, FreistellerError):
        return ""
