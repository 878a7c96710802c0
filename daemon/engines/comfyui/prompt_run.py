"""Runs one ticket's prompt on one server: finds or submits it, waits for it, and fetches the result.

The history is the truth. Events only shorten the wait. Every doubt (a restart, a lost answer, a result whose file is
gone) ends in the same question to the server: is the prompt finished, queued or unknown?
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

from daemon.engines.comfyui import error_mapping
from daemon.engines.comfyui.deaths import Deaths
from daemon.engines.comfyui.event_socket import EventSocket, Hint
from daemon.engines.comfyui.graph import Prompt, wired
from daemon.engines.comfyui.http_client import HttpClient, ResultGone
from daemon.engines.comfyui.provenance import loaded_digest
from daemon.engines.comfyui.replies import FinishedPrompt, NodeError, Queue, same_request
from daemon.engines.comfyui.retrying import with_retries
from daemon.engines.comfyui.upload_names import UploadNames
from daemon.engines.contract import R, ReadAlpha
from daemon.engines.encoded_proxy import EncodedProxy
from daemon.errors import NOTHING_SAID, EngineAway, FreistellerError, Said, said_of
from daemon.settings import ComfyUISettings

T = TypeVar("T")

MOST_SUBMISSIONS = 4  # the first one, and three after restarts, interrupts or results that were not ours
POLLS_WITHOUT_EVENTS = 8  # polls in the time of one poll, while no event announces the end


@dataclass(slots=True)
class PromptRun:
    """One ticket on one server. Call `run` once only."""

    prompt_id: str
    proxy: EncodedProxy
    model: str
    prompt: Callable[[str], Prompt]
    """Takes LoadImage's name of the picture and returns the prompt to post."""
    channel: int
    """Which channel of the result is the alpha: 0, or 3."""
    http: HttpClient
    events: EventSocket
    names: UploadNames
    settings: ComfyUISettings
    clock: Callable[[], float]
    stop: threading.Event
    deaths: Deaths
    new: bool = False
    """True if nobody can have asked with this ticket before: then we need not look for an answer first."""
    stages: dict[str, float] = field(default_factory=dict)
    cpu_seconds: dict[str, float] = field(default_factory=dict)
    _used_names: set[str] = field(default_factory=set)
    _uploaded_again: bool = False
    _not_taken: Said = NOTHING_SAID  # what the server said when it did not take the prompt that we sent last
    _worked_on: bool = False
    """Whether the server has begun with the prompt that we wait for, as far as we know."""

    def run(self, read: ReadAlpha[R]) -> R:
        """The raw alpha of the proxy, read by `read`. Raises the engine errors of `daemon.errors`."""
        trouble = ""
        with self.events.watch(self.prompt_id) as hint:
            for _ in range(MOST_SUBMISSIONS):
                finished = self._finished_prompt(hint)
                if finished is None:
                    trouble = self._not_taken or Said("prompt_forgotten")
                elif finished.interrupted:
                    trouble = Said("prompt_interrupted")
                elif finished.error is not None:
                    trouble = self._raise_or_upload_again(finished.error)
                else:
                    try:
                        return self._fetch(finished, read)
                    except ResultGone as gone:
                        trouble = said_of(gone)
                        self._used_names.add(finished.picture)
                self._delete_entry()
        if self._not_taken:
            raise EngineAway(self._not_taken)  # it answers, but takes no prompt: its own words say why
        raise EngineAway(Said("prompt_never_finished", server=self.http.name, n=MOST_SUBMISSIONS, detail=trouble))

    def _finished_prompt(self, hint: Hint) -> FinishedPrompt | None:
        """How the prompt ended, whoever submitted it. None if the server forgot it."""
        hint.expect("")  # if the server already has the prompt, its events go to a connection that no longer exists
        queue, finished = self._look_up()
        if finished is not None and finished.complete:
            if finished.error is None and not finished.interrupted:
                return finished
            self._delete_entry()  # an earlier attempt failed; that does not answer this one
        elif finished is not None or self.prompt_id in queue:
            return self._wait(hint)
        with self.names.lease(queue.pictures | self._used_names) as name:
            if not self._submit(name, hint):
                return None
            return self._wait(hint)

    def _look_up(self) -> tuple[Queue, FinishedPrompt | None]:
        """Ask for the queue first, then for the history: a prompt that ends in between is in one of them at least."""
        queue = self._with_retries(self.http.queue)
        new, self.new = self.new, False
        if new or self.prompt_id in queue:
            return queue, None
        return queue, self._history()

    def _submit(self, name: str, hint: Hint) -> bool:
        """Upload the picture and post the prompt. Returns whether the server has the prompt now."""
        hint.expect(self.events.client_id)
        with self._stage("upload"):
            stored = self._upload(name)
            try:
                self._post(stored, hint)
            except error_mapping.UploadLost:
                self._post(self._upload(name), hint)
            except error_mapping.QueuedDespiteErrors:
                self._cancel()
                raise
            except EngineAway as error:
                queue, finished = self._look_up()  # despite a lost answer or a 5xx, the server may have queued it
                taken = finished is not None or self.prompt_id in queue
                self._not_taken = NOTHING_SAID if taken else said_of(error)
                return taken
        self._not_taken = NOTHING_SAID
        return True

    def _upload(self, name: str) -> str:
        stored = self._with_retries(lambda: self.http.upload(self.proxy.encoded, name))
        self._used_names.add(stored)
        return stored

    def _post(self, stored: str, hint: Hint) -> None:
        self.http.submit(self.prompt(stored), self.prompt_id, hint.client_id, self.model)

    def _wait(self, hint: Hint) -> FinishedPrompt | None:
        """As `_wait_for_end`. Counts it if the server went away, or was started anew, while it worked on the prompt.

        Raises RecipeRefused if that has happened too often.
        """
        self._worked_on, connection = False, self.events.connection
        try:
            finished = self._wait_for_end(hint)
        except error_mapping.ServerGone:
            if self._worked_on or hint.started_at is not None:
                self.deaths.record(self.prompt_id)
            raise
        worked_on = self._worked_on or hint.started_at is not None
        if finished is None and worked_on and self.events.was_lost(connection):
            self.deaths.record(self.prompt_id)
            self.deaths.refuse_deadly(self.prompt_id, self.model)
        return finished

    def _wait_for_end(self, hint: Hint) -> FinishedPrompt | None:
        """Wait for the end while the queue moves. None if the server forgot the prompt.

        Raises EngineAway if the queue or the prompt stands still for longer than the limit of an attempt.
        """
        began = self.clock()
        deadline = began + self.settings.attempt_seconds
        started: float | None = None
        ahead: tuple[str, ...] | None = None
        queue, finished = Queue(), None
        while True:
            poll_soon = finished is not None or not self.events.announces_ends  # no event will announce the end
            hint.wait(self.settings.poll_seconds / POLLS_WITHOUT_EVENTS if poll_soon else self.settings.poll_seconds)
            self._raise_if_stopped()
            finished = self._history()
            if finished is None:
                queue = self._with_retries(self.http.queue)
                if self.prompt_id not in queue:
                    finished = self._history()
            if finished.complete if finished is not None else self.prompt_id not in queue:
                self.events.record_end(hint)
                started = hint.started_at or started or began
                self._add_seconds("wait", max(0.0, started - began))
                self._add_seconds("infer", self.clock() - max(started, began))
                return finished
            now = self.clock()
            if self.prompt_id in queue.running and started is None:
                started, self._worked_on = hint.started_at or now, True
                deadline = started + self.settings.attempt_seconds
            elif started is None and queue.running != ahead:  # prompts ahead of ours still make progress
                ahead = queue.running
                deadline = now + self.settings.attempt_seconds
            if now >= deadline:
                self._cancel()
                if finished is not None:
                    self._delete_entry()  # otherwise the next attempt would wait for this incomplete entry again
                limit = f"{self.settings.attempt_seconds:g} s"
                raise EngineAway(Said("prompt_too_slow", server=self.http.name, seconds=limit, detail=self.model))

    def _fetch(self, finished: FinishedPrompt, read: ReadAlpha[R]) -> R:
        """The alpha of our picture. Raises ResultGone if there is no alpha, or if it belongs to another picture."""
        image = finished.image
        if image is None:
            raise ResultGone(Said("no_result_shown", server=self.http.name))
        if not same_request(finished.prompt, wired(self.prompt(finished.picture))):  # the ladder has changed in between
            raise ResultGone(Said("result_of_another_recipe", server=self.http.name, file=image.filename))
        with self._stage("fetch"):
            encoded = self._with_retries(lambda: self.http.view(image))
            loaded = loaded_digest(encoded)
            if loaded is not None and loaded != self.proxy.digest:
                raise ResultGone(Said("result_of_another_picture", server=self.http.name, file=image.filename))
        try:
            return read(encoded, self.channel, (self.proxy.height, self.proxy.width))
        except ValueError as error:
            raise ResultGone(
                Said("result_of_no_use", server=self.http.name, file=image.filename, detail=error)
            ) from error

    def _raise_or_upload_again(self, node_error: NodeError) -> str:
        """Raise the error of a failed prompt. Returns its text instead, once, if a damaged upload may be the cause."""
        error = error_mapping.of_node_error(node_error, self.http.name, self.model)
        if isinstance(error, error_mapping.CorruptUpload) and not self._uploaded_again:
            self._uploaded_again = True
            return said_of(error)
        self._delete_entry()
        raise error

    def _history(self) -> FinishedPrompt | None:
        return self._with_retries(lambda: self.http.history(self.prompt_id))

    def _delete_entry(self) -> None:
        """Delete the history entry, so that nobody takes it for the answer to the next submission."""
        self._with_retries(lambda: self.http.forget([self.prompt_id]))

    def _cancel(self) -> None:
        with contextlib.suppress(FreistellerError):  # the server is away or stuck; the next look-up shows what happened
            self.http.dequeue([self.prompt_id])
            self.http.interrupt(self.prompt_id)

    def _with_retries(self, request: Callable[[], T]) -> T:
        return with_retries(request, self.clock, self.stop, self._raise_if_stopped)

    def _raise_if_stopped(self) -> None:
        if self.stop.is_set():
            raise EngineAway(Said("closed_while_working", server=self.http.name))

    @contextlib.contextmanager
    def _stage(self, name: str) -> Iterator[None]:
        began, cpu_began = self.clock(), time.thread_time()
        try:
            yield
        finally:
            self._add_seconds(name, self.clock() - began)
            self.cpu_seconds[name] = self.cpu_seconds.get(name, 0.0) + time.thread_time() - cpu_began

    def _add_seconds(self, stage: str, seconds: float) -> None:
        self.stages[stage] = self.stages.get(stage, 0.0) + seconds
