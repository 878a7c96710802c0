"""Shows log records to a person: what needs them, and what they asked for, without what only programs read."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from daemon.logs.formats import entry_of, on_one_line, text_of


@dataclass(frozen=True, slots=True)
class ShownLine:
    """A line for a person. name: of the photo that it speaks of, which may be long; "" = of none.

    level: one of logging's. rest: more lines, such as a traceback, or what to do (the field `do` of a log line).
    """

    text: str
    level: int
    name: str = ""
    rest: tuple[str, ...] = ()


class PeopleHandler(logging.Handler):
    """Hands what a person should see to `show`.

    That are warnings and errors, and changes that were marked with `people=True`; with the level "debug" it is all,
    with its fields. What was marked with `people=False` has a line of its own that somebody else shows.
    """

    def __init__(self, show: Callable[[ShownLine], None]) -> None:
        super().__init__()
        self._show = show
        self.least = logging.WARNING

    def emit(self, record: logging.LogRecord) -> None:
        """Show the record, if it is for people."""
        try:
            marked: bool | None = getattr(record, "people", None)
            if self.least > logging.DEBUG and not (record.levelno >= self.least if marked is None else marked):
                return
            clock = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")
            entry = entry_of(record)
            if self.least > logging.DEBUG:
                entry = {key: entry[key] for key in ("message", "error") if key in entry}
            first, *rest = text_of(entry).splitlines()
            fields: Mapping[str, object] = getattr(record, "fields", {})
            name = on_one_line(str(fields.get("name", "")))
            if do := fields.get("do"):
                rest.append(on_one_line(str(do)))
            self._show(ShownLine(f"{clock} {first}", record.levelno, name, tuple(rest)))
        except Exception:  # noqa: BLE001 - as all of logging's handlers do it
            self.handleError(record)
