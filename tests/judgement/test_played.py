from collections.abc import Mapping

import pytest

from benchmarks.played import measured
from daemon.arrays import Alpha
from daemon.judgement.finish_search import FinishedAlpha, best_finish, verdict_now
from daemon.judgement.grading import Thresholds
from daemon.judgement.scene import look_at
from daemon.judgement.score import shipped_table
from daemon.settings import GradingSettings
from tests.judgement.pictures import blurred, photo_and_truth, with_disc

NAMES = ("u2netp", "isnet", "u2netp_flip")


def test_a_played_loop_scores_as_the_program_does() -> None:
    rgb, truth = photo_and_truth()
    scene = look_at(rgb)
    doubtful = blurred(with_disc(blurred(truth, 1.5), (0.12, 0.2), 0.12, 0.6), 1.5)
    alphas: Mapping[str, Alpha] = dict(zip(NAMES, (doubtful, blurred(truth, 1.5), blurred(truth, 2.5)), strict=True))
    thresholds = Thresholds(GradingSettings().sehr_gut, GradingSettings().gut)
    found: dict[int, FinishedAlpha] = {}
    for number, name in enumerate(NAMES, 1):
        earlier = {other: alphas[NAMES[other - 1]] for other in range(1, number)}
        found[number] = best_finish(scene, alphas[name], thresholds, earlier)
    expected = [
        verdict_now(
            scene,
            alphas[name],
            found[number],
            thresholds,
            {other: alphas[NAMES[other - 1]] for other in range(1, 4) if other != number},
        ).score
        for number, name in enumerate(NAMES, 1)
    ]

    state = measured("drawn", "drawn", scene, alphas, truth, [NAMES]).after(NAMES, shipped_table())

    assert [each.verdict.score for each in state.attempts if each.verdict] == pytest.approx(expected, abs=2e-3)
    assert state.score == max(each.verdict.score for each in state.attempts if each.verdict)
    assert state.iou > 0.9
