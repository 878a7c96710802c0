"""Replays the recorded events and histories of whole prompts. See test_contract.py."""

import uuid

import pytest
import requests

from tests.engines.double_version import CANONICAL_IDS, PYAV
from tests.engines.replay import (
    EVENTS,
    EXCHANGES,
    NEWER,
    REAL,
    Json,
    Subject,
    comparable_frames,
    only_recorded_progress,
    without_noise,
)

double_only = pytest.mark.skipif(bool(REAL), reason="would touch what is not ours on a real server, or needs a fault")

SESSION = [
    "first", "identical", "one_param_changed", "back_to_first", "other_node_ids_same_content", "masktoimage",
    "saveimage", "saveimage_identical", "extra_data_and_own_prompt_id", "same_prompt_id_again",
    "prompt_id_number_type", "prompt_id_null", "loadimage_from_temp", "loadimage_from_subfolder", "loadimage_umlaut",
    "descriptive_ids", "birefnet", "values_as_text",
]  # fmt: skip
"""The recorded prompts in the order in which they were posted: what is cached depends on the prompt before."""


def without_greeting(frames: list[tuple[str, Json]]) -> list[tuple[str, Json]]:
    """Frames without what a client gets because it connects: on a busy machine, that comes amid a prompt."""
    return [(kind, data) for kind, data in frames if kind != "executing" or "prompt_id" in data]


def test_a_sessions_events_come_as_recorded(subject: Subject) -> None:
    client_id = uuid.uuid4().hex
    subject.use_new_folder()
    with subject.listen(client_id) as listener:
        for name in SESSION:
            if REAL and name.startswith("saveimage"):
                continue
            exchange = EXCHANGES[f"prompt_ok_{name}"]
            body = {**exchange["request"]["body"], "client_id": client_id}
            if subject.version >= CANONICAL_IDS and body.get("prompt_id"):  # newer versions refuse other ids
                body["prompt_id"] = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{client_id} {body['prompt_id']}"))
            prompt_id = subject.send({"request": {**exchange["request"], "body": body}}).json()["prompt_id"]
            frames = subject.stripped(only_recorded_progress(without_greeting(listener.until_end(prompt_id))))

            if f"10_{name}" in EVENTS:
                recorded = without_noise(EVENTS[f"10_{name}"]["frames"])
                assert comparable_frames(frames) == recorded, name
            if f"history_{name}" in EXCHANGES:
                entry = requests.get(f"{subject.url}/history/{prompt_id}", timeout=60).json()[prompt_id]
                (kept,) = EXCHANGES[f"history_{name}"]["response"]["body"].values()
                assert comparable(subject, entry) == comparable(subject, kept), name


def test_a_finished_prompt_is_in_the_history_when_its_last_event_comes(subject: Subject) -> None:
    client_id = uuid.uuid4().hex
    with subject.listen(client_id) as listener:
        for _ in range(10):
            prompt_id = post(subject, "first", client_id)
            listener.until_end(prompt_id)
            assert prompt_id in requests.get(f"{subject.url}/history/{prompt_id}", timeout=60).json()


@pytest.mark.parametrize("name", ["first", "identical"])
def test_a_history_entry_is_as_recorded(subject: Subject, name: str) -> None:
    client_id = uuid.uuid4().hex
    with subject.listen(client_id) as listener:
        prompt_id = post(subject, name, client_id)
        listener.until_end(prompt_id)
    entry = requests.get(f"{subject.url}/history/{prompt_id}", timeout=60).json()[prompt_id]
    (recorded,) = EXCHANGES["history_first"]["response"]["body"].values()

    assert set(entry) == set(recorded)
    assert [len(entry["prompt"]), entry["prompt"][1], entry["prompt"][4]] == [5, prompt_id, recorded["prompt"][4]]
    assert image_places(entry["outputs"]) == image_places(recorded["outputs"])
    assert entry["status"]["status_str"] == "success"
    assert entry["status"]["completed"]
    assert [kind for kind, _ in entry["status"]["messages"]] == [kind for kind, _ in recorded["status"]["messages"]]


@pytest.mark.parametrize(("case", "picture"), [("corrupt_png", "corrupt.png"), ("text_file_as_image", "notes.txt")])
def test_a_file_that_is_no_picture_fails_as_recorded(subject: Subject, case: str, picture: str) -> None:
    if subject.version >= PYAV:
        pytest.skip("newer versions decode with PyAV")
    subject.use_new_folder()
    (recorded,) = EXCHANGES[f"history_runtime_{case}"]["response"]["body"].values()
    assert_fails_as(subject, f"21_runtime_{case}", recorded, picture)


@pytest.mark.parametrize(("case", "picture"), [("notes_txt", "notes.txt"), ("broken_png", "broken.png")])
def test_a_file_that_is_no_picture_fails_as_recorded_of_newer_versions(
    subject: Subject, case: str, picture: str
) -> None:
    if subject.version < PYAV:
        pytest.skip("older versions decode with Pillow")
    subject.use_new_folder()
    (recorded,) = NEWER[f"history_loadimage_{case}"]["response"]["body"].values()
    assert_fails_as(subject, "", recorded, picture)


def test_half_a_jpeg_is_taken_for_a_picture_as_recorded(subject: Subject) -> None:
    """A damaged upload may therefore look like a success. But each result says which bytes it was computed from."""
    client_id = uuid.uuid4().hex
    (recorded,) = EXCHANGES["history_runtime_truncated_jpeg"]["response"]["body"].values()
    subject.use_new_folder()
    prompt = {**recorded["prompt"][2], "1": {"class_type": "LoadImage", "inputs": {"image": "half.jpg"}}}
    asked = {"method": "POST", "path": "/prompt", "query": {}, "body": {"prompt": prompt, "client_id": client_id}}
    with subject.listen(client_id) as listener:
        prompt_id = subject.send({"request": asked}).json()["prompt_id"]
        frames = subject.stripped(only_recorded_progress(listener.until_end(prompt_id)))

    assert comparable_frames(frames) == without_noise(EVENTS["21_runtime_truncated_jpeg"]["frames"])


@double_only
@pytest.mark.parametrize(
    ("case", "faults"),
    [
        ("raise_in_model", {"fail": "CUDA out of memory. Tried to allocate 2.00 GiB (stand-in)", "fail_prompts": 1}),
        ("model_not_available_rmbg", {"missing_weights": ["BEN"]}),
        ("model_not_available_birefnet", {"missing_weights": ["Lucida"]}),
        ("one_branch_fails_other_output_done", {"fail": "boom", "fail_prompts": 1}),
    ],
)
def test_a_failing_model_fails_as_recorded(subject: Subject, case: str, faults: Json) -> None:
    assert subject.double
    client_id = uuid.uuid4().hex
    subject.use_new_folder()
    if case != "model_not_available_birefnet":  # so that the picture is cached, as in the recording
        with subject.listen(client_id) as listener:
            listener.until_end(post(subject, "first", client_id))
    subject.double.set_faults(faults)
    (recorded,) = EXCHANGES[f"history_runtime_{case}"]["response"]["body"].values()

    assert_fails_as(subject, f"21_runtime_{case}", recorded, "astro.jpg")
    subject.double.set_faults({"missing_weights": [], "fail": ""})


def assert_fails_as(subject: Subject, events: str, recorded: Json, picture: str) -> None:
    """The prompt must fail as in this recorded history entry, with these recorded events; "" = none were recorded."""
    client_id = uuid.uuid4().hex
    prompt = {**recorded["prompt"][2], "1": {"class_type": "LoadImage", "inputs": {"image": picture}}}
    body = {"prompt": prompt, "client_id": client_id}
    with subject.listen(client_id) as listener:
        answer = subject.send({"request": {"method": "POST", "path": "/prompt", "query": {}, "body": body}})
        prompt_id = answer.json()["prompt_id"]
        frames = subject.stripped(only_recorded_progress(listener.until_end(prompt_id)))
    entry = requests.get(f"{subject.url}/history/{prompt_id}", timeout=60).json()[prompt_id]

    if events:
        assert comparable_frames(frames) == without_noise(EVENTS[events]["frames"])
    assert subject.stripped(entry["status"]) == subject.stripped(recorded["status"])
    assert subject.stripped(entry["outputs"]) == subject.stripped(recorded["outputs"])


@double_only
@pytest.mark.parametrize("with_id", [True, False])
def test_an_interrupt_takes_effect_after_the_node(subject: Subject, with_id: bool) -> None:
    double, client_id = subject.double, uuid.uuid4().hex
    assert double
    with subject.listen(client_id) as listener:
        listener.until_end(post(subject, "birefnet", client_id))
        double.set_faults({"hold": True})
        before = len(double.inferences)
        prompt_id = post(subject, "values_as_text", client_id)
        assert double.wait_until(lambda: len(double.inferences) > before)
        requests.post(f"{subject.url}/interrupt", json={"prompt_id": prompt_id} if with_id else None, timeout=60)
        double.set_faults({"hold": False})
        frames = subject.stripped(only_recorded_progress(listener.until_end(prompt_id)))

    assert comparable_frames(frames) == without_noise(EVENTS["30_interrupt_with_prompt_id"]["frames"])
    history = requests.get(f"{subject.url}/history/{prompt_id}", timeout=60).json()
    (recorded,) = EXCHANGES["history_interrupt_no_body"]["response"]["body"].values()
    assert subject.stripped(history[prompt_id]["status"]) == subject.stripped(recorded["status"])


@double_only
def test_who_reconnects_under_the_same_id_hears_the_rest(subject: Subject) -> None:
    double, client_id = subject.double, uuid.uuid4().hex
    assert double
    with subject.listen(client_id) as listener:
        listener.until_end(post(subject, "birefnet", client_id))
        double.set_faults({"hold": True})
        before = len(double.inferences)
        prompt_id = post(subject, "values_as_text", client_id)
        assert double.wait_until(lambda: len(double.inferences) > before)
    assert double.wait_until(lambda: client_id not in double.worker.sessions.client_ids())
    with subject.listen(client_id) as again:
        assert [again.next()[0], again.next()] == ["status", ("executing", {"node": "2"})]
        double.set_faults({"hold": False})
        frames = subject.stripped(only_recorded_progress(again.until_end(prompt_id)))

    recorded = without_noise(EVENTS["51_reconnect_same_client_id"]["frames"])
    assert [("executing", {"node": "2"}), *comparable_frames(frames)] == recorded


def test_feature_flags_are_answered_to_the_first_message_only(subject: Subject) -> None:
    flags = '{"type": "feature_flags", "data": {"supports_preview_metadata": true}}'
    with subject.listen(uuid.uuid4().hex) as first:
        first.say(flags)
        answers = dict([first.next(), first.next()])
    with subject.listen(uuid.uuid4().hex) as late:
        late.say('{"type": "nonsense", "data": {}}')
        late.say(flags)
        greeted = late.next()[0]
        post(subject, "first", "nobody-listens")
        following = late.next()[0]

    assert "max_upload_size" in answers["feature_flags"]
    assert (greeted, following) == ("status", "status")


def test_a_prompt_without_a_client_id_is_told_to_everybody_and_only_as_progress(subject: Subject) -> None:
    with subject.listen(uuid.uuid4().hex) as bystander:
        bystander.next()
        exchange = EXCHANGES["prompt_ok_no_client_id"]
        prompt_id = subject.send(exchange).json()["prompt_id"]
        frames = bystander.until_idle(lambda: subject.finished(prompt_id))
        kinds = {kind for kind, data in frames if data.get("prompt_id") == prompt_id}

    assert kinds == {kind for kind, _ in without_noise(EVENTS["11_no_client_id_other_listener"]["frames"])}


def test_somebody_elses_prompt_is_seen_as_a_count_only(subject: Subject) -> None:
    with subject.listen(uuid.uuid4().hex) as bystander:
        bystander.next()
        prompt_id = post(subject, "one_param_changed", "not-connected")
        frames = bystander.until_idle(lambda: subject.finished(prompt_id))

    assert not [kind for kind, data in frames if data.get("prompt_id") == prompt_id]


def post(subject: Subject, name: str, client_id: str) -> str:
    """Post a recorded prompt under a new id. Returns the id."""
    asked = EXCHANGES[f"prompt_ok_{name}"]["request"]
    body = {**asked["body"], "client_id": client_id, "prompt_id": str(uuid.uuid4())}
    answer = subject.send({"request": {**asked, "body": body}})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["prompt_id"])


def comparable(subject: Subject, entry: Json) -> Json:
    """A history entry without its number, its client's name, and the hash that ComfyUI adds to LoadImage."""
    number, prompt_id, prompt, extra, outputs = entry["prompt"]
    del number
    if subject.version >= CANONICAL_IDS:  # ids that were recorded from an older version may be any text
        prompt_id = "<id>"
    asked = {key: {part: node[part] for part in ("class_type", "inputs")} for key, node in prompt.items()}
    item = [prompt_id, asked, {key: value for key, value in extra.items() if key != "client_id"}, sorted(outputs)]
    shown = image_places(entry["outputs"])
    return subject.stripped({"item": item, "outputs": shown, "status": entry["status"], "meta": entry["meta"]})


def image_places(outputs: Json) -> Json:
    """Type and folder of every image, by node."""
    return {node: [(image["type"], image["subfolder"]) for image in ui["images"]] for node, ui in outputs.items()}
