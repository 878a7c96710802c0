"""How far a server is trusted: breaker, models set aside and load, with time set by hand."""

import pytest

from daemon.engines.comfyui.error_mapping import NodeFailed
from daemon.engines.comfyui.server_trust import (
    FAILURES_IN_A_ROW,
    LONGEST_FACTOR,
    MOST_FAILED_PHOTOS,
    USUAL_SECONDS,
    Breaker,
    ServerTrust,
)
from daemon.errors import BadPhoto, EngineAway, EngineFull, EngineMisconfigured, FreistellerError, RecipeRefused


@pytest.fixture
def trust() -> ServerTrust:
    return ServerTrust(slots=2, set_aside_seconds=10.0)


def test_a_server_takes_as_many_as_it_has_slots(trust: ServerTrust) -> None:
    assert trust.has_free_slot()
    trust.take_slot("BEN", 0.0)
    assert trust.has_free_slot()
    trust.take_slot("BEN", 0.0)
    assert not trust.has_free_slot()
    trust.free_slot()
    assert trust.has_free_slot()


def test_an_absence_opens_the_breaker_a_probe_half_opens_it_an_answer_closes_it(trust: ServerTrust) -> None:
    trust.record_failure("BEN", EngineAway("gone"), 0.0)
    assert (trust.breaker, trust.up) == (Breaker.OPEN, False)
    assert not trust.accepts_photo("BEN", 0.0)

    trust.record_probe()
    assert (trust.breaker, trust.up) == (Breaker.HALF_OPEN, True)
    trust.take_slot("BEN", 1.0)
    assert not trust.has_free_slot()  # on trial it takes one photo at a time

    trust.record_answer("BEN", 0.5)
    assert trust.breaker is Breaker.CLOSED
    assert trust.has_free_slot()
    assert trust.message == ""


def test_a_failed_trial_opens_the_breaker_again(trust: ServerTrust) -> None:
    trust.record_absence(EngineAway("gone"))
    trust.record_probe()
    trust.take_slot("BEN", 1.0)

    trust.record_failure("BEN", EngineAway("still stuck"), 2.0)

    assert trust.breaker is Breaker.OPEN
    assert trust.message == "still stuck"


@pytest.mark.parametrize("error", [EngineFull("full"), RecipeRefused("no"), BadPhoto("bad")])
def test_an_answer_of_no_closes_the_breaker_too(
    trust: ServerTrust, error: EngineFull | RecipeRefused | BadPhoto
) -> None:
    trust.record_absence(EngineAway("gone"))
    trust.record_probe()

    assert trust.record_failure("BEN", error, 0.0) is error

    assert trust.breaker is Breaker.CLOSED


def test_a_probe_of_a_server_that_was_never_away_changes_nothing(trust: ServerTrust) -> None:
    trust.record_answer("BEN", 1.0)

    trust.record_probe()

    assert trust.breaker is Breaker.CLOSED
    assert trust.warm == {"BEN"}


def test_a_server_that_was_away_has_loaded_nothing(trust: ServerTrust) -> None:
    trust.record_answer("BEN", 1.0)
    trust.record_absence(EngineAway("gone"))

    trust.record_probe()

    assert trust.warm == set()


def test_a_missing_model_is_set_aside_for_longer_and_longer(trust: ServerTrust) -> None:
    now, spans = 0.0, []
    for _ in range(8):
        trust.record_failure("BEN", EngineMisconfigured("no BEN"), now)
        until = trust.set_aside["BEN"].until
        assert not trust.accepts_photo("BEN", until - 0.01)
        assert trust.accepts_photo("BEN", until)
        spans.append(until - now)
        now = until

    assert spans == [10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 320.0, 320.0]
    assert max(spans) == 10.0 * LONGEST_FACTOR


def test_only_the_model_that_is_missing_is_set_aside(trust: ServerTrust) -> None:
    trust.take_slot("BEN", 0.0)
    trust.record_failure("BEN", EngineMisconfigured("no BEN"), 0.0)

    assert trust.accepts_photo("BEN2", 0.0)
    assert trust.message == "no BEN"


def test_a_server_is_up_as_long_as_something_that_was_asked_of_it_works(trust: ServerTrust) -> None:
    trust.take_slot("BEN", 0.0)
    trust.record_failure("BEN", EngineMisconfigured("no BEN"), 0.0)
    before = trust.up

    trust.take_slot("BEN2", 0.0)

    assert (before, trust.up) == (False, True)


def test_while_a_trial_runs_nobody_else_tries(trust: ServerTrust) -> None:
    trust.record_failure("BEN", EngineMisconfigured("no BEN"), 0.0)
    assert trust.accepts_photo("BEN", 10.0)

    trust.take_slot("BEN", 10.0)

    assert not trust.accepts_photo("BEN", 10.0)


def test_a_success_brings_the_model_back(trust: ServerTrust) -> None:
    trust.record_failure("BEN", EngineMisconfigured("no BEN"), 0.0)

    trust.record_answer("BEN", 1.0)

    assert trust.accepts_photo("BEN", 0.0)
    assert trust.message == ""


def fail_with(trust: ServerTrust, photos: range, now: float = 0.0) -> list[FreistellerError]:
    return [trust.record_failure("BEN", NodeFailed("odd"), now, f"photo {number}") for number in photos]


def test_failures_in_a_row_are_the_installations_and_a_success_in_between_says_otherwise(trust: ServerTrust) -> None:
    for _ in range(2):
        errors = fail_with(trust, range(FAILURES_IN_A_ROW - 1))
        assert all(isinstance(error, RecipeRefused) for error in errors)
        trust.record_answer("BEN", 1.0)

    *_, last = fail_with(trust, range(FAILURES_IN_A_ROW))

    assert isinstance(last, EngineMisconfigured)


def test_one_photo_that_fails_again_and_again_says_nothing_of_the_installation(trust: ServerTrust) -> None:
    for _ in range(3 * FAILURES_IN_A_ROW):
        (error,) = fail_with(trust, range(1))
        assert isinstance(error, RecipeRefused)

    assert trust.accepts_photo("BEN", 0.0, "another")


def test_a_model_set_aside_is_first_tried_with_a_photo_that_has_not_failed_on_it(trust: ServerTrust) -> None:
    fail_with(trust, range(FAILURES_IN_A_ROW))

    assert not trust.accepts_photo("BEN", 9.9, "another")
    assert trust.accepts_photo("BEN", 10.0, "another")
    assert not trust.accepts_photo("BEN", 19.9, "photo 0")
    assert trust.accepts_photo("BEN", 20.0, "photo 0")  # nobody else came
    assert trust.accepts_test_picture("BEN", 10.0)


def test_where_test_pictures_are_sent_one_of_them_is_the_trial(trust: ServerTrust) -> None:
    trust.tested = frozenset({"BEN"})
    trust.record_failure("BEN", EngineMisconfigured("no BEN"), 0.0)

    assert trust.accepts_test_picture("BEN", 10.0)
    assert not trust.accepts_photo("BEN", 19.9, "a photo")
    assert trust.accepts_photo("BEN", 20.0, "a photo")


def test_photos_that_failed_are_not_remembered_without_end(trust: ServerTrust) -> None:
    fail_with(trust, range(10 * MOST_FAILED_PHOTOS))

    assert len(trust._failures["BEN"]) == MOST_FAILED_PHOTOS


def test_a_server_that_holds_the_model_is_cheaper_until_it_is_too_busy(trust: ServerTrust) -> None:
    warm, cold = trust, ServerTrust(slots=2, set_aside_seconds=10.0)
    for each in (warm, cold, warm, cold):  # the first answer of each does not count, because it loads the model
        each.record_answer("BEN", 2.0)
    cold.warm.clear()

    assert warm.seconds_until_done("BEN", affinity_seconds=3.0) < cold.seconds_until_done("BEN", affinity_seconds=3.0)
    for _ in range(3):
        warm.take_slot("BEN", 0.0)
    assert warm.seconds_until_done("BEN", affinity_seconds=3.0) > cold.seconds_until_done("BEN", affinity_seconds=3.0)


def test_a_slow_server_is_dearer_than_a_quick_one(trust: ServerTrust) -> None:
    quick = ServerTrust(slots=2, set_aside_seconds=10.0)
    for _ in range(10):
        trust.record_answer("BEN", 8.0)
        quick.record_answer("BEN", 1.0)

    # A slow server takes its time even if it is idle.
    assert trust.seconds_until_done("BEN", 0.0) > 4 * quick.seconds_until_done("BEN", 0.0)
    quick.take_slot("BEN", 0.0)
    assert trust.seconds_until_done("BEN", 0.0) > 2 * quick.seconds_until_done("BEN", 0.0)


def test_the_time_that_loading_took_says_nothing_of_the_next_photo(trust: ServerTrust) -> None:
    trust.record_answer("BEN", 90.0)

    assert trust.seconds_until_done("BEN", 0.0) == USUAL_SECONDS
