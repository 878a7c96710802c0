"""What systemd is told over its notify socket: ready, status, watchdog, stopping.

The protocol is one datagram of NAME=value lines (sd_notify(3)); without systemd nothing is sent and nothing fails.
systemd-python would send the same datagram, but wait without a limit for a systemd that hangs.
"""

import os
import socket
import time
from collections.abc import Mapping


class Systemd:
    """The socket on which systemd listens. environment: gives NOTIFY_SOCKET, WATCHDOG_USEC and WATCHDOG_PID, once."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self.remark = ""
        """What a person has to do; it ends the status line. "" = nothing."""
        self._address = environment.get("NOTIFY_SOCKET", "")
        self._watchdog_seconds = _watchdog_seconds(environment)

    @property
    def listening(self) -> bool:
        """Whether somebody wants to be told."""
        return bool(self._address)

    @property
    def watchdog_seconds(self) -> float | None:
        """How long systemd waits for `watchdog()` before it kills us; call it twice as often. None = not at all."""
        return self._watchdog_seconds

    def ready(self) -> None:
        """The start, or a reload, is over."""
        self._send("READY=1")

    def status(self, text: str) -> None:
        """One line for people, shown by `systemctl status`, e.g. "3 running, 41 waiting"; the remark is added."""
        line = f"{text}; {self.remark}" if self.remark else text
        self._send("STATUS=" + " ".join(line.split()))

    def watchdog(self) -> None:
        """The loops turn: call it only then."""
        self._send("WATCHDOG=1")

    def reloading(self) -> None:
        """Settings are read anew; `ready()` ends it."""
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        """The stop has begun."""
        self._send("STOPPING=1")

    def _send(self, message: str) -> None:
        if not self._address:
            return
        # A leading @ stands for the NUL of Linux' abstract namespace.
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as line:
                line.settimeout(1.0)  # a systemd that hangs must not hang us
                line.sendto(message.encode(), address)
        except OSError:
            # Telling is a courtesy: work goes on without it, and a missed watchdog is systemd's to answer.
            return


def _watchdog_seconds(environment: Mapping[str, str]) -> float | None:
    """WATCHDOG_USEC in seconds, where it is meant for this process (sd_watchdog_enabled(3))."""
    limit, pid = environment.get("WATCHDOG_USEC", ""), environment.get("WATCHDOG_PID", "")
    if not limit.isdecimal() or int(limit) == 0 or (pid and pid != str(os.getpid())):
        return None
    return int(limit) / 1_000_000
