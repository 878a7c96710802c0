"""Makes a contact sheet for each folder of an export: its pictures, product by product, and what is left out."""

import os
from collections import defaultdict
from collections.abc import Collection, Sequence
from itertools import groupby
from pathlib import Path

from daemon.contact_sheet.shop_sheet import SheetPicture, SheetProduct, write_shop_sheet
from daemon.disk.names import name_key
from daemon.exports.exported_picture import ExportedPicture
from daemon.exports.left_out import NotExported
from daemon.words.catalogue import Texts

SHEETS = "contact-sheets"
"""The folder of the sheets in an export."""


def write_sheets(
    folder: Path, order: str, pictures: Sequence[ExportedPicture], left_out: Sequence[NotExported], words: Texts
) -> list[str]:
    """Write a sheet of each folder of an export into it; returns their places. pictures: in the order of products.

    folder: of the export, with its pictures. Raises OSError.
    """
    shops: dict[str, list[ExportedPicture]] = defaultdict(list)
    for picture in pictures:
        shops[name_key(_shop(picture))].append(picture)
    home = folder / SHEETS
    home.mkdir()
    written = []
    for some in shops.values():
        shop, renditions = _shop(some[0]), {picture.label for picture in some}
        missing = [each.line(words) for each in left_out if _concerns(each, renditions)]
        products = [_product(folder, list(group), words) for _, group in groupby(some, lambda picture: picture.sku)]
        threads = len(os.sched_getaffinity(0))
        names = write_shop_sheet(f"{order}: {shop}", products, missing, home / shop, words, threads)
        written += [f"{SHEETS}/{name}" for name in names]
    return written


def _concerns(left_out: NotExported, renditions: Collection[str]) -> bool:
    """Whether a sheet of these renditions tells it: of one of them, or of a whole photo."""
    return left_out.rendition in renditions or bool(left_out.photo and not left_out.rendition)


def _shop(picture: ExportedPicture) -> str:
    """The folder that a picture lies in; of one at the top of the export, its rendition."""
    top, _, rest = picture.name.partition("/")
    return top if rest else picture.rendition


def _product(folder: Path, pictures: Sequence[ExportedPicture], words: Texts) -> SheetProduct:
    shown = tuple(_on_sheet(folder, picture, words) for picture in pictures)
    return SheetProduct(pictures[0].sku, pictures[0].title, shown)


def _on_sheet(folder: Path, picture: ExportedPicture, words: Texts) -> SheetPicture:
    width, height = picture.size
    told = f"{width} x {height}, {words.figure(picture.bytes / 1e6, 2)} MB, {picture.grade.value}"
    name = picture.name.partition("/")[2] or picture.name
    return SheetPicture(folder / picture.name, f"../{picture.name}", name, told)
