import numpy as np

from daemon.jobs import Grade, Reason, Verdict
from daemon.judgement.grading import Thresholds, judge
from daemon.judgement.spots import MOST_SPOTS, spots_of
from tests.judgement.pictures import blurred, photo_and_truth, with_disc

THRESHOLDS = Thresholds(0.999, 0.998)


def drawn(*boxes: tuple[int, int, int, int]) -> np.ndarray:
    """A mask of 100 x 200 pixels. boxes: left, top, right, bottom."""
    mask = np.zeros((100, 200), np.bool_)
    for left, top, right, bottom in boxes:
        mask[top:bottom, left:right] = True
    return mask


def test_each_part_of_a_mask_is_a_spot_the_largest_first() -> None:
    small, large = spots_of(drawn((10, 10, 20, 20), (100, 50, 140, 90)))[::-1]

    assert (large.left, large.top, large.right, large.bottom) == (0.5, 0.5, 0.7, 0.9)
    assert (small.left, small.top, small.right, small.bottom) == (0.05, 0.1, 0.1, 0.2)


def test_the_point_of_a_spot_lies_on_the_fault_even_in_a_ring() -> None:
    ring = drawn((40, 20, 120, 80))
    ring[30:70, 48:112] = False

    (spot,) = spots_of(ring)

    assert ring[int(spot.y * 100), int(spot.x * 200)]


def test_the_point_of_a_spot_lies_on_a_single_pixel_in_a_corner() -> None:
    corner = drawn((199, 99, 200, 100))

    (spot,) = spots_of(corner)

    assert (int(spot.x * 200), int(spot.y * 100)) == (199, 99)


def test_a_cloud_of_specks_is_one_spot() -> None:
    assert len(spots_of(drawn(*((x, y, x + 1, y + 1) for x in range(20, 60, 3) for y in range(20, 50, 3))))) == 1


def test_a_picture_full_of_spots_names_only_the_largest() -> None:
    boxes = [(x, y, x + 6, y + 6) for x in range(0, 190, 20) for y in range(0, 90, 20)]

    assert len(spots_of(drawn(*boxes))) == MOST_SPOTS


def test_a_speck_beside_a_large_fault_is_no_spot() -> None:
    assert len(spots_of(drawn((0, 0, 60, 60), (150, 80, 152, 82)))) == 1


def test_an_empty_mask_has_no_spot() -> None:
    assert spots_of(drawn()) == ()


def codes(verdict: Verdict) -> list[str]:
    return [reason.code for reason in verdict.reasons if isinstance(reason, Reason)]


def test_remains_of_background_are_boxed_where_they_are() -> None:
    rgb, truth = photo_and_truth()
    alpha = with_disc(with_disc(truth, (0.12, 0.15), 0.1, 0.4), (0.9, 0.9), 0.05, 0.4)

    verdict = judge(rgb, alpha, THRESHOLDS)

    at = next(n for n, code in enumerate(codes(verdict)) if code == "residue")
    first, second = verdict.spots[at]
    assert abs(first.left - (0.12 - 0.075)) < 0.02  # a radius of a tenth of the height is 0.075 of the width
    assert abs(first.bottom - 0.25) < 0.02
    assert abs(second.x - 0.9) < 0.03


def test_spots_stand_beside_their_reasons_also_where_the_first_reason_praises() -> None:
    rgb, truth = photo_and_truth()

    verdict = judge(rgb, with_disc(truth, (0.12, 0.15), 0.1, 0.5), Thresholds(0.0, 0.0))

    assert verdict.grade is Grade.SEHR_GUT
    assert len(verdict.spots) == len(verdict.reasons)
    assert [bool(spots) for spots in verdict.spots] == [code != "good" for code in codes(verdict)]


def test_a_soft_border_is_boxed_where_it_is_soft() -> None:
    rgb, truth = photo_and_truth(480, 640)
    alpha = truth.copy()
    alpha[:, :320] = blurred(truth, 24)[:, :320]

    verdict = judge(rgb, alpha, THRESHOLDS)

    at = next(n for n, code in enumerate(codes(verdict)) if code == "soft_rim")
    assert verdict.spots[at]
    assert all(spot.right <= 0.55 for spot in verdict.spots[at])


def test_a_photo_without_a_fault_in_a_place_has_no_spots() -> None:
    rgb, truth = photo_and_truth()

    assert judge(rgb, truth, THRESHOLDS).spots == ()
