import numpy as np
import pytest

from daemon.judgement.disagreement import measure_disagreement
from daemon.judgement.scene import look_at
from tests.judgement.pictures import blurred, photo_and_truth, with_disc


def test_nobody_to_hold_against_is_no_disagreement() -> None:
    rgb, truth = photo_and_truth()
    assert measure_disagreement(look_at(rgb), truth, []) is None


def test_a_piece_that_only_the_other_has_is_more_and_one_that_only_this_has_is_less() -> None:
    rgb, truth = photo_and_truth()
    scene, larger = look_at(rgb), with_disc(truth, (0.12, 0.2), 0.12, 1.0)
    lacks, has = measure_disagreement(scene, truth, [larger]), measure_disagreement(scene, larger, [truth])
    assert lacks
    assert has
    assert lacks.more > 0.05
    assert lacks.less == 0
    assert has.less > 0.03
    assert has.more == 0


def test_borders_that_lie_a_little_apart_are_no_pieces() -> None:
    rgb, truth = photo_and_truth()
    disagreement = measure_disagreement(look_at(rgb), truth, [blurred(truth, 1.5), np.roll(truth, 1, axis=1)])
    assert disagreement
    assert (disagreement.more, disagreement.less) == (0, 0)
    assert disagreement.mean > 0


def test_what_one_of_two_others_has_counts_half() -> None:
    rgb, truth = photo_and_truth()
    scene, larger = look_at(rgb), with_disc(truth, (0.12, 0.2), 0.12, 1.0)
    one, two = measure_disagreement(scene, truth, [larger]), measure_disagreement(scene, truth, [larger, truth])
    assert one
    assert two
    assert two.more == pytest.approx(one.more / 2)
    assert two.worst == pytest.approx(one.worst)
