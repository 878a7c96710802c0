"""Pages of strangers in a real Chromium, beside a port of this machine where nobody has to log in."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from starlette.requests import Request
from starlette.responses import Response

from daemon.settings import Settings
from daemon.settings.current import CurrentSettings
from daemon.web.callers import Role
from daemon.web.site import Site
from daemon.web.ways import Way
from tests.web.browser import Page, browser, needs_browser
from tests.web.ports import port, watched_site

pytestmark = [needs_browser, pytest.mark.slow]

ATTACKS = {
    "a form": (
        "<form method=post action={target}/deed><input name=a value=b></form>"
        "<script>document.forms[0].submit()</script>"
    ),
    "a form of plain text": (
        "<form method=post enctype=text/plain action={target}/deed><input name='{{' value='}}'></form>"
        "<script>document.forms[0].submit()</script>"
    ),
    "a script": "<script>fetch('{target}/deed', {{method: 'POST', mode: 'no-cors', credentials: 'include'}})</script>",
    "a script that asks first": "<script>fetch('{target}/deed', {{method: 'PUT', headers: {{'X-A': '1'}}}})</script>",
    "a beacon": "<script>navigator.sendBeacon('{target}/deed', 'a')</script>",
    "a frame without an origin": (
        "<iframe sandbox='allow-scripts allow-forms' srcdoc=\"<form method=post action={target}/deed></form>"
        '<script>document.forms[0].submit()</script>"></iframe>'
    ),
    "a script without an origin": (
        "<iframe sandbox='allow-scripts' srcdoc=\"<script>fetch('{target}/deed', {{method: 'POST', mode: 'no-cors'}})"
        '</script>"></iframe>'
    ),
    "a picture": "<img src={target}/work>",
    "a script of ours": "<script src={target}/work></script>",
    "an event stream": "<script>new EventSource('{target}/work')</script>",
}


class Deeds:
    """What reached the answers behind the rules."""

    def __init__(self) -> None:
        self.done: list[str] = []

    async def answer(self, request: Request, _: Site) -> Response:
        self.done.append(f"{request.method} {request.url.path}")
        return Response("<title>done</title>", media_type="text/html")


@contextmanager
def foreign_site(pages: dict[str, str]) -> Iterator[int]:
    """Another server on this machine; returns its port. pages: path -> HTML."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "text/html")
            self.end_headers()
            self.wfile.write(pages.get(self.path, "").encode())

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def window() -> Iterator[Page]:
    with browser("http://127.0.0.1") as page:
        yield page


@pytest.mark.parametrize("host", ["127.0.0.1", "evil.localhost"])  # the same site at another port, and another site
def test_a_foreign_page_reaches_nothing(window: Page, host: str) -> None:
    deeds = Deeds()
    ways = [Way(method, "/deed", deeds.answer, Role.ADMIN) for method in ("POST", "PUT")]
    if host != "127.0.0.1":
        ways.append(Way("GET", "/work", deeds.answer, Role.VIEWER))
    with port(ways=ways) as address:
        target = f"http://127.0.0.1:{address[1]}"
        pages = {f"/{number}": text.format(target=target) for number, text in enumerate(ATTACKS.values())}
        with foreign_site(pages) as elsewhere:
            for path in pages:
                window.driver.get(f"http://{host}:{elsewhere}{path}")
                time.sleep(0.7)  # whatever the page does, it has done by then; nothing can be waited for

    assert deeds.done == []


def test_our_own_page_and_a_link_reach_us(window: Page) -> None:
    """Otherwise the test above would prove nothing."""
    deeds = Deeds()
    ways = [Way("POST", "/deed", deeds.answer, Role.ADMIN), Way("GET", "/work", deeds.answer, Role.VIEWER)]
    with port(ways=ways) as address:
        target = f"http://127.0.0.1:{address[1]}"
        with foreign_site({"/": f"<a href={target}/work>look</a>"}) as elsewhere:
            window.driver.get(f"http://evil.localhost:{elsewhere}/")
            window.click("a")
            window.wait(lambda: deeds.done == ["GET /work"], "the page behind the link")
        window.run("return fetch('/deed', {method: 'POST'}).then((answer) => answer.status)")

    assert deeds.done == ["GET /work", "POST /deed"]


def test_a_strangers_name_for_our_address_reaches_nothing(window: Page) -> None:
    deeds = Deeds()
    site = watched_site(settings=CurrentSettings(Settings()))
    with port(site, ways=[Way("GET", "/work", deeds.answer, Role.VIEWER)]) as address:
        window.driver.get(f"http://evil.localhost:{address[1]}/work")
        assert "not known by that name" in window.text("main")

    assert deeds.done == []
