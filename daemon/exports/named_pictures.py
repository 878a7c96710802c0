"""Gives each picture of an export its place below it: by its template, proven, and each place once."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path, PurePosixPath

from daemon.disk.names import clean_name, name_key
from daemon.errors import Said, said_of
from daemon.exports.export_names import NoName, ascii_folded, export_name
from daemon.exports.exported_picture import ExportedPicture
from daemon.exports.kept_pictures import KeptPicture
from daemon.exports.left_out import NO_PRODUCT, NotExported
from daemon.exports.products import ShownProduct, values_of
from daemon.renditions.product_codes import NAME_FAULTS
from daemon.renditions.wanted import Rendition


def named_pictures(
    root: Path, order: str, kept: Iterable[KeptPicture], products: Mapping[str, ShownProduct], reserved: Iterable[str]
) -> tuple[list[ExportedPicture], list[NotExported]]:
    """The pictures of an export in the order of products, and those that get no name.

    products: what a photo shows, by `name_key` of its place. reserved: names at the top of the export that are no
    pictures'. Every name is ASCII, so that it can be a part of an address as it is.
    """
    first = first_positions(products.values())
    named: list[ExportedPicture] = []
    left_out: list[NotExported] = []
    for picture in kept:
        product = products.get(name_key(picture.photo.photo))
        if not _is_asked_for(picture.rendition, product, first):
            continue
        try:
            name = _name(order, picture, product)
        except NoName as error:
            left_out.append(NotExported(picture.photo.photo, picture.told.label, said_of(error)))
        else:
            named.append(_exported(root, picture, product, name))
    alone, doubled = _each_name_once(named, reserved)
    return sorted(alone, key=_in_order), left_out + doubled


def first_positions(products: Iterable[ShownProduct]) -> Mapping[str, int]:
    """The lowest position among the pictures of each product."""
    first: dict[str, int] = {}
    for each in products:
        first[each.sku] = min(each.position, first.get(each.sku, each.position))
    return first


def _is_asked_for(rendition: Rendition, product: ShownProduct | None, first: Mapping[str, int]) -> bool:
    if rendition.pictures == "all" or product is None:
        return True  # without a product it may have no name, and that is told
    return (product.position == first[product.sku]) == (rendition.pictures == "first")


def _name(order: str, picture: KeptPicture, product: ShownProduct | None) -> str:
    """The place of a picture below the export. Raises NoName."""
    rendition, photo = picture.rendition, PurePosixPath(picture.photo.photo)
    values = {
        "stem": photo.stem + picture.told.page_suffix,
        "order": order,
        "grade": picture.grade.value,
        **values_of(product),
    }
    if product and rendition.pictures == "further":
        values["n"] = product.position - 1
    if product and product.asin and rendition.rules.names == "amazon":
        values["sku"] = product.asin  # Amazon's own name of the product, which is seldom the seller's SKU
    if product is None and rendition.pictures != "all":
        raise NoName(NO_PRODUCT)
    folder, _, name = export_name(rendition, values, ascii_only=True).rpartition("/")
    if (rule := rendition.rules.names) and (fault := NAME_FAULTS[rule](name)):
        raise NoName(fault)
    below = photo.parent.as_posix() if "{stem}" in rendition.template else "."
    parts = [ascii_folded(part) for part in (folder, below) if part not in ("", ".")]
    return clean_name("/".join([*parts, name]))


def _exported(root: Path, picture: KeptPicture, product: ShownProduct | None, name: str) -> ExportedPicture:
    told = picture.told
    return ExportedPicture(
        path=root / told.place,
        name=name,
        photo=picture.photo.photo,
        sku=product.sku if product else "",
        title=product.title if product else "",
        position=product.position if product else 0,
        rendition=told.name,
        variant=told.variant,
        grade=picture.grade,
        size=told.size,
        bytes=told.bytes,
        sha256=told.sha256,
    )


def _each_name_once(
    named: Sequence[ExportedPicture], reserved: Iterable[str]
) -> tuple[list[ExportedPicture], list[NotExported]]:
    """Those whose place is theirs alone, on any disk; of the others, none is exported."""
    by_name: dict[str, list[ExportedPicture]] = defaultdict(list)
    for each in named:
        by_name[name_key(each.name)].append(each)
    taken = set(map(name_key, reserved))
    folders = {str(parent) for name in by_name for parent in PurePosixPath(name).parents}
    alone, left_out = [], []
    for key, pictures in by_name.items():
        one = pictures[0]
        if key in folders or key in taken or key.partition("/")[0] in taken:
            why = Said("export_name_taken", name=one.name)
            left_out += [NotExported(each.photo, each.label, why) for each in pictures]
        elif len(pictures) > 1:
            left_out += [NotExported(each.photo, each.label, _twice(each, pictures)) for each in pictures]
        else:
            alone.append(one)
    return alone, left_out


def _twice(one: ExportedPicture, pictures: Sequence[ExportedPicture]) -> Said:
    other = next(each for each in pictures if each is not one)
    names = [f"{each.photo} ({each.label})" for each in (one, other)]
    return Said("name_twice", name=one.name, photo=names[0], other=names[1])


def _in_order(picture: ExportedPicture) -> tuple[bool, str, int, str, str, str]:
    """Product by product, then what shows none."""
    return (not picture.sku, picture.sku, picture.position, picture.photo, picture.rendition, picture.variant)
