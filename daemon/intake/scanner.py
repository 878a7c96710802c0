"""One look at `inbox/`: which photos are whole, which files never will be, and when another look is worth it."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import replace
from pathlib import Path

from daemon.disk.mounts import Mount
from daemon.disk.names import clean_name
from daemon.errors import NOTHING_SAID, FreistellerError, WorkerLost, said_of
from daemon.intake.background_decoding import AHEAD
from daemon.intake.completeness import FileAction, FileDecision, Rules, decide, reason_for_rejecting
from daemon.intake.file_faults import FileFaults
from daemon.intake.inbox_reader import InboxReader
from daemon.intake.known_files import KnownFile, KnownFiles
from daemon.intake.proving import Finding, Prover
from daemon.intake.scan_values import Arrival, Hints, Reject, Scan
from daemon.settings import IntakeSettings

_IDLE_SHARE = 20  # after a reading that took a second, the timer waits 20 before the next one
_IDLE_PROCESSOR_SHARE = 400  # and 400 after one that took a second of a processor: a quarter of a percent
BUSY_SHARE = 4  # and at least 4, whatever there is to see: a big inbox must not use a whole core
_PROVING_SECONDS = 1.0  # of proofs per scan, so that the files that are proven get into work meanwhile
_SOONEST_SECONDS = 0.05
_WRITER_SECONDS = 0.5  # between two checks whether a file is still open; where there are events, its close is one
_AFTER_FAULT_SECONDS = 0.5
_URGENT_PATIENCE_SECONDS = 5.0

_Waits = list[tuple[str, float]]
"""Paths of files that wait, each with the seconds until another look can tell more."""


class Scanner:
    """Remembers what it saw: it proves a file once per change, and a scan costs little more than the stat calls."""

    def __init__(
        self,
        inbox: Path,
        settings: IntakeSettings,
        prover: Prover,
        clock: Callable[[], float],
        processor_clock: Callable[[], float],
    ) -> None:
        """clock: monotonic seconds. processor_clock: processor seconds that this thread used."""
        self._inbox = inbox
        self._prover = prover
        self._clock = clock
        self._processor_clock = processor_clock
        self._files = KnownFiles(settings)
        self._faults = FileFaults()
        self._reader = InboxReader(inbox, self._files, clock)
        self._active: Set[str] = frozenset()  # files of which more is due before all of the inbox is read again
        self.walk_seconds = 0.0
        """How long the last reading took."""
        self.use_settings(settings)

    def use_settings(self, settings: IntakeSettings) -> None:
        """Use these settings from the next scan on, also for files that were seen before."""
        self.settings = settings
        self._read_all_at = -math.inf
        self._prover.max_megapixels = settings.max_megapixels
        self._files.use_settings(settings)

    def scan(self, mounts: Mapping[str, Mount], hints: Hints, urgent: bool = False) -> Scan:
        """Look at everything; in a big inbox, only at what changed, until all of it is due to be read again.

        urgent: the files are expected to be whole, so patience is short.

        Raises OSError if the inbox cannot be read; nothing that was remembered is lost then.
        """
        began, processor_began = self._clock(), self._processor_clock()
        reads_all = urgent or began >= self._read_all_at
        if reads_all:
            reading = self._reader.read_all(mounts, hints)
        else:
            reading = self._reader.read_changes(mounts, hints, self._active)
        walk_seconds = self.walk_seconds = self._clock() - began
        waits, due = self._decide(reading.files, urgent)
        idle = max(_IDLE_SHARE * walk_seconds, _IDLE_PROCESSOR_SHARE * (self._processor_clock() - processor_began))
        if reads_all:
            self._read_all_at = began + idle if idle > self.settings.scan_seconds else -math.inf
        may_idle = not reads_all and not reading.has_news
        interval = max(self.settings.scan_seconds, idle) if may_idle else self.settings.scan_seconds
        ready, rejected = self._advance_all(due, urgent, waits)
        until_all = self._read_all_at - self._clock()
        self._active = {path for path, seconds in waits if seconds < until_all} | {file.path for file in due}
        self._files.end_scan()
        sooner = min((interval, *(seconds for _, seconds in waits)))
        # Files that are left to be proven are proven at once: the reading costs little beside that.
        pause = max(sooner, _SOONEST_SECONDS, BUSY_SHARE * walk_seconds if sooner > 0 else 0.0)
        incomplete = len(self._files.by_path) - len(ready) - len(rejected)
        return Scan(
            ready=tuple(ready),
            rejected=tuple(rejected),
            incomplete=incomplete,
            ignored=reading.newly_ignored,
            left_alone=reading.left_alone,
            companions=reading.companions,
            noted=reading.noted,
            next_look_seconds=pause,
        )

    def _decide(self, files: Iterable[KnownFile], urgent: bool) -> tuple[_Waits, list[KnownFile]]:
        """The files that only wait, and those with something to do: the longest known first, then the oldest."""
        waits: _Waits = []
        due, now = [], self._clock()
        for file in files:
            decision = decide(file.observed, _rules(file, urgent), self._files.writer_gap(file), now)
            if decision.action is FileAction.WAIT:
                waits.append((file.path, decision.seconds))
            else:
                due.append(file)
        due.sort(key=lambda file: (file.observed.first_seen, file.observed.file_id.mtime_ns, file.path))
        return waits, due

    def _advance_all(self, due: Sequence[KnownFile], urgent: bool, waits: _Waits) -> tuple[list[Arrival], list[Reject]]:
        """Bring files as far as they can get now. Returns the whole ones and the rejected ones; others join `waits`."""
        prove_until = self._clock() + max(_PROVING_SECONDS, BUSY_SHARE * self.walk_seconds)
        ready, rejected = [], []
        for place, file in enumerate(due):
            if place % AHEAD == 0:
                self._begin_proofs(due[place : place + AHEAD], urgent, prove_until)
            try:
                decision = self._advance(file, urgent, prove_until)
                reason = reason_for_rejecting(file.observed, self._clock())
            except WorkerLost as error:
                decision, reason = FileDecision(FileAction.WAIT, _AFTER_FAULT_SECONDS), said_of(error)
                if self._faults.is_worn_out(file.path):
                    decision = FileDecision(FileAction.REJECT)
            except (FreistellerError, OSError):
                raise
            except Exception as error:  # noqa: BLE001 - whatever it is, it concerns this file only
                fault = self._faults.count(file.path, error)
                decision = FileDecision(FileAction.REJECT if fault else FileAction.WAIT, _AFTER_FAULT_SECONDS)
                reason = fault or NOTHING_SAID
            else:
                if file.observed.proof and file.observed.proof.finding is not Finding.UNDECIDED:
                    self._faults.forget(file.path)
            if decision.action is FileAction.TAKE:
                ready.append(self._arrival(file))
            elif decision.action is FileAction.REJECT and not file.is_called_a_photo:
                self._reader.leave(file, reason)  # nobody expects it to be one
            elif decision.action is FileAction.REJECT:
                rejected.append(Reject(self._inbox / file.path, clean_name(file.path), reason))
            else:
                waits.append((file.path, decision.seconds))
        return ready, rejected

    def _begin_proofs(self, files: Sequence[KnownFile], urgent: bool, prove_until: float) -> None:
        """Let files be decoded beside each other, so that each waits only for the longest."""
        if len(files) < 2 or self._clock() > prove_until:
            return
        for file in files:
            decision = decide(file.observed, _rules(file, urgent), self._files.writer_gap(file), self._clock())
            if decision.action is FileAction.PROVE:
                self._prover.begin(file.path.split("/"), file.observed.file_id, file.remote)

    def _advance(self, file: KnownFile, urgent: bool, prove_until: float) -> FileDecision:
        """Bring one file as far as it can get now; WAIT says when another look can tell more."""
        rules, writer_gap = _rules(file, urgent), self._files.writer_gap(file)
        decision = decide(file.observed, rules, writer_gap, self._clock())
        if decision.action is not FileAction.PROVE:
            return decision
        if self._clock() > prove_until and not self._prover.has_ended(file.observed.file_id):
            return FileDecision(FileAction.WAIT, 0.0)
        file.observed.proof = self._prover.prove(file.path.split("/"), file.observed.file_id, file.remote)
        decision = decide(file.observed, rules, writer_gap, self._clock())
        if decision.action is FileAction.PROVE:  # it changed while it was proven, or a program has it open
            return FileDecision(FileAction.WAIT, max(rules.quiet_seconds, _WRITER_SECONDS))
        return decision

    def _arrival(self, file: KnownFile) -> Arrival:
        file_id = file.observed.file_id
        waited = self._clock() - file.observed.first_seen
        return Arrival(
            source=self._inbox / file.path,
            name=clean_name(file.path),
            size_bytes=file_id.size_bytes,
            mtime_ns=file_id.mtime_ns,
            found_by=file.found_by,
            waited_seconds=waited,
        )


def _rules(file: KnownFile, urgent: bool) -> Rules:
    if not urgent:
        return file.rules
    patience = max(_URGENT_PATIENCE_SECONDS, 3 * file.rules.quiet_seconds)
    return replace(file.rules, patience_seconds=min(patience, file.rules.patience_seconds), whole_seconds=0.0)
