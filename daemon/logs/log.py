"""Structured logs: one line for each change of state.

Lines are JSON for programs, short text on a terminal, and entries with fields in journald. Each has ts, level, action
and message, and further fields where they help, such as `job`. The wording of a message may change but its `action`
may not, since dashboards and scripts search for it. No line holds a secret or a line break.
"""

import logging
from typing import TextIO

from daemon.logs import journald
from daemon.logs.formats import JsonFormatter, TextFormatter
from daemon.logs.redaction import without_secrets

LOGGER = "freisteller"


def set_up(level: str, fmt: str, stream: TextIO) -> None:
    """Send all log lines of this process to `stream`. This replaces an earlier set-up.

    level: debug, info, warning or error, for our own lines. Libraries are always heard from warning on.
    fmt: "json", "text" or "auto". "auto" means text on a terminal, entries with fields if journald reads the stream and
    takes such entries, and JSON otherwise.
    """
    as_text = fmt == "text" or (fmt == "auto" and stream.isatty())
    in_journald = journald.reads(stream)
    send = journald.sender() if in_journald and fmt == "auto" else None
    handler = journald.JournaldHandler(stream, send) if send else logging.StreamHandler(stream)
    handler.setFormatter(TextFormatter() if as_text else JsonFormatter(with_priority=in_journald))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    set_level(level)
    logging.captureWarnings(True)  # otherwise the warning of a library is a line that no program can read


def set_level(level: str) -> None:
    """Log our own lines from this level on: debug, info, warning or error."""
    logging.getLogger(LOGGER).setLevel(level.upper())


def log(
    action: str,
    message: str,
    *,
    level: int = logging.INFO,
    error: BaseException | None = None,
    **fields: object,
) -> None:
    """Write one line. action: a fixed name, e.g. "job_done". error: its traceback is added. fields: e.g. job=…."""
    logging.getLogger(LOGGER).log(
        level, "%s", message, exc_info=error, extra={"action": action, "fields": without_secrets(fields)}
    )
