"""How long a browser waits for pictures: of the next photo, of a tile, and at the first look at a photo.

    python -m benchmarks.tiles [--photos N] [--clients N] [--tiles N]

Photos of 24 megapixels are drawn, cut out by a scripted engine, and asked for over a real port by several clients at
once. "next photo" is all that the page shows of one that nobody has looked at: original, colours and alpha as they fit
a screen. "first tile" is until one of full size of a result is there, colours and alpha, of a photo that nobody has
looked at; "first look" the same of the original as well. The last line is JSON.
"""

import argparse
import http.client
import json
import random
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np

from daemon.arrays import Rgb
from daemon.pictures.pyramid import TILE
from daemon.states import State
from tests.web.shown import Shown, shown

WIDTH, HEIGHT = 6000, 4000
KINDS = ("original", "colour", "alpha")
LOOKS = 3  # at each photo

Urls = dict[str, str]
"""Where the pictures of one photo are, by kind."""


def drawn(seed: int) -> Rgb:
    """A photo of 24 megapixels with a subject, detail and grain."""
    chance = np.random.default_rng(seed)
    coarse = chance.integers(0, 90, (HEIGHT // 24, WIDTH // 24, 3), dtype=np.uint8)
    detail = cv2.resize(coarse, (WIDTH, HEIGHT), interpolation=cv2.INTER_CUBIC).astype(np.int16)
    y, x = np.ogrid[:HEIGHT, :WIDTH]
    inside = (x - WIDTH * chance.uniform(0.4, 0.6)) ** 2 + (y - HEIGHT / 2) ** 2 < (HEIGHT * 0.32) ** 2
    picture = np.where(inside[..., None], detail + np.array([120, 20, 20], np.int16), detail // 3 + np.int16(190))
    return np.clip(picture + chance.integers(-3, 4, picture.shape, dtype=np.int16), 0, 255).astype(np.uint8)


def fetch(connection: http.client.HTTPConnection, path: str) -> float:
    """Ask once; returns the milliseconds until all of it is here."""
    began = time.perf_counter()
    connection.request("GET", path)
    answer = connection.getresponse()
    answer.read()
    if answer.status != http.HTTPStatus.OK:
        raise SystemExit(f"{path}: {answer.status}")
    return (time.perf_counter() - began) * 1000


def at_once(steps: Iterable[Callable[[], object]]) -> float:
    """Do all steps at the same time; returns the milliseconds until the last one is done."""
    threads = [threading.Thread(target=step) for step in steps]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return (time.perf_counter() - began) * 1000


def look(site: Shown, urls: Urls, what: str, kinds: Sequence[str] = KINDS) -> float:
    """The milliseconds until this is here of these pictures of a photo."""
    return at_once(partial(fetch, site.connection(), urls[kind] + what) for kind in kinds)


def first_look(site: Shown, urls: Urls, kinds: Sequence[str]) -> float:
    """The milliseconds until a tile in the middle is here, at a photo that nobody has looked at."""
    while site.site.pictures.shelf.busy:  # a reviewer looks at one photo at a time
        time.sleep(0.1)
    return look(site, urls, "0/5/3", kinds)


def look_around(site: Shown, photos: Sequence[Urls], count: int, seed: int, found: list[float]) -> None:
    """One client: ask for so many tiles of any photo, size and place."""
    chance, connection = random.Random(seed), site.connection()
    for _ in range(count):
        level = chance.randrange(5)
        column, row = (chance.randrange(-(-(side >> level) // TILE)) for side in (WIDTH, HEIGHT))
        url = chance.choice(photos)[chance.choice(KINDS)]
        found.append(fetch(connection, f"{url}{level}/{column}/{row}"))


def p95(values: Sequence[float]) -> float:
    """What 95 of 100 values do not exceed."""
    return sorted(values)[min(len(values) - 1, int(len(values) * 0.95))]


def main() -> None:
    """Print a table, and JSON in the last line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=6)
    parser.add_argument("--clients", type=int, default=4)
    parser.add_argument("--tiles", type=int, default=400)
    options = parser.parse_args()
    drawings = {f"{number}.jpg": drawn(number) for number in range(options.photos)}
    sections = {"http": {"bind": "127.0.0.1:0"}}  # so that what fits a screen is made when a result is rendered
    around: list[float] = []
    with tempfile.TemporaryDirectory() as folder, shown(Path(folder), drawings, sections=sections) as site:
        names = [row.job.name for row in site.daemon.parts.journal.rows(State.DONE)]
        photos = [{kind: site.url(kind, name) for kind in KINDS} for name in names]
        following = [look(site, urls, "fit") for urls in photos for _ in range(LOOKS)]
        tile = [first_look(site, urls, KINDS[1:]) for urls in photos[::2]]
        first = [first_look(site, urls, KINDS) for urls in photos[1::2]]
        for urls in photos:
            first_look(site, urls, KINDS)  # so that all are built
        share = options.tiles // options.clients
        at_once(partial(look_around, site, photos, share, seed, around) for seed in range(options.clients))
    print(f"{len(photos)} photos, {options.clients} clients{'median':>9}{'p95':>9}{'most':>9}   ms")
    figures = {"next_photo": following, "tile": around, "first_tile": tile, "first_look": first}
    for name, values in figures.items():
        print(f"{name.replace('_', ' '):21}{statistics.median(values):9.1f}{p95(values):9.1f}{max(values):9.1f}")
    found = {f"{name}_p95_ms": round(p95(values), 1) for name, values in figures.items()}
    print(json.dumps({**found, "first_tile_ms": round(statistics.median(tile), 1)}))


if __name__ == "__main__":
    main()
