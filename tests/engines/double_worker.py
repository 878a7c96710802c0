"""The double's worker: queue, history, and the thread that runs one prompt after another."""

import heapq
import itertools
import random
import string
import threading
import time
from collections.abc import Callable
from typing import Any

from tests.engines.double_faults import Faults
from tests.engines.double_files import FileName
from tests.engines.double_node_runner import Died, Inference, Json
from tests.engines.double_run import Run
from tests.engines.double_socket import Sessions
from tests.engines.double_version import CREATE_TIME, OLDEST, Version


class Worker:
    """Everything that a restart forgets, except `files`."""

    def __init__(
        self,
        faults: Faults,
        files: dict[FileName, bytes],
        changed: threading.Condition,
        version: Version = OLDEST,
    ) -> None:
        self.version = version
        self.faults = faults
        self.files = files
        self.sessions = Sessions()
        self.history: dict[str, Json] = {}
        self.inferences: list[Inference] = []
        self.busy_seconds = 0.0
        self.die: Callable[[], None] = lambda: None
        self.changed = changed
        self._pending: list[tuple[float, str, Json, Json, list[str]]] = []
        self._running: list[Any] | None = None
        self.executing: tuple[str | None, str] | None = None
        self._counter = itertools.count()
        self.cache: dict[str, Json] = {}
        self.nodes: dict[tuple[str, str], set[str]] = {}
        self.interrupted = False
        self.saving = False
        self._free = False
        self.stopped = False
        self.letters = "".join(random.choices(string.ascii_lowercase, k=5))
        self.image_numbers = itertools.count(1)
        self._thread = threading.Thread(target=self._work, name="double-worker", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        with self.changed:
            self.stopped = True
            self.changed.notify_all()

    def is_stopped(self) -> bool:
        return self.stopped

    # For the routes

    def put(self, body: Json, prompt: Json, outputs: list[str]) -> tuple[str, float]:
        number = self._number(body)
        prompt_id = str(body["prompt_id"]) if "prompt_id" in body else _new_id()
        extra = dict(body.get("extra_data") or {})
        if "client_id" in body:
            extra["client_id"] = body["client_id"]
        if self.version >= CREATE_TIME:
            extra["create_time"] = int(time.time() * 1000)
        with self.changed:
            heapq.heappush(self._pending, (number, prompt_id, prompt, extra, outputs))
            self.changed.notify_all()
            self.tell_status()  # before the events of the prompt's own run
        return prompt_id, number

    def queue(self) -> Json:
        with self.changed:
            running = [self._running] if self._running else []
            return {"queue_running": list(running), "queue_pending": [list(item) for item in self._pending]}

    def remaining(self) -> int:
        with self.changed:
            return len(self._pending) + (1 if self._running else 0)

    def dequeue(self, prompt_ids: list[str] | None) -> None:
        """Remove waiting prompts. None removes all of them."""
        with self.changed:
            before = len(self._pending)
            self._pending = [item for item in self._pending if prompt_ids is not None and item[1] not in prompt_ids]
            heapq.heapify(self._pending)
            changed = len(self._pending) != before
            self.changed.notify_all()
        if changed:
            self.tell_status()

    def forget(self, prompt_ids: list[str] | None) -> None:
        with self.changed:
            for prompt_id in list(self.history) if prompt_ids is None else prompt_ids:
                self.history.pop(prompt_id, None)
            self.changed.notify_all()

    def interrupt(self, prompt_id: str | None) -> None:
        """Interrupt this prompt if it runs. None interrupts whatever runs."""
        with self.changed:
            if self._running and prompt_id in (None, self._running[1]):
                self.interrupted = True

    def free(self) -> None:
        with self.changed:
            self._free = True
            self.changed.notify_all()

    def is_asked_to_free(self) -> bool:
        return self._free

    def holds_a_result(self) -> bool:
        """Whether a node that saves or shows has begun and is held."""
        return self.saving

    def tell_status(self, client_id: str | None = None, **extra: str) -> None:
        status = {"status": {"exec_info": {"queue_remaining": self.remaining()}}, **extra}
        self.sessions.tell("status", status, client_id)

    def greet(self, client_id: str) -> None:
        """Send the first events of a new socket."""
        self.tell_status(client_id, sid=client_id)
        executing = self.executing
        if executing and executing[0] == client_id:
            self.sessions.tell("executing", {"node": executing[1]}, client_id)

    # The thread

    def _number(self, body: Json) -> float:
        if "number" in body:
            return float(body["number"])
        counted = next(self._counter)
        return -counted if body.get("front") else counted

    def _work(self) -> None:
        while True:
            with self.changed:
                while not self._pending and not self._free and not self.stopped:
                    self.changed.wait()
                if self.stopped:
                    return
                if self._free:
                    self._free = False
                    self.cache, self.nodes = {}, {}
                    self.changed.notify_all()
                    continue
                item = heapq.heappop(self._pending)
                self._running = list(item)
                self.interrupted = False
            self.tell_status()
            began = time.monotonic()
            try:
                run = Run(self, item[1], item[2], item[3].get("client_id"), item[4])
                entry = run.execute()
            except Died:
                return
            forgotten = self.faults.happens("forget_prompts")
            with self.changed:
                if self.is_stopped():
                    return
                self._running, self.executing = None, None
                self.busy_seconds += time.monotonic() - began
                if not forgotten:
                    self.history[item[1]] = {"prompt": list(item), **entry}
                self.changed.notify_all()
            self.tell_status()
            run.tell("executing", {"node": None})


def _new_id() -> str:
    digits = "".join(random.choices("0123456789abcdef", k=32))
    return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
