"""Orders, now, drop and the login page in a real browser; and what axe-core says of all pages."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from selenium.webdriver.common.keys import Keys

from tests.drawing import drawn_photo, save_photo
from tests.processes import environment
from tests.web.browser import DESKTOP, PHONE, browser, needs_axe, needs_browser
from tests.web.light_table import LightTable, light_table

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400), needs_browser]

PASSWORD = "correct horse battery"
PAGES = ("/review?order=Herbst", "/orders", "/now", "/drop")


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LightTable]:
    with light_table(tmp_path_factory.mktemp("pages")) as found:
        found.drop("Herbst", 3)
        yield found


def test_the_orders_show_how_far_they_are_and_lead_to_their_review(table: LightTable) -> None:
    with browser(table.base) as page:
        page.open("/orders")
        page.wait_for_text("#orders", "3 of 3 photos")
        page.click("#orders .order button")
        pictures = "return document.querySelectorAll('.contact-grid canvas').length"
        page.wait(lambda: page.run(pictures) == 3, "the contact sheet")
        page.click("#sheet button")
        page.click("#orders a.primary")
        page.wait_for_picture()

        assert page.text("#position") == "1 / 3"
        assert page.said() == []


def test_now_shows_a_photo_in_work_and_hears_when_it_is_done(table: LightTable) -> None:
    table.engine.faults.hold = True
    try:
        save_photo(table.root / "inbox" / "held.png", drawn_photo(64, 48, 77))
        with browser(table.base) as page:
            page.open("/now")
            page.wait_for_text("#running", "held.png")
            assert "127.0.0.1" in page.text("#engines")
            table.engine.faults.hold = False
            table.engine.note_change()
            page.wait_for_text("#happened", "held.png is done")
            page.wait_for_text("#running", "Nothing is in work")
            assert page.said() == []
    finally:
        table.engine.faults.hold = False
        table.engine.note_change()


def test_now_shows_what_happened_before_it_was_opened(table: LightTable) -> None:
    with browser(table.base) as page:
        page.open("/now")
        page.wait_for_text("#happened", "02.jpg is done")
        lines = page.text("#happened").splitlines()

    done = [text for text in lines if " is done: " in text]
    assert any("00.jpg is done" in text for text in done)
    assert any("00.jpg came in" in text for text in lines)
    first = next(n for n, text in enumerate(lines) if "00.jpg is done" in text)
    assert first < next(n for n, text in enumerate(lines) if "00.jpg came in" in text), "the newest comes first"


def test_now_says_in_german_what_an_engine_that_is_away_says(tmp_path: Path) -> None:
    with (
        light_table(tmp_path, FREISTELLER__COMFYUI__SERVERS='[{"url": "http://127.0.0.1:9"}]') as away,
        browser(away.base, PHONE, "de-DE") as page,
    ):
        page.open("/now")
        page.wait_for_text("#outages", "Kein Rechenserver antwortet.")
        page.wait_for_text("#outages", "127.0.0.1:9 ist nicht zu erreichen.")
        page.wait_for_text("#happened-none", "Bisher ist nichts geschehen.")
        wraps = "return [...document.querySelectorAll('.table th')].some((each) => each.scrollWidth > each.clientWidth)"
        assert not page.run(wraps)


def test_now_says_in_german_that_no_machine_of_a_cluster_works(tmp_path: Path) -> None:
    pytest.importorskip("distributed", reason="the extra cluster is not installed")
    scheduler = "tcp://127.0.0.1:9"
    with (
        light_table(
            tmp_path, FREISTELLER__DISPATCH__EXECUTOR="dask", FREISTELLER__CLUSTER__SCHEDULER=scheduler
        ) as alone,
        browser(alone.base, PHONE, "de-DE") as page,
    ):
        page.open("/now")
        page.wait_for_text("#outages", "Der Cluster: der Scheduler antwortet nicht (")
        page.wait_for_text("#outages", "), also wird hier freigestellt")


def test_photos_dropped_onto_the_page_come_out_cut_out(table: LightTable, tmp_path: Path) -> None:
    names = [save_photo(tmp_path / f"{number}.jpg", drawn_photo(96, 72, 90 + number)) for number in range(3)]
    (tmp_path / "letter.jpg").write_text("Dear Sir or Madam")
    with browser(table.base) as page:
        page.open("/drop")
        page.driver.find_element("id", "order").send_keys("Winter")
        files = [*names, tmp_path / "letter.jpg"]
        page.driver.find_element("id", "files").send_keys("\n".join(map(str, files)))
        page.wait_for_text("#sum", "3 of 4 photos have arrived. One could not be taken.")
        table.daemon.wait_until(lambda: len(table.jobs("Winter")) == 3, "the dropped photos")

        assert {job["name"] for job in table.jobs("Winter")} == {f"Winter/{number}.jpg" for number in range(3)}
        assert page.shows("#again")


@needs_axe
@pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])
@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_axe_finds_nothing_serious(table: LightTable, size: tuple[int, int], dark: bool) -> None:
    with browser(table.base, size, "de-DE", dark, bypass_csp=True) as page:
        for path in (*PAGES, "/nowhere"):
            page.open(path)
            if path.startswith("/review"):
                page.wait_for_picture()
            page.wait(lambda: not page.shows("[aria-busy=true]"), "the page")
            assert page.axe() == [], path
        page.open(PAGES[0])
        page.wait_for_picture()
        for key, dialog in (("?", "#keys"), ("a", "#attempts")):
            page.press(key)
            page.wait(lambda dialog=dialog: page.shows(dialog), dialog)  # type: ignore[misc]
            assert page.axe() == [], dialog
            page.click(f"{dialog} .dialog-head button")
        page.click("#settings summary")
        assert page.axe() == []


@needs_axe
def test_axe_would_find_something(table: LightTable) -> None:
    with browser(table.base, bypass_csp=True) as page:
        page.open("/orders")
        page.run("document.documentElement.removeAttribute('lang')")

        assert any("html-has-lang" in finding for finding in page.axe())


def test_people_log_in_in_their_language_and_out_again(tmp_path: Path) -> None:
    with light_table(tmp_path) as table:
        table.drop("", 1)
        command = [sys.executable, "-m", "daemon", "user", "add", "Änna", "--role", "viewer"]
        subprocess.run(
            command, input=f"{PASSWORD}\n" * 2, text=True, env=environment(tmp_path), cwd=tmp_path, check=True
        )
        with browser(table.base, language="de-DE") as page:
            page.open("/orders")
            assert page.text("h1") == "Anmelden"
            page.press(*"änna", Keys.TAB, *"wrong word", Keys.ENTER)
            page.wait(lambda: page.shows("[role=alert]"), "what was wrong")
            page.driver.find_element("id", "login-password").send_keys(PASSWORD, Keys.ENTER)
            page.wait_for_text("h1", "Aufträge")
            page.open("/review")
            page.wait_for_picture()
            assert not page.shows("#verdicts button"), "a viewer decides nothing"
            page.press("1")
            page.wait_for_text("#messages", "Ihre Rolle erlaubt das Ansehen")
            page.open("/drop")
            assert page.text("h1") == "Diese Seite ist nicht für Sie"
            cookies = page.driver.get_cookies()
            page.open("/orders")
            page.wait(lambda: page.shows("#orders .order button"), "the orders")
            page.driver.delete_all_cookies()
            page.click("#orders .order button")
            page.wait(lambda: page.shows("#connection a[href^='/login']"), "the way back in")
            for cookie in cookies:
                page.driver.add_cookie(cookie)
            page.click("#orders .order button")
            page.wait(lambda: page.shows("#sheet") and not page.shows("#connection"), "the page as it was")
            page.open("/review")
            page.wait_for_picture()
            page.driver.delete_all_cookies()
            page.run("dispatchEvent(new Event('pagehide')); dispatchEvent(new Event('pageshow'))")  # another stream
            page.wait(lambda: page.shows("#connection a[href^='/login']"), "why the stream is gone")
            for cookie in cookies:
                page.driver.add_cookie(cookie)
            page.wait(lambda: not page.shows("#connection"), "the stream again")
            page.press("1")
            assert page.text("#position") == "1 / 1"
            page.click("#settings summary")
            page.click("#settings form button")
            page.wait_for_text("h1", "Anmelden")
