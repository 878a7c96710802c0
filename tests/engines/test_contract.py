"""The recorded contract, replayed: against the double, and unchanged against a real server.

`FREISTELLER_TEST_COMFYUI=http://host:8188 pytest tests/engines/test_contract.py` asks a real one. It posts prompts and
uploads files of its own and touches nobody else's; what would is asked of the double only.
"""

import contextlib
import http.client
import os
import uuid
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
import requests

from tests.engines.comfyui_double import Double
from tests.engines.replay import EVENTS, EXCHANGES, Json, Subject, only_recorded_progress, told, without_noise
from tests.engines.test_graph import OBJECT_INFO

REAL = os.environ.get("FREISTELLER_TEST_COMFYUI", "")
double_only = pytest.mark.skipif(bool(REAL), reason="would touch what is not ours on a real server, or needs a fault")

# Recorded, and not replayed: a check that depends on the recorded server's own files or on what others did there.
NOT_COMPARABLE = {"prompt_bad_image_path_traversal", "get_history", "get_queue", "get_prompt", "get_system_stats"}
# Leave a file in output/, or what others cached and queued would suffer.
NOT_ON_A_REAL_SERVER = {"upload_09_type_output", "free", "free_empty", "interrupt_idle"}

STORED = [
    "view_03_output_plain", "view_18_default_type_is_output", "view_19_input_type", "view_20_input_subfolder",
    "view_21_umlaut_nfc", "view_22_annotated_name", "view_23_text_file", "view_24_range_request", "view_25_head",
    "view_26_if_none_match", "view_27_if_modified_since", "view_28_api_prefix",
]  # fmt: skip
"""GET /view of a file that is there."""
IN_SCENES = {
    "view_01_temp_mask", "queue_post_p2", "queue_get_mid_flight", "queue_delete_pending", "queue_delete_running",
    "queue_clear", "queue_same_number_same_id_other_prompt_1", "queue_same_number_same_id_other_prompt_2",
    "get_models_rmbg", "upload_29_over_100MiB",
}  # fmt: skip
ROUTES = [
    name
    for name in EXCHANGES
    if name not in NOT_COMPARABLE.union(STORED, IN_SCENES)
    and name.startswith(
        (
            "prompt_bad_", "get_", "view_", "free", "ws_route", "post_to_get", "origin_", "queue_", "host_",
            "interrupt_idle", "history_bad_max_items", "history_delete_unknown", "head_",
        )
    )
]  # fmt: skip
UPLOADS = [name for name in EXCHANGES if name.startswith("upload_") and name not in IN_SCENES]
SESSION = [
    "first", "identical", "one_param_changed", "back_to_first", "other_node_ids_same_content", "masktoimage",
    "saveimage", "saveimage_identical", "extra_data_and_own_prompt_id", "same_prompt_id_again",
    "prompt_id_number_type", "prompt_id_null", "loadimage_from_temp", "loadimage_from_subfolder", "loadimage_umlaut",
    "descriptive_ids", "birefnet", "values_as_text",
]  # fmt: skip
"""The recorded prompts in the order they were posted: what is cached depends on the one before."""


@pytest.fixture(scope="module")
def subject() -> Iterator[Subject]:
    if REAL:
        server = Subject.at(REAL, None)
        server.upload_pictures()
        yield server
        return
    with Double() as double:
        server = Subject.at(double.url, double)
        server.upload_pictures()
        yield server


def assert_as_recorded(subject: Subject, name: str) -> requests.Response:
    exchange = EXCHANGES[name]
    answer = subject.send(exchange)
    recorded = exchange["response"]

    assert answer.status_code == recorded["status"], answer.text
    kind = recorded["headers"].get("Content-Type", "")
    if "json" in kind and recorded["body"] != "":  # "": HEAD
        assert subject.stripped(answer.json()) == subject.stripped(recorded["body"])
    elif kind.startswith("text/plain"):
        assert answer.text == recorded["body"]
    assert answer.headers.get("Connection", "").lower() == recorded["headers"].get("Connection", "").lower()
    return answer


@pytest.mark.parametrize("name", ROUTES)
def test_a_route_answers_as_recorded(subject: Subject, name: str) -> None:
    if REAL and name in NOT_ON_A_REAL_SERVER:
        pytest.skip("would touch what is not ours")

    assert_as_recorded(subject, name)


@pytest.mark.parametrize("name", STORED)
def test_a_stored_file_is_served_as_recorded(subject: Subject, name: str) -> None:
    """Of an upload, where the recording asked for a result: the route makes no difference, and it leaves nothing."""
    asked, recorded = EXCHANGES[name]["request"], EXCHANGES[name]["response"]
    stored = "notes.txt" if name == "view_23_text_file" else "grün.png"
    where = {"filename": stored, "type": "input", "subfolder": subject.folder}
    if asked["query"].get("filename", "").endswith("]"):
        where = {"filename": f"{subject.folder}/proxy.jpg [temp]"}
    plain = requests.get(f"{subject.url}/view", params=where, timeout=30)
    headers = dict(asked.get("headers", {}))
    for condition, source in (("If-None-Match", "Etag"), ("If-Modified-Since", "Last-Modified")):
        if condition in headers:
            headers[condition] = plain.headers[source]

    answer = requests.request(asked["method"], subject.url + asked["path"], params=where, headers=headers, timeout=30)

    assert answer.status_code == recorded["status"]
    assert {"Etag", "Last-Modified", "Content-Disposition", "Content-Type"} <= set(answer.headers)
    assert ("Accept-Ranges" in answer.headers) == ("Accept-Ranges" in recorded["headers"])
    assert ("Content-Range" in answer.headers) == ("Content-Range" in recorded["headers"])
    if recorded["status"] == 206:
        assert answer.content == plain.content[: recorded["body"]["binary_bytes"]]
    else:
        assert answer.content == (b"" if recorded["body"] == "" else plain.content)


def test_the_model_folder_lists_the_weights_that_are_there(subject: Subject) -> None:
    """Which ones is the server's own affair; how they are named is not."""
    listed = requests.get(f"{subject.url}/models/rmbg", timeout=30).json()
    recorded = EXCHANGES["get_models_rmbg"]["response"]["body"]

    assert all(isinstance(file, str) and "/" in file for file in listed)
    if subject.double:
        assert set(listed) <= set(recorded)


def test_an_upload_that_is_too_large_is_refused_as_recorded(subject: Subject) -> None:
    """By its announced length: nobody has to send 100 MB to be told."""
    recorded = EXCHANGES["upload_29_over_100MiB"]["response"]
    limit = requests.get(f"{subject.url}/features", timeout=30).json()["max_upload_size"]
    host, port = urlsplit(subject.url).hostname, urlsplit(subject.url).port
    assert host
    connection = http.client.HTTPConnection(host, port, timeout=30)
    connection.putrequest("POST", "/upload/image")
    connection.putheader("Content-Type", "multipart/form-data; boundary=contract")
    connection.putheader("Content-Length", str(limit + 1))
    connection.endheaders()
    if not subject.double:  # aiohttp reads as far as the limit before it says no
        with contextlib.suppress(OSError):
            for _ in range(limit // (1 << 20) + 1):
                connection.send(b"x" * (1 << 20))
    answer = connection.getresponse()

    assert (answer.status, answer.read().decode()) == (recorded["status"], recorded["body"])
    connection.close()


def test_uploads_are_named_as_recorded(subject: Subject) -> None:
    """One after the other: a name depends on what was uploaded before."""
    for name in UPLOADS:
        if REAL and name in NOT_ON_A_REAL_SERVER:
            continue
        recorded = EXCHANGES[name]["response"]
        answer = subject.send(EXCHANGES[name])

        assert answer.status_code == recorded["status"], name
        if recorded["status"] == 200:
            given = {**answer.json()}
            given["subfolder"] = given["subfolder"].removeprefix(f"{subject.folder}/uploads").strip("/")
            assert given == recorded["body"], name


def test_the_queue_has_two_lists_and_the_memory_a_device(subject: Subject) -> None:
    queue = requests.get(f"{subject.url}/queue", timeout=10).json()
    stats = requests.get(f"{subject.url}/system_stats", timeout=10).json()

    assert set(queue) == set(EXCHANGES["get_queue"]["response"]["body"])
    assert {"vram_total", "vram_free"} <= set(stats["devices"][0])
    assert "comfyui_version" in stats["system"]


def test_every_route_works_under_api_too(subject: Subject) -> None:
    for path in ("/queue", "/system_stats", "/object_info/RMBG", "/history/no-such-prompt", "/features"):
        plain, prefixed = (requests.get(f"{subject.url}{one}", timeout=10) for one in (path, f"/api{path}"))
        assert (plain.status_code, plain.headers["Content-Type"]) == (200, prefixed.headers["Content-Type"])
        assert set(plain.json()) == set(prefixed.json())


def test_the_nodes_are_declared_as_recorded(subject: Subject) -> None:
    for node in ("RMBG", "BiRefNetRMBG", "PreviewImage"):
        live = requests.get(f"{subject.url}/object_info/{node}", timeout=10).json()[node]
        assert subject.stripped(live["input"]) == subject.stripped(OBJECT_INFO[node]["input"])
        assert (live["output"], live["output_node"]) == (OBJECT_INFO[node]["output"], OBJECT_INFO[node]["output_node"])


def test_a_sessions_events_come_as_recorded(subject: Subject) -> None:
    client_id = uuid.uuid4().hex
    subject.upload_pictures()  # new ones, that nothing is cached of
    with subject.listen(client_id) as listener:
        for name in SESSION:
            if REAL and name.startswith("saveimage"):
                continue
            exchange = EXCHANGES[f"prompt_ok_{name}"]
            exchange = {**exchange, "request": {**exchange["request"], "body": {**exchange["request"]["body"]}}}
            exchange["request"]["body"]["client_id"] = client_id
            prompt_id = subject.send(exchange).json()["prompt_id"]
            frames = subject.stripped(only_recorded_progress(listener.until_end(prompt_id)))

            if f"10_{name}" in EVENTS:
                recorded = without_noise(EVENTS[f"10_{name}"]["frames"])
                assert told(frames) == recorded, name
            if f"history_{name}" in EXCHANGES:
                entry = requests.get(f"{subject.url}/history/{prompt_id}", timeout=10).json()[prompt_id]
                (kept,) = EXCHANGES[f"history_{name}"]["response"]["body"].values()
                assert comparable(subject, entry) == comparable(subject, kept), name


def test_a_finished_prompt_is_in_the_history_when_its_last_event_comes(subject: Subject) -> None:
    client_id = uuid.uuid4().hex
    with subject.listen(client_id) as listener:
        for _ in range(10):
            prompt_id = post(subject, "first", client_id)
            listener.until_end(prompt_id)
            assert prompt_id in requests.get(f"{subject.url}/history/{prompt_id}", timeout=10).json()


@pytest.mark.parametrize("name", ["first", "identical"])
def test_a_history_entry_is_as_recorded(subject: Subject, name: str) -> None:
    client_id = uuid.uuid4().hex
    with subject.listen(client_id) as listener:
        prompt_id = post(subject, name, client_id)
        listener.until_end(prompt_id)
    entry = requests.get(f"{subject.url}/history/{prompt_id}", timeout=10).json()[prompt_id]
    (recorded,) = EXCHANGES["history_first"]["response"]["body"].values()

    assert set(entry) == set(recorded)
    assert [len(entry["prompt"]), entry["prompt"][1], entry["prompt"][4]] == [5, prompt_id, recorded["prompt"][4]]
    assert told_outputs(entry["outputs"]) == told_outputs(recorded["outputs"])
    assert entry["status"]["status_str"] == "success"
    assert entry["status"]["completed"]
    assert [kind for kind, _ in entry["status"]["messages"]] == [kind for kind, _ in recorded["status"]["messages"]]


@pytest.mark.parametrize(("case", "picture"), [("corrupt_png", "corrupt.png"), ("text_file_as_image", "notes.txt")])
def test_a_file_that_is_no_picture_fails_as_recorded(subject: Subject, case: str, picture: str) -> None:
    (recorded,) = EXCHANGES[f"history_runtime_{case}"]["response"]["body"].values()
    assert_fails_as(subject, f"21_runtime_{case}", recorded, picture)


def test_half_a_jpeg_is_taken_for_a_picture_as_recorded(subject: Subject) -> None:
    """So a damaged upload may come back as a success: each result says which bytes it was computed from."""
    client_id = uuid.uuid4().hex
    (recorded,) = EXCHANGES["history_runtime_truncated_jpeg"]["response"]["body"].values()
    subject.upload_pictures()
    prompt = {**recorded["prompt"][2], "1": {"class_type": "LoadImage", "inputs": {"image": "half.jpg"}}}
    asked = {"method": "POST", "path": "/prompt", "query": {}, "body": {"prompt": prompt, "client_id": client_id}}
    with subject.listen(client_id) as listener:
        prompt_id = subject.send({"request": asked}).json()["prompt_id"]
        frames = subject.stripped(only_recorded_progress(listener.until_end(prompt_id)))

    assert told(frames) == without_noise(EVENTS["21_runtime_truncated_jpeg"]["frames"])


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
    subject.upload_pictures()
    if case != "model_not_available_birefnet":  # so that the picture is cached, as it was then
        with subject.listen(client_id) as listener:
            listener.until_end(post(subject, "first", client_id))
    subject.double.set_faults(faults)
    (recorded,) = EXCHANGES[f"history_runtime_{case}"]["response"]["body"].values()

    assert_fails_as(subject, f"21_runtime_{case}", recorded, "astro.jpg")
    subject.double.set_faults({"missing_weights": [], "fail": ""})


def assert_fails_as(subject: Subject, events: str, recorded: Json, picture: str) -> None:
    client_id = uuid.uuid4().hex
    prompt = {**recorded["prompt"][2], "1": {"class_type": "LoadImage", "inputs": {"image": picture}}}
    body = {"prompt": prompt, "client_id": client_id}
    with subject.listen(client_id) as listener:
        answer = subject.send({"request": {"method": "POST", "path": "/prompt", "query": {}, "body": body}})
        prompt_id = answer.json()["prompt_id"]
        frames = subject.stripped(only_recorded_progress(listener.until_end(prompt_id)))
    entry = requests.get(f"{subject.url}/history/{prompt_id}", timeout=10).json()[prompt_id]

    assert told(frames) == without_noise(EVENTS[events]["frames"])
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
        requests.post(f"{subject.url}/interrupt", json={"prompt_id": prompt_id} if with_id else None, timeout=10)
        double.set_faults({"hold": False})
        frames = subject.stripped(only_recorded_progress(listener.until_end(prompt_id)))

    assert told(frames) == without_noise(EVENTS["30_interrupt_with_prompt_id"]["frames"])
    history = requests.get(f"{subject.url}/history/{prompt_id}", timeout=10).json()
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
    assert [("executing", {"node": "2"}), *told(frames)] == recorded


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
    """A recorded prompt, under an id of its own."""
    asked = EXCHANGES[f"prompt_ok_{name}"]["request"]
    body = {**asked["body"], "client_id": client_id, "prompt_id": str(uuid.uuid4())}
    answer = subject.send({"request": {**asked, "body": body}})
    assert answer.status_code == 200, answer.text
    return str(answer.json()["prompt_id"])


def comparable(subject: Subject, entry: Json) -> Json:
    """A history entry without its number, its client's name, and the hash that ComfyUI notes beside LoadImage."""
    number, prompt_id, prompt, extra, outputs = entry["prompt"]
    del number
    asked = {key: {part: node[part] for part in ("class_type", "inputs")} for key, node in prompt.items()}
    item = [prompt_id, asked, {key: value for key, value in extra.items() if key != "client_id"}, sorted(outputs)]
    shown = told_outputs(entry["outputs"])
    return subject.stripped({"item": item, "outputs": shown, "status": entry["status"], "meta": entry["meta"]})


def told_outputs(outputs: Json) -> Json:
    """Type and folder of every image, by node."""
    return {node: [(image["type"], image["subfolder"]) for image in ui["images"]] for node, ui in outputs.items()}
