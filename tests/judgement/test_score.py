"""Which card a score is read from: grey or crisp, alone, beside other alphas, beside a witness."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from daemon.arrays import Alpha
from daemon.judgement.disagreement import Disagreement, measure_disagreement
from daemon.judgement.scene import look_at
from daemon.judgement.score import CardSet, ScoreTable, shipped_table
from daemon.judgement.signs import Signs, read_signs
from tests.judgement.pictures import blurred, photo_and_truth

RGB, TRUTH = photo_and_truth(480, 640)
SCENE = look_at(RGB)
CRISP = (TRUTH >= 0.5).astype(np.float32)
GREY = blurred(TRUTH, 2.5)
APART = Disagreement(mean=0.1, worst=0.1, unsure=0.1, more=0.02, less=0.02)


def signs_of(alpha: Alpha) -> Signs:
    return read_signs(SCENE, alpha)


def apart(alpha: Alpha, witness: Alpha) -> Disagreement:
    found = measure_disagreement(SCENE, alpha, [witness])
    assert found is not None
    return found


def names_of(table: ScoreTable, alpha: Alpha, *beside: Disagreement | None) -> list[tuple[str, float]]:
    """The cards that count for an alpha, and their weights."""
    kinds: dict[str, CardSet] = {"grey": table.grey, "crisp": table.crisp}
    names = {
        id(getattr(cards, name)): f"{kind} {name}"
        for kind, cards in kinds.items()
        for name in ("alone", "beside_others", "beside_witness")
    }
    return [(names[id(used.card)], used.weight) for used in table.cards(signs_of(alpha), *beside)]


@pytest.mark.parametrize(("alpha", "kind"), [(CRISP, "crisp"), (GREY, "grey")])
def test_each_kind_of_alpha_has_cards_of_its_own_for_what_stands_beside_it(alpha: Alpha, kind: str) -> None:
    table = shipped_table()

    assert names_of(table, alpha) == [(f"{kind} alone", 1.0)]
    assert names_of(table, alpha, APART) == [(f"{kind} beside_others", 1.0)]
    assert names_of(table, alpha, None, APART) == [(f"{kind} beside_witness", 1.0)]
    assert names_of(table, alpha, APART, APART) == [(f"{kind} beside_others", 0.5), (f"{kind} beside_witness", 0.5)]


def test_a_mask_in_black_and_white_of_few_pixels_counts_as_crisp() -> None:
    few = (cv2.resize(TRUTH, (320, 240), interpolation=cv2.INTER_AREA) >= 0.5).astype(np.float32)

    assert names_of(shipped_table(), few) == [("crisp alone", 1.0)]


def test_between_crisp_and_grey_the_weights_still_add_up_to_one() -> None:
    between = replace(signs_of(GREY), soft_rim=0.6)

    used = shipped_table().cards(between, APART, APART)

    assert len(used) == 4
    assert sum(each.weight for each in used) == pytest.approx(1)


@pytest.mark.parametrize("alpha", [CRISP, GREY])
def test_the_further_a_witness_differs_the_lower_is_the_score(alpha: Alpha) -> None:
    signs, table = signs_of(alpha), shipped_table()
    witnesses = [TRUTH]
    for left in (0.5, 0.4, 0.3):  # it sees ever less of the subject
        partly = TRUTH.copy()
        partly[:, : round((1 - left) * TRUTH.shape[1])] = 0
        witnesses.append(partly)

    scores = [table.score(signs, None, apart(alpha, witness)) for witness in witnesses]

    assert scores == sorted(scores, reverse=True)
    assert scores[0] > scores[-1] + 0.1
    assert scores[-1] < table.score(signs)


@pytest.mark.parametrize("alpha", [CRISP, GREY])
def test_that_there_is_a_witness_raises_no_score(alpha: Alpha) -> None:
    """Beside a witness that differs as witnesses usually do, a good alpha is promised no more than without one."""
    signs, table = signs_of(alpha), shipped_table()
    usual = Disagreement(mean=0.1, worst=0.1, unsure=0.08, more=0.0, less=0.0)

    assert table.score(signs, None, usual) <= table.score(signs) + 0.01
