"""Tells systemd over its notify socket how the daemon is: ready, status, watchdog, reloading, stopping.

The protocol is one datagram of NAME=value lines (sd_notify(3)). Without systemd nothing is sent and nothing fails.
systemd-python would send the same datagram, but it waits without a limit for a systemd that hangs.
"""

import os
import socket
import time
from collections.abc import Mapping


class Systemd:
    """The socket that systemd listens on. environment: gives NOTIFY_SOCKET; it is read once."""

    def __init__(self, environment: Mapping[str, str] = os.environ) -> None:
        self.remark = ""
        """What a person has to do; it ends the status line. "" = nothing."""
        self._address = environment.get("NOTIFY_SOCKET", "")

    def ready(self) -> None:
        """The start, or a reload, is over."""
        self._send("READY=1")

    def status(self, text: str) -> None:
        """One line for people, shown by `systemctl status`, e.g. "3 running, 41 waiting"; the remark is added."""
        line = f"{text}; {self.remark}" if self.remark else text
        self._send("STATUS=" + " ".join(line.split()))

    def watchdog(self) -> None:
        """The loops turn. Only then may this be called."""
        self._send("WATCHDOG=1")

    def reloading(self) -> None:
        """The settings are being read again; `ready()` ends it."""
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
            return  # work goes on without systemd; after a missed watchdog, systemd restarts us
