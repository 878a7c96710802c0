"""Writes the row of a photo that comes in."""

import os
from dataclasses import dataclass
from pathlib import Path

from daemon.journal.database import Database
from daemon.journal.request_keys import RequestKey, RequestKeys
from daemon.journal.rows import top_folder
from daemon.states import State


@dataclass(frozen=True, slots=True)
class SentAlong:
    """What came with a photo by the API. settings: as in `JobRow`. key: what tells its request from all others."""

    settings: str = ""
    key: RequestKey | None = None


NOTHING_ALONG = SentAlong()


def insert(
    db: Database, job_id: str, name: str, source: Path, size_bytes: int, now: float, sent: SentAlong | None
) -> None:
    """Add a waiting job and the key of its request, within a transaction. Raises IllegalMove if the key is taken."""
    db.change(
        "INSERT INTO jobs (id, name, folder, source, state, size_bytes, admitted_at, settings) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        job_id,
        name,
        top_folder(name),
        os.fsencode(source),
        State.WAITING,
        size_bytes,
        now,
        sent.settings if sent else "",
    )
    if sent and sent.key:
        RequestKeys(db).record(sent.key, job_id, now)
