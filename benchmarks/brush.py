"""How fluently a very broad brush paints on a photo of 24 megapixels that fits the screen, in a real Chromium.

    python -m benchmarks.brush

A stroke of the broadest brush goes over the subject, plain, undone, and then snapping to the photo's edges. Of the
tasks of the page's own main thread, by Chromium's trace, "longest_ms" is the longest, and "longest_cpu_ms" the most
processor time of one: on a busy machine the first tells of others' work as well. "hand_s" is how long the hand moved,
"rest_s" from the first touch until all of it is at rest, "cpu_s" the processor time of the main thread until then. The
last line is JSON.
"""

import argparse
import itertools
import json
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from selenium.webdriver import ActionChains

from benchmarks.tiles import drawn
from tests.drawing import save_photo
from tests.web.browser import Page, browser
from tests.web.light_table import light_table

TRACE = "toplevel,devtools.timeline,blink.user_timing"
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


def at_work(page: Page, name: str, work: Callable[[], object]) -> dict[str, float]:
    """Do something, with marks around it in the trace. Returns seconds until the page is at rest."""
    mark = "performance.mark(arguments[0]); return performance.now()"
    began = page.run(mark, f"{name} begins")
    work()
    drawn_at = page.run("return performance.now()")
    rested = page.driver.execute_async_script(AT_REST)
    time.sleep(0.5)
    page.run(mark, f"{name} ends")
    return {"hand_s": (drawn_at - began) / 1000, "rest_s": (rested - began) / 1000}


def longest(events: Sequence[Mapping[str, Any]], name: str) -> dict[str, float]:
    """Of the tasks of the thread that set the marks, between them."""
    begins, ends = (next(each for each in events if each["name"] == f"{name} {word}") for word in ("begins", "ends"))
    tasks = [
        (each["dur"] / 1000, each.get("tdur", 0) / 1000)
        for each in events
        if (each["pid"], each["tid"]) == (begins["pid"], begins["tid"])
        and each["name"].endswith("RunTask")
        and begins["ts"] <= each["ts"] < ends["ts"]
    ]
    return {
        "longest_ms": max(wall for wall, _ in tasks),
        "longest_cpu_ms": max(cpu for _, cpu in tasks),
        "cpu_s": sum(cpu for _, cpu in tasks) / 1000,
    }


def stroke(page: Page) -> None:
    """Paint once across the subject's border."""
    stage = page.driver.find_element("id", "stage")
    chain = ActionChains(page.driver, duration=40).move_to_element_with_offset(stage, -250, -150).click_and_hold()
    places = [(-250 + 20 * n, -150 + 12 * n) for n in range(24)]
    for before, after in itertools.pairwise(places):
        chain = chain.move_by_offset(after[0] - before[0], after[1] - before[1])
    chain.release().perform()


def main() -> None:
    """Print the figures, and JSON in the last line."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    with tempfile.TemporaryDirectory() as folder, light_table(Path(folder)) as table:
        save_photo(table.root / "inbox" / "brush" / "a.jpg", drawn(1))
        table.daemon.wait_until(lambda: len(table.jobs("brush")) == 1, "the photo")
        with browser(table.base, trace=TRACE) as page:
            page.driver.set_script_timeout(300)
            page.open("/review?order=brush")
            page.wait_for_picture()
            page.press("k", "b")
            page.wait(lambda: page.shows("#touch-up"), "the touch-up")
            page.run(WIDEN)
            found = {"plain": at_work(page, "plain", partial(stroke, page))}
            events = page.traced()
            found["undo"] = at_work(page, "undo", partial(page.press, "u"))
            page.press("s")
            time.sleep(2)
            found["snapping"] = at_work(page, "snapping", partial(stroke, page))
            print("errors:", page.said())
            page.driver.get("about:blank")
            events += page.traced()
    for name, values in found.items():
        values.update(longest(events, name))
    for name, values in found.items():
        print(f"{name:10}" + "".join(f"{key} {value:8.2f}  " for key, value in values.items()))
    print(json.dumps({name: {key: round(value, 2) for key, value in each.items()} for name, each in found.items()}))


if __name__ == "__main__":
    main()
