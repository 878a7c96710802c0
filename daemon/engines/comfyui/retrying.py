"""Requests that may be sent twice, sent again where a server is away for a moment only."""

import threading
from collections.abc import Callable
from typing import TypeVar

from daemon.errors import EngineAway

T = TypeVar("T")

PAUSES = (0.1, 0.5)  # seconds before a failed request is sent again; a server that is gone stays gone for longer


def patiently(
    request: Callable[[], T],
    clock: Callable[[], float],
    stop: threading.Event,
    between: Callable[[], None] = lambda: None,
) -> T:
    """What `request` returns. between: called after each pause; may raise to end it."""
    for pause in PAUSES:
        began = clock()
        try:
            return request()
        except EngineAway:
            if clock() - began > PAUSES[-1]:  # it hung until the time limit: no blip
                raise
            stop.wait(pause)
            between()
    return request()
