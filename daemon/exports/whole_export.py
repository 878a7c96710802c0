"""Exports an order: its proven pictures under the names that shops take, and files that tell of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from daemon.disk.whole_file import write_whole
from daemon.exports.export_folder import ExportFolder, copy_picture
from daemon.exports.export_sheets import SHEETS, write_sheets
from daemon.exports.manifest import MANIFEST, left_out_csv, manifest_csv, manifest_json
from daemon.exports.planned_export import ExportOrder, PlannedExport, planned_export
from daemon.exports.product_source import KEPT_LIST

MANIFEST_CSV = "manifest.csv"
LEFT_OUT = "left_out.csv"
RESERVED = (MANIFEST, MANIFEST_CSV, LEFT_OUT, KEPT_LIST, SHEETS)
"""Names at the top of an export that are no pictures'."""


@dataclass(frozen=True, slots=True)
class Exported:
    """What came of an export. photos: how many the order has. folder: None if there was nothing to write."""

    order: str
    folder: Path | None
    photos: int
    plan: PlannedExport

    @property
    def photos_out(self) -> int:
        """Of how many photos there is a picture at least."""
        return len({picture.photo for picture in self.plan.pictures})


def export_order(
    order: ExportOrder, home: Path, made_at: datetime, on_picture: Callable[[], None] = lambda: None
) -> Exported:
    """Write the export of an order into its folder in `home`, whole or not at all; an earlier one is replaced.

    on_picture: called after each picture. Raises BadSettings, AlreadyRunning, NoRoom, RootAway; Vanished if a picture
    was moved or changed while it was exported.
    """
    plan = planned_export(order, RESERVED)
    if not plan.pictures:
        return Exported(order.name, None, len(order.photos), plan)
    folder = ExportFolder(home, order.name)
    with folder.building() as scratch:
        for picture in plan.pictures:
            copy_picture(picture, scratch)
            on_picture()
        sheets = write_sheets(scratch, order.name, plan.pictures, plan.left_out, order.words)
        for name, content in _files(order, plan, sheets, made_at).items():
            write_whole(scratch / name, content)
    return Exported(order.name, folder.path, len(order.photos), plan)


def _files(order: ExportOrder, plan: PlannedExport, sheets: Sequence[str], made_at: datetime) -> dict[str, bytes]:
    """All files beside the pictures, by their names; the manifest, which names them all, comes last."""
    files = {MANIFEST_CSV: manifest_csv(plan.pictures, plan.urls)}
    files |= {each.file: each.content for each in plan.lists if each.content is not None}
    if plan.left_out:
        files[LEFT_OUT] = left_out_csv(plan.left_out, order.words)
    if order.source.said:
        files[KEPT_LIST] = order.source.content
    names = [*files, *sheets, *(picture.name for picture in plan.pictures)]
    made = made_at.isoformat(timespec="seconds")
    files[MANIFEST] = manifest_json(order.name, made, plan.pictures, plan.urls, plan.left_out, names, order.words)
    return files
