"""Finds the spots of a fault: the few largest connected parts of its mask, as boxes in the picture."""

import cv2
import numpy as np

from daemon.jobs import Spot
from daemon.judgement.shapes import Mask, disc, parts

MOST_SPOTS = 5  # of one fault: people look at the worst ones, not at hundreds of specks
CLOSE = 0.01  # of the longest side: parts that lie nearer to each other than twice this are one spot
LEAST_OF_LARGEST = 0.05  # a part whose area is a smaller share of the largest part's is no spot of its own
_DIGITS = 4  # a ten-thousandth of the picture's side; the masks have 256 pixels


def spots_of(where: Mask) -> tuple[Spot, ...]:
    """The spots of a mask (H, W) of the whole photo, the largest first; empty if it is."""
    height, width = where.shape
    joined = cv2.dilate(where.view(np.uint8), disc(max(1, round(CLOSE * max(height, width))))) > 0
    count, labels = parts(joined, 8)
    labels[~where] = 0
    areas = np.bincount(labels.ravel(), minlength=count)
    areas[0] = 0
    largest = [int(label) for label in np.argsort(-areas, kind="stable")[:MOST_SPOTS]]
    least = max(1.0, LEAST_OF_LARGEST * float(areas.max()))
    return tuple(_spot(np.asarray(labels == label)) for label in largest if areas[label] >= least)


def _spot(part: Mask) -> Spot:
    """The box around a part, and the point that lies deepest in it: a ring's middle would show nothing of the ring."""
    height, width = part.shape
    left, top, wide, high = cv2.boundingRect(part.view(np.uint8))
    cut = np.pad(part[top : top + high, left : left + wide].view(np.uint8), 1)
    _, _, _, (x, y) = cv2.minMaxLoc(cv2.distanceTransform(cut, cv2.DIST_L2, cv2.DIST_MASK_3))
    shares = left / width, top / height, (left + wide) / width, (top + high) / height
    return Spot(*(round(share, _DIGITS) for share in (*shares, (left + x - 0.5) / width, (top + y - 0.5) / height)))
