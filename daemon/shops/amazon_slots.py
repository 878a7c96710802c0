"""What lies in the slots for pictures of a listing at Amazon, and what is to be written into them. Asks nobody.

Amazon takes a picture over from the URL it was given, hours later, and then shows another address for it. So a slot is
noted before it is written: the URL, and what was there before. A slot that shows neither has taken our picture over.
"""

import hashlib
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from daemon.shops.picture_order import inserted
from daemon.shops.shop_contract import RemotePicture

MAIN = "main_product_image_locator"
SLOTS = (MAIN, *(f"other_product_image_locator_{number}" for number in range(1, 9)))
_NEW = -1  # in an order of slots: the picture that is in none yet


class NoSlotFree(Exception):
    """All slots are taken. Answer: take nobody's picture off."""


@dataclass(frozen=True, slots=True)
class SlotNote:
    """What was written into a slot. was, faults: digests of what it held before, and of what Amazon objected to.

    before: the URL of the picture of ours that was there, "-" = none. state: "asked" = nobody knows whether Amazon
    heard it, "accepted".
    """

    url: str
    was: str
    faults: str
    before: str = "-"
    state: str = "asked"

    @classmethod
    def read(cls, text: str) -> "SlotNote | None":
        """None if it is none."""
        words = text.split(" ")
        return cls(*words) if len(words) == 5 else None

    def __str__(self) -> str:
        return f"{self.url} {self.was} {self.faults} {self.before} {self.state}"


@dataclass(frozen=True, slots=True)
class Slot:
    """One slot. shows: the address there, "" = none. faults: what Amazon objects to in it, for people."""

    name: str
    shows: str
    faults: str
    note: SlotNote | None

    @property
    def ours(self) -> str:
        """The URL of the picture of ours that is in it, or was accepted for it; "" = none."""
        if self.note is None:
            return ""
        if self._is_unseen and self.note.state != "accepted":
            return "" if self.note.before == "-" else self.note.before
        return self.note.url if self.shows or self._is_unseen else ""

    @property
    def waits(self) -> bool:
        """Whether Amazon has not taken our picture over yet."""
        return bool(self.ours) and (self.shows == self.ours or (self._is_unseen and self.ours == self._url))

    @property
    def holds(self) -> str:
        """The address that is in it; of a picture that waits, its URL."""
        return self.ours if self.waits else self.shows

    @property
    def _url(self) -> str:
        return self.note.url if self.note else ""

    @property
    def _is_unseen(self) -> bool:
        """Whether the slot still shows what it did before it was written."""
        return self.note is not None and self.shows != self._url and digest(self.shows) == self.note.was

    def is_of(self, url: str) -> bool:
        """Whether our picture of this URL is in the slot, be it taken over or not."""
        return url in (self.ours, self.shows)

    def told(self) -> RemotePicture:
        """What is to be said of the picture in it. An objection from before counts only once ours was taken over."""
        url = self.ours or self.shows
        name = url.rpartition("/")[2] if self.ours else ""
        if self.faults and not (self.waits and self.note and digest(self.faults) == self.note.faults):
            return RemotePicture(url, name, "failed", self.faults)
        return RemotePicture(url, name, "processing" if self.waits else "ready", takes_hours=self.waits)


def slots_of(item: Mapping[str, Any], market: str, sku: str, notes: Mapping[str, str]) -> list[Slot]:  # Any: JSON
    """The nine slots of a listing, in order."""
    attributes = item.get("attributes") or {}
    found = []
    for name in SLOTS:
        shown = [each for each in attributes.get(name) or () if each.get("marketplace_id", market) == market]
        shows = str(shown[0].get("media_location", "")) if shown else ""
        note = SlotNote.read(notes.get(note_key(sku, name), ""))
        found.append(Slot(name, shows, _faults(item, name), note))
    return found


def with_picture(slots: Sequence[Slot], url: str, place: int) -> list[str]:
    """What the slots hold with this picture at its place; what stands there moves back by one. Raises NoSlotFree.

    No other picture becomes the main one, unless ours stood there.
    """
    ours = next((at for at, slot in enumerate(slots) if slot.is_of(url)), _NEW)
    held = [slot.holds for slot in slots]
    if place == 1 and not held[0] and ours == _NEW:
        return [url, *held[1:]]
    first = 0 if held[0] else 1
    filled = [at for at in range(first, len(slots)) if held[at]]
    order = inserted(filled, ours, max(1, place - first))
    if ours == _NEW:
        free = next((at for at in range(first, len(slots)) if not held[at]), None)
        if free is None:
            raise NoSlotFree
        filled = sorted([*filled, free])
    for at, source in zip(filled, order, strict=True):
        held[at] = url if source == _NEW else slots[source].holds
    return held


def with_exchanged(slots: Sequence[Slot], earlier: str, url: str, place: int) -> list[str]:
    """What the slots hold with this picture where the earlier one of ours is; at its place if that is gone."""
    held = [slot.holds for slot in slots]
    for at, slot in enumerate(slots):
        if slot.is_of(earlier):
            held[at] = url
            return held
    return with_picture(slots, url, place)


def patches(slots: Sequence[Slot], held: Sequence[str], market: str) -> list[dict[str, Any]]:  # Any: JSON
    """What Amazon is asked to change."""
    return [
        {
            "op": "replace",
            "path": f"/attributes/{slot.name}",
            "value": [{"marketplace_id": market, "media_location": url}],
        }
        for slot, url in zip(slots, held, strict=True)
        if url and url != slot.shows
    ]


def note_changes(
    slots: Sequence[Slot], held: Sequence[str], url: str, sku: str, notes: MutableMapping[str, str]
) -> list[str]:
    """Note what will be written, before it is; the keys of these notes. A picture of ours that moves stays ours."""
    ours = {slot.holds: slot.ours for slot in slots if slot.ours} | {url: url}
    noted = []
    for slot, wanted in zip(slots, held, strict=True):
        key = note_key(sku, slot.name)
        if not wanted or wanted == slot.shows:
            continue
        if wanted in ours:
            note = SlotNote(ours[wanted], digest(slot.shows), digest(slot.faults), slot.ours or "-")
            notes[key] = str(note)
            noted.append(key)
        else:
            notes.pop(key, None)
    return noted


def note_accepted(noted: Sequence[str], notes: MutableMapping[str, str]) -> None:
    """Note that Amazon heard it."""
    for key in noted:
        if note := SlotNote.read(notes[key]):
            notes[key] = str(replace(note, state="accepted"))


def note_key(sku: str, slot: str) -> str:
    """Under which a slot is noted."""
    return f"{slot} {sku}"


def digest(text: str) -> str:
    """Twelve digits that stand for a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def _faults(item: Mapping[str, Any], slot: str) -> str:  # Any: JSON
    said = [
        str(issue.get("message", ""))
        for issue in item.get("issues") or ()
        if issue.get("severity") == "ERROR" and slot in (issue.get("attributeNames") or ())
    ]
    return " ".join(said)
