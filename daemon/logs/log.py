"""Structured logs: one line for each change of state.

Lines are JSON for programs, and entries with fields in journald. Each has ts, level, action and message, and further
fields where they help, such as `job`. The wording of a message may change but its `action` may not, since dashboards
and scripts search for it. No line holds a secret or a line break. A person at a terminal sees some of them, as text.
"""

import logging
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import IO, TextIO

from daemon.logs import journald
from daemon.logs.formats import JsonFormatter, TextFormatter
from daemon.logs.people import PeopleHandler, ShownLine
from daemon.logs.redaction import without_secrets

LOGGER = "freisteller"
_SHARED: ContextVar[Mapping[str, object] | None] = ContextVar("shared", default=None)


def is_for_people(fmt: str, *streams: IO[str]) -> bool:
    """Whether a program that writes to these streams writes lines for people, and not JSON.

    fmt: as in `set_up`. "auto" = a person sits at a terminal that is one of the streams.
    """
    return fmt == "text" or (fmt == "auto" and any(stream.isatty() for stream in streams))


def set_up(level: str, fmt: str, stream: TextIO, show: Callable[[ShownLine], None] | None = None) -> None:
    """Send all log lines of this process to `stream`, or to people. This replaces an earlier set-up.

    level: debug, info, warning or error, for our own lines. Libraries are always heard from warning on.
    fmt: "json", "text" or "auto". "auto" means text on a terminal, entries with fields if journald reads the stream and
    takes such entries, and JSON otherwise.
    show: shows a line to a person, who then sees nothing else: nothing is written to `stream`, unless that is another
    place than the person's terminal, and "auto" asks for JSON there. None = this program has no such lines.
    """
    handlers: list[logging.Handler] = [PeopleHandler(show)] if show else []
    if not show or (fmt == "auto" and not stream.isatty()):
        handlers.append(_to_stream(fmt, stream))
    logging.basicConfig(handlers=handlers, level=logging.WARNING, force=True)
    set_level(level)
    logging.captureWarnings(True)  # otherwise the warning of a library is a line that no program can read


def _to_stream(fmt: str, stream: TextIO) -> logging.Handler:
    as_text = is_for_people(fmt, stream)
    in_journald = journald.reads(stream)
    send = journald.sender() if in_journald and fmt == "auto" else None
    handler = journald.JournaldHandler(stream, send) if send else logging.StreamHandler(stream)
    handler.setFormatter(TextFormatter() if as_text else JsonFormatter(with_priority=in_journald))
    handler.addFilter(_Ours())
    return handler


class _Ours(logging.Filter):
    """Lets lines of our own through from a level on, and those of libraries always."""

    least = logging.INFO

    def filter(self, record: logging.LogRecord) -> bool:
        return record.levelno >= self.least or record.name.partition(".")[0] != LOGGER


def set_level(level: str) -> None:
    """Log our own lines from this level on: debug, info, warning or error. People see no more for "info"."""
    least = logging.getLevelNamesMapping()[level.upper()]
    lowest = least
    for handler in logging.getLogger().handlers:
        for each in handler.filters:
            if isinstance(each, _Ours):
                each.least = least
        if isinstance(handler, PeopleHandler):
            handler.least = logging.WARNING if least == logging.INFO else least
            lowest = min(least, logging.INFO)  # what is marked for people is shown at every level
    logging.getLogger(LOGGER).setLevel(lowest)


@contextmanager
def lines_of_one_work() -> Iterator[None]:
    """Within the block, the lines of this thread have what `share` says."""
    token = _SHARED.set({})
    try:
        yield
    finally:
        _SHARED.reset(token)


def share(**fields: object) -> None:
    """Give these fields to each further line of the work of this thread, e.g. the machine that does it; None ends it.

    Does nothing outside of `lines_of_one_work`. What a line says itself comes first.
    """
    shared = _SHARED.get()
    if shared is not None:
        _SHARED.set({name: value for name, value in {**shared, **fields}.items() if value is not None})


def log(
    action: str,
    message: str,
    *,
    level: int = logging.INFO,
    error: BaseException | None = None,
    people: bool | None = None,
    **fields: object,
) -> None:
    """Write one line. action: a fixed name, e.g. "job_done". error: its traceback is added. fields: e.g. job=….

    people: whether a person at a terminal sees it. None = from warning on; False = they see another line instead.
    """
    extra = {"action": action, "people": people, "fields": without_secrets({**(_SHARED.get() or {}), **fields})}
    logging.getLogger(LOGGER).log(level, "%s", message, exc_info=error, extra=extra)
