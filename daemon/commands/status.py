"""`status`, `pause`, `resume` and `retry`: what the journal knows, read and changed beside a running daemon."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from daemon.errors import BadSettings, FreistellerError
from daemon.hotfolder.hot_folder import HotFolder
from daemon.hotfolder.root_identity import read_identity
from daemon.hotfolder.runtime import Runtime
from daemon.intake.admission import Admission
from daemon.journal import JobRow, Journal
from daemon.settings import Settings
from daemon.states import State

ANSWER_SECONDS = 3.0
LATEST = 10
_OPENER = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # our own machine is behind no proxy


def open_journal(settings: Settings) -> Journal:
    """The journal of the hot folder that the settings name. Raises BadSettings where there is none."""
    root = settings.root_path
    root_id = read_identity(HotFolder(root).private)
    path = settings.state_path(root_id or "") / "journal.sqlite3"
    if root_id is None or not path.exists():
        where = f"no {path}" if root_id else f"{root} is no hot folder yet"
        raise BadSettings(
            f"There is no journal for {root} ({where}). Was it run with another --root, --config or state_dir?"
        )
    return Journal(path)


def journal_status(settings: Settings) -> dict[str, Any]:
    """Counts by state and grade, what runs now, and what finished last. Raises BadSettings without a journal."""
    journal = open_journal(settings)
    counts = journal.counts(time.time())
    values = {
        "root": str(settings.root_path),
        "states": {state.value: count for state, count in counts.states.items()},
        "grades": {grade.value: count for grade, count in counts.grades.items()},
        "running": [_entry(entry) for entry in journal.entries(State.RUNNING)],
        "paused_at": journal.paused_at(),
        "latest": [_entry(entry) for entry in journal.latest(LATEST)],
    }
    journal.close()
    return values


def _entry(entry: JobRow) -> dict[str, Any]:
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
    """What the running daemon says of itself and its engines over its health port."""
    page, silence = daemon_page(settings, "/readyz")
    if page is None:
        return {"reachable": False, "parts": {}, "lines": [silence]}
    found = page.get("parts", {})
    lines = [f"{name}: {'OK' if part.get('ok') else 'not OK'} {part.get('detail', '')}" for name, part in found.items()]
    return {"reachable": True, "parts": found, "lines": [line.rstrip() for line in lines]}


def daemon_page(settings: Settings, path: str) -> tuple[dict[str, Any] | None, str]:
    """A JSON page of the running daemon's port; None where there is none, then why, in words."""
    bind = settings.http.bind
    if not bind:
        return None, "engines: unknown, for http.bind is empty"
    token = settings.http.token.get_secret_value()
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    try:
        request = urllib.request.Request(f"http://{_reachable(bind)}{path}", headers=headers)
        with _OPENER.open(request, timeout=ANSWER_SECONDS) as answer:
            page = json.load(answer)
    except urllib.error.HTTPError as error:
        if error.code != HTTPStatus.SERVICE_UNAVAILABLE:
            return None, f"{bind} answers {error.code}: is http.token right?"
        page = json.load(error)
    except (OSError, ValueError):
        return None, f"No daemon answers at {bind}; it may not be running."
    return page, ""


def _reachable(bind: str) -> str:
    """Where to ask a daemon that listens on all addresses."""
    host, _, port = bind.rpartition(":")
    ours = {"0.0.0.0": "127.0.0.1", "[::]": "[::1]"}
    return f"{ours.get(host, host)}:{port}"


def pause_work(settings: Settings) -> None:
    """Start no photo from now on; a running daemon obeys within a second. Raises BadSettings without a journal."""
    journal = open_journal(settings)
    journal.pause(time.time())
    journal.close()


def resume_work(settings: Settings) -> bool:
    """Start photos again; False where nothing was paused. Raises BadSettings without a journal."""
    journal = open_journal(settings)
    was_paused = journal.resume()
    journal.close()
    return was_paused


def retry_jobs(settings: Settings, ids: Sequence[str] | None) -> tuple[list[str], list[str]]:
    """Let failed jobs be tried again, all of them without `ids`; returns their names, and why others were refused."""
    journal = open_journal(settings)
    folders = HotFolder(settings.root_path)
    folders.prepare()
    admission = Admission(journal, folders, Runtime())
    taken, refused = [], []
    for job_id in ids or [entry.job.id for entry in journal.entries(State.FAILED)]:
        try:
            entry = journal.entry(job_id)
            admission.take_back(entry)
            taken.append(entry.job.name)
        except KeyError:
            refused.append(f"{job_id}: the journal knows no such job")
        except (FreistellerError, OSError) as error:
            refused.append(f"{job_id}: {error}")
    journal.close()
    return taken, refused
