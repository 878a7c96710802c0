"""systemd's journal: whether it reads a stream of ours, and the door for entries with fields.

The door is systemd-python (the extra `systemd`), which hands entries to journald's own socket; see
systemd.journal-fields(7) and sd_journal_sendv(3).
"""

import json
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TextIO

# priority (syslog's number), text for people, fields.
Send = Callable[[int, str, Mapping[str, object]], None]

_SOCKET = Path("/run/systemd/journal/socket")
_NAME_LONGEST = 64  # characters; a longer name makes journald drop the field


def reads(stream: TextIO, environment: Mapping[str, str] = os.environ) -> bool:
    """Whether it goes straight into the journal: JOURNAL_STREAM names its device and inode (systemd.exec(5))."""
    try:
        there = os.fstat(stream.fileno())
    except (OSError, ValueError):  # a stream in memory, or a closed one
        return False
    return environment.get("JOURNAL_STREAM", "") == f"{there.st_dev}:{there.st_ino}"


def door() -> Send | None:
    """What takes an entry, raising OSError where journald does not; None without systemd-python or without the socket.

    Without its socket (another root directory, say) libsystemd would drop each entry and report success.
    """
    if not _SOCKET.is_socket():
        return None
    try:
        from systemd.journal import sendv
    except ImportError:
        return None

    def send(priority: int, text: str, fields: Mapping[str, object]) -> None:
        fixed = {"MESSAGE": text, "PRIORITY": priority, "SYSLOG_IDENTIFIER": "freisteller"}
        named = {_name(key): value for key, value in fields.items()}
        sendv(*(_assignment(name, value) for name, value in (named | fixed).items()))

    return send


def _name(key: str) -> str:
    """A field's name as journald allows it: A-Z, 0-9 and _."""
    return ("FREISTELLER_" + re.sub("[^A-Z0-9]", "_", key.upper()))[:_NAME_LONGEST]


def _assignment(name: str, value: object) -> bytes:
    """NAME=value, which may hold line breaks and zeros; what is no text is JSON."""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return f"{name}={text}".encode("utf-8", "backslashreplace")
