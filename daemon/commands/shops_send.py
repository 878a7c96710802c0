"""`freisteller shops send`: brings the pictures of an order to shops, or shows what that would change."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from daemon.commands.export import order_to_export
from daemon.commands.journal_of_root import journal_of_root
from daemon.disk.lock_file import Lock
from daemon.errors import BadSettings
from daemon.exports.exported_picture import ExportedPicture
from daemon.exports.left_out import NO_PRODUCT, NotExported
from daemon.exports.manifest import left_out_values
from daemon.exports.planned_export import planned_export
from daemon.exports.whole_export import RESERVED
from daemon.journal import Journal
from daemon.settings import Settings, suggestion
from daemon.settings.shop_section import ShopSettings
from daemon.shops.chosen_pictures import ChosenPictures, WantedPictures, chosen_pictures
from daemon.shops.open_shop import open_shop
from daemon.shops.outcomes import DONE, LATER, What
from daemon.shops.remote_names import place_word
from daemon.shops.send_pictures import PictureSender, Sent
from daemon.words.catalogue import LANGUAGES, words_in
from daemon.words.counted import counted

_WORDS: dict[What, tuple[str, str]] = {
    "new": ("new", "would be sent"),
    "replaced": ("replaced", "would be replaced"),
    "same": ("there already", "there already"),
    "processing": ("the shop still works on it", "the shop still works on it"),
    "failed": ("not taken", "not taken"),
    "unknown": ("unknown product", "unknown product"),
    "waits": ("waits", "waits"),
    "login": ("login needed", "login needed"),
}
"""Of what became of a picture, and of what would."""


@dataclass(frozen=True, slots=True)
class SentToShop:
    """What came of one shop. dry: nothing was sent, `sent` says what would be."""

    shop: str
    dry: bool
    chosen: ChosenPictures
    sent: tuple[Sent, ...]

    @property
    def is_whole(self) -> bool:
        """Whether all stands in its place now, or would."""
        return not self.chosen.left_out and all(each.what in DONE for each in self.sent)

    @property
    def is_later(self) -> bool:
        """Whether sending once more is all that it needs."""
        return not self.chosen.left_out and all(each.what in DONE | LATER for each in self.sent)

    def values(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "shop": self.shop,
            "dry_run": self.dry,
            "line": self.last_line(),
            "pictures": [
                {
                    "sku": each.picture.sku,
                    "place": each.picture.place,
                    "name": each.picture.name,
                    "sha256": each.picture.sha256,
                    "what": each.what,
                    "why": each.why or None,
                }
                for each in self.sent
            ],
            "left_out": [{"photo": each.photo, "why": each.why} for each in self.chosen.left_out],
        }

    def last_line(self) -> str:
        """The count of what went in and what came of it."""
        counts = {what: sum(each.what == what for each in self.sent) for what in _WORDS}
        told = [f"{count} {_WORDS[what][self.dry]}" for what, count in counts.items() if count]
        if self.chosen.left_out:
            told.append(f"{len(self.chosen.left_out)} left out")
        count = len(self.sent) + len(self.chosen.left_out)
        return f"{self.shop}: {counted(count, 'picture')}" + (f": {', '.join(told)}" if told else "")


@dataclass(frozen=True, slots=True)
class SentOrder:
    """What came of an order. not_exported: what is no picture that could be sent, whatever the shop."""

    order: str
    not_exported: tuple[NotExported, ...]
    shops: tuple[SentToShop, ...]

    @property
    def is_whole(self) -> bool:
        """Whether each picture stands in its place now, or would."""
        return not self.not_exported and all(each.is_whole for each in self.shops)

    @property
    def is_later(self) -> bool:
        """Whether sending once more is all that it needs."""
        return not self.not_exported and all(each.is_later for each in self.shops)

    def values(self) -> dict[str, Any]:
        """For JSON."""
        english = words_in(LANGUAGES[0])
        return {
            "order": self.order,
            "not_sent": [left_out_values(each, english) for each in self.not_exported],
            "shops": [each.values() for each in self.shops],
        }


def send_order(
    settings: Settings, order: str, shop: str | None, dry: bool, on_line: Callable[[str], None]
) -> SentOrder:
    """Send an order's pictures to all shops of the settings, or to the one of that name. on_line: told as it goes.

    dry: ask the shops, change nothing there or here. Raises BadSettings if there is no such shop or order, or a login
    is missing; AlreadyRunning if somebody else sends.
    """
    names = _named(settings, shop)
    for name in names:
        open_shop(name, settings.shops[name])  # a login that is missing is told before anything is sent
    plan = planned_export(order_to_export(settings, order), RESERVED)
    not_exported = tuple(each for each in plan.not_kept if each.why != NO_PRODUCT)
    english = words_in(LANGUAGES[0])
    for each in not_exported:
        on_line(f"not sent: {each.line(english)}")
    with journal_of_root(settings) as journal:
        lock = None if dry else Lock(journal.shops_lock, "The list of pictures in shops")
        try:
            shops = (_sent_to(name, settings.shops[name], plan.pictures, journal, dry, on_line) for name in names)
            return SentOrder(order, not_exported, tuple(shops))
        finally:
            if lock:
                lock.release()


def _sent_to(
    name: str,
    shop: ShopSettings,
    pictures: Sequence[ExportedPicture],
    journal: Journal,
    dry: bool,
    on_line: Callable[[str], None],
) -> SentToShop:
    chosen = chosen_pictures(pictures, WantedPictures(shop.rendition, shop.main_rendition, shop.variant))
    if not chosen.pictures and not chosen.left_out:
        made = sorted({picture.rendition for picture in pictures})
        on_line(f"{name}: no picture is the rendition {shop.rendition}; there are: {', '.join(made) or 'none'}")
    for left_out in chosen.left_out:
        on_line(f"{name}: {left_out.photo} is left out: {left_out.why}")
    notes = journal.shop_notes(name)
    opened = open_shop(name, shop, notes=dict(notes) if dry else notes)
    sender = PictureSender(opened, journal.shop_pictures, time.time, _wait)
    sent = []
    for each in (sender.differences if dry else sender.send)(chosen.pictures):
        on_line(f"{name}: {_line(each, dry)}")
        sent.append(each)
    return SentToShop(name, dry, chosen, tuple(sent))


def _line(sent: Sent, dry: bool) -> str:
    what = f"{sent.picture.sku} {place_word(sent.picture.place)}: {_WORDS[sent.what][dry]}"
    return f"{what}: {sent.why}" if sent.why else what


def _named(settings: Settings, shop: str | None) -> tuple[str, ...]:
    if not settings.shops:
        raise BadSettings(
            "The settings name no shop. Give each a section [shops.NAME], as docs/shops.md shows, and name the "
            "settings file with --config."
        )
    if shop is None:
        return tuple(settings.shops)
    if shop not in settings.shops:
        told = f"No shop is called {shop}{suggestion(shop, settings.shops) or '.'}"
        raise BadSettings(f"{told} The settings have: {', '.join(settings.shops)}")
    return (shop,)


def _wait(seconds: float) -> bool:
    time.sleep(seconds)
    return True
