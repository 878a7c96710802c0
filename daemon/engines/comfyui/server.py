"""One ComfyUI server: cut a photo there, look whether all it needs is there, leave nothing behind."""

import contextlib
import threading
import uuid
from collections.abc import Callable

from daemon.engines.comfyui.error_mapping import QueuedAllTheSame
from daemon.engines.comfyui.event_socket import Events, socket_to
from daemon.engines.comfyui.graph import Graph
from daemon.engines.comfyui.http_client import Http
from daemon.engines.comfyui.node_inputs import Catalogue
from daemon.engines.comfyui.prompt_run import Errand, Limits, Picture
from daemon.engines.comfyui.replies import Memory, Queue
from daemon.engines.comfyui.retrying import patiently
from daemon.engines.comfyui.upload_names import UploadNames
from daemon.engines.contract import Answer
from daemon.errors import BadSettings, EngineFull, EngineMisconfigured, FreistellerError
from daemon.jobs import Recipe
from daemon.settings import ComfyUISettings, ServerSettings

KEPT_SECONDS = 10.0  # a fetched result stays in the history so long, should its ticket come back after all


class Server:
    """The client of one server. Thread-safe."""

    def __init__(
        self,
        settings: ServerSettings,
        comfyui: ComfyUISettings,
        graph: Graph,
        owner: str,
        clock: Callable[[], float],
    ) -> None:
        self._graph = graph
        self._limits = Limits(comfyui.attempt_seconds, comfyui.poll_seconds)
        self._parked = _parked(comfyui.parked, graph)
        self._clock = clock
        self._stop = threading.Event()
        self._http = Http(settings, comfyui.connect_seconds)
        self._events = Events(self._http.name, socket_to(self._http, comfyui.connect_seconds), clock)
        self._catalogue = Catalogue(self._http)
        self._names = UploadNames(owner)
        self._lock = threading.Lock()
        self._answered: dict[str, float] = {}
        self._disowned: set[str] = set()

    @property
    def name(self) -> str:
        """Host, port and path, without any secret."""
        return self._http.name

    @property
    def reconnects(self) -> int:
        """How often a lost event socket was opened again."""
        return self._events.reconnects

    @property
    def uploads(self) -> int:
        """How many of our pictures lie in its input folder."""
        return self._names.most

    @property
    def history_entries(self) -> int:
        """How many of our prompts that are over its history may still hold."""
        with self._lock:
            return len(self._answered) + len(self._disowned)

    def start(self) -> None:
        """Listen for events in the background."""
        self._events.start()

    def knows(self, ticket: uuid.UUID) -> bool:
        """Whether this server has that ticket's answer, or is at it. Raises EngineAway or EngineMisconfigured."""
        prompt_id = str(ticket)
        if prompt_id in patiently(self._http.queue, self._clock, self._stop):
            return True
        entry = patiently(lambda: self._http.history(prompt_id, self._graph.sink), self._clock, self._stop)
        return entry is not None

    def cut(self, ticket: uuid.UUID, picture: Picture, recipe: Recipe, new: bool = False) -> Answer:
        """See `Engine.cut`. Out of memory, it is asked to free some before EngineFull is raised."""
        prompt_id = str(ticket)
        with self._lock:
            self._disowned.discard(prompt_id)
            self._answered.pop(prompt_id, None)
        inputs = self._graph.settle(recipe, picture.height, picture.width)
        try:
            asked = self._catalogue.complete(self._graph.table.models[recipe.model].node, inputs)
            parked = {name for name in self._parked if self._catalogue.has(self._graph.table.models[name].node)}
        except EngineMisconfigured:
            self._catalogue.forget()
            raise
        errand = Errand(
            prompt_id=prompt_id,
            picture=picture,
            model=recipe.model,
            prompt=lambda stored: self._graph.prompt(recipe.model, asked, stored, parked),
            sink=self._graph.sink,
            http=self._http,
            events=self._events,
            names=self._names,
            limits=self._limits,
            clock=self._clock,
            stop=self._stop,
            new=new,
        )
        try:
            alpha = errand.run()
        except EngineFull:
            with contextlib.suppress(FreistellerError):
                self._http.free()
            raise
        except EngineMisconfigured as error:
            self._catalogue.forget()  # look again next time: somebody will install what is missing
            if isinstance(error, QueuedAllTheSame):
                self.disown(ticket)
            raise
        with self._lock:
            self._answered[prompt_id] = self._clock()
        return Answer(alpha, self.name, errand.stages)

    def disown(self, ticket: uuid.UUID) -> None:
        """Somebody else answered that ticket: stop it here, as soon as this server is back."""
        with self._lock:
            self._disowned.add(str(ticket))

    def memory(self) -> Memory:
        """Whether it answers, and how much memory it has. Raises EngineAway or EngineMisconfigured."""
        return self._http.memory()

    def check(self) -> str:
        """Look at nodes, models and weights; returns remarks in words, "" where there are none.

        Raises EngineAway, or EngineMisconfigured with all that is missing and what to do about it.
        """
        self._http.memory()
        self._catalogue.forget()
        missing: list[str] = []
        offered: dict[str, tuple[str, ...]] = {}
        for node_class in self._graph.node_classes:
            options = self._catalogue.options(node_class)
            if options is None:
                missing.append(f"node {node_class}")
            else:
                offered[node_class] = options
        models = self._graph.table.models
        missing += [
            f"model {name} of node {model.node}"
            for name, model in models.items()
            if model.node in offered and name not in offered[model.node]
        ]
        if missing:
            raise EngineMisconfigured(f"{self.name} lacks {', '.join(missing)}: install or update ComfyUI-RMBG there.")
        weights = self._http.weights()
        absent = [name for name, model in models.items() if weights is not None and model.weights not in weights]
        return f"the first use will download {', '.join(absent)}" if absent else ""

    def returned(self) -> None:
        """It was away and is back, perhaps as another installation: nothing known of it holds any more."""
        self._catalogue.forget()

    def sweep(self) -> None:
        """Delete the history entries of answers that were fetched a while ago, and what was disowned.

        A node that runs ends before it heeds an interrupt; such a prompt stays disowned until it is out of the queue.
        """
        now = self._clock()
        with self._lock:
            old = [prompt_id for prompt_id, at in self._answered.items() if now - at >= KEPT_SECONDS]
            disowned = list(self._disowned)
        for prompt_id in disowned:
            self._http.dequeue([prompt_id])
            self._http.interrupt(prompt_id)
        running = self._http.queue() if disowned else Queue()
        over = [*old, *(prompt_id for prompt_id in disowned if prompt_id not in running)]
        if over:
            self._http.forget(over)
        with self._lock:
            for prompt_id in old:
                self._answered.pop(prompt_id, None)
            self._disowned.difference_update(over)

    def close(self, tidy: bool) -> None:
        """End waits with EngineAway. Prompts under way stay: a restart adopts them.

        tidy: delete what was answered; not where the server is known to be away, for that would only take time.
        """
        if self._stop.is_set():
            return
        self._stop.set()
        self._events.close()
        with self._lock:
            answered = list(self._answered)
        if tidy and answered:
            with contextlib.suppress(FreistellerError):
                self._http.forget(answered)
        self._http.close()


def _parked(models: tuple[str, ...], graph: Graph) -> frozenset[str]:
    """The models to keep in every prompt; none named means all. Raises BadSettings for an unknown one."""
    unknown = [name for name in models if name not in graph.table.models]
    if unknown:
        known = ", ".join(graph.table.models)
        raise BadSettings(f"Bad setting comfyui.parked = {unknown[0]!r}: allowed are {known}")
    return frozenset(models or graph.table.models)
