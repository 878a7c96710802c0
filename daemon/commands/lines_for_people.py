"""Prints what `freisteller run` says to the person at the terminal; where programs read, it goes into the log alone."""

import logging
import sys
from contextlib import suppress
from typing import Any

from rich.console import Console
from rich.text import Text

from daemon.commands.terminal import job_end_line, with_short_name
from daemon.logs import log
from daemon.logs.fitted import wrapped
from daemon.logs.people import ShownLine
from daemon.publishing.job_events import JobEnd
from daemon.settings.running_sections import LogSettings

_STYLES = {logging.WARNING: "yellow", logging.ERROR: "red", logging.CRITICAL: "red"}
_CLOCK = len("12:34:56 ")


class LinesForPeople:
    """Lines as wide as the terminal. From any thread: a line is never torn apart.

    Lines for people and the log are two forms of one story, and no stream gets both: where a person is at the terminal,
    the lines go to the standard output, and JSON only to a standard error that somebody redirected.
    """

    def __init__(self, settings: LogSettings, out: Console) -> None:
        """Set up the log of this process, too."""
        self._out = out
        self.shown = log.is_for_people(settings.format, out.file, sys.stderr)
        """Whether a person reads them."""
        log.set_up(settings.level, settings.format, sys.stderr, self._notice if self.shown else None)

    def tell(self, action: str, text: str, **fields: Any) -> None:  # Any: else mypy takes them for the level
        """Say something that the log says, too. action, fields: as in `log.log`."""
        log.log(action, text, people=False, **fields)
        self.show(text)

    def show(self, text: str, indent: int = 0, style: str = "") -> None:
        """Print a sentence for people only. indent: columns before all lines but its first."""
        if self.shown:
            self._print(Text("\n".join(wrapped(text, self._out.width, indent)), style=style))

    def ended(self, job_end: JobEnd) -> None:
        """Print how a photo ended; the log has said that already."""
        if self.shown:
            self._print(job_end_line(job_end, self._out.width))

    def clear_echo(self) -> None:
        """Take away the ^C that a terminal shows for the key."""
        if self.shown and self._out.is_terminal:
            with suppress(OSError):
                self._out.file.write("\r")

    def _notice(self, notice: ShownLine) -> None:
        text = with_short_name(notice.text, notice.name) if notice.name else notice.text
        lines = [*wrapped(text, self._out.width, _CLOCK)]
        for each in notice.rest:
            lines += wrapped(" " * _CLOCK + each.strip(), self._out.width, _CLOCK)
        self._print(Text("\n".join(lines), style=_STYLES.get(notice.level, "")))

    def _print(self, text: Text) -> None:
        with suppress(OSError, SystemExit):  # rich raises the latter once nobody reads: the work goes on
            self._out.print(text)
