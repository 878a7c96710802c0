"""A person looks at one page of a file, takes another attempt at it and touches it up; the other pages stay."""

import json
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from daemon.hotfolder.effects import Effect
from daemon.journal import JobRow
from daemon.judgement.best_of_pages import page_of
from daemon.pictures.reading import open_photo
from daemon.service.lifecycle import Daemon
from daemon.service.open_web import make_site
from daemon.settings import load
from daemon.states import State
from tests.doubles import ScriptedEngine
from tests.drawing import save_pages, with_bad_pages
from tests.test_crash_at_every_step import Died, dying_at
from tests.web.shown import Shown, do_all, shown
from tests.web.test_touch_up import drawn_alpha, png

SECTIONS = {
    "intake": {"quiet_seconds": 0, "tiff_quiet_seconds": 0},
    "grading": {"sehr_gut": 0.9999, "gut": 0.9998},
    "strategy": {"max_attempts": 3},
    "outputs": {"formats": ["png", "mask"]},
}
NAME = "b.tif"
WIDTHS = {1: 96, 2: 104, 3: 112}


@pytest.fixture
def engine() -> ScriptedEngine:
    return ScriptedEngine()


@pytest.fixture
def site(tmp_path: Path, engine: ScriptedEngine) -> Iterator[Shown]:
    save_pages(tmp_path / "hot" / "inbox" / NAME, 3)
    with shown(tmp_path, engine=engine, sections=SECTIONS) as found:
        do_all(found.daemon)
        yield found


def job(site: Shown) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(site.get(f"/api/v1/jobs/{site.row(NAME).job.id}").body)
    return found


def painted(page: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    return drawn_alpha()[30:102, 50 : 50 + WIDTHS[page]].copy()


def touch_up(site: Shown, content: bytes, query: str) -> tuple[int, dict[str, Any]]:
    answer = site.post(f"/api/v1/jobs/{site.row(NAME).job.id}/touch-up{query}", content)
    return answer.status, json.loads(answer.body)


def results(site: Shown) -> dict[str, bytes]:
    places = [place for place in site.row(NAME).results if not place.endswith(".json")]
    return {Path(place).name: (site.root / place).read_bytes() for place in places}


def alpha_of(root: Path, row: JobRow, page: int) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8 | np.uint16]]":
    place = next(place for place in row.results if place.endswith(f"-p{page}.png"))
    alpha = open_photo(root / place, 100).own_alpha
    assert alpha is not None
    return alpha


def test_a_job_tells_each_page_with_its_pictures_results_and_attempts(site: Shown) -> None:
    told = job(site)

    assert (told["page_count"], told["page"]) == (3, page_of(site.row(NAME).job.best or 0))
    assert [page["page"] for page in told["pages"]] == [1, 2, 3]
    worst = told["pages"][told["page"] - 1]
    assert worst["score"] == told["score"] == min(page["score"] for page in told["pages"])
    assert worst["pictures"] == told["pictures"]
    assert {result["page"]: result["suffix"] for result in told["results"][::2]} == {
        1: "-p1.png",
        2: "-p2.png",
        3: "-p3.png",
        None: ".json",
    }
    for page in told["pages"]:
        tries = [each for each in told["tries"] if each["page"] == page["page"]]
        assert [each["number"] for each in tries if each["best"]] == [page["best_attempt"]]
        assert all(each["picture"]["width"] == WIDTHS[page["page"]] for each in tries)


@pytest.mark.parametrize("kind", ["original", "colour", "alpha"])
def test_each_page_has_pictures_of_its_own(site: Shown, kind: str) -> None:
    urls = [page["pictures"][kind] for page in job(site)["pages"]]

    fits = [site.get(f"{each['url']}fit") for each in urls]
    tiles = [site.get(f"{each['url']}0/0/0") for each in urls]

    assert [each["width"] for each in urls] == list(WIDTHS.values())
    assert {answer.status for answer in fits + tiles} == {200}
    assert len({answer.body for answer in fits}) == len({each["url"] for each in urls}) == 3


def test_the_attempts_of_each_page_are_shown(site: Shown) -> None:
    pictures = [each["picture"]["url"] for each in job(site)["tries"]]

    answers = [site.get(f"{url}fit") for url in pictures]

    assert {answer.status for answer in answers} == {200}


def test_there_is_no_picture_of_a_page_that_there_is_not(site: Shown) -> None:
    url = job(site)["pages"][0]["pictures"]["colour"]["url"]

    assert site.get(url.replace("colour-1", "colour-2") + "fit").status == 404
    assert site.get(url.replace("colour-1", "colour-0") + "fit").status == 404
    assert site.get(url.replace("colour-1", "colour-9") + "fit").status in (404, 410)


def test_a_file_of_one_page_tells_that_page(site: Shown) -> None:
    told = json.loads(site.get(f"/api/v1/jobs/{site.row('a.jpg').job.id}").body)

    (page,) = told["pages"]
    assert (told["page"], told["page_count"], page["page"]) == (1, 1, 1)
    assert (page["grade"], page["score"], page["pictures"]) == (told["grade"], told["score"], told["pictures"])


def test_one_page_is_touched_up_to_the_last_digit_and_the_others_stay(site: Shown, engine: ScriptedEngine) -> None:
    before, files, calls = site.row(NAME), results(site), engine.calls.total()

    status, body = touch_up(site, png(painted(2)), "?page=2")
    site.publish()

    now, told = results(site), job(site)
    report = json.loads((site.root / site.row(NAME).results[-1]).read_bytes())
    assert (status, set(body)) == (200, {"job", "deed"})
    assert np.array_equal(alpha_of(site.root, site.row(NAME), 2), painted(2))
    assert {name for name in now if now[name] != files[name]} == {"b-p2.png", "b-p2_mask.png"}
    assert [page.get("touched_up", False) for page in report["pages"]] == [False, True, False]
    assert [page["touched_up"] for page in told["pages"]] == [False, True, False]
    assert report["grade"] == before.job.grade
    assert engine.calls.total() == calls


def test_undo_takes_the_former_page_back_and_redo_the_touched_one(site: Shown) -> None:
    files = results(site)
    _, body = touch_up(site, png(painted(3)), "?page=3")
    site.publish()
    touched = results(site)

    undone = json.loads(site.post(f"/api/v1/deeds/{body['deed']}/undo", b"{}").body)
    site.publish()
    before = results(site)
    site.post(f"/api/v1/deeds/{undone['deed']}/undo", b"{}")
    site.publish()

    assert before == files
    assert results(site) == touched != files


def test_who_takes_another_try_back_has_the_pages_as_they_were_and_their_attempts(site: Shown) -> None:
    touch_up(site, png(painted(2)), "?page=2")
    site.publish()
    before, files = job(site), results(site)
    retried = json.loads(site.post(f"/api/v1/jobs/{before['id']}/retry", b"{}").body)

    site.post(f"/api/v1/deeds/{retried['deed']}/undo", b"{}")
    after = job(site)
    taken = site.post(f"/api/v1/jobs/{before['id']}/attempt", b'{"number": 101}')

    assert (after["pages"], after["tries"]) == (before["pages"], before["tries"])
    assert taken.status == 200
    site.publish()
    assert {name for name, content in results(site).items() if content != files[name]} == {"b-p2.png", "b-p2_mask.png"}


@pytest.mark.parametrize(("query", "status"), [("", 400), ("?page=0", 400), ("?page=4", 400), ("?page=two", 400)])
def test_of_several_pages_it_must_be_said_which(site: Shown, query: str, status: int) -> None:
    before = site.row(NAME)

    answered, body = touch_up(site, png(painted(2)), query)

    assert answered == status
    assert f"which page of {NAME}" in body["detail"]
    assert site.row(NAME) == before


def test_an_alpha_of_another_page_is_refused(site: Shown) -> None:
    status, body = touch_up(site, png(painted(1)), "?page=2")

    assert status == 422
    assert "104 x 72" in body["detail"]


def test_a_touch_up_of_the_only_page_that_could_be_decoded_keeps_its_name(
    tmp_path: Path, engine: ScriptedEngine
) -> None:
    scan = save_pages(tmp_path / "hot" / "inbox" / NAME, 2)
    scan.write_bytes(with_bad_pages(scan.read_bytes(), 2))
    with shown(tmp_path, engine=engine, sections=SECTIONS) as site:
        do_all(site.daemon)
        before = results(site)

        status, _ = touch_up(site, png(painted(1)), "")
        site.publish()

        assert status == 200
        assert sorted(results(site)) == sorted(before) == ["b-p1.png", "b-p1_mask.png"]
        assert np.array_equal(alpha_of(site.root, site.row(NAME), 1), painted(1))


@pytest.mark.parametrize("effect", [Effect.KEEP_ALPHA, Effect.RECORD_ATTEMPT, Effect.TAKE_ATTEMPT])
def test_a_crash_leaves_the_pages_as_they_were_and_the_touch_up_can_be_sent_again(
    tmp_path: Path, effect: Effect
) -> None:
    flags = {"root": str(tmp_path / "hot"), "state_dir": str(tmp_path / "state"), "http": {"bind": ""}, **SECTIONS}
    save_pages(tmp_path / "hot" / "inbox" / NAME, 2)
    others = []

    def live(tick: object, *, sends: bool) -> None:
        with ExitStack() as doors:
            daemon = Daemon(load(flags=flags), engine=ScriptedEngine(), tick=tick)  # type: ignore[arg-type]
            doors.callback(daemon.close)
            daemon.recover()
            do_all(daemon)
            site = make_site(daemon.parts, doors)
            (row,) = daemon.parts.journal.rows(State.DONE)
            others.append((tmp_path / "hot" / next(p for p in row.results if p.endswith("-p1.png"))).read_bytes())
            if sends:
                number = site.touch_ups.add(row.job.id, png(painted(2)), 2)
                daemon.parts.other_attempts.take_attempt(row.job.id, number, "anna")
            while job := daemon.parts.journal.take_decided(2.0**40, ()):
                daemon.parts.task_runner.run(job)
            (after,) = daemon.parts.journal.rows(State.DONE)
            if sends:
                assert np.array_equal(alpha_of(tmp_path / "hot", after, 2), painted(2))

    live(lambda _: None, sends=False)
    with pytest.raises(Died):
        live(dying_at(effect), sends=True)
    live(lambda _: None, sends=True)

    assert len(set(others)) == 1
