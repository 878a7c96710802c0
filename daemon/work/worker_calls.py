"""What the daemon and a process that works for it say to each other, and how such a process begins."""

import ctypes
import os
import pickle
import resource
import signal
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import cv2

from daemon.work import kept_memory

_PR_SET_PDEATHSIG = 1  # prctl(2)
_MORE_LIKELY_KILLED = 300  # oom_score_adj, proc(5): the kernel ends a worker rather than the daemon
_MOST_THREADS = 4  # of one worker: photos are worked on side by side, so more would only wait for the same cores


class Call(NamedTuple):
    """What the daemon asks a worker process for, with what belongs to it."""

    name: str
    values: tuple[Any, ...]


class Reply(NamedTuple):
    """What came of a call. error: what it raised, with its cause and its traceback as text.

    stages: what it timed, as `StageClock` tells it.
    """

    value: Any = None
    error: Exception | None = None
    cause: BaseException | None = None
    trace: str = ""
    stages: tuple[tuple[str, float, float], ...] = ()


def become_a_worker() -> None:
    """Be a process that the daemon started: it ends with the daemon, and before it if memory is short."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the daemon, which hands its work back
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    with suppress(OSError):
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    kept_memory.keep_memory()
    cv2.setNumThreads(min(_MOST_THREADS, len(os.sched_getaffinity(0))))
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)  # nobody writes for a daemon that is gone
    path = Path("/proc/self/oom_score_adj")
    with suppress(OSError, ValueError):
        path.write_text(str(min(1000, int(path.read_text()) + _MORE_LIKELY_KILLED)))


def encoded(answer: Reply) -> bytes:
    """An answer as bytes. An error that cannot travel becomes one that can."""
    try:
        if answer.error is not None:
            pickle.loads(pickle.dumps(answer))
        return pickle.dumps(answer, protocol=pickle.HIGHEST_PROTOCOL)
    except Exception:  # noqa: BLE001 - an exception of a library may do anything here
        text = f"{type(answer.error).__name__}: {answer.error}"
        return pickle.dumps(Reply(None, RuntimeError(text), None, answer.trace))
