"""The pool: the contract's promises, which server gets a photo, and what becomes of servers that fail."""

import subprocess
import sys
import threading
import uuid
from collections.abc import Callable

import pytest

from daemon.engines.comfyui.comfyui_engine import ComfyUIEngine
from daemon.engines.contract import Answer, Engine
from daemon.errors import BadSettings, EngineAway, EngineMisconfigured, FreistellerError
from daemon.jobs import Recipe
from daemon.settings import ServerSettings
from tests.engines.comfyui_double import Double
from tests.engines.conformance import EngineConformance, drawn_photo
from tests.engines.conftest import OpenEngine

RMBG = Recipe("RMBG-2.0", 1024)


class Background:
    """A cut under way in a thread of its own."""

    def __init__(self, engine: Engine, ticket: uuid.UUID | None = None, recipe: Recipe = RMBG, shift: int = 0) -> None:
        self.ticket = ticket or uuid.uuid4()
        self.answer: Answer | None = None
        self.error: FreistellerError | None = None

        def work() -> None:
            try:
                self.answer = engine.cut(self.ticket, drawn_photo(shift=shift), recipe)
            except FreistellerError as error:
                self.error = error

        self._thread = threading.Thread(target=work)
        self._thread.start()

    def join(self, seconds: float = 30.0) -> "Background":
        self._thread.join(seconds)
        assert not self._thread.is_alive(), "the cut did not end"
        return self


class TestOneServer(EngineConformance):
    @pytest.fixture
    def engine(self, double: Double, open_engine: OpenEngine) -> ComfyUIEngine:
        return open_engine(double)


class TestTwoServers(EngineConformance):
    @pytest.fixture
    def engine(self, double: Double, other: Double, open_engine: OpenEngine) -> ComfyUIEngine:
        return open_engine(double, other)


class TestWithoutEvents(EngineConformance):
    @pytest.fixture
    def engine(self, double: Double, open_engine: OpenEngine) -> ComfyUIEngine:
        double.faults.no_sockets = True
        return open_engine(double)


class TestNotStarted(EngineConformance):
    @pytest.fixture
    def engine(self, double: Double, open_engine: OpenEngine) -> ComfyUIEngine:
        return open_engine(double, start=False)


def test_slots_and_models_are_known_without_asking_anybody(open_engine: OpenEngine) -> None:
    nobody = ServerSettings(url="http://127.0.0.1:9", slots=3)
    engine = open_engine(nobody, ServerSettings(url="http://127.0.0.2:9"), start=False)

    assert engine.slots == 5
    assert engine.models == ("RMBG-2.0", "INSPYRENET", "BEN", "BEN2", "BiRefNet-HR")


def test_it_loads_none_of_the_local_engines_libraries() -> None:
    code = """
import sys, daemon.engines.comfyui.comfyui_engine
print(sorted({"rembg", "onnxruntime", "PIL", "torch"} & set(sys.modules)))
"""

    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert printed.strip() == "[]"


def test_work_is_spread_over_the_servers(double: Double, other: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double, other)
    double.faults.hold = other.faults.hold = True

    cuts = [Background(engine, shift=number) for number in range(4)]
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

    busy = Background(engine, shift=1)
    assert warm.wait_until(lambda: warm.worker.remaining() == 1)
    elsewhere = engine.cut(uuid.uuid4(), drawn_photo(shift=2), RMBG).server
    warm.set_faults({"hold": False})

    assert elsewhere in cold.url
    assert busy.join().answer


def test_alternating_models_are_loaded_once_each(double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double)

    for shift in range(2):
        for model in engine.models:
            engine.cut(uuid.uuid4(), drawn_photo(shift=shift), Recipe(model))

    assert [inference.loaded for inference in double.inferences] == [True] * 5 + [False] * 5


def test_only_the_parked_models_stay_loaded(double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double, parked=["RMBG-2.0"])

    for shift in range(2):
        for model in ("RMBG-2.0", "BEN2", "BiRefNet-HR"):  # the first two run in nodes of one class
            engine.cut(uuid.uuid4(), drawn_photo(shift=shift), Recipe(model))

    assert [inference.loaded for inference in double.inferences] == [True, True, True, False, True, True]


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

    cut = Background(engine)
    assert double.wait_until(lambda: double.down or other.down)
    survivor.append(other if double.down else double)
    survivor[0].faults.die_in_prompt = 0

    answer = cut.join().answer
    assert answer
    assert answer.server in survivor[0].url


def test_a_hung_server_does_not_hold_up_the_others(double: Double, other: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double, other, connect_seconds=0.5)
    double.set_faults({"hang_paths": ["*"]})

    cuts = [Background(engine, shift=shift) for shift in range(6)]

    answers = [cut.join().answer for cut in cuts]
    assert all(answer and answer.server in other.url for answer in answers)
    double.set_faults({"hang_paths": []})


def test_a_slow_server_gets_no_photo_that_a_quick_one_would_have_done_sooner(
    double: Double, other: Double, open_engine: OpenEngine
) -> None:
    double.faults.seconds = 0.8
    engine = open_engine(double, other, affinity_seconds=0.0)
    for shift in range(2):
        for cut in [Background(engine, shift=10 * shift + number) for number in range(4)]:
            cut.join()

    answers = [engine.cut(uuid.uuid4(), drawn_photo(shift=30 + shift), RMBG).server for shift in range(4)]

    assert all(server in other.url for server in answers)


def test_no_server_at_all_is_an_absent_engine(double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double)
    double.die()

    with pytest.raises(EngineAway):
        engine.cut(uuid.uuid4(), drawn_photo(), RMBG)
    with pytest.raises(EngineAway, match="No ComfyUI server"):  # the breaker is open: nobody is asked any more
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

    assert eventually(lambda: engine.health()[0].up, double)
    assert engine.cut(uuid.uuid4(), drawn_photo(), RMBG).alpha.max() > 0.9


def test_a_server_that_answers_probes_but_no_prompts_gets_one_photo_at_a_time(
    double: Double, open_engine: OpenEngine
) -> None:
    engine = open_engine(double, connect_seconds=0.5)
    double.set_faults({"status": 502, "status_paths": ["/queue"]})

    for _ in range(3):
        with pytest.raises(EngineAway):
            engine.cut(uuid.uuid4(), drawn_photo(), RMBG)
        assert eventually(lambda: engine.health()[0].up, double)
    double.set_faults({"status": 0})

    assert engine.cut(uuid.uuid4(), drawn_photo(), RMBG).alpha.max() > 0.9


def test_closing_ends_a_cut_that_is_under_way(double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double, poll_seconds=60.0)
    double.faults.hold = True
    cuts = [Background(engine, shift=shift) for shift in range(3)]  # two at work, one waiting for a slot
    assert double.wait_until(lambda: double.worker.remaining() == 2)

    engine.close()

    assert all(isinstance(cut.join(5).error, EngineAway) for cut in cuts)
    double.set_faults({"hold": False})


def test_closing_leaves_prompts_to_be_adopted(double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double)
    double.faults.hold = True
    cut = Background(engine)
    assert double.wait_until(lambda: len(double.inferences) == 1)

    engine.close()
    cut.join()
    double.set_faults({"hold": False})
    open_engine(double).cut(cut.ticket, drawn_photo(), RMBG)

    assert len(double.inferences) == 1


def test_the_memory_of_each_server_is_known(double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double)

    assert eventually(lambda: engine.health()[0].memory_total_bytes == 25276063744, double)


def test_check_names_what_is_missing(double: Double, other: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double, other)
    double.set_faults({"missing_nodes": ["BiRefNetRMBG"], "missing_models": ["BEN2"]})
    other.set_faults({"missing_weights": ["INSPYRENET"]})

    lacking, downloading = engine.check()

    assert not lacking.up
    assert "node BiRefNetRMBG" in lacking.message
    assert "model BEN2" in lacking.message
    assert downloading.up
    assert "INSPYRENET" in downloading.message


def eventually(true: Callable[[], bool], double: Double) -> bool:
    """Look again whenever something happens at that server."""
    return double.wait_until(true)


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
    """It may have been away to be updated."""
    engine = open_engine(double)
    engine.cut(uuid.uuid4(), drawn_photo(), RMBG)
    double.set_faults({"status": 503})
    assert double.wait_until(lambda: not engine.health()[0].up)
    double.object_info["RMBG"]["input"]["optional"]["tile_size"] = ["INT", {"default": 64}]
    double.set_faults({"status": 0})
    assert double.wait_until(lambda: engine.health()[0].up)
    ticket = uuid.uuid4()

    engine.cut(ticket, drawn_photo(shift=1), RMBG)

    assert double.worker.history[str(ticket)]["prompt"][2]["2"]["inputs"]["tile_size"] == 64


def test_an_unknown_model_to_park_is_refused_at_the_start(double: Double, open_engine: OpenEngine) -> None:
    with pytest.raises(BadSettings, match=r"comfyui\.parked = 'RMBG': allowed are RMBG-2\.0"):
        open_engine(double, parked=["RMBG"])


def test_health_tells_the_breaker_of_each_server(double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double, connect_seconds=0.5)
    before = engine.health()[0].circuit
    double.set_faults({"status": 502})
    assert eventually(lambda: engine.health()[0].circuit == "open", double)

    double.set_faults({"status": 0})

    assert eventually(lambda: engine.health()[0].circuit == "half_open", double)
    engine.cut(uuid.uuid4(), drawn_photo(), RMBG)
    assert (before, engine.health()[0].circuit) == ("closed", "closed")


def test_health_counts_connections_that_were_lost_and_renewed(double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double)
    before = engine.health()[0].reconnects
    first = double.worker.sessions.client_ids()

    double.drop_sockets()
    assert double.wait_until(lambda: double.worker.sessions.client_ids() not in ([], first))
    engine.cut(uuid.uuid4(), drawn_photo(), RMBG)

    assert before == 0
    assert eventually(lambda: engine.health()[0].reconnects == 1, double)


def test_health_names_the_models_that_are_paused(double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double)
    double.set_faults({"missing_models": ["BEN2"]})

    with pytest.raises(EngineMisconfigured):
        engine.cut(uuid.uuid4(), drawn_photo(), Recipe("BEN2", 1024))

    assert engine.health()[0].set_aside == ("BEN2",)
