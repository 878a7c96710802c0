"""Prepares what each worker process would prepare by itself: the process that workers are forked from imports this.

OpenCV computes its tables for the colours of CIE Lab at their first use, which takes 0.1 s, and so on.
"""

import gc

import cv2
import numpy as np

from daemon.judgement.finish_search import best_finish
from daemon.judgement.grading import Thresholds
from daemon.judgement.scene import look_at

_SIDE = 64


def _judge_once() -> None:
    """Judge a soft disc, so that all that a judgement needs is loaded."""
    cv2.setNumThreads(1)  # no thread outlives a fork
    down, across = np.mgrid[:_SIDE, :_SIDE] - _SIDE / 2
    alpha = np.clip(1.5 - np.hypot(down, across) / (_SIDE / 4), 0, 1).astype(np.float32)
    photo = np.repeat(np.rint(255 * alpha)[..., None], 3, axis=2).astype(np.uint8)
    best_finish(look_at(photo), alpha, Thresholds(1, 0))


_judge_once()
gc.freeze()  # all of it stays: no worker shall look through it for garbage, which would also copy its memory
