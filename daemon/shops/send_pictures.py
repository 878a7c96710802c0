"""Brings pictures into their places in one shop, each once, whatever is interrupted.

Before anything is repeated the shop is asked what it has. So a crash, or an answer that was lost, costs a question.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace

from daemon.journal.shop_rows import ShopPicture, ShopPictures, ShopPictureState
from daemon.publishing.staging import content_of
from daemon.shops.difference import Difference, difference
from daemon.shops.outcomes import What
from daemon.shops.shop_contract import (
    LoginExpired,
    PictureToSend,
    Product,
    ProductUnknown,
    RemotePicture,
    Shop,
    ShopAway,
    ShopRefused,
)

FIRST_BACKOFF_SECONDS = 2.0
LONGEST_BACKOFF_SECONDS = 300.0
POLL_SECONDS = (0.5, 1.0, 2.0, 4.0, 8.0, 8.0, 8.0, 8.0, 8.0, 8.0)
"""How long is waited before each question whether a picture is ready; then it is left processing."""
IMPATIENT_POLLS = 3
"""How often is asked once a picture took longer than that: some shops check pictures for a day."""


_TOLD = (ProductUnknown, LoginExpired, ShopRefused)


@dataclass(frozen=True, slots=True)
class Sent:
    """What became of one picture. why: for people, where something is wrong."""

    picture: PictureToSend
    what: What
    why: str = ""


class PictureSender:
    """Sends to one shop. wait: sleeps so many seconds; False = somebody wants an end. tries: while a shop is away."""

    def __init__(
        self,
        shop: Shop,
        rows: ShopPictures,
        clock: Callable[[], float],
        wait: Callable[[float], bool],
        tries: int = 5,
    ) -> None:
        self._shop, self._rows, self._clock, self._wait, self._tries = shop, rows, clock, wait, tries
        self._polls = len(POLL_SECONDS)

    def differences(self, pictures: Iterable[PictureToSend]) -> Iterator[Sent]:
        """What sending would do. Asks the shop only what changes nothing, and waits for nobody."""
        return self._each(pictures, self._would_be)

    def send(self, pictures: Iterable[PictureToSend]) -> Iterator[Sent]:
        """Send one after the other. While the shop is away, or does not know us, the rest waits and is not sent."""
        return self._each(pictures, self._sent_at_last)

    def _each(self, pictures: Iterable[PictureToSend], act: Callable[[PictureToSend], Sent]) -> Iterator[Sent]:
        stopped: Sent | None = None
        for picture in pictures:
            if stopped is None:
                sent = act(picture)
                if sent.what in ("waits", "login"):
                    stopped = sent
                yield sent
            else:
                yield Sent(picture, stopped.what, stopped.why)

    def _would_be(self, picture: PictureToSend) -> Sent:
        try:
            return Sent(picture, self._difference(picture, self._shop.product(picture.sku)).what)
        except ShopAway as error:
            return Sent(picture, "waits", str(error))
        except _TOLD as error:
            return Sent(picture, _what(error), str(error))

    def _sent_at_last(self, picture: PictureToSend) -> Sent:
        backoff_seconds = FIRST_BACKOFF_SECONDS
        for number in range(1, self._tries + 1):
            try:
                return self._bring(picture)
            except ShopAway as error:
                seconds = max(error.retry_after_seconds, backoff_seconds)
                if number == self._tries or not self._wait(seconds):
                    return Sent(picture, "waits", str(error))
                backoff_seconds = min(LONGEST_BACKOFF_SECONDS, backoff_seconds * 2)
            except _TOLD as error:
                if isinstance(error, ShopRefused):
                    self._record(picture, "failed", why=str(error))
                return Sent(picture, _what(error), str(error))
            except OSError as error:
                return Sent(picture, "failed", f"{picture.path.name} cannot be read: {error.strerror}")
        raise AssertionError("a try returns or is the last one")

    def _bring(self, picture: PictureToSend) -> Sent:
        product = self._shop.product(picture.sku)
        found = self._difference(picture, product)
        if found.what == "same" and found.now is not None:
            if found.settled:
                return self._settled(picture, "same", found.now)
            return self._attached(picture, product, found.now, "new" if found.begun else "same")
        if content_of(picture.path).hex() != picture.sha256:
            return Sent(picture, "failed", f"{picture.path.name} was changed meanwhile: send the order again")
        if found.what == "replaced" and found.now is not None:
            self._record(picture, "sending")
            remote = self._shop.replace(product, found.now.id, picture)
            self._record(picture, "placed", remote.id)
            return self._settled(picture, "replaced", remote)
        return self._new(picture, product, found.remote_id)

    def _new(self, picture: PictureToSend, product: Product, known_id: str) -> Sent:
        remote = self._shop.tell(picture.sku, known_id) if known_id else None
        if remote is None:
            self._record(picture, "sending")
            remote = self._shop.uploaded(picture)
        if remote is None or remote.state == "failed":
            remote = self._shop.upload(picture)
        self._record(picture, "uploaded", remote.id)
        return self._attached(picture, product, remote, "new")

    def _attached(self, picture: PictureToSend, product: Product, remote: RemotePicture, what: What) -> Sent:
        """Show it at its place; also if it is shown already, since a crash may have come before it was moved there."""
        remote = self._when_processed(picture, remote)
        if remote.state != "ready":
            return self._unfinished(picture, remote, "uploaded")
        self._shop.attach(product, remote.id, picture.place)
        if remote.takes_hours:
            self._record(picture, "placed", remote.id)
            return self._settled(picture, what, self._told(picture, remote.id))
        self._record(picture, "there", remote.id)
        return Sent(picture, what)

    def _settled(self, picture: PictureToSend, what: What, remote: RemotePicture) -> Sent:
        """Of a picture that stands in its place: what the shop says of it in the end."""
        remote = self._when_processed(picture, remote)
        if remote.state != "ready":
            return self._unfinished(picture, remote, "placed")
        self._record(picture, "there", remote.id)
        return Sent(picture, what)

    def _unfinished(self, picture: PictureToSend, remote: RemotePicture, state: ShopPictureState) -> Sent:
        if remote.state == "failed":
            self._record(picture, "failed", remote.id, remote.why)
            return Sent(picture, "failed", remote.why)
        self._record(picture, state, remote.id)
        return Sent(picture, "processing")

    def _when_processed(self, picture: PictureToSend, remote: RemotePicture) -> RemotePicture:
        for seconds in POLL_SECONDS[: self._polls]:
            if remote.state != "processing" or remote.takes_hours or not self._wait(seconds):
                break
            remote = self._told(picture, remote.id)
        if remote.state == "processing":
            self._polls = IMPATIENT_POLLS
        return remote

    def _told(self, picture: PictureToSend, remote_id: str) -> RemotePicture:
        told = self._shop.tell(picture.sku, remote_id)
        if told is None:
            raise ShopAway("The shop no longer has a picture that it had just taken.")
        return told

    def _difference(self, picture: PictureToSend, product: Product) -> Difference:
        return difference(picture, product, self._rows.at(self._shop.title, picture.sku, picture.place))

    def _record(self, picture: PictureToSend, state: ShopPictureState, remote_id: str = "", why: str = "") -> None:
        """Keep it, unless nothing changed. An id that is known stays known."""
        known = [
            row for row in self._rows.at(self._shop.title, picture.sku, picture.place) if row.sha256 == picture.sha256
        ]
        remote_id = remote_id or (known[-1].remote_id if known else "")
        row = ShopPicture(
            self._shop.title, picture.sku, picture.place, picture.sha256, remote_id, state, why, self._clock()
        )
        if not known or replace(known[-1], at=row.at) != row:
            self._rows.record(row)


def _what(error: Exception) -> What:
    return "unknown" if isinstance(error, ProductUnknown) else "login" if isinstance(error, LoginExpired) else "failed"
