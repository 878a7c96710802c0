"""`freisteller shops status`: what the journal knows of pictures in shops."""

import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from daemon.commands.journal_of_root import journal_of_root
from daemon.journal.due_orders import DueOrder, DueOrders
from daemon.journal.shop_rows import ShopPicture, ShopPictureState
from daemon.settings import Settings
from daemon.shops.remote_names import place_word
from daemon.words.counted import counted

_WORDS: dict[ShopPictureState, str] = {
    "there": "there",
    "placed": "in their place, the shop still works on them",
    "uploaded": "uploaded, not shown yet",
    "sending": "begun",
    "failed": "not taken",
}
_SHOWN = 50  # lines of pictures; --json has all


@dataclass(frozen=True, slots=True)
class ShopsTold:
    """By shop, also those of the settings that nothing was sent to: its kind ("" = not in the settings any more).

    due: the orders that the daemon is to send.
    """

    kinds: dict[str, str]
    pictures: tuple[ShopPicture, ...]
    due: tuple[DueOrder, ...] = ()

    def values(self) -> list[dict[str, Any]]:
        """For JSON."""
        return [
            {
                "shop": name,
                "kind": kind or None,
                "pictures": [asdict(each) for each in self._of(name)],
                "due": [asdict(each) for each in self.due if each.shop == name],
            }
            for name, kind in self.kinds.items()
        ]

    def lines(self) -> Iterator[str]:
        """For people: a line for each shop, then what is to be sent, and what is not there."""
        if not self.kinds:
            yield "There is no shop in the settings, and nothing was sent to one. docs/shops.md shows how."
        for name, kind in self.kinds.items():
            pictures = self._of(name)
            states = Counter(each.state for each in pictures)
            told = ", ".join(f"{states[state]} {words}" for state, words in _WORDS.items() if states[state])
            shop = f"{name} ({kind or 'not in the settings'})"
            yield f"{shop}: {counted(len(pictures), 'picture')}{': ' if told else ''}{told}"
            yield from (f"  {_due_line(each)}" for each in self.due if each.shop == name)
            unsettled = [each for each in pictures if each.state != "there"]
            for each in unsettled[:_SHOWN]:
                why = f": {each.why}" if each.why else ""
                yield f"  {each.sku} {place_word(each.place)}: {_WORDS[each.state]}{why}"
            if len(unsettled) > _SHOWN:
                yield f"  and {len(unsettled) - _SHOWN:,} more: see --json"

    def _of(self, shop: str) -> list[ShopPicture]:
        return [each for each in self.pictures if each.shop == shop]


def shops_status(settings: Settings) -> ShopsTold:
    """Read it; no shop is asked. Raises BadSettings, RootAway."""
    with journal_of_root(settings) as journal:
        names = dict.fromkeys((*settings.shops, *journal.shop_pictures.shops()))
        pictures = tuple(each for name in names for each in journal.shop_pictures.of(name))
        due = tuple(each for each in DueOrders(journal.facts).all() if _is_sent(settings, each.shop))
    kinds = {name: settings.shops[name].kind if name in settings.shops else "" for name in names}
    return ShopsTold(kinds, pictures, due)


def _is_sent(settings: Settings, shop: str) -> bool:
    """Whether the daemon sends to this shop."""
    return shop in settings.shops and settings.shops[shop].send == "when_done"


def _due_line(due: DueOrder) -> str:
    if due.at is None:
        return f"{due.order}: somebody should look, and then send it: {due.why}"
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(due.at))
    if not due.tries:
        return f"{due.order}: goes out once all its photos are done, not before {at}"
    return f"{due.order}: {'somebody should look; ' if due.person else ''}tried again at {at}: {due.why}"
