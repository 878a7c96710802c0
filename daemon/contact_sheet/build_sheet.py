"""Writes a contact sheet: a picture of the worst results, and a web page of all."""

import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from daemon.arrays import Rgb
from daemon.contact_sheet import html_sheet
from daemon.contact_sheet.shown_results import Shown
from daemon.errors import FreistellerError, NoRoom
from daemon.pictures import codec, mosaic, thumbs
from daemon.words.catalogue import Texts
from daemon.words.reason_texts import reason_text

THUMB = 224  # pixels: shows a fault of one per cent, and a page of 2,000 photos has a few dozen megabytes at most
QUALITY = 72  # of the JPEGs on the page
AT_ONCE = 32  # photos whose thumbnails are in memory; this bounds it, however many photos there are
PNG_PHOTOS = 60  # the worst ones, on the picture: more, no viewer opens and no person looks at
MOST_COLUMNS = 3
COLOURS: dict[str, mosaic.Colour] = {
    "sehr_gut": (26, 127, 55),
    "gut": (154, 103, 0),
    "ungenügend": (207, 34, 46),
    "failed": (130, 80, 223),
}

ThumbOf = Callable[[Path, int, float, int], thumbs.Thumb]
"""Reads a small picture, as `thumbs.thumb_of_page` does."""


@dataclass(frozen=True, slots=True, eq=False)
class Thumbnails:
    """The three small pictures of a photo, each (H, W, 3) uint8 sRGB, or None."""

    before: Rgb | None
    cutout: Rgb | None
    alpha: Rgb | None


def make_sheet(
    shown: Sequence[Shown],
    target: Path,
    title: str,
    *,
    words: Texts,
    max_megapixels: float,
    threads: int,
    remark: str = "",
    on_photo: Callable[[], None] = lambda: None,
    thumb: ThumbOf = thumbs.thumb_of_page,
) -> tuple[Path, Path]:
    """Write `target`.png and `target`.html with these photos, in this order; an older sheet is replaced.

    words: in which both are written. on_photo: called after each photo. thumb: reads the small picture of a file, here
    or elsewhere. A photo that can no longer be read is shown without its pictures.
    Raises NoRoom if the files cannot be written.
    """
    png, html = target.with_name(target.name + ".png"), target.with_name(target.name + ".html")
    counts = Counter(html_sheet.grade_of(one) for one in shown)
    tiles: list[mosaic.Tile] = []

    def photos() -> Iterator[tuple[Shown, Iterable[html_sheet.Picture]]]:
        for one, thumbnails in _looked_at(shown, max_megapixels, threads, thumb):
            if len(tiles) < PNG_PHOTOS:
                tiles.append(_tile(one, thumbnails, words))
            yield one, _pictures(one, thumbnails, html.parent, words)
            on_photo()

    scratch = html.with_name(f".{html.name}.part")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            scratch.unlink(missing_ok=True)  # of a run that died, or a link that somebody laid there
            stack.callback(scratch.unlink, missing_ok=True)
            # A name that is no text keeps its readable part on the page.
            file = stack.enter_context(scratch.open("x", encoding="utf-8", errors="replace"))
            file.writelines(html_sheet.pieces_of_page(title, counts, remark, photos(), words))
            file.flush()
            scratch.replace(html)
            heading = title if len(tiles) == len(shown) else f"{title}: {worst_of(len(tiles), len(shown), words)}"
            picture = codec.encode_png(mosaic.lay_out(heading, tiles, THUMB, columns_for(len(tiles))))
            with scratch.open("xb") as file_of_picture:
                file_of_picture.write(picture)
            scratch.replace(png)
    except OSError as error:
        raise NoRoom(f"The sheet {html} cannot be written: {error.strerror or error}. Name another --out.") from error
    return png, html


def columns_for(photos: int) -> int:
    """How many photos stand side by side on the picture, so that its rows are even: four make two rows of two."""
    rows = max(1, -(-photos // MOST_COLUMNS))
    return -(-photos // rows)


def worst_of(shown: int, photos: int, words: Texts) -> str:
    """That not all photos are on a sheet, in words."""
    return words.say("the %(shown)s worst of %(photos)s", shown=words.figure(shown), photos=words.figure(photos))


def _looked_at(
    shown: Sequence[Shown], max_megapixels: float, threads: int, thumb: ThumbOf
) -> Iterator[tuple[Shown, Thumbnails]]:
    with ThreadPoolExecutor(max(1, threads), thread_name_prefix="sheet") as pool:
        look = partial(look_at, max_megapixels=max_megapixels, thumb=thumb)
        for start in range(0, len(shown), AT_ONCE):
            some = shown[start : start + AT_ONCE]
            yield from zip(some, pool.map(look, some), strict=True)


def look_at(shown: Shown, max_megapixels: float, thumb: ThumbOf = thumbs.thumb_of_page) -> Thumbnails:
    """Read the small pictures of one photo. A result on a colour is shown as it is; its alpha comes from a mask."""
    before = _thumb(thumb, shown.original, max_megapixels, shown.page)
    cutout, mask = (_thumb(thumb, path, max_megapixels) for path in (shown.cutout, shown.mask))
    alpha = mask.rgb[..., 0].copy() if mask else None
    if cutout and cutout.alpha is not None:
        alpha = cutout.alpha
    colours = cutout or before
    cut = None
    if cutout and cutout.alpha is None:
        cut = cutout.rgb
    elif colours and alpha is not None and _of_one_shape(colours.rgb, alpha):
        cut = thumbs.on_chequerboard(colours.rgb, alpha)
    return Thumbnails(before.rgb if before else None, cut, None if alpha is None else thumbs.grey(alpha))


def _of_one_shape(rgb: Rgb, alpha: thumbs.Mask) -> bool:
    """Whether both show the same frame; a trimmed mask does not fit its photo."""
    (height, width), (high, wide) = rgb.shape[:2], alpha.shape
    return bool(abs(width * high - wide * height) <= max(height, width) + max(high, wide))  # a pixel off by rounding


def _thumb(thumb: ThumbOf, path: Path | None, max_megapixels: float, page: int = 0) -> thumbs.Thumb | None:
    if path is None:
        return None
    try:
        return thumb(path, THUMB, max_megapixels, page)
    except FreistellerError:  # it is gone, damaged, or too much for a worker
        return None


def _tile(shown: Shown, thumbnails: Thumbnails, words: Texts) -> mosaic.Tile:
    grade = html_sheet.grade_of(shown)
    score = html_sheet.promises_of(shown, words)
    moved = [html_sheet.moved_from(shown.moved_from, words)] if shown.moved_from else []
    first = (
        mosaic.Words(f"{grade} {score}".strip(), COLOURS[grade], bold=True),
        mosaic.Words(html_sheet.name_of(shown, words)),
    )
    below = [(mosaic.Words(reason),) for reason in (*moved, *(reason_text(each, words) for each in shown.reasons))[:1]]
    return mosaic.Tile((thumbnails.before, thumbnails.cutout, thumbnails.alpha), (first, *below))


def _pictures(shown: Shown, thumbnails: Thumbnails, folder: Path, words: Texts) -> Iterator[html_sheet.Picture]:
    """For the page in `folder`. Links are relative, so they still lead to the files if the whole folder moves."""
    start = os.path.realpath(folder)
    for caption, rgb, path in (
        (words.say("before"), thumbnails.before, shown.original),
        (words.say("cut-out"), thumbnails.cutout, shown.cutout or shown.mask),
        (words.say("alpha"), thumbnails.alpha, shown.mask or shown.cutout),
    ):
        link = html_sheet.link(os.path.relpath(os.path.realpath(path), start)) if path else ""
        yield caption, None if rgb is None else codec.encode_jpeg(rgb, QUALITY), link
