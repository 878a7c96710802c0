"""One look at all of `inbox/`: which photos are whole, which files never will be, what is left alone."""

import logging
import math
import os
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Set
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from daemon.intake.completeness import Next, Pauses, Rules, Step, Watched, Writer, next_step, reason_for_rejecting
from daemon.intake.mounts import Mount
from daemon.intake.names import clean_name
from daemon.intake.proving import Finding, Mark, Prover
from daemon.intake.walking import walk
from daemon.settings import IntakeSettings

log = logging.getLogger("freisteller.intake")

FoundBy = Literal["event", "scan", "startup"]

_IDLE_SHARE = 20  # a walk that took a second is not repeated by timer within the next 20
_IDLE_PROCESSOR_SHARE = 400  # nor one that took a second of a processor within 400: a quarter of a percent
BUSY_SHARE = 4  # nor within the next 4, whatever there is to see: a big inbox must not eat a whole core
_PROVING_SECONDS = 1.0  # of proofs per scan, so that what is proven gets into work meanwhile
_SOONEST_SECONDS = 0.05
_WRITER_SECONDS = 0.5  # between two questions whether a file is still open; its close is an event where there are any
_URGENT_PATIENCE_SECONDS = 5.0
_PAGED = frozenset({".tif", ".tiff"})  # what scanners append pages to; the TIFFs of cameras have other suffixes
_MOST_TAKEN = 1000  # TIFFs remembered after they were taken, the latest


@dataclass(frozen=True, slots=True)
class Arrival:
    """A photo that is proven whole. name: below `inbox/`, clean NFC text. waited_seconds: since it was first seen."""

    source: Path
    name: str
    size_bytes: int
    mtime_ns: int
    found_by: FoundBy
    waited_seconds: float


@dataclass(frozen=True, slots=True)
class Reject:
    """A file that will not become a photo any more, and why, in words for people."""

    source: Path
    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class Scan:
    """What one look found.

    ready: oldest first. incomplete: files that are waited for. ignored: reason -> names that are newly left alone.
    next_look_seconds: when another scan can tell more, if no event comes before.
    """

    ready: tuple[Arrival, ...]
    rejected: tuple[Reject, ...]
    incomplete: int
    ignored: Mapping[str, int]
    next_look_seconds: float


@dataclass(frozen=True, slots=True)
class Hints:
    """Paths that events named since the last scan; closed: those that a writer closed or renamed into place."""

    touched: Set[str] = frozenset()
    closed: Set[str] = frozenset()


@dataclass(slots=True)
class _Seen:
    """A file of the inbox between two scans."""

    watched: Watched
    rules: Rules
    remote: bool
    writer: Writer
    found_by: FoundBy
    scan: int


class Scanner:
    """Remembers what it saw, so that a file is proven once per change and a scan costs little more than the stats."""

    def __init__(
        self,
        inbox: Path,
        suffixes: Set[str],
        settings: IntakeSettings,
        prover: Prover,
        clock: Callable[[], float],
        processor_clock: Callable[[], float],
    ) -> None:
        """clock: monotonic seconds. processor_clock: seconds of a processor that this thread took."""
        self._inbox = inbox
        self._suffixes = suffixes
        self._prover = prover
        self._clock = clock
        self._processor_clock = processor_clock
        self._pauses = Pauses()
        self._seen: dict[str, _Seen] = {}
        self._taken: dict[str, float] = {}
        self._ignored: frozenset[str] = frozenset()
        self._scans = 0
        self.walk_seconds = 0.0
        """How long the last look at all names took."""
        self.adopt(settings)

    def adopt(self, settings: IntakeSettings) -> None:
        """Go by these settings from the next scan on, also for the files that were seen before."""
        self.settings = settings
        self._prover.max_megapixels = settings.max_megapixels
        local = Rules(settings.quiet_seconds, settings.patience_seconds)
        remote = Rules(settings.remote_quiet_seconds, settings.remote_patience_seconds)
        self._rules_for = {
            (far, paged): replace(rules, whole_seconds=settings.tiff_quiet_seconds if paged else 0.0)
            for far, rules in ((False, local), (True, remote))
            for paged in (False, True)
        }
        for seen in self._seen.values():
            seen.rules = self._rules_for[seen.remote, seen.writer.suffix in _PAGED]

    def scan(self, mounts: Mapping[str, Mount], hints: Hints, busy: Collection[Path], urgent: bool = False) -> Scan:
        """Look at everything. busy: files that are being taken already. urgent: what is there is meant to be whole.

        Raises OSError where the inbox cannot be read; what is remembered stays.
        """
        began, processor_began = self._clock(), self._processor_clock()
        fresh = self._look(mounts, hints, {str(path) for path in busy})
        walk_seconds = self.walk_seconds = self._clock() - began
        waiting, due, sooner = self._decide(urgent)
        processor_seconds = self._processor_clock() - processor_began
        idle = max(_IDLE_SHARE * walk_seconds, _IDLE_PROCESSOR_SHARE * processor_seconds)
        sooner = min(sooner, max(self.settings.scan_seconds, idle))
        prove_until = self._clock() + max(_PROVING_SECONDS, BUSY_SHARE * walk_seconds)
        ready, rejected = [], []
        for path, seen in due:
            step = self._advance(path, seen, urgent, prove_until)
            if step.next is Next.TAKE:
                ready.append(self._arrival(path, seen))
            elif step.next is Next.REJECT:
                reason = reason_for_rejecting(seen.watched, self._clock())
                rejected.append(Reject(self._inbox / path, clean_name(path), reason))
            else:
                waiting += 1
                sooner = min(sooner, step.seconds)
        self._scans += 1
        # What is left to be proven is proven at once: the walk costs little beside that.
        pause = max(sooner, _SOONEST_SECONDS, BUSY_SHARE * walk_seconds if sooner > 0 else 0.0)
        return Scan(tuple(ready), tuple(rejected), waiting, fresh, pause)

    def _look(self, mounts: Mapping[str, Mount], hints: Hints, busy: Set[str]) -> dict[str, int]:
        """Take in all names; returns how many are newly ignored, by reason."""
        ignored: set[str] = set()
        fresh: Counter[str] = Counter()
        inbox, now = str(self._inbox), self._clock()
        for sighting in walk(self._inbox, self._suffixes, mounts):
            if sighting.stat is None:
                ignored.add(sighting.path)
                if sighting.path not in self._ignored:
                    fresh[sighting.ignored] += 1
            elif not busy or f"{inbox}/{sighting.path}" not in busy:
                self._take_in(sighting.path, sighting.stat, sighting.remote, hints, now)
        self._ignored = frozenset(ignored)
        for path in [path for path, seen in self._seen.items() if seen.scan != self._scans]:
            gone = self._seen.pop(path)
            if gone.watched.proof and gone.watched.proof.finding is Finding.WHOLE:
                self._pauses.note(gone.writer, gone.watched.longest_pause)
                if gone.writer.suffix in _PAGED:
                    self._remember_taken(path, gone.watched.changed_at)
        return dict(fresh)

    def _take_in(self, path: str, stat: os.stat_result, remote: bool, hints: Hints, now: float) -> None:
        mark = Mark.of(stat)
        seen = self._seen.get(path)
        if seen is None or _another_file(seen.watched, mark):
            found_by: FoundBy = "scan" if self._scans else "startup"
            suffix = path[path.rfind(".") :].lower()
            rules = self._rules_for[remote, suffix in _PAGED]
            if path in self._taken:
                self._tell_of_more(path, now - self._taken.pop(path), rules)
            writer = Writer(path.rpartition("/")[0], stat.st_uid, suffix)
            seen = self._seen[path] = _Seen(Watched(mark, now), rules, remote, writer, found_by, self._scans)
        seen.watched.see(mark, now, path in hints.closed)
        seen.scan = self._scans
        if path in hints.touched:
            seen.found_by = "event"

    def _remember_taken(self, path: str, changed_at: float) -> None:
        self._taken[path] = changed_at
        if len(self._taken) > _MOST_TAKEN:
            del self._taken[next(iter(self._taken))]

    def _tell_of_more(self, path: str, pause: float, rules: Rules) -> None:
        """Who appends by name begins a new file where the first was taken: no page is lost, but they are apart."""
        if pause < rules.patience_seconds:
            text = (
                "%s came again %.0f s after it was written last. If both are pages of one scan, a longer "
                "intake.tiff_quiet_seconds keeps them together."
            )
            log.warning(text, clean_name(path), pause, extra={"action": "tiff_came_again"})

    def _decide(self, urgent: bool) -> tuple[int, list[tuple[str, _Seen]], float]:
        """How many files only wait, those that something is to be done with, and the seconds until one more is due.

        The longest known come first, the oldest among them first.
        """
        waiting, due, sooner, now = 0, [], math.inf, self._clock()
        for path, seen in self._seen.items():
            step = next_step(seen.watched, self._rules(seen, urgent), self._pauses.longest(seen.writer), now)
            if step.next is Next.WAIT:
                waiting += 1
                sooner = min(sooner, step.seconds)
            else:
                due.append((path, seen))
        due.sort(key=lambda item: (item[1].watched.first_seen, item[1].watched.mark.mtime_ns, item[0]))
        return waiting, due, sooner

    def _advance(self, path: str, seen: _Seen, urgent: bool, prove_until: float) -> Step:
        """Bring one file as far as it can get now; WAIT says when there is more to know."""
        rules, pause = self._rules(seen, urgent), self._pauses.longest(seen.writer)
        step = next_step(seen.watched, rules, pause, self._clock())
        if step.next is not Next.PROVE:
            return step
        if self._clock() > prove_until:
            return Step(Next.WAIT, 0.0)
        seen.watched.proof = self._prover.prove(path.split("/"), seen.watched.mark, seen.remote)
        step = next_step(seen.watched, rules, pause, self._clock())
        # Still to be proven: it changed under our eyes, or somebody has it open.
        return Step(Next.WAIT, max(rules.quiet_seconds, _WRITER_SECONDS)) if step.next is Next.PROVE else step

    def _rules(self, seen: _Seen, urgent: bool) -> Rules:
        if not urgent:
            return seen.rules
        patience = max(_URGENT_PATIENCE_SECONDS, 3 * seen.rules.quiet_seconds)
        return replace(seen.rules, patience_seconds=min(patience, seen.rules.patience_seconds), whole_seconds=0.0)

    def _arrival(self, path: str, seen: _Seen) -> Arrival:
        mark = seen.watched.mark
        waited = self._clock() - seen.watched.first_seen
        return Arrival(self._inbox / path, clean_name(path), mark.size_bytes, mark.mtime_ns, seen.found_by, waited)


def _another_file(watched: Watched, mark: Mark) -> bool:
    """Whether the one that was whole was taken, and this is the next one of its name."""
    return watched.proof is not None and watched.proof.finding is Finding.WHOLE and watched.mark.inode != mark.inode
