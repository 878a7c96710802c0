"""Sends one order to one shop in a process of its own, which is killed with all its children if it takes too long."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from threading import Event
from typing import Any

from daemon.shops.when_due import SendingEnd, end_of

LIMIT_SECONDS = 3600.0  # a shop slows large orders down; what is sent by then stays sent
_LOOK_SECONDS = 0.2  # how soon a stop is heard


def send_in_process(
    shop: str, order: str, flags: Sequence[str], stop: Event, limit_seconds: float = LIMIT_SECONDS
) -> SendingEnd | None:
    """Run `freisteller shops send` to its end, with the settings and credentials of this process.

    flags: `--config` and `--root`, as this process was started with. Returns None if `stop` was set before the end; a
    process that is killed leaves the shop as any crash does.
    """
    words = ("shops", "send", "--shop", shop, "--json", *flags, "--", order)
    try:
        process = subprocess.Popen(
            [sys.executable, "-m", "daemon", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        return SendingEnd(None, why=f"no process can be started: {error.strerror}", later=True)
    try:
        printed = _heard(process, time.monotonic() + limit_seconds, stop)
    finally:
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
    if printed is None:
        return None if stop.is_set() else SendingEnd(None, why=f"it took more than {limit_seconds:.0f} s", later=True)
    if process.returncode < 0:
        return SendingEnd(None, why=f"it was ended by signal {-process.returncode}", later=True)
    return end_of(process.returncode, _answer(printed[0]), _complaint(printed[1]))


def _heard(process: subprocess.Popen[bytes], until: float, stop: Event) -> tuple[bytes, bytes] | None:
    """All that it printed by its end; None = it has not ended in time."""
    while not stop.is_set() and time.monotonic() < until:
        with suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=_LOOK_SECONDS)
    return None


def _answer(printed: bytes) -> dict[str, Any]:  # Any: JSON
    with suppress(ValueError):
        answer = json.loads(printed)
        return answer if isinstance(answer, dict) else {}
    return {}


def _complaint(printed: bytes) -> str:
    lines = printed.decode("utf-8", "replace").strip().splitlines()
    return lines[-1].removeprefix("Error: ") if lines else ""
