"""Finds the box of a subject by the weight of its alpha, so that neither a hair nor a speck moves it."""

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from daemon.pictures.values import Samples
from daemon.renditions.wanted import Side

_HEAVY = 0.02  # of the heaviest row or column; measured: holds against hairs and specks, and is exact at plain edges
_THIN = 0.005  # of a stem, a strap or a table leg, which must hang together with what is heavy
_THIN_PIXELS = 4.0  # a hair is thinner in photos of 24 megapixels
_FAINT = 50  # nobody sees an alpha below a fiftieth
_STRIP = 128  # rows looked at at once, so that no copy of a large alpha is made

Weights = NDArray[np.float64]
Box = tuple[int, int, int, int]
"""Left, top, right and bottom, the last two exclusive, in pixels."""


@dataclass(frozen=True, slots=True)
class SubjectBox:
    """Where a subject is in its photo, in the photo's pixels; right and bottom are exclusive.

    shown: the box of all that can be seen, hairs and specks too; it holds the other one. cut: the sides where the
    photo's edge cuts the subject off. outside: the share of the alpha's weight that lies outside of the box, 0..1.
    gravity: the subject's centre of gravity, x and y.
    """

    left: int
    top: int
    right: int
    bottom: int
    shown: Box
    cut: tuple[Side, ...]
    outside: float
    gravity: tuple[float, float]

    @property
    def width(self) -> int:
        """From left to right."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """From top to bottom."""
        return self.bottom - self.top


def subject_box(alpha: Samples, scale: float = 1.0) -> SubjectBox | None:
    """The box of a subject; None if nothing is to be seen.

    alpha: (H, W), uint8 or uint16, straight. scale: of this alpha against the photo's own, for one that was resized:
    what is thin then is thinner.
    """
    full = float(np.iinfo(alpha.dtype).max)
    rows, columns = _Lines.of(alpha)
    if rows.most.max() < full // _FAINT:
        return None
    (top, bottom), (left, right) = rows.span(scale), columns.span(scale)
    total = float(rows.weights.sum())
    inside = sum(
        cv2.sumElems(np.ascontiguousarray(alpha[start : min(start + _STRIP, bottom), left:right]))[0]
        for start in range(top, bottom, _STRIP)
    )
    shown = _shown(rows.most, full), _shown(columns.most, full)
    return SubjectBox(
        left,
        top,
        right,
        bottom,
        (
            min(left, shown[1][0]), min(top, shown[0][0]), max(right, shown[1][1]), max(bottom, shown[0][1]),
        ),
        _cut(rows.weights, columns.weights),
        max(0.0, 1 - inside / full / total),
        (_middle(columns.weights), _middle(rows.weights)),
    )  # fmt: skip


@dataclass(frozen=True, slots=True, eq=False)
class _Lines:
    """The rows or columns of an alpha: the sum of each, of its pixels that are half covered or more, and the largest.

    weights, solid: in pixels that are fully covered. most: as in the alpha.
    """

    weights: Weights
    solid: Weights
    most: Weights

    @classmethod
    def of(cls, alpha: Samples) -> tuple["_Lines", "_Lines"]:
        """Its rows, and its columns."""
        rows, columns = [], []
        for top in range(0, len(alpha), _STRIP):
            strip = np.ascontiguousarray(alpha[top : top + _STRIP])
            full = float(np.iinfo(strip.dtype).max)
            solid: Samples = np.asarray(cv2.threshold(strip, full / 2, full, cv2.THRESH_TOZERO)[1], strip.dtype)
            rows.append(_measured(strip, solid, 1))
            columns.append(_measured(strip, solid, 0))
        across = (np.concatenate(each) for each in zip(*rows, strict=True))
        weights, heavy, most = zip(*columns, strict=True)
        return cls(*across), cls(np.sum(weights, axis=0), np.sum(heavy, axis=0), np.max(most, axis=0))

    def span(self, scale: float) -> tuple[int, int]:
        """First and last (exclusive) of the lines that belong to the subject."""
        heaviest = float(self.weights.max())
        heavy = np.flatnonzero(self.weights >= _HEAVY * heaviest)
        first, last = int(heavy[0]), int(heavy[-1])
        thin = self.solid >= max(_THIN * heaviest, _THIN_PIXELS * min(1.0, scale))
        while first > 0 and thin[first - 1]:
            first -= 1
        while last + 1 < len(thin) and thin[last + 1]:
            last += 1
        return first, last + 1


def _measured(alpha: Samples, solid: Samples, axis: int) -> tuple[Weights, Weights, Weights]:
    """Sums, sums of what is half covered or more, and maxima. axis: as cv2.reduce, 0 for columns and 1 for rows."""
    full = float(np.iinfo(alpha.dtype).max)
    kind = cv2.CV_32S if alpha.dtype == np.uint8 else cv2.CV_64F
    weights, heavy = (cv2.reduce(each, axis, cv2.REDUCE_SUM, dtype=kind) for each in (alpha, solid))
    most = alpha.max(axis=axis)  # of numpy: cv2.reduce takes fifty times as long for it
    return _line(weights) / full, _line(heavy) / full, _line(most)


def _line(numbers: NDArray[Any]) -> Weights:  # Any: as cv2 answers
    return np.asarray(numbers, np.float64).ravel()


def _shown(most: Weights, full: float) -> tuple[int, int]:
    """First and last (exclusive) line in which something can be seen."""
    seen = np.flatnonzero(most >= full // _FAINT)
    return (int(seen[0]), int(seen[-1]) + 1) if len(seen) else (len(most), 0)


def _cut(rows: Weights, columns: Weights) -> tuple[Side, ...]:
    """The sides whose outermost line is heavy: there the subject goes on outside of the photo."""
    edges: tuple[tuple[Side, float, Weights], ...] = (
        ("top", rows[0], rows), ("right", columns[-1], columns),
        ("bottom", rows[-1], rows), ("left", columns[0], columns),
    )  # fmt: skip
    return tuple(side for side, weight, lines in edges if weight > _HEAVY * lines.max())


def _middle(weights: Weights) -> float:
    return float((weights * (np.arange(len(weights)) + 0.5)).sum() / weights.sum())
