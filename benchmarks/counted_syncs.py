"""Counts what makes a program wait for its disks: fsyncs of files and folders, and commits of SQLite.

    python benchmarks/counted_syncs.py [--engine local|double] [--photos 2] [--web]

A daemon in this process, with its worker in this process as well, takes photos from the inbox to their results. Each
wait of the last photo is printed with the function that asks for it and with the file, or the first change of the
transaction. A commit is one fsync of SQLite's own (WAL, synchronous=FULL), which is not counted among the fsyncs. The
last line is one JSON object: {"fsyncs_per_photo", "commits_per_photo"}.

Other benchmarks use `counting`.
"""

import argparse
import json
import os
import sqlite3
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType
from typing import Any, Literal
from unittest import mock

CHECKOUT = Path(__file__).resolve().parent.parent
if str(CHECKOUT) not in sys.path:
    sys.path.insert(0, str(CHECKOUT))

_CHANGES = ("INSERT", "UPDATE", "DELETE", "REPLACE")
_OURS = f"{CHECKOUT}{os.sep}daemon{os.sep}"
_LOWEST = ("disk/", "journal/database.py", "journal/moves.py")  # who asks these for something has the reason
_DEFAULT_FLAGS = {"http": {"bind": ""}}


@dataclass(frozen=True)
class Sync:
    """One wait. what: the file, or the first change of the transaction. by: the function that asked for it."""

    kind: Literal["fsync", "commit"]
    what: str
    by: str


@dataclass
class Syncs:
    """All waits so far, of all threads. `mark` and `since` tell what came in between."""

    all: list[Sync] = field(default_factory=list)

    @property
    def fsyncs(self) -> int:
        """How many fsyncs of files and folders there were, without those of SQLite."""
        return sum(each.kind == "fsync" for each in self.all)

    @property
    def commits(self) -> int:
        """How many transactions of SQLite changed something."""
        return sum(each.kind == "commit" for each in self.all)

    def mark(self) -> int:
        """How many waits there were so far."""
        return len(self.all)

    def since(self, mark: int) -> "Syncs":
        """What came after a mark."""
        return Syncs(self.all[mark:])


@contextmanager
def counting() -> Iterator[Syncs]:
    """Count all waits of this process during the block. Connections to SQLite that are open already are not seen."""
    syncs, lock = Syncs(), threading.Lock()
    connect = sqlite3.connect

    def note(kind: Literal["fsync", "commit"], what: str) -> None:
        with lock:
            syncs.all.append(Sync(kind, what, _asking()))

    def counted(sync: Callable[[Any], None]) -> Callable[[Any], None]:
        def call(descriptor: Any) -> None:
            number = descriptor if isinstance(descriptor, int) else descriptor.fileno()
            note("fsync", str(Path(f"/proc/self/fd/{number}").readlink()))
            sync(descriptor)

        return call

    class Counted(sqlite3.Connection):
        """Notes each commit that has something to write."""

        _first = ""

        def execute(self, sql: str, *values: Any) -> sqlite3.Cursor:
            if sql.lstrip().upper().startswith(_CHANGES) and not self._first:
                self._first = " ".join(sql.split())
                if not self.in_transaction:
                    self._commit()
            elif sql == "COMMIT" and self._first:
                self._commit()
            elif sql in ("ROLLBACK", "BEGIN IMMEDIATE"):
                self._first = ""
            return super().execute(sql, *values)

        def _commit(self) -> None:
            note("commit", self._first)
            self._first = ""

    def counted_connect(*values: Any, **named: Any) -> sqlite3.Connection:
        opened: sqlite3.Connection = connect(*values, **{"factory": Counted, **named})
        return opened

    with (
        mock.patch("os.fsync", counted(os.fsync)),
        mock.patch("os.fdatasync", counted(os.fdatasync)),
        mock.patch("sqlite3.connect", counted_connect),
    ):
        yield syncs


def _asking() -> str:
    """The function of the daemon that asked for the wait: the innermost one above the lowest rooms."""
    frame: FrameType | None = sys._getframe(2)
    nearest = ""
    while frame is not None:
        path = frame.f_code.co_filename
        if path.startswith(_OURS):
            name = f"{path.removeprefix(_OURS)}:{frame.f_code.co_qualname}"
            nearest = nearest or name
            if not name.startswith(_LOWEST):
                return name
        frame = frame.f_back
    return nearest


def of_photos(folder: Path, photos: int, engine: str, flags: dict[str, Any]) -> list[Syncs]:
    """The waits of each photo, from its drop to its end. flags: settings besides those of the folders."""
    from daemon.jobs import Grade
    from daemon.service.lifecycle import Daemon
    from daemon.settings import load
    from daemon.work.open_file import WorkInThisProcess
    from tests.doubles import ScriptedEngine
    from tests.drawing import drawn_photo, save_photo

    ours: dict[str, Any] = {
        "root": str(folder / "hot"),
        "state_dir": str(folder / "state"),
        "intake": {"quiet_seconds": 0},
        "strategy": {"max_attempts": 1},
    }
    settings = load(flags={**ours, **flags})
    found = []
    with counting() as syncs, mock.patch("daemon.service.tools.Processes", return_value=WorkInThisProcess()):
        daemon = Daemon(settings, engine=ScriptedEngine() if engine == "double" else None)
        parts = daemon.parts
        try:
            daemon.recover()
            parts.engine.start()
            for number in range(photos):
                save_photo(parts.folders.inbox / f"{number}.jpg", drawn_photo(1224, 816, number))
                mark = syncs.mark()
                while (scan := parts.inbox_loop.turn(urgent=True)) and scan.incomplete:
                    parts.watcher.wait(scan.next_look_seconds, threading.Event())
                while job := parts.journal.take(parts.runtime.clock()):
                    parts.task_runner.run(job)
                found.append(syncs.since(mark))
        finally:
            daemon.close()
    made = sum(len(list(daemon.parts.folders.grade(grade).glob("*.json"))) for grade in Grade)
    if made != photos:
        raise SystemExit(f"{made} photos of {photos} have a result")
    return found


def print_list(waits: Sequence[Sync], folder: Path) -> None:
    """Print every wait in its order."""
    for each in waits:
        what = each.what.replace(str(folder), "").replace(str(Path(folder).resolve()), "")
        print(f"{each.kind:<7} {each.by:<58} {what[:90]}")


def main() -> None:
    """Print the list and the JSON line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--engine", choices=("local", "double"), default="double")
    parser.add_argument("--photos", type=int, default=2, help="the figures are those of the last one")
    parser.add_argument("--web", action="store_true", help="also make what the pages show")
    arguments = parser.parse_args()
    flags = {} if arguments.web else _DEFAULT_FLAGS
    with tempfile.TemporaryDirectory(prefix="counted-syncs-") as folder:
        last = of_photos(Path(folder), arguments.photos, arguments.engine, flags)[-1]
        print_list(last.all, Path(folder))
    print(json.dumps({"fsyncs_per_photo": last.fsyncs, "commits_per_photo": last.commits}))


if __name__ == "__main__":
    main()
