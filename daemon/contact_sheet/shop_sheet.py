"""Writes a contact sheet of pictures for a shop, product by product: a web page of all, and a picture of the first."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from daemon.arrays import Rgb
from daemon.contact_sheet import html_sheet
from daemon.errors import FreistellerError
from daemon.pictures import codec, mosaic, thumbs
from daemon.words.catalogue import Texts

THUMB = 200  # pixels; a page of 1,000 pictures has some ten megabytes
QUALITY = 78  # of the JPEGs on the page
ON_PICTURE = 60  # more, no viewer opens and no person looks at
COLUMNS = 6
MOST_MEGAPIXELS = 200.0  # a rendition has at most 100
AT_ONCE = 64  # pictures that are read before they become JPEGs; this bounds the memory


@dataclass(frozen=True, slots=True)
class SheetPicture:
    """A picture on a sheet. path: of the file to show. link: its address, as seen from the page. told: a line on it."""

    path: Path
    link: str
    name: str
    told: str


@dataclass(frozen=True, slots=True)
class SheetProduct:
    """A product on a sheet; name and title are "" for pictures of which nobody said what they show."""

    name: str
    title: str
    pictures: tuple[SheetPicture, ...]


def write_shop_sheet(
    title: str, products: Sequence[SheetProduct], missing: Sequence[str], target: Path, words: Texts, threads: int
) -> tuple[str, str]:
    """Write `target`.html and `target`.png; returns both names. missing: what is left out, a line each.

    A picture that cannot be read any more is shown by its name alone. Raises OSError.
    """
    smalls = dict(_smalls([picture for product in products for picture in product.pictures], threads))
    page = html_sheet.pieces_of_template(
        "shop.html.j2",
        words,
        title=title,
        products=[
            (product, [(picture, smalls[picture][0], _address(picture)) for picture in product.pictures])
            for product in products
        ],
        missing=missing,
        count=len(smalls),
    )
    html, png = f"{target.name}.html", f"{target.name}.png"
    with target.with_name(html).open("x", encoding="utf-8", errors="replace") as file:
        file.writelines(page)
    shown = [(product, picture) for product in products for picture in product.pictures][:ON_PICTURE]
    tiles = [
        mosaic.Tile(
            (smalls[picture][1],),
            ((mosaic.Words(product.name or "-", bold=True),), (mosaic.Words(Path(picture.name).name),)),
        )
        for product, picture in shown
    ]
    target.with_name(png).write_bytes(codec.encode_png(mosaic.lay_out(title, tiles, THUMB, COLUMNS)))
    return html, png


def _smalls(
    pictures: Sequence[SheetPicture], threads: int
) -> Iterator[tuple[SheetPicture, tuple[bytes | None, Rgb | None]]]:
    """Each picture as a JPEG for the page, and, of the first ones, as pixels."""
    with ThreadPoolExecutor(max(1, threads), thread_name_prefix="sheet") as pool:
        for start in range(0, len(pictures), AT_ONCE):
            some = pictures[start : start + AT_ONCE]
            for at, (picture, rgb) in enumerate(zip(some, pool.map(_small, some), strict=True), start):
                jpeg = None if rgb is None else codec.encode_jpeg(rgb, QUALITY)
                yield picture, (jpeg, rgb if at < ON_PICTURE else None)


def _small(picture: SheetPicture) -> Rgb | None:
    try:
        small = thumbs.thumb(picture.path, THUMB, MOST_MEGAPIXELS)
    except FreistellerError:
        return None
    return small.rgb if small.alpha is None else thumbs.on_chequerboard(small.rgb, small.alpha)


def _address(picture: SheetPicture) -> str:
    return html_sheet.link(picture.link)
