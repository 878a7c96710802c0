"""The choice of a server for each photo, and what happens to servers that fail."""

import uuid

import pytest

from daemon.errors import EngineAway
from tests.engines.comfyui_double import Double
from tests.engines.conformance import drawn_photo
from tests.engines.conftest import OpenEngine
from tests.engines.cuts import RMBG, BackgroundCut


def test_work_is_spread_over_the_servers(double: Double, other: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double, other)
    double.faults.hold = other.faults.hold = True

    cuts = [BackgroundCut(engine, shift=number) for number in range(4)]
    assert double.wait_until(lambda: double.worker.remaining() == 2)
    assert other.wait_until(lambda: other.worker.remaining() == 2)
    for server in (double, other):
        server.set_faults({"hold": False})

    assert all(cut.join().answer for cut in cuts)
    assert len(double.inferences) == len(other.inferences) == 2


def test_a_photo_goes_to_the_server_that_holds_its_model(
    double: Double, other: Double, open_engine: OpenEngine
) -> None:
    engine = open_engine(double, other, affinity_seconds=60.0)

    first = engine.cut(uuid.uuid4(), drawn_photo(), RMBG).server
    again = [engine.cut(uuid.uuid4(), drawn_photo(shift=shift), RMBG).server for shift in range(1, 5)]

    assert set(again) == {first}
    assert sum(inference.loaded for inference in double.inferences + other.inferences) == 1


def test_without_affinity_an_idle_server_is_preferred_to_a_busy_one(
    double: Double, other: Double, open_engine: OpenEngine
) -> None:
    engine = open_engine(double, other, affinity_seconds=0.0)
    first = engine.cut(uuid.uuid4(), drawn_photo(), RMBG).server
    warm, cold = (double, other) if first in double.url else (other, double)
    warm.faults.hold = True

    busy = BackgroundCut(engine, shift=1)
    assert warm.wait_until(lambda: warm.worker.remaining() == 1)
    elsewhere = engine.cut(uuid.uuid4(), drawn_photo(shift=2), RMBG).server
    warm.set_faults({"hold": False})

    assert elsewhere in cold.url
    assert busy.join().answer


def test_a_dead_server_costs_a_photo_nothing(double: Double, other: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double, other)
    double.die()

    answers = [engine.cut(uuid.uuid4(), drawn_photo(shift=shift), RMBG).server for shift in range(4)]

    assert all(server in other.url for server in answers)


def test_a_server_that_dies_in_mid_prompt_hands_its_photo_on(
    double: Double, other: Double, open_engine: OpenEngine
) -> None:
    engine = open_engine(double, other)
    double.faults.die_in_prompt = other.faults.die_in_prompt = 1
    survivor: list[Double] = []

    cut = BackgroundCut(engine)
    assert double.wait_until(lambda: double.down or other.down)
    survivor.append(other if double.down else double)
    survivor[0].faults.die_in_prompt = 0

    answer = cut.join().answer
    assert answer
    assert answer.server in survivor[0].url


def test_a_hung_server_does_not_hold_up_the_others(double: Double, other: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double, other, connect_seconds=0.5)
    double.set_faults({"hang_paths": ["*"]})

    cuts = [BackgroundCut(engine, shift=shift) for shift in range(6)]

    answers = [cut.join().answer for cut in cuts]
    assert all(answer and answer.server in other.url for answer in answers)
    double.set_faults({"hang_paths": []})


def test_a_slow_server_gets_no_photo_that_a_quick_one_would_have_done_sooner(
    double: Double, other: Double, open_engine: OpenEngine
) -> None:
    double.faults.seconds = 0.8
    engine = open_engine(double, other, affinity_seconds=0.0)
    for shift in range(2):
        for cut in [BackgroundCut(engine, shift=10 * shift + number) for number in range(4)]:
            cut.join()

    answers = [engine.cut(uuid.uuid4(), drawn_photo(shift=30 + shift), RMBG).server for shift in range(4)]

    assert all(server in other.url for server in answers)


def test_no_server_at_all_is_an_absent_engine(double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double)
    double.die()

    with pytest.raises(EngineAway):
        engine.cut(uuid.uuid4(), drawn_photo(), RMBG)
    with pytest.raises(EngineAway, match="No ComfyUI server"):  # the breaker is open, so no server is asked
        engine.cut(uuid.uuid4(), drawn_photo(), RMBG)

    assert [server.up for server in engine.health()] == [False]


def test_a_server_that_comes_back_gets_work_again(double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double)
    double.die()
    with pytest.raises(EngineAway):
        engine.cut(uuid.uuid4(), drawn_photo(), RMBG)

    double.revive()
    asked = double.asked("GET", "/system_stats")
    assert double.wait_until(lambda: double.asked("GET", "/system_stats") > asked)

    assert double.wait_until(lambda: engine.health()[0].up)
    assert engine.cut(uuid.uuid4(), drawn_photo(), RMBG).alpha.max() > 0.9


def test_a_server_that_answers_probes_but_no_prompts_gets_one_photo_at_a_time(
    double: Double, open_engine: OpenEngine
) -> None:
    engine = open_engine(double, connect_seconds=0.5)
    double.set_faults({"status": 502, "status_paths": ["/queue"]})

    for _ in range(3):
        with pytest.raises(EngineAway):
            engine.cut(uuid.uuid4(), drawn_photo(), RMBG)
        assert double.wait_until(lambda: engine.health()[0].up)
    double.set_faults({"status": 0})

    assert engine.cut(uuid.uuid4(), drawn_photo(), RMBG).alpha.max() > 0.9


def test_a_server_that_is_away_is_not_asked_about_tickets(
    double: Double, other: Double, open_engine: OpenEngine
) -> None:
    engine = open_engine(double, other)
    double.set_faults({"status": 503})
    assert double.wait_until(lambda: not engine.health()[0].up)
    asked = double.asked("GET", "/queue")

    engine.cut(uuid.uuid4(), drawn_photo(), RMBG)

    assert double.asked("GET", "/queue") == asked


def test_a_server_that_comes_back_is_looked_at_anew(double: Double, open_engine: OpenEngine) -> None:
    """Somebody may have updated it while it was away."""
    engine = open_engine(double)
    engine.cut(uuid.uuid4(), drawn_photo(), RMBG)
    double.set_faults({"status": 503})
    assert double.wait_until(lambda: not engine.health()[0].up)
    double.object_info["RMBG"]["input"]["optional"]["tile_size"] = ["INT", {"default": 64}]
    double.set_faults({"status": 0})
    assert double.wait_until(lambda: engine.health()[0].up)
    ticket = uuid.uuid4()

    engine.cut(ticket, drawn_photo(shift=1), RMBG)

    assert double.worker.history[str(ticket)]["prompt"][2]["RMBG-2.0/cut"]["inputs"]["tile_size"] == 64
