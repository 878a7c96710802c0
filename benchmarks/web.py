"""Measures the light table as people and programs feel it, while the daemon works.

The journal knows 100,000 photos that are over. A real daemon cuts out some 24-megapixel photos, then works on a full
inbox with a double of ComfyUI. Meanwhile a reviewer in Chromium decides with one key for each photo, and 20 clients
look at tiles and lists. In the end a photo of 16 bits is sent by the API.
next photo: from the key to the next picture on the screen, as sharp as it gets there.
occupancy: the share of the time in which the double had a prompt, while photos waited.
rss growth: of the daemon's own process, from the first look to the last; workers end by themselves.
Run: `.venv/bin/python benchmarks/web.py [--jobs 100000] [--photos 24] [--seconds 40]`. Last line: one JSON object.
"""

import argparse
import http.client
import json
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np

CHECKOUT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(CHECKOUT))

from benchmarks.journal import fill as fill_journal  # noqa: E402 - this checkout's, wherever it is run from
from benchmarks.occupancy import Server, fill, memory_mb, server  # noqa: E402
from benchmarks.tiles import HEIGHT, WIDTH, drawn, p95  # noqa: E402
from tests.drawing import save_photo  # noqa: E402
from tests.observe.prometheus import free_port  # noqa: E402
from tests.web.browser import BROWSER, DRIVER, Page, browser  # noqa: E402
from tests.web.light_table import answers  # noqa: E402

SERVICE_SECONDS = 1.0
CLIENTS = 20
THINK_SECONDS = 1.0  # on average, between two requests of a client
ORDER = "review"
LONGEST_SECONDS = 900.0
LONGEST_BUILD_SECONDS = 120.0
WANTED = {
    "keys_per_decision": 1,
    "next_photo_p95_ms": 100,
    "tile_p95_ms": 250,
    "list_p95_ms": 150,
    "upload_mb_per_s": 100,
    "occupancy_meanwhile": 0.95,
    "rss_growth_mb": 50,
}
AT_LEAST = {"upload_mb_per_s", "occupancy_meanwhile"}

WATCH = """
window.decisions = [];
let pressed = null;
const canvas = document.getElementById("picture");
const shown = () => document.querySelector("[aria-current=true]")?.ariaLabel.split(",")[0];
addEventListener("keydown", () => { pressed = {at: performance.now(), job: shown()}; }, true);
const look = () => {
  if (pressed && shown() !== pressed.job && canvas.dataset.complete === "true") {
    decisions.push(performance.now() - pressed.at);
    pressed = null;
  }
  requestAnimationFrame(look);
};
look();
"""


@dataclass
class Times:
    """Milliseconds of answers, by what was asked for. Many threads add to it."""

    found: dict[str, list[float]] = field(default_factory=lambda: {"tile": [], "list": [], "bad": []})
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, what: str, milliseconds: float) -> None:
        with self._lock:
            self.found[what].append(milliseconds)


@dataclass(frozen=True)
class Program:
    """The daemon under load."""

    port: int
    root: Path
    pid: int

    def ask(self, path: str, connection: http.client.HTTPConnection | None = None) -> Any:
        """The JSON answer to a GET."""
        return json.loads(fetched(connection or self.connect(), path))

    def connect(self) -> http.client.HTTPConnection:
        """A connection of its own."""
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)

    def wait(self, until: Callable[[], bool], what: str) -> None:
        """Wait until something holds."""
        deadline = time.monotonic() + LONGEST_SECONDS
        while not until():
            if time.monotonic() > deadline:
                raise SystemExit(f"Waited too long for {what}.")
            time.sleep(0.3)


def fetched(connection: http.client.HTTPConnection, path: str) -> bytes:
    """The body of a GET. Any status but 200 ends the benchmark's trust in itself."""
    connection.request("GET", path)
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 200:
        raise ConnectionError(f"{path}: {answer.status} {body[:200]!r}")
    return body


@contextmanager
def running(folder: Path, engine: Server) -> Iterator[Program]:
    """The daemon, with an open port and a journal of years."""
    port = free_port()
    settings = {
        "FREISTELLER__ROOT": str(folder / "hot"),
        "FREISTELLER__STATE_DIR": str(folder / "state"),
        "FREISTELLER__HTTP__BIND": f"127.0.0.1:{port}",
        "FREISTELLER__STRATEGY__MAX_ATTEMPTS": "1",
        "FREISTELLER__INTAKE__QUIET_SECONDS": "0.2",
        "FREISTELLER__COMFYUI__SERVERS": json.dumps([{"url": engine.url, "slots": 2}]),
    }
    with (folder / "log").open("wb") as log, subprocess.Popen(
        [sys.executable, "-m", "daemon", "run"],
        cwd=CHECKOUT, env={**os.environ, **settings}, stdout=log, stderr=subprocess.STDOUT,
    ) as daemon:  # fmt: skip
        program = Program(port, folder / "hot", daemon.pid)
        try:
            program.wait(lambda: daemon.poll() is not None or answers(port), "the port")
            yield program
        finally:
            daemon.send_signal(signal.SIGINT)


def prepare(program: Program, photos: int) -> list[Mapping[str, Any]]:
    """Let the daemon cut out so many photos of 24 megapixels. Returns their jobs."""
    inbox = program.root / "inbox" / ORDER
    program.wait(lambda: inbox.parent.is_dir(), "the inbox")
    for number in range(photos):
        save_photo(inbox / f"{number:03}.jpg", drawn(number))
    path = f"/api/v1/jobs?state=done&order={ORDER}&limit=200"
    program.wait(lambda: len(program.ask(path)["jobs"]) == photos, "the photos of 24 megapixels")
    found: list[Mapping[str, Any]] = program.ask(path)["jobs"]
    return found


def fill_at_once(inbox: Path, scratch: Path, photos: int) -> None:
    """Fill the inbox of a running daemon, which takes what it sees."""
    scratch.mkdir()
    fill(scratch, photos)
    for path in scratch.iterdir():
        path.rename(inbox / path.name)


def look_around(program: Program, jobs: Sequence[Mapping[str, Any]], seed: int, until: float, times: Times) -> None:
    """One client: a tile of a photo, or a page of a list, after a moment of thought."""
    chance = random.Random(seed)
    connection = program.connect()
    while time.monotonic() < until:
        time.sleep(chance.uniform(0, 2 * THINK_SECONDS))
        what = "list" if chance.random() < 0.3 else "tile"
        if what == "list":
            sort = chance.choice(("newest", "oldest", "worst", "order"))
            path = f"/api/v1/jobs?sort={sort}&limit=50&{chance.choice(('state=done', 'grade=sehr_gut', 'decided=no'))}"
        else:
            shown = chance.choice(jobs)["pictures"][chance.choice(("original", "colour", "alpha"))]
            level = chance.randrange(shown["levels"])
            across, down = (-(-(shown[side] >> level) // shown["tile"]) for side in ("width", "height"))
            path = f"{shown['url']}{level}/{chance.randrange(max(1, across))}/{chance.randrange(max(1, down))}"
        began = time.monotonic()
        try:
            fetched(connection, path)
            times.add(what, 1000 * (time.monotonic() - began))
        except (OSError, http.client.HTTPException) as error:
            print(f"  {error!r:.200}", flush=True)
            times.add("bad", 0.0)
            connection = program.connect()
    connection.close()


def review(page: Page, photos: int) -> tuple[float, list[float]]:
    """Decide on each photo with one key. Returns the keys per decision, and the milliseconds until the next picture."""
    page.open(f"/review?order={ORDER}")
    page.wait_for_picture()
    page.run(WATCH)
    before = decided(page)
    for number in range(photos):
        time.sleep(1.0)  # a reviewer looks
        page.press("123"[number % 3])
    time.sleep(3.0)
    taken: list[float] = page.run("return window.decisions")
    return photos / max(1, decided(page) - before), taken


def decided(page: Page) -> int:
    """How many photos of the order have a person's grade."""
    script = """
        const done = arguments[1];
        fetch(arguments[0]).then((answer) => answer.json()).then((body) => done(body.jobs.length));
    """
    return int(page.driver.execute_async_script(script, f"/api/v1/jobs?order={ORDER}&decided=yes&limit=200"))


def occupancy(engine: Server, act: Callable[[], None]) -> float:
    """The share of the time of an act in which the server had a prompt."""
    began, (_, before) = time.monotonic(), engine.state()
    act()
    return (engine.state()[1] - before) / (time.monotonic() - began)


def upload(program: Program, folder: Path) -> float:
    """Send a photo of 24 megapixels and 16 bits. Returns MB per second, until the answer that it is taken in."""
    path = folder / "sent.tif"
    deep = np.random.default_rng(7).integers(0, 65535, (HEIGHT, WIDTH, 3)).astype(np.uint16)
    cv2.imwrite(str(path), deep, [cv2.IMWRITE_TIFF_COMPRESSION, 1])
    body = path.read_bytes()
    connection = program.connect()
    began = time.monotonic()
    headers = {"Content-Type": "image/tiff", "Content-Disposition": 'attachment; filename="sent.tif"'}
    connection.request("POST", "/api/v1/photos", body, headers)
    answer = connection.getresponse()
    said = answer.read()
    if answer.status not in (201, 202):
        raise SystemExit(f"The upload was refused: {answer.status} {said[:300]!r}")
    return len(body) / 1e6 / (time.monotonic() - began)


def wait_for_tiles(cache: Path, pictures: int) -> None:
    """Wait until all tiles of so many pictures are built: the first ones are answered before that."""
    until = time.monotonic() + LONGEST_BUILD_SECONDS
    while len(list(cache.glob("*.tiles"))) < pictures:
        if time.monotonic() > until:
            raise SystemExit("The tiles of the photos are not built.")
        time.sleep(0.1)


def measure(jobs: int, photos: int, seconds: float) -> dict[str, float]:
    """All figures."""
    found: dict[str, float] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="web-")))
        (folder / "state").mkdir()
        fill_journal(folder / "state" / "journal.sqlite3", jobs)
        engine = stack.enter_context(server(SERVICE_SECONDS))
        program = stack.enter_context(running(folder, engine))
        shown = prepare(program, photos)
        fill_at_once(program.root / "inbox", folder / "more", 1000)
        time.sleep(15.0)
        found["occupancy_alone"] = occupancy(engine, lambda: time.sleep(seconds / 2))
        connection, before = program.connect(), memory_mb(program.pid)
        for job in shown:  # somebody has looked at each photo, so its tiles are built
            for picture in job["pictures"].values():
                fetched(connection, f"{picture['url']}0/0/0")
        wait_for_tiles(folder / "state" / "pictures", sum(len(job["pictures"]) for job in shown))
        times, page = Times(), stack.enter_context(browser(f"http://127.0.0.1:{program.port}"))

        def look() -> None:
            until = time.monotonic() + max(seconds, 1.3 * photos)
            values = [(program, shown, seed, until, times) for seed in range(CLIENTS)]
            threads = [threading.Thread(target=look_around, args=each) for each in values]
            for thread in threads:
                thread.start()
            found["keys_per_decision"], taken = review(page, photos)
            found["next_photo_p95_ms"] = p95(taken)
            for thread in threads:
                thread.join()

        found["occupancy_meanwhile"] = occupancy(engine, look)
        found["tile_p95_ms"], found["list_p95_ms"] = p95(times.found["tile"]), p95(times.found["list"])
        found["rss_growth_mb"] = memory_mb(program.pid) - before
        found["upload_mb_per_s"] = statistics.median(upload(program, folder) for _ in range(3))
        print(f"{len(times.found['tile'])} tiles, {len(times.found['list'])} lists, {len(times.found['bad'])} errors")
    return found


def main() -> None:
    """Print the table and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--jobs", type=int, default=100_000, help="photos that the journal knows already")
    parser.add_argument("--photos", type=int, default=24, help="photos of 24 megapixels that are reviewed")
    parser.add_argument("--seconds", type=float, default=40.0, help="how long the clients look around")
    given = parser.parse_args()
    if not (BROWSER and DRIVER):
        raise SystemExit("This needs Debian's packages chromium and chromium-driver.")
    found = measure(given.jobs, given.photos, given.seconds)
    print(f"{'figure':<22}{'found':>10}{'wanted':>12}")
    print(f"{'occupancy_alone':<22}{found['occupancy_alone']:>10.3f}{'':>12}")
    for name, wanted in WANTED.items():
        print(f"{name:<22}{found[name]:>10.3f}{('>= ' if name in AT_LEAST else '<= ') + str(wanted):>12}")
    print(json.dumps({name: round(found[name], 3) for name in WANTED}))


if __name__ == "__main__":
    main()
