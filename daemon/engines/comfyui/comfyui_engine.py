"""The ComfyUI engine: many servers behind the one `Engine` contract.

A photo goes to the server that will finish it first. If that server dies, hangs or lacks something, the photo goes to
another one. It comes back with an error only if no server is left.
"""

import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace

from daemon.arrays import Rgb
from daemon.engines.comfyui.attendance import Attendance
from daemon.engines.comfyui.canary import Canary
from daemon.engines.comfyui.deaths import Deaths
from daemon.engines.comfyui.graph import Graph
from daemon.engines.comfyui.model_table import load_models
from daemon.engines.comfyui.server import Server
from daemon.engines.comfyui.server_trust import ServerTrust
from daemon.engines.comfyui.servers import ServerEntry, Servers
from daemon.engines.contract import Answer, EncodedAnswer, R, ReadAlpha, ServerHealth
from daemon.engines.encoded_proxy import EncodedProxy
from daemon.engines.least_size import narrowed, widened
from daemon.errors import (
    BadPhoto,
    EngineAway,
    EngineFull,
    EngineMisconfigured,
    FreistellerError,
    RecipeRefused,
    said_of,
)
from daemon.jobs import Recipe
from daemon.pictures import codec
from daemon.settings import DEFAULT_LADDER, ComfyUISettings, ModelTables, ServerSettings


class ComfyUIEngine:
    """See `daemon.engines.contract.Engine`."""

    def __init__(
        self,
        settings: ComfyUISettings,
        owner: str = "",
        clock: Callable[[], float] = time.monotonic,
        *,
        commercial_use: bool = False,
        ladder: Sequence[str] = (),
        own_models: ModelTables | None = None,
    ) -> None:
        """Make the clients of all servers. Contacts nobody.

        owner: names this daemon on the servers, so that two daemons never overwrite each other's uploads. Keep it the
        same after a restart, so that the names of uploads stay few. "" = a new one each time.
        commercial_use: leave out all models whose licence does not allow commercial use.
        ladder: the models in use, () = those of the default ladder. They are tested with a drawn picture now and then,
        parked and checked. Models that are not in the table are ignored. own_models: a user's own tables.
        Raises BadSettings if those, or comfyui.parked, name what there is not.
        """
        self._settings = settings
        self._clock = clock
        table = load_models(own_models)
        self._table = table.for_commerce() if commercial_use else table
        self._graph = Graph(self._table)
        named = ladder or tuple(rung.model for rung in DEFAULT_LADDER)
        self._in_use = tuple(dict.fromkeys(model for model in named if model in self._table.models))
        self._owner = owner or uuid.uuid4().hex[:12]
        self._deaths = Deaths()
        self._servers = Servers([self._new_entry(each) for each in settings.servers], settings.affinity_seconds, clock)
        self._stop = threading.Event()
        self._started = False
        self._attendance = Attendance(self._servers, settings.probe_seconds, self._stop)
        self._canary = Canary(
            self._servers,
            self._deaths,
            {model: self._table.family(model).canary_first for model in self._in_use},
            settings.canary_minutes * 60,
            self._stop,
            clock,
            time.time,
        )

    @property
    def slots(self) -> int:
        """The slots of all servers together."""
        return sum(entry.trust.slots for entry in self._servers.entries)

    @property
    def models(self) -> tuple[str, ...]:
        """All models of the table that may be used."""
        return tuple(self._table.models)

    def detail_of(self, recipe: Recipe) -> int:
        """See `KnowsDetail`. A model without a parameter for it does not say."""
        model = self._table.models.get(recipe.model)
        usual = model.resolutions.usual if model and model.resolutions else 0
        return recipe.process_res or usual

    def start(self) -> None:
        """Listen to each server's events and probe it, in the background. Start the canary if the settings say so."""
        if self._started:
            return
        self._started = True
        for entry in self._servers.entries:
            self._attendance.begin(entry)
        if self._settings.canary_minutes:
            self._canary.start()

    def use_servers(self, servers: Sequence[ServerSettings]) -> None:
        """Use these servers from now on. Their URLs identify them. Call this from one thread only.

        A server that is no longer listed gets nothing new, finishes what runs there, and is then released. A server
        with another token or authority is released and connected anew. Another number of slots counts at once.
        """
        present = {_address(entry.settings): entry for entry in self._servers.entries}
        entries: list[ServerEntry] = []
        for each in servers:
            known = present.get(_address(each))
            if known and each == known.settings.model_copy(update={"slots": each.slots}):
                if each != known.settings:
                    with self._servers.changing(known) as trust:
                        known.settings, trust.slots = each, each.slots
                entries.append(known)
            else:
                entries.append(self._new_entry(each))
        new = [entry for entry in entries if entry not in present.values()]
        if self._started:
            for entry in new:
                self._attendance.begin(entry)
        self._servers.replace(entries)
        if self._started and self._settings.canary_minutes:
            for entry in new:
                self._canary.watch(entry)

    def cut(self, ticket: uuid.UUID, proxy: Rgb, recipe: Recipe, *, new: bool = False) -> Answer:
        """See `Engine.cut`. An error that may be the photo's fault is believed only after a second server says so too.

        If a server is out of memory and there is no other one, it is asked once more: it has just freed its memory.
        """
        answer = self.cut_encoded(ticket, EncodedProxy.of(widened(proxy)), recipe, codec.decode_alpha, new=new)
        return Answer(narrowed(answer.alpha, proxy), answer.server, answer.stages, answer.cpu_seconds)

    def cut_encoded(
        self, ticket: uuid.UUID, proxy: EncodedProxy, recipe: Recipe, read: ReadAlpha[R], *, new: bool = False
    ) -> EncodedAnswer[R]:
        """See `TakesEncoded.cut_encoded`."""
        self._graph.inputs_for(recipe, proxy.height, proxy.width)
        self._deaths.refuse_deadly(str(ticket), recipe.model)
        answer = self._cut_somewhere(ticket, proxy, recipe, read, new)
        self._deaths.forget(str(ticket))
        return answer

    def _cut_somewhere(
        self, ticket: uuid.UUID, encoded: EncodedProxy, recipe: Recipe, read: ReadAlpha[R], new: bool
    ) -> EncodedAnswer[R]:
        """Try server after server until one answers. Raises what explains best why none did."""
        tried: list[ServerEntry] = []
        errors: list[FreistellerError] = []
        freed: ServerEntry | None = None
        holder, unsure = (None, ()) if new else self._servers.take_holder(ticket, recipe.model)
        entry = holder or self._servers.take_slot(recipe.model, tried, errors, photo=encoded.digest)
        while True:
            try:
                answer = self._cut_on(entry, ticket, encoded, recipe, read, new=new and entry not in tried)
            except (EngineAway, EngineMisconfigured) as error:
                errors.append(error)
            except (EngineFull, RecipeRefused, BadPhoto) as error:
                if any(isinstance(earlier, EngineFull | RecipeRefused | BadPhoto) for earlier in errors):
                    raise
                errors.append(error)
                freed = entry if isinstance(error, EngineFull) else None
            else:
                for other in {*tried, *unsure} - {entry}:
                    other.server.cancel_later(ticket)
                return answer
            self._deaths.refuse_deadly(str(ticket), recipe.model)
            tried.append(entry)
            entry = self._servers.take_slot(recipe.model, tried, errors, freed, encoded.digest)

    def health(self) -> tuple[ServerHealth, ...]:
        """The condition of each server, as far as known."""
        return tuple(self._servers.health_of(entry) for entry in self._servers.entries)

    def check(self) -> tuple[ServerHealth, ...]:
        """Ask each server whether it answers, and whether it has the nodes and models."""
        return tuple(self._check_server(entry) for entry in self._servers.entries)

    def close(self) -> None:
        """End every wait with EngineAway. Prompts in work go on; the next start fetches their results."""
        self._stop.set()
        self._servers.close()
        for entry in self._servers.all_entries:
            entry.probe_soon.set()
            entry.server.close(entry.trust.reachable)

    def _new_entry(self, settings: ServerSettings) -> ServerEntry:
        server = Server(settings, self._settings, self._graph, self._owner, self._clock, self._deaths, self._in_use)
        return ServerEntry(server, ServerTrust(settings.slots, self._settings.probe_seconds), settings)

    def _cut_on(
        self,
        entry: ServerEntry,
        ticket: uuid.UUID,
        proxy: EncodedProxy,
        recipe: Recipe,
        read: ReadAlpha[R],
        *,
        new: bool,
    ) -> EncodedAnswer[R]:
        """Cut out on a server whose slot was taken. Frees the slot and records how the server did."""
        began = self._clock()
        try:
            if self._table.family(recipe.model).canary_first:
                self._canary.prove(entry, recipe.model)
            answer = entry.server.cut(ticket, proxy, recipe, read, new=new)
        except FreistellerError as error:
            error_to_raise = self._servers.record_failure(entry, recipe.model, error, proxy.digest)
            if error_to_raise is not error:
                raise error_to_raise from error
            raise
        else:
            with self._servers.changing(entry) as trust:
                trust.record_answer(recipe.model, self._clock() - began)
            return answer
        finally:
            with self._servers.changing(entry) as trust:
                trust.free_slot()

    def _check_server(self, entry: ServerEntry) -> ServerHealth:
        known = self._servers.health_of(entry)
        try:
            message = entry.server.check()
            memory = entry.server.memory()
        except FreistellerError as error:
            return replace(known, up=False, message=said_of(error), memory_total_bytes=None, memory_free_bytes=None)
        return replace(
            known,
            up=True,
            message=message,
            memory_total_bytes=memory.total_bytes,
            memory_free_bytes=memory.free_bytes,
        )


def _address(settings: ServerSettings) -> str:
    return settings.url.rstrip("/")
