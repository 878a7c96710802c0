"""Decides when a missing engine, share or disk counts as an outage, and when that outage is over."""

from collections.abc import Mapping
from dataclasses import dataclass

from daemon.notify.notices import OutagePart


@dataclass(frozen=True, slots=True)
class OutageChange:
    """An outage that began or ended. reason: why work stands still; "" = it is over, after `seconds`."""

    part: OutagePart
    reason: str
    seconds: float


@dataclass(slots=True)
class _Outage:
    since: float
    reason: str
    announced: bool = False


class Outages:
    """Remembers what is missing. A short outage is never announced, and so neither is its end."""

    def __init__(self) -> None:
        self._outages: dict[OutagePart, _Outage] = {}

    def look(self, missing: Mapping[OutagePart, str], now: float, patience_seconds: float) -> tuple[OutageChange, ...]:
        """Returns what to announce now.

        missing: the parts without which work stands still, and why they are missing. now: monotonic seconds.
        patience_seconds: an outage is announced once it has lasted for so long.
        """
        changes = []
        for part in [part for part in self._outages if part not in missing]:
            over = self._outages.pop(part)
            if over.announced:
                changes.append(OutageChange(part, "", now - over.since))
        for part, reason in missing.items():
            outage = self._outages.setdefault(part, _Outage(now, reason))
            outage.reason = reason
            if not outage.announced and now - outage.since >= patience_seconds:
                outage.announced = True
                changes.append(OutageChange(part, reason, now - outage.since))
        return tuple(changes)
