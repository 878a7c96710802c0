"""The label values of the series: small fixed sets, and a check of values that come from outside.

A label never holds a file name, a job id or the text of an error: each new value makes a new series for ever.
"""

import re
from typing import get_args
from urllib.parse import urlsplit

from daemon import errors
from daemon.disk.powers import Links
from daemon.jobs import Grade
from daemon.jobs.failure_kinds import FailureKind
from daemon.settings import Event

SOURCES = ("event", "scan", "startup")
IGNORED = (
    "litter", "symlink", "not_a_photo_suffix", "special_file", "companion",
    "folder_not_readable", "folder_not_writable", "too_deep",
)  # fmt: skip
STAGES = (
    "completeness", "prove", "claim", "decode", "proxy", "upload", "wait", "infer", "fetch", "witness", "signs",
    "search", "refine", "rim", "rims", "show", "render", "encode", "read_back", "publish", "journal", "other",
)  # fmt: skip
LINKS = tuple(str(links) for links in Links)
WITNESSES = ("heard", "late", "failed")
INTERNAL = "internal_error"
GRADES = tuple(grade.label for grade in sorted(Grade, key=lambda grade: -grade.rank))
ENDS = (*GRADES, "failed")
ATTEMPT_FAILURES = (errors.RecipeRefused.reason, errors.EngineFull.reason)
FAILURES = tuple(kind.value for kind in FailureKind)
POSTPONEMENTS = (
    errors.EngineAway.reason,
    errors.EngineMisconfigured.reason,
    errors.NoRoom.reason,
    errors.JournalLocked.reason,
    errors.RootAway.reason,
    errors.BadOrder.reason,
    INTERNAL,
)
OBSTACLES = (
    "root_away", "root_disk_full", "state_disk_full", "journal_locked", "no_engine", "engine_refuses", "paused",
    "model_paused", "back_off", "order_wrong", "left_alone", "journal_damaged",
)  # fmt: skip
"""What may keep photos from being done, the worst first."""
SET_ASIDE = ("other_version", "root_away", "engine_away", "silent", "leaving")
"""Why a worker on another machine gets no photos."""
WORKER_STATES = ("fit", *SET_ASIDE)
WORKERS_LOST = ("gone", "silent")
FAR_PHOTOS_LOST = (*WORKERS_LOST, "scheduler_away", "not_run")
FAR_PHOTOS_GIVEN_BACK = ("root_away", "engine_away")
PUT_BACK = ("result", "original", "failed")
RECOVERIES = ("unclaimed", "put_back", "resumed", "suspected", "quarantined", "completed", "half_sent")
EVENTS = get_args(Event)
NOTICE_FAILURES = ("unreachable", "refused", "timeout", "queue_full", INTERNAL)
CIRCUIT_STATES = {"closed": 0, "half_open": 1, "open": 2}
"""The states of the circuit breaker of a server, and their numbers in the metrics."""
FREE_LABELS = ("device", "event", "gpu", "hook", "model", "mount", "version")
"""Labels whose values come from us or from the settings, so that they need no check."""

_PLAIN_WORD = re.compile(r"[a-z][a-z0-9_]{0,39}")
_MACHINE = re.compile(r"[a-zA-Z0-9][\w.-]{0,63}", re.ASCII)  # also a pod: freisteller-worker-7d9f8b-x2x4z
_LOGIN = re.compile(r"\w[\w.@\\-]{0,63}\$?", re.ASCII)  # also of a domain: DOMAIN\anna, anna@example.org


def public_name(server: str) -> str:
    """The name of a server for everybody to read: a URL loses its user, password and query."""
    if "://" not in server:
        return server
    url = urlsplit(server)
    return f"{url.scheme}://{url.netloc.rpartition('@')[2]}{url.path}".rstrip("/")


def guarded(label: str, value: str) -> str:
    """The value that a label gets: no text that a file or a server wrote ever becomes a series.

    A server or scheduler shows its public name, a person a login, and a worker a name as machines have. Any other value
    of a label that is not in FREE_LABELS must be a plain word. What is not becomes "other".
    """
    if label in ("server", "scheduler"):
        return public_name(value)
    if label == "worker":
        return value if _MACHINE.fullmatch(value) else "other"
    if label == "who":
        return value if _LOGIN.fullmatch(value) else "other"
    return value if label in FREE_LABELS or _PLAIN_WORD.fullmatch(value) else "other"
