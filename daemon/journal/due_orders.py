"""Remembers which orders are to be sent to which shops, when, and what kept them from it."""

import json
from dataclasses import asdict, dataclass

from daemon.journal.facts import Facts

_DUE = "shop_due:"  # and then shop and order, as a JSON list
_READ = "shop_events_read"


@dataclass(frozen=True, slots=True)
class DueOrder:
    """An order that a shop does not have yet as it is now.

    at: when the next try is, in Unix seconds; None = there is none until a result of the order changes. tries: how many
    came to nothing since it is due. why: the last one did; "" = there was none. person: whether somebody should look.
    """

    shop: str
    order: str
    at: float | None
    tries: int = 0
    why: str = ""
    person: bool = False


class DueOrders:
    """Safe to use from many threads; a change is on disk when the call returns."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def all(self) -> tuple[DueOrder, ...]:
        """Every order that is due somewhere, by shop and name."""
        return tuple(due for key in self._facts.keys_with(_DUE) if (due := self._known(key)))

    def of(self, shop: str, order: str) -> DueOrder | None:
        """What is known of this order and this shop; None = it is not due."""
        return self._known(_key(shop, order))

    def record(self, due: DueOrder) -> None:
        """Keep that an order is due."""
        self._facts.record(_key(due.shop, due.order), json.dumps(asdict(due), ensure_ascii=False))

    def forget(self, due: DueOrder) -> None:
        """The order is due no longer."""
        self._facts.forget(_key(due.shop, due.order))

    def read_up_to(self, newest: int) -> int:
        """The number of the event up to which changes were looked at; `newest` from now on, if none ever was."""
        return int(self._facts.record_once(_READ, str(newest)))

    def record_read(self, number: int) -> None:
        """Every change up to this event was looked at."""
        self._facts.record(_READ, str(number))

    def _known(self, key: str) -> DueOrder | None:
        text = self._facts.known(key)
        return None if text is None else DueOrder(**json.loads(text))


def _key(shop: str, order: str) -> str:
    return _DUE + json.dumps([shop, order], ensure_ascii=False)
