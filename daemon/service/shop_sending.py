"""Sends orders to the shops that want them when they are done, one at a time, in a thread of its own.

An order is due when a result of it is published, moved or made anew: the journal's events tell, also those of an
earlier run. What is due is in the journal, so nothing is forgotten; what is sent twice is sent once.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from daemon.errors import RootAway
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.root_condition import RootCondition
from daemon.intake.photos_left import holds_photos
from daemon.journal import Journal
from daemon.journal.due_orders import DueOrder, DueOrders
from daemon.logs import log
from daemon.logs.barrier import Barrier
from daemon.service.sending_process import send_in_process
from daemon.settings import Settings
from daemon.settings.current import CurrentSettings
from daemon.shops.when_due import CHANGES, SendingEnd, after_try, changed, is_due

LOOK_SECONDS = 2.0
_AT_ONCE = 1000  # events
Send = Callable[[str, str, Sequence[str], threading.Event], SendingEnd | None]


def shops_when_done(settings: Settings) -> tuple[str, ...]:
    """The shops that orders are sent to without a person."""
    return tuple(name for name, shop in settings.shops.items() if shop.send == "when_done")


class ShopSending:
    """Only one thread uses it."""

    def __init__(
        self,
        journal: Journal,
        folders: HotFolder,
        root: RootCondition,
        settings: CurrentSettings,
        clock: Callable[[], float],
        send: Send = send_in_process,
    ) -> None:
        """clock: Unix seconds. Orders that are done before the first daemon with such a shop are not sent."""
        self.shops = shops_when_done(settings.now)
        """Where orders go; () = there is nothing to do."""
        self.flags: Sequence[str] = ()
        """Of the command that started the daemon: they lead the process that sends to the same settings."""
        self._journal = journal
        self._folders = folders
        self._root = root
        self._settings = settings
        self._clock = clock
        self._send = send
        self._due = DueOrders(journal.facts)
        self._read = self._due.read_up_to(journal.events.newest()) if self.shops else 0
        self._barrier = Barrier()

    def serve(self, stop: threading.Event) -> None:
        """Look at intervals until `stop`."""
        while not stop.wait(LOOK_SECONDS):
            with suppress(RootAway), self._barrier.around("Sending to shops"):
                self.turn(stop)

    def turn(self, stop: threading.Event) -> None:
        """Note what changed, and send what is due. Raises NoRoom, RootAway."""
        self._note_changes()
        for due in self._due.all():
            if stop.is_set() or self._journal.paused_at() is not None or not self._root.there:
                return
            if due.shop not in self.shops or not is_due(due, self._clock()) or self._is_in_work(due.order):
                continue
            end = self._send(due.shop, due.order, self.flags, stop)
            if end is not None:
                self._keep(due, end)

    def _note_changes(self) -> None:
        """Make due every order of which a result changed. A crash here notes some of it once more."""
        events, read = self._journal.events, self._read
        orders: dict[str, None] = {}
        if not events.knows_all_after(read):  # it was off for long: any order may have changed
            orders, read = dict.fromkeys(self._journal.batches.folders(0)), events.newest()
        while found := events.after(read, _AT_ONCE):
            orders |= {each.folder: None for each in found if each.kind in CHANGES}
            read = found[-1].number
        now, quiet = self._clock(), self._settings.now.notify.batch_seconds
        for order in filter(None, orders):  # a photo in inbox/ itself is of no order
            for shop in self.shops:
                self._due.record(changed(self._due.of(shop, order), shop, order, now, quiet))
        if read != self._read:
            self._due.record_read(read)
            self._read = read

    def _is_in_work(self, order: str) -> bool:
        if self._journal.batches.is_open(order):
            return True
        with self._folders.checked(f"Looking for photos in {self._folders.inbox}"):
            return holds_photos(self._folders, order)

    def _keep(self, due: DueOrder, end: SendingEnd) -> None:
        left = after_try(due, end, self._clock())
        if left is None:
            self._due.forget(due)
            log.log("shop_sent", f"{due.order} is sent. {end.line}", people=True, shop=due.shop, order=due.order)
            return
        self._due.record(left)
        later = f"tried again at {_time_of(left.at)}" if left.at is not None else ""
        if left.person:
            text = (
                f"Somebody should look at {due.order} for {due.shop}: {left.why}. "
                + (f"It is {later}; or" if later else "Then")
                + f" send it with: freisteller shops send {due.order} --shop {due.shop}"
            )
            log.log("shop_needs_person", text, level=logging.WARNING, shop=due.shop, order=due.order, next_at=left.at)
        else:
            text = f"{due.order} is not in {due.shop} yet, and is {later}: {left.why}"
            log.log("shop_postponed", text, level=logging.WARNING, shop=due.shop, order=due.order, next_at=left.at)


def _time_of(at: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(at))
