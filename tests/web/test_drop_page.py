"""Photos that come in by the page, in a real browser: over lines that break, with pauses, each exactly once."""

import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.drawing import drawn_photo, save_photo
from tests.web.browser import PHONE, Page, browser, needs_browser
from tests.web.light_table import LightTable, light_table

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400), needs_browser]

SLOW = 3_000_000  # bytes a second


@pytest.fixture(scope="module")
def table(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LightTable]:
    with light_table(tmp_path_factory.mktemp("drop")) as found:
        yield found


def heavy_photo(path: Path, seed: int = 1) -> Path:
    """About 20 MB, which goes in three pieces."""
    noise = np.random.default_rng(seed).integers(0, 256, (2300, 2900, 3), np.uint8)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(noise).save(path, compress_level=1)
    return path


def choose(page: Page, *paths: Path, order: str = "", by: str = "files") -> None:
    if order:
        page.driver.find_element("id", "order").send_keys(order)
    page.driver.find_element("id", by).send_keys("\n".join(map(str, paths)))


def line(page: Page, conditions: dict[str, object]) -> None:
    page.driver.execute_cdp_cmd("Network.enable", {})
    usual = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
    page.driver.execute_cdp_cmd("Network.emulateNetworkConditions", {**usual, **conditions})


def percent(page: Page) -> int:
    shown = page.text("#uploads .state").removesuffix("%").strip()
    return int(shown) if shown.isdigit() else -1


def requests_of(page: Page) -> list[str]:
    """The addresses of all pieces that were sent."""
    script = "return performance.getEntriesByType('resource').map((each) => each.name)"
    return [name for name in page.run(script) if "/uploads/" in name and "offset=" in name]


def names(table: LightTable, order: str) -> list[str]:
    return sorted(job["name"] for job in table.ask(f"/api/v1/jobs?order={order}&limit=200")["jobs"])


def test_a_line_that_breaks_in_the_middle_goes_on_where_it_stopped(table: LightTable, tmp_path: Path) -> None:
    photos = [heavy_photo(tmp_path / "heavy.png"), save_photo(tmp_path / "light.jpg", drawn_photo(96, 72, 5))]
    with browser(table.base) as page:
        page.open("/drop")
        line(page, {"uploadThroughput": SLOW})
        choose(page, *photos, order="Broken")
        page.wait(lambda: percent(page) > 50, "half of the photo")
        line(page, {"offline": True})
        page.wait(lambda: page.shows("#connection"), "the broken line")
        page.wait_for_text("#uploads .state", "waits to be sent again")
        assert names(table, "Broken") in ([], ["Broken/light.jpg"])
        line(page, {})
        page.wait_for_text("#sum", "2 of 2 photos have arrived.")

        assert not page.shows("#connection")
        offsets = [int(each.rpartition("=")[2]) for each in requests_of(page)]
        assert offsets.count(0) == 1, "nothing is sent from its beginning again"
    assert names(table, "Broken") == ["Broken/heavy.png", "Broken/light.jpg"]
    assert table.ask("/api/v1/jobs?order=Broken&limit=200")["next"] is None


def test_a_page_that_is_opened_anew_goes_on_with_the_same_file(table: LightTable, tmp_path: Path) -> None:
    photo = heavy_photo(tmp_path / "again.png", 2)
    with browser(table.base) as page:
        page.open("/drop")
        line(page, {"uploadThroughput": SLOW})
        choose(page, photo, order="Anew")
        page.wait(lambda: percent(page) > 50, "half of the photo")
        page.run("addEventListener('beforeunload', (event) => event.stopImmediatePropagation(), true)")
        page.open("/drop")
        line(page, {})
        choose(page, photo, order="Anew")
        page.wait_for_text("#sum", "1 of 1 photos have arrived.")

        assert all("offset=0" not in each for each in requests_of(page))
    assert names(table, "Anew") == ["Anew/again.png"]


def test_a_daemon_that_is_killed_in_the_middle_gets_the_photo_once(tmp_path: Path) -> None:
    photos = [heavy_photo(tmp_path / "heavy.png"), save_photo(tmp_path / "light.jpg", drawn_photo(96, 72, 5))]
    with light_table(tmp_path) as first, browser(first.base) as page:
        page.open("/drop")
        line(page, {"uploadThroughput": SLOW})
        choose(page, *photos, order="Killed")
        page.wait(lambda: percent(page) > 50, "half of the photo")
        first.daemon.kill()
        page.wait(lambda: page.shows("#connection"), "the daemon that is away")
        line(page, {})
        with light_table(tmp_path, int(first.base.rpartition(":")[2])) as second:
            page.wait_for_text("#sum", "2 of 2 photos have arrived.")
            assert names(second, "Killed") == ["Killed/heavy.png", "Killed/light.jpg"]
        assert sum("offset=0" in each for each in requests_of(page)) == 1  # what had arrived was not sent again


def test_a_folder_is_an_order_and_two_files_of_one_name_are_two_photos(table: LightTable, tmp_path: Path) -> None:
    for place, seed in (("a.jpg", 1), ("left/b.tif", 2), ("right/b.tif", 3)):
        path = save_photo(tmp_path / "Spring" / place, drawn_photo(96, 72, seed))
        os.utime(path, (1_700_000_000, 1_700_000_000))  # so that the two differ in nothing but their folders
    (tmp_path / "Spring" / ".DS_Store").write_text("no photo")
    with browser(table.base) as page:
        page.open("/drop")
        choose(page, tmp_path / "Spring", by="folder")
        page.wait_for_text("#sum", "3 of 3 photos have arrived.")
        assert "Spring / left / b.tif" in page.text("#uploads")

    table.daemon.wait_until(lambda: len(table.jobs("Spring")) == 3, "the photos of the folder")
    assert names(table, "Spring") == ["Spring/a.jpg", "Spring/b.tif", "Spring/b.tif"]
    assert len({(job["grade"], file["name"]) for job in table.jobs("Spring") for file in job["results"]}) == 6


def test_a_pause_stops_the_line_and_a_cancelled_photo_does_not_arrive(table: LightTable, tmp_path: Path) -> None:
    photos = [heavy_photo(tmp_path / f"{number}.png", number) for number in (3, 4)]
    with browser(table.base, PHONE) as page:
        page.open("/drop")
        line(page, {"uploadThroughput": SLOW})
        choose(page, *photos, order="Pause")
        page.wait(lambda: percent(page) > 10, "the first bytes")
        page.click("#pause")
        page.wait_for_text("#uploads .state", "paused")
        assert "Paused." in page.text("#sum")
        page.click("#uploads li:nth-child(2) button")
        line(page, {})
        page.click("#pause")
        page.wait_for_text("#sum", "1 of 1 photos have arrived.")

        assert page.text("#uploads li:nth-child(2) .state") == "cancelled"
        assert page.said() == []
    assert names(table, "Pause") == ["Pause/3.png"]


def test_what_is_refused_says_why_in_the_language_of_the_page(table: LightTable, tmp_path: Path) -> None:
    (tmp_path / "Brief.jpg").write_text("Sehr geehrte Damen und Herren")
    (tmp_path / "leer.jpg").write_bytes(b"")
    with browser(table.base, PHONE, "de-DE") as page:
        page.open("/drop")
        choose(page, tmp_path / "Brief.jpg", tmp_path / "leer.jpg", order="Post")
        page.wait_for_text("#uploads", "\nBrief ist kein Foto: Der Inhalt ist ein Text.")
        assert "Die Datei ist leer." in page.text("#uploads")
        assert page.shows("#again")
        width = "return document.querySelector('#uploads .label').getBoundingClientRect().width"
        assert page.run(width) > 150, "a long reason leaves no room for the name"
