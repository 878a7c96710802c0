"""The start says where the pages are, or how to get them."""

import socket
from pathlib import Path

import pytest

from daemon.commands.run import page_line
from daemon.settings.http_section import HttpSettings
from tests.processes import freisteller


@pytest.mark.parametrize(
    ("http", "said"),
    [
        (HttpSettings(), "http://127.0.0.1:9108/review"),
        (HttpSettings(bind="[::1]:80"), "http://[::1]:80/review"),
        (HttpSettings(bind="127.0.0.1:0"), "http_listening"),
        (HttpSettings(bind="127.0.0.1:0", public_url="https://photos.example"), "https://photos.example/review"),
    ],
)
def test_the_address_of_the_pages_is_told(http: HttpSettings, said: str) -> None:
    assert said in page_line(http)


@pytest.mark.parametrize("bind", ["0.0.0.0:9108", "[::]:9108"])
def test_all_addresses_of_a_machine_are_told_by_its_name(bind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "studio")

    assert page_line(HttpSettings(bind=bind)).endswith("http://studio:9108/review")


def test_without_a_port_one_line_says_how_to_get_the_pages() -> None:
    line = page_line(HttpSettings(bind=""))

    assert "[http]" in line
    assert "\n" not in line


def test_a_taken_port_is_told_before_the_greeting_with_what_to_type(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        bind = f"127.0.0.1:{other.getsockname()[1]}"
        run = freisteller("run", "--once", folder=tmp_path, FREISTELLER__HTTP__BIND=bind)

    assert (run.returncode, run.stdout) == (2, "")
    assert bind in run.stderr
    assert "FREISTELLER__HTTP__BIND=127.0.0.1:" in run.stderr
