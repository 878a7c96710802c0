"""`freisteller status` and `health`: what the journal counts, and what the daemon says of itself over its port."""

import json
import time
import urllib.error
import urllib.request
from http import HTTPStatus
from http.client import HTTPException
from typing import Any

from daemon.commands.journal_of_root import journal_of_root
from daemon.journal import JobRow
from daemon.settings import Settings
from daemon.states import State

ANSWER_SECONDS = 3.0
LATEST = 10
PART_NAMES = {"root": "hot folder", "recovery": "start-up"}  # the others are called as the port calls them
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # our own machine is behind no proxy


def journal_status(settings: Settings) -> dict[str, Any]:
    """Counts by state and grade, what runs now, and what finished last, as JSON values.

    Raises BadSettings if the hot folder has no journal.
    """
    with journal_of_root(settings) as journal:
        counts = journal.counts(time.time())
        return {
            "root": str(settings.root_path),
            "states": {state.value: count for state, count in counts.states.items()},
            "grades": {grade.value: count for grade, count in counts.grades.items()},
            "running": [_job(entry) for entry in journal.rows(State.RUNNING)],
            "paused_at": journal.paused_at(),
            "latest": [_job(entry) for entry in journal.latest(LATEST)],
        }


def _job(entry: JobRow) -> dict[str, Any]:
    job = entry.job
    return {
        "id": job.id,
        "name": job.name,
        "state": job.state.value,
        "grade": job.grade.value if job.grade else None,
        "score": job.score,
        "attempts": len(job.attempts),
        "reason": job.reason,
        "results": list(entry.results),
    }


def daemon_health(settings: Settings) -> dict[str, Any]:
    """What the running daemon says of itself and its engines, as JSON values. "lines" are for people."""
    page, silence = daemon_page(settings, "/readyz")
    if page is None:
        return {"reachable": False, "parts": {}, "lines": [silence]}
    parts = page.get("parts", {})
    lines = [
        f"{PART_NAMES.get(name, name)}: {'OK' if part.get('ok') else 'not OK'} {part.get('detail', '')}".rstrip()
        for name, part in parts.items()
    ]
    return {"reachable": True, "parts": parts, "lines": lines}


def daemon_page(settings: Settings, path: str) -> tuple[dict[str, Any] | None, str]:
    """A JSON page of the running daemon's port, and "". If there is no page: None, and why, in words."""
    bind = settings.http.bind
    if not bind:
        return None, "The daemon cannot be asked: the setting http.bind is empty, so it has no port."
    token = settings.http.token.get_secret_value()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    request = urllib.request.Request(f"http://{_reachable(bind)}{path}", headers=headers)
    try:
        code, body = _fetch(request)
        if code == HTTPStatus.UNAUTHORIZED:
            return None, f"The daemon at {bind} does not accept our token. Check the setting http.token."
        if code not in (HTTPStatus.OK, HTTPStatus.SERVICE_UNAVAILABLE):
            return None, f"{bind} answered with HTTP {code}. Check the setting http.bind: is this our daemon?"
        return json.loads(body), ""
    except (OSError, HTTPException, ValueError):
        return None, f"No daemon answers at {bind}; it may not be running."


def _fetch(request: urllib.request.Request) -> tuple[int, bytes]:
    """The status code and the body of an answer, whatever the code is."""
    try:
        with _OPENER.open(request, timeout=ANSWER_SECONDS) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read()


def _reachable(bind: str) -> str:
    """The address to ask. A daemon that listens on all addresses is asked on the loopback address."""
    host, _, port = bind.rpartition(":")
    ours = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}
    return f"{ours.get(host, host)}:{port}"
