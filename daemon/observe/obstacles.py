"""Judges from what the parts report what keeps photos from being done, for every place alike, the worst first."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from daemon.engines.contract import BUILT_IN, ServerHealth
from daemon.errors import (
    NOTHING_SAID,
    EngineMisconfigured,
    FreistellerError,
    JournalDamaged,
    JournalLocked,
    NoRoom,
    Said,
    as_said,
    said_of,
    said_together,
)
from daemon.observe.labels import OBSTACLES

FULL_BYTES = 1024**2  # no result of a photo fits into less
STOPPING = frozenset({"root_away", "root_disk_full", "state_disk_full", "journal_locked", "no_engine"})
"""The obstacles that keep every photo waiting, so that the daemon is not ready."""
HALTING = STOPPING | {"engine_refuses", "paused"}
"""Those, what looks the same to whoever waits for a photo, and what a person wants: nothing "goes on" beside them."""
_OF_THE_STATE = frozenset({"journal_no_room", "no_room_for_alpha", "no_room_for_kept_alpha", "no_room_for_pictures"})


@dataclass(frozen=True, slots=True)
class Obstacle:
    """One thing that keeps photos from being done. name: one of `labels.OBSTACLES`. do: what a person can do.

    since, until: Unix seconds; None = not known.
    """

    name: str
    text: Said
    do: Said
    since: float | None = None
    until: float | None = None

    def shown(self) -> dict[str, object]:
        """Ready for JSON."""
        return {"name": self.name, "text": self.text, "do": self.do, "since": self.since, "until": self.until}


@dataclass(frozen=True, slots=True)
class Room:
    """A disk that we write to. path: our folder on it. free_bytes: None = not known.

    refused: what the last write said that found no room there; "" if the writes since went well.
    """

    path: str
    free_bytes: int | None = None
    refused: Said = NOTHING_SAID

    @property
    def is_full(self) -> bool:
        """Whether nothing can be written there, as far as known."""
        return bool(self.refused) or (self.free_bytes is not None and self.free_bytes < FULL_BYTES)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reports:
    """What the parts report. Times in Unix seconds.

    root_trouble: what the last look at the hot folder showed. waits: for each kind of error that put photos off (the
    `reason` of its class), what it said. next_try_at: when the first of these photos is tried again; None = none waits,
    or others are due before. held: the photo that was tried last was put off, and the others wait for its next try.
    servers: empty = not known, so nothing is said of engines. left_alone: how many files of the inbox are; left_names:
    the first of them, with why.
    """

    root_trouble: FreistellerError | None = None
    root: Room | None = None
    state: Room | None = None
    journal_locked: Said = NOTHING_SAID
    journal_damage: Said = NOTHING_SAID
    servers: Sequence[ServerHealth] = ()
    waits: Mapping[str, Said] | None = None
    next_try_at: float | None = None
    held: bool = False
    paused_at: float | None = None
    paused_by: str = ""
    wrong_orders: Sequence[str] = ()
    left_alone: int = 0
    left_names: Said = NOTHING_SAID


def is_of_a_disk(said: Said) -> bool:
    """Whether a NoRoom that says this is about a disk, not about the memory of this machine."""
    return said.code != "no_process"


def is_of_the_state(said: Said) -> bool:
    """Whether a NoRoom that says this is about the state directory, not the hot folder."""
    return said.code in _OF_THE_STATE


def judge(reports: Reports) -> tuple[Obstacle, ...]:
    """What keeps photos from being done, the worst first; () = nothing does."""
    found = (*_folders(reports), *_engines(reports), *_people(reports))
    return tuple(sorted(found, key=lambda each: OBSTACLES.index(each.name)))


def root_away(trouble: FreistellerError) -> Obstacle:
    """The hot folder cannot be reached, or another one is there."""
    return Obstacle("root_away", said_of(trouble), Said("obstacle_root_away_do"))


def timed(found: Sequence[Obstacle], before: Sequence[Obstacle], now: float) -> tuple[Obstacle, ...]:
    """The same, each with the time since when it holds. before: what the look before found."""
    known = {each.name: each.since for each in before}
    return tuple(each if each.since is not None else replace(each, since=known.get(each.name) or now) for each in found)


def _folders(reports: Reports) -> list[Obstacle]:
    found = []
    trouble, root, state = reports.root_trouble, reports.root, reports.state
    no_room = said_of(trouble) if isinstance(trouble, NoRoom) else NOTHING_SAID
    of_state, of_root = (no_room, NOTHING_SAID) if is_of_the_state(no_room) else (NOTHING_SAID, no_room)
    if trouble is not None and not isinstance(trouble, NoRoom):
        found.append(root_away(trouble))
    elif of_root or (root and root.is_full):
        text = _full(root, "obstacle_root_full") or of_root
        found.append(Obstacle("root_disk_full", text, Said("obstacle_root_full_do")))
    if of_state or (state and state.is_full):
        text = _full(state, "obstacle_state_full") or of_state
        found.append(Obstacle("state_disk_full", text, Said("obstacle_state_full_do")))
    if reports.journal_locked:
        found.append(Obstacle(JournalLocked.reason, reports.journal_locked, Said("obstacle_journal_locked_do")))
    if reports.journal_damage:
        found.append(Obstacle(JournalDamaged.reason, reports.journal_damage, Said("obstacle_journal_damaged_do")))
    return found


def _full(room: Room | None, code: str) -> Said:
    if room is None:
        return NOTHING_SAID
    if room.free_bytes is not None and room.free_bytes < FULL_BYTES:
        return Said(code, path=room.path)
    return room.refused


def _engines(reports: Reports) -> list[Obstacle]:
    servers = reports.servers
    if servers and not any(each.up for each in servers):
        if any(each.set_aside and each.circuit != "open" for each in servers):  # it answers, and lacks what is asked
            return [Obstacle("engine_refuses", server_reasons(servers), Said("obstacle_engine_refuses_do"))]
        if [each.server for each in servers] == [BUILT_IN] and servers[0].message:
            return [Obstacle("no_engine", as_said(servers[0].message), Said("obstacle_no_local_engine_do"))]
        return [Obstacle("no_engine", server_reasons(servers), Said("obstacle_no_engine_do"))]
    if refusal := (reports.waits or {}).get(EngineMisconfigured.reason):
        return [Obstacle("engine_refuses", refusal, Said("obstacle_engine_refuses_do"))]
    paused = [
        Said("obstacle_model_paused", server=each.server, model=", ".join(each.set_aside), detail=each.message)
        for each in servers
        if each.up and each.set_aside
    ]
    return [Obstacle("model_paused", said_together(paused), Said("obstacle_model_paused_do"))] if paused else []


def server_reasons(servers: Sequence[ServerHealth]) -> Said:
    """Why each server that is not well is not: its name once, and its own reason."""
    return said_together((_reason(each) for each in servers if not each.up or each.fallbacks or each.set_aside), "list")


def _reason(server: ServerHealth) -> Said:
    message = server.message or Said("away")
    if server.server in message:
        return as_said(message)
    return Said("server_error", server=server.server, detail=message)


def _people(reports: Reports) -> list[Obstacle]:
    found = []
    if reports.paused_at is not None:
        by = Said("obstacle_paused_by", who=reports.paused_by) if reports.paused_by else Said("obstacle_paused")
        found.append(Obstacle("paused", by, Said("obstacle_paused_do"), since=reports.paused_at))
    if reports.waits and (reports.held or reports.next_try_at is not None):
        said = said_together(dict.fromkeys(reports.waits.values()), "list")
        found.append(Obstacle("back_off", said, Said("obstacle_back_off_do"), until=reports.next_try_at))
    if reports.wrong_orders:
        orders = said_together((Said.again(text) for text in reports.wrong_orders), "sentences")
        found.append(Obstacle("order_wrong", orders, Said("obstacle_order_wrong_do")))
    if reports.left_alone:
        text = Said("obstacle_left_alone_names", n=reports.left_alone, names=reports.left_names)
        found.append(Obstacle("left_alone", text, Said("obstacle_left_alone_export")))
    return found
