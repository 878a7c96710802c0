"""Reads BMP files of runs of equal pixels (RLE8, RLE4) by OpenCV."""

import os

import cv2
import numpy as np
from numpy.typing import NDArray

from daemon.errors import Said
from daemon.pictures.codec_errors import Undecodable


def rgb_of_runs(descriptor: int, size: tuple[int, int]) -> NDArray[np.uint8]:
    """The picture in an open BMP: (H, W, 3) uint8. size: (width, height), by its header. Raises Undecodable."""
    content = np.frombuffer(os.pread(descriptor, os.fstat(descriptor).st_size, 0), np.uint8)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)  # what is wrong is told by us
    try:
        picture = cv2.imdecode(content, cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise Undecodable(Said("bmp_runs_cut")) from error
    if picture is None or picture.shape != (size[1], size[0], 3):
        raise Undecodable(Said("bmp_runs_cut"))
    return np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB, dst=picture), np.uint8)
