"""Hides secrets in the texts and fields of a log line."""

import re
from collections.abc import Mapping

_SECRET_KEY = re.compile(r"token|password|passwd|secret|authorization|api_?key|credential", re.IGNORECASE)
_SECRET_TEXT = re.compile(
    r"(?P<shown>\bBearer\s+|\b[a-z][a-z0-9+.-]*://(?=[^\s/@]+@))(?P<hidden>[^\s/@]+)", re.IGNORECASE
)


def without_secrets(fields: Mapping[str, object]) -> dict[str, object]:
    """The fields, with "***" for each value whose key names a secret, and for secrets in all other texts."""
    return {key: "***" if _SECRET_KEY.search(key) else _safe(value) for key, value in fields.items()}


def hide_secrets(text: str) -> str:
    """The text, with "***" for bearer tokens and for user and password in URLs."""
    return _SECRET_TEXT.sub(r"\g<shown>***", text)


def _safe(value: object) -> object:
    """The value with secrets hidden in every text in it. A value that JSON does not know becomes text."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return without_secrets({str(key): inner for key, inner in value.items()})
    if isinstance(value, list | tuple | set | frozenset):
        return [_safe(inner) for inner in value]
    return hide_secrets(str(value))
