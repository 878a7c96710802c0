"""Photos that fail or kill: they cost their neighbours nothing."""

import time
import uuid
from contextlib import ExitStack

import pytest

from daemon.engines.comfyui.comfyui_engine import ComfyUIEngine
from daemon.engines.comfyui.deaths import MOST_DEATHS, MOST_TICKETS, Deaths
from daemon.errors import EngineAway, EngineMisconfigured, FreistellerError, RecipeRefused
from tests.engines.comfyui_double import Double
from tests.engines.conformance import drawn_photo
from tests.engines.conftest import OpenEngine, connected
from tests.engines.cuts import RMBG, BackgroundCut

ODD_HEIGHTS = [50, 52, 54]
ODD = {"fail": "The size of tensor a must match", "fail_prompts": -1, "fail_heights": ODD_HEIGHTS}


def fail_at(engine: ComfyUIEngine, height: int) -> type[FreistellerError]:
    with pytest.raises(FreistellerError) as failure:
        engine.cut(uuid.uuid4(), drawn_photo(height), RMBG)
    return failure.type


def test_the_photo_that_set_a_model_aside_is_not_the_one_that_tries_it_again(
    double: Double, open_engine: OpenEngine
) -> None:
    double.set_faults(ODD)
    engine = open_engine(double, probe_seconds=3.0)
    for height in ODD_HEIGHTS:
        fail_at(engine, height)
    (entry,) = engine._servers.entries
    while not entry.trust.accepts_test_picture(RMBG.model, time.monotonic()):
        time.sleep(0.02)

    knocked = fail_at(engine, ODD_HEIGHTS[-1])
    answer = engine.cut(uuid.uuid4(), drawn_photo(), RMBG)

    assert knocked is EngineMisconfigured
    assert answer.alpha.max() > 0.9
    assert len(double.inferences) == len(ODD_HEIGHTS) + 1
    assert issubclass(fail_at(engine, ODD_HEIGHTS[-1]), RecipeRefused)  # the model works, so it is the photo
    assert engine.health()[0].set_aside == ()


def test_a_test_picture_tries_the_model_if_they_are_sent(double: Double, open_engine: OpenEngine) -> None:
    double.set_faults(ODD)
    engine = open_engine(double, canary_minutes=600.0, ladder=(RMBG.model,))
    assert double.wait_until(lambda: bool(engine.health()[0].canaries))
    for height in ODD_HEIGHTS:
        fail_at(engine, height)
    assert engine.health()[0].set_aside == (RMBG.model,)

    assert double.wait_until(lambda: engine.health()[0].set_aside == ())

    assert engine.cut(uuid.uuid4(), drawn_photo(), RMBG).alpha.max() > 0.9


def test_one_odd_photo_alone_sets_nothing_aside(double: Double, open_engine: OpenEngine) -> None:
    double.set_faults(ODD)
    engine = open_engine(double)

    assert all(issubclass(fail_at(engine, ODD_HEIGHTS[0]), RecipeRefused) for _ in range(5))
    assert engine.cut(uuid.uuid4(), drawn_photo(), RMBG).alpha.max() > 0.9


def die_while_it_works(engine: ComfyUIEngine, double: Double, ticket: uuid.UUID, shift: int = 0) -> FreistellerError:
    """The server dies in the middle of this ticket, and is started again."""
    double.set_faults({"die_in_prompt": 1})
    with pytest.raises(FreistellerError) as failure:
        engine.cut(ticket, drawn_photo(shift=shift), RMBG)
    double.set_faults({"die_in_prompt": 0})
    if double.down:
        double.revive()
    assert double.wait_for_socket()
    assert double.wait_until(lambda: engine.health()[0].up)
    return failure.value


def test_a_photo_that_takes_the_server_down_again_and_again_is_refused(double: Double, open_engine: OpenEngine) -> None:
    engine, ticket = open_engine(double), uuid.uuid4()

    errors = [die_while_it_works(engine, double, ticket) for _ in range(MOST_DEATHS)]
    with pytest.raises(RecipeRefused, match=r"went away 3 times while RMBG-2.0 worked on this photo"):
        engine.cut(ticket, drawn_photo(), RMBG)

    assert [type(error) is RecipeRefused for error in errors] == [False, False, True]
    assert all(isinstance(error, EngineAway) for error in errors[:-1])
    assert len(double.inferences) == MOST_DEATHS
    assert engine.cut(uuid.uuid4(), drawn_photo(shift=1), RMBG).alpha.max() > 0.9


def test_a_photo_that_takes_down_one_server_after_the_other_is_refused(
    double: Double, other: Double, open_engine: OpenEngine
) -> None:
    """On a busy machine a server may be gone before the engine has read that it is at work: that death is nobody's."""
    with ExitStack() as stack:
        servers = (double, other, *(stack.enter_context(Double()) for _ in range(MOST_DEATHS + 2)))
        for server in servers:
            server.set_faults({"die_in_prompt": 1})
        engine = open_engine(*servers)
        assert all(connected(entry.server._events) for entry in engine._servers.entries)

        with pytest.raises(RecipeRefused, match="went away"):
            engine.cut(uuid.uuid4(), drawn_photo(), RMBG)

        assert MOST_DEATHS <= sum(server.down for server in servers) < len(servers)


def test_a_server_that_is_started_again_at_once_is_counted_too(double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double, poll_seconds=0.1)
    double.set_faults({"hold": True})
    cut = BackgroundCut(engine)
    for death in range(1, MOST_DEATHS + 1):
        assert double.wait_until(lambda death=death: len(double.inferences) == death)  # type: ignore[misc]
        assert connected(engine._servers.entries[0].server._events)
        looks = double.asked("GET", "/queue")  # after two more, the engine has read that it is at work
        assert double.wait_until(lambda looks=looks: double.asked("GET", "/queue") >= looks + 2)  # type: ignore[misc]
        double.forget_all()

    assert isinstance(cut.join().error, RecipeRefused)
    assert len(double.inferences) == MOST_DEATHS


def test_an_answer_clears_a_photo_of_suspicion(double: Double, open_engine: OpenEngine) -> None:
    engine, ticket = open_engine(double), uuid.uuid4()
    for shift in range(2):  # another picture, because the server would have the answer to the same one
        for _ in range(MOST_DEATHS - 1):
            assert isinstance(die_while_it_works(engine, double, ticket, shift), EngineAway)
        assert engine.cut(ticket, drawn_photo(shift=shift), RMBG).alpha.max() > 0.9
        double.worker.forget(None)


def test_photos_that_waited_their_turn_are_not_suspected(double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double, poll_seconds=0.1)
    waiting = uuid.uuid4()
    for shift in range(MOST_DEATHS + 1):
        engine.cut(uuid.uuid4(), drawn_photo(shift=shift + 1), RMBG)  # after that, the server gets two at once
        double.set_faults({"hold": True})
        begun = len(double.inferences)
        killer = BackgroundCut(engine, shift=shift + 10)
        assert double.wait_until(lambda begun=begun: len(double.inferences) > begun)  # type: ignore[misc]
        neighbour = BackgroundCut(engine, waiting)
        assert double.wait_until(lambda: double.worker.remaining() == 2)
        double.die()
        assert isinstance(neighbour.join().error, EngineAway)
        assert isinstance(killer.join().error, EngineAway)
        double.set_faults({"hold": False})
        double.revive()
        assert double.wait_for_socket()
        assert double.wait_until(lambda: engine.health()[0].up)

    assert engine.cut(waiting, drawn_photo(), RMBG).alpha.max() > 0.9


def test_deaths_are_not_remembered_without_end() -> None:
    deaths = Deaths()
    for number in range(2 * MOST_TICKETS):
        deaths.record(str(number))

    assert len(deaths._counts) == MOST_TICKETS
