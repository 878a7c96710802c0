"""What a report tells of pages that were left out because they cannot be decoded."""

from collections.abc import Mapping
from typing import Any

from daemon.errors import Said
from daemon.words.catalogue import Texts
from daemon.words.said import failure_values, said_in


def pages_left_out(not_done: Mapping[int, Said], words: Texts) -> dict[str, Any]:
    """The member of a report; none if no page was left out. not_done: the reasons, by number."""
    if not not_done:
        return {}
    told = [
        {"page": page, "reason": said_in(why, words), "failure": failure_values(why)} for page, why in not_done.items()
    ]
    return {"pages_left_out": told}


def page_count(body: Mapping[str, Any]) -> int:
    """How many pages the file of a report has, those that were left out among them; 0 if it has one picture."""
    return len(body.get("pages", ())) + len(body.get("pages_left_out", ()))
