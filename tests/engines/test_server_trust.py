"""How far a server is trusted: breaker, pauses and load, with time set by hand."""

import pytest

from daemon.engines.comfyui.error_mapping import NodeFailed
from daemon.engines.comfyui.server_trust import FAILURES_IN_A_ROW, LONGEST_PAUSE, USUAL_SECONDS, Breaker, Standing
from daemon.errors import BadPhoto, EngineAway, EngineFull, EngineMisconfigured, RecipeRefused


@pytest.fixture
def standing() -> Standing:
    return Standing(slots=2, pause_seconds=10.0)


def test_a_server_takes_as_many_as_it_has_slots(standing: Standing) -> None:
    assert standing.free()
    standing.take("BEN", 0.0)
    assert standing.free()
    standing.take("BEN", 0.0)
    assert not standing.free()
    standing.let_go()
    assert standing.free()


def test_an_absence_opens_the_breaker_a_probe_half_opens_it_an_answer_closes_it(standing: Standing) -> None:
    standing.failed("BEN", EngineAway("gone"), 0.0)
    assert (standing.breaker, standing.up) == (Breaker.OPEN, False)
    assert not standing.trusted("BEN", 0.0)

    standing.probed()
    assert (standing.breaker, standing.up) == (Breaker.HALF_OPEN, True)
    standing.take("BEN", 1.0)
    assert not standing.free()  # one at a time, for a trial

    standing.answered("BEN", 0.5)
    assert standing.breaker is Breaker.CLOSED
    assert standing.free()
    assert standing.remarks == ""


def test_a_failed_trial_opens_the_breaker_again(standing: Standing) -> None:
    standing.away(EngineAway("gone"))
    standing.probed()
    standing.take("BEN", 1.0)

    standing.failed("BEN", EngineAway("still stuck"), 2.0)

    assert standing.breaker is Breaker.OPEN
    assert standing.remarks == "still stuck"


@pytest.mark.parametrize("error", [EngineFull("full"), RecipeRefused("no"), BadPhoto("bad")])
def test_an_answer_of_no_closes_the_breaker_too(
    standing: Standing, error: EngineFull | RecipeRefused | BadPhoto
) -> None:
    standing.away(EngineAway("gone"))
    standing.probed()

    assert standing.failed("BEN", error, 0.0) is error

    assert standing.breaker is Breaker.CLOSED


def test_a_probe_of_a_server_that_was_never_away_changes_nothing(standing: Standing) -> None:
    standing.answered("BEN", 1.0)

    standing.probed()

    assert standing.breaker is Breaker.CLOSED
    assert standing.warm == {"BEN"}


def test_a_server_that_was_away_has_loaded_nothing(standing: Standing) -> None:
    standing.answered("BEN", 1.0)
    standing.away(EngineAway("gone"))

    standing.probed()

    assert standing.warm == set()


def test_a_missing_model_is_paused_for_longer_and_longer(standing: Standing) -> None:
    now, pauses = 0.0, []
    for _ in range(8):
        standing.failed("BEN", EngineMisconfigured("no BEN"), now)
        until = standing.paused["BEN"].until
        assert not standing.trusted("BEN", until - 0.01)
        assert standing.trusted("BEN", until)
        pauses.append(until - now)
        now = until

    assert pauses == [10.0, 20.0, 40.0, 80.0, 160.0, 320.0, 320.0, 320.0]
    assert max(pauses) == 10.0 * LONGEST_PAUSE


def test_a_pause_is_of_one_model_only(standing: Standing) -> None:
    standing.take("BEN", 0.0)
    standing.failed("BEN", EngineMisconfigured("no BEN"), 0.0)

    assert standing.trusted("BEN2", 0.0)
    assert standing.remarks == "no BEN"


def test_a_server_is_up_as_long_as_something_that_was_asked_of_it_works(standing: Standing) -> None:
    standing.take("BEN", 0.0)
    standing.failed("BEN", EngineMisconfigured("no BEN"), 0.0)
    before = standing.up

    standing.take("BEN2", 0.0)

    assert (before, standing.up) == (False, True)


def test_while_a_trial_runs_nobody_else_tries(standing: Standing) -> None:
    standing.failed("BEN", EngineMisconfigured("no BEN"), 0.0)
    assert standing.trusted("BEN", 10.0)

    standing.take("BEN", 10.0)

    assert not standing.trusted("BEN", 10.0)


def test_a_success_ends_the_pause(standing: Standing) -> None:
    standing.failed("BEN", EngineMisconfigured("no BEN"), 0.0)

    standing.answered("BEN", 1.0)

    assert standing.trusted("BEN", 0.0)
    assert standing.remarks == ""


def test_failures_in_a_row_are_the_installations_and_a_success_in_between_says_otherwise(standing: Standing) -> None:
    for _ in range(FAILURES_IN_A_ROW - 1):
        assert isinstance(standing.failed("BEN", NodeFailed("odd"), 0.0), RecipeRefused)
    standing.answered("BEN", 1.0)
    for _ in range(FAILURES_IN_A_ROW - 1):
        assert isinstance(standing.failed("BEN", NodeFailed("odd"), 0.0), RecipeRefused)

    assert isinstance(standing.failed("BEN", NodeFailed("odd"), 0.0), EngineMisconfigured)


def test_a_server_that_holds_the_model_is_cheaper_until_it_is_too_busy(standing: Standing) -> None:
    warm, cold = standing, Standing(slots=2, pause_seconds=10.0)
    for each in (warm, cold, warm, cold):  # the first answer of each does not tell, for it loads
        each.answered("BEN", 2.0)
    cold.warm.clear()

    assert warm.cost("BEN", affinity_seconds=3.0) < cold.cost("BEN", affinity_seconds=3.0)
    for _ in range(3):
        warm.take("BEN", 0.0)
    assert warm.cost("BEN", affinity_seconds=3.0) > cold.cost("BEN", affinity_seconds=3.0)


def test_a_slow_server_is_dearer_than_a_quick_one(standing: Standing) -> None:
    quick = Standing(slots=2, pause_seconds=10.0)
    for _ in range(10):
        standing.answered("BEN", 8.0)
        quick.answered("BEN", 1.0)

    assert standing.cost("BEN", 0.0) > 4 * quick.cost("BEN", 0.0)  # an idle one takes its time, too
    quick.take("BEN", 0.0)
    assert standing.cost("BEN", 0.0) > 2 * quick.cost("BEN", 0.0)


def test_the_time_that_loading_took_says_nothing_of_the_next_photo(standing: Standing) -> None:
    standing.answered("BEN", 90.0)

    assert standing.cost("BEN", 0.0) == USUAL_SECONDS
