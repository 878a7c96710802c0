"""What programs that were made for remove.bg get: the same requests, headers and errors, from a whole daemon."""

import base64
import io
import json
import time
import zipfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlencode

import cv2
import numpy as np
import pytest
import requests

from daemon.settings.http_section import HttpSettings
from daemon.web.access.all_users import Users
from daemon.web.access.user_rows import Scope
from daemon.web.callers import Role
from daemon.web.removebg import removebg_ways
from tests.test_crash_at_every_step import results
from tests.web.doors import HASH, TESTER
from tests.web.live_daemon import Answered, Live, live_daemon, multipart

pytestmark = pytest.mark.usefixtures("deaf")

CUT = "/v1.0/removebg"
WIDTH, HEIGHT = 96, 72


@pytest.fixture
def live(tmp_path: Path) -> Iterator[Live]:
    with live_daemon(tmp_path, wait_seconds=90) as running:
        yield running


def cut(live: Live, photo: bytes, headers: dict[str, str] | None = None, **fields: str) -> Answered:
    body, form = multipart(fields, {"image_file": ("shoe.jpg", photo)})
    return live.ask("POST", CUT, body, {**form, **(headers or {})})


def pixels(answer: Answered) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    assert answer.status == 200, answer.body
    picture = cv2.imdecode(np.frombuffer(answer.body, np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    return np.asarray(picture, np.uint8)


def error(answer: Answered) -> tuple[int, str]:
    (told,) = answer.json["errors"]
    assert told["title"]
    return answer.status, told["code"]


def test_a_photo_comes_back_cut_out_with_all_headers(live: Live, photo: bytes) -> None:
    answer = cut(live, photo, {"X-Api-Key": "any", "Accept": "*/*"})

    picture = pixels(answer)
    assert picture.shape == (HEIGHT, WIDTH, 4)
    assert set(np.unique(picture[..., 3])) >= {0, 255}
    told = answer.headers
    assert told["content-type"] == "image/png"
    assert int(told["content-length"]) == len(answer.body)
    assert (told["x-width"], told["x-height"], told["x-type"]) == (str(WIDTH), str(HEIGHT), "other")
    assert told["x-credits-charged"] == "0"
    rows, columns = np.nonzero(picture[..., 3] >= 5)
    assert (int(told["x-foreground-left"]), int(told["x-foreground-top"])) == (columns.min(), rows.min())
    assert int(told["x-foreground-width"]) == columns.max() - columns.min() + 1
    assert int(told["x-foreground-height"]) == rows.max() - rows.min() + 1
    assert int(told["x-ratelimit-remaining"]) < int(told["x-ratelimit-limit"])
    assert int(told["x-ratelimit-reset"]) > time.time() - 60
    job = live.daemon.parts.journal.row(told["x-freisteller-job"]).job
    assert (told["x-freisteller-grade"], job.name) == (job.grade and job.grade.label, "removebg/shoe.png")
    assert float(told["x-freisteller-score"]) == pytest.approx(job.score, abs=1e-4)
    assert isinstance(json.loads(told["x-freisteller-reasons"]), list)
    assert sorted(results(live.root)) == ["removebg/shoe.json", "removebg/shoe.png"]


def test_the_three_calls_of_the_python_client(live: Live, photo: bytes) -> None:
    """As `removebg` 0.4 sends them, with requests, which sends base64 as one urlencoded field."""
    url, headers = f"http://{live.address[0]}:{live.address[1]}{CUT}", {"X-Api-Key": "key"}
    encoded = base64.b64encode(photo).decode()

    by_file = requests.post(
        url,
        files={"image_file": io.BytesIO(photo)},
        data={"size": "regular", "bg_color": None},
        headers=headers,
        timeout=60,
    )
    by_text = requests.post(
        url, data={"image_file_b64": encoded, "size": "regular", "bg_color": None}, headers=headers, timeout=60
    )
    by_url = requests.post(
        url, data={"image_url": "http://localhost/x.png", "size": "regular"}, headers=headers, timeout=60
    )

    assert (by_file.status_code, by_text.status_code, by_url.status_code) == (200, 200, 400)
    assert by_file.content == by_text.content
    assert by_file.headers["X-Freisteller-Job"] == by_text.headers["X-Freisteller-Job"]
    assert "http.fetch_urls" in by_url.text


def test_a_client_that_accepts_json_gets_base64(live: Live, photo: bytes) -> None:
    answer = cut(live, photo, {"Accept": "application/json"}, format="jpg", bg_color="red")

    data = answer.json["data"]
    picture = cv2.imdecode(np.frombuffer(base64.b64decode(data["result_b64"]), np.uint8), cv2.IMREAD_UNCHANGED)
    assert picture is not None
    assert picture.shape == (HEIGHT, WIDTH, 3)
    assert picture[1, 1].tolist() == pytest.approx([0, 0, 254], abs=3)  # blue, green, red
    assert data["foreground_width"] == int(answer.headers["x-foreground-width"])


def test_a_request_may_be_json(live: Live, photo: bytes) -> None:
    encoded = base64.b64encode(photo).decode()
    body = json.dumps({"image_file_b64": encoded, "crop": True, "size": "full", "bg_color": None})

    answer = live.ask("POST", CUT, body.encode(), {"Content-Type": "application/json"})

    assert pixels(answer).shape[:2] == (
        int(answer.headers["x-foreground-height"]),
        int(answer.headers["x-foreground-width"]),
    )


def test_a_photo_of_twelve_megabytes_may_come_as_one_field(live: Live, photo: bytes) -> None:
    large = photo + bytes(12_000_000)  # what follows a PNG's end is ignored
    body = urlencode({"size": "preview", "image_file_b64": "data:image/png;base64," + base64.b64encode(large).decode()})

    answer = live.ask("POST", CUT, body.encode(), {"Content-Type": "application/x-www-form-urlencoded"})

    assert pixels(answer).shape == (HEIGHT, WIDTH, 4)


@pytest.mark.parametrize(
    ("fields", "shape", "kind"),
    [
        ({"format": "png"}, (HEIGHT, WIDTH, 4), "image/png"),
        ({"format": "jpg"}, (HEIGHT, WIDTH, 3), "image/jpeg"),
        ({"format": "webp"}, (HEIGHT, WIDTH, 4), "image/webp"),
        ({"format": "auto", "bg_color": "81d4fa"}, (HEIGHT, WIDTH, 3), "image/jpeg"),
        ({"format": "png", "bg_color": "#81d4fa80"}, (HEIGHT, WIDTH, 4), "image/png"),
        ({"channels": "alpha"}, (HEIGHT, WIDTH), "image/png"),
        ({"scale": "50%", "position": "0% 100%"}, (HEIGHT, WIDTH, 4), "image/png"),
        ({"size": "auto", "type": "car", "type_level": "latest"}, (HEIGHT, WIDTH, 4), "image/png"),
    ],
)
def test_the_result_is_laid_out_as_asked(
    live: Live, photo: bytes, fields: dict[str, str], shape: tuple[int, ...], kind: str
) -> None:
    answer = cut(live, photo, None, **fields)

    assert pixels(answer).shape == shape
    assert answer.headers["content-type"] == kind


def test_a_zip_holds_colour_and_alpha(live: Live, photo: bytes) -> None:
    answer = cut(live, photo, format="zip")

    with zipfile.ZipFile(io.BytesIO(answer.body)) as file:
        assert file.namelist() == ["color.jpg", "alpha.png"]
        alpha = cv2.imdecode(np.frombuffer(file.read("alpha.png"), np.uint8), cv2.IMREAD_UNCHANGED)
    assert alpha is not None
    assert alpha.shape == (HEIGHT, WIDTH)
    assert answer.headers["content-type"] == "application/zip"


def test_a_background_may_be_sent(live: Live, photo: bytes, tmp_path: Path) -> None:
    ground = tmp_path / "ground.png"
    assert cv2.imwrite(str(ground), np.full((10, 300, 3), (0, 255, 0), np.uint8))
    body, form = multipart(
        {"format": "png"}, {"image_file": ("a.png", photo), "bg_image_file": ("g.png", ground.read_bytes())}
    )

    picture = pixels(live.ask("POST", CUT, body, form))

    assert picture.shape == (HEIGHT, WIDTH, 3)
    assert picture[1, 1].tolist() == [0, 255, 0]
    assert live.received == []


def test_what_changes_nothing_is_named(live: Live, photo: bytes) -> None:
    answer = cut(live, photo, add_shadow="true", semitransparency="false", frobnicate="1", type_level="none")

    assert answer.headers["x-freisteller-ignored"] == "add_shadow, frobnicate, semitransparency"
    assert "x-type" not in answer.headers


def test_no_name_of_a_field_gets_into_a_header_that_does_not_fit_there(live: Live, photo: bytes) -> None:
    encoded = base64.b64encode(photo).decode()
    strange = {"x\r\nSet-Cookie: a": "1", "schatten\u0142": "1", "y" * 5000: "1", **{f"f{n}": "1" for n in range(90)}}
    body = json.dumps({"image_file_b64": encoded, **strange})

    answer = live.ask("POST", CUT, body.encode(), {"Content-Type": "application/json"})

    assert pixels(answer).shape == (HEIGHT, WIDTH, 4)
    assert "set-cookie" not in answer.headers
    assert len(answer.headers["x-freisteller-ignored"]) < 500


@pytest.mark.parametrize(
    "fields",
    [{"size": "huge"}, {"format": "gif"}, {"channels": "rgb"}, {"bg_color": "no colour"}, {"bg_color": "#12345"},
     {"crop": "maybe"}, {"crop_margin": "-5px"}, {"crop_margin": "1 2 3"}, {"scale": "5%"}, {"scale": "0.5"},
     {"position": "top"}, {"position": "1% 2% 3%"}, {"roi": "0 0 10"}, {"roi": "a b c d"}, {"type": "unicorn"},
     {"type_level": "9"}, {"bg_color": "red", "bg_image_url": "http://x/"}, {"image_url": "http://example.com/a.png"}],
    ids=repr,
)  # fmt: skip
def test_wrong_parameters_are_named(live: Live, photo: bytes, fields: dict[str, str]) -> None:
    assert error(cut(live, photo, None, **fields)) == (400, "invalid_parameter")
    assert live.received == []


def test_exactly_one_source_is_needed(live: Live, photo: bytes) -> None:
    encoded = base64.b64encode(photo).decode()
    none, form = multipart({"size": "auto"}, {})
    empty, _ = multipart({"image_url": "", "image_file_b64": ""}, {"image_file": ("", b"")})

    assert error(live.ask("POST", CUT, none, form)) == (400, "missing_source")
    assert error(live.ask("POST", CUT, empty, form)) == (400, "missing_source")
    assert error(cut(live, photo, image_file_b64=encoded)) == (400, "multiple_sources")
    assert live.received == []


@pytest.mark.parametrize(
    ("body", "kind", "code"),
    [
        (b"image_file_b64=%%%", "application/x-www-form-urlencoded", "invalid_parameter"),
        (b"image_file_b64=YQ", "application/x-www-form-urlencoded", "failed_to_read_image"),
        (b"{", "application/json", "invalid_parameter"),
        (b"[1]", "application/json", "invalid_parameter"),
        (b'{"size": {"a": 1}}', "application/json", "invalid_parameter"),
        (b"[" * 100_000, "application/json", "invalid_parameter"),
        (b"x", "text/plain", "invalid_parameter"),
        (b"", "", "invalid_parameter"),
        (b"x", "multipart/form-data", "invalid_parameter"),
    ],
)
def test_what_is_no_request_is_refused(live: Live, body: bytes, kind: str, code: str) -> None:
    assert error(live.ask("POST", CUT, body, {"Content-Type": kind})) == (400, code)
    assert live.received == []


def test_a_photo_that_is_too_large_is_refused(tmp_path: Path, photo: bytes) -> None:
    with live_daemon(tmp_path, upload_mb=1) as live:
        assert error(cut(live, photo + bytes(1_000_000))) == (400, "file_too_large")
        assert error(cut(live, photo + bytes(9_000_000))) == (400, "file_too_large")
        assert live.received == []


def test_a_photo_that_takes_long_is_an_error_and_the_same_bytes_fetch_its_result(tmp_path: Path, photo: bytes) -> None:
    with live_daemon(tmp_path, wait_seconds=0.2) as live:
        live.engine.go.clear()
        first = cut(live, photo)
        second = cut(live, photo, format="jpg")
        live.engine.go.set()
        answers = [second]
        while answers[-1].status == 503:
            answers.append(cut(live, photo, format="jpg"))
        calls = sum(live.engine.calls.values())
        again = cut(live, photo, format="zip")

        assert error(first) == error(second) == (503, "still_running")
        assert int(first.headers["retry-after"]) > 0
        assert pixels(answers[-1]).shape == (HEIGHT, WIDTH, 3)
        assert again.headers["x-freisteller-job"] == answers[-1].headers["x-freisteller-job"]
        assert sum(live.engine.calls.values()) == calls
        assert len(results(live.root)) == 2


def test_a_result_that_a_person_took_away_is_made_again(live: Live, photo: bytes) -> None:
    first = cut(live, photo)
    for path in live.root.glob("*/removebg/shoe.*"):
        if path.parent.parent.name != "archiv":
            path.unlink()

    second = cut(live, photo)

    assert (first.status, second.status) == (200, 200)
    assert first.headers["x-freisteller-job"] != second.headers["x-freisteller-job"]


def test_equal_requests_at_once_make_one_job(live: Live, photo: bytes) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: cut(live, photo), range(6)))

    assert [answer.status for answer in answers] == [200] * 6
    assert len({answer.headers["x-freisteller-job"] for answer in answers}) == 1
    assert live.received == []


def test_a_photo_without_a_subject_is_told(live: Live, tmp_path: Path, photo: bytes) -> None:
    nothing = cut(live, photo, roi="0px 0px 2px 2px")

    assert error(nothing) == (400, "unknown_foreground")


def test_an_account_has_credits_that_nobody_counts(live: Live) -> None:
    answer = live.ask("GET", "/v1.0/account")

    attributes = answer.json["data"]["attributes"]
    assert attributes["credits"]["total"] == removebg_ways.CREDITS
    assert attributes["api"]["sizes"] == "all"
    assert "x-ratelimit-limit" in answer.headers


def test_whoever_may_no_longer_see_an_order_gets_nothing_of_it_by_sending_the_bytes_again(
    tmp_path: Path, photo: bytes
) -> None:
    with live_daemon(tmp_path, wait_seconds=30) as live, Users(tmp_path / "state", HttpSettings()) as users:
        users.rows.add("anna", Scope(Role.OPERATOR), HASH, TESTER, time.time())
        key = {"X-Api-Key": users.tokens.add("anna", "shop", Scope(Role.OPERATOR), TESTER, (0.0, 2e9))}
        before = cut(live, photo, key).headers["x-freisteller-job"]
        users.rows.set_scope("anna", Scope(Role.OPERATOR, frozenset({"shoes"})), TESTER)

        after = cut(live, photo, key)

        assert after.headers["x-freisteller-job"] != before
        assert live.daemon.parts.journal.row(after.headers["x-freisteller-job"]).job.name.startswith("shoes/")


def test_a_key_is_needed_where_people_log_in(tmp_path: Path, photo: bytes) -> None:
    with live_daemon(tmp_path, token="secret") as live:
        assert error(cut(live, photo)) == (403, "auth_failed")
        assert error(cut(live, photo, {"X-Api-Key": "wrong"})) == (403, "invalid_api_key")
        for key in ({}, {"X-Api-Key": "wrong"}):  # clients show their users the title, and nothing else
            assert "freisteller user token add" in cut(live, photo, key).json["errors"][0]["title"]
        assert error(live.ask("GET", "/v1.0/account")) == (403, "auth_failed")
        assert live.received == []
