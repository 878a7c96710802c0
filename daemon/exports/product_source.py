"""Finds the list of products that counts for an order, and reads it."""

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from daemon.disk import open_below
from daemon.disk.os_errors import translate
from daemon.errors import BadSettings, Said
from daemon.exports.product_list import MOST_BYTES, ProductList, product_list

KEPT_LIST = "products.csv"
"""What the copy of the list is called that lies in an export."""


@dataclass(frozen=True, slots=True)
class ProductSource:
    """A list of products. content: of its file, as it is. said: where it lay, for people; "" = there is none."""

    content: bytes = b""
    said: str = ""

    @property
    def listed(self) -> ProductList | None:
        """What it says; None if there is no list."""
        return product_list(self.content) if self.said else None


def product_source(root: Path, order: str, name: str, given: Path | None, earlier: Path) -> ProductSource:
    """The list that counts: the one that was given, else that beside the order's photos, else that of the last export.

    root: of the hot folder. name: of a list in an order's folder of `inbox/`. earlier: the folder of the last export;
    the order's own folder may be gone by now. Raises BadSettings if the list cannot be read; NoRoom, RootAway.
    """
    if given is not None:
        try:
            with given.open("rb") as file:
                return ProductSource(file.read(MOST_BYTES + 1), str(given))
        except OSError as error:
            raise BadSettings(f"The list of products {given} cannot be read: {error.strerror}.") from error
    for base, parts in ((root, ("inbox", order, name)), (earlier, (KEPT_LIST,))):
        content = _read(base, parts)
        if content is not None:
            said = "/".join(parts) if base == root else f"that of the last export, {earlier / KEPT_LIST}"
            return ProductSource(content, said)
    return ProductSource()


def _read(base: Path, parts: Sequence[str]) -> bytes | None:
    """A file below a folder, one byte more than a list may have at most; None if there is no file."""
    try:
        with open_below.opened(base, parts[:-1]) as folder, open_below.reading(parts[-1], folder) as file:
            if not stat.S_ISREG(os.fstat(file).st_mode):
                return None
            with open(file, "rb", closefd=False) as stream:
                return stream.read(MOST_BYTES + 1)
    except OSError as error:
        if error.errno in open_below.GONE | open_below.NO_FILE:
            return None
        where = "/".join(parts)
        raise translate(error, f"Reading {where}") or BadSettings(
            Said("products_unreadable", name=where, fault=error.strerror)
        ) from error
