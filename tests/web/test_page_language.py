"""Pages come in the reader's language."""

import pytest
from starlette.requests import Request

from daemon.web.pages.language import COOKIE, language_of, preferred
from daemon.words.catalogue import words_in


def request(accept: str = "", cookie: str = "") -> Request:
    headers = [(b"accept-language", accept.encode()), (b"cookie", cookie.encode())]
    return Request({"type": "http", "method": "GET", "path": "/", "headers": [each for each in headers if each[1]]})


@pytest.mark.parametrize(
    ("accept", "language"),
    [
        ("de-AT,de;q=0.9,en;q=0.8", "de"),
        ("en-GB,en;q=0.9,de;q=0.8", "en"),
        ("fr,de;q=0.4", "de"),
        ("fr-FR,fr;q=0.9", "en"),
        ("DE", "de"),
        ("de;q=0", "en"),
        ("de;q=much,en;q=0.1", "en"),
        ("", "en"),
        (",;=,;q", "en"),
    ],
)
def test_the_browser_says_which_language_its_reader_prefers(accept: str, language: str) -> None:
    assert preferred(accept) == language


def test_a_reader_choice_comes_before_the_setting_and_that_before_the_browser() -> None:
    assert language_of(request("en"), "") == "en"
    assert language_of(request("en"), "de") == "de"
    assert language_of(request("en", f"{COOKIE}=en"), "de") == "en"
    assert language_of(request("de", f"{COOKIE}=klingon"), "") == "de"


def test_a_browser_that_prefers_neither_language_gets_that_of_the_files() -> None:
    assert language_of(request("fr"), "", "de") == "de"
    assert language_of(request("en"), "", "de") == "en"


def test_scripts_get_the_catalogue_that_pages_have() -> None:
    german = words_in("de").all()

    assert german["Review"] == words_in("de").say("Review") != "Review"
    forms = german["One decision waits and is not lost."]
    assert ["%(num)s" in form for form in forms] == [False, True]
    assert words_in("en").all() == {}
