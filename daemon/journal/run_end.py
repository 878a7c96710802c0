"""How the daemon's last run ended: tells which photos, if any, a death of the program is held against.

Two small files in the state directory say so. The daemon writes one when it is asked to stop. The systemd unit writes
the other after the end, with the result that systemd saw (ExecStopPost= in systemd/freisteller.service). Both stay
until the next run has put the journal in order, so a start that fails before that loses nothing.
"""

from contextlib import suppress
from enum import StrEnum
from pathlib import Path


class RunEnd(StrEnum):
    """How a run ended that left photos in work."""

    CRASHED = "crashed"
    """One of them may be to blame. It cost the photo a try if it was the only one."""
    HUNG = "hung"
    """systemd's watchdog killed it. That costs no photo a try, but one of them may have halted everything."""
    STOPPED = "stopped"
    """Somebody asked it to stop, and it was killed before that was over. No photo has anything to do with it."""


_SERVICE_RESULTS = {"watchdog": RunEnd.HUNG, "timeout": RunEnd.STOPPED}  # systemd.exec(5), $SERVICE_RESULT


class RunEndRecord:
    """The two files in one state directory."""

    def __init__(self, state: Path) -> None:
        self._stop_asked = state / "stop-asked"
        self._service_result = state / "service-result"

    def record_stop(self) -> None:
        """Keep that this run was asked to stop. Waits for nothing, and never fails: a kill may follow at any moment."""
        with suppress(OSError):  # no room, perhaps: then what is in work counts as after a crash
            self._stop_asked.touch()

    def read(self) -> RunEnd:
        """How the last run ended, as far as anybody noted it down."""
        if self._stop_asked.exists():
            return RunEnd.STOPPED
        with suppress(FileNotFoundError):
            return _SERVICE_RESULTS.get(self._service_result.read_text("utf-8", "replace").strip(), RunEnd.CRASHED)
        return RunEnd.CRASHED

    def forget(self) -> None:
        """Make room for what the next end leaves. Raises OSError."""
        self._stop_asked.unlink(missing_ok=True)
        self._service_result.unlink(missing_ok=True)
