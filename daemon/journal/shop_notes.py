"""Remembers what a shop's client must know after a crash, and what the shop cannot be asked for."""

from collections.abc import Iterator, MutableMapping

from daemon.journal.database import Database


class ShopNotes(MutableMapping[str, str]):
    """The notes of one shop: a short text for each key. Safe to use from many threads; each is on disk at once."""

    def __init__(self, db: Database, shop: str) -> None:
        """shop: its name in the settings."""
        self._db, self._shop = db, shop

    def __getitem__(self, key: str) -> str:
        found = self._db.row("SELECT text FROM shop_notes WHERE shop = ? AND key = ?", self._shop, key)
        if found is None:
            raise KeyError(key)
        return str(found[0])

    def __setitem__(self, key: str, text: str) -> None:
        with self._db.transaction():
            self._db.change(
                "INSERT OR REPLACE INTO shop_notes (shop, key, text) VALUES (?, ?, ?)", self._shop, key, text
            )

    def __delitem__(self, key: str) -> None:
        with self._db.transaction():
            if not self._db.change("DELETE FROM shop_notes WHERE shop = ? AND key = ?", self._shop, key):
                raise KeyError(key)

    def __iter__(self) -> Iterator[str]:
        rows = self._db.rows("SELECT key FROM shop_notes WHERE shop = ? ORDER BY key", self._shop)
        return iter([str(key) for (key,) in rows])

    def __len__(self) -> int:
        return len(list(iter(self)))
