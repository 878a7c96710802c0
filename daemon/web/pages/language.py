"""Chooses the language of a page, and opens its catalogue of texts."""

import gettext
from functools import lru_cache
from importlib.resources import files
from typing import TypeAlias

from starlette.requests import Request

LANGUAGES = ("en", "de")
"""English stands in the sources; each other one has a catalogue `texts/LANGUAGE.mo`."""

COOKIE = "freisteller_language"
"""Set by the page's own switch. It holds a language, nothing secret."""

Catalogue: TypeAlias = gettext.NullTranslations


@lru_cache(maxsize=len(LANGUAGES))
def catalogue(language: str) -> Catalogue:
    """The texts of one of LANGUAGES. Those of English are the sources' own."""
    if language == LANGUAGES[0]:
        return gettext.NullTranslations()
    with files("daemon.web.pages").joinpath("texts", f"{language}.mo").open("rb") as compiled:
        return gettext.GNUTranslations(compiled)


def texts(language: str) -> dict[str, str | list[str]]:
    """The catalogue as values for JSON: each English text and its translation, or its forms for one and for more."""
    own = catalogue(language)
    if not isinstance(own, gettext.GNUTranslations):
        return {}
    singular: dict[str, str | list[str]] = {}
    for key, text in own._catalog.items():  # type: ignore[attr-defined]  # gettext has no public way to list them
        if isinstance(key, tuple):
            forms = singular.setdefault(key[0], [])
            assert isinstance(forms, list)
            forms.append(text)  # GNU's order is one, then more
        elif key:
            singular[key] = text
    return singular


def language_of(request: Request, set_to: str) -> str:
    """The language for a request: what its reader chose, else what is set, else what the browser prefers.

    set_to: `http.language`; "" = as the browser prefers.
    """
    chosen = request.cookies.get(COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    return set_to if set_to in LANGUAGES else preferred(request.headers.get("accept-language", ""))


def preferred(accepted: str) -> str:
    """The best of LANGUAGES for an Accept-Language header, e.g. "de-AT,de;q=0.9,en;q=0.8". English if none fits."""
    best, weight = LANGUAGES[0], 0.0
    for part in accepted.split(",")[:20]:
        name, *parameters = (piece.strip() for piece in part.split(";"))
        language = name.lower().split("-")[0]
        quality = _quality(parameters)
        if language in LANGUAGES and quality > weight:
            best, weight = language, quality
    return best


def _quality(parameters: list[str]) -> float:
    for parameter in parameters:
        if parameter.startswith("q="):
            try:
                return min(max(float(parameter[2:]), 0.0), 1.0)
            except ValueError:
                return 0.0
    return 1.0
