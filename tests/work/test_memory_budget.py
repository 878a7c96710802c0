"""The bound on memory in work."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from daemon.errors import EngineAway
from daemon.work.memory_budget import MUCH_BYTES, MemoryBudget


def test_what_does_not_fit_waits_until_something_is_given_back() -> None:
    budget = MemoryBudget(100)
    entered = threading.Event()

    def second() -> None:
        with budget.held(50):
            entered.set()

    with ThreadPoolExecutor(1) as executor:
        with budget.held(60):
            waiting = executor.submit(second)
            assert not entered.wait(0.05)
        waiting.result(10)

    assert budget.used == 0


def test_what_is_larger_than_all_of_it_goes_alone() -> None:
    budget = MemoryBudget(100)

    with budget.held(500):
        assert budget.used == 500


def test_small_ones_that_come_later_do_not_keep_a_big_one_out() -> None:
    budget = MemoryBudget(100)
    order: list[str] = []
    big_waits = threading.Event()

    def big() -> None:
        big_waits.set()
        with budget.held(100):
            order.append("big")

    def small() -> None:
        with budget.held(1):
            order.append("small")

    with ThreadPoolExecutor(2) as executor:
        with budget.held(50):
            first = executor.submit(big)
            big_waits.wait(10)
            while not budget._waiting:
                pass
            second = executor.submit(small)
            while len(budget._waiting) < 2:
                pass
        first.result(10)
        second.result(10)

    assert order == ["big", "small"]


def test_it_is_given_back_after_an_error() -> None:
    budget = MemoryBudget(100)
    try:
        with budget.held(100):
            raise ValueError
    except ValueError:
        pass

    assert budget.used == 0


def test_it_is_crowded_while_much_is_in_work() -> None:
    budget = MemoryBudget(10 * MUCH_BYTES)
    seen: list[bool] = []

    with budget.held(MUCH_BYTES - 1):
        seen.append(budget.crowded)
        with budget.held(1):
            seen.append(budget.crowded)
    seen.append(budget.crowded)

    assert seen == [False, True, False]


def test_a_photo_that_waits_for_memory_hears_that_the_program_stops() -> None:
    budget = MemoryBudget(100)

    with budget.held(60):
        with pytest.raises(EngineAway), budget.held(50, stopping=lambda: True):
            pass
        with budget.held(40):  # nobody waits before it any more
            assert budget.used == 100

    assert budget.used == 0
