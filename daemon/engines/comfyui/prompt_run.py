"""One ticket's way on one server: ask whether it is known there, else submit it; wait; fetch; be sure it is ours.

The history is the truth. Events only shorten the wait, and every doubt (a restart, a lost answer, a result whose file
is gone) ends in the same question: finished, queued, or unknown?
"""

import contextlib
import hashlib
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from daemon.arrays import Alpha, Rgb
from daemon.engines.comfyui import error_mapping
from daemon.engines.comfyui.event_socket import Events, Hint
from daemon.engines.comfyui.graph import Prompt
from daemon.engines.comfyui.http_client import Http, ResultGone
from daemon.engines.comfyui.provenance import loaded_digest
from daemon.engines.comfyui.replies import Finished, Queue, asks_the_same
from daemon.engines.comfyui.retrying import patiently
from daemon.engines.comfyui.upload_names import UploadNames
from daemon.errors import EngineAway, FreistellerError
from daemon.pictures import codec

T = TypeVar("T")

MOST_SUBMISSIONS = 4  # the first, and three after restarts, interrupts or results that were not ours
DEAF_POLLS = 8  # polls in the time of one, while no events come


@dataclass(frozen=True, slots=True)
class Picture:
    """What is uploaded: the encoded proxy, its SHA-256 in hex, and its size in pixels."""

    encoded: bytes
    digest: str
    height: int
    width: int

    @classmethod
    def of(cls, proxy: Rgb) -> "Picture":
        """Encode a proxy, (H, W, 3) uint8 sRGB, once for all servers that may see it."""
        encoded = codec.encode_proxy(proxy)
        return cls(encoded, hashlib.sha256(encoded).hexdigest(), proxy.shape[0], proxy.shape[1])


@dataclass(frozen=True, slots=True)
class Limits:
    """How long things may take, in seconds."""

    attempt: float
    poll: float


@dataclass(slots=True)
class Errand:
    """One ticket on one server. `run` may be called once."""

    prompt_id: str
    picture: Picture
    model: str
    prompt: Callable[[str], Prompt]
    """LoadImage's name of the picture -> the prompt to post."""
    sink: str
    http: Http
    events: Events
    names: UploadNames
    limits: Limits
    clock: Callable[[], float]
    stop: threading.Event
    new: bool = False
    """Nobody can have asked with this ticket before: no need to look for an answer first."""
    stages: dict[str, float] = field(default_factory=dict)
    _used: set[str] = field(default_factory=set)
    _uploaded_again: bool = False

    def run(self) -> Alpha:
        """The raw alpha of the picture. Raises the engine errors of `daemon.errors`."""
        trouble = ""
        with self.events.watch(self.prompt_id) as hint:
            for _ in range(MOST_SUBMISSIONS):
                finished = self._finish(hint)
                if finished is None:
                    trouble = "it forgot it"
                elif finished.interrupted:
                    trouble = "somebody interrupted it"
                elif finished.error is not None:
                    trouble = self._answer_to(finished)
                else:
                    try:
                        return self._fetch(finished)
                    except ResultGone as gone:
                        trouble = str(gone)
                        self._used.add(finished.picture)
                self._drop()
        raise EngineAway(f"{self.http.name} did not bring a prompt to its end in {MOST_SUBMISSIONS} tries: {trouble}.")

    def _finish(self, hint: Hint) -> Finished | None:
        """How the prompt ended, whoever submitted it; None where the server forgot it."""
        hint.expect("")  # should it be there already, its events go to a connection that is no more
        queue, finished = self._look()
        if finished is not None and finished.complete:
            if finished.error is None and not finished.interrupted:
                return finished
            self._drop()  # of an earlier try; a failure of then is no answer now
        elif finished is not None or self.prompt_id in queue:
            return self._wait(hint)
        with self.names.lease(queue.pictures | self._used) as name:
            if not self._submit(name, hint):
                return None
            return self._wait(hint)

    def _look(self) -> tuple[Queue, Finished | None]:
        """Queue first, history second: a prompt that ends in between is in one of them, never in neither."""
        queue = self._patiently(self.http.queue)
        new, self.new = self.new, False
        if new or self.prompt_id in queue:
            return queue, None
        return queue, self._patiently(lambda: self.http.history(self.prompt_id, self.sink))

    def _submit(self, name: str, hint: Hint) -> bool:
        """Upload and post. Returns whether the server has it now."""
        hint.expect(self.events.client_id)
        with self._stage("upload"):
            stored = self._patiently(lambda: self.http.upload(self.picture.encoded, self.names.folder, name))
            self._used.add(stored)
            try:
                self._post(stored, hint)
            except error_mapping.UploadLost:
                stored = self._patiently(lambda: self.http.upload(self.picture.encoded, self.names.folder, name))
                self._post(stored, hint)
            except error_mapping.QueuedAllTheSame:
                self._cancel()
                raise
            except EngineAway:
                queue, finished = self._look()  # an answer that got lost, or a 5xx, may have queued it all the same
                return finished is not None or self.prompt_id in queue
        return True

    def _post(self, stored: str, hint: Hint) -> None:
        self.http.submit(self.prompt(stored), self.prompt_id, hint.client_id, self.model)

    def _wait(self, hint: Hint) -> Finished | None:
        """Wait for the end, for as long as the queue moves. Raises EngineAway when it stands still for too long."""
        began = self.clock()
        deadline = began + self.limits.attempt
        started: float | None = None
        ahead: tuple[str, ...] | None = None
        queue, finished = Queue(), None
        while True:
            soon = finished is not None or not self.events.heard  # no event will tell of it
            hint.wait(self.limits.poll / DEAF_POLLS if soon else self.limits.poll)
            self._look_up()
            finished = self._patiently(lambda: self.http.history(self.prompt_id, self.sink))
            if finished is None:
                queue = self._patiently(self.http.queue)
                if self.prompt_id not in queue:
                    finished = self._patiently(lambda: self.http.history(self.prompt_id, self.sink))
            if finished.complete if finished is not None else self.prompt_id not in queue:
                self.events.note_end(hint)
                started = hint.started_at or started or began
                self._spent("wait", max(0.0, started - began))
                self._spent("infer", self.clock() - max(started, began))
                return finished
            now = self.clock()
            if self.prompt_id in queue.running and started is None:
                started = hint.started_at or now
                deadline = started + self.limits.attempt
            elif started is None and queue.running != ahead:  # others work before us, and get on
                ahead = queue.running
                deadline = now + self.limits.attempt
            if now >= deadline:
                self._cancel()
                if finished is not None:
                    self._drop()  # an entry that is never completed would be waited for again
                raise EngineAway(
                    f"{self.http.name} took more than {self.limits.attempt:g} s over one prompt ({self.model}); "
                    "raise comfyui.attempt_seconds if it is just slow."
                )

    def _fetch(self, finished: Finished) -> Alpha:
        """The alpha, if it is this picture's. Raises ResultGone where there is none, or it is another one's."""
        image = finished.image
        if image is None:
            raise ResultGone(f"{self.http.name} says success but shows no result")
        if not asks_the_same(finished.prompt, self.prompt(finished.picture)):  # the ladder changed meanwhile
            raise ResultGone(f"{self.http.name} computed {image.filename} by another recipe")
        with self._stage("fetch"):
            encoded = self._patiently(lambda: self.http.view(image))
            loaded = loaded_digest(encoded)
            if loaded is not None and loaded != self.picture.digest:
                raise ResultGone(f"{self.http.name} computed {image.filename} from another picture")
            try:
                alpha = codec.decode_alpha(encoded)
            except ValueError as error:
                raise ResultGone(f"{self.http.name} sent {image.filename} damaged: {error}") from error
            if alpha.shape != (self.picture.height, self.picture.width):
                raise ResultGone(f"{self.http.name} sent an alpha of another size ({image.filename})")
        return alpha

    def _answer_to(self, finished: Finished) -> str:
        """What to do about a prompt that failed: once more where the upload may be to blame, else raise."""
        if finished.error is None:
            raise ValueError("a prompt without an error needs no answer")
        fault = error_mapping.of_node_error(finished.error, self.http.name, self.model)
        if isinstance(fault, error_mapping.CorruptUpload) and not self._uploaded_again:
            self._uploaded_again = True
            return str(fault)
        self._drop()
        raise fault

    def _drop(self) -> None:
        """Delete the history entry, so that nobody takes it for the answer of the next submission."""
        self._patiently(lambda: self.http.forget([self.prompt_id]))

    def _cancel(self) -> None:
        with contextlib.suppress(FreistellerError):  # it is away or stuck; the next look will see what became of it
            self.http.dequeue([self.prompt_id])
            self.http.interrupt(self.prompt_id)

    def _patiently(self, request: Callable[[], T]) -> T:
        """Send a request that may be repeated, and repeat it where the server is away for a moment only."""
        return patiently(request, self.clock, self.stop, self._look_up)

    def _look_up(self) -> None:
        if self.stop.is_set():
            raise EngineAway(f"Stopped while {self.http.name} was at work; it will be asked for the result later.")

    @contextlib.contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        began = self.clock()
        try:
            yield
        finally:
            self._spent(name, self.clock() - began)

    def _spent(self, name: str, seconds: float) -> None:
        self.stages[name] = self.stages.get(name, 0.0) + seconds
