"""Recorded scenes of interrupts, replayed against the double."""

import pytest
import requests

from tests.engines.replay import EVENTS, EXCHANGES
from tests.engines.scene import Scene


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
    requests.post(f"{scene.double.url}/interrupt", timeout=60)

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
        requests.post(f"{scene.double.url}/interrupt", timeout=60)
        scene.let_go()
        heard = bystander.until_idle(lambda: scene.subject.finished(running))

    frames = EVENTS["39_interrupt_of_prompt_without_client_id"]["frames"]
    recorded = [kind for kind, data in frames if kind not in ("mark", "status")]
    assert [kind for kind, data in heard if data.get("prompt_id") == running] == recorded
