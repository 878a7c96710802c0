"""What a person sees whose browser asks for something that is not there, or not for them."""

from collections.abc import Iterator

import pytest

from tests.web.live_daemon import Live, live_daemon

BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8", "Accept-Language": "de"}


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    with live_daemon(tmp_path_factory.mktemp("errors")) as live:
        yield live


@pytest.mark.parametrize("path", ["/gibtsnicht", "/api/v1/results.zip?order=none", "/static/old/base.js"])
def test_a_browser_gets_a_page_with_ways_on(live: Live, path: str) -> None:
    answer = live.ask("GET", path, headers=BROWSER)
    text = answer.body.decode()

    assert answer.status == 404
    assert answer.headers["content-type"].startswith("text/html")
    assert "<h1>Hier ist nichts</h1>" in text
    assert 'class="button primary" href="/review"' in text


def test_the_page_of_an_error_takes_no_markup(live: Live) -> None:
    answer = live.ask("GET", "/api/v1/results.zip?order=%3Cscript%3E", headers=BROWSER)

    assert "&lt;script&gt; to download" in answer.body.decode()


@pytest.mark.parametrize("accept", ["*/*", "application/json", "image/avif,image/webp,*/*;q=0.8", ""])
def test_a_program_gets_problem_details(live: Live, accept: str) -> None:
    answer = live.ask("GET", "/gibtsnicht", headers={"Accept": accept})

    assert (answer.status, answer.problem) == (404, "not_found")


def test_what_a_browser_may_not_do_says_so_with_the_same_status_and_headers(live: Live) -> None:
    foreign = live.ask("GET", "/orders", headers={**BROWSER, "Host": "evil.example"})
    method = live.ask("GET", "/logout", headers=BROWSER)

    assert (foreign.status, foreign.headers["content-type"]) == (421, "text/html; charset=utf-8")
    assert 'class="button primary" href="/review"' not in foreign.body.decode(), (
        "whoever comes by a foreign name is nobody"
    )
    assert (method.status, method.headers["allow"]) == (405, "POST")
