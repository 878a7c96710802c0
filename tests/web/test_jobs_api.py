"""Jobs as programs see them: lists, one job, its report, the files of its result; over a real port."""

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.drawing import drawn_photo, save_photo
from tests.web.live_daemon import Live, live_daemon

PATIENCE_SECONDS = 120.0


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """A daemon that has cut out three photos."""
    with live_daemon(tmp_path_factory.mktemp("jobs")) as live:
        for name in ("shoes/a b ä.png", "shoes/b.png", "c.png"):
            save_photo(live.root / "inbox" / name, drawn_photo(96, 72))
        live.wait_until_done(3)
        yield live


def job_named(live: Live, name: str) -> dict[str, object]:
    found = live.ask("GET", "/api/v1/jobs").json["jobs"]
    (job,) = (job for job in found if job["name"] == name)
    assert isinstance(job, dict)
    return job


def test_a_list_has_all_that_a_page_needs_of_a_job(live: Live) -> None:
    job = job_named(live, "shoes/b.png")

    assert job["order"] == "shoes"
    assert job["state"] == "done"
    assert job["decided"] is None
    assert job["grade"] in ("sehr_gut", "gut", "ungenügend")
    assert isinstance(job["reasons"], list)
    assert job["reasons"]
    assert job["pictures"] is not None
    assert [result["name"] for result in job["results"]] == ["b.png", "b.json"]  # type: ignore[attr-defined]  # of JSON


def test_pages_follow_each_other(live: Live) -> None:
    first = live.ask("GET", "/api/v1/jobs?sort=oldest&limit=2").json
    second = live.ask("GET", f"/api/v1/jobs?sort=oldest&limit=2&cursor={first['next']}").json

    assert len(first["jobs"]) == 2
    assert len(second["jobs"]) == 1
    assert second["next"] is None


@pytest.mark.parametrize(
    "query", ["state=dead", "grade=x", "decided=maybe", "sort=best", "limit=0", "limit=-1", "limit=1e3", "cursor=x"]
)
def test_a_wrong_parameter_is_a_clear_answer(live: Live, query: str) -> None:
    answer = live.ask("GET", f"/api/v1/jobs?{query}")

    assert (answer.status, answer.problem) == (400, "bad_parameter")


def test_a_job_comes_with_its_attempts_and_an_etag(live: Live) -> None:
    job = job_named(live, "c.png")
    path = f"/api/v1/jobs/{job['id']}"

    answer = live.ask("GET", path)

    assert answer.headers["etag"] == f'"{job["version"]}"'
    assert [each["best"] for each in answer.json["tries"]].count(True) == 1
    assert all(result["bytes"] > 0 for result in answer.json["results"])
    assert live.ask("GET", path, headers={"If-None-Match": answer.headers["etag"]}).status == 304
    assert live.ask("GET", "/api/v1/jobs/unknown").status == 404


def test_a_result_is_sent_as_it_is_under_its_name(live: Live) -> None:
    job = job_named(live, "shoes/a b ä.png")
    for result in job["results"]:  # type: ignore[attr-defined]  # of JSON
        answer = live.ask("GET", result["url"])

        assert answer.body == (live.root / str(job["grade"]) / "shoes" / result["name"]).read_bytes()
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["content-type"] == ("image/png" if result["suffix"] == ".png" else "application/json")
        assert answer.headers["content-disposition"].startswith("attachment; filename*=UTF-8''a%20b%20%C3%A4")
    assert live.ask("GET", f"/api/v1/jobs/{job['id']}/report").json["job"] == job["id"]


def test_a_result_that_somebody_has_is_not_sent_again(live: Live) -> None:
    url = job_named(live, "c.png")["results"][0]["url"]  # type: ignore[index]  # of JSON
    first = live.ask("GET", url)

    again = live.ask("GET", url, headers={"If-None-Match": first.headers["etag"]})
    head = live.ask("HEAD", url)

    assert (again.status, again.body, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(first.body)))
    assert live.ask("GET", url, headers={"If-None-Match": '"another"'}).body == first.body


@pytest.mark.parametrize(
    ("asked", "part"),
    [
        ("bytes=0-9", slice(0, 10)),
        ("bytes=5-", slice(5, None)),
        ("bytes=-7", slice(-7, None)),
        ("bytes=3-999999999", slice(3, None)),
        ("bytes=-999999999", slice(0, None)),
    ],
)
def test_a_part_of_a_result_is_sent_to_who_lost_the_line(live: Live, asked: str, part: slice) -> None:
    url = job_named(live, "c.png")["results"][0]["url"]  # type: ignore[index]  # of JSON
    whole = live.ask("GET", url)
    start, stop, _ = part.indices(len(whole.body))

    answer = live.ask("GET", url, headers={"Range": asked, "If-Range": whole.headers["etag"]})

    assert (answer.status, answer.body) == (206, whole.body[part])
    assert answer.headers["content-range"] == f"bytes {start}-{stop - 1}/{len(whole.body)}"
    assert whole.headers["accept-ranges"] == "bytes"


@pytest.mark.parametrize("asked", ["bytes=0-1,4-5", "bytes=9-3", "bytes=-", "lines=1-2", "bytes=x-y"])
def test_a_range_that_means_nothing_gets_the_whole(live: Live, asked: str) -> None:
    url = job_named(live, "c.png")["results"][0]["url"]  # type: ignore[index]  # of JSON

    assert live.ask("GET", url, headers={"Range": asked}).status == 200


def test_a_part_of_another_version_is_never_mixed_in(live: Live) -> None:
    url = job_named(live, "c.png")["results"][0]["url"]  # type: ignore[index]  # of JSON

    assert live.ask("GET", url, headers={"Range": "bytes=5-", "If-Range": '"another"'}).status == 200


@pytest.mark.parametrize("asked", ["bytes=999999999-", "bytes=-0"])
def test_a_range_behind_the_end_is_refused_with_the_size(live: Live, asked: str) -> None:
    url = job_named(live, "c.png")["results"][0]["url"]  # type: ignore[index]  # of JSON
    size = len(live.ask("GET", url).body)

    answer = live.ask("GET", url, headers={"Range": asked})

    assert (answer.status, answer.headers["content-range"]) == (416, f"bytes */{size}")


@pytest.mark.parametrize("name", ["../../state/journal.sqlite3", "b.tif", "..", "%2e%2e%2fb.json", "inbox"])
def test_only_what_the_journal_names_is_sent(live: Live, name: str) -> None:
    job = job_named(live, "shoes/b.png")

    assert live.ask("GET", f"/api/v1/jobs/{job['id']}/results/{name}").status == 404


def test_a_result_that_is_gone_is_said_to_be(live: Live) -> None:
    save_photo(live.root / "inbox" / "gone" / "g.png", drawn_photo(64, 64))
    until = time.monotonic() + PATIENCE_SECONDS
    while not (found := live.ask("GET", "/api/v1/jobs?state=done&order=gone").json["jobs"]):
        assert time.monotonic() < until
        time.sleep(0.1)
    (job,) = found
    (live.root / job["grade"] / "gone" / "g.png").unlink()

    answer = live.ask("GET", job["results"][0]["url"])

    assert (answer.status, answer.problem) == (410, "vanished")
    assert live.ask("GET", "/api/v1/jobs?order=gone").json["jobs"][0]["pictures"] is None


def test_a_link_in_place_of_a_result_leads_nowhere(live: Live, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("secret")
    save_photo(live.root / "inbox" / "link" / "l.png", drawn_photo(64, 64))
    until = time.monotonic() + PATIENCE_SECONDS
    while not (found := live.ask("GET", "/api/v1/jobs?state=done&order=link").json["jobs"]):
        assert time.monotonic() < until
        time.sleep(0.1)
    path = live.root / found[0]["grade"] / "link" / "l.png"
    path.unlink()
    path.symlink_to(secret)

    assert live.ask("GET", found[0]["results"][0]["url"]).status == 410


def test_orders_say_how_far_they_are(live: Live) -> None:
    orders = {order["name"]: order for order in live.ask("GET", "/api/v1/orders").json["orders"]}

    shoes = orders["shoes"]
    assert (shoes["waiting"], shoes["running"], shoes["done"], shoes["failed"]) == (0, 0, 2, 0)
    assert sum(shoes["grades"].values()) == shoes["undecided"] == 2
    assert (shoes["priority"], shoes["seconds_left"]) == (0, 0.0)
