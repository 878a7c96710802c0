"""The start says where the pages are, or how to get them."""

import pytest

from daemon.commands.run import page_line
from daemon.settings.http_section import HttpSettings


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
