"""Sharpens a subject after it was shrunk, and nothing around it."""

import cv2
import numpy as np

from daemon.renditions.linear_light import FULL, Floats, Steps, as_floats

_RADIUS = 0.7  # pixels
_MOST = 1.5  # times what blurring takes away, at full strength
_SLACK = 0.3  # of the range of a pixel and its neighbours: how far beyond it sharpening may go
_INSIDE = 0.5  # of alpha: what is more transparent is rim
_FAR = np.float32(1e3)  # beyond all light
_BAND = 96  # rows sharpened at once; what they need stays in the cache
_AROUND = 6  # rows beyond them: more than the blur reaches
_LUMINANCE = (0.2126, 0.7152, 0.0722)  # of linear sRGB (BT.709)


def sharpened(subject: Steps, amount: float) -> Steps:
    """The subject, (h, w, 4) light times alpha and alpha, sharpened by its luminance. amount: 0..1.

    Along the rim, no pixel gets lighter or darker than its neighbours were: no line of light is drawn there.
    """
    result = np.empty_like(subject)
    for top in range(0, len(subject), _BAND):
        start, end = max(0, top - _AROUND), min(len(subject), top + _BAND + _AROUND)
        band = _sharpened(as_floats(subject[start:end]), amount)
        result[top : top + _BAND] = np.rint(band[top - start : top - start + _BAND] * FULL)
    return result


def _sharpened(subject: Floats, amount: float) -> Floats:
    alpha = subject[..., 3]
    inside = (alpha >= _INSIDE).astype(np.float32)
    if not inside.any():
        return subject
    light = subject[..., :3] @ np.array(_LUMINANCE, np.float32)
    tone = np.sqrt(light / np.maximum(alpha, np.float32(_INSIDE)))  # as the eye sees it, roughly
    shares = cv2.GaussianBlur(inside, (0, 0), _RADIUS)
    smooth = cv2.GaussianBlur(tone * inside, (0, 0), _RADIUS) / np.maximum(shares, np.float32(1e-3))
    kernel = np.ones((3, 3), np.uint8)
    darkest = cv2.erode(np.where(inside > 0, tone, _FAR), kernel, borderType=cv2.BORDER_REPLICATE)
    lightest = cv2.dilate(np.where(inside > 0, tone, -_FAR), kernel, borderType=cv2.BORDER_REPLICATE)
    deep = cv2.erode(inside, kernel, borderType=cv2.BORDER_REPLICATE)
    slack = np.float32(_SLACK) * (lightest - darkest) * deep
    crisp = np.clip(tone + np.float32(_MOST * amount) * (tone - smooth), darkest - slack, lightest + slack)
    gain = np.where(inside > 0, np.maximum(crisp, 0) / np.maximum(tone, np.float32(1e-3)), 1) ** 2
    result = subject.copy()
    result[..., :3] = np.minimum(subject[..., :3] * gain[..., None], alpha[..., None])
    return result
