"""Reading a foreign program's JSON: recorded shapes, newer shapes, and anything else."""

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.engines.comfyui import replies
from daemon.engines.comfyui.provenance import PNG_SIGNATURE, loaded_digest
from tests.engines.comfyui_double import RECORDINGS

EXCHANGES: dict[str, Any] = json.loads((RECORDINGS / "exchanges.json").read_text("utf-8"))

in_no_hurry = settings(deadline=None, max_examples=60)  # hypothesis must not assert seconds either
KEYS = (
    "p1", "prompt", "outputs", "status", "status_str", "completed", "messages", "images", "filename", "9", "inputs",
    "queue_running", "queue_pending", "system", "devices", "vram_total", "RMBG", "input", "required", "is_changed",
)  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=30,
)


def test_a_recorded_success_shows_its_image_and_what_it_was_computed_from() -> None:
    body = EXCHANGES["history_first"]["response"]["body"]

    finished = replies.read_history(body, next(iter(body)), "3")

    assert finished
    assert finished.image == replies.StoredImage("ComfyUI_temp_prvrr_00001_.png", "", "temp")
    assert finished.picture == "astro.jpg"
    assert (finished.error, finished.interrupted) == (None, False)


def test_a_recorded_interrupt_is_told_from_an_error() -> None:
    body = EXCHANGES["history_interrupt_no_body"]["response"]["body"]

    finished = replies.read_history(body, next(iter(body)), "3")

    assert finished
    assert finished.interrupted
    assert finished.error is None


def test_an_unknown_prompt_has_no_entry() -> None:
    assert (
        replies.read_history(EXCHANGES["get_history_no-such-prompt"]["response"]["body"], "no-such-prompt", "9") is None
    )


@pytest.mark.parametrize(
    "status", [None, {"status_str": "", "completed": False, "messages": []}, {"completed": False, "messages": None}]
)
def test_an_entry_that_is_not_complete_yet_is_known_and_no_answer(status: Any) -> None:
    finished = replies.read_history({"p1": {"outputs": {}, "status": status}}, "p1", "9")

    assert finished == replies.FinishedPrompt(complete=False)


def test_an_error_without_any_message_is_an_error_all_the_same() -> None:
    entry = {"outputs": {}, "status": {"status_str": "error", "completed": False, "messages": []}}

    finished = replies.read_history({"p1": entry}, "p1", "9")

    assert finished
    assert finished.error


def test_the_pending_heap_is_put_in_order() -> None:
    queue = replies.read_queue(
        {"queue_running": [[7, "a", {}]], "queue_pending": [[-83, "b", {}], [2, "d", {}], [-5.0, "c", {}]]}
    )

    assert (queue.running, queue.pending) == (("a",), ("b", "c", "d"))
    assert "a" in queue
    assert "d" in queue
    assert "e" not in queue


def test_the_pictures_that_queued_prompts_need_are_known() -> None:
    prompt = {"1": {"class_type": "LoadImage", "inputs": {"image": "freisteller/a/photo-01.jpg"}}, "2": {"inputs": {}}}

    assert replies.read_queue({"queue_running": [], "queue_pending": [[1, "p", prompt]]}).pictures == {
        "freisteller/a/photo-01.jpg"
    }


def test_the_recorded_memory_is_read() -> None:
    memory = replies.read_memory(EXCHANGES["get_system_stats"]["response"]["body"])

    assert (memory.total_bytes, memory.free_bytes) == (25276063744, 23866134528)
    assert {"--cpu", "--disable-api-nodes"} < set(memory.flags)


def test_the_memory_of_all_devices_counts() -> None:
    devices = [{"vram_total": 8, "vram_free": 3}, {"vram_total": 16, "vram_free": 5}, {"name": "says nothing"}]

    assert replies.read_memory({"system": {}, "devices": devices}) == replies.Memory(24, 8)


def test_a_server_without_a_device_says_nothing_of_memory() -> None:
    assert replies.read_memory({"system": {}, "devices": []}) == replies.Memory(None, None)


@in_no_hurry
@given(JSON)
def test_no_history_is_too_odd_to_be_read(body: Any) -> None:
    finished = replies.read_history(body, "p1", "9")

    assert finished is None or isinstance(finished, replies.FinishedPrompt)


@in_no_hurry
@given(st.lists(st.lists(JSON, max_size=4), max_size=2), st.lists(st.lists(JSON, max_size=4), max_size=3))
def test_no_item_of_a_queue_is_too_odd_to_be_read(running: Any, pending: Any) -> None:
    queue = replies.read_queue({"queue_running": running, "queue_pending": pending})

    assert len(queue.running) <= len(running)
    assert len(queue.pending) <= len(pending)


@in_no_hurry
@given(JSON)
def test_what_is_no_queue_is_one_clear_error(body: Any) -> None:
    whole = isinstance(body, dict) and all(
        isinstance(body.get(f"queue_{part}"), list) for part in ("running", "pending")
    )
    if whole:
        return

    with pytest.raises(ValueError, match="no queue_"):
        replies.read_queue(body)


@in_no_hurry
@given(JSON)
def test_what_is_no_entry_is_none_and_what_is_one_is_read(entry: Any) -> None:
    finished = replies.read_history(
        {"p1": {"status": {"completed": True, "messages": entry}, "outputs": entry}}, "p1", "9"
    )

    assert finished


@in_no_hurry
@given(JSON)
def test_no_declaration_is_too_odd_to_be_read(body: Any) -> None:
    assert isinstance(replies.read_inputs(body, "RMBG"), dict | None)


@in_no_hurry
@given(st.binary(max_size=200))
def test_no_bytes_are_too_odd_to_look_for_a_digest_in(content: bytes) -> None:
    assert loaded_digest(PNG_SIGNATURE + content) is None
    assert loaded_digest(content) is None


@in_no_hurry
@given(JSON)
def test_no_embedded_prompt_is_too_odd_to_look_for_a_digest_in(prompt: Any) -> None:
    text = b"prompt\0" + json.dumps(prompt).encode()
    png = PNG_SIGNATURE + len(text).to_bytes(4, "big") + b"tEXt" + text + b"\0\0\0\0"

    assert loaded_digest(png) is None
