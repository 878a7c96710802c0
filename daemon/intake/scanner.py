"""One look at all of `inbox/`: which photos are whole, which files never will be, what is left alone."""

import math
import os
import stat
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Set
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from daemon.disk import open_below
from daemon.disk.file_id import FileId
from daemon.disk.mounts import Mount
from daemon.disk.names import clean_name
from daemon.intake.appended_tiffs import PAGED, PagedFiles
from daemon.intake.changed_folders import Directories
from daemon.intake.completeness import Next, Pauses, Rules, Step, Watched, Writer, next_step, reason_for_rejecting
from daemon.intake.proving import Finding, Prover
from daemon.intake.scan_values import Arrival, FoundBy, Hints, Reject, Scan
from daemon.intake.walk_inbox import Sighting, walk, walk_below
from daemon.settings import IntakeSettings

_IDLE_SHARE = 20  # a walk that took a second is not repeated by timer within the next 20
_IDLE_PROCESSOR_SHARE = 400  # nor one that took a second of a processor within 400: a quarter of a percent
BUSY_SHARE = 4  # nor within the next 4, whatever there is to see: a big inbox must not eat a whole core
_PROVING_SECONDS = 1.0  # of proofs per scan, so that what is proven gets into work meanwhile
_SOONEST_SECONDS = 0.05
_WRITER_SECONDS = 0.5  # between two questions whether a file is still open; its close is an event where there are any
_URGENT_PATIENCE_SECONDS = 5.0


@dataclass(slots=True)
class _Names:
    """What one look comes across. ignored: why each name is left alone. files: the others."""

    now: float
    ignored: dict[str, str] = field(default_factory=dict)
    files: list[str] = field(default_factory=list)

    def fresh(self, known: Set[str]) -> dict[str, int]:
        """How many names are newly ignored, by reason."""
        return dict(Counter(reason for path, reason in self.ignored.items() if path not in known))


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
        self._directories = Directories(inbox, clock)
        self._active: Set[str] = frozenset()  # files that something is due of before all of the inbox is read again
        self._all_due_at = -math.inf
        self._has_news = False
        self._paged = PagedFiles()
        self._ignored: frozenset[str] = frozenset()
        self._scans = 0
        self.walk_seconds = 0.0
        """How long the last look at all names took."""
        self.adopt(settings)

    def adopt(self, settings: IntakeSettings) -> None:
        """Go by these settings from the next scan on, also for the files that were seen before."""
        self.settings = settings
        self._all_due_at = -math.inf
        self._prover.max_megapixels = settings.max_megapixels
        local = Rules(settings.quiet_seconds, settings.patience_seconds)
        remote = Rules(settings.remote_quiet_seconds, settings.remote_patience_seconds)
        self._rules_for = {
            (far, paged): replace(rules, whole_seconds=settings.tiff_quiet_seconds if paged else 0.0)
            for far, rules in ((False, local), (True, remote))
            for paged in (False, True)
        }
        for seen in self._seen.values():
            seen.rules = self._rules_for[seen.remote, seen.writer.suffix in PAGED]

    def scan(self, mounts: Mapping[str, Mount], hints: Hints, busy: Collection[Path], urgent: bool = False) -> Scan:
        """Look at everything, or, as long as reading all of a big inbox is not due again, at what changed.

        busy: files that are being taken already. urgent: what is there is meant to be whole.

        Raises OSError where the inbox cannot be read; what is remembered stays.
        """
        began, processor_began = self._clock(), self._processor_clock()
        busy_paths = {str(path) for path in busy}
        is_glance = not urgent and began < self._all_due_at
        self._has_news = False
        look = self._glance if is_glance else self._look
        candidates, fresh = look(mounts, hints, busy_paths)
        walk_seconds = self.walk_seconds = self._clock() - began
        waits, due = self._decide(candidates, urgent)
        idle = max(_IDLE_SHARE * walk_seconds, _IDLE_PROCESSOR_SHARE * (self._processor_clock() - processor_began))
        interval = self._pace(is_glance, began, idle)
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
                waits.append((path, step.seconds))
        soon = self._all_due_at - self._clock()
        self._active = {path for path, seconds in waits if seconds < soon} | {path for path, _ in due}
        self._scans += 1
        sooner = min((interval, *(seconds for _, seconds in waits)))
        # What is left to be proven is proven at once: the walk costs little beside that.
        pause = max(sooner, _SOONEST_SECONDS, BUSY_SHARE * walk_seconds if sooner > 0 else 0.0)
        incomplete = len(self._seen) - len(ready) - len(rejected)
        return Scan(tuple(ready), tuple(rejected), incomplete, fresh, pause)

    def _look(
        self, mounts: Mapping[str, Mount], hints: Hints, busy: Set[str]
    ) -> tuple[Mapping[str, _Seen], dict[str, int]]:
        """Take in all names; returns all files, and how many names are newly ignored, by reason."""
        self._directories.start_over()
        names = _Names(self._clock())
        for sighting in walk(self._inbox, self._suffixes, mounts, self._directories.entered):
            self._sight(sighting, names, hints, busy)
        fresh = names.fresh(self._ignored)
        self._ignored = frozenset(names.ignored)
        for path in [path for path, seen in self._seen.items() if seen.scan != self._scans]:
            self._forget(path)
        return self._seen, fresh

    def _glance(
        self, mounts: Mapping[str, Mount], hints: Hints, busy: Set[str]
    ) -> tuple[Mapping[str, _Seen], dict[str, int]]:
        """The same for folders that changed since they were listed, and for files that something is due of soon."""
        changed, unsettled, gone = self._directories.changes()
        self._has_news = bool(unsettled)  # which is so only once
        names, listed = _Names(self._clock()), set(gone)

        def entered(path: str, stat: os.stat_result) -> None:
            self._has_news = self._has_news or path not in self._directories
            listed.add(path)
            self._directories.entered(path, stat)

        for folder in changed + unsettled:
            with _skipping_what_is_gone():
                for sighting in walk_below(folder, self._directories, self._inbox, self._suffixes, mounts, entered):
                    self._sight(sighting, names, hints, busy)
        fresh = names.fresh(self._ignored)
        self._ignored |= names.ignored.keys()
        files = {path: self._seen[path] for path in names.files}
        if listed:
            for path in [
                path for path, seen in self._seen.items() if seen.writer.folder in listed and path not in files
            ]:
                self._forget(path)
        for path in (self._active | hints.touched) - files.keys():
            seen = self._seen.get(path)
            if seen is not None and self._look_again(path, seen, hints, busy):
                files[path] = self._seen[path]
        return files, fresh

    def _look_again(self, path: str, seen: _Seen, hints: Hints, busy: Set[str]) -> bool:
        """Take in one file that is known; whether it is still there."""
        way = path.split("/")
        with _skipping_what_is_gone(), open_below.opened(self._inbox, way[:-1]) as folder:
            found = os.stat(way[-1], dir_fd=folder, follow_symlinks=False)
            if stat.S_ISREG(found.st_mode) and f"{self._inbox}/{path}" not in busy:
                self._take_in(path, found, seen.remote, hints, self._clock())
                return True
        self._forget(path)
        return False

    def _sight(self, sighting: Sighting, names: _Names, hints: Hints, busy: Set[str]) -> None:
        if sighting.stat is None:
            names.ignored[sighting.path] = sighting.ignored
        elif not busy or f"{self._inbox}/{sighting.path}" not in busy:
            self._take_in(sighting.path, sighting.stat, sighting.remote, hints, names.now)
            names.files.append(sighting.path)

    def _forget(self, path: str) -> None:
        self._has_news = True
        gone = self._seen.pop(path)
        if gone.watched.proof and gone.watched.proof.finding is Finding.WHOLE:
            self._pauses.note(gone.writer, gone.watched.longest_pause)
            self._paged.taken(path, gone.writer.suffix, gone.watched.changed_at)

    def _pace(self, is_glance: bool, began: float, idle: float) -> float:
        """After how many seconds to look by timer again. idle: after how many such a look that finds nothing may."""
        if is_glance:
            return self.settings.scan_seconds if self._has_news else max(self.settings.scan_seconds, idle)
        self._all_due_at = began + idle if idle > self.settings.scan_seconds else -math.inf
        return self.settings.scan_seconds

    def _take_in(self, path: str, stat: os.stat_result, remote: bool, hints: Hints, now: float) -> None:
        mark = FileId.of(stat)
        seen = self._seen.get(path)
        if seen is None or _another_file(seen.watched, mark):
            found_by: FoundBy = "scan" if self._scans else "startup"
            suffix = path[path.rfind(".") :].lower()
            rules = self._rules_for[remote, suffix in PAGED]
            self._paged.seen(path, now, rules.patience_seconds)
            writer = Writer(path.rpartition("/")[0], stat.st_uid, suffix)
            seen = self._seen[path] = _Seen(Watched(mark, now), rules, remote, writer, found_by, self._scans)
        self._has_news = self._has_news or seen.watched.mark != mark or seen.watched.first_seen == now
        seen.watched.see(mark, now, path in hints.closed)
        seen.scan = self._scans
        if path in hints.touched:
            seen.found_by = "event"

    def _decide(
        self, candidates: Mapping[str, _Seen], urgent: bool
    ) -> tuple[list[tuple[str, float]], list[tuple[str, _Seen]]]:
        """The files that only wait, with the seconds until more is known, and those that something is to be done with.

        The longest known come first, the oldest among them first.
        """
        waits, due, now = [], [], self._clock()
        for path, seen in candidates.items():
            step = next_step(seen.watched, self._rules(seen, urgent), self._pauses.longest(seen.writer), now)
            if step.next is Next.WAIT:
                waits.append((path, step.seconds))
            else:
                due.append((path, seen))
        due.sort(key=lambda item: (item[1].watched.first_seen, item[1].watched.mark.mtime_ns, item[0]))
        return waits, due

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


@contextmanager
def _skipping_what_is_gone() -> Iterator[None]:
    """What vanished, was swapped or may not be read since it was listed is no trouble; a disk that fails is."""
    try:
        yield
    except PermissionError:
        pass
    except OSError as error:
        if error.errno not in open_below.GONE:
            raise


def _another_file(watched: Watched, mark: FileId) -> bool:
    """Whether the one that was whole was taken, and this is the next one of its name."""
    return watched.proof is not None and watched.proof.finding is Finding.WHOLE and watched.mark.inode != mark.inode
