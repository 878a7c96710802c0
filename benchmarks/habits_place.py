"""A hot folder with a real daemon, and what is needed to play what people and programs do in it."""

import hashlib
import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.drawing import drawn_photo, save_photo
from tests.observe.prometheus import free_port

CHECKOUT = Path(__file__).resolve().parent.parent
GRADES = ("sehr_gut", "gut", "ungenügend")
PATIENCE_SECONDS = 40.0
SETTINGS = """
root = "{root}"
state_dir = "{state}"
[engine]
use = "local"
[judgement]
witness = "off"
[strategy]
max_attempts = 1
[http]
bind = "127.0.0.1:{port}"
[log]
format = "json"
[outputs]
{outputs}
[intake]
quiet_seconds = 0.3
remote_quiet_seconds = 0.5
scan_seconds = 0.5
patience_seconds = 4.0
{intake}
"""


class Cannot(Exception):
    """This cannot be played on this machine; the message says why."""


@dataclass(frozen=True)
class Seen:
    """What happened. held: as a user expects it. lost, doubled: originals and results. untrue: messages."""

    held: bool
    happened: str
    lost: int = 0
    doubled: int = 0
    untrue: int = 0


@dataclass(frozen=True)
class Situation:
    """One habit. number: of the list of habits. play: does it, and says what happened."""

    number: str
    done: str
    expected: str
    play: Callable[["Place"], Seen]


SITUATIONS: list[Situation] = []


def situation(
    number: str, done: str, expected: str
) -> Callable[[Callable[["Place"], Seen]], Callable[["Place"], Seen]]:
    """Make a function one of the situations that are played."""

    def take(play: Callable[["Place"], Seen]) -> Callable[["Place"], Seen]:
        SITUATIONS.append(Situation(number, done, expected, play))
        return play

    return take


@dataclass
class Place:
    """A hot folder below `folder`, and the daemon that works there. root: where it is mounted, if it is elsewhere."""

    folder: Path
    root: Path = field(init=False)
    process: "subprocess.Popen[bytes] | None" = None

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.root = self.folder / "hot"
        self.settings()

    def settings(self, outputs: str = "", intake: str = "", state: str = "state") -> None:
        """Write the settings; the hot folder is made with the first photo, or by the daemon."""
        values: dict[str, Any] = {"root": self.root, "state": self.folder / state, "outputs": outputs, "intake": intake}
        values["port"] = free_port()
        (self.folder / "s.toml").write_text(SETTINGS.format(**values))

    # --- the daemon ---

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run one command of the program to its end."""
        return subprocess.run(
            [sys.executable, "-m", "daemon", *words, "--config", str(self.folder / "s.toml")],
            cwd=self.folder, env=self._environment(), capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    def start(self, *flags: str) -> None:
        """Start the daemon, and wait until it looks at the inbox, or ended."""
        assert self.process is None
        with self._log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "daemon", "run", *flags, "--config", str(self.folder / "s.toml")],
                cwd=self.folder, env=self._environment(), stdout=log, stderr=log,
            )  # fmt: skip
        began = self.said("started")
        self.wait(lambda: self.ended or self.said("started") > began)

    def stop(self) -> int:
        """End it as systemd does. Returns its exit status."""
        return self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill it with -9."""
        self._end(signal.SIGKILL)

    def close(self) -> None:
        """End everything."""
        if self.process is not None:
            self.kill()

    @property
    def ended(self) -> bool:
        """Whether the daemon ended by itself."""
        return self.process is not None and self.process.poll() is not None

    def wait(self, so: Callable[[], object], seconds: float = PATIENCE_SECONDS) -> bool:
        """Wait until it is so. Returns whether it ever was."""
        until = time.monotonic() + seconds
        while not (found := so()) and time.monotonic() < until:
            time.sleep(0.05)
        return bool(found)

    # --- what is there ---

    @property
    def inbox(self) -> Path:
        """Where photos are dropped."""
        return self.root / "inbox"

    def drop(self, name: str, seed: int = 0) -> Path:
        """A photo as a program saves it that renames at the end. seed: another one, another photo."""
        target = self.inbox / name
        made = save_photo(self.folder / "new" / target.name, drawn_photo(400, 300, seed))
        target.parent.mkdir(parents=True, exist_ok=True)
        hidden = target.with_name(f".{target.name}")
        shutil.move(made, hidden)
        hidden.replace(target)
        return target

    def lines(self, action: str = "") -> list[dict[str, Any]]:
        """The lines of the log, of one kind or all."""
        texts = self._log.read_text("utf-8", "replace").splitlines() if self._log.exists() else []
        found = [json.loads(text) for text in texts if text.startswith("{") and text.endswith("}")]
        return [line for line in found if action in ("", line["action"])]

    def said(self, action: str) -> int:
        """How many lines of a kind the log has."""
        return len(self.lines(action))

    def done(self, count: int) -> bool:
        """Wait until so many photos are done, each time they are done."""
        return self.wait(lambda: self.said("job_done") >= count)

    def names(self, *tops: str, end: str = "") -> list[str]:
        """The files below folders of the root, by path below the root, sorted."""
        paths = (path for top in tops for path in (self.root / top).rglob("*") if path.is_file())
        return sorted(str(path.relative_to(self.root)) for path in paths if path.name.endswith(end))

    def results(self, end: str = ".png") -> list[str]:
        """The results, by path below the root."""
        return self.names(*GRADES, end=end)

    def asked(self, query: str, *values: object) -> list[tuple[Any, ...]]:
        """Ask the journal."""
        with closing(sqlite3.connect(self.folder / "state" / "journal.sqlite3")) as journal:
            return journal.execute(query, values).fetchall()

    def verdicts(self) -> int:
        """How many verdicts of people the log tells."""
        return self.said("verdict")

    def seen(self, held: bool, happened: str, *, results: int = -1, originals: int = -1, untrue: int = 0) -> Seen:
        """What is left in the end. results, originals: how many are right; -1 = not counted."""
        found = (len(self.results()), len(self.names("archiv", "failed", end=".jpg")))
        pairs = [(have, want) for have, want in zip(found, (results, originals), strict=True) if want >= 0]
        lost, doubled = (sum(max(0, sign * (want - have)) for have, want in pairs) for sign in (1, -1))
        return Seen(held and not lost and not doubled, happened, lost, doubled, untrue)

    @property
    def _log(self) -> Path:
        return self.folder / "daemon.log"

    def _environment(self) -> dict[str, str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("FREISTELLER")}
        return clean | {"PYTHONPATH": str(CHECKOUT)}

    def _end(self, number: signal.Signals) -> int:
        assert self.process is not None
        process, self.process = self.process, None
        if process.poll() is None:
            process.send_signal(number)
        return process.wait(60)


def sha(path: Path) -> str:
    """Of a file's content."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def listed(names: Sequence[str]) -> str:
    """For the table."""
    return ", ".join(names) or "nothing"


def played(number: str, folder: Path) -> Iterator[tuple[Situation, Seen | str]]:
    """Play all situations, or one; what happened, or why it cannot be played here."""
    for each in sorted(SITUATIONS, key=lambda each: (int(each.number.rstrip("abcdefgh")), each.number)):
        if number in ("", each.number):
            with closing(Place(folder / each.number)) as place:
                try:
                    yield each, each.play(place)
                except Cannot as why:
                    yield each, str(why)
