"""The ComfyUI engine: many servers behind the one `Engine` contract.

A photo goes to the server that will have it done first; when that server dies, hangs or lacks something, to another.
Only when none is left does the photo come back with an error.
"""

import contextlib
import threading
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import replace

from daemon.arrays import Rgb
from daemon.engines.comfyui.canary import Canary
from daemon.engines.comfyui.errand import Picture
from daemon.engines.comfyui.graph import load_graph
from daemon.engines.comfyui.models import load_models
from daemon.engines.comfyui.roster import Member, Roster
from daemon.engines.comfyui.server import Server
from daemon.engines.comfyui.standing import Standing
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


class ComfyUIEngine:
    """See `daemon.engines.contract.Engine`."""

    def __init__(
        self,
        settings: ComfyUISettings,
        owner: str = "",
        clock: Callable[[], float] = time.monotonic,
        *,
        commercial_use: bool = False,
        canary_models: Sequence[str] = (),
    ) -> None:
        """owner: names this daemon on the servers, so that two daemons never overwrite each other's uploads; it should
        be the same after a restart, so that the names stay few. "" = a new one each time.

        commercial_use: do as if there were no models whose licence does not allow that.
        canary_models: those to try with a test picture now and then; others than ours are left out.
        """
        self._settings = settings
        self._clock = clock
        self._table = load_models().for_commerce() if commercial_use else load_models()
        self._graph = load_graph(self._table)
        owner = owner or uuid.uuid4().hex[:12]
        members = [
            Member(
                Server(each, settings, self._graph, owner, clock),
                Standing(each.slots, settings.probe_seconds),
            )
            for each in settings.servers
        ]
        self._roster = Roster(members, settings.affinity_seconds, clock)
        self._stop = threading.Event()
        self._probers: list[threading.Thread] = []
        self._canary = Canary(
            self._roster,
            [model for model in canary_models if model in self.models],
            settings.canary_minutes * 60,
            self._stop,
            clock,
            time.time,
        )

    @property
    def slots(self) -> int:
        """All servers' slots."""
        return sum(member.server.slots for member in self._roster.members)

    @property
    def models(self) -> tuple[str, ...]:
        """All models of the table that may be used."""
        return tuple(self._table.models)

    def start(self) -> None:
        """Listen for events and probe each server, in the background; try each with test pictures if that is wanted."""
        if self._probers:
            return
        for member in self._roster.members:
            member.server.start()
            name = f"probe-{member.server.name}"
            self._probers.append(threading.Thread(target=self._probe, args=(member,), name=name, daemon=True))
            self._probers[-1].start()
        if self._settings.canary_minutes:
            self._canary.start()

    def cut(self, ticket: uuid.UUID, proxy: Rgb, recipe: Recipe) -> Answer:
        """See `Engine.cut`. A fault that may be the photo's is heard from two servers, where there are two."""
        self._graph.settle(recipe, proxy.shape[0], proxy.shape[1])
        picture = Picture.of(proxy)
        tried: list[Member] = []
        doubts: list[FreistellerError] = []
        member = self._roster.take_home(ticket, recipe.model) or self._roster.take(recipe.model, tried, doubts)
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
            member = self._roster.take(recipe.model, tried, doubts)

    def health(self) -> tuple[ServerHealth, ...]:
        """How each server is, as far as known."""
        return tuple(self._roster.describe(member) for member in self._roster.members)

    def check(self) -> tuple[ServerHealth, ...]:
        """Ask each server anew: does it answer, has it the nodes and models?"""
        return tuple(self._check(member) for member in self._roster.members)

    def close(self) -> None:
        """End every wait with EngineAway. Prompts under way go on; the next start adopts their results."""
        self._stop.set()
        self._roster.close()
        for member in self._roster.members:
            member.nudge.set()
            member.server.close(tidy=self._roster.up(member))

    def _cut_there(self, member: Member, ticket: uuid.UUID, picture: Picture, recipe: Recipe) -> Answer:
        """Cut on one server whose slot was taken; give the slot back, and remember how it did."""
        began = self._clock()
        try:
            answer = member.server.cut(ticket, picture, recipe)
        except FreistellerError as error:
            believed = self._roster.note_failure(member, recipe.model, error)
            if believed is not error:
                raise believed from error
            raise
        else:
            self._roster.note_answer(member, recipe.model, self._clock() - began)
            return answer
        finally:
            self._roster.give_back(member)

    def _probe(self, member: Member) -> None:
        """Ask one server how it is, for ever; tidy up there. A thread each, for a hung server answers late."""
        usual = self._settings.probe_seconds
        soon = usual / SOONEST_PROBE
        while not self._stop.is_set():
            try:
                memory = member.server.memory()
            except (EngineAway, EngineMisconfigured) as error:
                self._roster.note_away(member, error)
            else:
                if not self._roster.up(member):
                    member.server.returned()  # before it gets a photo
                self._roster.note_probe(member, memory)
                with contextlib.suppress(FreistellerError):  # the next round tidies up
                    member.server.sweep()
            up = self._roster.up(member)
            nudged = member.nudge.wait(usual if up else soon)
            soon = usual / SOONEST_PROBE if up else min(usual, soon * 2)
            if nudged:  # it failed just now: a moment, then ask
                self._stop.wait(soon)
                member.nudge.clear()

    def _check(self, member: Member) -> ServerHealth:
        known = self._roster.describe(member)
        try:
            remarks = member.server.check()
            memory = member.server.memory()
        except FreistellerError as error:
            return replace(known, up=False, message=str(error), memory_total_bytes=None, memory_free_bytes=None)
        return replace(
            known,
            up=True,
            message=remarks,
            memory_total_bytes=memory.total_bytes,
            memory_free_bytes=memory.free_bytes,
        )
