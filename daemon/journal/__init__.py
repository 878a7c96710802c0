"""The journal: what happened to every photo, in one SQLite file. All SQL lives in this room."""

from daemon.journal.changes import Journal
from daemon.journal.database import fact_in
from daemon.journal.new_jobs import NOTHING_ALONG, SentAlong
from daemon.journal.originals import Original
from daemon.journal.request_keys import KnownRequest, RequestKey
from daemon.journal.rows import Batch, Counts, JobRow, LeftAlone, PersonVerdict, ResultFile, top_folder
from daemon.journal.schema import SCHEMA_VERSION

__all__ = [
    "NOTHING_ALONG",
    "SCHEMA_VERSION",
    "Batch",
    "Counts",
    "JobRow",
    "Journal",
    "KnownRequest",
    "LeftAlone",
    "Original",
    "PersonVerdict",
    "RequestKey",
    "ResultFile",
    "SentAlong",
    "fact_in",
    "top_folder",
]
