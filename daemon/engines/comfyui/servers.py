"""Which server gets a photo: the one that will have it done first, among those that are trusted with its model."""

import threading
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from daemon.engines.comfyui.replies import Memory
from daemon.engines.comfyui.server import Server
from daemon.engines.comfyui.server_trust import Breaker, Standing
from daemon.engines.contract import ServerHealth
from daemon.errors import BadPhoto, EngineAway, EngineFull, EngineMisconfigured, FreistellerError, RecipeRefused
from daemon.settings import ServerSettings


@dataclass(slots=True, eq=False)
class Member:
    """A server and what is thought of it."""

    server: Server
    standing: Standing
    settings: ServerSettings
    memory: Memory = field(default_factory=Memory)
    nudge: threading.Event = field(default_factory=threading.Event)
    """Set to have it probed soon."""
    canaries: dict[str, float] = field(default_factory=dict)
    """Model -> when it last cut out the test picture rightly, Unix time."""
    leaving: bool = False
    """It gets nothing new; what runs there ends."""


class Roster:
    """All servers, their slots and their standing, under one lock."""

    def __init__(self, members: Sequence[Member], affinity_seconds: float, clock: Callable[[], float]) -> None:
        """affinity_seconds: so much sooner must a server be free that has not loaded the model yet."""
        self.members = tuple(members)
        self._leaving: tuple[Member, ...] = ()
        self._affinity_seconds = affinity_seconds
        self._clock = clock
        self._changed = threading.Condition()
        self._closed = False

    @property
    def everyone(self) -> tuple[Member, ...]:
        """The members, and those that leave and are not empty yet."""
        with self._changed:
            return self.members + self._leaving

    def renew(self, members: Sequence[Member]) -> None:
        """These are the servers from now on. The others get nothing new, and leave once they are empty."""
        with self._changed:
            gone = tuple(member for member in self.members if member not in members)
            for member in gone:
                member.leaving = True
            self._leaving += gone
            self.members = tuple(members)
            self._changed.notify_all()  # who waits for a slot may have one now, or waits for the wrong server
        for member in gone:
            member.nudge.set()

    def resize(self, member: Member, settings: ServerSettings) -> None:
        """It has another number of slots from now on; what is in flight above that ends."""
        with self._changed:
            member.settings = settings
            member.standing.slots = settings.slots
            self._changed.notify_all()

    def wait_empty(self, member: Member) -> bool:
        """Wait until nothing is in flight on a member that leaves, then forget it. False where all is closed first."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or not member.standing.in_flight)
            if self._closed:
                return False
            self._leaving = tuple(each for each in self._leaving if each is not member)
            return True

    def take_home(self, ticket: uuid.UUID, model: str) -> tuple[Member | None, tuple[Member, ...]]:
        """The server that already has this ticket, from before a crash or a doubt; its slots may be full.

        Also those that could not say whether they have it.
        """
        members = self.members
        if len(members) < 2:  # a single server asks that itself
            return None, ()
        with ThreadPoolExecutor(len(members), "take-home") as asking:  # all at once: one may be slow to answer
            answers = list(zip(members, asking.map(lambda member: self._knows(member, ticket), members), strict=True))
        home: Member | None = None
        for member in (member for member, knows in answers if knows):
            with self._changed:
                if home is None and not member.leaving and model not in member.standing.doubted:
                    member.standing.take(model, self._clock())
                    home = member
                    continue
            member.server.disown(ticket)
        return home, tuple(member for member, knows in answers if knows is None)

    def _knows(self, member: Member, ticket: uuid.UUID) -> bool | None:
        """Whether a server has that ticket; None where it does not say."""
        if not self.up(member):
            return None
        try:
            return member.server.knows(ticket)
        except EngineAway as error:
            self.note_away(member, error)
        except EngineMisconfigured:  # told again, and dealt with, when it gets a photo
            pass
        return None

    def take(
        self,
        model: str,
        tried: Sequence[Member],
        doubts: Sequence[FreistellerError],
        last_resort: Member | None = None,
    ) -> Member:
        """A slot on the best server not tried yet, or on the last resort where none is left; waits for one.

        Raises what is known of the trouble where no server is left; doubts: what those that were tried said.
        """
        with self._changed:
            while not self._closed:
                now = self._clock()
                able = [each for each in self.members if each.standing.trusted(model, now)]
                trusted = [each for each in able if each not in tried] or [each for each in able if each is last_resort]
                if not trusted:
                    raise self._reason(model, doubts)
                ready = [each for each in trusted if each.standing.free()]
                if ready:
                    best = min(ready, key=lambda each: each.standing.cost(model, self._affinity_seconds))
                    best.standing.take(model, now)
                    return best
                self._changed.wait()
        raise EngineAway("The ComfyUI engine is closed.")

    def take_idle(self, member: Member, model: str) -> bool:
        """A slot there for a test picture, if one is free this moment. Returns whether it was taken."""
        with self._changed:
            now = self._clock()
            if self._closed or member.leaving or not member.standing.free() or not member.standing.askable(model, now):
                return False
            member.standing.take(model, now)
            return True

    def give_back(self, member: Member) -> None:
        """A slot is free again, however the photo fared."""
        with self._changed:
            member.standing.let_go()
            self._changed.notify_all()

    def note_answer(self, member: Member, model: str, seconds: float) -> None:
        """It did well; seconds: from taking the photo to its alpha, others in flight beside it."""
        with self._changed:
            member.standing.answered(model, seconds / max(1, member.standing.in_flight))

    def note_right(self, member: Member, model: str, at: float) -> None:
        """It cut out the test picture rightly, at this Unix time."""
        with self._changed:
            member.standing.right(model)
            member.canaries[model] = at
            self._changed.notify_all()

    def note_wrong(self, member: Member, model: str, message: str) -> None:
        """It did not: no photos for this model there until it does."""
        with self._changed:
            member.standing.wrong(model, message)
            self._changed.notify_all()  # who waits for its slot waits in vain

    def note_failure(self, member: Member, model: str, error: FreistellerError) -> FreistellerError:
        """It did not. Returns the error to believe."""
        with self._changed:
            if self._closed:  # it was we who stopped
                return error
            if isinstance(error, EngineFull):
                member.standing.freed()
            believed = member.standing.failed(model, error, self._clock())
        if isinstance(error, EngineAway):
            member.nudge.set()
        return believed

    def note_away(self, member: Member, error: FreistellerError) -> None:
        """It does not answer, or does not let us in."""
        with self._changed:
            member.standing.away(error)
            self._changed.notify_all()  # who waits for its slot waits in vain

    def note_probe(self, member: Member, memory: Memory) -> None:
        """It answered a probe."""
        with self._changed:
            member.memory = memory
            member.standing.probed()
            self._changed.notify_all()

    def up(self, member: Member) -> bool:
        """Whether its breaker lets anything through."""
        with self._changed:
            return member.standing.breaker is not Breaker.OPEN

    def describe(self, member: Member) -> ServerHealth:
        """How it is, from what is known."""
        with self._changed:
            standing = member.standing
            return ServerHealth(
                member.server.name,
                standing.up,
                standing.remarks,
                standing.in_flight,
                member.memory.total_bytes,
                member.memory.free_bytes,
                standing.breaker.value,
                member.server.reconnects,
                tuple(sorted(standing.stopped)),
                tuple(member.canaries.items()),
                member.server.uploads,
                member.server.history_entries,
            )

    def close(self) -> None:
        """Nobody gets a slot any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _reason(self, model: str, doubts: Sequence[FreistellerError]) -> FreistellerError:
        """What a server said of the photo, else who is away, else what is missing."""
        for kind in (EngineFull, RecipeRefused, BadPhoto, EngineAway):
            for doubt in doubts:
                if isinstance(doubt, kind):
                    return doubt
        troubles = [each.standing.trouble for each in self.members if each.standing.breaker is Breaker.OPEN]
        told = [str(trouble) for trouble in troubles if trouble]
        if any(isinstance(trouble, EngineAway) for trouble in troubles):
            return EngineAway(f"No ComfyUI server can take {model} now. {' '.join(told)}")
        told += [each.standing.paused[model].message for each in self.members if model in each.standing.paused]
        told += [each.standing.doubted[model] for each in self.members if model in each.standing.doubted]
        return EngineMisconfigured(f"No ComfyUI server can do {model}. {' '.join(dict.fromkeys(told))}".strip())
