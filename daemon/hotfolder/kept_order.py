"""Turns orders into what is kept with a photo, so that it is done as its orders were when it was taken, and back."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from daemon.hotfolder.order_pictures import in_words, refuse_missing
from daemon.settings import Settings, with_order

Sections = dict[str, Any]
"""The sections of an order as TOML has them: any values."""


def merged(above: Sections, order: Mapping[str, Any], settings: Settings) -> Sections:
    """An order together with those above it, key by key, as `with_order` does it.

    settings: valid ones, overridden by both; they have the whole path of each picture.
    """
    found = dict(above)
    for name, section in order.items():
        known = found.get(name)
        found[name] = {**known, **section} if isinstance(known, dict) and isinstance(section, dict) else section
    if names := order.get("renditions", {}):
        whole = {name: {**names[name], **in_words(settings.renditions[name])} for name in names}
        found["renditions"] = {**found["renditions"], **whole}
    return found


def kept(sections: Sections) -> str:
    """What is kept of orders, as JSON."""
    return json.dumps(sections, separators=(",", ":"), default=str)


def with_kept(settings: Settings, text: str, root: Path) -> Settings:
    """The settings, overridden by what was kept. root: of the hot folder.

    Raises BadSettings if they cannot be used any more, or a picture is gone; ValueError, AttributeError or
    RecursionError if it is no JSON of an order; NoRoom, RootAway.
    """
    order = json.loads(text)
    settings = with_order(settings, order)
    refuse_missing(settings, order.get("renditions", ()), root)
    return settings
