"""Gathers what the parts report, has it judged every second, and shows what keeps photos from being done."""

import logging
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

from daemon.errors import NOTHING_SAID, FreistellerError, JournalLocked, NoRoom, Said, as_said, said_of
from daemon.intake.left_in_words import left_in_words
from daemon.journal.turns import Wait
from daemon.logs import log
from daemon.observe import series
from daemon.observe.labels import OBSTACLES
from daemon.observe.obstacles import Obstacle, Reports, Room, is_of_the_state, judge, timed
from daemon.service.inbox_loop import InboxLoop
from daemon.service.tools import Tools
from daemon.states import State
from daemon.work.dispatch import Dispatch

ENGINES = ("no_engine", "engine_refuses")
FULL_DISKS = ("root_disk_full", "state_disk_full")
TOLD = dict.fromkeys(ENGINES, "An engine works again; photos go on.") | dict.fromkeys(
    FULL_DISKS, "There is room on the disk again; photos go on."
)
"""The obstacles that are logged here, and what is said when one is over. Others are logged by whoever notices them."""

DAMAGED = Said("obstacle_journal_damaged")
MEASURE_SECONDS = 0.5  # a share that hangs may not hold up this thread


class ObstacleWatch:
    """One thread looks; others read `Health.obstacles`."""

    def __init__(self, tools: Tools, inbox_loop: InboxLoop, dispatch: Dispatch) -> None:
        self._tools = tools
        self._inbox_loop = inbox_loop
        self._dispatch = dispatch
        self._of_journal = Reports()
        self._photos_wait = False
        self._refused: tuple[Said, ...] = ()

    def look(self) -> None:
        """Judge once. While another program locks the journal even for reading, what it said last still counts."""
        tools, now = self._tools, self._tools.runtime.clock()
        with suppress(JournalLocked):
            self._of_journal = self._read_journal(now)
        found = timed(judge(self._reports()), tools.health.obstacles, now)
        before, tools.health.obstacles = tools.health.obstacles, found
        if not tools.runtime.stopping():  # a stop closes the engine
            self._tell(before, found)
        names = {each.name for each in found}
        for name in OBSTACLES:
            tools.metrics.set(series.OBSTACLE, name in names, reason=name)

    def _tell(self, before: Sequence[Obstacle], found: Sequence[Obstacle]) -> None:
        """Log each of TOLD when it begins and when it is over; a full disk that `RootWatch` found is told there."""
        is_told = isinstance(self._tools.root.trouble, NoRoom)
        were = {each.name for each in before}
        for each in found:
            if each.name in TOLD and each.name not in were and not (is_told and each.name in FULL_DISKS):
                begins = "No engine works, so photos wait. " if each.name in ENGINES else ""
                log.log(each.name, f"{begins}{each.text}", level=logging.WARNING, do=str(each.do))
        for name in sorted(were - {each.name for each in found}):
            if name in TOLD and not (name in ENGINES and any(each.name in ENGINES for each in found)):
                log.log(f"{name}_over", TOLD[name], people=True)

    def _read_journal(self, now: float) -> Reports:
        journal = self._tools.journal
        put_off, counts = journal.turns.waits(now), journal.counts()
        waits = {each.kind: as_said(each.reason) for each in put_off}
        held = self._dispatch.backoff.holds and counts.open > 0
        if held and not waits:  # the photo that was put off is tried again just now
            waits = dict(self._tools.refusals.last)
        in_work = counts.states[State.RUNNING] + counts.states[State.PUBLISHING]
        self._photos_wait = NoRoom.reason in waits or in_work > 0
        return Reports(
            waits=waits,
            held=held,
            next_try_at=self._next_try_at(put_off, counts.open, now),
            paused_at=journal.paused_at(),
            paused_by=journal.paused_by(),
        )

    def _next_try_at(self, put_off: Sequence[Wait], photos: int, now: float) -> float | None:
        """When the first of the photos that wait is tried; None if none waits, one is in work, or one may start now.

        photos: that are not over. A photo that was not tried yet waits too, while the dispatcher holds it back.
        """
        if self._dispatch.running:
            return None
        if put_off and photos <= sum(each.jobs for each in put_off):
            return put_off[0].next_try_at
        return self._dispatch.backoff.held_until(now) if photos else None

    def _reports(self) -> Reports:
        tools = self._tools
        trouble, journal = tools.root.trouble, tools.health.latest("journal")
        refused, rooms = self._refused_by(trouble), tools.machine.rooms
        return replace(
            self._of_journal,
            root_trouble=trouble,
            root=_room(rooms.get("root"), str(tools.folders.root), refused, of_the_state=False),
            state=_room(rooms.get("state"), str(tools.opened.state), refused, of_the_state=True),
            journal_locked=as_said(journal.detail) if journal and not journal.ok else NOTHING_SAID,
            journal_damage=DAMAGED if tools.opened.damaged else NOTHING_SAID,
            servers=tools.engine.health(),
            wrong_orders=self._inbox_loop.wrong_orders,
            left_alone=len(self._inbox_loop.left_alone),
            left_names=left_in_words(self._inbox_loop.left_alone),
        )

    def _refused_by(self, trouble: FreistellerError | None) -> tuple[Said, ...]:
        """What was said of writes that are refused now. At a new one both disks are measured, so the words are sure."""
        refused = self._tools.refusals.of_writes(self._photos_wait)
        if isinstance(trouble, NoRoom):
            refused = (said_of(trouble), *refused)
        if set(refused) - set(self._refused):
            self._tools.machine.look_soon(MEASURE_SECONDS)
        self._refused = refused
        return refused


def _room(measured: Room | None, path: str, refused: Sequence[Said], of_the_state: bool) -> Room:
    said = next((each for each in refused if is_of_the_state(each) == of_the_state), NOTHING_SAID)
    return Room(path, measured.free_bytes if measured else None, said)
