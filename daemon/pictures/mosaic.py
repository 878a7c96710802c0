"""Lays out many small pictures, with words below them, in one large picture."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from daemon.arrays import Rgb
from daemon.pictures import drawn_text

GAP = 4  # pixels between the pictures of a tile
MARGIN = 18  # pixels around tiles
HEAD_POINTS, POINTS = 20.0, 12.0  # of the title and of captions
LINE = 17  # pixels from one line of a caption to the next

Colour = tuple[int, int, int]
PAPER: Colour = (240, 240, 238)
INK: Colour = (32, 32, 32)


@dataclass(frozen=True, slots=True)
class Words:
    """A piece of a caption's line."""

    text: str
    colour: Colour = INK
    bold: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Tile:
    """Pictures side by side, each (H, W, 3) uint8 sRGB or None for an empty place, and lines of words below.

    names: of the pictures, each directly below its own.
    """

    pictures: tuple[Rgb | None, ...]
    lines: tuple[tuple[Words, ...], ...]
    names: tuple[str, ...] = ()


def lay_out(title: str, tiles: Sequence[Tile], box: int, columns: int, lines: int = 3) -> Rgb:
    """One picture, (H, W, 3) uint8, of all tiles, row by row.

    box: the side of the square, in pixels, in whose middle each small picture is put. lines: the most lines of a
    caption; a longer one is cut. columns: tiles side by side; fewer if there are fewer tiles.
    """
    places = max((len(tile.pictures) for tile in tiles), default=1)
    columns = max(1, min(columns, len(tiles)))
    width = places * box + (places - 1) * GAP
    named = LINE if any(tile.names for tile in tiles) else 0
    height = box + GAP + named + lines * LINE
    rows = -(-len(tiles) // columns)
    head = round(2.2 * HEAD_POINTS)
    sheet = np.empty((head + MARGIN + rows * (height + MARGIN), MARGIN + columns * (width + MARGIN), 3), np.uint8)
    sheet[:] = PAPER
    _write(sheet, MARGIN, MARGIN, title, HEAD_POINTS, sheet.shape[1] - 2 * MARGIN, INK, bold=True)
    for number, tile in enumerate(tiles):
        row, column = divmod(number, columns)
        top, left = head + MARGIN + row * (height + MARGIN), MARGIN + column * (width + MARGIN)
        _draw(sheet[top : top + height, left : left + width], tile, box, lines, named)
    return sheet


def _draw(place: Rgb, tile: Tile, box: int, lines: int, named: int) -> None:
    for number, picture in enumerate(tile.pictures):
        left = number * (box + GAP)
        square = place[:box, left : left + box]
        square[:] = 226
        if picture is not None:
            height, width = picture.shape[:2]
            top, start = (box - height) // 2, (box - width) // 2
            square[top : top + height, start : start + width] = picture
    for number, name in enumerate(tile.names):
        # A line high: a long name is cut, and does not run into the words below.
        _write(place[: box + GAP + LINE], box + GAP, number * (box + GAP), name, POINTS, box, INK)
    bottom = box + GAP + named
    for line in tile.lines:
        left = 0
        used = 1
        for words in line:
            room = place.shape[1] - left
            wide, high = _write(place, bottom, left, words.text, POINTS, room, words.colour, bold=words.bold)
            left += wide + LINE // 2
            used = max(used, -(-high // LINE))
        bottom += used * LINE
        if bottom >= box + GAP + named + lines * LINE:
            return


def _write(
    sheet: Rgb, top: int, left: int, text: str, points: float, width: int, colour: Colour, *, bold: bool = False
) -> tuple[int, int]:
    """Draw words onto the sheet as far as they fit; returns their width and height."""
    if width <= 0 or not text:
        return 0, 0
    ink = drawn_text.written(text, points, width, bold)
    part = sheet[top : top + ink.shape[0], left : left + ink.shape[1]]
    cover = ink[: part.shape[0], : part.shape[1], None].astype(np.float32) / np.float32(255)
    part[:] = np.rint(part * (1 - cover) + np.array(colour, np.float32) * cover).astype(np.uint8)
    return ink.shape[1], ink.shape[0]
