"""Chooses the server for a photo: the one that finishes it first, among those trusted with its model."""

import contextlib
import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

from daemon.engines.comfyui.replies import Memory
from daemon.engines.comfyui.server import Server
from daemon.engines.comfyui.server_trust import ServerTrust
from daemon.engines.contract import ServerHealth
from daemon.errors import (
    BadPhoto,
    EngineAway,
    EngineFull,
    EngineMisconfigured,
    FreistellerError,
    RecipeRefused,
    Said,
    said_of,
    said_together,
)
from daemon.settings import ServerSettings


@dataclass(slots=True, eq=False)
class ServerEntry:
    """A server in the list of servers. Change it only inside `Servers.changing`.

    probe_soon: set it to have the server probed soon.
    canaries: model -> Unix time when it last cut out the test picture correctly.
    proving: held while a test picture goes before a photo.
    leaving: the server gets nothing new; what runs there ends.
    """

    server: Server
    trust: ServerTrust
    settings: ServerSettings
    memory: Memory = field(default_factory=Memory)
    probe_soon: threading.Event = field(default_factory=threading.Event)
    canaries: dict[str, float] = field(default_factory=dict)
    proving: threading.Lock = field(default_factory=threading.Lock)
    leaving: bool = False

    def health(self) -> ServerHealth:
        """The server's condition, as far as known."""
        return ServerHealth(
            server=self.server.name,
            up=self.trust.up,
            message=self.trust.message,
            running=self.trust.in_flight,
            memory_total_bytes=self.memory.total_bytes,
            memory_free_bytes=self.memory.free_bytes,
            circuit=self.trust.breaker.value,
            reconnects=self.server.reconnects,
            set_aside=tuple(sorted(self.trust.models_without_photos)),
            tested=tuple(sorted(self.trust.tested)),
            canaries=tuple(self.canaries.items()),
            uploads=self.server.uploads,
            history_entries=self.server.history_entries,
        )


class Servers:
    """All servers, their slots and the trust in them, under one lock."""

    def __init__(self, entries: Sequence[ServerEntry], affinity_seconds: float, clock: Callable[[], float]) -> None:
        """affinity_seconds: a server that has not loaded the model gets the photo if it is so much sooner."""
        self.entries = tuple(entries)
        self._leaving: tuple[ServerEntry, ...] = ()
        self._affinity_seconds = affinity_seconds
        self._clock = clock
        self._changed = threading.Condition()
        self._closed = False

    @contextlib.contextmanager
    def changing(self, entry: ServerEntry) -> Iterator[ServerTrust]:
        """Hold the lock during the block, to change the trust in a server. Then all who wait for a slot look again."""
        with self._changed:
            yield entry.trust
            self._changed.notify_all()

    def health_of(self, entry: ServerEntry) -> ServerHealth:
        """The server's condition, as far as known."""
        with self._changed:
            return entry.health()

    @property
    def all_entries(self) -> tuple[ServerEntry, ...]:
        """All entries, and those of servers that leave and are not empty yet."""
        with self._changed:
            return self.entries + self._leaving

    def replace(self, entries: Sequence[ServerEntry]) -> None:
        """Use these servers from now on. The others get nothing new, and leave when they are empty."""
        with self._changed:
            gone = tuple(entry for entry in self.entries if entry not in entries)
            for entry in gone:
                entry.leaving = True
            self._leaving += gone
            self.entries = tuple(entries)
            self._changed.notify_all()  # a waiting thread may have a slot now, or it waits for a server that leaves
        for entry in gone:
            entry.probe_soon.set()

    def wait_until_empty(self, entry: ServerEntry) -> bool:
        """Wait until nothing is in flight on a server that leaves, then forget it. False if all is closed first."""
        with self._changed:
            self._changed.wait_for(lambda: self._closed or not entry.trust.in_flight)
            if self._closed:
                return False
            self._leaving = tuple(each for each in self._leaving if each is not entry)
            return True

    def take_holder(self, ticket: uuid.UUID, model: str) -> tuple[ServerEntry | None, tuple[ServerEntry, ...]]:
        """Take a slot on the server that already has this ticket, from before a crash or a doubt.

        It may get more photos than it has slots. Returns that server, or None, and the servers that could not say
        whether they have the ticket.
        """
        entries = self.entries
        if len(entries) < 2:  # a single server looks for the ticket itself
            return None, ()
        with ThreadPoolExecutor(len(entries), "find-ticket") as pool:  # all at once: one may be slow to answer
            answers = list(zip(entries, pool.map(lambda entry: self._has_ticket(entry, ticket), entries), strict=True))
        holder: ServerEntry | None = None
        for entry in (entry for entry, has in answers if has):
            with self._changed:
                if holder is None and not entry.leaving and model not in entry.trust.failed_canaries:
                    entry.trust.take_slot(model, self._clock())
                    holder = entry
                    continue
            entry.server.cancel_later(ticket)
        return holder, tuple(entry for entry, has in answers if has is None)

    def _has_ticket(self, entry: ServerEntry, ticket: uuid.UUID) -> bool | None:
        """Whether a server has that ticket. None if it does not say."""
        if not entry.trust.reachable:
            return None
        try:
            return entry.server.has_ticket(ticket)
        except EngineAway as error:
            with self.changing(entry) as trust:
                trust.record_absence(error)
        except EngineMisconfigured:  # the server raises it again when it gets a photo; that call handles it
            pass
        return None

    def take_slot(
        self,
        model: str,
        tried: Sequence[ServerEntry],
        errors: Sequence[FreistellerError],
        last_resort: ServerEntry | None = None,
        photo: str = "",
    ) -> ServerEntry:
        """Take a slot on the best server that was not tried yet, or else on the last resort. Waits for a free slot.

        photo: its digest.

        errors: what the servers that were tried said. If no server is left, raises the error that explains it best.
        """
        with self._changed:
            while not self._closed:
                now = self._clock()
                trusted = [each for each in self.entries if each.trust.accepts_photo(model, now, photo)]
                untried = [each for each in trusted if each not in tried]
                candidates = untried or [each for each in trusted if each is last_resort]
                if not candidates:
                    raise self._error_without_server(model, errors)
                ready = [each for each in candidates if each.trust.has_free_slot()]
                if ready:
                    best = min(ready, key=lambda each: each.trust.seconds_until_done(model, self._affinity_seconds))
                    best.trust.take_slot(model, now)
                    return best
                self._changed.wait()
        raise EngineAway(Said("comfyui_closed"))

    def take_idle_slot(self, entry: ServerEntry, model: str) -> bool:
        """Take a slot there for a test picture, if one is free at this moment. Returns whether it was taken."""
        with self._changed:
            now, trust = self._clock(), entry.trust
            usable = not self._closed and not entry.leaving and trust.has_free_slot()
            if not usable or not trust.accepts_test_picture(model, now):
                return False
            trust.take_slot(model, now)
            return True

    def record_failure(self, entry: ServerEntry, model: str, error: FreistellerError, photo: str) -> FreistellerError:
        """See `ServerTrust.record_failure`. Ignored once the servers are closed: then the error is due to that."""
        with self._changed:
            if self._closed:
                return error
            if isinstance(error, EngineFull):
                entry.trust.record_freed_memory()
            error_to_raise = entry.trust.record_failure(model, error, self._clock(), photo)
        if isinstance(error, EngineAway):
            entry.probe_soon.set()
        return error_to_raise

    def close(self) -> None:
        """Give nobody a slot any more."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def _error_without_server(self, model: str, errors: Sequence[FreistellerError]) -> FreistellerError:
        """What a server said about the photo; else what each server lacks, and who is away."""
        for kind in (EngineFull, RecipeRefused, BadPhoto, EngineAway):
            for error in errors:
                if isinstance(error, kind):
                    return error
        troubles = [each.trust.trouble for each in self.entries if not each.trust.reachable]
        texts: list[Said] = [
            each.trust.set_aside[model].message for each in self.entries if model in each.trust.set_aside
        ]
        texts += [each.trust.deadly[model].message for each in self.entries if model in each.trust.deadly]
        texts += [each.trust.failed_canaries[model] for each in self.entries if model in each.trust.failed_canaries]
        texts += [said_of(trouble) for trouble in troubles if trouble]
        if any(isinstance(trouble, EngineAway) for trouble in troubles):
            return EngineAway(said_together([Said("no_server_takes", model=model), *dict.fromkeys(texts)]))
        return EngineMisconfigured(said_together([Said("no_server_runs", model=model), *dict.fromkeys(texts)]))
