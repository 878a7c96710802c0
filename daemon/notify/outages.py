"""Decides when what keeps all photos waiting counts as an outage, and when that outage is over."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from daemon.notify.outage_notices import PARTS, OutagePart
from daemon.observe.obstacles import Obstacle


@dataclass(frozen=True, slots=True)
class OutageChange:
    """An outage that began, has another cause now, or ended. obstacle: the cause; None = it is over after `seconds`."""

    part: OutagePart
    obstacle: Obstacle | None
    seconds: float


@dataclass(slots=True)
class _Outage:
    since: float
    name: str
    name_since: float
    announced: str = ""


def missing_parts(found: Sequence[Obstacle]) -> dict[OutagePart, Obstacle]:
    """The parts without which work stands still, and the worst that is wrong with each. found: the worst first."""
    missing: dict[OutagePart, Obstacle] = {}
    for each in found:
        if part := PARTS.get(each.name):
            missing.setdefault(part, each)
    return missing


class Outages:
    """Remembers what is missing. A short outage is never announced, and so neither is its end."""

    def __init__(self) -> None:
        self._outages: dict[OutagePart, _Outage] = {}

    def look(
        self, missing: Mapping[OutagePart, Obstacle], now: float, patience_seconds: float
    ) -> tuple[OutageChange, ...]:
        """Returns what to announce now.

        missing: the parts without which work stands still, and why they are missing. now: monotonic seconds.
        patience_seconds: an outage is announced once it has lasted for so long; another cause of one that is announced
        already, once that cause has.
        """
        changes = []
        for part in [part for part in self._outages if part not in missing]:
            over = self._outages.pop(part)
            if over.announced:
                changes.append(OutageChange(part, None, now - over.since))
        for part, obstacle in missing.items():
            outage = self._outages.setdefault(part, _Outage(now, obstacle.name, now))
            if outage.name != obstacle.name:
                outage.name, outage.name_since = obstacle.name, now
            since = outage.name_since if outage.announced else outage.since
            if outage.announced != outage.name and now - since >= patience_seconds:
                outage.announced = outage.name
                changes.append(OutageChange(part, obstacle, now - outage.since))
        return tuple(changes)
