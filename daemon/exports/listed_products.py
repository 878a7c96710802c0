"""Chooses what the list for a shop has: one rendition, and each product whose first picture is there."""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from daemon.errors import Said
from daemon.exports.exported_picture import ExportedPicture
from daemon.exports.left_out import NotExported


@dataclass(frozen=True, slots=True)
class ListedPictures:
    """A product in the list for a shop. handle: what Shopify calls it, "" = nobody said. pictures: the first one first,
    each with its address.
    """

    sku: str
    title: str
    handle: str
    pictures: tuple[tuple[ExportedPicture, str], ...]

    @property
    def titles(self) -> tuple[str, ...]:
        """All titles: the product's, and those of its pictures."""
        return (self.title, *(picture.title for picture, _ in self.pictures))


@dataclass(frozen=True, slots=True)
class ShopList:
    """A list for a shop. content: None if it is left out. why: it is, else None. told: what else people should know.

    left_out: products that are not in it.
    """

    file: str
    content: bytes | None
    why: Said | None = None
    told: tuple[Said, ...] = ()
    left_out: tuple[NotExported, ...] = ()

    def with_left_out(self, left_out: Sequence[NotExported]) -> "ShopList":
        """The list, with further products that are not in it."""
        return replace(self, left_out=(*left_out, *self.left_out))


def chosen_rendition(file: str, asked: str, name: str, preset: str, made: Mapping[str, str]) -> str | Said | None:
    """The rendition whose pictures a list has: the one that the settings name, else the one for that shop.

    file: of the list. asked: by the settings, "" = nothing. name, preset: of the shop's own. made: the preset of each
    rendition that the order has. None = there is none, so no list is wanted.
    """
    if asked:
        known = ", ".join(sorted(made)) or "-"
        return asked if asked in made else Said("list_unknown_rendition", list=file, name=asked, known=known)
    if name in made:
        return name
    fitting = sorted(label for label, each in made.items() if preset and each == preset)
    if len(fitting) > 1:
        return Said("list_several_renditions", list=file, names=", ".join(fitting))
    return fitting[0] if fitting else None


def listed_products(
    pictures: Iterable[ExportedPicture],
    label: str,
    urls: Mapping[str, str],
    first: Mapping[str, int],
    handles: Mapping[str, str],
) -> tuple[list[ListedPictures], list[NotExported]]:
    """The products of a list, and those that are not in it because their first picture is missing.

    label: of the rendition. urls: by the picture's place. first: the position of each product's first picture, of the
    photos of the order. A list without it would make another picture the main one.
    """
    by_sku: dict[str, list[ExportedPicture]] = defaultdict(list)
    for picture in pictures:
        if picture.sku and picture.label == label:
            by_sku[picture.sku].append(picture)
    listed, left_out = [], []
    for sku, found in by_sku.items():
        found.sort(key=lambda picture: picture.position)
        if found[0].position != first[sku]:
            left_out.append(NotExported("", label, Said("list_without_first", sku=sku)))
        else:
            listed.append(_listed(sku, found, urls, handles))
    return listed, left_out


def _listed(
    sku: str, pictures: Sequence[ExportedPicture], urls: Mapping[str, str], handles: Mapping[str, str]
) -> ListedPictures:
    return ListedPictures(
        sku, pictures[0].title, handles.get(sku, ""), tuple((each, urls[each.name]) for each in pictures)
    )
