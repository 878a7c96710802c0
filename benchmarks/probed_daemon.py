"""Runs the daemon, and writes down what each stage of its work took: a line of JSON for each.

    FREISTELLER_STAGES=FOLDER python benchmarks/probed_daemon.py run

Each process writes into a file of its own in FOLDER. Worker processes are forked from one that imports this file, so
they are measured as well. What a stage read and wrote, it did by system calls, pipes to other processes included.
"""

import json
import multiprocessing
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).resolve().parent.parent
if str(CHECKOUT) not in sys.path:
    sys.path.insert(0, str(CHECKOUT))

from benchmarks.counted_syncs import Sync, counting  # noqa: E402 - the checkout is no installed package
from daemon.observe.stage_clock import StageClock  # noqa: E402

FOLDER = "FREISTELLER_STAGES"
FIGURES = ("seconds", "cpu_seconds", "read_bytes", "written_bytes", "fsyncs", "commits")
Used = tuple[float, ...]

_thread = threading.local()
_notes: dict[int, int] = {}  # the open file of each process, by its id


class _OfThisThread(list[Sync]):
    """Counts waits for each thread, and keeps none."""

    def append(self, sync: Sync) -> None:
        name = f"{sync.kind}s"
        setattr(_thread, name, getattr(_thread, name, 0) + 1)


def probe() -> None:
    """Let every stage of this process write down what it took, until the process ends."""
    waits = counting()
    syncs = waits.__enter__()
    syncs.all = _OfThisThread()
    probe.__dict__["waits"] = waits  # if nobody held it, it would end now
    plain_timed, plain_add = StageClock.timed, StageClock.add

    @contextmanager
    def timed(clock: StageClock, stage: str) -> Iterator[None]:
        outer, inner = getattr(_thread, "inner", None), [0.0] * len(FIGURES)
        _thread.inner = inner
        _forget_peak()
        before = _used()
        try:
            with plain_timed(clock, stage):
                yield
        finally:
            used = [after - begun for after, begun in zip(_used(), before, strict=True)]
            _thread.inner = outer
            _leave_out(outer, used)
            _note(stage, [mine - others for mine, others in zip(used, inner, strict=True)])

    def add(clock: StageClock, stage: str, seconds: float, cpu_seconds: float, *, in_this_thread: bool) -> None:
        plain_add(clock, stage, seconds, cpu_seconds, in_this_thread=in_this_thread)
        used = [seconds, cpu_seconds if in_this_thread else 0.0, *[0.0] * (len(FIGURES) - 2)]
        _leave_out(getattr(_thread, "inner", None), used)
        if in_this_thread:  # else the other process has noted it
            _note(stage, used)

    clock: Any = StageClock  # its methods are replaced
    clock.timed, clock.add = timed, add


def _leave_out(outer: list[float] | None, used: list[float]) -> None:
    if outer is not None:
        outer[:] = [so_far + more for so_far, more in zip(outer, used, strict=True)]


def _used() -> Used:
    """What this thread has used so far, by FIGURES; a worker does one thing at a time, so there it is the process."""
    lines = Path("/proc/self/io" if _is_worker() else "/proc/thread-self/io").read_text().splitlines()
    read, written = (float(line.split()[1]) for line in lines[:2])  # rchar and wchar, proc(5)
    cpu = time.process_time() if _is_worker() else time.thread_time()
    return time.perf_counter(), cpu, read, written, getattr(_thread, "fsyncs", 0), getattr(_thread, "commits", 0)


def _is_worker() -> bool:
    return multiprocessing.parent_process() is not None


def _forget_peak() -> None:
    if _is_worker():  # the daemon's threads share one peak
        with suppress(OSError):
            Path("/proc/self/clear_refs").write_text("5")  # VmHWM begins anew, proc(5)


def _peak_mb() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 1024


def _note(stage: str, used: list[float]) -> None:
    row = {"stage": stage, **dict(zip(FIGURES, used, strict=True)), "peak_mb": _peak_mb()}
    if os.getpid() not in _notes:
        path = Path(os.environ[FOLDER]) / f"{os.getpid()}.jsonl"
        _notes[os.getpid()] = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(_notes[os.getpid()], json.dumps(row).encode() + b"\n")


if os.environ.get(FOLDER) and __name__ in ("__main__", "__mp_main__"):
    probe()

if __name__ == "__main__":
    from daemon.cli import main

    main()
