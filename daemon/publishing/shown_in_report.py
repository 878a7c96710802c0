"""Reads from a report how large the pictures are that it tells of."""

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from daemon.journal.shown_sizes import ShownSizes
from daemon.pictures.values import Page
from daemon.publishing.left_out_pages import page_count

_MOST_PIXELS = 1 << 24  # a side; more than any format can have


def shown_in_report(content: bytes) -> ShownSizes | None:
    """The sizes of the picture that stands for the file: with several pages, the worst. None if it does not say."""
    try:
        body = json.loads(content)
        number, parts = int(body.get("page", 0)), body.get("pages", ())
        pages = tuple(_sizes(part, int(part["page"]), page_count(body)) for part in parts)
        return replace(_sizes(body, number, page_count(body)), pages=pages)
    except Exception:  # noqa: BLE001 - whatever a parser raises for strangers' JSON
        return None


def _sizes(part: Mapping[str, Any], number: int, of: int) -> ShownSizes:
    """The sizes of one picture. Raises KeyError, TypeError or ValueError if they are not told."""
    suffix = Page(number=number, of=of).suffix if number else ""
    return ShownSizes(_size(part["photo"]), _size(part["result"]), number, suffix)


def _size(values: dict[str, object]) -> tuple[int, int]:
    """Raises ValueError if it is no size of a picture."""
    width, height = values["width"], values["height"]
    if isinstance(width, int) and isinstance(height, int) and 0 < width <= _MOST_PIXELS and 0 < height <= _MOST_PIXELS:
        return width, height
    raise ValueError("no size")
