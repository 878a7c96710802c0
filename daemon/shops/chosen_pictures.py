"""Which of an order's pictures go to a shop: one for each product and place. What does not fit is listed."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from daemon.exports.exported_picture import ExportedPicture
from daemon.shops.remote_names import place_word, remote_name
from daemon.shops.shop_contract import PictureToSend

MOST_PLACES = 250  # pictures of a product: no shop takes more
MEDIA_TYPES = {
    ".jpg": "image/jpeg", ".jpeg": "image/jpeg", ".png": "image/png", ".webp": "image/webp",
    ".tif": "image/tiff", ".tiff": "image/tiff",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class WantedPictures:
    """What a shop gets. rendition: of every place; main: of the first one, "" = as the others. variant: "" = none."""

    rendition: str
    main: str = ""
    variant: str = ""

    def takes(self, picture: ExportedPicture) -> bool:
        """Whether this is the rendition and the variant for its place."""
        rendition = self.main if picture.position == 1 and self.main else self.rendition
        return (picture.rendition, picture.variant) == (rendition, self.variant)


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A picture that cannot be sent. photo: its place below the order. why: for people."""

    photo: str
    why: str


@dataclass(frozen=True, slots=True)
class ChosenPictures:
    """What is to be sent, by product and place, and what cannot be."""

    pictures: tuple[PictureToSend, ...]
    left_out: tuple[LeftOut, ...]


def chosen_pictures(pictures: Iterable[ExportedPicture], wanted: WantedPictures) -> ChosenPictures:
    """Choose one picture for each product and place. If several want one place, none of them gets it."""
    left_out: list[LeftOut] = []
    by_place: dict[tuple[str, int], list[ExportedPicture]] = {}
    for picture in filter(wanted.takes, pictures):
        if fault := _fault(picture):
            left_out.append(LeftOut(picture.photo, fault))
        else:
            by_place.setdefault((picture.sku, picture.position), []).append(picture)
    chosen = []
    for (sku, place), rivals in sorted(by_place.items()):
        if len(rivals) == 1:
            chosen.append(_to_send(rivals[0]))
            continue
        for picture in rivals:
            others = ", ".join(other.photo for other in rivals if other is not picture)
            why = f"{others} also wants the place {place_word(place)} of {sku}: give each its own position"
            left_out.append(LeftOut(picture.photo, why))
    return ChosenPictures(tuple(chosen), tuple(left_out))


def _fault(picture: ExportedPicture) -> str:
    if not picture.sku:
        return "it has no SKU"
    if not 1 <= picture.position <= MOST_PLACES:
        return f"its position is {picture.position}; possible are 1 to {MOST_PLACES}"
    if _suffix(picture) not in MEDIA_TYPES:
        return "shops take no files of this kind"
    return ""


def _to_send(picture: ExportedPicture) -> PictureToSend:
    suffix = _suffix(picture)
    return PictureToSend(
        path=picture.path,
        name=remote_name(picture.sku, picture.position, picture.sha256, suffix),
        sku=picture.sku,
        place=picture.position,
        sha256=picture.sha256,
        bytes=picture.bytes,
        media_type=MEDIA_TYPES[suffix],
        alt=picture.title,
    )


def _suffix(picture: ExportedPicture) -> str:
    return PurePosixPath(picture.path.name).suffix.lower()
