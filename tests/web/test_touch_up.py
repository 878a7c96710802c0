"""A person touches up a result: made anew with that alpha, once, and noted as such."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import NoReturn

import cv2
import numpy as np
import pytest

from daemon.hotfolder.effects import Effect
from daemon.pictures import codec
from daemon.pictures.reading import open_photo
from daemon.service.lifecycle import Daemon
from daemon.service.open_web import make_site
from daemon.settings import load
from daemon.states import State
from tests.doubles import ScriptedEngine
from tests.drawing import drawn_photo, save_photo
from tests.test_crash_at_every_step import Died, dying_at
from tests.web.shown import Shown, do_all, shown

SECTIONS = {"outputs": {"formats": ["png", "mask"]}}


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


@pytest.fixture
def site(tmp_path: Path, engine: ScriptedEngine) -> Iterator[Shown]:
    with shown(tmp_path, {"a.jpg": drawn_photo(300, 200)}, engine, sections=SECTIONS) as found:
        yield found


def drawn_alpha(width: int = 300, height: int = 200) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    alpha = np.zeros((height, width), np.uint8)
    alpha[40:150, 60:200] = 255
    alpha[40:150, 200:230] = np.linspace(250, 5, 30, dtype=np.uint8)
    return alpha


def png(pixels: "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]") -> bytes:
    return cv2.imencode(".png", pixels)[1].tobytes()


def touch_up(site: Shown, content: bytes, **headers: str) -> tuple[int, dict[str, object]]:
    answer = site.post(f"/api/v1/jobs/{site.row().job.id}/touch-up", content, headers)
    return answer.status, json.loads(answer.body)


def result_alpha(site: Shown) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8 | np.uint16]]":
    alpha = open_photo(site.root / site.row().results[0], 100).own_alpha
    assert alpha is not None
    return alpha


def test_the_result_has_the_touched_alpha_to_the_last_digit_in_all_formats(site: Shown, engine: ScriptedEngine) -> None:
    before, calls = site.row(), engine.calls.total()

    status, body = touch_up(site, png(drawn_alpha()))
    site.publish()

    after = site.row()
    report = json.loads((site.root / after.results[-1]).read_bytes())
    mask = cv2.imread(str(site.root / after.results[1]), cv2.IMREAD_UNCHANGED)
    assert (status, set(body)) == (200, {"job", "deed"})
    assert np.array_equal(result_alpha(site), drawn_alpha())
    assert mask is not None
    assert np.array_equal(mask, drawn_alpha())
    assert (report["touched_up"], report["recipe"]["model"]) == (True, "touch-up")
    assert report["grade"] == before.job.grade
    assert (engine.calls.total(), after.job.round) == (calls, 1)


def test_a_touched_alpha_is_decoded_in_a_worker_alone(site: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: bytes) -> NoReturn:
        raise AssertionError("the daemon decodes an alpha of full size")

    status, _ = touch_up(site, png(drawn_alpha()))
    monkeypatch.setattr(codec, "decode_alpha", refuse)
    site.publish()
    shown_attempt = site.site.pictures.of_attempts(site.row())[2]
    picture = site.get(f"{shown_attempt['url']}fit")

    assert (status, picture.status) == (200, 200)
    assert np.array_equal(result_alpha(site), drawn_alpha())


def test_a_kept_alpha_that_is_damaged_is_not_taken(site: Shown) -> None:
    touch_up(site, png(drawn_alpha()))
    (kept,) = (site.root.parent / "state" / "alphas-of-results").rglob("*-2-*.png")
    kept.write_bytes(kept.read_bytes()[:100])
    site.publish()

    assert not np.array_equal(result_alpha(site), drawn_alpha())


def test_a_second_touch_up_begins_with_the_first_and_both_can_be_taken_back(site: Shown) -> None:
    first = site.row().job.best
    touch_up(site, png(drawn_alpha()))
    site.publish()
    other = np.flipud(drawn_alpha()).copy()

    status, _ = touch_up(site, png(other))
    site.publish()
    shown_now = np.asarray(cv2.imdecode(np.frombuffer(site.get(site.url("alpha") + "fit").body, np.uint8), -1))
    job = site.row().job
    site.post(f"/api/v1/jobs/{job.id}/attempt", json.dumps({"number": first}).encode())
    site.publish()

    assert status == 200
    assert np.array_equal(shown_now, other)
    assert [attempt.recipe.model for attempt in job.attempts][-2:] == ["touch-up"] * 2
    assert site.row().job.best == first
    assert sorted(site.site.pictures.of_attempts(site.row())) == [attempt.number for attempt in job.attempts]


def noise(content: bytes) -> bytes:
    return content[:60] + bytes(40) + content[100:]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (png(drawn_alpha(299, 200)), "300 x 200"),
        (png(np.dstack([drawn_alpha()] * 3)), "grey PNG of 8 bit"),
        (png(drawn_alpha())[:200], "damaged"),
        (noise(png(drawn_alpha())), ""),
        (png(np.zeros((200, 300), np.uint8)), "nothing of a.jpg"),
        (png(np.full((200, 300), 255, np.uint8)), "all of a.jpg"),
    ],
)
def test_what_is_no_alpha_of_this_photo_is_refused(site: Shown, content: bytes, said: str) -> None:
    before = site.row()

    status, body = touch_up(site, content)

    assert status == 422
    assert said in str(body["detail"])
    assert site.row() == before


@pytest.mark.parametrize("content", [b"", b"GIF89a" + bytes(100), b"{}"])
def test_what_is_no_png_is_a_bad_request(site: Shown, content: bytes) -> None:
    status, _ = touch_up(site, content)

    assert status == 400


def test_an_alpha_of_more_bytes_than_any_is_refused(site: Shown) -> None:
    status, _ = touch_up(site, b"", **{"Content-Length": str(1 << 40)})

    assert status == 413


def test_who_saw_an_older_result_does_not_touch_up_the_new_one(site: Shown) -> None:
    before = site.row()

    status, body = touch_up(site, png(drawn_alpha()), **{"If-Match": '"1"'})

    assert status == 412
    assert "job" in body
    assert site.row() == before


def test_a_trimmed_result_is_not_touched_up(tmp_path: Path) -> None:
    with shown(tmp_path, {"a.jpg": drawn_photo(300, 200)}, sections={"outputs": {"trim": True}}) as site:
        status, body = touch_up(site, png(drawn_alpha()))

    assert status == 409
    assert "outputs.trim" in str(body["detail"])


@pytest.mark.parametrize("effect", [Effect.KEEP_ALPHA, Effect.RECORD_ATTEMPT, Effect.TAKE_ATTEMPT])
def test_a_crash_leaves_the_result_as_it_was_and_the_touch_up_can_be_sent_again(tmp_path: Path, effect: Effect) -> None:
    save_photo(tmp_path / "hot" / "inbox" / "a.png", drawn_photo(300, 200))
    flags = {
        "root": str(tmp_path / "hot"),
        "state_dir": str(tmp_path / "state"),
        "intake": {"quiet_seconds": 0},
        "http": {"bind": ""},
    }

    def live(tick: object) -> None:
        with ExitStack() as doors:
            daemon = Daemon(load(flags=flags), engine=ScriptedEngine(), tick=tick)  # type: ignore[arg-type]
            doors.callback(daemon.close)
            daemon.recover()
            do_all(daemon)
            site = make_site(daemon.parts, doors)
            (row,) = daemon.parts.journal.rows(State.DONE)
            number = site.touch_ups.add(row.job.id, png(drawn_alpha()))
            daemon.parts.other_attempts.take_attempt(row.job.id, number, "anna")
            while job := daemon.parts.journal.take_decided(2.0**40, ()):
                daemon.parts.task_runner.run(job)
            (after,) = daemon.parts.journal.rows(State.DONE)
            alpha = open_photo(tmp_path / "hot" / after.results[0], 100).own_alpha
            assert alpha is not None
            assert np.array_equal(alpha, drawn_alpha())

    live_once = dying_at(effect)
    skipped: list[Effect] = []

    def tick(step: Effect) -> None:
        # The engine's own alpha and attempt come first.
        if step in (Effect.KEEP_ALPHA, Effect.RECORD_ATTEMPT) and step not in skipped:
            skipped.append(step)
            return
        live_once(step)

    with pytest.raises(Died):
        live(tick)

    live(lambda _: None)
