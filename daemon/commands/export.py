"""`freisteller export`: lays out the pictures of an order as shops take them."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from daemon.commands.journal_of_root import journal_of_root
from daemon.commands.process import make_out_dir
from daemon.errors import BadOrder, BadSettings, said_of
from daemon.exports.forgotten_photos import forgotten_photos
from daemon.exports.manifest import left_out_values, picture_values
from daemon.exports.order_photos import OrderPhoto, folder_in_inbox, known_photos, no_such_order, only_the_last
from daemon.exports.planned_export import ExportOrder
from daemon.exports.product_source import product_source
from daemon.exports.whole_export import Exported, export_order
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.orders import Orders
from daemon.jobs import Grade
from daemon.renditions.named_renditions import renditions_of
from daemon.renditions.wanted import Rendition
from daemon.settings import Settings, with_order
from daemon.settings.current import CurrentSettings
from daemon.settings.export_sections import ProductSettings
from daemon.words.catalogue import LANGUAGES, words_in
from daemon.words.counted import counted

EXPORTS = "export"
"""The folder of all exports in a hot folder."""
_SHOWN = 20  # lines about what is left out; left_out.csv has them all


@dataclass(frozen=True, slots=True)
class ExportAnswer:
    """What the command says.

    source: where the list of products lay, "" = there is none; otherwise: what says then which product a photo shows.
    """

    exported: Exported
    source: str
    otherwise: str

    @property
    def is_whole(self) -> bool:
        """Whether nothing was left out."""
        return bool(self.exported.folder) and not self.exported.plan.left_out

    def values(self) -> dict[str, Any]:
        """For JSON."""
        exported, plan, english = self.exported, self.exported.plan, words_in(LANGUAGES[0])
        return {
            "order": exported.order,
            "folder": str(exported.folder) if exported.folder else None,
            "products": self.source or None,
            "photos": {"in": exported.photos, "out": exported.photos_out},
            "pictures": [picture_values(each, plan.urls.get(each.name, "")) for each in plan.pictures],
            "lists": [
                {
                    "file": each.file,
                    "written": each.why is None,
                    "told": [each.why] if each.why else list(each.told),
                }
                for each in plan.lists
            ],
            "left_out": [left_out_values(each, english) for each in plan.left_out],
        }

    def lines(self) -> Iterator[str]:
        """For people."""
        exported, plan = self.exported, self.exported.plan
        if exported.folder is None:
            yield f"Nothing was exported: no picture of {exported.order} can be."
        else:
            yield f"written: {exported.folder}"
        yield f"products: {self.source or self.otherwise}"
        missing = exported.photos - exported.photos_out
        yield (
            f"{counted(exported.photos, 'photo')} in, {exported.photos_out} out as "
            f"{counted(len(plan.pictures), 'picture')}, {missing} without one"
        )
        if written := [each.file for each in plan.lists if each.why is None]:
            yield f"lists to import: {', '.join(written)}"
        for each in plan.lists:
            yield from ([each.why] if each.why else each.told)
        yield from self._left_out()

    def _left_out(self) -> Iterator[str]:
        english, left_out = words_in(LANGUAGES[0]), self.exported.plan.left_out
        if not left_out:
            return
        yield "left out, or not clear:"
        for each in left_out[:_SHOWN]:
            yield f"  {each.line(english)}"
        if len(left_out) > _SHOWN:
            where = "left_out.csv" if self.exported.folder else "--json"
            yield f"  and {len(left_out) - _SHOWN:,} more: see {where}"


def export_of(
    settings: Settings,
    order: str,
    out_dir: Path | None,
    products: Path | None,
    base_url: str | None,
    on_picture: Callable[[], None] = lambda: None,
) -> ExportAnswer:
    """Export an order of the hot folder that the settings name. out_dir: None = `export/` in the hot folder.

    Raises BadSettings if there is no such order, or its own settings are wrong; what `export_order` raises.
    """
    to_export = order_to_export(settings, order, out_dir, products, base_url)
    home = _home(HotFolder(settings.root_path), out_dir)
    exported = export_order(to_export, home, datetime.now(UTC), on_picture)
    return ExportAnswer(exported, to_export.source.said, _otherwise(to_export.products))


def order_to_export(
    settings: Settings,
    order: str,
    out_dir: Path | None = None,
    products: Path | None = None,
    base_url: str | None = None,
) -> ExportOrder:
    """What is to be exported of an order. out_dir: as of `export_of`, and so is what it raises."""
    folders = HotFolder(settings.root_path)
    with journal_of_root(settings) as journal:
        if not order or "/" in order:
            raise no_such_order(journal, order)
        photos = only_the_last([*forgotten_photos(folders, order, journal.unknown), *known_photos(journal, order)])
        if not photos:
            raise no_such_order(journal, order)
    home = _home(folders, out_dir)
    wanted = _Wanted(Orders(folders, CurrentSettings(settings), lambda _: None))
    in_inbox = folder_in_inbox(photos, order)
    own = wanted.settings_for(Path(folders.inbox.name, in_inbox, "photo"))
    if base_url is not None:
        own = with_order(own, {"export": {"base_url": base_url}})
    return ExportOrder(
        root=folders.root,
        name=order,
        photos=photos,
        wanted_for=wanted,
        products=own.products,
        settings=own.export,
        source=product_source(folders.root, in_inbox, own.products.list, products, home / order),
        words=words_in(settings.language),
    )


def _otherwise(products: ProductSettings) -> str:
    """What says which product a photo shows where there is no list."""
    ways = [f"the names of photos, {products.pattern}"] if products.pattern else []
    ways += ["the names of folders"] if products.by_folder else []
    return "by " + ", then ".join(ways) if ways else "nobody named any"


class _Wanted:
    """What settings and orders want made of photos. Each folder's orders are read once."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._read: dict[tuple[Path, str], tuple[Rendition, ...]] = {}

    def __call__(self, photo: OrderPhoto) -> tuple[Rendition, ...]:
        key = photo.source.parent, photo.settings
        if key not in self._read:
            self._read[key] = renditions_of(self.settings_for(photo.source, photo.settings))
        return self._read[key]

    def settings_for(self, source: Path, own: str = "") -> Settings:
        """The settings of the orders on the way to a photo. Raises BadSettings if one is wrong."""
        try:
            return self._orders.settings_for(source, own)
        except BadOrder as error:
            raise BadSettings(said_of(error)) from error


def _home(folders: HotFolder, out_dir: Path | None) -> Path:
    """The folder of all exports."""
    return folders.root / EXPORTS if out_dir is None else _outside(folders, out_dir)


def _outside(folders: HotFolder, out_dir: Path) -> Path:
    """The folder that --out names, made if need be. Raises BadSettings if photos or results are looked for there."""
    home = Path(os.path.realpath(out_dir))
    watched = (folders.inbox, *map(folders.grade, Grade), folders.failed, folders.archive, folders.private)
    inside = next((folder for folder in watched if home == folder or folder in home.parents), None)
    if inside or home == folders.root:
        raise BadSettings(f"{out_dir} is in the hot folder, which is watched. Name a folder outside of it with --out.")
    make_out_dir(home)
    return home
