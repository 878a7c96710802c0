"""Turns a log record into a line: JSON for programs, or short text for people."""

import json
import logging
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from daemon.logs.redaction import hide_secrets

# The numbers of syslog, as sd-daemon(3) writes them. journald removes the prefix, so `journalctl -p warning` works.
PRIORITIES = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3, logging.CRITICAL: 2}

_FIRST_KEYS = ("ts", "level", "action", "job", "message")
# C0 and C1 controls, and Unicode's line ends. They end a line early or drive a terminal, and a file name may hold any.
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


class JsonFormatter(logging.Formatter):
    """Writes one JSON object per line, in UTF-8. Lone surrogates of undecodable file names become \\udcXX escapes.

    with_priority: begin each line with <N>, the priority that journald reads.
    """

    def __init__(self, with_priority: bool = False) -> None:
        super().__init__()
        self._with_priority = with_priority

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line without its line end."""
        entry = entry_of(record)
        ordered = {key: entry[key] for key in _FIRST_KEYS if key in entry} | entry
        line = json.dumps(ordered, ensure_ascii=False, default=str)
        prefix = f"<{priority_of(record)}>" if self._with_priority else ""
        return prefix + line.encode("utf-8", "backslashreplace").decode()


class TextFormatter(logging.Formatter):
    """Writes a line for a person: time of day, level unless it is "info", message, fields."""

    def format(self, record: logging.LogRecord) -> str:
        """The record as one line. The traceback of an error follows it, indented."""
        parts = [datetime.fromtimestamp(record.created).strftime("%H:%M:%S")]
        if record.levelno != logging.INFO:
            parts.append(record.levelname)
        return " ".join([*parts, text_of(entry_of(record))])


def entry_of(record: logging.LogRecord) -> dict[str, object]:
    """The keys and values of a record. The record of a library has the name of its logger as its action."""
    fields: Mapping[str, object] = getattr(record, "fields", {})
    entry: dict[str, object] = {
        "ts": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": record.levelname.lower(),
        "action": getattr(record, "action", record.name),
        "message": hide_secrets(record.getMessage()),
    }
    entry |= {key: value for key, value in fields.items() if value is not None and key not in entry}
    if record.exc_info and record.exc_info[0] is not None:
        entry["error"] = hide_secrets(logging.Formatter().formatException(record.exc_info))
    return entry


def text_of(entry: Mapping[str, object]) -> str:
    """Message and fields of an entry on one line. The traceback of an error follows it, indented."""
    rest = {key: value for key, value in entry.items() if key not in (*_FIRST_KEYS, "error")}
    if "job" in entry:
        rest = {"job": entry["job"]} | rest
    parts = [on_one_line(str(entry["message"]))]
    parts += [f"{key}={on_one_line(str(value))}" for key, value in rest.items()]
    line = " ".join(parts)
    if "error" in entry:
        line += "".join(f"\n    {on_one_line(text)}" for text in str(entry["error"]).splitlines())
    return line


def priority_of(record: logging.LogRecord) -> int:
    """The number that syslog and journald use for the level of a record."""
    return PRIORITIES.get(record.levelno, PRIORITIES[logging.INFO])


def on_one_line(text: str) -> str:
    """A text without line ends and other controls, in characters that UTF-8 knows: both become escapes."""
    text = text.encode("utf-8", "backslashreplace").decode()
    return _CONTROL.sub(lambda found: found.group().encode("unicode_escape").decode(), text)
