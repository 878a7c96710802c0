"""Decides when an order goes to a shop by itself: after a change, and after a try that came to nothing."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from daemon.journal.due_orders import DueOrder
from daemon.shops.outcomes import DONE, LATER
from daemon.shops.remote_names import place_word
from daemon.words.counted import counted

CHANGES = frozenset({"done", "verdict", "moved", "deed"})
"""Kinds of events after which an order may look different in a shop."""
FIRST_PAUSE_SECONDS = 60.0  # after the first try that came to nothing; then it doubles
LONGEST_PAUSE_SECONDS = 3600.0
ENDED_DONE, ENDED_FAILED, ENDED_LATER = 0, 1, 75
"""How `freisteller shops send` ends."""
_AGAIN = LATER | {"login"}
"""What another try may do better. A login is mended by people, who need not name each order then."""


@dataclass(frozen=True, slots=True)
class SendingEnd:
    """How one try ended. code: of the command; None = it was ended by us, or by the system. line: what it did, if it
    says so. why: what kept it from more. later: whether another try may do better."""

    code: int | None
    line: str = ""
    why: str = ""
    later: bool = False


def changed(before: DueOrder | None, shop: str, order: str, now: float, quiet_seconds: float) -> DueOrder:
    """The order once more, now that a result of it changed: due when it has been quiet, but a pause is kept."""
    if before is None or before.at is None:
        return DueOrder(shop, order, now + quiet_seconds)
    return replace(before, at=max(before.at if before.tries else 0.0, now + quiet_seconds))


def is_due(due: DueOrder, now: float) -> bool:
    """Whether its time has come. One that is further away than any pause was set by a clock that was wrong."""
    return due.at is not None and not now < due.at <= now + 86400.0 + LONGEST_PAUSE_SECONDS


def after_try(due: DueOrder, end: SendingEnd, now: float) -> DueOrder | None:
    """What is left to do; None = nothing."""
    if end.code == ENDED_DONE:
        return None
    person = end.code not in (None, ENDED_LATER)
    if not end.later:
        return replace(due, at=None, tries=due.tries + 1, why=end.why, person=person)
    pause = min(LONGEST_PAUSE_SECONDS, FIRST_PAUSE_SECONDS * 2.0 ** min(due.tries, 10))
    return replace(due, at=now + pause, tries=due.tries + 1, why=end.why, person=person)


def end_of(code: int, answer: Mapping[str, Any], complaint: str) -> SendingEnd:  # Any: JSON
    """How the command ended. answer: what it printed as JSON; {} = nothing. complaint: its last line of errors."""
    shops = answer.get("shops", ())
    line = ", ".join(str(shop["line"]) for shop in shops)
    if code == ENDED_DONE:
        return SendingEnd(code, line)
    if code not in (
        ENDED_FAILED,
        ENDED_LATER,
    ):  # settings, a missing login: people mend it, and it goes on
        return SendingEnd(code, line, complaint.rstrip(".") or f"the command ended with {code}", later=True)
    pictures = [each for shop in shops for each in shop["pictures"] if each["what"] not in DONE]
    whys = [_of_photo(each) for each in answer.get("not_sent", ())]
    whys += [f"{each['photo']}: {each['why']}" for shop in shops for each in shop["left_out"]]
    whys += [_of_picture(each) for each in sorted(pictures, key=lambda each: each["what"] in _AGAIN)]
    why = (whys[0] if whys else complaint or line).rstrip(".")
    more = f" (and {counted(len(whys) - 1, 'other')})" if len(whys) > 1 else ""
    return SendingEnd(code, line, why + more, code == ENDED_LATER or any(each["what"] in _AGAIN for each in pictures))


def _of_picture(told: Mapping[str, Any]) -> str:  # Any: JSON
    why = told["why"] or ("the shop still works on it" if told["what"] == "processing" else told["what"])
    return f"{told['sku']} {place_word(told['place'])}: {why}"


def _of_photo(told: Mapping[str, Any]) -> str:  # Any: JSON
    return ": ".join(str(part) for part in (told.get("photo"), told.get("reason")) if part)
