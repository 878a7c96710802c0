"""Drives Debian's Chromium, with the pages of a real daemon in it."""

import json
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver import ActionChains, Chrome
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.keys import Keys

BROWSER, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
AXE = Path(__file__).parent.parent.parent / ".venv" / "node" / "node_modules" / "axe-core" / "axe.min.js"
PATIENCE_SECONDS = 120.0
DESKTOP, PHONE = (1400, 900), (390, 844)
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)

needs_browser = pytest.mark.skipif(
    not (BROWSER and DRIVER), reason="needs Debian's packages chromium and chromium-driver"
)
needs_axe = pytest.mark.skipif(not AXE.exists(), reason=f"needs npm's axe-core: see .ci/run for {AXE}")


class Page:
    """One window, and what a person does in it."""

    def __init__(self, driver: Chrome, base: str) -> None:
        self.driver = driver
        self.base = base

    def open(self, path: str) -> None:
        """Go to a page."""
        self.driver.get(self.base + path)

    def press(self, *keys: str) -> None:
        """Press keys one after the other, wherever the focus is."""
        for key in keys:
            ActionChains(self.driver).send_keys(key).perform()

    def press_with_control(self, key: str) -> None:
        """Press a key with Ctrl."""
        ActionChains(self.driver).key_down(Keys.CONTROL).send_keys(key).key_up(Keys.CONTROL).perform()

    def click(self, selector: str) -> None:
        """Click what a selector finds first; it is looked for again where the page was drawn anew just before."""

        def clicked() -> bool:
            try:
                self.driver.find_element("css selector", selector).click()
            except StaleElementReferenceException:
                return False
            return True

        self.wait(clicked, f"{selector} to be clicked")

    def text(self, selector: str) -> str:
        """The text of what a selector finds first, "" if nothing. In one step, since the page may be drawn anew."""
        return str(self.run("return document.querySelector(arguments[0])?.innerText.trim() ?? ''", selector))

    def shows(self, selector: str) -> bool:
        """Whether something of this kind is visible."""
        script = "return [...document.querySelectorAll(arguments[0])].some((each) => each.checkVisibility())"
        return bool(self.run(script, selector))

    def run(self, script: str, *values: object) -> Any:
        """The value of a script."""
        return self.driver.execute_script(script, *values)

    def wait(self, until: Callable[[], object], what: str) -> None:
        """Wait until something holds."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not until():
            assert time.monotonic() < deadline, f"waited too long for {what}; the browser said {self.said()}"
            time.sleep(0.03)

    def wait_for_picture(self) -> None:
        """Wait until the big picture is as sharp as it gets."""
        script = "return document.getElementById('picture').dataset.complete"
        self.wait(lambda: self.run(script) == "true", "the picture")

    def wait_for_text(self, selector: str, text: str) -> None:
        """Wait until an element has a text in it."""
        self.wait(lambda: text in self.text(selector), f"{text!r} in {selector}")

    def pixel(self, x: float, y: float) -> tuple[int, ...]:
        """The colour of the big picture at a place of its canvas, in CSS pixels."""
        script = """
            const canvas = document.getElementById('picture');
            const ratio = devicePixelRatio;
            return [...canvas.getContext('2d').getImageData(arguments[0] * ratio, arguments[1] * ratio, 1, 1).data];
        """
        return tuple(self.run(script, x, y))

    def swipe(self, dx: int, dy: int) -> None:
        """Move a finger over the middle of the stage."""
        box = self.run("return document.getElementById('stage').getBoundingClientRect().toJSON()")
        x, y = box["x"] + box["width"] / 2, box["y"] + box["height"] / 2
        self._touch("touchStart", x, y)
        for step in range(1, 6):
            self._touch("touchMove", x + dx * step / 5, y + dy * step / 5)
        self.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})

    def _touch(self, kind: str, x: float, y: float) -> None:
        self.driver.execute_cdp_cmd("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": x, "y": y}]})

    def offline(self, off: bool) -> None:
        """Cut the connection, or bring it back."""
        self.driver.execute_cdp_cmd("Network.enable", {})
        conditions = {"offline": off, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1}
        self.driver.execute_cdp_cmd("Network.emulateNetworkConditions", conditions)

    def said(self) -> list[str]:
        """The errors since the last call: of scripts, of requests, and what the Content-Security-Policy refused."""
        reports = self.driver.get_log("browser")  # type: ignore[no-untyped-call]
        return [str(each["message"]) for each in reports if each["level"] == "SEVERE"]

    def said_after_a_change(self) -> list[str]:
        """As `said`, where results are made anew: a picture that was just taken away is answered with 410, as it should
        be, and whoever had asked for it asks again."""
        return [each for each in self.said() if "/pictures/" not in each or "410" not in each]

    def traced(self) -> list[dict[str, Any]]:
        """The events of Chromium's trace since the last call, if the window was opened with one."""
        events: list[dict[str, Any]] = []
        while lines := self.driver.get_log("performance"):  # type: ignore[no-untyped-call]  # so many at once
            said = [json.loads(line["message"])["message"] for line in lines]
            events += [each["params"] for each in said if each["method"] == "Tracing.dataCollected"]
        return events

    def axe(self) -> list[str]:
        """What axe-core finds serious or critical on this page."""
        self.run(AXE.read_text("utf-8"))
        found: Mapping[str, Any] = self.driver.execute_async_script(
            "const done = arguments[0]; axe.run(document, {resultTypes: ['violations']}).then(done)"
        )
        return [
            f"{each['id']} ({each['impact']}): {node['html'][:160]} {node['failureSummary'][:200]}"
            for each in found["violations"]
            if each["impact"] in ("serious", "critical")
            for node in each["nodes"]
        ]

    def settle(self) -> None:
        """Wait until all small pictures are there."""
        script = """
            return [...document.querySelectorAll('#strip canvas')].every((canvas) =>
                canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height).data.some((value) => value));
        """
        self.wait(lambda: self.run(script), "the film strip")

    def save(self, path: Path) -> None:
        """Write what the window shows as a PNG."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self.driver.save_screenshot(str(path))


@contextmanager
def browser(
    base: str,
    size: tuple[int, int] = DESKTOP,
    language: str = "en-GB",
    dark: bool = False,
    bypass_csp: bool = False,
    trace: str = "",
) -> Iterator[Page]:
    """A window of its own. base: where the daemon is. PHONE as size also has touch and two device pixels for one.

    trace: categories of Chromium's trace that `Page.traced` reads.
    """
    options = Options()
    options.binary_location = BROWSER or ""
    for flag in (*FLAGS, f"--window-size={size[0]},{size[1]}", f"--lang={language}"):
        options.add_argument(flag)
    options.add_experimental_option("prefs", {"intl.accept_languages": language})
    logs = {"browser": "ALL"}
    if trace:
        logs["performance"] = "ALL"
        options.add_experimental_option("perfLoggingPrefs", {"traceCategories": trace})
    options.set_capability("goog:loggingPrefs", logs)
    driver = Chrome(options=options, service=Service(DRIVER))
    try:
        phone = size == PHONE
        metrics = {"width": size[0], "height": size[1], "deviceScaleFactor": 2 if phone else 1, "mobile": phone}
        driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        features = [
            {"name": "prefers-color-scheme", "value": "dark" if dark else "light"},
            {"name": "prefers-reduced-motion", "value": "reduce"},
        ]
        driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": features})
        if phone:
            driver.execute_cdp_cmd("Emulation.setTouchEmulationEnabled", {"enabled": True})
        if bypass_csp:
            driver.execute_cdp_cmd("Page.setBypassCSP", {"enabled": True})
        driver.set_script_timeout(PATIENCE_SECONDS)
        yield Page(driver, base)
    finally:
        driver.quit()
