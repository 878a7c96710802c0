"""The review in a real browser, against a real daemon: keys, undo, grounds, slider, zoom, a phone, German."""

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from urllib.parse import quote

import cv2
import numpy as np
import pytest
from selenium.webdriver import ActionChains
from selenium.webdriver.common.keys import Keys

from daemon.pictures.reading import open_photo
from tests.drawing import drawn_photo, save_photo
from tests.web.browser import PHONE, Page, browser, needs_browser
from tests.web.light_table import LightTable, light_table

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400), needs_browser]

GRADES = ("sehr_gut", "gut", "ungenügend")
SQUARE = (1300, 800, 8)  # in the photos of the order "look": left, top, pixels on each side


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LightTable]:
    folder = tmp_path_factory.mktemp("light table")
    with light_table(folder) as found:
        left, top, side = SQUARE
        for number in range(3):
            photo = drawn_photo(2400, 1800, 1)
            photo[top : top + side, left : left + side] = (10, 20, 230)
            photo[:4, :4] = number
            save_photo(found.root / "inbox" / "look" / f"{number}.png", np.ascontiguousarray(photo))
        found.daemon.wait_until(lambda: len(found.jobs("look")) == 3, "three photos to look at")
        yield found


def place(page: Page) -> str:
    return page.text("#position")


def zoom(page: Page) -> str:
    """The level that is shown, e.g. "100 %"."""
    return page.text("#zoom").partition("\n")[0]


def decided(table: LightTable, order: str) -> dict[str, str]:
    return {job["name"]: job["decided"]["grade"] for job in table.jobs(order) if job["decided"]}


def has_in_its_address(page: Page, text: str) -> bool:
    return text in page.driver.current_url


def opened(page: Page, order: str, query: str = "") -> None:
    page.open(f"/review?order={order}{query}")
    page.wait_for_picture()


def test_fifty_photos_are_decided_with_fifty_keys_and_undone(table: LightTable) -> None:
    table.drop("fifty", 50)
    order = [job["name"] for job in table.jobs("fifty")]
    keys = [*"123", Keys.NUMPAD1, Keys.NUMPAD2, Keys.NUMPAD3]
    with browser(table.base) as page:
        opened(page, "fifty")
        page.press(*(keys[number % 6] for number in range(50)))
        page.wait(lambda: len(decided(table, "fifty")) == 50, "fifty verdicts")

        assert decided(table, "fifty") == {name: GRADES[number % 3] for number, name in enumerate(order)}
        assert "50" in page.text("#cover h2")
        for grade in GRADES:
            there = {path.name for path in (table.root / grade / "fifty").glob("*.png")}
            assert there == {Path(name).stem + ".png" for n, name in enumerate(order) if GRADES[n % 3] == grade}

        page.press("u", "u", "u")
        page.press_with_control("z")
        page.wait(lambda: len(decided(table, "fifty")) == 46, "four verdicts to be undone")

        assert set(order) - set(decided(table, "fifty")) == set(order[46:])
        assert place(page) == "47 / 50"
        page.open(f"/review?order=fifty&again={1}")
        page.wait_for_picture()
        page.press("u")
        page.wait(lambda: len(decided(table, "fifty")) == 45, "an undo after the page was loaded again")
        assert page.said_after_a_change() == []


def test_a_decision_waits_for_the_connection_and_is_not_lost(table: LightTable) -> None:
    table.drop("offline", 3)
    with browser(table.base) as page:
        opened(page, "offline")
        page.wait(lambda: page.run("return performance.getEntriesByType('resource').length") > 15, "prefetched photos")
        page.offline(True)
        page.press("1", "2")
        page.wait_for_text("#connection", "2 decisions wait")
        assert place(page) == "3 / 3"
        page.offline(False)
        page.wait(lambda: len(decided(table, "offline")) == 2, "the decisions")
        page.wait(lambda: not page.shows("#connection"), "the notice to go")


def test_the_second_of_two_people_sees_what_the_first_decided(table: LightTable) -> None:
    table.drop("two", 2)
    first = table.jobs("two")[0]
    with browser(table.base) as page:
        opened(page, "two")
        page.run("EventSource.prototype.addEventListener = () => {}")
        page.offline(True)
        page.press("1")
        table.ask(f"/api/v1/jobs/{first['id']}/verdict", {"grade": "ungenügend"})
        page.offline(False)
        page.wait_for_text("#messages", "did not count")

        assert decided(table, "two") == {first["name"]: "ungenügend"}
        assert place(page) == "2 / 2"
        page.click("#messages .message button")
        page.wait_for_text("#decided", "not good enough")
        assert place(page) == "1 / 2"


def test_a_review_begins_with_a_photo_that_is_still_there(table: LightTable) -> None:
    table.drop("gone", 2)
    first, second = table.jobs("gone")
    for result in first["results"]:
        next(table.root.glob(f"*/gone/{result['name']}")).unlink()
    with browser(table.base) as page:
        opened(page, "gone")

        assert place(page) == "2 / 2"
        assert page.text("#name") == Path(second["name"]).name
        page.press(Keys.ARROW_LEFT)
        page.wait_for_text("#cover", "has no picture to show")


def test_a_message_does_not_hide_that_the_connection_is_gone(table: LightTable) -> None:
    with browser(table.base) as page:
        opened(page, "look")
        page.run("document.getElementById('messages').append(document.createElement('p')); void 0")
        page.offline(True)
        page.press("1")
        page.wait_for_text("#connection", "waits")
        banner, message = (
            page.run("return document.getElementById(arguments[0]).getBoundingClientRect().toJSON()", each)
            for each in ("connection", "messages")
        )
        page.offline(False)
        page.wait(lambda: decided(table, "look"), "the decision")
        page.press("u")
        page.wait(lambda: not decided(table, "look"), "its undo")

    assert message["top"] >= banner["bottom"]


def test_keys_work_after_the_focus_changed_and_never_inside_a_text_field(table: LightTable) -> None:
    table.drop("focus", 4)
    with browser(table.base) as page:
        opened(page, "focus")
        page.click("#grounds .white")
        page.press("1")
        page.click("#settings summary")
        page.press(Keys.ESCAPE)
        page.press("2")
        page.wait(lambda: len(decided(table, "focus")) == 2, "two verdicts")
        page.press("f", *"123")
        assert page.run("return document.getElementById('word').value") == "123"
        page.press(Keys.ESCAPE, Keys.ARROW_LEFT, Keys.ARROW_LEFT, Keys.ARROW_RIGHT)
        assert place(page) == "2 / 4"
        assert len(decided(table, "focus")) == 2

        page.press(Keys.ARROW_RIGHT, "f", *"blurred", Keys.ENTER)
        page.wait(lambda: len(table.jobs("focus")) == 3, "a photo to fail")
        failed = table.root / "failed" / "focus"
        page.wait(lambda: any("blurred" in note.read_text("utf-8") for note in failed.glob("*.txt")), "the note")
        assert page.said() == []


def test_arrows_only_move_and_the_zoom_survives(table: LightTable) -> None:
    with browser(table.base) as page:
        opened(page, "look")
        fits = zoom(page)
        page.press("z")
        page.wait(lambda: zoom(page) == "100 %", "100 %")
        page.press(Keys.ARROW_RIGHT)
        page.wait(lambda: place(page) == "2 / 3", "the next photo")
        page.wait_for_picture()

        assert zoom(page) == "100 %"
        page.press("z")
        page.wait(lambda: zoom(page) == fits, "the whole picture")
        assert decided(table, "look") == {}
        assert page.said() == []


def test_what_somebody_may_look_at_closely_is_built_ahead(table: LightTable) -> None:
    def built_ahead(page: Page) -> set[str]:
        """The photos whose pictures the page had built ahead."""
        script = "return performance.getEntriesByType('resource').map((each) => each.name)"
        return {url.split("/pictures/")[1].split("/")[0] for url in page.run(script) if url.endswith("/ahead")}

    first, *others = (job["id"] for job in table.jobs("look"))
    with browser(table.base) as page:
        opened(page, "look")
        page.wait(lambda: built_ahead(page) == {first}, "the photo that is looked at")
        page.press("z", "z")
        page.open("/review?order=look&again=1")
        page.wait(lambda: built_ahead(page) == {first, *others}, "the next ones, for who zooms in")
        assert page.said() == []


def test_a_hundred_percent_is_one_pixel_for_one_pixel(table: LightTable) -> None:
    left, top, side = SQUARE
    with browser(table.base) as page:
        opened(page, "look")
        page.press("k", "w", "z")
        page.wait(lambda: zoom(page) == "100 %", "100 %")
        page.wait_for_picture()
        stage = page.run("const s = document.getElementById('stage'); return [s.clientWidth, s.clientHeight]")
        x0, y0 = stage[0] / 2 - 1200, stage[1] / 2 - 900
        blue = [
            x for x in range(left - 20, left + side + 20)
            if page.pixel(x0 + x, y0 + top + side // 2)[2] > 150 > page.pixel(x0 + x, y0 + top + side // 2)[0]
        ]  # fmt: skip

    assert len(blue) == side
    assert blue[0] == left


def test_grounds_the_slider_and_the_alpha_show_what_they_say(table: LightTable) -> None:
    with browser(table.base) as page:
        opened(page, "look")
        page.press("k", "d")
        corner = page.run(
            "const s = document.getElementById('stage'); return [s.clientWidth / 2 - 300, s.clientHeight / 2 - 250]"
        )
        page.wait(lambda: page.pixel(*corner) == (0, 0, 0, 255), "black")
        page.press("w")
        page.wait(lambda: page.pixel(*corner) == (255, 255, 255, 255), "white")
        page.press("g")
        page.wait(lambda: page.pixel(*corner) == (128, 128, 128, 255), "grey")
        page.press("m")
        page.wait(lambda: page.pixel(*corner) == (0, 0, 0, 255), "the alpha of the background")
        page.press("m", "x")
        page.wait(lambda: 190 < page.pixel(*corner)[0] < 220, "the original's own ground, left of the line")
        page.press("x", "d")
        page.wait(lambda: page.pixel(*corner) == (0, 0, 0, 255), "black again")
        assert page.said() == []


def test_another_attempt_is_compared_and_taken(table: LightTable) -> None:
    inbox = table.root / "inbox" / "attempts"
    inbox.mkdir()
    (inbox / "freisteller.toml").write_text(
        "[grading]\nsehr_gut = 0.999\ngut = 0.998\n[strategy]\nmax_attempts = 3\nmin_gain = 0\n"
    )
    table.drop("attempts", 1)
    (job,) = table.jobs("attempts")
    tries = table.ask(f"/api/v1/jobs/{job['id']}")["tries"]
    best = [each["best"] for each in tries].index(True)
    other = best - 1 if best else best + 1
    with browser(table.base) as page:
        opened(page, "attempts")
        page.press("a")
        shown = "return document.querySelectorAll('#attempts .attempt').length"
        page.wait(lambda: page.run(shown) == len(tries) > 1, "all attempts")
        painted = """
            return [...document.querySelectorAll('#attempts canvas')].map((canvas) => canvas.width > 50 &&
                [...canvas.getContext('2d').getImageData(canvas.width / 2, canvas.height / 2, 1, 1).data].join());
        """
        page.wait(lambda: all(page.run(painted)), "their pictures")
        corner = """
            return [...document.querySelectorAll('#attempts canvas')].map((canvas) =>
                [...canvas.getContext('2d').getImageData(3, 3, 1, 1).data].join());
        """
        page.wait(lambda: all("," in each and not each.endswith(",0") for each in page.run(painted)), "their colours")
        zoom = "return parseInt(document.querySelector('#attempts .zoom-of-all').textContent)"
        whole, fitting = page.run(corner), page.run(zoom)
        page.press("z")  # the photo is so small that 100 % is less than what fits
        page.wait(lambda: page.run(zoom) > 3.9 * fitting, "four times as large")
        near = page.run(corner)
        page.press("-")
        page.wait(lambda: 2.6 * fitting < page.run(zoom) < 2.8 * fitting, "smaller")
        page.press("z")
        page.wait(lambda: page.run(zoom) == fitting, "the whole pictures")
        page.wait(lambda: page.run(corner) == whole, "what was there before")
        assert all(one != other for one, other in zip(near, whole, strict=True))  # each of them was enlarged
        page.press(Keys.ARROW_LEFT if best else Keys.ARROW_RIGHT, Keys.ENTER)
        page.wait(
            lambda: [each["best"] for each in table.ask(f"/api/v1/jobs/{job['id']}")["tries"]].index(True) == other,
            "the other attempt",
        )
        page.wait_for_picture()
        assert not page.shows("#attempts")
        assert place(page) == "1 / 1"


def test_attempts_at_100_percent_show_the_pixels_of_their_results(table: LightTable) -> None:
    inbox = table.root / "inbox" / "full"
    inbox.mkdir()
    (inbox / "freisteller.toml").write_text(
        "[grading]\nsehr_gut = 0.999\ngut = 0.998\n[strategy]\nmax_attempts = 2\nmin_gain = 0\n"
    )
    save_photo(inbox / "a.png", drawn_photo(2600, 1700, 3))
    table.daemon.wait_until(lambda: len(table.jobs("full")) == 1, "the photo")
    (path,) = (path for path in table.root.glob("*/full/a.png") if path.parts[-3] not in ("inbox", "archiv"))
    alpha = open_photo(path, 100).own_alpha
    assert alpha is not None
    best = [each["best"] for each in table.ask(f"/api/v1/jobs/{table.jobs('full')[0]['id']}")["tries"]].index(True)
    with browser(table.base) as page:
        opened(page, "full")
        page.press("w", "a")
        sharp = "return document.querySelector('#attempts .zoom-of-all')?.dataset.sharp === 'true'"
        page.wait(lambda: page.run(sharp), "the pictures")
        assert page.text("#attempts .fineness").startswith(
            "The answer has 1,024 pixels on its longer side, enlarged 2.5"
        )
        count = page.run("return document.querySelectorAll('#attempts canvas').length")
        page.run("performance.clearResourceTimings()")
        page.press("z")
        page.wait(lambda: page.text("#attempts .zoom-of-all").startswith("100"), "100 %")
        tiles = r"""
            const names = performance.getEntriesByType('resource').map((each) => each.name);
            return names.filter((name) => /\/0\/\d+\/\d+$/.test(name)).length;
        """
        for _ in range(4):  # where the border is
            ActionChains(page.driver).key_down(Keys.SHIFT).send_keys(Keys.ARROW_RIGHT).key_up(Keys.SHIFT).perform()
        page.wait(lambda: page.run(sharp), "their tiles")
        asked = page.run(tiles)
        pixels = page.run(
            """
            const canvas = document.querySelectorAll('#attempts canvas')[arguments[0]];
            const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height);
            return [canvas.width, canvas.height, ...data.filter((_, n) => n % 4 === 1)];
            """,
            best,
        )
        assert page.said() == []

    width, height = pixels[:2]
    green = np.array(pixels[2:], np.uint8).reshape(height, width)
    seen, empty = np.asarray(green == 255, np.uint8), np.asarray(alpha == 0, np.uint8)
    assert 0.05 < seen.mean() < 0.95
    differ = cv2.matchTemplate(empty, seen, cv2.TM_SQDIFF)  # so many pixels, wherever it may lie
    top, left = np.unravel_index(int(differ.argmin()), differ.shape)
    here = alpha[top : top + height, left : left + width]
    assert here[seen != (here == 0)].max(initial=0) <= 8  # what can hardly be seen
    assert asked <= (count + 1) * 9  # of 24 tiles in the photo, those that are seen on the way


def test_a_review_shows_one_grade_and_its_address_keeps_that(table: LightTable) -> None:
    table.drop("graded", 2)
    first, second = table.jobs("graded")
    grade = {"sehr_gut": "gut"}.get(first["grade"], "sehr_gut")
    table.ask(f"/api/v1/jobs/{first['id']}/verdict", {"grade": grade})
    there = second["grade"]
    seen = {"ungenügend": 1, "gut": 2, "sehr_gut": 3}[there]
    with browser(table.base) as page:
        opened(page, "graded")
        assert not page.shows("#filter")
        for presses in range(1, 4):
            page.press("v")
            wanted = ["ungenügend", "gut", "sehr_gut"][presses - 1]
            page.wait(partial(has_in_its_address, page, f"grade={quote(wanted)}"), "the address")
            page.wait(lambda: page.shows("#filter") and page.shows("#cover, #name"), "the page")
            if presses == seen:
                page.wait_for_picture()
                assert place(page) == "1 / 1"
                page.driver.refresh()
                page.wait_for_picture()
                assert page.run("return document.getElementById('only').value") == there
            else:
                page.wait_for_text("#cover", "is left to decide")
                page.wait_for_text("#cover", "Show all grades")
        page.click("#filter")
        page.wait(lambda: "grade=" not in page.driver.current_url, "all grades")
        page.wait_for_picture()


def test_a_photo_is_tried_again_by_a_key_and_comes_back_to_be_decided(table: LightTable) -> None:
    table.drop("again", 2)
    first = table.jobs("again")[0]
    with browser(table.base) as page:
        opened(page, "again")
        page.press("r")
        assert place(page) == "2 / 2"
        page.wait(lambda: table.ask(f"/api/v1/jobs/{first['id']}")["round"] > first["round"], "another round")
        page.wait(lambda: table.ask(f"/api/v1/jobs/{first['id']}")["state"] == "done", "its end")
        page.press("1")
        page.wait_for_text("#cover", "One photo is left")
        page.click("#cover button.primary")
        page.wait_for_picture()
        assert place(page) == "1 / 2"
        assert page.text("#name") == Path(first["name"]).name


def test_keys_can_be_set_and_are_remembered(table: LightTable) -> None:
    table.drop("keys", 2)
    with browser(table.base) as page:
        opened(page, "keys")
        page.press("?")
        page.click("#keys .key")
        page.press("q", Keys.ESCAPE)
        page.open("/review?order=keys&again=1")
        page.wait_for_picture()
        page.press("1")
        page.press("q")
        page.wait(lambda: list(decided(table, "keys").values()) == ["sehr_gut"], "the verdict by the new key")


def test_a_german_browser_gets_german_pages_and_anybody_can_choose(table: LightTable) -> None:
    with browser(table.base, language="de-DE", dark=True) as page:
        opened(page, "look")
        assert page.run("return document.documentElement.lang") == "de"
        assert page.text("#verdicts").split("\n")[0] == "sehr gut"
        assert "Saubere Kanten" in page.text("#reasons")
        assert place(page) == "1 / 3"
        ground = page.run("return getComputedStyle(document.documentElement).backgroundColor")
        assert max(int(each) for each in re.findall(r"\d+", ground)) < 60
        page.click("#settings summary")
        page.run("const s = document.getElementById('language'); s.value = 'en'; s.dispatchEvent(new Event('change'))")
        page.wait(lambda: page.run("return document.documentElement.lang") == "en", "English")
        assert page.said() == []


def test_a_phone_decides_by_swipes(table: LightTable) -> None:
    table.drop("phone", 4)
    with browser(table.base, PHONE, "de-DE") as page:
        opened(page, "phone")
        assert page.run("return document.documentElement.scrollWidth") == 390
        for swipe in ((200, 0), (0, -200), (-200, 0)):
            page.swipe(*swipe)
        page.wait(lambda: len(decided(table, "phone")) == 3, "three verdicts")
        page.swipe(20, 0)
        order = [job["name"] for job in table.jobs("phone")]

        assert [decided(table, "phone").get(name) for name in order] == ["sehr_gut", "gut", "ungenügend", None]
        assert place(page) == "4 / 4"
        page.click("#deeds [data-act=undo]")
        page.wait(lambda: len(decided(table, "phone")) == 2, "an undo")
        assert page.said() == []
