"""Pictures for browsers, by a real port."""

import errno
import socket
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import cv2
import numpy as np
import pytest

from daemon.disk import open_below
from daemon.pictures.picture_cache import PictureCache
from daemon.pictures.reading import open_photo
from daemon.work.picture_in_process import PictureInProcess
from tests.drawing import drawn_photo, save_pages
from tests.web.ports import watched_site, web_server
from tests.web.shown import Shown, do_all, shown


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Shown]:
    with shown(tmp_path) as found:
        yield found


def decoded(body: bytes) -> np.ndarray[Any, Any]:
    return np.asarray(cv2.imdecode(np.frombuffer(body, np.uint8), cv2.IMREAD_UNCHANGED))


def result_of(site: Shown, suffix: str = ".png") -> Path:
    return site.root / next(place for place in site.row().results if place.endswith(suffix))


def builds(site: Shown, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that are built from now on."""
    built: list[str] = []
    workers = site.daemon.parts.workers
    build = workers.picture

    def counted(path: Path, *values: Any, **flags: Any) -> Any:
        built.append(path.name)
        return build(path, *values, **flags)

    monkeypatch.setattr(workers, "picture", counted)
    return built


def test_the_tiles_of_a_result_show_its_very_pixels(site: Shown) -> None:
    cut_out = open_photo(result_of(site), 100)

    alpha = decoded(site.get(site.url("alpha") + "0/1/1").body)
    colour = decoded(site.get(site.url("colour") + "0/1/1").body)[..., ::-1]

    expected = cut_out.rgba[512:900, 512:1024]
    assert np.array_equal(alpha, expected[..., 3])
    seen = expected[..., 3] > 0
    assert np.abs(colour[seen].astype(int) - expected[..., :3][seen]).mean() < 3


def test_the_page_is_told_the_sizes_of_all_pictures(site: Shown) -> None:
    pictures = site.site.pictures.of(site.row())

    assert pictures is not None
    for described in pictures.values():
        assert isinstance(described, dict)
        assert (described["width"], described["height"], described["tile"], described["levels"]) == (1300, 900, 512, 3)


def test_the_smallest_size_is_one_tile_and_beyond_the_picture_there_is_none(site: Shown) -> None:
    url = site.url("original")

    assert decoded(site.get(url + "2/0/0").body).shape == (225, 325, 3)
    assert [site.get(url + way).status for way in ("2/1/0", "3/0/0", "0/3/0", "0/0/2")] == [404] * 4


def test_the_fitting_picture_is_at_most_1600_pixels_wide(tmp_path: Path) -> None:
    with shown(tmp_path, {"a.jpg": drawn_photo(2000, 300)}) as site:
        assert decoded(site.get(site.url("original") + "fit").body).shape == (240, 1600, 3)


def test_a_picture_may_be_kept_for_ever_and_is_not_sent_again(site: Shown) -> None:
    first = site.get(site.url("colour") + "fit")
    again = site.get(site.url("colour") + "fit", {"If-None-Match": first.headers["etag"]})

    assert first.headers["cache-control"] == "private, max-age=31536000, immutable"
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", first.headers["etag"])


def test_an_old_key_is_not_found_and_builds_nothing(site: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    built = builds(site, monkeypatch)
    key = site.url("colour").split("/")[-2]

    assert site.get(site.url("colour").replace(key, "0" * 24) + "fit").status == 404
    assert site.get(f"/pictures/{site.row().job.id}/secret/{key}/fit").status == 404
    assert site.get(f"/pictures/nobody/colour/{key}/fit").status == 404
    assert built == []


def test_an_edited_result_has_another_address_and_is_shown_anew(site: Shown) -> None:
    before = site.url("alpha")
    site.get(before + "fit")
    result = result_of(site)
    result.write_bytes(cv2.imencode(".png", np.full((900, 1300, 4), 128, np.uint8))[1].tobytes())

    after = site.url("alpha")

    assert before != after
    assert site.get(before + "fit").status == 404
    assert (decoded(site.get(after + "fit").body) == 128).all()


def test_twenty_who_look_at_once_cost_one_build(site: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    built = builds(site, monkeypatch)
    url, statuses = site.url("colour"), list[int]()
    threads = [threading.Thread(target=lambda: statuses.append(site.get(url + "0/0/0").status)) for _ in range(20)]

    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert (statuses, built) == ([200] * 20, ["a.png"])


def test_a_result_that_is_deleted_while_it_is_shown_is_gone(site: Shown) -> None:
    url = site.url("colour")
    site.get(url + "fit")
    result_of(site).unlink()

    answer = site.get(url + "fit")

    assert answer.status == 410
    assert b"The result of a.jpg is not there" in answer.body


def test_a_corrupt_original_is_a_clear_answer_and_is_not_tried_for_each_tile(
    site: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = builds(site, monkeypatch)
    original = site.root / "archiv" / "a.jpg"
    original.write_bytes(original.read_bytes()[:5000] + b"\0" * 3000)

    answers = [site.get(site.url("original") + f"0/{column}/0") for column in range(3)]

    assert [answer.status for answer in answers] == [422] * 3
    assert b"a.jpg cannot be shown" in answers[0].body
    assert built == ["a.jpg"]


def test_a_full_disk_is_an_answer_and_the_next_look_tries_again(site: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(PictureCache, "_make_room", full)
        answer = site.get(site.url("colour") + "fit")

    assert answer.status == 507
    assert b"No space left on device" in answer.body
    assert site.get(site.url("colour") + "fit").status == 200


def test_a_disk_that_fills_while_a_pyramid_is_built_still_shows_what_was_cut(
    site: Shown, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as broken:
        broken.setattr(PictureCache, "keep", full)
        assert site.get(site.url("colour") + "0/0/0").status == 200
        wait_until(lambda: not site.site.pictures.shelf.busy)

    assert site.get(site.url("colour") + "0/0/0").status == 200


def test_the_first_tiles_do_not_wait_for_the_pyramid(site: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()
    build = PictureInProcess.build

    def held(*values: Any) -> None:
        assert go_on.wait(60)
        build(*values)

    monkeypatch.setattr(PictureInProcess, "build", held)
    try:
        tiles = [site.get(site.url(kind) + "0/1/0").status for kind in ("colour", "alpha", "original")]
        beyond = site.get(site.url("original") + "0/9/9").status
    finally:
        go_on.set()

    assert (tiles, beyond) == ([200] * 3, 404)


def test_a_picture_is_built_ahead_and_then_nobody_waits(site: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = site.get(site.url("colour") + "ahead")
    wait_until(lambda: not site.site.pictures.shelf.busy)
    built = builds(site, monkeypatch)

    assert (answer.status, site.get(site.url("colour") + "0/0/0").status, built) == (204, 200, [])
    assert site.get(site.url("colour") + "ahead").status == 204
    assert built == []


def test_who_looks_closely_does_not_wait_for_what_is_built_ahead(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    photos = {f"{name}.jpg": drawn_photo(600, 400, ord(name)) for name in "abc"}
    with shown(tmp_path, photos) as site:
        go_on, built = threading.Event(), builds(site, monkeypatch)
        build = PictureInProcess.build

        def held(*values: Any) -> None:
            assert go_on.wait(60)
            build(*values)

        monkeypatch.setattr(PictureInProcess, "build", held)
        for name in "abc":
            site.get(site.url("colour", f"{name}.jpg") + "ahead")
        try:
            status = site.get(site.url("colour", "c.jpg") + "0/0/0").status
            order = list(built)
        finally:
            go_on.set()
        wait_until(lambda: not site.site.pictures.shelf.busy)

    assert (status, order) == (200, ["a.png", "c.png"])
    assert built == ["a.png", "c.png", "b.png"]


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_a_link_in_place_of_a_result_is_not_followed(site: Shown, tmp_path: Path) -> None:
    secret = tmp_path / "secret.png"
    secret.write_bytes(result_of(site).read_bytes())
    url = site.url("colour")
    result = result_of(site)
    result.unlink()
    result.symlink_to(secret)

    assert site.get(url + "fit").status == 410


def test_a_damaged_pyramid_is_built_again(site: Shown, tmp_path: Path) -> None:
    site.get(site.url("colour") + "0/0/0")
    wait_until(lambda: not site.site.pictures.shelf.busy)
    (tiles,) = (tmp_path / "state" / "pictures").glob("*.colour-alpha.colour.tiles")
    tiles.write_bytes(b"damaged")

    assert site.get(site.url("colour") + "0/0/0").status == 200


def test_the_sizes_of_an_older_job_are_read_from_its_report_and_remembered(site: Shown) -> None:
    job_id, journal = site.row().job.id, site.daemon.parts.journal
    with journal._db.transaction():  # as a journal of an earlier version has it
        journal._db.change("DELETE FROM shown_sizes")

    assert site.site.pictures.of(site.row()) is not None
    assert journal.shown_sizes.of_jobs([job_id])[job_id].result == (1300, 900)


def test_of_a_file_of_several_pages_the_worst_is_shown(tmp_path: Path) -> None:
    save_pages(tmp_path / "hot" / "inbox" / "b.tif", 3, blank=2)
    with shown(tmp_path, sections={"intake": {"quiet_seconds": 0, "tiff_quiet_seconds": 0}}) as site:
        do_all(site.daemon)
        pictures = site.site.pictures.of(site.row("b.tif"))

        assert pictures is not None
        assert [described["width"] for described in pictures.values() if isinstance(described, dict)] == [104] * 3
        assert decoded(site.get(site.url("original", "b.tif") + "fit").body).std() < 5


MORE = {"grading": {"sehr_gut": 0.9999}, "strategy": {"max_attempts": 3}}


def test_all_attempts_are_shown_as_the_result_would_be_made_of_them(tmp_path: Path) -> None:
    with shown(tmp_path, sections=MORE) as site:
        pictures = site.site.pictures.of_attempts(site.row())
        job = site.row().job
        alphas = {number: decoded(site.get(str(each["url"]) + "fit").body) for number, each in pictures.items()}
        result = decoded(site.get(site.url("alpha") + "fit").body)

        assert sorted(alphas) == [attempt.number for attempt in job.attempts]
        assert {alpha.shape for alpha in alphas.values()} == {(900, 1300)}
        assert job.best is not None
        away = {number: np.abs(alpha.astype(int) - result).mean() for number, alpha in alphas.items()}
        assert away[job.best] < 0.5
        assert site.get(str(pictures[job.best]["url"]) + "0/2/1").status == 200
        assert (
            site.get(str(pictures[job.best]["url"]).replace(f"attempt-{job.best}", "attempt-9") + "fit").status == 404
        )


def test_an_attempt_is_shown_at_full_size_pixel_for_pixel_as_its_result(tmp_path: Path) -> None:
    with shown(tmp_path, {"a.jpg": drawn_photo(2600, 1700)}, sections=MORE) as site:
        best = site.row().job.best
        assert best is not None
        picture = site.site.pictures.of_attempts(site.row())[best]
        full = open_photo(result_of(site), 100).own_alpha
        assert full is not None

        assert (picture["width"], picture["height"], picture["levels"]) == (2600, 1700, 4)
        for _ in range(2):  # from the file that is decoded, then from the pyramid
            for column in range(6):
                tile = decoded(site.get(f"{picture['url']}0/{column}/1").body)
                assert np.array_equal(tile, full[512:1024, 512 * column : 512 * (column + 1)])
            wait_until(lambda: not site.site.pictures.shelf.busy)


def test_it_is_said_how_fine_the_answer_of_an_engine_was(tmp_path: Path) -> None:
    with shown(tmp_path, {"a.jpg": drawn_photo(2600, 1700)}, sections=MORE) as site:
        job = site.row().job
        (first,) = (tmp_path / "state" / "alphas-of-results").rglob("0-1-*.png")
        side = max(decoded(first.read_bytes()).shape)
        fine = min(side, job.attempts[0].recipe.process_res or side)

        assert fine < 2600
        answer = site.site.pictures.of_attempts(site.row())[1]["answer"]
        assert answer == {"pixels": fine, "enlarged": round(2600 / fine, 2)}


def test_a_touched_up_alpha_is_as_fine_as_the_photo_and_shown_as_it_was_painted(tmp_path: Path) -> None:
    with shown(tmp_path, {"a.jpg": drawn_photo(1300, 900)}, sections=MORE) as site:
        painted = np.zeros((900, 1300), np.uint8)
        painted[200:700, 300:1000] = np.arange(700, dtype=np.uint16).astype(np.uint8)
        content = cv2.imencode(".png", painted)[1].tobytes()
        number = site.site.touch_ups.add(site.row().job.id, content)
        picture = site.site.pictures.of_attempts(site.row())[number]

        assert picture["answer"] == {"pixels": 1300, "enlarged": 1.0}
        assert np.array_equal(decoded(site.get(f"{picture['url']}0/1/0").body), painted[:512, 512:1024])


def test_the_attempts_of_a_photo_are_built_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with shown(tmp_path, sections=MORE) as site:
        urls = [str(each["url"]) for each in site.site.pictures.of_attempts(site.row()).values()]
        site.get(urls[0] + "fit")
        monkeypatch.setattr(site.daemon.parts.workers, "attempts", None)

        assert len(urls) > 1
        assert [site.get(url + "fit").status for url in urls] == [200] * len(urls)


def test_an_attempt_whose_alpha_is_not_kept_has_no_picture(tmp_path: Path) -> None:
    with shown(tmp_path, sections=MORE) as site:
        last = site.row().job.attempts[-1]
        (path,) = (tmp_path / "state" / "alphas-of-results").rglob(f"0-{last.number}-*.png")
        path.unlink()

        assert last.number > 1
        assert sorted(site.site.pictures.of_attempts(site.row())) == list(range(1, last.number))


def test_attempts_at_an_original_that_was_changed_are_not_shown(tmp_path: Path) -> None:
    with shown(tmp_path, sections=MORE) as site:
        original = site.root / "archiv" / "a.jpg"
        original.write_bytes(original.read_bytes() + b" ")

        assert site.site.pictures.of_attempts(site.row()) == {}


def test_an_attempt_that_was_taken_shows_the_same_pictures_as_before(tmp_path: Path) -> None:
    with shown(tmp_path, sections=MORE) as site:
        before = site.site.pictures.of_attempts(site.row())
        job = site.row().job
        other = next(attempt.number for attempt in job.attempts if attempt.number != job.best)
        site.daemon.parts.other_attempts.take_attempt(job.id, other, "anna")
        taken = site.daemon.parts.journal.take_decided(2.0**40, ())
        assert taken is not None
        site.daemon.parts.task_runner.run(taken)

        assert site.site.pictures.of_attempts(site.row()) == before
        result, attempt = (
            decoded(site.get(url + "fit").body).astype(int) for url in (site.url("alpha"), str(before[other]["url"]))
        )
        assert np.abs(result - attempt).mean() < 0.5


def test_what_fits_a_screen_is_there_at_once_for_a_new_result(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with shown(tmp_path, {"a.jpg": drawn_photo(2000, 900)}, sections={"http": {"bind": "127.0.0.1:0"}}) as site:
        built = builds(site, monkeypatch)
        pictures = {kind: decoded(site.get(site.url(kind) + "fit").body) for kind in ("original", "colour", "alpha")}
        ahead = list(built)
        site.get(site.url("colour") + "0/0/0")
        wait_until(lambda: not site.site.pictures.shelf.busy)
        later = decoded((next((tmp_path / "state" / "pictures").glob("*.colour-alpha.colour.fit"))).read_bytes())

        assert ahead == []
        assert {kind: picture.shape[:2] for kind, picture in pictures.items()} == dict.fromkeys(pictures, (720, 1600))
        assert built == ["a.png"]
        seen = pictures["alpha"] > 200
        assert np.abs(pictures["colour"].astype(int) - later)[seen].mean() < 6
        assert list((tmp_path / "state" / "pictures").glob(".new-*")) == []


def test_a_result_that_is_cropped_is_shown_as_it_was_written(tmp_path: Path) -> None:
    sections = {"http": {"bind": "127.0.0.1:0"}, "outputs": {"trim": True, "max_side": 500}}
    with shown(tmp_path, sections=sections) as site:
        written = open_photo(result_of(site), 100)
        fit = decoded(site.get(site.url("alpha") + "fit").body)

        assert written.own_alpha is not None
        assert fit.shape == (written.height, written.width)
        assert np.array_equal(fit, written.own_alpha)


def test_no_picture_is_made_ahead_without_a_port(tmp_path: Path) -> None:
    with shown(tmp_path):
        assert not (tmp_path / "state" / "pictures").exists()


def test_a_photo_is_done_though_its_pictures_cannot_be_kept(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "pictures").write_text("in the way")
    with shown(tmp_path, sections={"http": {"bind": "127.0.0.1:0"}}) as site:
        assert result_of(site).exists()
        assert site.get(site.url("colour") + "fit").status == 507


def test_the_port_sends_small_answers_at_once() -> None:
    """Else each one on a kept connection waits 40 ms for the reader's acknowledgement (Nagle's algorithm)."""
    listener = web_server(watched_site())._listen()
    try:
        assert listener.proto == socket.IPPROTO_TCP  # for others asyncio does not set TCP_NODELAY
    finally:
        listener.close()


@pytest.mark.parametrize(("number", "status"), [(errno.EIO, 503), (errno.EACCES, 422)])
def test_a_folder_that_cannot_be_read_spoils_no_list_and_is_a_clear_answer(
    site: Shown, monkeypatch: pytest.MonkeyPatch, number: int, status: int
) -> None:
    url = site.url("colour")

    def broken(*_: object) -> NoReturn:
        raise OSError(number, "cannot be read")

    monkeypatch.setattr("daemon.hotfolder.ownership.file_id_at", broken)

    assert site.site.pictures.of(site.row()) is None
    assert site.site.pictures.of_attempts(site.row()) == {}
    answer = site.get(url + "fit")
    assert answer.status == status
    assert b"a.jpg" in answer.body


def test_a_result_that_we_may_not_read_is_no_full_disk(site: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    url, reading = site.url("colour"), open_below.reading

    def forbidden(name: str, folder: int | None = None) -> Any:
        if name == "a.png":
            raise PermissionError(errno.EACCES, "Permission denied")
        return reading(name, folder)

    monkeypatch.setattr(open_below, "reading", forbidden)
    answer = site.get(url + "fit")

    assert answer.status == 422
    assert b"Permission denied" in answer.body
