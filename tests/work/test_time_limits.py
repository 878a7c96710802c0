"""Time limits of many calls in one thread."""

import threading

import pytest

from daemon.work.time_limits import TimeLimits

NEVER = 600.0  # longer than every test
WIDE = 60.0  # for what comes soon on an idle machine


def test_a_block_that_takes_too_long_is_told_while_it_still_runs() -> None:
    late = threading.Event()
    with TimeLimits().limit(0.01, late.set):
        assert late.wait(WIDE)


def test_a_short_limit_need_not_wait_for_a_long_one_that_came_before() -> None:
    limits, late, never = TimeLimits(), threading.Event(), threading.Event()
    with limits.limit(NEVER, never.set), limits.limit(0.01, late.set):
        assert late.wait(WIDE)
    assert not never.is_set()


def test_nothing_is_told_of_a_block_that_has_ended_in_time() -> None:
    limits, late, other = TimeLimits(), threading.Event(), threading.Event()
    with limits.limit(0.2, late.set):
        pass
    with limits.limit(0.4, other.set):  # falls due after it
        assert other.wait(WIDE)
    assert not late.is_set()


def test_a_block_that_raises_has_ended_too() -> None:
    limits, late, other = TimeLimits(), threading.Event(), threading.Event()
    with pytest.raises(KeyError), limits.limit(0.2, late.set):
        raise KeyError
    with limits.limit(0.4, other.set):
        assert other.wait(WIDE)
    assert not late.is_set()


def test_one_thread_watches_all_blocks() -> None:
    limits, before = TimeLimits(), threading.active_count()
    with limits.limit(NEVER, lambda: None), limits.limit(NEVER, lambda: None), limits.limit(NEVER, lambda: None):
        assert threading.active_count() == before + 1


def test_an_error_while_one_is_told_leaves_the_others_their_limits() -> None:
    def broken() -> None:
        raise ValueError("process object is closed")

    limits, late = TimeLimits(), threading.Event()
    with limits.limit(0.01, broken), limits.limit(0.05, late.set):
        assert late.wait(WIDE)
