"""Measures shapes of a mask: its border band, its main part, its outline, its holes."""

from collections.abc import Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from daemon.arrays import Alpha

BAND = 0.02  # of the longest side: half width of the border band, in which half-transparency is natural
THIN = 0.01  # of the longest side: radius of a disc that does not fit into thin parts
FRAY = 0.05  # of the longest side: sigma of the smoothing that changes frayed outlines
PINHOLE = 0.002  # of the mask: a smaller hole is a speck, not a shape
SURE = 0.5  # the alpha from which a pixel counts as subject

Mask = NDArray[np.bool_]


def beyond_band(sure: Mask, longest: int) -> tuple[Mask, Mask]:
    """Masks of the pixels outside and inside of the border band. longest: the picture's longest side in pixels."""
    reach = max(3, round(BAND * longest))
    solid, near = sure.view(np.uint8), box_around(sure, reach)
    outside, inside = np.ones_like(sure), np.zeros_like(sure)
    if sure[near].size:  # all the rest is far from any border
        outside[near] = cv2.dilate(solid[near], disc(reach)) == 0
        inside[near] = cv2.erode(solid[near], disc(reach)) == 1
    return outside, inside


def box_around(mask: Mask, margin: int = 0) -> tuple[slice, slice]:
    """The rows and the columns of the smallest box around all pixels of a mask, and so many more at each side."""
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    if not width:
        return slice(0), slice(0)
    return slice(max(0, top - margin), top + height + margin), slice(max(0, left - margin), left + width + margin)


def parts(mask: Mask, connectivity: int) -> tuple[int, NDArray[np.int32]]:
    """The number of labels and each pixel's label: 0 outside of the mask, then one label for each connected part.

    connectivity: 8 if parts that touch at a corner are one, or 4. Sizes are counted elsewhere: OpenCV's variant with
    statistics takes several times as long.
    """
    count, labels = cv2.connectedComponents(mask.view(np.uint8), connectivity=connectivity)
    return count, np.asarray(labels, dtype=np.int32)


def main_part(sure: Mask) -> tuple[Mask, float]:
    """The biggest part with its pinholes filled, and the share of the mask that lies outside of that part."""
    count, labels = parts(sure, 8)
    if count < 2:
        return sure, 1.0
    areas = np.bincount(labels.ravel(), minlength=count)[1:]
    main = labels == 1 + int(np.argmax(areas))
    _, labels = parts(~main, 4)
    pinholes = np.bincount(labels.ravel()) < PINHOLE * areas.sum()
    pinholes[0] = False
    return np.asarray(main | pinholes.take(labels)), 1 - float(areas.max()) / float(areas.sum())


def reached_from(part: Mask, alpha: Alpha, faintest: float) -> Mask:
    """All pixels that are connected with `part` through alphas above `faintest`."""
    count, labels = parts(alpha > faintest, 8)
    reached = np.zeros(count, np.bool_)
    reached[np.unique(labels[part])] = True
    reached[0] = False
    return np.asarray(reached.take(labels))


def contours(mask: Mask) -> list[NDArray[np.int32]]:
    """The outlines of a mask and of its holes, pixel by pixel."""
    found, _ = cv2.findContours(mask.view(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    return [np.asarray(contour, dtype=np.int32) for contour in found]


def border_of(mask: Mask) -> Mask:
    """The pixels on either side of a mask's outline."""
    return cv2.morphologyEx(mask.view(np.uint8), cv2.MORPH_GRADIENT, np.ones((3, 3), np.uint8)) > 0


def enclosed(mask: Mask) -> Mask:
    """The background pixels that a mask encloses."""
    count, labels = parts(~mask, 4)
    holes = np.ones(count, np.bool_)
    holes[outer_labels(labels)] = False
    holes[0] = False
    return np.asarray(holes.take(labels))


def outer_labels(labels: NDArray[Any]) -> NDArray[Any]:
    """The labels of the parts that touch the picture's rim."""
    return np.unique(np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1]]))


def thin(mask: Mask, longest: int) -> float:
    """The number of pixels that a morphological opening (Serra 1982) with a small disc removes."""
    return area(mask) - float(cv2.countNonZero(opened(mask, THIN * longest)))


def opened(mask: Mask, radius: float) -> NDArray[np.uint8]:
    """The part of a mask that a disc of that radius can cover from inside, as 0 and 1."""
    kernel = disc(max(1, round(radius)))
    return np.asarray(cv2.morphologyEx(mask.view(np.uint8), cv2.MORPH_OPEN, kernel), dtype=np.uint8)


def frayed(mask: Mask, longest: int) -> float:
    """The number of pixels that change sides when the outline is smoothed."""
    smooth = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), FRAY * longest) >= SURE
    return area(smooth != mask)


def inner_radius(mask: Mask) -> float:
    """The radius of the largest disc inside a mask, in pixels."""
    return float(cv2.distanceTransform(mask.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5).max())


def length(outlines: Sequence[NDArray[np.int32]]) -> int:
    """The length of outlines in pixels, at least 1."""
    return sum(len(outline) for outline in outlines) + 1


def area(mask: Mask) -> float:
    """The number of pixels of a mask."""
    return float(np.count_nonzero(mask))


def total(values: Alpha, mask: Mask) -> float:
    """The sum of the values inside of a mask."""
    return cv2.mean(values, mask.view(np.uint8))[0] * area(mask)


def disc(radius: int) -> NDArray[np.uint8]:
    """A disc as a kernel, 2 * radius + 1 pixels wide."""
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return np.asarray(kernel, dtype=np.uint8)
