"""What the replays do not test in the double: model reloads, queue order, two sockets under one id, restarts."""

import copy
import itertools
import json
import os
import subprocess
import sys
import uuid
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import requests

from tests.engines.comfyui_double import Double
from tests.engines.conformance import drawn_photo
from tests.engines.replay import EVENTS, EXCHANGES, Listener

CHECKOUT = Path(__file__).parents[2]
CONTRACT_SUITE = ("tests/engines/test_contract.py", "tests/engines/test_contract_events.py")
Prompt = dict[str, Any]

RMBG_INPUTS = EXCHANGES["prompt_ok_first"]["request"]["body"]["prompt"]["2"]["inputs"]
BIREFNET_INPUTS = EXCHANGES["prompt_ok_birefnet"]["request"]["body"]["prompt"]["2"]["inputs"]


def workflow(wired: str, parked: tuple[str, ...] = (), blur: int = 0, picture: str = "astro.png") -> Prompt:
    """wired, parked: "id:model" of the node that works, and of those parked. wired "" shows the picture itself."""
    prompt: Prompt = {"1": {"class_type": "LoadImage", "inputs": {"image": picture}}}
    for name in (wired, *parked):
        if name:
            node_id, model = name.split(":")
            kind = "BiRefNetRMBG" if model.startswith("BiRefNet") else "RMBG"
            inputs = BIREFNET_INPUTS if kind == "BiRefNetRMBG" else RMBG_INPUTS
            filled = {**inputs, "model": model, "mask_blur": blur} if name == wired else {}
            prompt[node_id] = {"class_type": kind, "inputs": filled}
    source = [wired.split(":")[0], 2] if wired else ["1", 0]
    prompt["9"] = {"class_type": "PreviewImage", "inputs": {"images": source}}
    return prompt


@pytest.fixture
def served(double: Double) -> Double:
    _, png = cv2.imencode(".png", drawn_photo())
    double.files[("input", "", "astro.png")] = png.tobytes()
    double.files[("input", "", "corrupt.png")] = png.tobytes()[:40]
    return double


def post(double: Double, prompt: Prompt, **more: Any) -> str:
    answer = requests.post(f"{double.url}/prompt", json={"prompt": prompt, **more}, timeout=60)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["prompt_id"])


def run(double: Double, prompt: Prompt) -> str:
    prompt_id = post(double, prompt)
    assert double.wait_until(lambda: prompt_id in double.worker.history)
    return prompt_id


def loads(double: Double, *prompts: Prompt) -> list[int]:
    """How many models each prompt loads."""
    counts = []
    for blur, prompt in enumerate(prompts):
        for node in prompt.values():
            if "mask_blur" in node["inputs"]:
                node["inputs"]["mask_blur"] = blur  # so that nothing is cached
        before = len(double.inferences)
        run(double, prompt)
        counts.append(sum(inference.loaded for inference in double.inferences[before:]))
    return counts


R, B2, HR = "2:RMBG-2.0", "2:BEN2", "5:BiRefNet-HR"


@pytest.mark.parametrize(
    ("prompts", "expected"),
    [
        ([workflow(R), workflow(R), workflow(R)], [1, 0, 0]),  # A
        ([workflow(R), workflow("20:RMBG-2.0"), workflow(R)], [1, 1, 1]),  # B
        ([workflow(R), workflow(B2), workflow(R), workflow(B2)], [1, 1, 0, 0]),  # C
        ([workflow(R), workflow(HR), workflow(R), workflow(HR)], [1, 1, 1, 1]),  # D
        ([workflow(R), workflow("2:BiRefNet-HR"), workflow(R), workflow("2:BiRefNet-HR")], [1, 1, 1, 1]),  # D2
        ([workflow(R, (HR,)), workflow(HR, (R,)), workflow(R, (HR,)), workflow(HR, (R,))], [1, 1, 0, 0]),  # E2
        ([workflow(R, (HR,)), workflow(HR, (R,)), workflow("", (R, HR)), workflow(R, (HR,))], [1, 1, 0, 0]),  # E3
        ([workflow(HR), workflow("5:BiRefNet-portrait"), workflow(HR)], [1, 1, 1]),  # F
        (
            [workflow(HR, ("50:BiRefNet-portrait",)), workflow("50:BiRefNet-portrait", (HR,))] * 2,
            [1, 1, 0, 0],
        ),  # F2
        ([workflow(R), workflow(""), workflow(R)], [1, 0, 1]),  # G
        ([workflow(R), workflow(R, picture="corrupt.png"), workflow(R)], [1, 0, 0]),  # H
        ([workflow(R, ("20:RMBG-2.0",)), workflow("20:RMBG-2.0", (R,))] * 2, [1, 1, 0, 0]),  # M
    ],
)
def test_models_are_loaded_as_often_as_measured(served: Double, prompts: list[Prompt], expected: list[int]) -> None:
    assert loads(served, *copy.deepcopy(prompts)) == expected


@pytest.mark.parametrize(("body", "expected"), [({"unload_models": True}, [0]), ({"free_memory": True}, [1])])
def test_free_memory_drops_the_models_and_unload_models_does_not(
    served: Double, body: dict[str, bool], expected: list[int]
) -> None:
    loads(served, workflow(R))

    requests.post(f"{served.url}/free", json=body, timeout=60)

    assert loads(served, workflow(R, blur=5)) == expected


def test_prompts_run_in_the_recorded_order(served: Double) -> None:
    """p1 runs when the others arrive. `front` counts down; explicit numbers are used unchanged."""
    served.worker._counter = itertools.count(78)
    served.faults.hold = True
    post(served, workflow(R), prompt_id="p1")
    assert served.wait_until(lambda: len(served.inferences) == 1)
    later: dict[str, dict[str, Any]] = {
        "p2": {}, "p3": {}, "p4_front": {"front": True}, "p5": {}, "p6_number_minus_5": {"number": -5},
        "p7_number_0.5": {"number": 0.5}, "p8_front": {"front": True},
    }  # fmt: skip
    for blur, (name, more) in enumerate(later.items()):
        post(served, workflow(R, blur=blur + 1), prompt_id=name, **more)
    pending = [item[0] for item in served.worker.queue()["queue_pending"]]

    served.set_faults({"hold": False})
    assert served.wait_until(lambda: served.worker.remaining() == 0)
    order = [inference.prompt_id for inference in served.inferences]

    recorded = [data["prompt_id"] for kind, data in EVENTS["40_queue_order"]["frames"] if kind == "execution_start"]
    assert order == recorded
    assert order[:5] == ["p1", "p8_front", "p4_front", "p6_number_minus_5", "p7_number_0.5"]
    assert pending[0] == min(pending)
    assert pending != sorted(pending)  # a raw heap


def test_the_same_id_twice_runs_twice_and_the_later_entry_stays(served: Double) -> None:
    for blur in (1, 2):
        prompt_id = post(served, workflow(R, blur=blur), prompt_id="again")
        assert served.wait_until(lambda: served.worker.remaining() == 0)

    assert len(served.inferences) == 2
    assert served.worker.history[prompt_id]["prompt"][2]["2"]["inputs"]["mask_blur"] == 2


def test_a_second_socket_under_one_id_takes_over_and_the_first_ones_end_silences_it(served: Double) -> None:
    address = f"ws{served.url.removeprefix('http')}/ws?clientId=twice"
    first = Listener(address)
    first.next()
    second = Listener(address)
    assert second.next()[0] == "status"

    run_for_twice = post(served, workflow(R), client_id="twice")
    assert [kind for kind, _ in second.until_end(run_for_twice)][-1] == "executing"
    first.close()

    assert served.wait_until(lambda: "twice" not in served.worker.sessions.client_ids())
    second.close()


def test_a_restart_forgets_all_but_uploads_and_outputs(served: Double) -> None:
    save = workflow(R)
    save["9"] = {"class_type": "SaveImage", "inputs": {"images": ["2", 0], "filename_prefix": "sub/cut"}}
    run(served, save)
    prompt_id = run(served, workflow(R))
    kinds_before = {name[0] for name in served.files}

    served.restart()

    assert kinds_before == {"input", "output", "temp"}
    assert {name[0] for name in served.files} == {"input", "output"}
    assert requests.get(f"{served.url}/history/{prompt_id}", timeout=60).json() == {}
    assert requests.get(f"{served.url}/queue", timeout=60).json() == {"queue_running": [], "queue_pending": []}
    assert loads(served, workflow(R, blur=1)) == [1]


def test_the_mask_follows_the_drawn_subject(served: Double) -> None:
    prompt_id = run(served, workflow(R))
    image = served.worker.history[prompt_id]["outputs"]["9"]["images"][0]
    png = requests.get(f"{served.url}/view", params=image, timeout=60).content
    mask = np.asarray(cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED))

    assert mask.shape == (96, 128, 3)
    assert (mask[..., 0] == mask[..., 1]).all()
    assert mask[48, 64, 0] >= 250
    assert mask[4, 4, 0] == 0


def test_an_unknown_fault_is_an_error(served: Double) -> None:
    with pytest.raises(ValueError, match="no such fault"):
        served.set_faults({"explode": True})


def test_ids_are_made_up_where_none_is_given(served: Double) -> None:
    assert uuid.UUID(post(served, workflow(R)))


def test_the_double_in_a_process_of_its_own_takes_faults_at_run_time() -> None:
    command = [sys.executable, "-m", "tests.engines.comfyui_double", "--fault", "load_seconds=0.1"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parents[2]) as process:
        assert process.stdout
        url = process.stdout.readline().strip()

        state = requests.post(f"{url}/_double/faults", json={"missing_nodes": ["RMBG"]}, timeout=60).json()
        answer = requests.get(f"{url}/object_info/RMBG", timeout=60)
        process.terminate()

    assert state["faults"]["load_seconds"] == 0.1
    assert json.loads(answer.text) == {}
    assert process.returncode == 0


@pytest.mark.slow
def test_the_contract_suite_runs_unchanged_against_a_server_somewhere_else() -> None:
    """The environment names the server, as it would a real one. The suite touches only its own prompts and files."""
    command = [sys.executable, "-m", "tests.engines.comfyui_double"]
    suite = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *CONTRACT_SUITE]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=CHECKOUT) as process:
        assert process.stdout
        url = process.stdout.readline().strip()
        environment = {**os.environ, "FREISTELLER_TEST_COMFYUI": url}
        ran = subprocess.run(suite, cwd=CHECKOUT, env=environment, capture_output=True, text=True, check=False)
        state = requests.get(f"{url}/_double/state", timeout=60).json()
        process.terminate()

    assert ran.returncode == 0, ran.stdout
    assert state["inferences"]
    touched = [name.partition("/")[2] for name in state["files"] if not name.startswith("temp//ComfyUI_temp_")]
    assert all(name.startswith("freisteller-contract/") for name in touched)
