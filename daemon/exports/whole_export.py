"""Exports an order: its proven pictures under the names that shops take, and files that tell of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from daemon.disk.whole_file import write_whole
from daemon.errors import Said
from daemon.exports.export_folder import ExportFolder, copy_picture
from daemon.exports.exported_picture import ExportedPicture
from daemon.exports.kept_pictures import WantedFor, kept_pictures
from daemon.exports.left_out import NO_PRODUCT, NotExported
from daemon.exports.manifest import MANIFEST, left_out_csv, manifest_csv, manifest_json
from daemon.exports.named_pictures import named_pictures
from daemon.exports.order_photos import OrderPhoto
from daemon.exports.product_pattern import ProductPattern
from daemon.exports.product_source import KEPT_LIST, ProductSource
from daemon.exports.products import shown_products
from daemon.settings.export_sections import ExportSettings, ProductSettings
from daemon.words.catalogue import Texts

MANIFEST_CSV = "manifest.csv"
LEFT_OUT = "left_out.csv"
SHEETS = "contact-sheets"
RESERVED = (MANIFEST, MANIFEST_CSV, LEFT_OUT, KEPT_LIST, SHEETS)
"""Names at the top of an export that are no pictures'."""


@dataclass(frozen=True, slots=True)
class ExportOrder:
    """What is to be exported, and how.

    root: of the hot folder. wanted_for: what settings and orders want made of a photo. source: the list of products.
    words: in which the files tell reasons.
    """

    root: Path
    name: str
    photos: tuple[OrderPhoto, ...]
    wanted_for: WantedFor
    products: ProductSettings
    settings: ExportSettings
    source: ProductSource
    words: Texts


@dataclass(frozen=True, slots=True)
class Exported:
    """What came of an export. photos: how many the order has. folder: None if there was nothing to write."""

    order: str
    folder: Path | None
    photos: int
    pictures: tuple[ExportedPicture, ...]
    left_out: tuple[NotExported, ...]
    urls: Mapping[str, str]

    @property
    def photos_out(self) -> int:
        """Of how many photos there is a picture at least."""
        return len({picture.photo for picture in self.pictures})


def export_order(
    order: ExportOrder, home: Path, made_at: datetime, on_picture: Callable[[], None] = lambda: None
) -> Exported:
    """Write the export of an order into its folder in `home`, whole or not at all; an earlier one is replaced.

    on_picture: called after each picture. Raises BadSettings, AlreadyRunning, NoRoom, RootAway; Vanished if a picture
    was moved or changed while it was exported.
    """
    pictures, left_out = _found(order)
    if not pictures:
        return Exported(order.name, None, len(order.photos), (), left_out, {})
    urls: dict[str, str] = {}
    folder = ExportFolder(home, order.name)
    with folder.building() as scratch:
        for picture in pictures:
            copy_picture(picture, scratch)
            on_picture()
        files = {
            MANIFEST_CSV: manifest_csv(pictures, urls),
            **({LEFT_OUT: left_out_csv(left_out, order.words)} if left_out else {}),
            **({KEPT_LIST: order.source.content} if order.source.said else {}),
        }
        names = [*files, *(picture.name for picture in pictures)]
        files[MANIFEST] = manifest_json(
            order.name, made_at.isoformat(timespec="seconds"), pictures, urls, left_out, names, order.words
        )
        for name, content in files.items():
            write_whole(scratch / name, content)
    return Exported(order.name, folder.path, len(order.photos), pictures, left_out, urls)


def _found(order: ExportOrder) -> tuple[tuple[ExportedPicture, ...], tuple[NotExported, ...]]:
    """The pictures with their names, and all that is left out."""
    asked = order.products
    pattern = ProductPattern.of(asked.pattern) if asked.pattern else None
    shown = shown_products([photo.photo for photo in order.photos], order.source.listed, pattern, asked.by_folder)
    kept, without_file = kept_pictures(order.root, order.photos, order.wanted_for)
    named, without_name = named_pictures(order.root, order.name, kept, shown.by_photo, RESERVED)
    nothing_said = not (order.source.said or pattern or asked.by_folder)
    unclear = _unclear(shown.faults, nothing_said)
    return tuple(named), (*unclear, *without_file, *without_name)


def _unclear(faults: Sequence[Said], nothing_said: bool) -> list[NotExported]:
    """What is wrong with products. nothing_said: nobody named any, so there is one thing to tell, not one a photo."""
    if nothing_said:
        return [NotExported("", "", Said("export_no_products"))]
    return [_of_a_photo(fault) if fault.code == "product_unknown" else NotExported("", "", fault) for fault in faults]


def _of_a_photo(fault: Said) -> NotExported:
    return NotExported(str(fault.values["name"]), "", NO_PRODUCT)
