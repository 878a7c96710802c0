"""What a studio meets in the light table on a usual day: long names, all screens, failures, cancelled orders."""

from collections.abc import Iterator

import pytest
from selenium.webdriver.common.keys import Keys

from tests.drawing import drawn_photo, save_photo
from tests.processes import freisteller
from tests.web.browser import Page, browser, needs_browser
from tests.web.light_table import LightTable, light_table

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400), needs_browser]

LONG_NAME = "Küchenhocker_" * 14 + ".jpg"
SCREENS = {
    "laptop": (1280, 720),
    "magnified": (720, 450),
    "telephone": (390, 844),
    "lying": (844, 390),
    "tablet": (820, 1180),
}
OUTSIDE = """
    return [...document.querySelectorAll('#verdicts button, #deeds button')].filter((each) => {
        const box = each.getBoundingClientRect();
        const top = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
        return box.bottom > innerHeight || box.right > innerWidth || !each.contains(top);
    }).map((each) => each.textContent);
"""
COVERED = """
    return [...document.querySelectorAll('.bar nav a, .bar summary')].filter((each) => {
        const box = each.getBoundingClientRect();
        const top = document.elementFromPoint(box.right - 3, box.y + box.height / 2);
        return box.right > innerWidth || !each.contains(top);
    }).map((each) => each.textContent);
"""


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LightTable]:
    with light_table(tmp_path_factory.mktemp("studio")) as found:
        found.drop("Tag", 4)
        save_photo(found.root / "inbox" / "Tag" / LONG_NAME, drawn_photo(240, 180, 9))
        found.daemon.wait_until(lambda: len(found.jobs("Tag")) == 5, "the photo of a long name")
        yield found


def show_on(page: Page, screen: str) -> None:
    width, height = SCREENS[screen]
    metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": min(width, height) < 400}
    page.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    page.wait(lambda: page.run("return innerWidth") == width, screen)


def order_of(table: LightTable, name: str) -> dict[str, int]:
    found = {each["name"]: each for each in table.ask("/api/v1/orders")["orders"]}
    return {key: found.get(name, {}).get(key, 0) for key in ("waiting", "running", "done", "failed")}


def test_every_way_to_decide_is_in_sight_on_all_screens(table: LightTable) -> None:
    grade = next(job["grade"] for job in table.jobs("Tag") if job["name"].endswith(LONG_NAME))
    with browser(table.base, language="de-DE") as page:
        page.open(f"/review?order=Tag&grade={grade}")
        page.wait_for_picture()
        for _ in range(6):
            if page.text("#name") == LONG_NAME:
                break
            page.press(Keys.ARROW_RIGHT)
        assert page.text("#name") == LONG_NAME
        page.run("""
            for (let n = 0; n < 9; n += 1) {
                const reason = document.createElement('li');
                reason.textContent = 'Reste '.repeat(12);
                document.getElementById('reasons').append(reason);
            }
        """)
        for screen in SCREENS:
            show_on(page, screen)
            assert page.run(OUTSIDE) == [], screen
            assert page.run(COVERED) == [], screen
            assert page.run("return document.documentElement.scrollWidth <= innerWidth"), screen
        assert page.run("return document.getElementById('stage').clientWidth") == SCREENS["tablet"][0]


def test_a_picture_that_is_on_its_way_does_not_look_like_an_empty_result(table: LightTable) -> None:
    waits = "return document.getElementById('stage').classList.contains('waits')"
    with browser(table.base) as page:
        page.driver.execute_cdp_cmd("Network.enable", {})
        page.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": ["*/alpha/*"]})
        page.open("/review?order=Tag")
        page.wait_for_text("#position", "1 / 5")
        page.wait(lambda: page.run(waits), "the sign")
        sign = "return getComputedStyle(document.getElementById('stage'), '::after').content"
        assert page.run(sign) == '"Loading …"'
        page.driver.execute_cdp_cmd("Network.setBlockedURLs", {"urls": []})
        page.wait_for_picture()
        assert not page.run(waits)


def test_a_decided_result_is_found_on_the_contact_sheet_and_decided_anew(table: LightTable) -> None:
    table.drop("Bogen", 3)
    job = next(job for job in table.jobs("Bogen") if job["name"] == "Bogen/01.jpg")
    table.ask(f"/api/v1/jobs/{job['id']}/verdict", {"grade": "gut"})
    with browser(table.base) as page:
        page.open("/orders")
        page.wait(lambda: page.shows("[data-key='sheet Bogen']"), "the order")
        page.click("[data-key='sheet Bogen']")
        page.wait(lambda: page.shows(f"#sheet a[href*='{job['id']}']"), "the contact sheet")
        page.click(f"#sheet a[href*='{job['id']}']")
        page.wait_for_picture()
        assert (page.text("#name"), page.text("#decided")) == ("01.jpg", "Decided: good")
        place = int(page.text("#position").partition(" / ")[0])
        assert page.text("#position").endswith("/ 3")
        page.press("3")
        page.wait(lambda: table.ask(f"/api/v1/jobs/{job['id']}")["grade"] == "ungenügend", "another verdict")
        expected = f"{place + 1} / 3" if place < 3 else "3 / 3"
        assert page.text("#position") == expected, "who looks at all goes on to the next one"
        assert page.said() == []


def test_what_the_page_did_itself_is_not_asked_for_again(table: LightTable) -> None:
    table.drop("Ruhe", 3)
    asked = """
        const names = performance.getEntriesByType('resource').map((each) => each.name);
        return names.filter((name) => new RegExp('/jobs/[^/?]+$').test(name));
    """
    with browser(table.base) as page:
        page.open("/review?order=Ruhe")
        page.wait_for_picture()
        page.press("1", "2", "3")
        page.wait(lambda: all(job["decided"] for job in table.jobs("Ruhe")), "three verdicts")
        save_photo(table.root / "inbox" / "Ruhe" / "later.jpg", drawn_photo(240, 180, 77))
        page.wait_for_text("#position", "/ 4")  # so the events of before were heard, too
        later = next(job["id"] for job in table.jobs("Ruhe") if job["name"].endswith("later.jpg"))

        assert {name.rpartition("/")[2] for name in page.run(asked)} == {later}


def test_failed_photos_say_why_and_are_tried_again(table: LightTable) -> None:
    folder = table.root / "inbox" / "Bruch"
    folder.mkdir()
    for name in ("a.jpg", "b.jpg"):
        (folder / name).write_bytes(b"\xff\xd8\xff\xe0 no photo" + bytes(500))
    table.daemon.wait_until(lambda: order_of(table, "Bruch")["failed"] == 2, "two failures")
    with browser(table.base) as page:
        page.open("/now")
        page.wait_for_text("#happened", "a.jpg has failed")
        page.click("#happened a")
        page.wait_for_text("#sheet", "a.jpg is not whole")
        page.press(Keys.ESCAPE)
        page.wait(lambda: page.shows("[data-key='failed Bruch']"), "the order")
        page.click("[data-key='failed Bruch']")
        page.wait_for_text("#sheet", "a.jpg is not whole")
        saved = save_photo(table.root.parent / "whole.jpg", drawn_photo(240, 180))
        for name in ("a.jpg", "b.jpg"):
            (table.root / "failed" / "Bruch" / name).write_bytes(saved.read_bytes())
        page.click("#sheet .dialog-head button")
        page.wait(lambda: page.text("#sheet").count("is tried again") == 2, "another try")
        table.daemon.wait_until(lambda: order_of(table, "Bruch")["failed"] == 0, "their end")
        page.press(Keys.ESCAPE)
        page.wait_for_text("[aria-labelledby='order-Bruch']", "2 of 2 photos")
        assert page.said() == []


def test_photos_that_wait_are_cancelled_together_and_taken_back(table: LightTable) -> None:
    assert freisteller("pause", folder=table.root.parent).returncode == 0
    try:
        for number in range(3):
            save_photo(table.root / "inbox" / "Zu viel" / f"{number}.jpg", drawn_photo(240, 180, number))
        table.daemon.wait_until(lambda: order_of(table, "Zu viel")["waiting"] == 3, "three that wait")
        with browser(table.base) as page:
            page.open("/orders")
            page.wait(lambda: page.shows("[data-key='cancel Zu viel']"), "the order")
            page.click("[data-key='cancel Zu viel']")
            page.wait_for_text("#messages", "3 photos are cancelled")
            assert order_of(table, "Zu viel")["failed"] == 3
            page.click("#messages button")
            table.daemon.wait_until(lambda: order_of(table, "Zu viel")["waiting"] == 3, "the three again")
            assert page.said() == []
    finally:
        assert freisteller("resume", folder=table.root.parent).returncode == 0


def test_a_photo_is_pasted_into_the_page(table: LightTable) -> None:
    script = """
        const done = arguments[0];
        const canvas = document.createElement('canvas');
        canvas.width = 96; canvas.height = 72;
        const brush = canvas.getContext('2d');
        brush.fillStyle = '#c33'; brush.fillRect(20, 20, 40, 30);
        canvas.toBlob((blob) => {
            const clipboardData = new DataTransfer();
            clipboardData.items.add(new File([blob], 'image.png', {type: 'image/png'}));
            document.dispatchEvent(new ClipboardEvent('paste', {clipboardData, cancelable: true, bubbles: true}));
            done();
        });
    """
    with browser(table.base) as page:
        page.open("/drop")
        page.driver.find_element("id", "order").send_keys("Zwischenablage")
        page.driver.execute_async_script(script)
        page.wait_for_text("#sum", "1 of 1 photos have arrived.")
        assert page.shows("#arrived a")
        assert page.said() == []
