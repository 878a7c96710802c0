"""Measures the borders of alphas at the photo's size: their errors, and what is left of the old background."""

import statistics
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.true_colours import true_colours

Rgb = NDArray[np.uint8]
Alpha = NDArray[np.float32]

LIMIT_MEGAPIXELS = 100.0


def band_ratio(truth: Path | None) -> float:
    """Our mean absolute error in the border band relative to bilinear interpolation's, for alphas shrunk four times.

    Prints the gradient error as well (C. Rhemann et al., CVPR 2009: Gaussian derivatives, sigma 1.4, squared), both for
    eight times too, and how much of the old background is left in rims that are laid on other colours.
    """
    found = list(scenes(truth))
    ratios = {factor: (band_ratios(found, factor, ours), band_ratios(found, factor, guided)) for factor in (4, 8)}
    for factor, ((mad, gradient), (their_mad, their_gradient)) in ratios.items():
        print(
            f"border band at x{factor}: MAD {mad:.3f}, gradient error {gradient:.3f} of bilinear's; "
            f"a fast guided filter: {their_mad:.3f}, {their_gradient:.3f}"
        )
    print(f"old background left in rims: {halo_ratio(found):.3f} of what is there without cleaning")
    return ratios[4][0][0]


def band_ratios(
    found: Sequence[tuple[Rgb, Alpha]], factor: int, enlarge: Callable[[Rgb, Alpha], Alpha]
) -> tuple[float, float]:
    """MAD and gradient error in the band relative to bilinear's. enlarge: photo, shrunken alpha -> full-size alpha."""
    errors: list[tuple[float, float, float, float]] = []
    for rgb, alpha in found:
        height, width = (side // factor * factor for side in alpha.shape)
        rgb, alpha = rgb[:height, :width], alpha[:height, :width]
        small = cv2.resize(alpha, (width // factor, height // factor), interpolation=cv2.INTER_AREA)
        bilinear = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
        full = enlarge(rgb, np.asarray(small, np.float32))
        band = (bilinear > 0) & (bilinear < 1)
        steep = steepness(alpha)
        errors.append((
            float(np.abs(full - alpha)[band].mean()),
            float(np.abs(bilinear - alpha)[band].mean()),
            float(np.square(steepness(full) - steep)[band].mean()),
            float(np.square(steepness(bilinear) - steep)[band].mean()),
        ))  # fmt: skip
    mine, plain, mine_steep, plain_steep = (statistics.mean(column) for column in zip(*errors, strict=True))
    return mine / plain, mine_steep / plain_steep


def ours(rgb: Rgb, small: Alpha) -> Alpha:
    """The full-size alpha as the program makes it."""
    from daemon.pictures.refining import full_size_alpha

    return np.asarray(full_size_alpha(photo_of(rgb), small) / 255, np.float32)


def guided(rgb: Rgb, small: Alpha) -> Alpha:
    """For comparison: the fast guided filter on colours (He and Sun 2015), with coefficients at the alpha's size.

    Radius 1, eps 1e-5, the photo as guide; the linear coefficients are enlarged bilinearly.
    """
    height, width = rgb.shape[:2]
    guide = np.asarray(cv2.resize(rgb, small.shape[::-1], interpolation=cv2.INTER_AREA), np.float32) / 255
    mean_guide, mean_alpha = _box(guide), _box(small)
    covariance = _box(guide * small[..., None]) - mean_guide * mean_alpha[..., None]
    products = np.einsum("...i,...j->...ij", guide, guide).reshape(*small.shape, 9)
    spread = _box(np.ascontiguousarray(products)).reshape(*small.shape, 3, 3)
    spread = spread - np.einsum("...i,...j->...ij", mean_guide, mean_guide) + 1e-5 * np.eye(3, dtype=np.float32)
    slope = np.linalg.solve(spread, covariance[..., None])[..., 0]
    level = mean_alpha - (slope * mean_guide).sum(axis=-1)
    coefficients = _box(np.dstack([slope, level]).astype(np.float32))
    large = cv2.resize(coefficients, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.clip((large[..., :3] * (rgb / 255)).sum(axis=-1) + large[..., 3], 0, 1), np.float32)


def _box(values: NDArray[np.floating[Any]]) -> Alpha:
    """Means over squares of radius 1; any number of channels."""
    return np.asarray(cv2.blur(values, (3, 3)), np.float32)


def steepness(alpha: Alpha) -> Alpha:
    """The length of the gradient of a Gaussian, sigma 1.4."""
    smooth = cv2.GaussianBlur(alpha, (0, 0), 1.4)
    across, down = (cv2.Sobel(smooth, cv2.CV_32F, *order, ksize=1, scale=0.5) for order in ((1, 0), (0, 1)))
    return np.asarray(np.hypot(across, down), np.float32)


def halo_ratio(found: Sequence[tuple[Rgb, Alpha]]) -> float:
    """The error in rims of composites, cleaned relative to uncleaned, of photos taken in front of green and of blue.

    It does not depend on the new colour. The true colours of the subject are those that pymatting estimates.
    """
    from daemon.pictures.compositing import cut_out

    cleaned: list[float] = []
    raw: list[float] = []
    for rgb, alpha in found:
        subject = true_colours(rgb, alpha)
        cover = alpha[..., None]
        rim = (alpha > 0) & (alpha < 1)
        for old in ((0.0, 0.8, 0.0), (0.0, 0.0, 1.0)):
            taken = np.rint(255 * (cover * subject + (1 - cover) * np.array(old))).astype(np.uint8)
            for clean, errors in ((True, cleaned), (False, raw)):
                rgba = cut_out(photo_of(taken), np.rint(alpha * 255).astype(np.uint8), clean)
                # The new background is the same in truth and composite; only the subject's share differs.
                errors.append(float(np.abs(cover * (rgba[..., :3] / 255 - subject))[rim].mean()))
    return statistics.mean(cleaned) / statistics.mean(raw)


def photo_of(rgb: Rgb) -> Any:
    from daemon.pictures.photo import Photo
    from daemon.pictures.values import Metadata

    rgba = np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)])
    return Photo(np.ascontiguousarray(rgba), False, Metadata(), "drawn")


def scenes(truth: Path | None) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.float32]]]:
    from daemon.pictures.reading import open_photo

    if truth is None:
        yield from (furry(seed) for seed in range(3))
        return
    for line in (truth / "index.tsv").read_text("utf-8").splitlines():
        name, *rest = line.split("\t")
        if "soft" in rest:
            photo = open_photo(truth / "images" / f"{name}.jpg", LIMIT_MEGAPIXELS)
            matte_photo = open_photo(truth / "alpha" / f"{name}.png", LIMIT_MEGAPIXELS)
            yield np.asarray(photo.pixels, np.uint8), np.asarray(matte_photo.pixels[..., 0] / 255, np.float32)


def furry(seed: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A ball with fine hair in front of a wall, drawn four times as large and shrunk."""
    random = np.random.default_rng(seed)
    canvas = np.zeros((2400, 3200), np.uint8)
    cv2.circle(canvas, (1600, 1200), 700, 255, -1)
    for angle in random.uniform(0, 2 * np.pi, 900):
        length = random.uniform(720, 1000)
        bend = angle + random.normal(0, 0.06)
        start = (int(1600 + 690 * np.cos(angle)), int(1200 + 690 * np.sin(angle)))
        end = (int(1600 + length * np.cos(bend)), int(1200 + length * np.sin(bend)))
        cv2.line(canvas, start, end, 255, int(random.integers(2, 7)), cv2.LINE_AA)
    alpha = np.asarray(cv2.resize(canvas, (800, 600), interpolation=cv2.INTER_AREA), np.float32) / 255
    subject, wall = random.uniform(30, 120, 3), random.uniform(130, 230, 3)
    mixed = alpha[..., None] * subject + (1 - alpha[..., None]) * wall + random.normal(0, 2, (600, 800, 3))
    return np.asarray(np.clip(np.rint(mixed), 0, 255), np.uint8), np.asarray(alpha, np.float32)
