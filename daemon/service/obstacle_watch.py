"""Gathers what the parts report, has it judged every second, and shows what keeps photos from being done."""

from collections.abc import Sequence

from daemon.errors import NOTHING_SAID, JournalLocked, NoRoom, Said, as_said, said_of
from daemon.journal.turns import Wait
from daemon.observe import series
from daemon.observe.labels import OBSTACLES
from daemon.observe.obstacles import Reports, Room, is_of_the_state, judge, timed
from daemon.service.inbox_loop import InboxLoop
from daemon.service.tools import Tools

DAMAGED = Said("obstacle_journal_damaged")


class ObstacleWatch:
    """One thread looks; others read `Health.obstacles`."""

    def __init__(self, tools: Tools, inbox_loop: InboxLoop) -> None:
        self._tools = tools
        self._inbox_loop = inbox_loop

    def look(self) -> None:
        """Judge once. While another program locks the journal, what was found before stays."""
        tools, now = self._tools, self._tools.runtime.clock()
        try:
            found = timed(judge(self._reports(now)), tools.health.obstacles, now)
        except JournalLocked:
            return
        tools.health.obstacles = found
        names = {each.name for each in found}
        for name in OBSTACLES:
            tools.metrics.set(series.OBSTACLE, name in names, reason=name)

    def _reports(self, now: float) -> Reports:
        tools, rooms = self._tools, self._tools.machine.rooms
        put_off = tools.journal.turns.waits(now)
        waits = {each.kind: as_said(each.reason) for each in put_off}
        trouble = tools.root.trouble
        no_room = said_of(trouble) if isinstance(trouble, NoRoom) else waits.get(NoRoom.reason, NOTHING_SAID)
        is_state = is_of_the_state(no_room)
        return Reports(
            root_trouble=trouble,
            root=_room(rooms.get("root"), str(tools.folders.root), NOTHING_SAID if is_state else no_room),
            state=_room(rooms.get("state"), str(tools.opened.state), no_room if is_state else NOTHING_SAID),
            journal_damage=DAMAGED if tools.opened.damaged else NOTHING_SAID,
            servers=tools.engine.health(),
            waits=waits,
            next_try_at=put_off[0].next_try_at if put_off and self._all_wait(put_off) else None,
            paused_at=tools.journal.paused_at(),
            paused_by=tools.journal.paused_by(),
            wrong_orders=self._inbox_loop.wrong_orders,
            left_alone=self._inbox_loop.left_alone,
        )

    def _all_wait(self, put_off: Sequence[Wait]) -> bool:
        """Whether no photo is in work, and none could start now."""
        return self._tools.journal.counts().open <= sum(each.jobs for each in put_off)


def _room(measured: Room | None, path: str, refused: Said) -> Room:
    return Room(path, measured.free_bytes if measured else None, refused)
