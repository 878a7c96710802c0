"""Structured logs: one line per change of state, JSON for machines, short text on a terminal, fields in the journal.

Each line has ts, level, action and message; `job` and other fields where they say something. The wording of a message
may change, its `action` may not: dashboards and scripts search for it. No line carries a secret or a line break.
"""

import json
import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TextIO

from daemon.logs import journald

LOGGER = "freisteller"
# syslog's numbers, as sd-daemon(3) writes them; the journal takes the prefix off, and `journalctl -p warning` works.
PRIORITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}
FIRST_KEYS = ("ts", "level", "action", "job", "message")

_SECRET_KEY = re.compile(r"token|password|passwd|secret|authorization|api_?key|credential", re.IGNORECASE)
_SECRET_TEXT = re.compile(
    r"(?P<shown>\bBearer\s+|\b[a-z][a-z0-9+.-]*://(?=[^\s/@]+@))(?P<hidden>[^\s/@]+)", re.IGNORECASE
)
# C0 and C1 controls, and Unicode's line ends: they end a line early or drive a terminal, and a file name may hold any.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


def set_up(level: str, fmt: str, stream: TextIO) -> None:
    """Send all logging of this process to `stream`, replacing what an earlier call set up.

    level: debug, info, warning or error, for our own lines; libraries are heard from warning on.
    fmt: "json", "text", or "auto": text where the stream is a terminal, and where it is systemd's journal, entries with
    fields by the journal's own door, if there is one.
    """
    as_text = fmt == "text" or (fmt == "auto" and stream.isatty())
    in_journal = journald.reads(stream)
    send = journald.door() if in_journal and fmt == "auto" else None
    handler = JournalHandler(stream, send) if send else logging.StreamHandler(stream)
    handler.setFormatter(TextFormatter() if as_text else JsonFormatter(with_priority=in_journal))
    logging.basicConfig(handlers=[handler], level=logging.WARNING, force=True)
    set_level(level)
    logging.captureWarnings(True)  # else a library's warning is a line that no machine can read


def set_level(level: str) -> None:
    """Our own lines from this level on: debug, info, warning or error."""
    logging.getLogger(LOGGER).setLevel(level.upper())


def log(
    action: str,
    message: str,
    *,
    level: int = logging.INFO,
    error: BaseException | None = None,
    **fields: object,
) -> None:
    """One line. action: fixed name, e.g. "job_finished". error: adds its traceback. fields: e.g. job=…, grade=…."""
    logging.getLogger(LOGGER).log(
        level, "%s", message, exc_info=error, extra={"action": action, "fields": _without_secrets(fields)}
    )


class JournalHandler(logging.StreamHandler[TextIO]):
    """A record is an entry of the journal, with its fields; one that the journal does not take goes to the stream."""

    def __init__(self, stream: TextIO, send: journald.Send) -> None:
        super().__init__(stream)
        self._send = send

    def emit(self, record: logging.LogRecord) -> None:
        """Send the record."""
        entry = _entry(record)
        fields = {key: value for key, value in entry.items() if key not in ("ts", "level", "message")}
        try:
            self._send(PRIORITIES.get(record.levelno, 6), _for_people(entry), fields)
        except OSError:
            super().emit(record)


class JsonFormatter(logging.Formatter):
    """A line is one JSON object in UTF-8; lone surrogates of undecodable file names become \\udcXX escapes.

    with_priority: begin it with the journal's <N>.
    """

    def __init__(self, with_priority: bool = False) -> None:
        super().__init__()
        self._with_priority = with_priority

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line without its line end."""
        entry = _entry(record)
        ordered = {key: entry[key] for key in FIRST_KEYS if key in entry} | entry
        line = json.dumps(ordered, ensure_ascii=False, default=str)
        prefix = f"<{PRIORITIES.get(record.levelno, 6)}>" if self._with_priority else ""
        return prefix + line.encode("utf-8", "backslashreplace").decode()


class TextFormatter(logging.Formatter):
    """A line is for a person: time of day, level where it matters, message, fields."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line; the traceback of an error follows, indented."""
        parts = [datetime.fromtimestamp(record.created).strftime("%H:%M:%S")]
        if record.levelno != logging.INFO:
            parts.append(record.levelname)
        return " ".join([*parts, _for_people(_entry(record))])


def _entry(record: logging.LogRecord) -> dict[str, object]:
    """What a record says; a library's record has its logger's name as action."""
    fields: Mapping[str, object] = getattr(record, "fields", {})
    entry: dict[str, object] = {
        "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "action": getattr(record, "action", record.name),
        "message": _hidden(record.getMessage()),
    }
    entry |= {key: value for key, value in fields.items() if value is not None and key not in entry}
    if record.exc_info and record.exc_info[0] is not None:
        entry["error"] = _hidden(logging.Formatter().formatException(record.exc_info))
    return entry


def _for_people(entry: Mapping[str, object]) -> str:
    """Message and fields on one line; the traceback of an error follows, indented."""
    rest = {key: value for key, value in entry.items() if key not in (*FIRST_KEYS, "error")}
    if "job" in entry:
        rest = {"job": entry["job"]} | rest
    parts = [_on_one_line(str(entry["message"]))]
    parts += [f"{key}={_on_one_line(str(value))}" for key, value in rest.items()]
    line = " ".join(parts)
    if "error" in entry:
        line += "".join(f"\n    {_on_one_line(text)}" for text in str(entry["error"]).splitlines())
    return line.encode("utf-8", "backslashreplace").decode()


def _without_secrets(fields: Mapping[str, object]) -> dict[str, object]:
    return {key: "***" if _SECRET_KEY.search(key) else _safe(value) for key, value in fields.items()}


def _safe(value: object) -> object:
    """The value with secrets hidden in every text it holds; what JSON does not know becomes text."""
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, Mapping):
        return _without_secrets({str(key): inner for key, inner in value.items()})
    if isinstance(value, list | tuple | set | frozenset):
        return [_safe(inner) for inner in value]
    return _hidden(str(value))


def _hidden(text: str) -> str:
    return _SECRET_TEXT.sub(r"\g<shown>***", text)


def _on_one_line(text: str) -> str:
    return _CONTROL.sub(lambda found: found.group().encode("unicode_escape").decode(), text)
