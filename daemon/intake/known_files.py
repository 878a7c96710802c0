"""Remembers the files of the inbox from one scan to the next."""

import os
from collections.abc import Container, Set
from dataclasses import dataclass, replace

from daemon.disk.file_id import FileId
from daemon.intake.appended_tiffs import TIFF_SUFFIXES, AppendedTiffs
from daemon.intake.completeness import ObservedFile, Rules, Writer, WritingGaps
from daemon.intake.proving import Finding
from daemon.intake.scan_values import FoundBy, Hints
from daemon.intake.strangers import is_called_a_photo
from daemon.settings import IntakeSettings


@dataclass(slots=True)
class KnownFile:
    """A file of the inbox. path: below the inbox, as the disk spells it. remote: others may write it unseen."""

    path: str
    observed: ObservedFile
    rules: Rules
    remote: bool
    writer: Writer
    found_by: FoundBy
    scan: int
    """The number of the last scan that saw it."""

    @property
    def is_called_a_photo(self) -> bool:
        """Whether its name says that it is one; otherwise only its content does."""
        return is_called_a_photo(self.path)


class KnownFiles:
    """All files that the scans saw and that are still there. Only one thread uses it."""

    def __init__(self, settings: IntakeSettings) -> None:
        self.by_path: dict[str, KnownFile] = {}
        """Every known file, by its path."""
        self._gaps = WritingGaps()
        self._appended_tiffs = AppendedTiffs()
        self._scan = 0
        self.use_settings(settings)

    def use_settings(self, settings: IntakeSettings) -> None:
        """Use these settings from now on, also for the files that are known."""
        self._settings = settings
        self._rules_for: dict[tuple[bool, str], Rules] = {}
        for file in self.by_path.values():
            file.rules = self._rules(file.remote, file.path)

    def end_scan(self) -> None:
        """A scan is complete; what is seen from now on belongs to the next one."""
        self._scan += 1

    def take_in(self, path: str, stat: os.stat_result, remote: bool, hints: Hints, now: float) -> bool:
        """Remember what a look at a file showed. Returns whether the file is new or changed."""
        file_id = FileId.of(stat)
        file = self.by_path.get(path)
        if file is None or _is_next_file(file.observed, file_id):
            file = self.by_path[path] = self._new(path, file_id, stat.st_uid, remote, now)
        is_news = file.observed.file_id != file_id or file.observed.first_seen == now
        file.observed.see(file_id, now, path in hints.closed)
        file.scan = self._scan
        if path in hints.touched:
            file.found_by = "event"
        return is_news

    def forget(self, path: str) -> None:
        """A file left the inbox."""
        gone = self.by_path.pop(path)
        if gone.observed.proof and gone.observed.proof.finding is Finding.WHOLE:
            self._gaps.note(gone.writer, gone.observed.longest_gap)
            self._appended_tiffs.taken(path, gone.writer.suffix, gone.observed.changed_at)

    def forget_unseen(self) -> None:
        """Forget the files that this scan did not see."""
        for path in [path for path, file in self.by_path.items() if file.scan != self._scan]:
            self.forget(path)

    def forget_missing(self, folders: Set[str], seen: Container[str]) -> bool:
        """Forget the files of these folders that are not among the seen ones. Returns whether there were any."""
        missing = [path for path, file in self.by_path.items() if file.writer.folder in folders and path not in seen]
        for path in missing:
            self.forget(path)
        return bool(missing)

    def writer_gap(self, file: KnownFile) -> float:
        """The longest gap in recent files of this file's writer, in seconds."""
        return self._gaps.longest(file.writer)

    def _new(self, path: str, file_id: FileId, owner: int, remote: bool, now: float) -> KnownFile:
        suffix = path[path.rfind(".") :].lower()
        rules = self._rules(remote, path)
        self._appended_tiffs.seen(path, now, rules.patience_seconds)
        writer = Writer(path.rpartition("/")[0], owner, suffix)
        found_by: FoundBy = "scan" if self._scan else "startup"
        return KnownFile(path, ObservedFile(file_id, now), rules, remote, writer, found_by, self._scan)

    def _rules(self, remote: bool, path: str) -> Rules:
        suffix = path[path.rfind(".") :].lower()
        kind = "tiff" if suffix in TIFF_SUFFIXES else "photo" if is_called_a_photo(path) else "other"
        if (remote, kind) not in self._rules_for:
            self._rules_for[remote, kind] = _rules_of(self._settings, remote, kind)
        return self._rules_for[remote, kind]


def _rules_of(settings: IntakeSettings, remote: bool, kind: str) -> Rules:
    rules = Rules(settings.quiet_seconds, settings.patience_seconds)
    if remote:
        rules = Rules(settings.remote_quiet_seconds, settings.remote_patience_seconds)
    # A name that is no photo's may be the one that a copier uses until all is there.
    whole = {"tiff": settings.tiff_quiet_seconds, "other": rules.refuse_seconds}
    return replace(rules, whole_seconds=whole.get(kind, 0.0))


def _is_next_file(observed: ObservedFile, file_id: FileId) -> bool:
    """Whether the observed file was whole and was taken, so that this is the next one of its name."""
    proof = observed.proof
    return proof is not None and proof.finding is Finding.WHOLE and observed.file_id.inode != file_id.inode
