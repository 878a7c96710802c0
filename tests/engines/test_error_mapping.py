"""Whose fault it is: from recordings, and from a server that fails for real."""

import json
import uuid
from typing import Any

import cv2
import pytest
import requests

from daemon.engines.comfyui import error_mapping, replies
from daemon.engines.comfyui.graph import load_graph
from daemon.engines.comfyui.model_table import load_models
from daemon.errors import BadPhoto, EngineAway, EngineFull, EngineMisconfigured, FreistellerError, RecipeRefused
from daemon.jobs import Recipe
from tests.engines.comfyui_double import RECORDINGS, Double
from tests.engines.conformance import drawn_photo
from tests.engines.conftest import OpenEngine
from tests.engines.test_comfyui_engine import RMBG

EXCHANGES: dict[str, Any] = json.loads((RECORDINGS / "exchanges.json").read_text("utf-8"))
OOM = "CUDA out of memory. Tried to allocate 2.00 GiB"


def recorded(name: str) -> Any:
    return EXCHANGES[name]["response"]["body"]


def recorded_error(name: str) -> replies.NodeError:
    body = recorded(name)
    finished = replies.read_history(body, next(iter(body)), "3")
    assert finished
    assert finished.error
    return finished.error


# From the recordings


@pytest.mark.parametrize(
    ("exchange", "kind", "told"),
    [
        ("prompt_bad_unknown_class", EngineMisconfigured, "node RMBGX does not exist"),
        ("prompt_bad_value_not_in_list", EngineMisconfigured, "does not list the model"),
        ("prompt_bad_value_too_big", EngineMisconfigured, "bigger than max"),
        ("prompt_bad_value_too_small", EngineMisconfigured, "smaller than min"),
        ("prompt_bad_wrong_type", EngineMisconfigured, "Failed to convert"),
        ("prompt_bad_missing_required", EngineMisconfigured, "Required input is missing"),
        ("prompt_bad_missing_image_file", error_mapping.UploadLost, "no-such.png"),
        ("prompt_bad_missing_image_in_subfolder", error_mapping.UploadLost, "jobs/zzz.png"),
        ("prompt_bad_cycle", EngineMisconfigured, "failed validation"),
        ("prompt_bad_no_outputs", EngineMisconfigured, "no outputs"),
        ("prompt_bad_one_good_one_bad_output", EngineMisconfigured, "Required input is missing"),
    ],
)
def test_a_recorded_rejection_is_never_the_photos_fault(exchange: str, kind: type[FreistellerError], told: str) -> None:
    fault = error_mapping.of_rejection(recorded(exchange), "gpu1:8188", "RMBG-2.0")

    assert type(fault) is kind
    assert told in str(fault)
    assert "gpu1:8188" in str(fault)


@pytest.mark.parametrize(
    ("exchange", "kind"),
    [
        ("history_runtime_corrupt_png", error_mapping.CorruptUpload),
        ("history_runtime_text_file_as_image", error_mapping.CorruptUpload),
        ("history_runtime_raise_in_model", EngineFull),
        ("history_runtime_model_not_available_rmbg", EngineMisconfigured),
        ("history_runtime_model_not_available_birefnet", EngineMisconfigured),
    ],
)
def test_a_recorded_failure_is_sorted_by_its_text(exchange: str, kind: type[FreistellerError]) -> None:
    assert type(error_mapping.of_node_error(recorded_error(exchange), "gpu1:8188", "RMBG-2.0")) is kind


@pytest.mark.parametrize("body", [None, [], {}, "no", {"error": "no"}, {"error": {}, "node_errors": {"2": None}}])
def test_a_rejection_in_no_known_shape_is_still_a_rejection(body: Any) -> None:
    assert isinstance(error_mapping.of_rejection(body, "gpu1:8188", "BEN"), EngineMisconfigured)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (401, EngineMisconfigured), (403, EngineMisconfigured), (404, EngineMisconfigured), (413, EngineMisconfigured),
        (302, EngineMisconfigured), (429, EngineAway), (500, EngineAway), (502, EngineAway), (503, EngineAway),
    ],
)  # fmt: skip
def test_a_status_says_whether_waiting_helps(status: int, kind: type[FreistellerError]) -> None:
    assert type(error_mapping.of_status(status, "/queue", "gpu1:8188")) is kind


@pytest.mark.parametrize(
    "text",
    [
        OOM,
        "Allocation on device 0 would exceed allowed memory",
        "CUDA error: out of memory",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
        "[enforce fail at alloc_cpu.cpp:118] err == 0. DefaultCPUAllocator: can't allocate memory: you tried to",
        "Unable to allocate 48.0 MiB for an array with shape (2048, 2048, 3)",
    ],
)
def test_every_text_of_a_full_memory_is_known(text: str) -> None:
    error = replies.NodeError("RMBG", "RuntimeError", f"Error in image processing: {text}")

    assert isinstance(error_mapping.of_node_error(error, "gpu1", "BEN"), EngineFull)


@pytest.mark.parametrize("kind", ["torch.OutOfMemoryError", "torch.cuda.OutOfMemoryError", "MemoryError"])
def test_a_full_memory_is_known_by_its_type_where_no_text_says_so(kind: str) -> None:
    assert isinstance(error_mapping.of_node_error(replies.NodeError("RMBG", kind, ""), "gpu1", "BEN"), EngineFull)


# From a server that fails


def test_a_missing_node_class_pauses_its_models_and_no_others(double: Double, open_engine: OpenEngine) -> None:
    double.faults.missing_nodes = ["BiRefNetRMBG"]
    engine = open_engine(double, probe_seconds=60.0)

    for _ in range(2):
        with pytest.raises(EngineMisconfigured, match="no node BiRefNetRMBG"):
            engine.cut(uuid.uuid4(), drawn_photo(), Recipe("BiRefNet-HR"))

    assert double.asked("GET", "/object_info/BiRefNetRMBG") == 1  # paused: not asked again
    assert double.asked("POST", "/prompt") == 0
    assert engine.cut(uuid.uuid4(), drawn_photo(), RMBG).alpha.max() > 0.9
    (health,) = engine.health()
    assert health.up
    assert "BiRefNetRMBG" in health.message


def test_a_server_that_can_do_nothing_it_was_asked_is_not_up(double: Double, open_engine: OpenEngine) -> None:
    double.faults.missing_nodes = ["RMBG"]
    engine = open_engine(double, probe_seconds=60.0)

    with pytest.raises(EngineMisconfigured):
        engine.cut(uuid.uuid4(), drawn_photo(), RMBG)

    (health,) = engine.health()
    assert not health.up
    assert "no node RMBG" in health.message


@pytest.mark.parametrize("fault", ["missing_models", "missing_weights"])
def test_a_missing_model_pauses_that_model(fault: str, double: Double, open_engine: OpenEngine) -> None:
    double.set_faults({fault: ["BEN2"]})
    engine = open_engine(double, probe_seconds=60.0)

    with pytest.raises(EngineMisconfigured, match="BEN2"):
        engine.cut(uuid.uuid4(), drawn_photo(), Recipe("BEN2"))

    assert engine.cut(uuid.uuid4(), drawn_photo(), RMBG).alpha.max() > 0.9


def test_a_pause_ends_by_itself_once_the_model_is_there(double: Double, open_engine: OpenEngine) -> None:
    double.faults.missing_models = ["BEN2"]
    engine = open_engine(double, probe_seconds=0.3)
    with pytest.raises(EngineMisconfigured):
        engine.cut(uuid.uuid4(), drawn_photo(), Recipe("BEN2"))
    double.faults.missing_models = []

    def works() -> bool:
        try:
            return bool(engine.cut(uuid.uuid4(), drawn_photo(), Recipe("BEN2")).alpha.size)
        except EngineMisconfigured:
            return False

    asked = double.asked("GET", "/system_stats")
    assert double.wait_until(lambda: double.asked("GET", "/system_stats") >= asked + 3)
    assert works()
    assert engine.health()[0].message == ""


def test_what_one_server_lacks_another_does(double: Double, other: Double, open_engine: OpenEngine) -> None:
    double.faults.missing_nodes = ["RMBG"]
    engine = open_engine(double, other)

    answers = [engine.cut(uuid.uuid4(), drawn_photo(shift=shift), RMBG).server for shift in range(4)]

    assert all(server in other.url for server in answers)
    assert double.asked("POST", "/prompt") <= 1


def test_out_of_memory_frees_the_only_server_and_is_tried_there_again(double: Double, open_engine: OpenEngine) -> None:
    """The other models that it held may have been all that was in the way."""
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

    with pytest.raises(RecipeRefused, match="broadcast shape"):
        engine.cut(uuid.uuid4(), drawn_photo(1, 40), RMBG)

    assert engine.cut(uuid.uuid4(), drawn_photo(), RMBG).alpha.max() > 0.9


def test_a_model_that_fails_on_photo_after_photo_is_broken_there(double: Double, open_engine: OpenEngine) -> None:
    double.set_faults({"fail": "'NoneType' object has no attribute 'to'", "fail_prompts": -1})
    engine = open_engine(double, probe_seconds=60.0)

    kinds = []
    for shift in range(4):
        with pytest.raises(FreistellerError) as failure:
            engine.cut(uuid.uuid4(), drawn_photo(shift=shift), RMBG)
        kinds.append(failure.type)

    assert [issubclass(kind, RecipeRefused) for kind in kinds] == [True, True, False, False]
    assert kinds[2:] == [EngineMisconfigured, EngineMisconfigured]
    assert len(double.inferences) == 3


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
    rmbg = load_graph(load_models()).prompt("RMBG-2.0", {}, "somebodys.png", ())
    rmbg["2"]["inputs"] = {
        **EXCHANGES["prompt_ok_first"]["request"]["body"]["prompt"]["2"]["inputs"],
        "mask_blur": blur,
    }
    rmbg["3"] = rmbg.pop("9")
    return rmbg


@pytest.mark.parametrize("fault", ["missing_nodes", "missing_models"])
def test_what_went_missing_since_it_was_looked_up_is_heard_from_the_rejection(
    fault: str, double: Double, open_engine: OpenEngine
) -> None:
    engine = open_engine(double, probe_seconds=60.0)
    engine.cut(uuid.uuid4(), drawn_photo(), RMBG)
    double.set_faults({fault: ["RMBG", "RMBG-2.0"]})

    with pytest.raises(EngineMisconfigured, match=r"does not exist|does not list"):
        engine.cut(uuid.uuid4(), drawn_photo(shift=1), RMBG)

    assert double.asked("POST", "/prompt") == 2


def test_a_resolution_that_a_servers_own_node_does_not_take_is_refused_before_it_is_sent(
    double: Double, open_engine: OpenEngine
) -> None:
    double.object_info["RMBG"]["input"]["optional"]["process_res"][1]["max"] = 512
    engine = open_engine(double)

    with pytest.raises(RecipeRefused, match=r"256\.0 to 512\.0"):
        engine.cut(uuid.uuid4(), drawn_photo(), RMBG)

    assert double.asked("POST", "/prompt") == 0
    assert engine.cut(uuid.uuid4(), drawn_photo(), Recipe("RMBG-2.0", 512)).alpha.max() > 0.9


def test_a_fixed_value_that_a_servers_own_node_does_not_take_is_the_servers_fault(
    double: Double, open_engine: OpenEngine
) -> None:
    double.object_info["RMBG"]["input"]["optional"]["background"][0] = ["Transparent"]

    with pytest.raises(EngineMisconfigured, match="one of Transparent"):
        open_engine(double).cut(uuid.uuid4(), drawn_photo(), RMBG)


def test_an_input_that_a_newer_node_has_is_sent_with_its_default(double: Double, open_engine: OpenEngine) -> None:
    double.object_info["RMBG"]["input"]["optional"]["tile_size"] = ["INT", {"default": 64, "min": 0, "max": 512}]

    open_engine(double).cut(uuid.uuid4(), drawn_photo(), RMBG)

    (entry,) = double.worker.history.values()
    assert entry["prompt"][2]["2"]["inputs"]["tile_size"] == 64


def test_a_list_of_models_in_the_newer_form_is_read_too() -> None:
    spec = ["COMBO", {"options": ["BEN", "BEN2"], "default": "BEN"}]

    inputs = replies.read_inputs({"RMBG": {"input": {"required": {"model": spec}}}}, "RMBG")

    assert inputs == {"model": replies.Input(options=("BEN", "BEN2"), default="BEN")}


def test_an_input_that_a_node_misses_is_the_installations_fault(double: Double, open_engine: OpenEngine) -> None:
    """As recorded: a KeyError's text is all there is."""
    double.set_faults({"missing_input": "tile_size"})

    with pytest.raises(EngineMisconfigured, match="tile_size"):
        open_engine(double).cut(uuid.uuid4(), drawn_photo(), RMBG)


def test_a_prompt_that_is_taken_although_its_node_is_faulted_is_taken_back(
    double: Double, open_engine: OpenEngine
) -> None:
    engine = open_engine(double, probe_seconds=0.2)
    double.set_faults({"remarked_nodes": ["2"], "hold": True})

    with pytest.raises(EngineMisconfigured, match="Required input is missing"):
        engine.cut(uuid.uuid4(), drawn_photo(), RMBG)

    double.set_faults({"hold": False})
    assert double.wait_until(lambda: double.worker.remaining() == 0 and not double.worker.history)


def test_a_fault_in_a_node_that_is_only_parked_is_none_of_ours(double: Double, open_engine: OpenEngine) -> None:
    double.set_faults({"remarked_nodes": ["5"]})

    assert open_engine(double).cut(uuid.uuid4(), drawn_photo(), RMBG).alpha.max() > 0.9


def test_a_server_that_takes_canonical_ids_only_takes_ours(double: Double, open_engine: OpenEngine) -> None:
    double.set_faults({"strict_ids": True})

    assert open_engine(double).cut(uuid.UUID(int=2**127 + 0xABCDEF), drawn_photo(), RMBG).alpha.max() > 0.9
    answer = requests.post(f"{double.url}/prompt", json={"prompt": {}, "prompt_id": "ABC"}, timeout=10)
    assert answer.status_code == 400
