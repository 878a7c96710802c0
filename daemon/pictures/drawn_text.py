"""Draws words: in this machine's sans serif, or in plain strokes if it has no fonts, as in a slim container."""

import unicodedata
from functools import cache
from html import escape

import cv2
import numpy as np
from numpy.typing import NDArray

from daemon.pictures import vips

Ink = NDArray[np.uint8]
"""(H, W) uint8, 255 = ink; (0, 0) if there is nothing to write."""

_SPELT = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "Ä": "Ae", "Ö": "Oe", "Ü": "Ue", "ß": "ss"})
_STROKES = cv2.FONT_HERSHEY_SIMPLEX
_STROKE_POINTS = 30.0  # the size of these strokes at OpenCV's scale 1


def written(text: str, points: float, width: int, bold: bool = False) -> Ink:
    """Text in lines of at most `width` pixels, broken between words. points: its size, in pixels."""
    plain = "".join(letter if letter.isprintable() else " " for letter in text).encode("utf-8", "replace").decode()
    if _has_fonts():
        return _typeset(plain, points, width, bold)
    return _in_strokes(plain, points, width, bold)


@cache
def _has_fonts() -> bool:
    """Whether letters differ: without a font, each is the same empty box."""
    one, other = (_typeset(letter, 12, 100, bold=False) for letter in "im")
    return not np.array_equal(one, other)


def _typeset(text: str, points: float, width: int, bold: bool) -> Ink:
    style = " bold" if bold else ""
    # Escaped, so that Pango never takes a name for its markup.
    markup, font = escape(text, quote=False), f"sans{style} {points}"
    try:
        image = vips.Image.text(markup, font=font, width=width, wrap="word-char")
        ink: Ink = vips.array_of(image)[..., 0].astype(np.uint8, copy=False)
    except vips.Error:
        return np.zeros((0, 0), np.uint8)
    return ink


def _in_strokes(text: str, points: float, width: int, bold: bool) -> Ink:
    """Text in ASCII strokes, the only ones that OpenCV can draw; umlauts are spelt out."""
    composed = unicodedata.normalize("NFC", text).translate(_SPELT)
    ascii_text = unicodedata.normalize("NFKD", composed).encode("ascii", "replace").decode()
    scale, weight = points / _STROKE_POINTS, 2 if bold else 1

    def wide(line: str) -> int:
        return int(cv2.getTextSize(line, _STROKES, scale, weight)[0][0])

    lines = [""]
    for word in ascii_text.split():
        longer = f"{lines[-1]} {word}".strip()
        if lines[-1] and wide(longer) > width:
            lines.append(word)
        else:
            lines[-1] = longer
    if lines == [""]:
        return np.zeros((0, 0), np.uint8)
    height = round(1.4 * points)
    ink: Ink = np.zeros((height * len(lines), min(width, max(map(wide, lines)) + 2)), np.uint8)
    for number, line in enumerate(lines):
        cv2.putText(ink, line, (0, number * height + round(points)), _STROKES, scale, 255, weight, cv2.LINE_AA)
    return ink
