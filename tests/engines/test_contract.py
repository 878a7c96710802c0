"""Replays the recorded contract against the double, and unchanged against a real server.

`FREISTELLER_TEST_COMFYUI=http://host:8188 pytest tests/engines/test_contract*.py` tests a real server. The suite posts
its own prompts, uploads its own files and touches nothing else. Tests that would are skipped there.
"""

import contextlib
import http.client
import time
from urllib.parse import urlsplit

import pytest
import requests

from tests.engines.double_version import BACKGROUND_NODES, JOBS
from tests.engines.replay import EXCHANGES, NEWER, REAL, Subject, since
from tests.engines.test_graph import OBJECT_INFO

# Not replayed: these answers depend on the recorded server's own files, or on what others did there.
NOT_COMPARABLE = {
    "prompt_bad_image_path_traversal",
    "get_history",
    "get_queue",
    "get_prompt",
    "get_system_stats",
    "get_features",
}


# These leave a file in output/, or they harm what others cached and queued.
NOT_ON_A_REAL_SERVER = {"upload_09_type_output", "free", "free_empty", "interrupt_idle"}


STORED = [
    "view_03_output_plain", "view_18_default_type_is_output", "view_19_input_type", "view_20_input_subfolder",
    "view_21_umlaut_nfc", "view_22_annotated_name", "view_23_text_file", "view_24_range_request", "view_25_head",
    "view_26_if_none_match", "view_27_if_modified_since", "view_28_api_prefix",
]  # fmt: skip
"""GET /view of a file that exists."""


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


NOT_ROUTES = ("history_", "jobs_one_done", "features", "models_background_removal", "prompt_bad_background")
"""Recordings in NEWER that tests of their own look at, or that depend on the server's models."""


JOB = (
    "id", "status", "priority", "create_time", "execution_start_time", "execution_end_time", "outputs_count",
    "preview_output", "outputs", "execution_status", "workflow",
)  # fmt: skip


UPLOADS = [name for name in EXCHANGES if name.startswith("upload_") and name not in IN_SCENES]


def assert_as_recorded(subject: Subject, name: str) -> requests.Response:
    exchange = subject.exchange(name)
    answer = subject.send(exchange)
    recorded = exchange["response"]

    assert answer.status_code == recorded["status"], answer.text
    kind = recorded["headers"].get("Content-Type", "")
    if "json" in kind and recorded["body"] != "":  # "" is the body of a HEAD request
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


@pytest.mark.parametrize("name", [name for name in NEWER if not name.startswith(NOT_ROUTES)])
def test_a_newer_route_answers_as_recorded(subject: Subject, name: str) -> None:
    if subject.version < since(name):
        pytest.skip("that version does not have it")
    recorded = NEWER[name]["response"]
    answer = subject.send(NEWER[name])

    assert answer.status_code == recorded["status"], answer.text
    if "json" in recorded["headers"].get("Content-Type", "") and recorded["body"] != "":
        assert subject.stripped(answer.json()) == subject.stripped(recorded["body"])


def test_the_features_are_at_least_those_that_were_recorded(subject: Subject) -> None:
    recorded = EXCHANGES["get_features"]["response"]["body"]
    answer = requests.get(f"{subject.url}/features", timeout=60)

    assert recorded.items() <= answer.json().items()
    assert answer.headers["Content-Type"] == EXCHANGES["get_features"]["response"]["headers"]["Content-Type"]


@pytest.mark.parametrize("name", STORED)
def test_a_stored_file_is_served_as_recorded(subject: Subject, name: str) -> None:
    """The recording asked for a result, we ask for an upload: the route treats both alike, and no result is left."""
    asked, recorded = EXCHANGES[name]["request"], EXCHANGES[name]["response"]
    stored = "notes.txt" if name == "view_23_text_file" else "grün.png"
    where = {"filename": stored, "type": "input", "subfolder": subject.folder}
    if asked["query"].get("filename", "").endswith("]"):
        where = {"filename": "proxy.jpg [temp]", "subfolder": subject.folder}
    plain = requests.get(f"{subject.url}/view", params=where, timeout=60)
    headers = dict(asked.get("headers", {}))
    for condition, source in (("If-None-Match", "Etag"), ("If-Modified-Since", "Last-Modified")):
        if condition in headers:
            headers[condition] = plain.headers[source]

    answer = requests.request(asked["method"], subject.url + asked["path"], params=where, headers=headers, timeout=60)

    assert answer.status_code == recorded["status"]
    assert {"Etag", "Last-Modified", "Content-Disposition", "Content-Type"} <= set(answer.headers)
    assert ("Accept-Ranges" in answer.headers) == ("Accept-Ranges" in recorded["headers"])
    assert ("Content-Range" in answer.headers) == ("Content-Range" in recorded["headers"])
    if recorded["status"] == 206:
        assert answer.content == plain.content[: recorded["body"]["binary_bytes"]]
    else:
        assert answer.content == (b"" if recorded["body"] == "" else plain.content)


def test_the_model_folder_lists_the_weights_that_are_there(subject: Subject) -> None:
    """The list depends on the server; the form of the names does not."""
    listed = requests.get(f"{subject.url}/models/rmbg", timeout=60).json()
    recorded = EXCHANGES["get_models_rmbg"]["response"]["body"]

    assert all(isinstance(file, str) and "/" in file for file in listed)
    if subject.double:
        assert set(listed) <= set(recorded)


def test_an_upload_that_is_too_large_is_refused_as_recorded(subject: Subject) -> None:
    """The announced length is enough, so the test sends 100 MB to a real server only."""
    recorded = EXCHANGES["upload_29_over_100MiB"]["response"]
    limit = requests.get(f"{subject.url}/features", timeout=60).json()["max_upload_size"]
    host, port = urlsplit(subject.url).hostname, urlsplit(subject.url).port
    assert host
    more, tail = 4 << 20, b"\r\n--contract--\r\n"  # well beyond the limit, so that it is reached before the form's end
    head = b'--contract\r\nContent-Disposition: form-data; name="image"; filename="large.jpg"\r\n\r\n'
    connection = http.client.HTTPConnection(host, port, timeout=60)
    connection.putrequest("POST", "/upload/image")
    connection.putheader("Content-Type", "multipart/form-data; boundary=contract")
    connection.putheader("Content-Length", str(len(head) + limit + more + len(tail)))
    connection.endheaders()
    if not subject.double:  # aiohttp reads beyond the limit before it refuses, and only a form's file
        with contextlib.suppress(OSError):
            connection.send(head)
            for start in range(0, limit + more, 1 << 20):
                connection.send(b"x" * min(1 << 20, limit + more - start))
            connection.send(tail)
    answer = connection.getresponse()

    assert answer.status == recorded["status"]
    assert answer.read().decode().startswith(recorded["body"].rstrip("."))
    connection.close()


def test_uploads_are_named_as_recorded(subject: Subject) -> None:
    """The order matters: a name depends on the uploads before it."""
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
    queue = requests.get(f"{subject.url}/queue", timeout=60).json()
    stats = requests.get(f"{subject.url}/system_stats", timeout=60).json()

    assert set(queue) == set(EXCHANGES["get_queue"]["response"]["body"])
    assert {"vram_total", "vram_free"} <= set(stats["devices"][0])
    assert "comfyui_version" in stats["system"]


def test_every_route_works_under_api_too(subject: Subject) -> None:
    for path in ("/queue", "/system_stats", "/object_info/RMBG", "/history/no-such-prompt", "/features"):
        plain, prefixed = (requests.get(f"{subject.url}{one}", timeout=60) for one in (path, f"/api{path}"))
        assert (plain.status_code, plain.headers["Content-Type"]) == (200, prefixed.headers["Content-Type"])
        assert set(plain.json()) == set(prefixed.json())


def test_the_nodes_are_declared_as_recorded(subject: Subject) -> None:
    for node in ("RMBG", "BiRefNetRMBG", "PreviewImage"):
        live = requests.get(f"{subject.url}/object_info/{node}", timeout=60).json()[node]
        assert subject.stripped(live["input"]) == subject.stripped(OBJECT_INFO[node]["input"])
        assert live["output_node"] == OBJECT_INFO[node]["output_node"]
        if node != "PreviewImage":  # newer versions pass the picture on
            assert live["output"] == OBJECT_INFO[node]["output"]


def test_cores_nodes_for_backgrounds_are_declared_as_recorded(subject: Subject) -> None:
    """Their choices come in a newer form, ["COMBO", {"options": […]}]. Which models are there depends on the server."""
    if subject.version < BACKGROUND_NODES:
        pytest.skip("that version does not have them")
    loader, remover = (
        requests.get(f"{subject.url}/object_info/{node}", timeout=60).json()[node]
        for node in ("LoadBackgroundRemovalModel", "RemoveBackground")
    )
    kind, limits = loader["input"]["required"]["bg_removal_name"]

    assert (kind, type(limits["options"]), loader["output"]) == ("COMBO", list, ["BACKGROUND_REMOVAL"])
    assert {"bg_removal_model", "image"} <= set(remover["input"]["required"])
    assert remover["output"] == ["MASK"]


def test_a_job_that_is_done_shows_its_result(subject: Subject) -> None:
    if subject.version < JOBS:
        pytest.skip("that version does not have it")
    prompt_id = subject.send(EXCHANGES["prompt_ok_first"]).json()["prompt_id"]
    deadline = time.monotonic() + 300
    while not subject.finished(prompt_id) and time.monotonic() < deadline:
        time.sleep(0.05)

    job = requests.get(f"{subject.url}/api/jobs/{prompt_id}", timeout=60).json()

    assert set(JOB) <= set(job)
    assert (job["id"], job["status"], job["outputs_count"]) == (prompt_id, "completed", 2)
    listed = requests.get(f"{subject.url}/api/jobs", params={"status": "completed"}, timeout=60).json()
    assert prompt_id in [each["id"] for each in listed["jobs"]]
    assert set(listed["pagination"]) == {"offset", "limit", "total", "has_more"}
