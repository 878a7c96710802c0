"""Sends a request again if the server was away for a moment only. For requests that may arrive twice."""

import threading
from collections.abc import Callable
from typing import TypeVar

from daemon.engines.comfyui.error_mapping import ServerStumbled
from daemon.errors import EngineAway

T = TypeVar("T")

BACK_OFFS = (0.1, 0.5)  # seconds before a failed request is sent again; a server that is really gone stays away longer


def with_retries(
    request: Callable[[], T],
    clock: Callable[[], float],
    stop: threading.Event,
    after_back_off: Callable[[], None] = lambda: None,
) -> T:
    """Return what `request` returns. Repeats it after EngineAway, once for each back-off.

    after_back_off: called before each repetition. It may raise, to end the attempts.
    """
    for seconds in BACK_OFFS:
        began = clock()
        try:
            return request()
        except EngineAway as error:
            hung = clock() - began > BACK_OFFS[-1] and not isinstance(error, ServerStumbled)
            if hung:  # until its time limit: the server is really gone
                raise
            stop.wait(seconds)
            after_back_off()
    return request()
