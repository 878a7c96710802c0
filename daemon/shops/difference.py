"""What is to be done for a picture to stand in its place, by what the shop shows and what the journal remembers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from daemon.journal.shop_rows import ShopPicture
from daemon.shops.remote_names import holds_name, holds_place, remote_name
from daemon.shops.shop_contract import PictureToSend, Product, RemotePicture


@dataclass(frozen=True, slots=True)
class Difference:
    """What a place lacks.

    what: "same": the picture stands there. "replaced": an earlier one of ours stands there. "new": none of ours does.
    now: the picture that stands there; None = none of ours. remote_id: an upload of this content that the journal knows
    and that stands nowhere yet; "" = none. begun: the journal knows that it was to be sent. settled: it knows that it
    was put into its place.
    """

    what: Literal["new", "replaced", "same"]
    now: RemotePicture | None = None
    remote_id: str = ""
    begun: bool = False
    settled: bool = False


def difference(picture: PictureToSend, product: Product, known: Sequence[ShopPicture]) -> Difference:
    """Compare. known: what the journal knows of this place, oldest first.

    Of a picture that the journal knows, it knows best: a shop may keep a file's name when its content is changed. Only
    a name with a content that the journal has never heard of goes before it: somebody else sent that, or the journal
    was lost. Pictures of the shop's owner are never taken for ours.
    """
    this, earlier = None, None
    for shown in product.pictures:
        content = _content(shown, picture, known)
        if content == picture.sha256:
            this = this or shown
        elif content:
            earlier = earlier or shown
    if earlier:
        return Difference("replaced", earlier)  # also if both stand there: an exchange was interrupted
    ours = [row for row in known if row.sha256 == picture.sha256]
    if this:
        settled = any(row.state in ("placed", "there") and row.remote_id == this.id for row in ours)
        return Difference("same", this, begun=bool(ours), settled=settled)
    uploads = [row.remote_id for row in ours if row.state == "uploaded"]
    return Difference("new", None, uploads[-1] if uploads else "")


def _content(shown: RemotePicture, picture: PictureToSend, known: Sequence[ShopPicture]) -> str:
    """Which content of ours a picture of the product has; "?" = one that nobody remembers, "" = it is none of ours."""
    standing = [row for row in known if row.remote_id == shown.id and row.state in ("placed", "there")]
    if not holds_place(shown.name, picture.sku, picture.place):
        return standing[-1].sha256 if standing else ""
    contents = [picture.sha256, *(row.sha256 for row in known)]
    named = [sha256 for sha256 in contents if holds_name(shown.name, _name(picture, sha256))]
    if named and standing:
        return standing[-1].sha256
    return named[0] if named else "?"


def _name(picture: PictureToSend, sha256: str) -> str:
    return remote_name(picture.sku, picture.place, sha256, "")
