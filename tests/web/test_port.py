"""The port and its pages for programs that watch, over real connections on loopback."""

import json
import socket
from collections.abc import Callable, Iterator

import pytest
import uvicorn

from daemon.errors import BadSettings
from daemon.observe.health import Health
from tests.web.ports import asked, port, problem_of, raw, watched_site, web_server

Start = Callable[..., tuple[str, int]]


@pytest.fixture
def health() -> Health:
    return Health()


@pytest.fixture
def start(health: Health) -> Iterator[Start]:
    """Opens a port with the given token; closed after the test."""
    servers = []

    def opened(token: str = "", bind: str = "127.0.0.1:0") -> tuple[str, int]:
        server = web_server(watched_site(health=health), bind, token)
        servers.append(server)
        return server.start()

    yield opened
    for server in servers:
        server.close()


def test_metrics_come_in_prometheus_text_format(start: Start) -> None:
    response, body = asked(start(), "/metrics")

    assert response.status == 200
    assert response.getheader("Content-Type") == "text/plain; version=0.0.4; charset=utf-8"
    assert b'freisteller_build_info{version="1.2.3"} 1.0' in body


def test_a_query_behind_the_path_changes_nothing(start: Start) -> None:
    assert asked(start(), "/metrics?name[]=x")[0].status == 200


def test_healthz_says_whether_it_lives_and_readyz_whether_it_can_work(start: Start, health: Health) -> None:
    address = start()
    health.report("watcher", True)
    health.report("dispatcher", True)
    health.report("root", False, "the share ungenügend is away")

    alive, alive_body = asked(address, "/healthz")
    ready, ready_body = asked(address, "/readyz")

    assert alive.status == 200
    assert json.loads(alive_body)["alive"] is True
    assert alive.getheader("X-Freisteller-Root") == ready.getheader("X-Freisteller-Root") == "the-root"
    assert ready.status == 503
    assert json.loads(ready_body)["parts"]["root"]["detail"] == "the share ungenügend is away"


def test_status_shows_what_runs(health: Health) -> None:
    with port(watched_site(health=health, status=lambda: {"running": [{"job": "1"}]})) as address:
        response, body = asked(address, "/status")

    assert response.status == 200
    assert response.getheader("Content-Type") == "application/json"
    assert json.loads(body) == {"running": [{"job": "1"}]}


def test_a_broken_loop_is_a_503_at_healthz(start: Start, health: Health) -> None:
    health.report("watcher", False)

    assert asked(start(), "/healthz")[0].status == 503


def test_head_answers_as_get_without_the_body(start: Start) -> None:
    response, body = asked(start(), "/metrics", "HEAD")

    assert response.status == 200
    assert int(response.getheader("Content-Length") or 0) > 1000
    assert body == b""


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
def test_nothing_can_be_changed_through_the_port(start: Start, method: str) -> None:
    response, _ = asked(start(), "/metrics", method)

    assert response.status == 405
    assert response.getheader("Allow") == "GET, HEAD"


def test_another_path_is_not_found(start: Start) -> None:
    response, body = asked(start(), "/etc/passwd")

    assert response.status == 404
    assert response.getheader("Content-Type") == "application/problem+json"
    assert problem_of(body) == "not_found"


def test_with_a_token_every_page_asks_for_it(start: Start) -> None:
    address = start(token="long-and-random")

    for path in ("/metrics", "/healthz", "/readyz", "/status", "/else"):
        response, body = asked(address, path)
        assert response.status == 401
        assert response.getheader("WWW-Authenticate") == "Bearer"
        assert problem_of(body) == "not_logged_in"
        assert b"freisteller_" not in body
    assert asked(address, "/metrics", headers={"Authorization": "Bearer wrong"})[0].status == 401
    assert asked(address, "/metrics", headers={"Authorization": "Bearer long-and-random"})[0].status == 200


def test_a_token_that_is_not_ascii_is_refused_without_an_error(start: Start) -> None:
    answer = raw(
        start(token="long"), "GET /metrics HTTP/1.0\r\nAuthorization: Bearer l\xf6ng\r\n\r\n".encode("latin-1")
    )

    assert answer.startswith(b"HTTP/1.1 401")


def test_a_port_that_others_reach_needs_a_token(start: Start) -> None:
    with pytest.raises(BadSettings, match=r"http\.token"):
        start(bind="0.0.0.0:0")

    assert start(bind="0.0.0.0:0", token="long-and-random")[1] > 0


@pytest.mark.parametrize("name", ["localhost", "127.0.0.1:9108", "[::1]:9108", "127.0.1.1"])
def test_every_name_of_this_machine_is_answered(start: Start, name: str) -> None:
    assert asked(start(), "/healthz", headers={"Host": name})[0].status == 200


@pytest.mark.parametrize(
    "name", ["evil.example", "evil.example:9108", "192.168.1.7", "[", "", "localhost.evil.example"]
)
def test_a_web_page_that_rebinds_its_name_to_our_address_gets_no_answer(start: Start, name: str) -> None:
    response, body = asked(start(), "/healthz", headers={"Host": name})

    assert response.status == 421
    assert b"parts" not in body


def test_with_a_token_any_name_will_do(start: Start) -> None:
    address = start(token="long")

    response, _ = asked(address, "/metrics", headers={"Host": "photos.studio", "Authorization": "Bearer long"})

    assert response.status == 200


def test_the_error_for_a_taken_port_says_what_to_do(start: Start) -> None:
    _, port = start()

    with pytest.raises(BadSettings, match=rf"127\.0\.0\.1:{port} .*choose another"):
        start(bind=f"127.0.0.1:{port}")


def test_a_server_that_does_not_start_is_an_error_too(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: object, **__: object) -> None:
        raise RuntimeError("no loop")

    monkeypatch.setattr(uvicorn.Server, "startup", fail)

    with pytest.raises(BadSettings, match=r"127\.0\.0\.1:0 cannot be served: no loop"):
        web_server(watched_site()).start()


def test_an_unknown_host_is_an_error_with_its_name(start: Start) -> None:
    with pytest.raises(BadSettings, match=r"cannot be opened"):
        start(bind="no-such-host.invalid:0", token="x")


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_an_ipv6_address_stands_in_brackets(start: Start) -> None:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        pytest.skip("this machine has no IPv6 loopback")

    assert asked(start(bind="[::1]:0"), "/metrics")[0].status == 200


def test_the_answer_does_not_show_which_python_runs(start: Start) -> None:
    response, _ = asked(start(), "/metrics")

    assert response.getheader("Server") == "freisteller"


def test_no_answer_is_cached_or_read_as_another_type(start: Start) -> None:
    response, _ = asked(start(), "/healthz")

    assert response.getheader("Cache-Control") == "no-store"
    assert response.getheader("X-Content-Type-Options") == "nosniff"


def test_a_closed_port_is_closed_and_may_be_closed_again(health: Health) -> None:
    server = web_server(watched_site(health=health))
    address = server.start()
    server.close()
    server.close()

    with pytest.raises(ConnectionRefusedError):
        asked(address, "/metrics")
