"""Writes the row of a photo that comes in."""

import os
from dataclasses import dataclass
from pathlib import Path

from daemon.journal.database import Database
from daemon.journal.kept_orders import keep
from daemon.journal.request_keys import RequestKey, RequestKeys
from daemon.journal.rows import top_folder
from daemon.states import State


@dataclass(frozen=True, slots=True)
class SentAlong:
    """What is kept with a photo from the beginning. settings: what came with it by the API, as in `JobRow`.

    key: what tells its request from all others. taken_by: the orders that count for it; see KeptOrders.
    """

    settings: str = ""
    key: RequestKey | None = None
    taken_by: str | None = None


NOTHING_ALONG = SentAlong()


def insert(
    db: Database, job_id: str, name: str, source: Path, size_bytes: int, now: float, sent: SentAlong | None
) -> None:
    """Add a waiting job and what is kept with it, within a transaction. Raises IllegalMove if the key is taken."""
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
    if sent and sent.taken_by is not None:
        keep(db, job_id, sent.taken_by)
    if sent and sent.key:
        RequestKeys(db).record(sent.key, job_id, now)
