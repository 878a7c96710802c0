"""A daemon process with an open port and finished photos, for tests in a browser."""

import json
import socket
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.drawing import drawn_photo, save_photo
from tests.engines.comfyui_double import Double
from tests.observe.prometheus import free_port
from tests.processes import DaemonProcess


@dataclass(frozen=True)
class LightTable:
    """A daemon that runs. base: where its pages are. root: its hot folder."""

    base: str
    root: Path
    daemon: DaemonProcess
    engine: Double

    def ask(self, path: str, body: Mapping[str, object] | None = None) -> Any:
        """The JSON answer of the API. body: makes it a POST, as a script of the page sends it."""
        content = None if body is None else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", "Sec-Fetch-Site": "same-origin"}
        request = urllib.request.Request(self.base + path, content, headers)
        with urllib.request.urlopen(request, timeout=60) as answer:
            return json.load(answer)

    def jobs(self, order: str) -> list[dict[str, Any]]:
        """The finished jobs of an order, as the review shows them."""
        found: list[dict[str, Any]] = self.ask(f"/api/v1/jobs?state=done&order={order}&sort=worst&limit=200")["jobs"]
        return found

    def drop(self, order: str, count: int, width: int = 240, height: int = 180) -> None:
        """Put drawn photos into the inbox, and wait until they are done."""
        for number in range(count):
            save_photo(self.root / "inbox" / order / f"{number:02}.jpg", drawn_photo(width, height, number))
        self.daemon.wait_until(lambda: len(self.jobs(order)) == count, f"{count} photos of {order}")


@contextmanager
def light_table(folder: Path, port: int = 0, **settings: str) -> Iterator[LightTable]:
    """A daemon while the block runs. Its engine is a double of ComfyUI that cuts out by colour.

    port: 0 = a free one.
    """
    port = port or free_port()
    with Double() as double:
        servers = json.dumps([{"url": double.url, "slots": 2}])
        given = {
            "FREISTELLER__HTTP__BIND": f"127.0.0.1:{port}",
            "FREISTELLER__COMFYUI__SERVERS": servers,
            "FREISTELLER__GRADING__RIM_SEHR_GUT": "0",  # these tests look at pages: no rim keeps a drawn photo from
            "FREISTELLER__GRADING__RIM_GUT": "0",  # a grade that they count on
            **settings,
        }
        with DaemonProcess(folder, **given) as daemon:
            daemon.wait_until(lambda: answers(port), "the port")
            yield LightTable(f"http://127.0.0.1:{port}", folder / "hot", daemon, double)
            daemon.interrupt()


def answers(port: int) -> bool:
    """Whether somebody listens on a port of this machine."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True
