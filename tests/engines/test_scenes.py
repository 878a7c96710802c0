"""Recorded scenes: the events that a client gets while prompts wait or are deleted, models are freed, a server dies.

They run against the double only, because a scene needs a prompt that runs until the test releases it.
"""

import pytest
import requests

from daemon.engines.comfyui.provenance import loaded_digest
from tests.engines.replay import EVENTS, EXCHANGES, Json, only_recorded_progress
from tests.engines.scene import Scene


def test_a_pending_prompt_that_is_deleted_leaves_no_trace_and_a_running_one_stays(scene: Scene) -> None:
    running = scene.post_held()
    deleted, last = scene.post(), scene.post()

    scene.replay("queue_delete_pending", {"delete": [deleted]})
    scene.replay("queue_delete_running", {"delete": [running]})
    scene.let_go()

    scene.assert_heard("33_queue_delete_pending", last)
    assert scene.history(deleted) == EXCHANGES["history_of_deleted_pending"]["response"]["body"]
    assert running in scene.history(running)


def test_a_queue_that_is_cleared_goes_on_with_what_runs(scene: Scene) -> None:
    running = scene.post_held()
    for _ in range(2):
        scene.post()

    scene.replay("queue_clear", {"clear": True})
    scene.let_go()

    scene.assert_heard("34_queue_clear", running)


def test_freeing_drops_the_cache_and_the_models(scene: Scene) -> None:
    scene.replay("free", EXCHANGES["free"]["request"]["body"])
    assert scene.double.wait_until(lambda: not scene.double.worker.is_asked_to_free())

    scene.assert_heard("35_free_then_prompt", scene.post())
    assert scene.double.inferences[-1].loaded


def test_unloading_alone_drops_nothing_of_these_nodes(scene: Scene) -> None:
    requests.post(f"{scene.double.url}/free", json={"unload_models": True}, timeout=60)

    scene.assert_heard("36_free_unload_only_then_prompt", scene.post())
    assert not scene.double.inferences[-1].loaded


def test_the_same_number_and_id_with_another_prompt_is_an_error_and_queued_all_the_same(scene: Scene) -> None:
    scene.post_held()
    scene.post(prompt_id="dup2", number=200)
    before = scene.double.worker.remaining()
    asked = EXCHANGES["queue_same_number_same_id_other_prompt_2"]["request"]
    body = {**asked["body"], "prompt_id": "dup2", "number": 200}

    answer = scene.subject.send({"request": {**asked, "body": body}})
    scene.let_go()

    assert answer.status_code == EXCHANGES["queue_same_number_same_id_other_prompt_2"]["response"]["status"]
    assert scene.double.worker.remaining() == before + 1
    assert scene.double.wait_until(lambda: scene.double.worker.remaining() == 0)
    assert [each.prompt_id for each in scene.double.inferences].count("dup2") == 2


def test_the_queue_in_mid_flight_is_listed_as_recorded(scene: Scene) -> None:
    running, pending = scene.post_held(), scene.post()
    recorded = EXCHANGES["queue_get_mid_flight"]["response"]["body"]

    queue = requests.get(f"{scene.double.url}/queue", timeout=60).json()
    scene.let_go()

    assert [item[1] for item in queue["queue_running"]] == [running]
    assert [item[1] for item in queue["queue_pending"]] == [pending]
    for item in queue["queue_running"] + queue["queue_pending"]:
        assert [type(part) for part in item] == [type(part) for part in recorded["queue_running"][0]]
        assert item[4] == recorded["queue_running"][0][4]
        assert set(item[3]) == set(recorded["queue_running"][0][3])


def test_a_result_is_a_png_as_recorded_with_its_prompt_in_it(scene: Scene) -> None:
    prompt_id = scene.post()
    assert scene.double.wait_until(lambda: prompt_id in scene.double.worker.history)
    image = scene.history(prompt_id)[prompt_id]["outputs"]["3"]["images"][0]
    recorded = EXCHANGES["view_01_temp_mask"]["response"]
    head = bytes.fromhex(recorded["body"]["head_hex"])

    answer = requests.get(f"{scene.double.url}/view", params=image, timeout=60)

    assert answer.headers["Content-Type"] == recorded["headers"]["Content-Type"]
    assert answer.content[:16] == head[:16]  # signature, IHDR
    assert answer.content[24:29] == head[24:29]  # 8 bit, RGB, not interlaced
    assert recorded["body"]["image"]["info_keys"] == ["prompt"]
    assert loaded_digest(answer.content)


def test_a_killed_server_ends_without_a_word_and_has_forgotten_all_but_files(scene: Scene) -> None:
    picture = scene.subject.folder + "/astro.jpg"
    done = scene.post()
    assert scene.double.wait_until(lambda: done in scene.double.worker.history)
    result = scene.history(done)[done]["outputs"]["3"]["images"][0]
    with scene.subject.listen("k") as listener:
        greeting = listener.next()
        lost = scene.post_held(client_id="k")
        scene.post(client_id="k")
        scene.double.die()
        heard = scene.comparable(only_recorded_progress([greeting, *listener.until_lost()]))
    killed = [(kind, data) for kind, data in EVENTS["60_sigkill_midprompt"]["frames"] if kind != "mark"]
    with pytest.raises(requests.ConnectionError):
        requests.get(f"{scene.double.url}/queue", timeout=60)
    scene.double.faults.hold = False
    scene.double.revive()

    def answers(path: str, **query: str) -> tuple[int, Json]:
        answer = requests.get(scene.double.url + path, params=query, timeout=60)
        return answer.status_code, answer.json() if "json" in answer.headers.get("Content-Type", "") else None

    def recorded(name: str) -> tuple[int, Json]:
        kept = EXCHANGES[f"after_sigkill_{name}"]["response"]
        return kept["status"], kept["body"] if "json" in kept["headers"].get("Content-Type", "") else None

    assert heard == scene.comparable(killed)
    folder, _, name = picture.rpartition("/")
    assert answers("/history") == recorded("history")
    assert answers(f"/history/{lost}") == recorded("history_of_running")
    assert answers("/queue") == recorded("queue")
    assert answers("/view", **result) == recorded("view_temp_result")
    assert answers("/view", filename="proxy.jpg", subfolder=scene.subject.folder, type="temp") == recorded(
        "view_temp_upload"
    )
    assert answers("/view", filename=name, subfolder=folder, type="input") == recorded("view_input_upload")
    with scene.subject.listen("k") as again:
        again.next()
        first = scene.post(client_id="k")
        kinds = [kind for kind, _ in again.until_end(first)]
    frames = EVENTS["61_sigkill_after_restart"]["frames"]
    assert kinds == [kind for kind, _ in frames if kind != "mark"][1:]
