"""Makes the pictures of the light table and of `status --watch`: `.venv/bin/python docs/make_light_table_pictures.py`.

A daemon with the built-in engine cuts out photos that scikit-image ships, and Chromium shows its pages. It needs what
the tests in a browser need: chromium and chromium-driver.
"""

import subprocess
import sys
import tempfile
from pathlib import Path

import pyvips
from rich.console import Console
from rich.terminal_theme import DIMMED_MONOKAI

sys.path.insert(0, str(Path(__file__).parent.parent))  # the tests know how to drive the browser

from daemon.commands.journal_of_root import journal_of_root
from daemon.commands.samples import drop_samples
from daemon.commands.status import take_snapshot
from daemon.commands.status_screen import draw
from daemon.settings import load
from tests.web.browser import DESKTOP, PHONE, Page, browser
from tests.web.light_table import LightTable, light_table

DOCS = Path(__file__).parent
SEEN = "chelsea"  # the photo that is shown
COLUMNS, LINES = 100, 24  # of the terminal that is shown
SETTINGS = {
    "FREISTELLER__ENGINE__USE": "local",
    "FREISTELLER__STRATEGY__MAX_ATTEMPTS": "4",
    "FREISTELLER__GRADING__RIM_SEHR_GUT": "0.92",
    "FREISTELLER__GRADING__RIM_GUT": "0.5",
}


def drop_variants(inbox: Path) -> int:
    """Put the samples into an order, each as it is, mirrored, and two parts of it. Returns how many photos that are."""
    count = 0
    with tempfile.TemporaryDirectory() as scratch:
        for photo in drop_samples(Path(scratch)):
            picture = pyvips.Image.new_from_file(str(photo), access="random").resize(3, kernel="cubic")
            width, height = picture.width, picture.height
            variants = {
                "": picture,
                "-left": picture.crop(0, 0, int(width * 0.85), height),
                "-mirrored": picture.fliphor(),
                "-right": picture.crop(int(width * 0.12), 0, int(width * 0.88), int(height * 0.94)),
            }
            inbox.mkdir(parents=True, exist_ok=True)
            for ending, variant in variants.items():
                variant.write_to_file(str(inbox / f"{photo.stem}{ending}.jpg"), Q=92)
                count += 1  # the daemon takes the first ones away before the last ones are there
    if not count:
        raise SystemExit("There are no sample photos: python -m daemon.commands.samples fetches them.")
    return count


def show(page: Page, name: str) -> None:
    """Open the review at a photo."""
    page.open("/review?order=autumn")
    page.wait_for_picture()
    page.wait(lambda: page.run("return document.querySelectorAll('#strip .frame').length") > 5, "the strip")
    for _ in range(20):
        if page.text("#name") == name:
            break
        page.press("\ue014")  # arrow right
    page.wait_for_picture()


def save_status(table: LightTable, scratch: Path) -> None:
    """Draw what `freisteller status --watch` shows of this daemon, and let Chromium make a picture of it."""
    address = table.base.removeprefix("http://")
    settings = load(flags={"root": str(table.root), "state_dir": str(scratch / "state"), "http": {"bind": address}})
    out = Console(record=True, width=COLUMNS, height=LINES, force_terminal=True, file=(scratch / "screen").open("w"))
    with journal_of_root(settings) as journal:
        screen = draw(take_snapshot(settings, journal), COLUMNS, LINES)
    out.print(screen)
    drawn = out.export_html(inline_styles=True, theme=DIMMED_MONOKAI)
    drawn = drawn.replace(str(table.root), "/srv/freisteller".ljust(len(str(table.root))))
    (scratch / "status.html").write_text(drawn.replace("<body", '<body style="margin: 16px; font-size: 15px"', 1))
    size = f"--window-size={COLUMNS * 9 + 60},{LINES * 18 + 30}"
    picture = f"--screenshot={DOCS / 'status-watch.png'}"
    page = (scratch / "status.html").as_uri()
    subprocess.run(["chromium", "--headless", "--no-sandbox", "--hide-scrollbars", size, picture, page], check=True)


def main() -> None:
    """Write all three pictures."""
    with (
        tempfile.TemporaryDirectory() as scratch,
        light_table(Path(scratch), 0, **SETTINGS) as table,
    ):
        count = drop_variants(table.root / "inbox" / "autumn")
        table.daemon.wait_until(lambda: len(table.jobs("autumn")) >= count - 4, "most results")
        save_status(table, Path(scratch))
        table.daemon.wait_until(lambda: len(table.jobs("autumn")) == count, "the results")
        with browser(table.base, DESKTOP) as page:
            show(page, f"{SEEN}.jpg")
            page.settle()
            page.save(DOCS / "light-table.png")
        with browser(table.base, PHONE, "de-DE", dark=True) as page:
            show(page, "coffee-mirrored.jpg")
            page.settle()
            page.save(DOCS / "light-table-phone.png")
    for path in (DOCS / "light-table.png", DOCS / "light-table-phone.png", DOCS / "status-watch.png"):
        picture = pyvips.Image.new_from_file(str(path), access="sequential").copy_memory()
        picture.extract_band(0, n=3).write_to_file(str(path), palette=True, Q=90, compression=9, strip=True)


if __name__ == "__main__":
    main()
