"""The marks of the reasons in a real browser: where they lie, and where keys go."""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from tests.drawing import drawn_photo, save_photo
from tests.web.browser import Page, browser, needs_browser
from tests.web.light_table import LightTable, light_table

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400), needs_browser]

WIDTH, HEIGHT = 2400, 1800
REASONS = [
    "remains of background at the upper left and elsewhere, 1.4 % of the picture",
    "the border is soft, about 2 % of the picture's longest side wide",
    "an opening inside the subject at the lower right, 0.5 % of the picture",
]
SPOTS = [
    [
        {"left": 0.3, "top": 0.38, "right": 0.4, "bottom": 0.46, "x": 0.35, "y": 0.42},
        {"left": 0.6, "top": 0.3, "right": 0.64, "bottom": 0.34, "x": 0.62, "y": 0.32},
    ],
    [],
    [{"left": 0.7, "top": 0.7, "right": 0.72, "bottom": 0.72, "x": 0.71, "y": 0.71}],
]
MIDDLE = """
    const done = arguments[0];
    const address = document.querySelector("script[src$='/review.js']").src.replace("review.js", "view.js");
    import(address).then(({ viewer }) => done([viewer.view.x, viewer.view.y]));
"""


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LightTable]:
    folder = tmp_path_factory.mktemp("marks")
    with light_table(folder) as found:
        (found.root / "inbox" / "trimmed").mkdir()
        (found.root / "inbox" / "trimmed" / "freisteller.toml").write_text("[outputs]\ntrim = true\n")
        for order in ("now", "before", "trimmed"):
            save_photo(found.root / "inbox" / order / "a.png", drawn_photo(WIDTH, HEIGHT, 1))
            found.daemon.wait_until(lambda order=order: len(found.jobs(order)) == 1, "a photo")  # type: ignore[misc]
        for order in ("now", "trimmed"):
            say(folder, found.jobs(order)[0]["id"], {"reasons": REASONS, "spots": SPOTS})
        say(folder, found.jobs("before")[0]["id"], {"reasons": REASONS, "spots": []})
        yield found


def say(folder: Path, job: str, values: Mapping[str, Sequence[object]]) -> None:
    """Have the journal say this in the verdict on each attempt of a job."""
    with closing(sqlite3.connect(folder / "state" / "journal.sqlite3", timeout=60)) as journal, journal:
        for key, value in values.items():
            body = "json_set(body, '$.verdict.' || ?, json(?))"
            journal.execute(f"UPDATE attempts SET body = {body} WHERE job_id = ?", (key, json.dumps(value), job))


def middle(page: Page) -> tuple[float, ...]:
    return tuple(round(each, 3) for each in page.driver.execute_async_script(MIDDLE))


def test_z_goes_to_the_worst_spot_and_tab_to_each_next_one(table: LightTable) -> None:
    with browser(table.base) as page:
        page.open("/review?order=now")
        page.wait_for_picture()
        page.press("z")
        page.wait(lambda: page.text("#zoom").startswith("100 %"), "100 %")
        page.wait_for_picture()

        assert middle(page) == (0.35, 0.42)
        page.press(Keys.TAB)
        assert middle(page) == (0.62, 0.32)
        page.press(Keys.TAB)
        assert middle(page) == (0.71, 0.71)
        assert page.said() == []


def test_reasons_with_a_spot_have_numbers_and_their_marks_lie_around_it(table: LightTable) -> None:
    with browser(table.base) as page:
        page.open("/review?order=now")
        page.wait_for_picture()
        numbers = page.run(
            "return [...document.querySelectorAll('#reasons li')].map("
            "(each) => each.querySelector('.mark-number')?.textContent ?? '')"
        )
        page.press("w")
        marked = yellow(page)

    assert numbers == ["1", "", "2"]
    assert marked is not None
    left, top, right, bottom = marked
    assert (abs(left - 0.3) < 0.03, abs(top - 0.3) < 0.03) == (True, True)
    assert (abs(right - 0.64) < 0.03, abs(bottom - 0.46) < 0.03) == (True, True)


def test_a_result_that_shows_only_a_part_of_the_photo_has_no_marks(table: LightTable) -> None:
    with browser(table.base) as page:
        page.open("/review?order=trimmed")
        page.wait_for_picture()
        page.press("w")
        numbers = page.run("return document.querySelectorAll('#reasons .mark-number').length")
        reasons = page.run("return document.querySelectorAll('#reasons li').length")

        assert (numbers, reasons, yellow(page)) == (0, len(REASONS), None)


def test_a_report_of_an_earlier_version_still_names_its_ninth(table: LightTable) -> None:
    with browser(table.base) as page:
        page.open("/review?order=before")
        page.wait_for_picture()
        page.press("z", Keys.TAB)
        page.wait(lambda: page.text("#zoom").startswith("100 %"), "100 %")

        assert middle(page)[0] > 0.7  # the second reason with a place: at the lower right
        assert page.said() == []


def yellow(page: Page) -> tuple[float, ...] | None:
    """The box around all that is as yellow as the worst marks, in shares of the picture; None if nothing is."""
    found: list[float | None] = page.driver.execute_async_script("""
        const done = arguments[0];
        const address = document.querySelector("script[src$='/review.js']").src.replace("review.js", "view.js");
        import(address).then(({ viewer }) => {
          const { canvas, box } = viewer;
          const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
          let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
          for (let n = 0; n < data.length; n += 4) {
            if (data[n] !== 255 || data[n + 1] !== 210 || data[n + 2] !== 62) continue;
            const x = ((n / 4) % canvas.width - box.x) / box.width;
            const y = (Math.floor(n / 4 / canvas.width) - box.y) / box.height;
            [left, right, top, bottom] = [Math.min(left, x), Math.max(right, x), Math.min(top, y), Math.max(bottom, y)];
          }
          done([left, top, right, bottom]);
        });
    """)
    return None if None in found else tuple(each for each in found if each is not None)  # JSON has no infinity
