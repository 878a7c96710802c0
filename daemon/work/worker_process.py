"""One worker process, and the channel on which it is asked."""

import multiprocessing
import os
import pickle
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from multiprocessing.reduction import send_handle
from typing import Any

from daemon.errors import NoRoom, Said, WorkerLost
from daemon.work.time_limits import TimeLimits
from daemon.work.worker_calls import Call, Reply
from daemon.work.worker_main import RELEASE, serve

# So that a worker starts in milliseconds, and shares this memory.
_PRELOADED = ["__main__", "daemon.work.worker_main", "daemon.work.worker_preload"]
_END_SECONDS = 5.0  # a process that was killed is gone within this time
_CONTEXT = multiprocessing.get_context("forkserver")  # its processes have none of our threads, locks and open files
_STARTING = threading.Lock()  # multiprocessing looks after all processes whenever it starts one


def prepare() -> None:
    """Start what worker processes are forked from, so that the first photo need not wait for it."""
    with _STARTING, _deaf_to_ctrl_c():
        _CONTEXT.set_forkserver_preload(_PRELOADED)
        multiprocessing.forkserver.ensure_running()  # type: ignore[attr-defined]


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """A terminal sends Ctrl-C to all processes. What is started in the block does not hear it: the daemon ends it.

    Python's fork server ignores it by itself, but only once it has imported everything.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


class WorkerProcess:
    """A process that does one thing at a time. Only one thread uses it, but any may kill it."""

    def __init__(self, limits: TimeLimits, program: Callable[[Connection, int], None] = serve) -> None:
        """Start it. program: what it runs, as `worker_main.serve`.

        Raises NoRoom if the machine allows no more processes.
        """
        self._limits = limits
        self.files = 0
        """On how many files it has worked."""
        self.lost = False
        """Whether it died or was killed."""
        self.stages: tuple[tuple[str, float, float], ...] = ()
        """What the last call timed, as `StageClock` tells it."""
        self._hung = False
        try:
            self._channel, theirs = _CONTEXT.Pipe()
            with theirs, _STARTING, _deaf_to_ctrl_c():
                self._process = _CONTEXT.Process(target=program, args=(theirs, os.getpid()), name="photo", daemon=True)
                self._process.start()
        except (OSError, EOFError) as error:
            raise NoRoom(Said("no_process", detail=error)) from error

    def ask(self, seconds: float, name: str, *values: Any, descriptor: int | None = None) -> Any:
        """Call `name` there with these values; returns what it returns and raises what it raises.

        seconds: after which the process counts as hung and is killed. descriptor: an open file that goes along.

        Raises WorkerLost if the process dies, hangs, or gets no memory.
        """
        self.stages = ()
        try:
            with self._limits.limit(seconds, self._end_hung):
                self._send(Call(name, values))
                if descriptor is not None:
                    send_handle(self._channel, descriptor, self._process.pid)
                answer: Reply = pickle.loads(self._channel.recv_bytes())
        except (OSError, EOFError) as error:
            raise WorkerLost(self._end()) from error
        self.stages = answer.stages
        if isinstance(answer.error, MemoryError):
            raise WorkerLost(Said("needs_much_memory"))
        if answer.error is not None:
            answer.error.add_note(answer.trace)
            raise answer.error from answer.cause
        return answer.value

    def release(self) -> None:
        """Let it forget its file. `is_free` waits for that, so that nobody does in vain."""
        with suppress(OSError):  # it died, which `is_free` finds out
            self._send(Call(RELEASE, ()))

    def is_free(self, seconds: float) -> bool:
        """Whether it has forgotten its file, at the latest after so many seconds, and has not died since."""
        try:
            if self._channel.poll(seconds):
                self._channel.recv_bytes()
                return not self._channel.poll(0)  # it says nothing more by itself, so that would be its end
        except (OSError, EOFError):
            pass
        return False

    @property
    def has_ended(self) -> bool:
        """Whether it died while nobody asked it: it says nothing by itself."""
        try:
            return self._channel.poll(0)
        except OSError:
            return True

    def _send(self, call: Call) -> None:
        self._channel.send_bytes(pickle.dumps(call, protocol=pickle.HIGHEST_PROTOCOL))

    def kill(self) -> None:
        """End it now, whatever it does. A thread that waits for its answer gets WorkerLost."""
        self.lost = True
        self._process.kill()

    def close(self) -> None:
        """Let it end, since there is nothing more to do."""
        self.lost = True
        self._channel.close()
        self._process.join(_END_SECONDS)

    def _end_hung(self) -> None:
        self._hung = True
        self.kill()

    def _end(self) -> Said:
        """Say how the process was lost."""
        self.kill()
        with _STARTING:
            self._process.join(_END_SECONDS)
            code = self._process.exitcode
        if self._hung:
            return Said("process_hung")
        if code is not None and code < 0:
            return Said("process_killed", signal=signal.Signals(-code).name)
        return Said("process_ended", n=code)
