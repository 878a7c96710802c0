"""Remembers which picture stands where in which shop, and under which id, so that each is brought there once."""

from dataclasses import dataclass
from typing import Literal

from daemon.journal import rows
from daemon.journal.database import Database, Row

ShopPictureState = Literal["sending", "uploaded", "placed", "there", "failed", "replaced"]
"""sending: begun, and nobody knows whether the shop has it. uploaded: it has, attached to nothing. placed: it stands in
its place, and the shop still works on it. there: it is shown. failed: the shop does not show it. replaced: it was
there, and another one is now."""

_COLUMNS = "shop, sku, place, sha256, remote_id, state, why, at"


@dataclass(frozen=True, slots=True)
class ShopPicture:
    """A picture of one content at a place of a product in a shop. at: of the last change, Unix seconds.

    sha256: hex. remote_id: "" = the shop has given none yet. why: it failed; "" else.
    """

    shop: str
    sku: str
    place: int
    sha256: str
    remote_id: str
    state: ShopPictureState
    why: str
    at: float


class ShopPictures:
    """Safe to use from many threads; a change is on disk when the call returns."""

    def __init__(self, db: Database) -> None:
        self._db = db

    def at(self, shop: str, sku: str, place: int) -> tuple[ShopPicture, ...]:
        """All contents that this place has or had: first those that were replaced, the newest last."""
        found = self._db.rows(
            f"SELECT {_COLUMNS} FROM shop_pictures WHERE shop = ? AND sku = ? AND place = ? "
            "ORDER BY state != 'replaced', at, sha256",
            shop,
            sku,
            place,
        )
        return tuple(map(_picture, found))

    def of(self, shop: str) -> tuple[ShopPicture, ...]:
        """What a shop has or should have, by product and place: without what was replaced."""
        found = self._db.rows(
            f"SELECT {_COLUMNS} FROM shop_pictures WHERE shop = ? AND state != 'replaced' ORDER BY sku, place, at", shop
        )
        return tuple(map(_picture, found))

    def shops(self) -> tuple[str, ...]:
        """The names of the shops that were sent to."""
        return tuple(str(name) for (name,) in self._db.rows("SELECT DISTINCT shop FROM shop_pictures ORDER BY shop"))

    def record(self, picture: ShopPicture) -> None:
        """Keep what is known of a picture now. One that is there takes the place of the others that were."""
        with self._db.transaction():
            self._db.change(
                f"INSERT OR REPLACE INTO shop_pictures ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                picture.shop,
                picture.sku,
                picture.place,
                picture.sha256,
                picture.remote_id,
                picture.state,
                picture.why,
                picture.at,
            )
            if picture.state == "there":
                self._db.change(
                    "UPDATE shop_pictures SET state = 'replaced', at = ? WHERE shop = ? AND sku = ? AND place = ? "
                    "AND sha256 != ? AND state != 'replaced'",
                    picture.at,
                    picture.shop,
                    picture.sku,
                    picture.place,
                    picture.sha256,
                )


def _picture(row: Row) -> ShopPicture:
    shop, sku, place, sha256, remote_id, state, why, at = row
    return ShopPicture(
        shop=str(shop),
        sku=str(sku),
        place=rows.whole(place),
        sha256=str(sha256),
        remote_id=str(remote_id),
        state=_STATES[str(state)],
        why=str(why),
        at=rows.real(at) or 0.0,
    )


_STATES: dict[str, ShopPictureState] = {
    "sending": "sending", "uploaded": "uploaded", "placed": "placed",
    "there": "there", "failed": "failed", "replaced": "replaced",
}  # fmt: skip
