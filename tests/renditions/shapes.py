"""Draws subjects for the tests of this room."""

import cv2
import numpy as np

from daemon.pictures.values import Samples
from daemon.renditions.subject_box import SubjectBox, subject_box
from daemon.renditions.wanted import Canvas, Placing, Rendition


def ellipse(width: int = 300, height: int = 300, wide: int = 121, high: int = 151) -> Samples:
    """An alpha, (height, width) uint8, with an ellipse of odd size about its middle."""
    alpha = np.zeros((height, width), np.uint8)
    cv2.ellipse(alpha, (width // 2, height // 2), (wide // 2, high // 2), 0, 0, 360, 255, -1)
    return alpha


def rectangle(left: int, top: int, right: int, bottom: int, width: int = 400, height: int = 300) -> Samples:
    """An alpha that is full in a rectangle."""
    alpha = np.zeros((height, width), np.uint8)
    alpha[top:bottom, left:right] = 255
    return alpha


def box_of(alpha: Samples) -> SubjectBox:
    box = subject_box(alpha)
    assert box is not None
    return box


def wanted(longest: int = 1000, ratio: float | None = 1.0, **placing: object) -> Rendition:
    """A rendition with a canvas of a size."""
    return Rendition("test", "", Canvas(ratio, longest), Placing(**placing))  # type: ignore[arg-type]  # by name
