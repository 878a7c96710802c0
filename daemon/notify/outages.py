"""When a trouble has lasted long enough to be called a pause, and when that pause is over."""

from collections.abc import Mapping
from dataclasses import dataclass

from daemon.notify.notices import Part


@dataclass(frozen=True, slots=True)
class Change:
    """A pause that people should hear of. reason: why it began; "" = it is over, after `seconds`."""

    part: Part
    reason: str
    seconds: float


@dataclass(slots=True)
class _Trouble:
    since: float
    reason: str
    told: bool = False


class Pauses:
    """Remembers the troubles of each part. A short one is never told, and so neither is its end."""

    def __init__(self) -> None:
        self._troubles: dict[Part, _Trouble] = {}

    def look(self, troubles: Mapping[Part, str], now: float, patience_seconds: float) -> tuple[Change, ...]:
        """What there is to tell. troubles: why each part that stands still does so; now: monotonic seconds."""
        changes = []
        for part in [part for part in self._troubles if part not in troubles]:
            over = self._troubles.pop(part)
            if over.told:
                changes.append(Change(part, "", now - over.since))
        for part, reason in troubles.items():
            trouble = self._troubles.setdefault(part, _Trouble(now, reason))
            trouble.reason = reason
            if not trouble.told and now - trouble.since >= patience_seconds:
                trouble.told = True
                changes.append(Change(part, reason, now - trouble.since))
        return tuple(changes)
