"""Applies a `Finish` to a raw alpha: each of its steps, and all of them in order."""

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from daemon.arrays import Alpha, Rgb
from daemon.jobs import Finish
from daemon.judgement.scene import shrunk
from daemon.judgement.shapes import box_around, outer_labels, parts

ISLAND_SHARE = 0.04  # of the biggest part: a smaller part is an island
FAINTEST = 0.05  # the lowest alpha that belongs to a part: its soft surroundings stay or go with it
SOLID = 0.95  # the alpha from which a pixel encloses a hole
HOLE_SHARE = 0.01  # of the subject: a smaller hole is an error, a larger one may be a handle
VEIL_SHARE = 0.04  # of the subject: the same for a spot whose alpha is at least 0.5 all over: an eye, a shine, a doubt
GUIDE_PIXELS = 512  # longest side of an alpha that is guided; at 320, 2 photos of 316 need another call
GUIDE_RADIUS = 0.012  # of the longest side: how far the border may wander to meet an edge of the photo
FLAT = 0.02  # of alpha: where it varies less than this around a pixel there is no border to guide
GUIDE_EPS = 2e-4  # variance of colours 0..1: below it the photo counts as flat


def apply_finish(rgb: Rgb, raw: Alpha, finish: Finish, others: Mapping[int, Alpha] | None = None) -> Alpha:
    """Apply every step of `finish`, in the order of its fields.

    rgb: (H, W, 3) uint8, the whole photo at any size. raw: (h, w) float32, 0..1. others: raw alphas of other attempts
    by number, any size. Returns (h, w) float32, 0..1, or a smaller one if it is guided; the same input gives the same
    output.
    Raises ValueError if `finish.blend` names an attempt that `others` lacks.
    """
    alpha = blended(raw, finish.blend, others or {})
    if finish.guided:
        alpha = guided(rgb, alpha)
    alpha = more_sensitive(alpha, finish.sensitivity)
    alpha = levelled(alpha, finish.levels)
    if not finish.keep_islands:
        alpha = without_islands(alpha)
    if finish.fill_holes:
        alpha = with_holes_filled(alpha)
    if finish.mask_blur > 0:
        alpha = blurred(alpha, finish.mask_blur)
    if finish.mask_offset:
        alpha = offset(alpha, finish.mask_offset)
    return alpha


def blended(raw: Alpha, numbers: tuple[int, ...], others: Mapping[int, Alpha]) -> Alpha:
    """The mean of `raw` and of the alphas with these numbers, at `raw`'s size."""
    missing = [number for number in numbers if number not in others]
    if missing:
        raise ValueError(f"no alpha of attempt {missing[0]} to blend in")
    if not numbers:
        return raw
    height, width = raw.shape
    total = raw.astype(np.float32)
    for number in numbers:
        total = total + cv2.resize(others[number], (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.clip(total / (1 + len(numbers)), 0.0, 1.0), dtype=np.float32)


def more_sensitive(alpha: Alpha, sensitivity: float) -> Alpha:
    """Multiply by (2 - sensitivity) and clip to 1, as ComfyUI-RMBG's nodes do; 1.0 changes nothing.

    Measured there: 1.49 at 0.5. For the model RMBG-2.0 the node applies it twice; we do not repeat that error.
    """
    if sensitivity == 1.0:
        return alpha
    return np.asarray(np.clip(alpha * np.float32(2.0 - sensitivity), 0.0, 1.0), dtype=np.float32)


def levelled(alpha: Alpha, levels: tuple[float, float]) -> Alpha:
    """Stretch the contrast: the lower level becomes 0, the higher one 1."""
    low, high = levels
    if (low, high) == (0.0, 1.0):
        return alpha
    if not low < high:
        raise ValueError(f"levels must rise, these do not: {levels}")
    return np.asarray(np.clip((alpha - np.float32(low)) / np.float32(high - low), 0.0, 1.0), dtype=np.float32)


def without_islands(alpha: Alpha) -> Alpha:
    """Remove every part that is far smaller than the biggest one, with its soft surroundings."""
    near = box_around(alpha >= FAINTEST)
    inner = alpha[near]
    visible, seeds = inner >= FAINTEST, inner >= 0.5
    if not seeds.any():
        return alpha
    count, labels = parts(visible, 8)
    if count > 2:  # more than the background and one part
        solid = np.bincount(labels[seeds], minlength=count)
        biggest = np.bincount(parts(seeds, 8)[1][seeds]).max()
        kept = solid >= ISLAND_SHARE * biggest
        kept[0] = False
        visible = kept.take(labels)
    cleared = np.zeros_like(alpha)
    np.copyto(cleared[near], inner, where=visible)
    return cleared


def with_holes_filled(alpha: Alpha) -> Alpha:
    """Make small enclosed holes solid, and larger veils. A large hole may be right (the handle of a cup)."""
    near = box_around(alpha >= SOLID)  # what it does not enclose reaches beyond that box, or to the picture's rim
    inner = np.ascontiguousarray(alpha[near])
    if not inner.size:
        return alpha
    count, labels = parts(inner < SOLID, 4)
    enclosed = np.ones(count, np.bool_)
    enclosed[0] = False
    enclosed[outer_labels(labels)] = False
    if not enclosed.any():
        return alpha
    at = np.flatnonzero(enclosed.take(labels))  # few: all sums are over these pixels
    hole = labels.ravel().take(at)
    size = np.bincount(hole, minlength=count)
    veils = np.bincount(hole[inner.ravel().take(at) < 0.5], minlength=count) == 0
    stray = size < np.where(veils, VEIL_SHARE, HOLE_SHARE) * np.count_nonzero(alpha >= 0.5)
    np.put(inner, at[stray.take(hole)], 1.0)
    filled = alpha.copy()
    filled[near] = inner
    return filled


def blurred(alpha: Alpha, radius: float) -> Alpha:
    """Blur with a Gaussian whose standard deviation is `radius` pixels, like Pillow's GaussianBlur."""
    soft = cv2.GaussianBlur(alpha, (0, 0), radius, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(np.clip(soft, 0.0, 1.0), dtype=np.float32)


def offset(alpha: Alpha, pixels: int) -> Alpha:
    """Grow (+) or shrink (-) by so many pixels: equals as many 3 x 3 maximum or minimum filters, as in the node."""
    side = 2 * abs(pixels) + 1
    kernel = np.ones((side, side), np.uint8)
    moved = cv2.dilate(alpha, kernel) if pixels > 0 else cv2.erode(alpha, kernel)
    return np.asarray(moved, dtype=np.float32)


def guided(rgb: Rgb, alpha: Alpha) -> Alpha:
    """Let the border follow the photo's own edges.

    The colour guided filter of He, Sun and Tang (PAMI 2013). rgb: (H, W, 3) uint8 of any size. The result has alpha's
    size, reduced to GUIDE_PIXELS: it is for borders that a network blurred, and no such border was resolved any finer.
    """
    height, width = alpha.shape
    scale = min(1.0, GUIDE_PIXELS / max(height, width))
    rows, columns = max(1, round(height * scale)), max(1, round(width * scale))
    radius = max(1, round(GUIDE_RADIUS * max(rows, columns)))
    guide = shrunk(rgb, rows, columns)
    slopes, fitted = _linear_model(guide, shrunk(alpha, rows, columns), radius)
    for slope, plane in zip(slopes, cv2.split(guide), strict=True):
        cv2.accumulateProduct(slope, plane.astype(np.float32), fitted)
    return np.clip(fitted, 0.0, 1.0, out=fitted)


def _linear_model(guide: Rgb, target: Alpha, radius: int) -> tuple[list[Alpha], Alpha]:
    """For each pixel the affine colour model that fits `target` best around it: three slopes and a shift, (H, W).

    Slopes are for colours of 0..255. Where `target` is all but constant around a pixel, the slopes are 0 and the shift
    is `target` itself. Only the rest, which is the border, is solved.
    """
    window = (2 * radius + 1, 2 * radius + 1)

    def mean(values: Alpha) -> Alpha:
        return np.asarray(cv2.blur(values, window, borderType=cv2.BORDER_REFLECT), dtype=np.float32)

    def around(values: Alpha) -> NDArray[np.float32]:
        return mean(values).ravel().take(at)

    kernel = np.ones(window, np.uint8)
    at = np.flatnonzero(cv2.subtract(cv2.dilate(target, kernel), cv2.erode(target, kernel)) > FLAT)
    mean_target = mean(target)
    red, green, blue = (plane.astype(np.float32) / np.float32(255) for plane in cv2.split(guide))
    centres = (mr, mg, mb) = around(red), around(green), around(blue)
    mt = mean_target.ravel().take(at)
    cr, cg, cb = (around(plane * target) - c * mt for plane, c in zip((red, green, blue), centres, strict=True))
    eps = np.float32(GUIDE_EPS)
    rr, gg, bb = (around(plane * plane) - c * c + eps for plane, c in zip((red, green, blue), centres, strict=True))
    rg, rb, gb = around(red * green) - mr * mg, around(red * blue) - mr * mb, around(green * blue) - mg * mb
    # The inverse of a symmetric 3 x 3 matrix, written out: cofactors over the determinant.
    irr, irg, irb = gg * bb - gb * gb, gb * rb - rg * bb, rg * gb - gg * rb
    igg, igb, ibb = rr * bb - rb * rb, rb * rg - rr * gb, rr * gg - rg * rg
    determinant = rr * irr + rg * irg + rb * irb
    solved = (irr * cr + irg * cg + irb * cb, irg * cr + igg * cg + igb * cb, irb * cr + igb * cg + ibb * cb)
    shift = mean_target
    slopes = []
    slope = np.zeros_like(target)
    for values, centre in zip(solved, centres, strict=True):
        found = values / determinant
        np.put(slope, at, found / np.float32(255))
        shift.ravel()[at] -= found * centre
        slopes.append(mean(slope))
    return slopes, mean(shift)
