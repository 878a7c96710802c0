"""A person reviews a file of several pages in a real browser: looks at each, takes an attempt, touches one up."""

import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from selenium.webdriver import ActionChains
from selenium.webdriver.common.keys import Keys

from daemon.pictures.reading import open_photo
from daemon.words.catalogue import words_in
from daemon.words.promise_texts import promise_text
from tests.drawing import drawn_photo, tiff_of_pages
from tests.web.browser import PATIENCE_SECONDS, PHONE, Page, browser, needs_axe, needs_browser
from tests.web.light_table import LightTable, light_table

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400), needs_browser]

WIDTHS, HEIGHT = (900, 940, 980), 700
GRADES = ("sehr_gut", "gut", "ungenügend")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LightTable]:
    with light_table(
        tmp_path_factory.mktemp("pages"),
        FREISTELLER__INTAKE__TIFF_QUIET_SECONDS="0",
        FREISTELLER__STRATEGY__MAX_ATTEMPTS="3",
        FREISTELLER__GRADING__SEHR_GUT="0.9999",
        FREISTELLER__GRADING__GUT="0.9998",
    ) as found:
        yield found


def dropped(table: LightTable, order: str) -> str:
    """The id of a finished file of three pages in an order of its own."""
    pages = [drawn_photo(width, HEIGHT, seed) for seed, width in enumerate(WIDTHS)]
    pages[0][0, 0] = list(order.encode())[:3]
    path = table.root / "inbox" / order / "a.tif"
    path.parent.mkdir(parents=True)
    path.write_bytes(tiff_of_pages(pages))
    table.daemon.wait_until(lambda: len(table.jobs(order)) == 1, f"the file of {order}")
    return str(table.jobs(order)[0]["id"])


def job(table: LightTable, job_id: str) -> dict[str, Any]:
    found: dict[str, Any] = table.ask(f"/api/v1/jobs/{job_id}")
    return found


def pictures(table: LightTable, order: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for grade in GRADES for path in (table.root / grade / order).glob("a-p*")}


def only_changed(before: dict[str, bytes], now: dict[str, bytes]) -> set[str]:
    assert before.keys() == now.keys()
    return {name for name, content in now.items() if content != before[name]}


def alpha_of(table: LightTable, order: str, page: int) -> Any:
    (path,) = [path for grade in GRADES for path in (table.root / grade / order).glob(f"a-p{page}.png")]
    return open_photo(path, 100).own_alpha


def at_page(page: Page, number: int) -> bool:
    return page.text("#pages [aria-current]") == str(number)


def opened(page: Page, order: str) -> None:
    page.open(f"/review?order={order}")
    page.wait_for_picture()
    page.wait(
        lambda: page.run("return document.querySelectorAll('#pages .page[data-grade=ungenügend]').length") == 3, "3"
    )


def look_at(page: Page, number: int) -> None:
    page.click(f"#pages [data-go='{number}']")
    page.wait(lambda: at_page(page, number), f"page {number}")
    page.wait_for_picture()


def published(table: LightTable, job_id: str, turn: int) -> None:
    until = time.monotonic() + PATIENCE_SECONDS
    while (now := job(table, job_id))["round"] < turn or now["state"] != "done":
        assert time.monotonic() < until
        time.sleep(0.1)


def test_each_page_is_seen_by_key_and_button_with_its_own_picture_and_words(table: LightTable) -> None:
    job_id = dropped(table, "seen")
    told = job(table, job_id)
    shapes = {page["page"]: page["pictures"]["colour"]["width"] for page in told["pages"]}
    assert shapes == dict(enumerate(WIDTHS, 1))
    with browser(table.base, (1280, 800)) as page:
        opened(page, "seen")
        assert at_page(page, told["page"])  # the worst comes first
        look_at(page, 1)
        seen = []
        for number in (1, 2, 3):
            page.wait(lambda number=number: at_page(page, number), f"page {number}")  # type: ignore[misc]
            page.wait_for_picture()
            assert f"page {number}" in page.run("return document.getElementById('picture').getAttribute('aria-label')")
            assert f"Page {number} of 3" in page.text("#of-pages")
            assert page.text("#score") == f"score {promise_text(told['pages'][number - 1]['score'], words_in('en'))}"
            seen.append(page.pixel(*middle(page)))
            page.press("n")
        assert len(set(seen)) == 3
        assert at_page(page, 3)  # there is no fourth
        page.press("N")
        page.wait(lambda: at_page(page, 2), "the page before")
        assert "Page 2 of 3, not good enough" in page.run("return document.getElementById('told').textContent")
        page.press(Keys.PAGE_UP)
        page.wait(lambda: at_page(page, 1), "the first page")

        page.press("2")  # one verdict for all
        page.wait(lambda: (job(table, job_id)["decided"] or {}).get("grade") == "gut", "the verdict")
        assert page.said() == []

    assert sorted(path.name for path in (table.root / "gut" / "seen").iterdir()) == [
        "a-p1.png",
        "a-p2.png",
        "a-p3.png",
        "a.json",
    ]


def middle(page: Page) -> tuple[float, float]:
    width, height = page.run("const s = document.getElementById('stage'); return [s.clientWidth, s.clientHeight]")
    return width / 2, height / 2


def test_an_attempt_at_page_two_is_taken_and_undone_and_no_other_page_changes(table: LightTable) -> None:
    job_id = dropped(table, "taken")
    before, files = job(table, job_id), pictures(table, "taken")
    tries = [each for each in before["tries"] if each["page"] == 2]
    with browser(table.base, (1280, 800)) as page:
        opened(page, "taken")
        look_at(page, 2)
        page.press("a")
        page.wait(lambda: page.shows("#attempts"), "the attempts")
        assert page.run("return document.querySelectorAll('#attempts .attempt').length") == len(tries) > 1
        assert page.text("#attempts-title") == "Attempts at a.tif, page 2"
        page.press(Keys.ARROW_RIGHT if tries[0]["best"] else Keys.ARROW_LEFT)
        page.press(Keys.ENTER)
        published(table, job_id, 1)
        after = job(table, job_id)
        page.wait(lambda: at_page(page, 2), "the same page again")
        page.wait_for_picture()
        changed = only_changed(files, pictures(table, "taken"))

        page.press("u")
        published(table, job_id, 2)

        assert page.said_after_a_change() == []

    assert [each["best_attempt"] for each in after["pages"]][::2] == [each["best_attempt"] for each in before["pages"]][
        ::2
    ]
    assert after["pages"][1]["best_attempt"] != before["pages"][1]["best_attempt"]
    assert changed == {"a-p2.png"}
    assert pictures(table, "taken") == files


def test_page_two_is_touched_up_and_the_file_is_still_to_be_decided(table: LightTable) -> None:
    job_id = dropped(table, "touched")
    files = pictures(table, "touched")
    before = alpha_of(table, "touched", 2)
    with browser(table.base, (1280, 800)) as page:
        opened(page, "touched")
        look_at(page, 2)
        page.press("k", "b")
        page.wait(lambda: page.shows("#touch-up"), "the touch-up")
        assert "page 2" in page.text("#touch-up .where")
        assert not page.shows("#pages")
        page.press("z")
        page.wait(lambda: page.text("#zoom").startswith("100 %"), "100 %")
        page.wait_for_picture()
        stage = page.driver.find_element("id", "stage")
        ActionChains(page.driver).move_to_element_with_offset(stage, -300, 200).click_and_hold().move_by_offset(
            60, 10
        ).release().perform()
        page.wait(lambda: not page.run("return document.getElementById('touch-undo').disabled"), "the stroke")
        page.press(Keys.ENTER)
        page.wait(lambda: not page.shows("#touch-up"), "the review")
        published(table, job_id, 1)
        page.wait(lambda: page.shows("#pages") and at_page(page, 2), "the page, made anew")
        after, told = alpha_of(table, "touched", 2), job(table, job_id)
        changed = only_changed(files, pictures(table, "touched"))

        page.press("u")
        published(table, job_id, 2)
        assert page.said_after_a_change() == []

    assert changed == {"a-p2.png"}
    assert (after.astype(int) > before).any()
    assert np.array_equal(alpha_of(table, "touched", 2), before)
    assert [each["touched_up"] for each in told["pages"]] == [False, True, False]
    assert told["decided"] is None


def test_a_touch_up_of_a_page_is_sent_also_if_the_file_was_only_moved_meanwhile(table: LightTable) -> None:
    job_id = dropped(table, "moved")
    files, best = pictures(table, "moved"), job(table, job_id)["page"]
    other = 1 if best != 1 else 3
    with browser(table.base, (1280, 800)) as page:
        opened(page, "moved")
        look_at(page, other)
        page.press("b")
        page.wait(lambda: page.shows("#touch-up"), "the touch-up")
        stage = page.driver.find_element("id", "stage")
        ActionChains(page.driver).move_to_element_with_offset(stage, -250, 180).click_and_hold().move_by_offset(
            60, 10
        ).release().perform()
        page.wait(lambda: not page.run("return document.getElementById('touch-undo').disabled"), "the stroke")
        table.ask(f"/api/v1/jobs/{job_id}/verdict", {"grade": "gut"})
        page.press(Keys.ENTER)
        page.wait(lambda: not page.shows("#touch-up"), "the review")
        published(table, job_id, 1)

    assert only_changed(files, pictures(table, "moved")) == {f"a-p{other}.png"}


@needs_axe
def test_on_a_phone_the_pages_are_in_reach_of_a_thumb_and_of_a_screen_reader(table: LightTable) -> None:
    dropped(table, "phone")
    with browser(table.base, PHONE, "de-DE", bypass_csp=True) as page:
        opened(page, "phone")
        look_at(page, 3)
        sizes = page.run(
            "return [...document.querySelectorAll('#pages button')].map((b) => b.getBoundingClientRect().toJSON())"
        )
        label = page.run("return document.querySelector('#pages [aria-current]').getAttribute('aria-label')")

        assert all(
            box["height"] >= 40 and box["width"] >= 40 and 0 <= box["left"] <= box["right"] <= 390 for box in sizes
        )
        assert label == "Seite 3 von 3, ungenügend"
        assert page.run("return document.getElementById('pages').getAttribute('aria-label')") == "Seiten dieses Fotos"
        assert page.run("return document.documentElement.scrollWidth") == PHONE[0]
        assert page.text("#of-pages").startswith("Seite 3 von 3")
        bottom, top = page.run(
            "const side = (one, name) => document.querySelector(one).getBoundingClientRect()[name];"
            "return [side('.progress-of-review', 'bottom'), side('#pages', 'top')]"
        )
        assert bottom <= top  # they do not lie on one another
        assert page.axe() == []
        assert page.said() == []
