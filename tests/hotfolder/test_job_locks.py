"""Locks of jobs: one thread at a time per job, no growth, and a try that never waits."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from daemon.hotfolder.job_locks import JobLocks

LIMIT_SECONDS = 90.0  # only a broken lock takes so long


def tries(locks: JobLocks, job_id: str) -> bool:
    with locks.trying(job_id) as is_ours:
        return is_ours


def in_another_thread(locks: JobLocks, job_id: str) -> bool:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(tries, locks, job_id).result(LIMIT_SECONDS)


def test_a_try_fails_at_once_while_another_thread_holds_the_lock() -> None:
    locks = JobLocks()

    with locks.held("a"):
        assert not in_another_thread(locks, "a")
        assert in_another_thread(locks, "b")
    assert in_another_thread(locks, "a")


def test_a_failed_try_does_not_release_what_another_thread_holds() -> None:
    locks = JobLocks()

    with locks.held("a"):
        assert not in_another_thread(locks, "a")
        assert not in_another_thread(locks, "a")


def test_a_successful_try_keeps_others_out() -> None:
    locks = JobLocks()

    with locks.trying("a") as is_ours:
        assert is_ours
        assert not in_another_thread(locks, "a")


def test_a_thread_may_take_its_own_lock_again() -> None:
    locks = JobLocks()

    with locks.held("a"), locks.held("a"), locks.trying("a") as is_ours:
        assert is_ours
    assert in_another_thread(locks, "a")


def test_a_lock_taken_twice_is_held_until_both_let_go() -> None:
    locks = JobLocks()

    with locks.held("a"):
        with locks.held("a"):
            pass
        assert not in_another_thread(locks, "a")


def test_an_error_releases_the_lock() -> None:
    locks = JobLocks()

    with pytest.raises(ZeroDivisionError), locks.held("a"):
        raise ZeroDivisionError
    with pytest.raises(ZeroDivisionError), locks.trying("a"):
        raise ZeroDivisionError
    assert in_another_thread(locks, "a")
    assert len(locks) == 0


def test_who_waits_gets_the_lock_when_the_holder_lets_go() -> None:
    locks, order, waiting = JobLocks(), [], threading.Event()

    def wait_for_it() -> None:
        waiting.set()
        with locks.held("a"):
            order.append("second")

    with ThreadPoolExecutor(1) as pool:
        with locks.held("a"):
            second = pool.submit(wait_for_it)
            assert waiting.wait(LIMIT_SECONDS)
            order.append("first")
        second.result(LIMIT_SECONDS)
    assert order == ["first", "second"]


def test_no_lock_outlives_its_use_over_a_hundred_thousand_jobs() -> None:
    locks = JobLocks()

    for number in range(50_000):
        with locks.held(f"held-{number}"):
            pass
        with locks.trying(f"tried-{number}"):
            pass
    assert len(locks) == 0


def test_a_lock_exists_while_it_is_held() -> None:
    locks = JobLocks()

    with locks.held("a"), locks.held("b"), locks.held("b"):
        assert len(locks) == 2


def test_many_threads_never_share_a_lock() -> None:
    locks = JobLocks()
    counts = dict.fromkeys("abc", 0)

    def count_up(turn: int) -> None:
        job_id = "abc"[turn % 3]
        with locks.held(job_id):
            seen = counts[job_id]
            for _ in range(20):
                counts[job_id] = seen + 1

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(count_up, range(6_000), timeout=LIMIT_SECONDS))
    assert counts == dict.fromkeys("abc", 2_000)
    assert len(locks) == 0


def test_tries_and_waits_mixed_never_share_a_lock() -> None:
    locks, inside, most = JobLocks(), [0], [0]

    def enter() -> bool:
        inside[0] += 1
        most[0] = max(most[0], inside[0])
        inside[0] -= 1
        return True

    def turn(number: int) -> bool:
        if number % 2:
            with locks.held("a"):
                return enter()
        with locks.trying("a") as is_ours:
            return is_ours and enter()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(turn, range(4_000), timeout=LIMIT_SECONDS))
    assert most == [1]
    assert len(locks) == 0
