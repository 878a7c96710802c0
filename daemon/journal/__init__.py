"""The journal: what happened to every photo, in one SQLite file. All SQL lives in this room."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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

_MODULES = {
    "Journal": "changes",
    "fact_in": "database",
    "NOTHING_ALONG": "new_jobs",
    "SentAlong": "new_jobs",
    "Original": "originals",
    "KnownRequest": "request_keys",
    "RequestKey": "request_keys",
    "Batch": "rows",
    "Counts": "rows",
    "JobRow": "rows",
    "LeftAlone": "rows",
    "PersonVerdict": "rows",
    "ResultFile": "rows",
    "top_folder": "rows",
    "SCHEMA_VERSION": "schema",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """Import a module when something of it is wanted (PEP 562): who keeps raw alphas needs no database."""
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
