"""Writes a contact sheet: a picture of the worst results, and a web page of all."""

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
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
PNG_PHOTOS_WITH_RENDITIONS = 20  # each takes a row of the picture, or more
MOST_IN_A_ROW = 8  # pictures of one photo and its renditions side by side
LINES_WITH_RENDITIONS = 5
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
    """The three small pictures of a photo, and those of its renditions, each (H, W, 3) uint8 sRGB, or None."""

    before: Rgb | None
    cutout: Rgb | None
    alpha: Rgb | None
    renditions: tuple[Rgb | None, ...] = ()


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
    renditions: bool = False,
) -> tuple[Path, Path]:
    """Write `target`.png and `target`.html with these photos, in this order; an older sheet is replaced.

    words: in which both are written. on_photo: called after each photo. thumb: reads the small picture of a file, here
    or elsewhere. renditions: whether to show these, too. What can no longer be read has an empty place.
    Raises NoRoom if the files cannot be written.
    """
    png, html = target.with_name(target.name + ".png"), target.with_name(target.name + ".html")
    counts = Counter(html_sheet.grade_of(one) for one in shown)
    tiles: list[mosaic.Tile] = []
    most = PNG_PHOTOS_WITH_RENDITIONS if renditions else PNG_PHOTOS
    if not renditions:
        shown = [replace(one, renditions=()) for one in shown]

    def photos() -> Iterator[html_sheet.OnPage]:
        for number, (one, thumbnails) in enumerate(_looked_at(shown, max_megapixels, threads, thumb)):
            if number < most:
                tiles.extend(_tiles(one, thumbnails, words))
            folder = html.parent
            yield one, _pictures(one, thumbnails, folder, words), _of_renditions(one, thumbnails, folder, words)
            on_photo()

    page = html_sheet.pieces_of_page(title, counts, remark, photos(), words, with_renditions=renditions)
    heading = title if len(shown) <= most else f"{title}: {worst_of(most, len(shown), words)}"
    try:
        _write(html, page, png, lambda: codec.encode_png(_mosaic(heading, tiles, renditions)))
    except OSError as error:
        raise NoRoom(f"The sheet {html} cannot be written: {error.strerror or error}. Name another --out.") from error
    return png, html


def _write(html: Path, page: Iterator[str], png: Path, picture: Callable[[], bytes]) -> None:
    """Write both files whole. picture: the other one, once all of the page is written."""
    scratch = html.with_name(f".{html.name}.part")
    html.parent.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        scratch.unlink(missing_ok=True)  # of a run that died, or a link that somebody laid there
        stack.callback(scratch.unlink, missing_ok=True)
        # A name that is no text keeps its readable part on the page.
        file = stack.enter_context(scratch.open("x", encoding="utf-8", errors="replace"))
        file.writelines(page)
        file.flush()
        scratch.replace(html)
        content = picture()
        with scratch.open("xb") as file_of_picture:
            file_of_picture.write(content)
        scratch.replace(png)


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
    renditions = tuple(_shown_whole(_thumb(thumb, each.path, max_megapixels)) for each in shown.renditions)
    return Thumbnails(before.rgb if before else None, cut, None if alpha is None else thumbs.grey(alpha), renditions)


def _shown_whole(small: thumbs.Thumb | None) -> Rgb | None:
    if small is None or small.alpha is None:
        return small.rgb if small else None
    return thumbs.on_chequerboard(small.rgb, small.alpha)


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


def _mosaic(heading: str, tiles: Sequence[mosaic.Tile], renditions: bool) -> Rgb:
    if renditions:
        return mosaic.lay_out(heading, tiles, THUMB, 1, LINES_WITH_RENDITIONS)
    return mosaic.lay_out(heading, tiles, THUMB, columns_for(len(tiles)))


def _tiles(shown: Shown, thumbnails: Thumbnails, words: Texts) -> Iterator[mosaic.Tile]:
    """One for a photo; with many renditions, some below each other."""
    first = _tile(shown, thumbnails, words)
    if not shown.renditions:
        yield first
        return
    names = (words.say("before"), words.say("cut-out"), words.say("alpha"), *_names(shown, words))
    pictures = (*first.pictures, *thumbnails.renditions)
    broken = tuple((mosaic.Words(html_sheet.broken_rules(each, words)),) for each in shown.renditions if each.broken)
    for start in range(0, len(pictures), MOST_IN_A_ROW):
        row = slice(start, start + MOST_IN_A_ROW)
        yield mosaic.Tile(pictures[row], () if start else (*first.lines, *broken), names[row])


def _names(shown: Shown, words: Texts) -> Iterator[str]:
    for each in shown.renditions:
        yield words.say("%(name)s: left out", name=each.label) if each.broken else each.label


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


def _of_renditions(shown: Shown, thumbnails: Thumbnails, folder: Path, words: Texts) -> Iterator[html_sheet.Picture]:
    """For the page in `folder`, as `_pictures`."""
    paths = (each.path for each in shown.renditions)
    for name, rgb, path in zip(_names(shown, words), thumbnails.renditions, paths, strict=True):
        yield name, None if rgb is None else codec.encode_jpeg(rgb, QUALITY), _link(path, folder)


def _link(path: Path | None, folder: Path) -> str:
    return html_sheet.link(os.path.relpath(os.path.realpath(path), os.path.realpath(folder))) if path else ""


def _pictures(shown: Shown, thumbnails: Thumbnails, folder: Path, words: Texts) -> Iterator[html_sheet.Picture]:
    """For the page in `folder`. Links are relative, so they still lead to the files if the whole folder moves."""
    for caption, rgb, path in (
        (words.say("before"), thumbnails.before, shown.original),
        (words.say("cut-out"), thumbnails.cutout, shown.cutout or shown.mask),
        (words.say("alpha"), thumbnails.alpha, shown.mask or shown.cutout),
    ):
        yield caption, None if rgb is None else codec.encode_jpeg(rgb, QUALITY), _link(path, folder)
