"""Reads the parameters of a request for a list; a wrong one is a clear answer."""

from collections.abc import Mapping
from enum import StrEnum
from http import HTTPStatus
from typing import TypeVar

from daemon.web.problems import Refused

Word = TypeVar("Word", bound=StrEnum)

DEFAULT_LIMIT, MOST_JOBS = 50, 200


def word(parameters: Mapping[str, str], name: str, words: type[Word]) -> Word | None:
    """One of these words; None if the parameter is missing or empty. Raises Refused (400)."""
    sent = parameters.get(name, "")
    if not sent:
        return None
    try:
        return words(sent)
    except ValueError:
        raise bad_parameter(f"{name} is one of {', '.join(words)}") from None


def yes_or_no(parameters: Mapping[str, str], name: str) -> bool | None:
    """Yes or no; None if the parameter is missing or empty. Raises Refused (400)."""
    sent = parameters.get(name, "")
    if sent not in ("", "yes", "no"):
        raise bad_parameter(f"{name} is yes or no")
    return None if not sent else sent == "yes"


def limit(parameters: Mapping[str, str]) -> int:
    """How many rows a page has, at most 200 of any number. Raises Refused (400) if it is no whole number from 1."""
    sent = parameters.get("limit", "") or str(DEFAULT_LIMIT)
    if not (sent.isascii() and sent.isdigit() and len(sent) < 100 and int(sent)):
        raise bad_parameter("limit is a whole number from 1")
    return min(int(sent), MOST_JOBS)


def bad_parameter(what: str) -> Refused:
    """The error of a parameter that makes no sense. what: how it should be, as a sentence."""
    return Refused(HTTPStatus.BAD_REQUEST, "bad_parameter", f"{what[0].upper()}{what[1:]}.")
