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
from daemon.engines.comfyui.graph import load_graph
from daemon.engines.comfyui.model_table import load_models
from daemon.engines.comfyui.prompt_run import Picture
from daemon.engines.comfyui.server import Server
from daemon.engines.comfyui.server_trust import Standing
from daemon.engines.comfyui.servers import Member, Roster
from daemon.engines.contract import Answer, ServerHealth
from daemon.errors import BadPhoto, EngineAway, EngineFull, EngineMisconfigured, FreistellerError, RecipeRefused
from daemon.jobs import Recipe
from daemon.settings import ComfyUISettings, ServerSettings

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
        self._owner = owner or uuid.uuid4().hex[:12]
        self._roster = Roster([self._member(each) for each in settings.servers], settings.affinity_seconds, clock)
        self._stop = threading.Event()
        self._started = False
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
        return sum(member.standing.slots for member in self._roster.members)

    @property
    def models(self) -> tuple[str, ...]:
        """All models of the table that may be used."""
        return tuple(self._table.models)

    def start(self) -> None:
        """Listen for events and probe each server, in the background; try each with test pictures if that is wanted."""
        if self._started:
            return
        self._started = True
        for member in self._roster.members:
            self._attend(member)
        if self._settings.canary_minutes:
            self._canary.start()

    def use_servers(self, servers: Sequence[ServerSettings]) -> None:
        """Work with these servers from now on, told apart by their URLs; call it from one thread.

        One that is gone gets nothing new, what runs there ends, then it is let go. One with another token or
        authority is left and joined anew; another number of slots counts at once.
        """
        present = {_address(member.settings): member for member in self._roster.members}
        members: list[Member] = []
        for each in servers:
            known = present.get(_address(each))
            if known and each == known.settings.model_copy(update={"slots": each.slots}):
                if each != known.settings:
                    self._roster.resize(known, each)
                members.append(known)
            else:
                members.append(self._member(each))
        new = [member for member in members if member not in present.values()]
        if self._started:
            for member in new:
                self._attend(member)
        self._roster.renew(members)
        if self._started and self._settings.canary_minutes:
            for member in new:
                self._canary.watch(member)

    def cut(self, ticket: uuid.UUID, proxy: Rgb, recipe: Recipe, *, new: bool = False) -> Answer:
        """See `Engine.cut`. A fault that may be the photo's is heard from two servers, where there are two.

        Out of memory where there is no other server, it is asked once more of the one that has just freed its memory.
        """
        self._graph.settle(recipe, proxy.shape[0], proxy.shape[1])
        picture = Picture.of(proxy)
        tried: list[Member] = []
        doubts: list[FreistellerError] = []
        freed: Member | None = None
        home, silent = (None, ()) if new else self._roster.take_home(ticket, recipe.model)
        member = home or self._roster.take(recipe.model, tried, doubts)
        while True:
            try:
                answer = self._cut_there(member, ticket, picture, recipe, new and member not in tried)
            except (EngineAway, EngineMisconfigured) as error:
                doubts.append(error)
            except (EngineFull, RecipeRefused, BadPhoto) as error:
                if any(isinstance(doubt, EngineFull | RecipeRefused | BadPhoto) for doubt in doubts):
                    raise
                doubts.append(error)
                freed = member if isinstance(error, EngineFull) else None
            else:
                for other in {*tried, *silent} - {member}:
                    other.server.disown(ticket)
                return answer
            tried.append(member)
            member = self._roster.take(recipe.model, tried, doubts, freed)

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
        for member in self._roster.everyone:
            member.nudge.set()
            member.server.close(tidy=self._roster.up(member))

    def _member(self, settings: ServerSettings) -> Member:
        server = Server(settings, self._settings, self._graph, self._owner, self._clock)
        return Member(server, Standing(settings.slots, self._settings.probe_seconds), settings)

    def _attend(self, member: Member) -> None:
        member.server.start()
        name = f"probe-{member.server.name}"
        threading.Thread(target=self._look_after, args=(member,), name=name, daemon=True).start()

    def _look_after(self, member: Member) -> None:
        """One server from its coming to its going. A thread each, for a hung server answers late."""
        self._probe(member)
        if member.leaving and self._roster.wait_empty(member):
            with contextlib.suppress(FreistellerError):  # it may be gone in earnest
                member.server.sweep()
            member.server.close(tidy=self._roster.up(member))

    def _cut_there(self, member: Member, ticket: uuid.UUID, picture: Picture, recipe: Recipe, new: bool) -> Answer:
        """Cut on one server whose slot was taken; give the slot back, and remember how it did."""
        began = self._clock()
        try:
            answer = member.server.cut(ticket, picture, recipe, new)
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
        """Ask one server how it is, until it leaves; tidy up there."""
        usual = self._settings.probe_seconds
        soon = usual / SOONEST_PROBE
        while not self._stop.is_set() and not member.leaving:
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


def _address(settings: ServerSettings) -> str:
    return settings.url.rstrip("/")
