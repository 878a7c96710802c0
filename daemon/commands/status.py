"""Tells how a hot folder does, from beside the daemon.

Counts and names come from the journal, so they are known without a running daemon, too. What runs in which stage and
how the engines are comes from the daemon's port.
"""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from http.client import HTTPException
from itertools import pairwise
from typing import Any

from daemon.commands.journal_of_root import journal_of_root
from daemon.commands.photos_told import photos_told
from daemon.commands.users import own_token
from daemon.errors import FreistellerError, RootAway
from daemon.hotfolder.hot_folder import HotFolder
from daemon.jobs import attempt_numbered
from daemon.journal import Counts, JobRow, Journal
from daemon.observe.health import ROOT_HEADER
from daemon.observe.obstacles import root_away
from daemon.service.open_root import known_root
from daemon.settings import Settings
from daemon.states import State

ANSWER_SECONDS = 3.0
LATEST = 10  # finished photos that `freisteller status --json` lists
PACE_PHOTOS = 60  # finished photos that the pace is read from
STANDSTILL = 5  # times the usual gap between two endings; after a longer one there is no pace
LEAST_USUAL_SECONDS = 2.0  # photos that end at the same moment are no standard for the next gap
PART_NAMES = {"root": "hot folder", "recovery": "start-up"}  # the others are called as the port calls them
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # our own machine is behind no proxy


def journal_status(settings: Settings) -> dict[str, Any]:
    """Counts by state and grade, what runs now, and what finished last, as JSON values.

    Raises BadSettings if the hot folder has no journal.
    """
    with journal_of_root(settings) as journal:
        counts = journal.counts()
        return {
            "root": str(settings.root_path),
            "states": {state.value: count for state, count in counts.states.items()},
            "grades": {grade.value: count for grade, count in counts.grades.items()},
            "running": [_job(entry) for entry in journal.rows(State.RUNNING)],
            "paused_at": journal.paused_at(),
            "paused_by": journal.paused_by(),
            "latest": [_job(entry) for entry in journal.latest(LATEST)],
            **photos_told(journal, settings.root, time.time()),
        }


def _job(entry: JobRow) -> dict[str, Any]:
    job = entry.job
    best = attempt_numbered(job.attempts, job.best)
    return {
        "id": job.id,
        "name": job.name,
        "state": job.state.value,
        "grade": job.grade.value if job.grade else None,
        "score": job.score,
        "rim": best.verdict.rim if best and best.verdict else None,
        "attempts": len(job.attempts),
        "reason": job.reason,
        "results": list(entry.results),
    }


def whole_status(settings: Settings) -> dict[str, Any]:
    """All that `freisteller status` shows, as JSON values. While the share is away, the journal's part is missing.

    Raises BadSettings if the hot folder has no journal.
    """
    health = daemon_health(settings)
    obstacles = health.pop("obstacles")
    is_away = any(each["name"] == "root_away" for each in obstacles)
    known: dict[str, Any] = {"root": str(settings.root_path)}
    try:
        known = known if is_away else journal_status(settings)
    except RootAway as error:  # no daemon says so, but the journal knows its hot folder
        obstacles = [*obstacles, root_away(error).shown()]
    return {**known, "obstacles": obstacles, "daemon": health}


def daemon_health(settings: Settings) -> dict[str, Any]:
    """What the running daemon says of itself and its engines, as JSON values. "lines" are for people."""
    page, silence = daemon_page(settings, "/readyz")
    if page is None:
        return {"reachable": False, "parts": {}, "obstacles": [], "lines": [silence]}
    parts = page.get("parts", {})
    lines = [
        f"{PART_NAMES.get(name, name)}: {'OK' if part.get('ok') else 'not OK'} {part.get('detail', '')}".rstrip()
        for name, part in parts.items()
    ]
    return {"reachable": True, "parts": parts, "obstacles": page.get("obstacles", []), "lines": lines}


def daemon_page(settings: Settings, path: str) -> tuple[dict[str, Any] | None, str]:
    """A JSON page of the running daemon's port, and "". If there is no page: None, and why, in words."""
    bind = settings.http.bind
    if not bind:
        return None, "The daemon cannot be asked: the setting http.bind is empty, so it has no port."
    token = settings.http.token.get_secret_value() or own_token(settings)
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(f"http://{_reachable(bind)}{path}", headers=headers)
    try:
        code, of_root, body = _fetch(request)
        if code == HTTPStatus.UNAUTHORIZED:
            return None, f"The daemon at {bind} does not let us in. Run this as its user, or set http.token."
        if code not in (HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE):
            return None, f"{bind} answered with HTTP {code}. Check the setting http.bind: is this our daemon?"
        if of_root is None:
            return None, f"What answers at {bind} is no Freisteller of this version. Check the setting http.bind."
        if of_root != (_identity(settings) or of_root):
            return None, (
                f"The daemon at {bind} serves another hot folder than {settings.root_path}. Give each hot folder its "
                "own port: the setting http.bind."
            )
        return json.loads(body), ""
    except (OSError, HTTPException, ValueError):
        return None, f"No daemon answers at {bind}; it may not be running."


def _identity(settings: Settings) -> str | None:
    """The id of our hot folder; None if that cannot be known now."""
    try:
        return known_root(settings) or HotFolder(settings.root_path).find()
    except (OSError, FreistellerError):
        return None


def _fetch(request: urllib.request.Request) -> tuple[int, str | None, bytes]:
    """The status code of an answer, the id of the hot folder that it is about, and its body; whatever the code is."""
    try:
        with _OPENER.open(request, timeout=ANSWER_SECONDS) as answer:
            return answer.status, answer.headers[ROOT_HEADER], answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers[ROOT_HEADER], error.read()


def _reachable(bind: str) -> str:
    """The address to ask. A daemon that listens on all addresses is asked on the loopback address."""
    host, _, port = bind.rpartition(":")
    ours = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}
    return f"{ours.get(host, host)}:{port}"


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What is known at the Unix time `at`. page: the daemon's /status; None if it does not answer, silence says why."""

    root: str
    at: float
    counts: Counts
    running: tuple[JobRow, ...]
    latest: tuple[JobRow, ...]
    paused: bool
    page: dict[str, Any] | None  # Any: JSON
    silence: str

    @property
    def pace(self) -> float | None:
        """Photos per second; None if none ended lately, or nobody works."""
        if self.page is None and not self.counts.states[State.RUNNING]:
            return None
        return pace([entry.job.finished_at or 0.0 for entry in self.latest], self.at)

    @property
    def seconds_left(self) -> float | None:
        """How long the open photos take at this pace; None if there is no pace or no open photo."""
        return self.counts.open / self.pace if self.pace and self.counts.open else None


def pace(endings: Sequence[float], now: float) -> float | None:
    """Endings per second, from their Unix times, newest first. Returns None if they say nothing about now.

    A gap much longer than usual begins a new count, so the night between two batches does not slow down the second.
    """
    gaps = [later - earlier for later, earlier in pairwise(endings)]
    usual = sorted(gaps)[len(gaps) // 2] if gaps else 0.0
    longest = STANDSTILL * max(usual, LEAST_USUAL_SECONDS)
    together = next((index for index, gap in enumerate(gaps) if gap > longest), len(gaps))
    if together < 2 or now - endings[0] > longest:
        return None
    return together / max(now - endings[together], 1e-3)


def take_snapshot(settings: Settings, journal: Journal) -> Snapshot:
    """Read the journal and ask the daemon."""
    now = time.time()
    page, silence = daemon_page(settings, "/status")
    return Snapshot(
        str(settings.root_path),
        now,
        journal.counts(),
        journal.rows(State.RUNNING),
        journal.latest(PACE_PHOTOS),
        journal.paused_at() is not None,
        page,
        silence,
    )
