"""Chooses the language of a page."""

from starlette.requests import Request

from daemon.words.catalogue import LANGUAGES

COOKIE = "freisteller_language"
"""Set by the page's own switch. It holds a language, nothing secret."""


def language_of(request: Request, set_to: str, otherwise: str = LANGUAGES[0]) -> str:
    """The language for a request: what its reader chose, else what is set, else what the browser prefers.

    set_to: `http.language`; "" = as the browser prefers. otherwise: `language`, if the browser prefers none of ours.
    """
    chosen = request.cookies.get(COOKIE, "")
    if chosen in LANGUAGES:
        return chosen
    return set_to if set_to in LANGUAGES else preferred(request.headers.get("accept-language", ""), otherwise)


def preferred(accepted: str, otherwise: str = LANGUAGES[0]) -> str:
    """The best of LANGUAGES for an Accept-Language header, e.g. "de-AT,de;q=0.9,en;q=0.8"; `otherwise` if none fits."""
    best, weight = otherwise, 0.0
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
