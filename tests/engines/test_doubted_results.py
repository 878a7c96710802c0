"""Results that a server reports, but that are not the answer. They are computed again."""

import uuid

import numpy as np
import pytest
import requests

from daemon.errors import EngineAway
from tests.engines.comfyui_double import Double
from tests.engines.conformance import drawn_photo
from tests.engines.conftest import OpenEngine
from tests.engines.cuts import RMBG, BackgroundCut


def test_an_earlier_failure_under_the_same_ticket_is_not_taken_for_the_answer(
    double: Double, open_engine: OpenEngine
) -> None:
    """A daemon that is killed has no time to delete the entry of a prompt that failed."""
    ticket, engine = uuid.uuid4(), open_engine(double)
    engine.cut(uuid.uuid4(), drawn_photo(), RMBG)
    (entry,) = double.worker.history.values()
    double.set_faults({"fail": "CUDA out of memory", "fail_prompts": 1})
    prompt = {**entry["prompt"][2], "photo": {"class_type": "LoadImage", "inputs": {"image": "somebodys.png"}}}
    double.files[("input", "", "somebodys.png")] = next(iter(double.files.values()))
    requests.post(f"{double.url}/prompt", json={"prompt": prompt, "prompt_id": str(ticket)}, timeout=60)
    assert double.wait_until(lambda: str(ticket) in double.worker.history)
    assert double.worker.history[str(ticket)]["status"]["status_str"] == "error"
    double.set_faults({"hold": True})  # so that a poll comes while the new prompt runs

    cut = BackgroundCut(engine, ticket, shift=3)
    asked = double.asked("GET", f"/history/{ticket}")
    assert double.wait_until(lambda: double.asked("GET", f"/history/{ticket}") > asked + 1)
    double.set_faults({"hold": False})

    answer = cut.join().answer
    assert answer
    assert answer.alpha.max() > 0.9


def test_an_adopted_result_whose_file_is_gone_is_computed_again(double: Double, open_engine: OpenEngine) -> None:
    ticket, engine = uuid.uuid4(), open_engine(double)
    first = engine.cut(ticket, drawn_photo(), RMBG).alpha
    for name in [name for name in double.files if name[0] == "temp"]:
        del double.files[name]

    again = engine.cut(ticket, drawn_photo(), RMBG).alpha

    assert np.array_equal(first, again)
    assert (
        double.asked("POST", "/prompt") == 2
    )  # at once under another name, because under the same name it would be cached


def test_a_ticket_whose_recipe_changed_meanwhile_is_computed_anew(double: Double, open_engine: OpenEngine) -> None:
    ticket, engine = uuid.uuid4(), open_engine(double)
    engine.cut(ticket, drawn_photo(), RMBG)

    engine.cut(ticket, drawn_photo(), type(RMBG)("BEN2", 1024))

    assert [inference.model for inference in double.inferences] == ["RMBG-2.0", "BEN2"]


@pytest.mark.parametrize(
    "fault", ["swapped_results", "empty_results", "lost_results", "damaged_results", "small_results", "late_status"]
)
def test_a_history_that_lies_is_not_believed(fault: str, double: Double, open_engine: OpenEngine) -> None:
    photo = drawn_photo(shift=7)
    honest = open_engine(double, owner="honest").cut(uuid.uuid4(), photo, RMBG).alpha
    double.set_faults({fault: 1})

    alpha = open_engine(double).cut(uuid.uuid4(), photo, RMBG).alpha

    assert np.array_equal(alpha, honest)
    assert getattr(double.faults, fault) == 0


def test_an_entry_whose_status_is_null_for_a_while_is_waited_for(double: Double, open_engine: OpenEngine) -> None:
    double.set_faults({"late_status": 4})

    answer = open_engine(double).cut(uuid.uuid4(), drawn_photo(), RMBG)

    assert answer.alpha.max() > 0.9
    assert double.faults.late_status == 0
    assert (len(double.inferences), double.asked("POST", "/prompt")) == (1, 1)


def test_an_entry_that_is_never_completed_is_given_up_in_time_and_asked_anew(
    double: Double, open_engine: OpenEngine
) -> None:
    engine, ticket = open_engine(double, attempt_seconds=0.6), uuid.uuid4()
    double.set_faults({"late_status": -1})
    with pytest.raises(EngineAway, match=r"more than 0\.6 s"):
        engine.cut(ticket, drawn_photo(), RMBG)

    double.set_faults({"late_status": 0})
    assert double.wait_until(lambda: engine.health()[0].up)

    assert engine.cut(ticket, drawn_photo(), RMBG).alpha.max() > 0.9


def test_a_cached_result_whose_file_is_gone_is_computed_again(double: Double, open_engine: OpenEngine) -> None:
    engine = open_engine(double)
    first = engine.cut(uuid.uuid4(), drawn_photo(), RMBG).alpha
    for name in [name for name in double.files if name[0] == "temp"]:
        del double.files[name]

    second = engine.cut(uuid.uuid4(), drawn_photo(), RMBG).alpha

    assert np.array_equal(first, second)
    assert len(double.inferences) == 2
