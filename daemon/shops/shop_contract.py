"""What a shop promises: a product is found, a picture goes there once, stands in its place, and is told of truly.

Who asks keeps what it knows in the journal and decides what is to be done. A shop only does it, and every call may be
repeated: a crash or a lost answer leaves nobody knowing whether it was heard.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol

from daemon.errors import FreistellerError

RemoteState = Literal["processing", "ready", "failed"]
"""What a shop says of a picture. processing: it was taken, and is not shown yet. failed: it will never be shown."""


class ShopAway(FreistellerError):
    """The shop cannot be reached, is busy or slows us down. Answer: postpone; the picture keeps its place.

    retry_after_seconds: how long the shop wants to be left alone; 0 = it does not say.
    """

    reason = "shop_away"

    def __init__(self, message: str, retry_after_seconds: float = 0.0) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds


class ShopRefused(FreistellerError):
    """The shop does not take this picture, and says why. Answer: tell people, and go on with the other pictures."""

    reason = "shop_refused"


class LoginExpired(FreistellerError):
    """The shop does not know us, or does not allow it. Answer: send nothing more there, and tell people."""

    reason = "shop_login"


class ProductUnknown(FreistellerError):
    """No product of the shop has this SKU, or several have. Answer: list it; never guess, never make a product."""

    reason = "product_unknown"


@dataclass(frozen=True, slots=True)
class PictureToSend:
    """One picture as a shop gets it.

    path: of the file here. name: its file name there, from `remote_name`; ASCII, with the content's hash in it. sku: as
    the shop has it. place: from 1, among the product's pictures; 1 is the main picture. sha256: of the file, hex.
    bytes: its size. media_type: e.g. "image/jpeg". alt: what describes it to those who cannot see it; "" = nothing.
    """

    path: Path
    name: str
    sku: str
    place: int
    sha256: str
    bytes: int
    media_type: str
    alt: str = ""


@dataclass(frozen=True, slots=True)
class RemotePicture:
    """A picture that a shop has.

    id: by which the shop knows it; it stays the same. name: its file name there, maybe with a suffix that the shop put
    to it; "" = the shop does not tell. why: for people, of one that failed. takes_hours: until it is
    shown, once it is attached: that the shop took it does not mean that, and asking again at once is of no use.
    """

    id: str
    name: str = ""
    state: RemoteState = "ready"
    why: str = ""
    takes_hours: bool = False


@dataclass(frozen=True, slots=True)
class Product:
    """A product of a shop. id: by which the shop knows it. pictures: all that it has now, in their order."""

    id: str
    sku: str
    pictures: tuple[RemotePicture, ...] = ()


class Shop(Protocol):
    """One shop, with its login. All calls may raise ShopAway, ShopRefused and LoginExpired.

    `product`, `uploaded` and `tell` only read: `--dry-run` calls nothing else.
    """

    @property
    def title(self) -> str:
        """The shop's name in the settings. It never contains a secret."""
        ...

    def product(self, sku: str) -> Product:
        """The product of this SKU, with its pictures. Raises ProductUnknown."""
        ...

    def uploaded(self, picture: PictureToSend) -> RemotePicture | None:
        """The picture, if the shop has a file of this name (see `holds_name`) already, attached or not; else None.

        It is asked before every `upload`, so an upload whose answer was lost is found here. A shop that cannot be asked
        for files by name returns None; there a lost upload must expire by itself.
        """
        ...

    def upload(self, picture: PictureToSend) -> RemotePicture:
        """Bring the file there, attached to nothing. Where the shop only takes URLs, this makes sure that it can be
        fetched. Raises ShopRefused if a file of this name came there meanwhile and cannot be found."""
        ...

    def tell(self, sku: str, picture_id: str) -> RemotePicture | None:
        """What the shop says of this picture now; None if it has no such picture any more."""
        ...

    def attach(self, product: Product, picture_id: str, place: int) -> None:
        """Show a picture that is ready with a product, at this place, or last if it has fewer pictures.

        Pictures that stand there move back by one; none is taken off. One that is attached already only moves.
        """
        ...

    def replace(self, product: Product, earlier_id: str, picture: PictureToSend) -> RemotePicture:
        """Put a picture into the place of an earlier one of ours, and keep that one until this one is ready.

        earlier_id: of a picture of the product. Returns the picture, maybe of the same id, maybe still processing. A
        shop that cannot change a picture's content uploads this one (if `uploaded` has none), exchanges the two, and
        then removes the earlier one, unless something else shows it. Repeating it, also with the earlier one gone
        already, makes no second picture.
        """
        ...
