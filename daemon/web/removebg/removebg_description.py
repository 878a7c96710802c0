"""Describes the two routes of remove.bg for the API's document (OpenAPI): their fields, answers and errors."""

from collections.abc import Mapping

from daemon.web.removebg.asked_layout import CHOICES

_TEXT: Mapping[str, object] = {"type": "string"}
_COUNT: Mapping[str, object] = {"type": "integer"}
_FILE: Mapping[str, object] = {"type": "string", "format": "binary"}
_LENGTHS = "Pixels or per cent, e.g. 10%, 30px"
_TEXTS = {
    "image_url": "Fetched only if http.fetch_urls allows it",
    "image_file_b64": "The photo in base64",
    "bg_color": "The name of a colour, or 3, 4, 6 or 8 hex digits",
    "bg_image_url": "Fetched only if http.fetch_urls allows it",
    "roi": f"Left, top, right and bottom. {_LENGTHS}",
    "crop_margin": f"One, two or four lengths. {_LENGTHS}",
    "scale": "10% to 100%, or original",
    "position": "One or two shares, or center, or original",
}
_FIELDS: Mapping[str, object] = {
    **{name: {"type": "string", "description": text} for name, text in _TEXTS.items()},
    **{name: {"type": "string", "enum": list(words)} for name, words in CHOICES.items()},
}
_SIMPLE = {
    "type": "object",
    "description": "Exactly one of image_file, image_url, image_file_b64. Other fields change nothing; "
    "X-Freisteller-Ignored names them.",
    "properties": _FIELDS,
}
_FORM = {**_SIMPLE, "properties": {**_FIELDS, "image_file": _FILE, "bg_image_file": _FILE}}


def _object(**properties: object) -> Mapping[str, object]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def _json(text: str, schema: Mapping[str, object]) -> dict[str, object]:
    return {"description": text, "content": {"application/json": {"schema": schema}}}


_ERRORS = _object(errors={"type": "array", "minItems": 1, "items": _object(title=_TEXT, code=_TEXT)})
_ERROR = _json("Not possible; 403 means the key, 503 that the photo is still in work", _ERRORS)
_CUT_OUT = _object(
    result_b64=_TEXT,
    foreground_top=_COUNT,
    foreground_left=_COUNT,
    foreground_width=_COUNT,
    foreground_height=_COUNT,
)
_ACCOUNT = _object(
    credits=_object(total=_COUNT, subscription=_COUNT, payg=_COUNT, enterprise=_COUNT),
    api=_object(free_calls=_COUNT, sizes=_TEXT),
)
_HEADERS = {
    name: {"schema": {"type": kind}}
    for kind, names in {
        "integer": (
            "X-Width",
            "X-Height",
            "X-Credits-Charged",
            "X-Foreground-Top",
            "X-Foreground-Left",
            "X-Foreground-Width",
            "X-Foreground-Height",
            "X-RateLimit-Limit",
            "X-RateLimit-Remaining",
            "X-RateLimit-Reset",
        ),
        "string": (
            "X-Type",
            "X-Freisteller-Job",
            "X-Freisteller-Grade",
            "X-Freisteller-Score",
            "X-Freisteller-Reasons",
            "X-Freisteller-Ignored",
        ),
    }.items()
    for name in names
}
_PICTURES = ("image/png", "image/jpeg", "image/webp", "application/zip")

CUT_OUT: Mapping[str, object] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {"schema": _FORM},
            "application/x-www-form-urlencoded": {"schema": _SIMPLE},
            "application/json": {"schema": _SIMPLE},
        },
    },
    "responses": {
        "200": {
            "description": "The result: the file itself, or JSON if the Accept header asks for that alone.",
            "headers": _HEADERS,
            "content": {
                **{kind: {"schema": _FILE} for kind in _PICTURES},
                "application/json": {"schema": _object(data=_CUT_OUT)},
            },
        },
        "default": _ERROR,
    },
}
"""POST /v1.0/removebg."""

ACCOUNT: Mapping[str, object] = {
    "responses": {
        "200": _json("What an account says of itself. Nothing is charged.", _object(data=_object(attributes=_ACCOUNT))),
        "default": _ERROR,
    }
}
"""GET /v1.0/account."""
