"""Whose fault an error is, by its recorded text."""

import json
from typing import Any

import pytest

from daemon.engines.comfyui import error_mapping, replies
from daemon.errors import EngineFull, EngineMisconfigured, FreistellerError
from tests.engines.comfyui_double import RECORDINGS

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


@pytest.mark.parametrize(
    ("exchange", "kind", "text"),
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
def test_a_recorded_rejection_is_never_the_photos_fault(exchange: str, kind: type[FreistellerError], text: str) -> None:
    fault = error_mapping.of_rejection(recorded(exchange), "gpu1:8188", "RMBG-2.0")

    assert type(fault) is kind
    assert text in str(fault)
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
        (302, EngineMisconfigured), (429, error_mapping.ServerStumbled),
        (500, error_mapping.ServerStumbled), (503, error_mapping.ServerStumbled),
        (502, error_mapping.ServerGone), (504, error_mapping.ServerGone),
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
