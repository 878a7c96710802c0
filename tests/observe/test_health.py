"""Alive and ready: two questions with two answers."""

import pytest

from daemon.observe.health import Health


class Clock:
    """Seconds that pass only when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def health(clock: Clock) -> Health:
    return Health(clock, stale_seconds=30.0)


def part(answer: tuple[bool, object], name: str) -> object:
    body = answer[1]
    assert isinstance(body, dict)
    return body["parts"][name]


def test_loops_that_turned_lately_are_alive(health: Health, clock: Clock) -> None:
    health.report("watcher", True)
    health.report("dispatcher", True)
    clock.now += 30

    assert health.alive()[0]


def test_one_loop_that_stands_still_is_not_alive(health: Health, clock: Clock) -> None:
    health.report("watcher", True)
    clock.now += 31
    health.report("dispatcher", True)

    answer = health.alive()

    assert not answer[0]
    assert part(answer, "watcher") == {"ok": False, "detail": "", "age_seconds": 31.0}
    assert part(answer, "dispatcher") == {"ok": True, "detail": "", "age_seconds": 0.0}


def test_a_start_has_time_before_its_loops_must_turn(health: Health, clock: Clock) -> None:
    clock.now += 30
    assert health.alive()[0]
    clock.now += 1
    assert not health.alive()[0]


def test_a_loop_that_says_it_is_broken_is_not_alive(health: Health) -> None:
    health.report("watcher", True)
    health.report("dispatcher", False, "the journal cannot be opened")

    assert not health.alive()[0]


def test_nothing_is_ready_before_it_says_so(health: Health) -> None:
    health.report("root", True)
    health.report("recovery", True)

    answer = health.ready()

    assert not answer[0]
    assert part(answer, "engine") == {"ok": False, "detail": "has not reported yet", "age_seconds": None}


def test_ready_needs_root_engine_recovery_and_journal(health: Health) -> None:
    for name in ("root", "engine", "recovery", "journal"):
        assert not health.ready()[0]
        health.report(name, True)

    assert health.ready()[0]


def test_an_absent_engine_is_not_ready_but_alive(health: Health) -> None:
    for name in ("watcher", "dispatcher", "root", "recovery"):
        health.report(name, True)
    health.report("engine", False, "http://gpu1:8188: connection refused")

    assert health.alive()[0]
    assert not health.ready()[0]
    assert part(health.ready(), "engine") == {
        "ok": False,
        "detail": "http://gpu1:8188: connection refused",
        "age_seconds": 0.0,
    }


def test_another_part_is_shown_and_decides_nothing(health: Health) -> None:
    for name in ("root", "engine", "recovery", "journal"):
        health.report(name, True)
    health.report("feedback", False, "off")

    answer = health.ready()

    assert answer[0]
    assert part(answer, "feedback") == {"ok": False, "detail": "off", "age_seconds": 0.0}
