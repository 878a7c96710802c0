"""The ComfyUI engine: the contract's promises, loaded models, closing, health and check."""

import subprocess
import sys
import uuid

import pytest

from daemon.engines.comfyui.comfyui_engine import ComfyUIEngine
from daemon.engines.encoded_proxy import EncodedProxy
from daemon.errors import BadSettings, EngineAway, EngineMisconfigured
from daemon.jobs import Recipe
from daemon.settings import ServerSettings
from tests.engines.comfyui_double import Double
from tests.engines.conformance import EngineConformance, drawn_photo
from tests.engines.conftest import OpenEngine
from tests.engines.cuts import RMBG, BackgroundCut


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
    assert engine.models[:5] == ("RMBG-2.0", "INSPYRENET", "BEN", "BEN2", "BiRefNet-HR")


def test_it_loads_none_of_the_local_engines_libraries() -> None:
    code = """
import sys, daemon.engines.comfyui.comfyui_engine
print(sorted({"rembg", "onnxruntime", "PIL", "torch"} & set(sys.modules)))
"""

    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert printed.strip() == "[]"


def test_an_error_of_whoever_reads_an_answer_is_not_its_servers(double: Double, open_engine: OpenEngine) -> None:
    engine, sent = open_engine(double), EncodedProxy.of(drawn_photo())

    def read(_: bytes, __: int, ___: tuple[int, int]) -> int:
        raise KeyError("lost")

    with pytest.raises(KeyError, match="lost"):
        engine.cut_encoded(uuid.uuid4(), sent, RMBG, read)

    (health,) = engine.health()
    assert (health.up, health.circuit, health.running) == (True, "closed", 0)
    assert engine.cut_encoded(uuid.uuid4(), sent, RMBG, lambda png, *_: len(png)).alpha > 0


def test_alternating_models_are_loaded_once_each(double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double)

    for shift in range(2):
        for model in engine.models[:5]:
            engine.cut(uuid.uuid4(), drawn_photo(shift=shift), Recipe(model))

    assert [inference.loaded for inference in double.inferences] == [True] * 5 + [False] * 5


def test_only_the_parked_models_stay_loaded(double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double, parked=["RMBG-2.0"])

    for shift in range(2):
        for model in ("RMBG-2.0", "BEN2", "BiRefNet-HR"):  # the first two run in nodes of one class
            engine.cut(uuid.uuid4(), drawn_photo(shift=shift), Recipe(model))

    assert [inference.loaded for inference in double.inferences] == [True, True, True, False, True, True]


def test_closing_ends_a_cut_that_is_under_way(double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double, poll_seconds=60.0)
    double.faults.hold = True
    cuts = [BackgroundCut(engine, shift=shift) for shift in range(3)]  # two in work, one waiting for a slot
    assert double.wait_until(lambda: double.worker.remaining() == 2)

    engine.close()

    assert all(isinstance(cut.join().error, EngineAway) for cut in cuts)
    double.set_faults({"hold": False})


def test_closing_leaves_prompts_to_be_adopted(double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double)
    double.faults.hold = True
    cut = BackgroundCut(engine)
    assert double.wait_until(lambda: len(double.inferences) == 1)

    engine.close()
    cut.join()
    double.set_faults({"hold": False})
    open_engine(double).cut(cut.ticket, drawn_photo(), RMBG)

    assert len(double.inferences) == 1


def test_the_memory_of_each_server_is_known(double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double)

    assert double.wait_until(lambda: engine.health()[0].memory_total_bytes == 25276063744)


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


def test_an_unknown_model_to_park_is_refused_at_the_start(double: Double, open_engine: OpenEngine) -> None:
    with pytest.raises(BadSettings, match=r"comfyui\.parked = 'RMBG': allowed are RMBG-2\.0"):
        open_engine(double, parked=["RMBG"])


def test_health_tells_the_breaker_of_each_server(double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double, connect_seconds=0.5)
    before = engine.health()[0].circuit
    double.set_faults({"status": 502})
    assert double.wait_until(lambda: engine.health()[0].circuit == "open")

    double.set_faults({"status": 0})

    assert double.wait_until(lambda: engine.health()[0].circuit == "half_open")
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
    assert double.wait_until(lambda: engine.health()[0].reconnects == 1)


def test_health_names_the_models_that_are_set_aside(double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double)
    double.set_faults({"missing_models": ["BEN2"]})

    with pytest.raises(EngineMisconfigured):
        engine.cut(uuid.uuid4(), drawn_photo(), Recipe("BEN2", 1024))

    assert engine.health()[0].set_aside == ("BEN2",)
