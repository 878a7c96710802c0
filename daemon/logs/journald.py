"""Sends log records with their fields to systemd's journald.

Uses systemd-python (the extra `systemd`), which hands each entry to the socket of journald; see
systemd.journal-fields(7) and sd_journal_sendv(3).
"""

import json
import logging
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO

from daemon.logs.formats import entry_of, priority_of, text_of

Send = Callable[[int, str, Mapping[str, object]], None]
"""Sends one entry: priority (the number of syslog), text for people, fields. Raises OSError if journald refuses it."""

_SOCKET = Path("/run/systemd/journal/socket")
_MAX_NAME_CHARACTERS = 64  # journald drops a field with a longer name


class JournaldHandler(logging.StreamHandler[TextIO]):
    """Sends each record to journald with its fields, or writes it to the stream if journald refuses it."""

    def __init__(self, stream: TextIO, send: Send) -> None:
        super().__init__(stream)
        self._send = send

    def emit(self, record: logging.LogRecord) -> None:
        """Send the record."""
        entry = entry_of(record)
        fields = {key: value for key, value in entry.items() if key not in ("ts", "level", "message")}
        try:
            self._send(priority_of(record), text_of(entry), fields)
        except OSError:
            super().emit(record)


def reads(stream: TextIO, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether journald reads this stream: JOURNAL_STREAM names its device and inode (systemd.exec(5))."""
    try:
        there = os.fstat(stream.fileno())
    except (OSError, ValueError):  # a stream in memory, or a closed one
        return False
    return environment.get("JOURNAL_STREAM", "") == f"{there.st_dev}:{there.st_ino}"


def sender() -> Send | None:
    """Returns what sends an entry, or None without systemd-python or without the socket of journald.

    We look for the socket because libsystemd drops an entry and reports success if there is none, as in a container
    with another root directory.
    """
    if not _SOCKET.is_socket():
        return None
    try:
        from systemd.journal import sendv
    except ImportError:
        return None

    def send(priority: int, text: str, fields: Mapping[str, object]) -> None:
        fixed = {"MESSAGE": text, "PRIORITY": priority, "SYSLOG_IDENTIFIER": "freisteller"}
        named = {_field_name(key): value for key, value in fields.items()}
        sendv(*(_assignment(name, value) for name, value in (named | fixed).items()))

    return send


def _field_name(key: str) -> str:
    """A name that journald allows: A-Z, 0-9 and _."""
    return ("FREISTELLER_" + re.sub("[^A-Z0-9]", "_", key.upper()))[:_MAX_NAME_CHARACTERS]


def _assignment(name: str, value: object) -> bytes:
    """NAME=value. The value may hold line breaks and zeros; any value but text is written as JSON."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return f"{name}={text}".encode("utf-8", "backslashreplace")
