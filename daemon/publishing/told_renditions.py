"""Reads what a report tells of the renditions of a page, for the next report on pages that stay as they are."""

import json
from collections.abc import Collection, Mapping
from typing import Any

from daemon.pictures.result_names import FOR


def told_renditions(content: bytes, page: int, suffixes: Collection[str]) -> tuple[Mapping[str, Any], ...]:
    """What a report tells of a page's renditions, as it does: those that were left out, and those that are still there.

    suffixes: what the names of the page's files end with, e.g. "-p2_for-ebay.jpg". Returns nothing if the report tells
    of none, or was edited so that it cannot be read.
    """
    try:
        parts = {int(part["page"]): part for part in json.loads(content).get("pages", ())}
        told = parts[page].get("renditions", ())
        return tuple(dict(each) for each in told if not each["kept"] or _is_among(each, suffixes))
    except Exception:  # noqa: BLE001 - whatever a parser raises for strangers' JSON
        return ()


def _is_among(told: Mapping[str, Any], suffixes: Collection[str]) -> bool:
    label = f"{told['name']}-{told['variant']}" if told.get("variant") else str(told["name"])
    return any(f"{FOR}{label}." in suffix for suffix in suffixes)
