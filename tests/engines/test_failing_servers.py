"""Servers that run out of memory, spoil uploads, answer with errors, hang, or take too long."""

import json
import uuid
from typing import Any

import cv2
import pytest

from daemon.engines.comfyui.graph import Graph
from daemon.engines.comfyui.model_table import load_models
from daemon.errors import BadPhoto, EngineAway, EngineFull, RecipeRefused
from tests.engines.comfyui_double import RECORDINGS, Double
from tests.engines.conformance import drawn_photo
from tests.engines.conftest import OpenEngine
from tests.engines.cuts import RMBG

EXCHANGES: dict[str, Any] = json.loads((RECORDINGS / "exchanges.json").read_text("utf-8"))


OOM = "CUDA out of memory. Tried to allocate 2.00 GiB"


def test_out_of_memory_frees_the_only_server_and_is_tried_there_again(double: Double, open_engine: OpenEngine) -> None:
    """Perhaps only the other models in its memory left no room."""
    double.set_faults({"fail": OOM, "fail_prompts": 1})
    engine = open_engine(double)

    assert engine.cut(uuid.uuid4(), drawn_photo(), RMBG).alpha.max() > 0.9

    assert double.asked("POST", "/free") == 1
    assert [inference.loaded for inference in double.inferences] == [True, True]


def test_out_of_memory_twice_is_an_answer(double: Double, open_engine: OpenEngine) -> None:
    double.set_faults({"fail": OOM, "fail_prompts": 2})
    engine = open_engine(double)

    with pytest.raises(EngineFull, match="out of memory"):
        engine.cut(uuid.uuid4(), drawn_photo(), RMBG)

    assert double.asked("POST", "/free") == 2
    assert engine.cut(uuid.uuid4(), drawn_photo(), RMBG).alpha.max() > 0.9
    assert len(double.inferences) == 3


def test_out_of_memory_is_tried_again_where_the_other_server_went_away(
    double: Double, other: Double, open_engine: OpenEngine
) -> None:
    double.set_faults({"fail": OOM, "fail_prompts": 1})
    engine = open_engine(double, other, probe_seconds=60.0)
    other.set_faults({"status": 503})

    assert engine.cut(uuid.uuid4(), drawn_photo(), RMBG).server in double.url
    assert len(double.inferences) == 2


def test_out_of_memory_on_one_server_is_tried_on_another(
    double: Double, other: Double, open_engine: OpenEngine
) -> None:
    for server in (double, other):
        server.set_faults({"fail": OOM, "fail_prompts": 1})
    other.faults.fail_prompts = 0
    engine = open_engine(double, other, affinity_seconds=0.0)

    assert engine.cut(uuid.uuid4(), drawn_photo(), RMBG).server in other.url


def test_out_of_memory_on_two_servers_is_not_tried_on_a_third(
    double: Double, other: Double, open_engine: OpenEngine
) -> None:
    with Double() as third:
        for server in (double, other, third):
            server.set_faults({"fail": OOM, "fail_prompts": -1})
        engine = open_engine(double, other, third)

        with pytest.raises(EngineFull):
            engine.cut(uuid.uuid4(), drawn_photo(), RMBG)

        assert len(double.inferences) + len(other.inferences) + len(third.inferences) == 2


def test_an_upload_that_arrived_damaged_is_sent_again(double: Double, open_engine: OpenEngine) -> None:
    double.faults.corrupt_uploads = 1

    assert open_engine(double).cut(uuid.uuid4(), drawn_photo(), RMBG).alpha.max() > 0.9
    assert double.asked("POST", "/upload/image") == 2


def test_a_picture_that_the_server_can_never_read_fails_alone(double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double)
    double.faults.corrupt_uploads = 2
    with pytest.raises(BadPhoto, match="cannot read the picture"):
        engine.cut(uuid.uuid4(), drawn_photo(), RMBG)

    assert engine.cut(uuid.uuid4(), drawn_photo(), RMBG).alpha.max() > 0.9


def test_a_photo_that_a_model_cannot_do_is_refused_alone(double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double)
    double.set_faults({"fail": "doesn't match the broadcast shape [3, 1024, 1024]", "fail_prompts": 1})

    with pytest.raises(RecipeRefused, match="broadcast shape"):
        engine.cut(uuid.uuid4(), drawn_photo(), RMBG)

    assert engine.cut(uuid.uuid4(), drawn_photo(), RMBG).alpha.max() > 0.9


def test_an_upload_that_the_server_mislays_is_sent_again(double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double)
    double.faults.mislaid_uploads = 1

    assert engine.cut(uuid.uuid4(), drawn_photo(), RMBG).alpha.max() > 0.9


@pytest.mark.parametrize("path", ["/queue", "/history", "/upload/image", "/prompt", "/view"])
def test_a_server_error_on_any_route_is_an_absence(path: str, double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double)
    double.set_faults({"status": 500, "status_paths": [path]})

    with pytest.raises(EngineAway):
        engine.cut(uuid.uuid4(), drawn_photo(), RMBG)


def test_a_server_that_takes_no_prompt_is_told_by_its_own_words_and_forgot_nothing(
    double: Double, open_engine: OpenEngine
) -> None:
    engine = open_engine(double)
    double.set_faults({"status": 503, "status_paths": ["/prompt"]})

    with pytest.raises(EngineAway, match="503") as told:
        engine.cut(uuid.uuid4(), drawn_photo(), RMBG)

    assert "forgot" not in str(told.value)


@pytest.mark.parametrize("path", ["/queue", "/history", "/upload/image", "/prompt", "/view"])
def test_a_route_that_hangs_is_an_absence(path: str, double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double, connect_seconds=0.3)
    double.set_faults({"hang_paths": [path]})

    with pytest.raises(EngineAway):
        engine.cut(uuid.uuid4(), drawn_photo(), RMBG)
    double.set_faults({"hang_paths": []})


def test_a_prompt_that_takes_too_long_is_stopped_and_an_absence(double: Double, open_engine: OpenEngine) -> None:
    double.faults.hold = True
    engine = open_engine(double, attempt_seconds=0.5, poll_seconds=0.1)

    with pytest.raises(EngineAway, match=r"more than 0.5 s"):
        engine.cut(uuid.uuid4(), drawn_photo(), RMBG)

    assert double.asked("POST", "/interrupt") == 1
    double.set_faults({"hold": False})


def test_waiting_behind_others_that_get_on_is_not_taking_too_long(double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double, attempt_seconds=1.2, poll_seconds=0.1)
    double.faults.seconds = 0.4
    for blur in range(6):  # 2.4 seconds of somebody else's work
        double.worker.put({"client_id": "somebody"}, somebodys_prompt(double, blur), ["3"])

    assert engine.cut(uuid.uuid4(), drawn_photo(), RMBG).alpha.max() > 0.9
    assert len(double.inferences) == 7


def somebodys_prompt(double: Double, blur: int) -> Any:
    _, encoded = cv2.imencode(".png", drawn_photo(shift=30))
    double.files[("input", "", "somebodys.png")] = encoded.tobytes()
    rmbg = Graph(load_models()).prompt("RMBG-2.0", {"cut": {}}, "somebodys.png", {})
    rmbg["RMBG-2.0/cut"]["inputs"] = {
        **EXCHANGES["prompt_ok_first"]["request"]["body"]["prompt"]["2"]["inputs"],
        "image": ["photo", 0],
        "mask_blur": blur,
    }
    rmbg["3"] = rmbg.pop("alpha")
    return rmbg
