"""Each measure falls as its own fault grows."""

import itertools
from collections.abc import Callable

import cv2
import numpy as np
import pytest

from daemon.arrays import Alpha
from daemon.jobs import Measures
from daemon.judgement.measures import measure
from daemon.judgement.scene import look_at
from daemon.judgement.signs import read_signs
from tests.judgement.pictures import blurred, photo_and_truth, with_disc

STRENGTHS = (0.0, 0.25, 0.5, 0.75, 1.0)


def islands(alpha: Alpha, strength: float) -> Alpha:
    return with_disc(alpha, (0.1, 0.15), 0.12 * strength, 1.0) if strength else alpha


def haze(alpha: Alpha, strength: float) -> Alpha:
    return np.maximum(alpha, np.float32(0.45 * strength))


def halo(alpha: Alpha, strength: float) -> Alpha:
    side = 2 * round(10 * strength) + 1
    wider = np.asarray(cv2.dilate(alpha, np.ones((side, side), np.uint8)), dtype=np.float32)
    return np.asarray(np.maximum(alpha, np.float32(0.45) * wider), dtype=np.float32)


def soft(alpha: Alpha, strength: float) -> Alpha:
    return blurred(alpha, 5 * strength) if strength else alpha


def jagged(alpha: Alpha, strength: float) -> Alpha:
    rows, columns = np.mgrid[: alpha.shape[0], : alpha.shape[1]].astype(np.float32)
    waves = np.float32(8 * strength) * np.sin(rows * np.float32(1.3))
    return np.asarray(cv2.remap(alpha, columns + waves, rows, cv2.INTER_LINEAR), dtype=np.float32)


def holes(alpha: Alpha, strength: float) -> Alpha:
    return with_disc(alpha, (0.5, 0.45), 0.14 * strength, 0.0) if strength else alpha


def cut(alpha: Alpha, strength: float) -> Alpha:
    spoilt = alpha.copy()
    spoilt[:, round(alpha.shape[1] * (0.83 - 0.35 * strength)) :] = 0
    return spoilt if strength else alpha


@pytest.mark.parametrize(
    ("fault", "own"),
    [
        (islands, lambda measures: measures.pixel_residue),
        (haze, lambda measures: measures.pixel_residue),
        (halo, lambda measures: measures.edge_cleanliness),
        (soft, lambda measures: measures.edge_cleanliness),
        (jagged, lambda measures: measures.edge_cleanliness),
        (holes, lambda measures: measures.completeness),
        (cut, lambda measures: measures.completeness),
    ],
)
def test_a_measure_falls_as_its_own_fault_grows(
    fault: Callable[[Alpha, float], Alpha], own: Callable[[Measures], float]
) -> None:
    rgb, truth = photo_and_truth()
    scene = look_at(rgb)

    noticed = [own(measure(read_signs(scene, fault(truth, strength)))) for strength in STRENGTHS]

    assert all(later < earlier for earlier, later in itertools.pairwise(noticed)), noticed
    assert noticed[-1] < 0.9 * noticed[0]


def test_specks_say_nothing_of_the_outline() -> None:
    rgb, truth = photo_and_truth()
    scene = look_at(rgb)
    specked = truth.copy()
    specked[10:230:20, 10:60:20] = 1
    specked[110:130:4, 150:170:4] = 0

    clean, seen = read_signs(scene, truth), read_signs(scene, specked)

    assert (seen.ragged, seen.thin, seen.frayed) == pytest.approx((clean.ragged, clean.thin, clean.frayed), abs=1e-6)
    assert seen.stray > clean.stray
    assert seen.holes > clean.holes
