"""People decide over the port: clear answers, the job as it is now, nothing done twice."""

import json
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from tests.drawing import drawn_photo, save_photo
from tests.web.live_daemon import Answered, Live, live_daemon

PATIENCE_SECONDS = 120.0


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live_daemon(tmp_path_factory.mktemp("deeds")) as live:
        yield live


def send(live: Live, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Answered:
    content = body if isinstance(body, bytes) else json.dumps({} if body is None else body).encode()
    return live.ask("POST", f"/api/v1/{path}", content, {"Content-Type": "application/json", **(headers or {})})


def done(live: Live, name: str) -> dict[str, Any]:
    """A photo of its own order, cut out."""
    save_photo(live.root / "inbox" / name / "a.png", drawn_photo(96, 72))
    return wait_for(live, name, "done")


def wait_for(live: Live, order: str, state: str, least: int = 1) -> dict[str, Any]:
    until = time.monotonic() + PATIENCE_SECONDS
    while len(found := live.ask("GET", f"/api/v1/jobs?order={order}&state={state}").json["jobs"]) < least:
        assert time.monotonic() < until
        time.sleep(0.1)
    job = found[0]
    assert isinstance(job, dict)
    return job


def other_than(grade: str) -> str:
    return "gut" if grade != "gut" else "ungenügend"


def test_a_verdict_is_answered_with_the_job_as_it_is_then_and_can_be_taken_back(live: Live) -> None:
    job = done(live, "verdict")
    other = other_than(job["grade"])

    answer = send(live, f"jobs/{job['id']}/verdict", {"grade": other}, {"If-Match": f'"{job["version"]}"'})

    assert answer.status == 200
    now = answer.json["job"]
    assert (now["grade"], now["decided"]["grade"]) == (other, other)
    assert now["version"] != job["version"]
    assert (live.root / other / "verdict" / "a.png").exists()
    undone = send(live, f"deeds/{answer.json['deed']}/undo")
    assert undone.status == 200
    assert (undone.json["job"]["grade"], undone.json["job"]["decided"]) == (job["grade"], None)
    again = send(live, f"deeds/{undone.json['deed']}/undo").json
    assert again["job"]["grade"] == other
    refused = send(live, f"deeds/{undone.json['deed']}/undo")
    assert (refused.status, refused.json["job"]["grade"]) == (409, other)


def test_the_second_of_two_people_is_told_what_the_first_one_did(live: Live) -> None:
    job = done(live, "second")
    other, tag = other_than(job["grade"]), {"If-Match": f'"{job["version"]}"'}
    send(live, f"jobs/{job['id']}/verdict", {"grade": other}, tag)

    late = send(live, f"jobs/{job['id']}/verdict", {"grade": job["grade"]}, tag)

    assert (late.status, late.problem) == (412, "changed")
    assert late.headers["content-type"] == "application/problem+json"
    assert late.json["job"]["decided"]["grade"] == other


@pytest.mark.parametrize("tag", ['W/"1"', '"x"', "1", '"99999999999999999999999"', ""])
def test_a_tag_that_never_was_fits_no_version(live: Live, tag: str) -> None:
    job = done(live, "tags")

    assert send(live, f"jobs/{job['id']}/verdict", {"grade": "gut"}, {"If-Match": tag}).status == 412


def test_many_at_once_with_the_same_tag_do_it_once(live: Live) -> None:
    job = done(live, "many")
    answers: list[Answered] = []

    def decide() -> None:
        answers.append(send(live, f"jobs/{job['id']}/verdict", {"grade": "gut"}, {"If-Match": f'"{job["version"]}"'}))

    threads = [threading.Thread(target=decide) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(answer.status for answer in answers) == [200, *[412] * 5]


def test_a_photo_is_sent_to_failed_with_a_word_and_tried_again(live: Live) -> None:
    job = done(live, "fail")

    failed = send(live, f"jobs/{job['id']}/fail", {"word": "wrong\nshoe"})

    assert (failed.status, failed.json["job"]["state"]) == (200, "failed")
    assert failed.json["job"]["reasons"][0].startswith("wrong shoe")
    assert failed.json["job"]["results"] == []
    again = send(live, f"jobs/{job['id']}/retry")
    assert (again.status, again.json["job"]["round"]) == (200, 1)
    assert wait_for(live, "fail", "done")["round"] == 1


def test_another_attempt_is_taken_and_the_former_one_again(live: Live) -> None:
    order = live.root / "inbox" / "attempt" / "freisteller.toml"
    order.parent.mkdir(parents=True)
    order.write_text("[grading]\nsehr_gut = 0.9999\ngut = 0.9998\n")  # so that it is tried more than once
    job = done(live, "attempt")
    tries = live.ask("GET", f"/api/v1/jobs/{job['id']}").json["tries"]
    others = [each["number"] for each in tries if not each["best"] and each["grade"]]
    assert others

    taken = send(live, f"jobs/{job['id']}/attempt", {"number": others[0]})

    assert taken.status == 200
    now = wait_for_round(live, job["id"], 1)
    assert [each["number"] for each in now["tries"] if each["best"]] == [others[0]]
    assert send(live, f"deeds/{taken.json['deed']}/undo").status == 200
    now = wait_for_round(live, job["id"], 2)
    assert [each["number"] for each in now["tries"] if each["best"]] == [n["number"] for n in tries if n["best"]]


def wait_for_round(live: Live, job_id: str, number: int) -> dict[str, Any]:
    until = time.monotonic() + PATIENCE_SECONDS
    while True:
        job = live.ask("GET", f"/api/v1/jobs/{job_id}").json
        if job["round"] == number and job["state"] == "done":
            assert isinstance(job, dict)
            return job
        assert time.monotonic() < until
        time.sleep(0.1)


def cancel_once_taken_in(live: Live, job_id: str) -> Answered:
    """A photo waits from its row on, but its file is moved a moment later; until then the answer says: try again."""
    until = time.monotonic() + PATIENCE_SECONDS
    while "just being taken in" in (answer := send(live, f"jobs/{job_id}/cancel")).json.get("detail", ""):
        assert time.monotonic() < until
        time.sleep(0.1)
    return answer


def test_a_photo_that_waits_is_cancelled_and_one_in_work_is_not(live: Live) -> None:
    live.engine.go.clear()
    try:
        for number in range(4):
            save_photo(live.root / "inbox" / "cancel" / f"{number}.png", drawn_photo(96, 72))
        wait_for(live, "cancel", "running", 2)  # as many as there are workers, so the others wait
        running = wait_for(live, "cancel", "running")
        waiting = wait_for(live, "cancel", "waiting")

        cancelled = cancel_once_taken_in(live, waiting["id"])
        refused = send(live, f"jobs/{running['id']}/cancel")
    finally:
        live.engine.go.set()

    assert (cancelled.status, cancelled.json["job"]["state"]) == (200, "failed")
    assert (refused.status, refused.json["job"]["id"]) == (409, running["id"])


def test_an_order_gets_a_priority(live: Live) -> None:
    done(live, "priority")

    answer = send(live, "orders/priority/priority", {"priority": 5})

    assert answer.status == 200
    orders = {order["name"]: order for order in live.ask("GET", "/api/v1/orders").json["orders"]}
    assert orders["priority"]["priority"] == 5
    assert send(live, f"deeds/{answer.json['deed']}/undo").json["order"] == "priority"
    assert send(live, "orders/unknown/priority", {"priority": 5}).status == 409


def test_the_photos_without_an_order_get_a_priority_too(live: Live) -> None:
    save_photo(live.root / "inbox" / "loose.png", drawn_photo(64, 48))
    wait_for(live, "", "done")

    answer = send(live, "orders//priority", {"priority": 5})

    assert (answer.status, answer.json["order"]) == (200, "")
    orders = {order["name"]: order for order in live.ask("GET", "/api/v1/orders").json["orders"]}
    assert orders[""]["priority"] == 5
    assert send(live, f"deeds/{answer.json['deed']}/undo").status == 200


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("verdict", {"grade": "best"}),
        ("verdict", {"grade": ["gut"]}),
        ("verdict", {}),
        ("verdict", b"no JSON"),
        ("verdict", b"[" * 20_000),
        ("verdict", [1]),
        ("fail", {}),
        ("fail", {"word": "\n"}),
        ("fail", {"word": 1}),
        ("attempt", {"number": "1"}),
        ("attempt", {"number": True}),
        ("attempt", {"number": 2**80}),
    ],
)
def test_a_wrong_body_is_a_clear_answer(live: Live, path: str, body: object) -> None:
    job = done(live, "wrong")

    answer = send(live, f"jobs/{job['id']}/{path}", body)

    assert (answer.status, answer.problem) == (400, "bad_parameter")


def test_what_is_not_there_is_not_found(live: Live) -> None:
    assert send(live, "jobs/unknown/verdict", {"grade": "gut"}).status == 404
    assert send(live, "deeds/99999999999999999999999999/undo").status == 404
    assert send(live, "deeds/0/undo").status == 404
