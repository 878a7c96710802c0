"""Spoils true mattes with growing strength, and checks that the right measure falls."""

import itertools
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor

import cv2
import numpy as np

from benchmarks.labelled import Labelled
from daemon.arrays import Alpha
from daemon.judgement.measures import measure
from daemon.judgement.scene import look_at
from daemon.judgement.signs import read_signs

STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)
ROUNDING = 0.002  # of a measure: a smaller change comes from resampling

Spoil = Callable[[Alpha, float, np.random.Generator], Alpha]
"""Takes an alpha, a strength 0..1 and dice; returns the spoilt alpha. Strength 0 changes nothing."""


def islands(alpha: Alpha, strength: float, dice: np.random.Generator) -> Alpha:
    """Solid remains of background, larger and larger, that neither touch the subject nor become larger than it."""
    room = cv2.distanceTransform((alpha < 0.05).astype(np.uint8), cv2.DIST_L2, 5)
    most = 0.25 * float(np.sqrt((alpha >= 0.5).sum()))  # radius of a fifth of the subject's area
    wide = np.argwhere(room >= 0.5 * room.max())
    spoilt = alpha.copy()
    for _ in range(3):
        row, column = wide[int(dice.integers(0, len(wide)))]
        radius = round(strength * min(most, 0.8 * float(room[row, column])))
        if radius:
            cv2.circle(spoilt, (int(column), int(row)), radius, (1.0,), -1)
    return np.asarray(np.maximum(alpha, spoilt), dtype=np.float32)


def haze(alpha: Alpha, strength: float, dice: np.random.Generator) -> Alpha:
    """A veil over the background, denser and denser."""
    height, width = alpha.shape
    cloud = cv2.resize(dice.random((4, 4)).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(np.maximum(alpha, np.clip(cloud, 0, 1) * np.float32(0.45 * strength)), dtype=np.float32)


def halo(alpha: Alpha, strength: float, dice: np.random.Generator) -> Alpha:
    """A half-transparent rim of background all around the subject, wider and wider."""
    del dice
    side = 2 * round(0.03 * strength * max(alpha.shape)) + 1
    wider = np.asarray(cv2.dilate(alpha, np.ones((side, side), np.uint8)), dtype=np.float32)
    return np.asarray(np.maximum(alpha, np.float32(0.45) * wider), dtype=np.float32)


def holes(alpha: Alpha, strength: float, dice: np.random.Generator) -> Alpha:
    """Holes inside the subject, larger and larger."""
    spoilt = alpha.copy()
    closed = np.pad((alpha >= 0.5).astype(np.uint8), 1)  # the photo's rim counts as border: what touches it is no hole
    inner = cv2.distanceTransform(closed, cv2.DIST_L2, 5)[1:-1, 1:-1]
    for _ in range(3):
        deep = np.argwhere(inner >= 0.5 * inner.max())
        row, column = deep[int(dice.integers(0, len(deep)))]
        cv2.circle(spoilt, (int(column), int(row)), round(0.6 * strength * float(inner[row, column])), (0.0,), -1)
    return spoilt


def cut_limb(alpha: Alpha, strength: float, dice: np.random.Generator) -> Alpha:
    """A straight cut that removes more and more of the subject."""
    rows, columns = np.nonzero(alpha >= 0.5)
    if not len(rows):
        return alpha
    angle = float(dice.uniform(0, 2 * np.pi))
    along = columns * np.cos(angle) + rows * np.sin(angle)
    edge = float(np.quantile(along, 1 - 0.45 * strength)) if strength else np.inf
    grid_rows, grid_columns = np.mgrid[: alpha.shape[0], : alpha.shape[1]]
    return np.where(grid_columns * np.cos(angle) + grid_rows * np.sin(angle) > edge, np.float32(0), alpha)


def jagged(alpha: Alpha, strength: float, dice: np.random.Generator) -> Alpha:
    """A border that wanders further and further from its place."""
    height, width = alpha.shape
    reach = 0.03 * strength * max(height, width)
    grains = (max(2, round(height / 12)), max(2, round(width / 12)))
    shifts = [
        cv2.resize(dice.normal(0, 1, grains).astype(np.float32), (width, height), interpolation=cv2.INTER_CUBIC) * reach
        for _ in range(2)
    ]
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    moved = cv2.remap(alpha, columns + shifts[0], rows + shifts[1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved, dtype=np.float32)


def blurred(alpha: Alpha, strength: float, dice: np.random.Generator) -> Alpha:
    """A border that is softer and softer."""
    del dice
    if not strength:
        return alpha
    return np.asarray(cv2.GaussianBlur(alpha, (0, 0), 0.02 * strength * max(alpha.shape)), dtype=np.float32)


SPOILS: Mapping[str, tuple[Spoil, str]] = {
    "islands": (islands, "pixel_residue"),
    "haze": (haze, "pixel_residue"),
    "halo": (halo, "edge_cleanliness"),
    "jagged": (jagged, "edge_cleanliness"),
    "blurred": (blurred, "edge_cleanliness"),
    "holes": (holes, "completeness"),
    "cut_limb": (cut_limb, "completeness"),
}
"""Each fault, and the measure that must notice it."""


def spoilt_truth(photo: Labelled) -> dict[str, bool]:
    """For each fault whether its own measure falls overall and never rises (beyond rounding) as the fault grows."""
    cv2.setNumThreads(1)
    scene, truth = look_at(photo.photo()), photo.truth()
    truth = np.asarray(cv2.resize(truth, (scene.rim_width, scene.rim_height), interpolation=cv2.INTER_AREA))
    seen = {}
    for name, (spoil, own) in SPOILS.items():
        values = []
        for strength in STRENGTHS:
            dice = np.random.default_rng(list(photo.name.encode()))  # the same places at every strength
            values.append(float(getattr(measure(read_signs(scene, spoil(truth, strength, dice))), own)))
        falls = all(later <= earlier + ROUNDING for earlier, later in itertools.pairwise(values))
        seen[name] = falls and values[-1] < values[0]
    return seen


def report_faults(photos: list[Labelled]) -> None:
    with ProcessPoolExecutor() as pool:
        seen = list(pool.map(spoilt_truth, photos, chunksize=4))
    print("\ntrue mattes spoilt in growing strength: photos in which the fault's own measure only falls")
    for name, (_, own) in SPOILS.items():
        print(f"  {name:10} {own:17} {np.mean([row[name] for row in seen]):.3f}")
