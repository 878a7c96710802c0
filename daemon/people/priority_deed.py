"""Lets the photos of an order be started before others, or after them."""

from daemon.errors import IllegalMove, Said
from daemon.journal import Journal
from daemon.journal.deed_rows import Deed
from daemon.people.deed_acts import Plan

HIGHEST = 1000


class PriorityDeed:
    """A `DeedAct` of an order. wish: {"priority": -1000 .. 1000}; the highest is started first, 0 = as usual."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def plan(self, subject: str, wish: Plan, _: str) -> Plan:
        """Keep what was before. Raises IllegalMove if no photo of the order is known."""
        if all(each.name != subject for each in self._journal.orders.all()):
            raise IllegalMove(Said("no_such_order", order=subject))
        now, wished = self._journal.turns.wished(subject)
        return {"priority": wish["priority"], "was": now, "was_wished": wished}

    def do(self, deed: Deed) -> None:
        """Give the order its priority."""
        wish = deed.body["priority"]
        self._journal.turns.wish(deed.folder, wish, wish)

    def plan_undo(self, _: Deed) -> Plan:
        """That can always be taken back."""
        return {}

    def undo(self, deed: Deed, _: Plan) -> None:
        """Give the order the priority that it had."""
        self._journal.turns.wish(deed.folder, deed.body["was"], deed.body["was_wished"])
