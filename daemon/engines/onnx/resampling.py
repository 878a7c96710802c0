"""Resamples 8-bit pictures by the filters LANCZOS and BILINEAR of Pillow, to the last bit.

rembg's results are made with pictures that Pillow resampled. Pillow filters along the rows and then along the columns,
with weights in steps of 2**-22, and rounds to whole steps in between. A sum of such products is exact in float64, so
NumPy's matrix product gives what Pillow's loop gives. Pillow 13 takes the columns first where a picture gets lower and
narrow, and older ones where it is a hundred times as high as wide: there, a few pixels can differ.
"""

from collections.abc import Callable
from functools import lru_cache
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

Filter = Literal["lanczos", "bilinear"]

_SUPPORT = {"lanczos": 3.0, "bilinear": 1.0}  # how far a filter reaches, in pixels of the smaller picture
_STEPS = 2.0**22
_BLOCK = 8  # lines of the result that are computed at once: more would multiply more zeros, fewer need more calls
_PRODUCTS = 120_000  # of one matrix product: from 260,000 on, OpenBLAS wakes threads that cost more than they do


def resized(picture: NDArray[np.uint8], width: int, height: int, kind: Filter) -> NDArray[np.uint8]:
    """The picture, (H, W) or (H, W, 3), brought to `height` times `width`."""
    rows, columns = picture.shape[:2]
    if columns != width:
        turned = np.asarray(cv2.transpose(picture), dtype=np.uint8)
        filtered = _filter_lines(turned.reshape(columns, -1), width, kind)
        picture = np.asarray(cv2.transpose(filtered.reshape(width, *turned.shape[1:])), dtype=np.uint8)
    if rows != height:
        picture = _filter_lines(picture.reshape(rows, -1), height, kind).reshape(height, *picture.shape[1:])
    return picture


def _filter_lines(lines: NDArray[np.uint8], count: int, kind: Filter) -> NDArray[np.uint8]:
    """Bring (N, M) to (count, M): each line of the result is a weighted mean of some lines."""
    blocks = _weights(len(lines), count, kind)
    widest = max(weights.size for _, _, weights in blocks)
    step = max(16, _PRODUCTS // widest)
    result = np.empty((count, lines.shape[1]), dtype=np.uint8)
    for left in range(0, lines.shape[1], step):
        part = lines[:, left : left + step].astype(np.float64)
        means = np.empty((count, part.shape[1]))
        for begin, first, weights in blocks:
            reached = part[first : first + weights.shape[1]]
            np.matmul(weights, reached, out=means[begin : begin + len(weights)])
        means += 0.5
        np.clip(means, 0, 255, out=means)
        result[:, left : left + step] = means  # cuts off, and so rounds, because of the half
    return result


@lru_cache(maxsize=32)  # photos have few sizes, and to work out the weights takes milliseconds
def _weights(lines: int, count: int, kind: Filter) -> tuple[tuple[int, int, NDArray[np.float64]], ...]:
    """For each block of the result: its first line, the first line that it needs, and the weights of those it needs."""
    scale = lines / count
    reach = max(scale, 1.0)
    support = _SUPPORT[kind] * reach
    centres = (np.arange(count) + 0.5) * scale
    first = np.maximum(centres - support + 0.5, 0).astype(np.int64)
    last = np.minimum((centres + support + 0.5).astype(np.int64), lines)
    found = []
    for begin in range(0, count, _BLOCK):
        here = slice(begin, begin + _BLOCK)
        low = int(first[here].min())
        needed = np.arange(low, int(last[here].max()))
        weights = _FILTERS[kind]((needed - centres[here, None] + 0.5) / reach)
        weights[(needed < first[here, None]) | (needed >= last[here, None])] = 0
        weights /= weights.sum(axis=1, keepdims=True)
        found.append((begin, low, np.trunc(weights * _STEPS + np.copysign(0.5, weights)) / _STEPS))
    return tuple(found)


def _lanczos(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.where(np.abs(x) < 3, np.sinc(x) * np.sinc(x / 3), 0.0))


def _triangle(x: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(np.maximum(1 - np.abs(x), 0.0))


_FILTERS: dict[Filter, Callable[[NDArray[np.float64]], NDArray[np.float64]]] = {
    "lanczos": _lanczos,
    "bilinear": _triangle,
}
