"""No promise is shown as more than it is."""

import pytest

from daemon.jobs import Limits
from daemon.words.catalogue import words_in
from daemon.words.promise_texts import promise_text, promises_text

GERMAN, ENGLISH = words_in("de"), words_in("en")


def test_a_promise_just_below_its_limit_does_not_look_like_it() -> None:
    assert promise_text(0.9296, ENGLISH, 0.93, 0.75) == "0.929"
    assert promise_text(0.7499, ENGLISH, 0.93, 0.75) == "0.749"
    assert promise_text(0.93, ENGLISH, 0.93) == "0.93"


def test_a_fine_limit_is_not_crossed_either() -> None:
    assert promise_text(0.9296, ENGLISH, 0.9295) == "0.9296"
    assert promise_text(0.9294, ENGLISH, 0.9295) == "0.929"


@pytest.mark.parametrize("steps", range(0, 10_001, 7))
def test_what_is_said_is_never_more_than_the_promise_and_on_the_same_side_of_any_limit(steps: int) -> None:
    promise = steps / 10_000
    for limit in (0.93, 0.75, 0.9, 0.8765, 0.5, 1.0, 0.0, promise):
        said = float(promise_text(promise, ENGLISH, limit))
        assert said <= promise < said + 0.01
        assert (said >= limit) == (promise >= limit)


def test_both_promises_are_said_in_the_reader_s_language() -> None:
    limits = Limits(0.93, 0.75, 0.9, 0.7)

    assert promises_text(0.965, 0.8126, limits, ENGLISH) == "0.965, rim 0.812"
    assert promises_text(0.965, 0.8126, limits, GERMAN) == "0,965, Rand 0,812"
    assert promises_text(0.965, None, None, ENGLISH) == "0.965"
