"""How fluently a very broad brush paints on a photo of 24 megapixels that fits the screen, in a real Chromium.

    python -m benchmarks.brush

A stroke of the broadest brush goes over the subject, plain and then snapping to the photo's edges. "longest_ms" is the
longest time that the page did nothing else (PerformanceObserver, longtask) while the stroke was painted; "hand_s" how
long the hand moved, "rest_s" from the first touch until all of it is at rest. The last line is JSON.
"""

import argparse
import itertools
import json
import tempfile
import time
from pathlib import Path

from selenium.webdriver import ActionChains

from benchmarks.tiles import drawn
from tests.drawing import save_photo
from tests.web.browser import Page, browser
from tests.web.light_table import light_table

WATCH = """
window.tasks = [];
new PerformanceObserver((list) => list.getEntries().forEach((each) => tasks.push(each.duration)))
  .observe({type: "longtask"});
"""
WIDEN = """
const size = document.getElementById("brush-size");
size.value = size.max;
size.dispatchEvent(new Event("input"));
"""
AT_REST = """
const done = arguments[0];
const address = document.querySelector("script[src$='/review.js']").src.replace("review.js", "touch_up.js");
import(address).then((it) => it.atRest()).then(() => done(performance.now()));
"""


def stroke(page: Page) -> dict[str, float]:
    """Paint once across the subject's border. Returns seconds until it is at rest, and milliseconds of long tasks."""
    page.run("window.tasks = []")
    began = page.run("return performance.now()")
    stage = page.driver.find_element("id", "stage")
    chain = ActionChains(page.driver, duration=40).move_to_element_with_offset(stage, -250, -150).click_and_hold()
    places = [(-250 + 20 * n, -150 + 12 * n) for n in range(24)]
    for before, after in itertools.pairwise(places):
        chain = chain.move_by_offset(after[0] - before[0], after[1] - before[1])
    chain.release().perform()
    drawn_at = page.run("return performance.now()")
    print(f"  drawn after {(drawn_at - began) / 1000:.1f} s", flush=True)
    page.driver.set_script_timeout(90)
    rested = page.driver.execute_async_script(AT_REST)
    time.sleep(0.5)
    tasks = page.run("return window.tasks")
    return {"hand_s": (drawn_at - began) / 1000, "rest_s": (rested - began) / 1000, "longest_ms": max(tasks, default=0)}


def main() -> None:
    """Print the figures, and JSON in the last line."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    with tempfile.TemporaryDirectory() as folder, light_table(Path(folder)) as table:
        save_photo(table.root / "inbox" / "brush" / "a.jpg", drawn(1))
        table.daemon.wait_until(lambda: len(table.jobs("brush")) == 1, "the photo")
        with browser(table.base) as page:
            page.driver.set_script_timeout(300)
            page.open("/review?order=brush")
            page.wait_for_picture()
            page.press("k", "b")
            page.wait(lambda: page.shows("#touch-up"), "the touch-up")
            page.run(WIDEN + WATCH)
            plain = stroke(page)
            page.press("u", "s")
            time.sleep(2)
            snapped = stroke(page)
            print("errors:", page.said())
    for name, found in (("plain", plain), ("snapping", snapped)):
        print(f"{name:10}" + "".join(f"{key} {value:8.2f}  " for key, value in found.items()))
    print(json.dumps({"plain": plain, "snapping": snapped}))


if __name__ == "__main__":
    main()
