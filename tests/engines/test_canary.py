"""The canary: a model that answers wrongly on a server gets no photos there until it answers correctly."""

import threading
import uuid
from itertools import pairwise

import numpy as np
import pytest

from daemon.engines.comfyui.canary import LIKE_ENOUGH, PLACES, draw_test_picture, intersection_over_union
from daemon.engines.comfyui.deaths import Deaths
from daemon.engines.comfyui.graph import Graph
from daemon.engines.comfyui.model_table import load_models
from daemon.engines.comfyui.server import Server
from daemon.engines.comfyui.server_trust import ServerTrust
from daemon.engines.comfyui.servers import ServerEntry, Servers
from daemon.errors import EngineMisconfigured, Said
from daemon.jobs import Recipe
from daemon.service.choose_engine import build_engine
from daemon.settings import ComfyUISettings, ServerSettings, load
from tests.doubles import Clock
from tests.engines.comfyui_double import Double
from tests.engines.conformance import drawn_photo
from tests.engines.conftest import OpenEngine
from tests.engines.cuts import RMBG, BackgroundCut

OFTEN = 0.002  # minutes
SELDOM = 600.0  # minutes: in a test, each model is tested once and never again
LADDER = ("RMBG-2.0", "BEN2")
SMALL = ("RMBG-2.0",)


@pytest.fixture(autouse=True)
def in_a_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("daemon.engines.comfyui.canary.LOOK_SECONDS", 0.05)


def test_every_model_is_tried_on_every_server(double: Double, other: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double, other, canary_minutes=SELDOM, ladder=LADDER)

    assert double.wait_until(lambda: len(engine.health()[0].canaries) == 2)
    assert other.wait_until(lambda: len(engine.health()[1].canaries) == 2)

    assert [sorted(model for model, _ in health.canaries) for health in engine.health()] == [sorted(LADDER)] * 2
    assert all(at > 1.7e9 for health in engine.health() for _, at in health.canaries)
    assert [health.set_aside for health in engine.health()] == [(), ()]


def test_it_is_off_unless_asked_for(double: Double, open_engine: OpenEngine) -> None:
    open_engine(double, ladder=LADDER)

    assert double.wait_until(lambda: double.asked("GET", "/system_stats") >= 3)
    assert not double.inferences


def test_models_that_are_not_on_offer_are_not_tried(double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double, canary_minutes=SELDOM, ladder=("local", *SMALL))

    assert double.wait_until(lambda: bool(engine.health()[0].canaries))
    assert {inference.model for inference in double.inferences} == set(SMALL)


def test_a_wrong_answer_sets_the_model_aside_there_and_photos_go_elsewhere(
    double: Double, other: Double, open_engine: OpenEngine
) -> None:
    double.set_faults({"wrong_masks": ["RMBG-2.0"]})
    engine = open_engine(double, other, canary_minutes=SELDOM, ladder=LADDER)
    assert double.wait_until(lambda: engine.health()[0].set_aside == ("RMBG-2.0",))

    cuts = [BackgroundCut(engine, shift=shift) for shift in range(4)]

    answers = [cut.join().answer for cut in cuts]
    assert all(answer and answer.server in other.url for answer in answers)
    assert "cuts out the test picture wrongly with RMBG-2.0" in engine.health()[0].message
    assert engine.health()[1].set_aside == ()


def test_the_other_models_of_that_server_go_on(double: Double, open_engine: OpenEngine) -> None:
    double.set_faults({"wrong_masks": ["RMBG-2.0"]})
    engine = open_engine(double, canary_minutes=SELDOM, ladder=LADDER)
    assert double.wait_until(lambda: engine.health()[0].set_aside == ("RMBG-2.0",))

    answer = engine.cut(uuid.uuid4(), drawn_photo(), Recipe("BEN2", 1024))

    assert answer.alpha.max() > 0.9
    assert double.wait_until(lambda: engine.health()[0].up)


def test_photos_wait_where_no_server_is_right_and_none_is_asked(double: Double, open_engine: OpenEngine) -> None:
    double.set_faults({"wrong_masks": ["RMBG-2.0"]})
    engine = open_engine(double, canary_minutes=SELDOM, ladder=SMALL)
    assert double.wait_until(lambda: not engine.health()[0].up)

    with pytest.raises(EngineMisconfigured, match="cuts out the test picture wrongly"):
        engine.cut(uuid.uuid4(), drawn_photo(), RMBG)

    assert len(double.inferences) == 1


def test_a_right_answer_brings_the_model_back(double: Double, open_engine: OpenEngine) -> None:
    double.set_faults({"wrong_masks": ["RMBG-2.0"]})
    engine = open_engine(double, canary_minutes=OFTEN, ladder=SMALL)
    assert double.wait_until(lambda: engine.health()[0].set_aside == ("RMBG-2.0",))
    assert (engine.health()[0].tested, engine.health()[0].canaries) == (("RMBG-2.0",), ())

    double.set_faults({"wrong_masks": []})

    assert double.wait_until(lambda: engine.health()[0].set_aside == ())
    assert engine.health()[0].canaries
    assert engine.cut(uuid.uuid4(), drawn_photo(), RMBG).alpha.max() > 0.9


def test_a_server_that_comes_back_is_tried_at_once(double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double, canary_minutes=SELDOM, ladder=SMALL)
    assert double.wait_until(lambda: bool(engine.health()[0].canaries))
    tried = len(double.inferences)

    double.set_faults({"status": 503, "wrong_masks": ["RMBG-2.0"]})
    assert double.wait_until(lambda: not engine.health()[0].up)
    asked = double.asked("GET", "/system_stats")
    assert double.wait_until(
        lambda: double.asked("GET", "/system_stats") > asked + 4
    )  # away long enough for the canary to notice
    double.set_faults({"status": 0})

    assert double.wait_until(lambda: engine.health()[0].set_aside == ("RMBG-2.0",))
    assert len(double.inferences) == tried + 1


def test_each_try_is_computed_anew_and_not_taken_from_the_servers_cache(
    double: Double, open_engine: OpenEngine
) -> None:
    open_engine(double, canary_minutes=OFTEN, ladder=SMALL)

    assert double.wait_until(lambda: len(double.inferences) >= 3)


@pytest.mark.parametrize("fault", ["swapped_results", "empty_results", "damaged_results", "lost_results"])
def test_a_result_that_is_not_the_pictures_is_asked_for_again_and_sets_nothing_aside(
    double: Double, open_engine: OpenEngine, fault: str
) -> None:
    double.set_faults({fault: 1})

    engine = open_engine(double, canary_minutes=SELDOM, ladder=SMALL)

    assert double.wait_until(lambda: bool(engine.health()[0].canaries))
    assert engine.health()[0].set_aside == ()


def test_a_test_picture_leaves_nothing_behind(double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double, canary_minutes=SELDOM, ladder=LADDER)
    assert double.wait_until(lambda: len(engine.health()[0].canaries) == 2)

    engine.close()

    assert not double.worker.history
    assert {(kind, folder) for kind, folder, _ in double.files} == {("temp", "")}


@pytest.fixture
def entry() -> ServerEntry:
    """A server with one slot that nobody contacts."""
    settings = ServerSettings(url="http://127.0.0.1:9")
    server = Server(settings, ComfyUISettings(), Graph(load_models()), "a-daemon", Clock(), Deaths(), ())
    return ServerEntry(server, ServerTrust(slots=1, set_aside_seconds=10.0), ServerSettings(url="http://gpu:1"))


def test_photos_come_first(entry: ServerEntry) -> None:
    servers = Servers([entry], 3.0, Clock())
    servers.take_slot("BEN2", (), ())
    while_busy = servers.take_idle_slot(entry, "BEN2")

    with servers.changing(entry) as trust:
        trust.free_slot()

    assert not while_busy
    assert servers.take_idle_slot(entry, "BEN2")


def test_a_doubted_model_may_still_be_tried_but_gets_no_photo(entry: ServerEntry) -> None:
    servers = Servers([entry], 3.0, Clock())
    with servers.changing(entry) as trust:
        trust.record_wrong_canary("BEN2", Said.again("all wrong"))

    with pytest.raises(EngineMisconfigured, match="all wrong"):
        servers.take_slot("BEN2", (), ())

    assert servers.take_idle_slot(entry, "BEN2")


def test_a_photo_that_was_under_way_proves_nothing() -> None:
    trust = ServerTrust(slots=2, set_aside_seconds=10.0)
    trust.take_slot("BEN2", 0.0)
    trust.record_wrong_canary("BEN2", Said.again("all wrong"))

    trust.record_answer("BEN2", 1.0)

    assert not trust.accepts_photo("BEN2", 1e9)
    assert not trust.up
    trust.record_right_canary("BEN2")
    assert trust.accepts_photo("BEN2", 1e9)


def test_no_two_test_pictures_in_a_row_are_the_same() -> None:
    pictures = [draw_test_picture(number)[0] for number in range(PLACES + 1)]

    assert not any(np.array_equal(one, next_one) for one, next_one in pairwise(pictures))


@pytest.mark.parametrize("number", range(0, PLACES, 5))
def test_what_is_no_cut_out_of_the_picture_is_unlike_it(number: int) -> None:
    subject = draw_test_picture(number)[1]
    alpha = subject.astype(np.float32)
    noise = np.random.default_rng(number).random(alpha.shape, np.float32)

    assert intersection_over_union(alpha, subject) == 1.0
    for wrong in (1 - alpha, np.zeros_like(alpha), np.ones_like(alpha), noise, np.roll(alpha, 60, axis=0), alpha.T):
        assert intersection_over_union(np.ascontiguousarray(wrong), subject) < LIKE_ENOUGH


def test_the_engine_that_the_settings_ask_for_tries_the_ladders_models(double: Double) -> None:
    settings = load(
        flags={
            "comfyui": {"servers": [{"url": double.url}], "canary_minutes": SELDOM, "probe_seconds": 0.5},
            "strategy": {"ladder": [{"model": "BEN2"}, {"model": "local"}, {"model": "BEN2", "view": "zoom"}]},
        }
    )
    engine = build_engine(settings, lambda _: None)
    engine.start()

    assert double.wait_until(lambda: bool(engine.health()[0].canaries))
    engine.close()

    assert [inference.model for inference in double.inferences] == ["BEN2"]


@pytest.mark.parametrize("waits", [False, True], ids=["in work", "waits"])
def test_a_stop_leaves_nothing_of_a_test_picture(waits: bool, double: Double, open_engine: OpenEngine) -> None:
    double.set_faults({"hold": True})
    if waits:  # behind somebody else's prompt
        other = open_engine(double, owner="other")
        ahead = BackgroundCut(other)
        assert double.wait_until(lambda: double.worker.remaining() == 1)
    engine = open_engine(double, canary_minutes=OFTEN, ladder=SMALL)
    assert double.wait_until(lambda: double.worker.remaining() == 1 + waits)

    closing = threading.Thread(target=engine.close)
    closing.start()
    assert double.wait_until(lambda: double.asked("POST", "/interrupt") > 0)
    double.set_faults({"hold": False})
    closing.join(30)

    if waits:
        assert ahead.join().answer
        other.close()
    assert double.wait_until(lambda: double.worker.remaining() == 0)
    assert not double.worker.history
