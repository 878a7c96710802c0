"""The client of one ComfyUI server: cuts out photos, checks the installation, and deletes what we leave behind."""

import contextlib
import threading
import time
import uuid
from collections.abc import Callable, Iterator, Sequence

from daemon.engines.comfyui.deaths import Deaths
from daemon.engines.comfyui.error_mapping import QueuedDespiteErrors
from daemon.engines.comfyui.event_socket import EventSocket
from daemon.engines.comfyui.graph import Graph
from daemon.engines.comfyui.http_client import HttpClient
from daemon.engines.comfyui.installation import check_installation
from daemon.engines.comfyui.node_inputs import NodeInputs
from daemon.engines.comfyui.prompt_run import PromptRun
from daemon.engines.comfyui.replies import Memory, Queue
from daemon.engines.comfyui.retrying import with_retries
from daemon.engines.comfyui.upload_names import UploadNames
from daemon.engines.comfyui.web_socket import opener
from daemon.engines.contract import EncodedAnswer, R, ReadAlpha
from daemon.engines.encoded_proxy import EncodedProxy
from daemon.errors import BadSettings, EngineFull, EngineMisconfigured, FreistellerError
from daemon.jobs import Recipe
from daemon.settings import ComfyUISettings, ServerSettings

LEAVING_SECONDS = 3.0  # the longest wait of a stop for a test picture that is in work
KEPT_SECONDS = 10.0  # how long a fetched result stays in the history, in case its ticket is asked for again


class Server:
    """The client of one server. Thread-safe."""

    def __init__(
        self,
        settings: ServerSettings,
        comfyui: ComfyUISettings,
        graph: Graph,
        owner: str,
        clock: Callable[[], float],
        deaths: Deaths,
        in_use: Sequence[str],
    ) -> None:
        """owner: see `UploadNames`. deaths: those of all servers. in_use: the models to park and to check.

        Raises BadSettings if comfyui.parked names an unknown model.
        """
        self._graph = graph
        self._settings = comfyui
        self._in_use = tuple(in_use)
        self._parked = set(_parked_models(comfyui.parked, graph) or in_use)
        self._parks_all = not comfyui.parked
        self._clock = clock
        self._deaths = deaths
        self._stop = threading.Event()
        self._http = HttpClient(settings, comfyui.connect_seconds)
        self.name = self._http.name
        """Host, port and path, without any secret."""
        self._events = EventSocket(self.name, opener(self._http, comfyui.connect_seconds), clock)
        self._node_inputs = NodeInputs(self._http, graph)
        self._names = UploadNames(owner)
        self._lock = threading.Lock()
        self._answered: dict[str, float] = {}  # prompt id -> when its result was fetched
        self._to_cancel: set[str] = set()
        self._of_no_use: set[str] = set()

    @property
    def reconnects(self) -> int:
        """How often a lost event socket was opened again."""
        return self._events.reconnects

    @property
    def uploads(self) -> int:
        """How many of our pictures lie in the server's temp folder."""
        return self._names.most

    @property
    def history_entries(self) -> int:
        """How many of our finished prompts the server's history may still hold."""
        with self._lock:
            return len(self._answered) + len(self._to_cancel)

    def start(self) -> None:
        """Listen for events in the background."""
        self._events.start()

    def has_ticket(self, ticket: uuid.UUID) -> bool:
        """Whether this server has that ticket's answer, or computes it. Raises EngineAway or EngineMisconfigured."""
        prompt_id = str(ticket)
        if prompt_id in with_retries(self._http.queue, self._clock, self._stop):
            return True
        entry = with_retries(lambda: self._http.history(prompt_id), self._clock, self._stop)
        return entry is not None

    def cut(
        self, ticket: uuid.UUID, proxy: EncodedProxy, recipe: Recipe, read: ReadAlpha[R], *, new: bool = False
    ) -> EncodedAnswer[R]:
        """See `TakesEncoded.cut_encoded`. A server that is out of memory is asked to free some before EngineFull."""
        prompt_id = str(ticket)
        with self._lock:
            self._to_cancel.discard(prompt_id)
            self._answered.pop(prompt_id, None)
        run, cpu_began = self._prompt_run(prompt_id, proxy, recipe, new), time.thread_time()
        try:
            alpha = run.run(read)
        except EngineFull:
            with contextlib.suppress(FreistellerError):
                self._http.free()
            raise
        except EngineMisconfigured as error:
            self.forget_nodes()  # ask for the nodes again next time: somebody will install what is missing
            if isinstance(error, QueuedDespiteErrors):
                self.cancel_later(ticket)
            raise
        with self._lock:
            self._answered[prompt_id] = self._clock()
        waiting = time.thread_time() - cpu_began - sum(run.cpu_seconds.values())
        return EncodedAnswer(alpha, self.name, run.stages, {**run.cpu_seconds, "wait": waiting})

    def _prompt_run(self, prompt_id: str, proxy: EncodedProxy, recipe: Recipe, new: bool) -> PromptRun:
        """The run of a prompt that fits this server's nodes. Raises RecipeRefused or EngineMisconfigured."""
        try:
            inputs = self._node_inputs.complete(recipe, proxy.height, proxy.width)
        except EngineMisconfigured:
            self.forget_nodes()
            raise
        with self._lock:
            if self._parks_all:
                self._parked.add(recipe.model)
            names = [name for name in self._parked if name != recipe.model]
        parked = {name: kept for name in names if (kept := self._node_inputs.parked(name))}
        kind = self._graph.table.family(recipe.model).alpha.kind
        return PromptRun(
            prompt_id=prompt_id,
            proxy=proxy,
            model=recipe.model,
            prompt=lambda picture: self._graph.prompt(recipe.model, inputs, picture, parked),
            channel=3 if kind == "RGBA" else 0,
            http=self._http,
            events=self._events,
            names=self._names,
            settings=self._settings,
            clock=self._clock,
            stop=self._stop,
            deaths=self._deaths,
            new=new,
        )

    def cancel_later(self, ticket: uuid.UUID) -> None:
        """Cancel that ticket as soon as this server can be reached again, because another server answered it."""
        with self._lock:
            self._to_cancel.add(str(ticket))

    @contextlib.contextmanager
    def of_no_use_later(self, ticket: uuid.UUID) -> Iterator[None]:
        """During the block, this ticket is one that nobody asks for after a restart: `close` leaves nothing of it."""
        self._of_no_use.add(str(ticket))
        try:
            yield
        finally:
            self._of_no_use.discard(str(ticket))

    def memory(self) -> Memory:
        """How much memory the server has. Raises EngineAway or EngineMisconfigured if it does not answer properly."""
        return self._http.memory()

    def check(self) -> str:
        """Check nodes, models and weights. Returns a message for people, "" if there is nothing to say.

        Raises EngineAway, or EngineMisconfigured with everything that is missing and what to do.
        """
        return check_installation(self._http, self._node_inputs, self._graph.table, self._in_use)

    def forget_nodes(self) -> None:
        """Ask for the nodes again next time. Call it when the server is back: it may be another installation now."""
        self._node_inputs.forget()

    def clean_up(self) -> None:
        """Delete the history entries of answers that were fetched a while ago, and cancel what is to be cancelled.

        A running node finishes before it obeys an interrupt. Its prompt stays on the list until it has left the queue.
        """
        now = self._clock()
        with self._lock:
            old = [prompt_id for prompt_id, at in self._answered.items() if now - at >= KEPT_SECONDS]
            to_cancel = list(self._to_cancel)
        for prompt_id in to_cancel:
            self._http.dequeue([prompt_id])
            self._http.interrupt(prompt_id)
        queue = self._http.queue() if to_cancel else Queue()
        over = [*old, *(prompt_id for prompt_id in to_cancel if prompt_id not in queue)]
        if over:
            self._http.forget(over)
        with self._lock:
            for prompt_id in old:
                self._answered.pop(prompt_id, None)
            self._to_cancel.difference_update(over)

    def close(self, reachable: bool) -> None:
        """End all waits with EngineAway. Prompts in work stay on the server: after a restart we fetch their results.

        reachable: delete the history entries of fetched answers, and end test pictures. At a server that is away, this
        would only take time.
        """
        if self._stop.is_set():
            return
        of_no_use = list(self._of_no_use)
        self._stop.set()
        self._events.close()
        with self._lock:
            over = [*self._answered, *of_no_use]
        if reachable and over:
            with contextlib.suppress(FreistellerError):
                self._end_prompts(of_no_use)
                self._http.forget(over)
        self._http.close()

    def _end_prompts(self, prompt_ids: Sequence[str]) -> None:
        """Cancel prompts, and wait a moment until they are gone. A running node finishes first."""
        if not prompt_ids:
            return
        self._http.dequeue(prompt_ids)
        for prompt_id in prompt_ids:
            self._http.interrupt(prompt_id)
        deadline = time.monotonic() + LEAVING_SECONDS
        while any(each in self._http.queue() for each in prompt_ids) and time.monotonic() < deadline:
            time.sleep(0.05)


def _parked_models(names: tuple[str, ...], graph: Graph) -> tuple[str, ...]:
    """The models to keep in every prompt. Raises BadSettings for an unknown model."""
    unknown = [name for name in names if name not in graph.table.models]
    if unknown:
        known = ", ".join(graph.table.models)
        raise BadSettings(f"Bad setting comfyui.parked = {unknown[0]!r}: allowed are {known}")
    return names
