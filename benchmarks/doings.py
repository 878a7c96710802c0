"""What people do all the time in a hot folder that others work in: they move results, put files back, ask for retries.

Each doing is one rename or one copy, as on a share, or one `freisteller retry`. What people had in their hands is
remembered by its inode and content, so that at the end it can be told whether each of these files is there once.
"""

import hashlib
import os
import random
import sqlite3
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

from daemon.commands.retry import retry_jobs
from daemon.disk import no_replace, open_below
from daemon.errors import FreistellerError
from daemon.journal import Journal
from daemon.settings import load
from daemon.states import State

GRADES = ("sehr_gut", "gut", "ungenügend")


@dataclass
class Person:
    """Acts on what is there, one thing after the other."""

    root: Path
    state: Path
    dice: random.Random
    doings: Counter[str] = field(default_factory=Counter)
    held: dict[int, str] = field(default_factory=dict)
    """Inode of each result that was moved -> SHA-256 of the file."""
    copied: Counter[str] = field(default_factory=Counter)
    """SHA-256 of each file that was copied into the inbox -> how often."""

    def act(self, *, may_load: bool) -> None:
        """Do one thing; nothing is done if somebody else was faster. may_load: whether it may make work."""
        kinds: tuple[Callable[[], str | None], ...] = (
            self._move_a_result,
            self._put_back_a_result,
            self._put_back_a_copy,
            self._put_back_an_original,
            self._put_back_a_failed_one,
            self._drop_an_original_once_more,
            self._retry,
        )
        do = self.dice.choices(kinds, (40, 12, 6, 12, 8, 6, 10))[0] if may_load else self._move_a_result
        with suppress(FileNotFoundError, FileExistsError, NotADirectoryError):
            if what := do():
                self.doings[what] += 1

    def _move_a_result(self) -> str | None:
        picture = self._any_of(*GRADES, suffix=".png")
        if picture is None:
            return None
        grade, *rest = picture.relative_to(self.root).parts
        other = self.dice.choice([each for each in GRADES if each != grade])
        to = self.root.joinpath(other, *rest)
        to.parent.mkdir(parents=True, exist_ok=True)
        return "verdict" if self._move(picture, to, self.held) else None

    def _put_back_a_result(self) -> str | None:
        picture = self._any_of(*GRADES, suffix=".png")
        if picture is None or not self._move(picture, self._in_inbox(picture), self.held):
            return None
        return "result put back"

    def _put_back_a_copy(self) -> str | None:
        picture = self._any_of(*GRADES, suffix=".png")
        return "copy of a result put back" if picture and self._copy(picture) else None

    def _put_back_an_original(self) -> str | None:
        original = self._any_of("archiv")
        if original is None or "-earlier" in original.name:
            return None
        return "original put back" if self._move(original, self._in_inbox(original)) else None

    def _put_back_a_failed_one(self) -> str | None:
        original = self._any_of("failed")
        if original is None or original.suffix == ".txt":
            return None
        return "failed photo put back" if self._move(original, self._in_inbox(original)) else None

    def _drop_an_original_once_more(self) -> str | None:
        original = self._any_of("archiv")
        if original is None or "-earlier" in original.name:
            return None
        return "original copied" if self._copy(original) else None

    def _retry(self) -> str | None:
        settings = load(flags={"root": str(self.root), "state_dir": str(self.state)})
        path = self.state / "journal.sqlite3"
        if not path.exists():
            return None
        with suppress(FreistellerError, sqlite3.OperationalError), closing(Journal(path)) as journal:
            failed = [row.job.id for row in journal.rows(State.FAILED)]
            if failed:
                job_id = self.dice.choice(failed)
                if retry_jobs(settings, [job_id])[0]:
                    return "retry"
        return None

    def _any_of(self, *folders: str, suffix: str = "") -> Path | None:
        """Some file of these folders, or None."""
        found = [
            path
            for folder in folders
            for path in (self.root / folder).rglob("*")
            if path.name.endswith(suffix) and not path.name.startswith(".") and path.is_file()
        ]
        return self.dice.choice(found) if found else None

    def _in_inbox(self, path: Path) -> Path:
        folder = self.root / "inbox" / self.dice.choice(("", "kunde a", "zurück"))
        folder.mkdir(parents=True, exist_ok=True)
        return folder / path.name

    def _move(self, path: Path, to: Path, held: dict[int, str] | None = None) -> bool:
        """Rename without replacing. held: remembers which file it was."""
        with path.open("rb") as file:
            if held is not None:
                held[os.fstat(file.fileno()).st_ino] = hashlib.file_digest(file, "sha256").hexdigest()
            with open_below.opened(path.parent) as home, open_below.opened(to.parent) as folder:
                no_replace.move(home, path.name, folder, to.name)
        return True

    def _copy(self, path: Path) -> bool:
        """Copy a file into the inbox, as a file manager does: under its name from the beginning."""
        content = path.read_bytes()
        to = self._in_inbox(path)
        with to.open("xb") as file:
            half = len(content) // 2
            file.write(content[:half])
            file.flush()
            threading.Event().wait(self.dice.uniform(0, 0.1))
            file.write(content[half:])
        self.copied[hashlib.sha256(content).hexdigest()] += 1
        return True
