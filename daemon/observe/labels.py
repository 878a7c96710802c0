"""The words that label series: small fixed sets, and a guard for what comes from outside.

A label never holds a file name, a job or an error's text: each value is a series for ever.
"""

import re
from typing import get_args
from urllib.parse import urlsplit

from daemon import errors
from daemon.jobs import Grade
from daemon.settings import Event

SOURCES = ("event", "scan", "startup")
IGNORED = (
    "litter",
    "symlink",
    "not_a_photo_suffix",
    "special_file",
    "folder_not_readable",
    "folder_not_writable",
    "too_deep",
)
STAGES = (
    "completeness",
    "read",
    "proxy",
    "upload",
    "wait",
    "infer",
    "fetch",
    "judge",
    "refine",
    "write",
    "publish",
)
INTERNAL = "internal_error"
GRADES = tuple(grade.label for grade in sorted(Grade, key=lambda grade: -grade.rank))
ENDS = (*GRADES, "failed")
ATTEMPT_FAILURES = (errors.RecipeRefused.reason, errors.EngineFull.reason)
FAILURES = (errors.BadPhoto.reason, "quarantined", INTERNAL)
POSTPONEMENTS = (
    errors.EngineAway.reason,
    errors.EngineMisconfigured.reason,
    errors.NoRoom.reason,
    errors.RootAway.reason,
    errors.BadOrder.reason,
    INTERNAL,
)
PUT_BACK = ("result", "original", "failed")
RECOVERIES = ("unclaimed", "put_back", "resumed", "quarantined", "completed")
EVENTS = get_args(Event)
NOTICE_FAILURES = ("unreachable", "refused", "timeout", "queue_full", INTERNAL)
CIRCUIT_STATES = {"closed": 0, "half_open": 1, "open": 2}

_PLAIN = re.compile(r"[a-z][a-z0-9_]{0,39}")


def public_name(server: str) -> str:
    """A server's name as everybody may read it: a URL loses user, password and query."""
    if "://" not in server:
        return server
    url = urlsplit(server)
    return f"{url.scheme}://{url.netloc.rpartition('@')[2]}{url.path}".rstrip("/")


def plain(value: str) -> str:
    """The value where it is a plain word, else "other": no text that a file or server wrote becomes a series."""
    return value if _PLAIN.fullmatch(value) else "other"
