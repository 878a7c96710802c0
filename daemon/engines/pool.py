"""The ComfyUI engine: many servers behind the one `Engine` contract.

A photo goes to the server that will have it done first; when that server dies, hangs or lacks something, to another.
Only when none is left does the photo come back with an error.
"""

import contextlib
import threading
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

from daemon.arrays import Rgb
from daemon.engines.comfyui.errand import Picture
from daemon.engines.comfyui.graph import load_graph
from daemon.engines.comfyui.models import load_models
from daemon.engines.comfyui.replies import Memory
from daemon.engines.comfyui.server import Server
from daemon.engines.comfyui.standing import Breaker, Standing
from daemon.engines.contract import Answer, ServerHealth
from daemon.errors import (
    BadPhoto,
    EngineAway,
    EngineFull,
    EngineMisconfigured,
    FreistellerError,
    RecipeRefused,
)
from daemon.jobs import Recipe
from daemon.settings import ComfyUISettings

SOONEST_PROBE = 16  # parts of probe_seconds until a server that failed is asked again; then twice as long, and so on


@dataclass(slots=True)
class Member:
    """A server and what the pool thinks of it."""

    server: Server
    standing: Standing
    memory: Memory = field(default_factory=Memory)
    nudge: threading.Event = field(default_factory=threading.Event)
    """Set to have it probed now."""


class ComfyUIEngine:
    """See `daemon.engines.contract.Engine`."""

    def __init__(
        self,
        settings: ComfyUISettings,
        owner: str = "",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """owner: names this daemon on the servers, so that two daemons never overwrite each other's uploads; it should
        be the same after a restart, so that the names stay few. "" = a new one each time."""
        self._settings = settings
        self._clock = clock
        self._table = load_models()
        self._graph = load_graph(self._table)
        owner = owner or uuid.uuid4().hex[:12]
        self._members = tuple(
            Member(
                Server(each, settings, self._graph, owner, clock),
                Standing(each.slots, settings.probe_seconds),
            )
            for each in settings.servers
        )
        self._changed = threading.Condition()
        self._stop = threading.Event()
        self._probers: list[threading.Thread] = []

    @property
    def slots(self) -> int:
        """All servers' slots."""
        return sum(member.server.slots for member in self._members)

    @property
    def models(self) -> tuple[str, ...]:
        """All models of the table."""
        return tuple(self._table.models)

    def start(self) -> None:
        """Listen for events and probe each server, in the background."""
        if self._probers:
            return
        for member in self._members:
            member.server.start()
            prober = threading.Thread(
                target=self._probe, args=(member,), name=f"probe-{member.server.name}", daemon=True
            )
            self._probers.append(prober)
            prober.start()

    def cut(self, ticket: uuid.UUID, proxy: Rgb, recipe: Recipe) -> Answer:
        """See `Engine.cut`. A fault that may be the photo's is heard from two servers, where there are two."""
        self._graph.settle(recipe, proxy.shape[0], proxy.shape[1])
        picture = Picture.of(proxy)
        tried: list[Member] = []
        doubts: list[FreistellerError] = []
        member = self._take_home(ticket, recipe.model) or self._take(recipe.model, tried, doubts)
        while True:
            try:
                answer = self._cut_there(member, ticket, picture, recipe)
            except (EngineAway, EngineMisconfigured) as error:
                doubts.append(error)
            except (EngineFull, RecipeRefused, BadPhoto) as error:
                if any(isinstance(doubt, EngineFull | RecipeRefused | BadPhoto) for doubt in doubts):
                    raise
                doubts.append(error)
            else:
                for other in tried:
                    other.server.disown(ticket)
                return answer
            tried.append(member)
            member = self._take(recipe.model, tried, doubts)

    def health(self) -> tuple[ServerHealth, ...]:
        """How each server is, as far as known."""
        with self._changed:
            return tuple(self._health(member, member.standing.remarks) for member in self._members)

    def check(self) -> tuple[ServerHealth, ...]:
        """Ask each server anew: does it answer, has it the nodes and models?"""
        found = []
        for member in self._members:
            try:
                remarks = member.server.check()
                member.memory = member.server.memory()
            except FreistellerError as error:
                found.append(ServerHealth(member.server.name, up=False, message=str(error)))
                continue
            found.append(ServerHealth(member.server.name, True, remarks, *self._load(member)))
        return tuple(found)

    def close(self) -> None:
        """End every wait with EngineAway. Prompts under way go on; the next start adopts their results."""
        self._stop.set()
        with self._changed:
            self._changed.notify_all()
        for member in self._members:
            member.nudge.set()
            member.server.close(tidy=member.standing.breaker is Breaker.CLOSED)

    def _cut_there(self, member: Member, ticket: uuid.UUID, picture: Picture, recipe: Recipe) -> Answer:
        """Cut on one server whose slot was taken; give the slot back, and remember how it did."""
        began = self._clock()
        try:
            answer = member.server.cut(ticket, picture, recipe)
        except FreistellerError as error:
            with self._changed:
                believed = error if self._stop.is_set() else member.standing.failed(recipe.model, error, self._clock())
                if isinstance(error, EngineFull):
                    member.standing.freed()
            if isinstance(error, EngineAway):
                member.nudge.set()
            if believed is not error:
                raise believed from error
            raise
        else:
            with self._changed:
                in_use = max(1, member.standing.in_flight)
                member.standing.answered(recipe.model, (self._clock() - began) / in_use)
            return answer
        finally:
            with self._changed:
                member.standing.let_go()
                self._changed.notify_all()

    def _take_home(self, ticket: uuid.UUID, model: str) -> Member | None:
        """The server that already has this ticket, from before a crash or a doubt; its slots may be full."""
        if len(self._members) < 2:  # a single server asks that itself
            return None
        for member in self._members:
            with self._changed:
                if member.standing.breaker is Breaker.OPEN:
                    continue
            try:
                known = member.server.knows(ticket)
            except EngineAway as error:
                with self._changed:
                    member.standing.away(str(error))
                continue
            except EngineMisconfigured:  # told again, and dealt with, when it gets a photo
                continue
            if known:
                with self._changed:
                    member.standing.take(model, self._clock())
                return member
        return None

    def _take(self, model: str, tried: list[Member], doubts: list[FreistellerError]) -> Member:
        """A slot on the best server not tried yet; waits for one. Raises the reason where no server is left."""
        with self._changed:
            while not self._stop.is_set():
                now = self._clock()
                trusted = [
                    member for member in self._members if member not in tried and member.standing.trusted(model, now)
                ]
                if not trusted:
                    raise self._reason(model, doubts)
                ready = [member for member in trusted if member.standing.free()]
                if ready:
                    best = min(ready, key=lambda each: each.standing.cost(model, self._settings.affinity_seconds))
                    best.standing.take(model, now)
                    return best
                self._changed.wait(self._settings.probe_seconds)
        raise EngineAway("The ComfyUI engine is closed.")

    def _reason(self, model: str, doubts: list[FreistellerError]) -> FreistellerError:
        """Why a photo cannot be cut now: what a server said of it, else who is away, else what is missing."""
        for kind in (EngineFull, RecipeRefused, BadPhoto, EngineAway):
            for doubt in doubts:
                if isinstance(doubt, kind):
                    return doubt
        away = [member for member in self._members if member.standing.breaker is Breaker.OPEN]
        if away:
            told = " ".join(member.standing.message for member in away)
            return EngineAway(f"No ComfyUI server can take {model} now. {told}")
        paused = [member.standing.paused[model] for member in self._members if model in member.standing.paused]
        if paused:
            told = " ".join(dict.fromkeys(pause.message for pause in paused))
            return EngineMisconfigured(f"No ComfyUI server can do {model}. {told}")
        return doubts[-1] if doubts else EngineAway("No ComfyUI server is configured.")

    def _probe(self, member: Member) -> None:
        """Ask one server how it is, for ever; tidy up there. A thread each, for a hung server answers late."""
        usual = self._settings.probe_seconds
        soon = usual / SOONEST_PROBE
        while not self._stop.is_set():
            try:
                member.memory = member.server.memory()
            except (EngineAway, EngineMisconfigured) as error:
                with self._changed:
                    member.standing.away(str(error))
                    self._changed.notify_all()
            else:
                with self._changed:
                    returned = member.standing.probed()
                    self._changed.notify_all()
                if returned:
                    member.server.returned()
                with contextlib.suppress(FreistellerError):  # the next round tidies up
                    member.server.sweep()
            with self._changed:
                away = member.standing.breaker is Breaker.OPEN
            nudged = member.nudge.wait(soon if away else usual)
            soon = min(usual, soon * 2) if away else usual / SOONEST_PROBE
            if nudged:  # it failed just now: a moment, then ask
                self._stop.wait(soon)
                member.nudge.clear()

    def _health(self, member: Member, remarks: str) -> ServerHealth:
        return ServerHealth(member.server.name, member.standing.up, remarks, *self._load(member))

    @staticmethod
    def _load(member: Member) -> tuple[int, int | None, int | None]:
        return member.standing.in_flight, member.memory.total_bytes, member.memory.free_bytes
