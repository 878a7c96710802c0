"""Recorded scenes: what a client hears while prompts wait, are deleted, interrupted, freed, and while a server dies.

Against the double only: a scene needs a prompt that runs for as long as the test wants.
"""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from daemon.engines.comfyui.provenance import loaded_digest
from tests.engines.comfyui_double import Double
from tests.engines.replay import EVENTS, EXCHANGES, Json, Listener, Subject, only_recorded_progress

CLIENT = "c7"


@pytest.fixture
def subject(double: Double) -> Subject:
    found = Subject.at(double.url, double)
    found.upload_pictures()
    return found


class Scene:
    """One client at a double whose picture is cached, as it was when the scenes were recorded."""

    def __init__(self, subject: Subject, double: Double, listener: Listener) -> None:
        self.subject, self.double = subject, double
        self._listener = listener
        self._blur = 30
        self._listener.until_end(self.post())

    def post(self, client_id: str | None = CLIENT, **more: Any) -> str:
        """LoadImage -> RMBG -> PreviewImage, another one each time. Returns its id once it is queued."""
        asked = EXCHANGES["queue_post_p2"]["request"]
        self._blur += 1
        prompt = json.loads(json.dumps(asked["body"]["prompt"]))
        prompt["2"]["inputs"]["mask_blur"] = self._blur
        body: Json = {"prompt": prompt, "prompt_id": str(uuid.uuid4()), **more}
        if client_id:
            body["client_id"] = client_id
        answer = self.subject.send({"request": {**asked, "body": body}})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["prompt_id"])

    def post_held(self, **more: Any) -> str:
        """One that works until `let_go`."""
        self.double.set_faults({"hold": True})
        before = len(self.double.inferences)
        prompt_id = self.post(**more)
        assert self.double.wait_until(lambda: len(self.double.inferences) > before)
        return prompt_id

    def let_go(self) -> None:
        self.double.set_faults({"hold": False})

    def replay(self, name: str, body: Json) -> None:
        """A recorded request with this scene's ids in it; it is answered as it was."""
        asked, recorded = EXCHANGES[name]["request"], EXCHANGES[name]["response"]
        answer = self.subject.send({"request": {**asked, "body": body}})
        assert (answer.status_code, answer.text) == (recorded["status"], recorded["body"])

    def history(self, prompt_id: str) -> Json:
        return requests.get(f"{self.double.url}/history/{prompt_id}", timeout=10).json()

    def assert_heard(self, name: str, last: str) -> None:
        """All that was recorded, status counts too, up to the end of prompt `last`."""
        heard = self._listener.until_end(last)
        recorded = [(kind, data) for kind, data in EVENTS[name]["frames"] if kind != "mark"]

        assert self.comparable(only_recorded_progress(heard)) == self.comparable(recorded)

    def comparable(self, frames: Json) -> Json:
        """Ids by the order in which they appear."""
        ids: dict[str, str] = {}
        named = [
            (kind, ids.setdefault(data["prompt_id"], f"prompt {len(ids) + 1}") if "prompt_id" in data else "", data)
            for kind, data in frames
        ]
        return self.subject.stripped(named)


@pytest.fixture
def scene(subject: Subject, double: Double) -> Iterator[Scene]:
    with subject.listen(CLIENT) as listener:
        listener.next()
        yield Scene(subject, double, listener)


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


def test_an_interrupt_of_another_id_does_nothing(scene: Scene) -> None:
    running = scene.post_held()

    scene.replay("interrupt_with_other_prompt_id", {"prompt_id": "not-running"})
    scene.let_go()

    scene.assert_heard("30_interrupt_with_other_prompt_id", running)
    assert scene.history(running)[running]["status"]["status_str"] == "success"


def test_an_interrupt_of_a_pending_id_does_nothing(scene: Scene) -> None:
    scene.post_held()
    pending = scene.post()

    scene.replay("interrupt_pending_prompt_id", {"prompt_id": pending})
    scene.let_go()

    assert scene.double.wait_until(lambda: pending in scene.double.worker.history)
    assert all(entry["status"]["completed"] for entry in scene.double.worker.history.values())


def test_an_interrupt_while_idle_does_not_hit_the_next_prompt(scene: Scene) -> None:
    requests.post(f"{scene.double.url}/interrupt", timeout=10)

    scene.assert_heard("31_interrupt_while_idle_then_prompt", scene.post())


def test_an_interrupt_stops_the_first_of_two_and_the_second_goes_on(scene: Scene) -> None:
    scene.post_held()
    second = scene.post()

    scene.replay("interrupt_no_body", None)
    scene.let_go()

    scene.assert_heard("32_interrupt_first_of_two", second)


@pytest.mark.parametrize("name", ["interrupt_empty_object_body_while_running", "interrupt_broken_json_while_running"])
def test_an_interrupt_without_an_id_hits_whatever_runs(scene: Scene, name: str) -> None:
    running = scene.post_held(client_id="somebody-else")

    scene.replay(name, EXCHANGES[name]["request"]["body"])
    scene.let_go()

    assert scene.double.wait_until(lambda: running in scene.double.worker.history)
    kinds = [kind for kind, _ in scene.history(running)[running]["status"]["messages"]]
    assert kinds[-1] == "execution_interrupted"


def test_an_interrupt_while_the_last_node_works_comes_too_late(scene: Scene) -> None:
    scene.double.set_faults({"hold_results": True})
    prompt_id = scene.post()
    assert scene.double.wait_until(lambda: scene.double.worker.holds_a_result())

    scene.replay("interrupt_with_prompt_id", {"prompt_id": prompt_id})
    scene.double.set_faults({"hold_results": False})

    assert scene.double.wait_until(lambda: prompt_id in scene.double.worker.history)
    (recorded,) = EXCHANGES["history_interrupt_during_last_node"]["response"]["body"].values()
    status = scene.history(prompt_id)[prompt_id]["status"]
    assert (status["status_str"], status["completed"]) == ("success", recorded["status"]["completed"])
    assert [kind for kind, _ in status["messages"]] == [kind for kind, _ in recorded["status"]["messages"]]


def test_everybody_hears_of_the_interrupt_of_a_prompt_without_a_client(scene: Scene) -> None:
    with scene.subject.listen("bystander") as bystander:
        bystander.next()
        running = scene.post_held(client_id=None)
        requests.post(f"{scene.double.url}/interrupt", timeout=10)
        scene.let_go()
        heard = bystander.until_idle(lambda: scene.subject.finished(running))

    frames = EVENTS["39_interrupt_of_prompt_without_client_id"]["frames"]
    recorded = [kind for kind, data in frames if kind not in ("mark", "status")]
    assert [kind for kind, data in heard if data.get("prompt_id") == running] == recorded


def test_freeing_drops_the_cache_and_the_models(scene: Scene) -> None:
    scene.replay("free", EXCHANGES["free"]["request"]["body"])
    assert scene.double.wait_until(lambda: not scene.double.worker.is_asked_to_free())

    scene.assert_heard("35_free_then_prompt", scene.post())
    assert scene.double.inferences[-1].loaded


def test_unloading_alone_drops_nothing_of_these_nodes(scene: Scene) -> None:
    requests.post(f"{scene.double.url}/free", json={"unload_models": True}, timeout=10)

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

    queue = requests.get(f"{scene.double.url}/queue", timeout=10).json()
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

    answer = requests.get(f"{scene.double.url}/view", params=image, timeout=10)

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
        requests.get(f"{scene.double.url}/queue", timeout=10)
    scene.double.faults.hold = False
    scene.double.revive()

    def answers(path: str, **query: str) -> tuple[int, Json]:
        answer = requests.get(scene.double.url + path, params=query, timeout=10)
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
