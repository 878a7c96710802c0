"""`freisteller notify-test`: sends a test message to each hook."""

import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass

from daemon import __version__
from daemon.errors import BadSettings
from daemon.notify.delivery import Undelivered, deliver
from daemon.notify.notices import Origin, payload, trial
from daemon.settings import Settings
from daemon.words.catalogue import words_in


@dataclass(frozen=True, slots=True)
class Trial:
    """How one hook did. error: why the message did not arrive; "" = it did."""

    hook: str
    seconds: float
    error: str

    def values(self) -> dict[str, object]:
        """For JSON."""
        return {"hook": self.hook, "told": not self.error, "seconds": round(self.seconds, 3), "error": self.error}


def try_hooks(settings: Settings, name: str | None, quiet: bool) -> Iterator[Trial]:
    """Send to every hook, or to the one of that name, one after the other. quiet: hide what the programs print.

    Raises BadSettings if there is no such hook.
    """
    hooks = [hook for hook in settings.notify.hooks if name in (None, hook.title)]
    if not hooks:
        known = ", ".join(hook.title for hook in settings.notify.hooks)
        missing = f"No hook is called {name}; notify.hooks has {known}." if known else "notify.hooks is empty."
        raise BadSettings(f"{missing} Name the settings file that has the hook with --config.")
    origin = Origin(__version__, socket.gethostname(), str(settings.root_path))
    for hook in hooks:
        began = time.monotonic()
        error = ""
        try:
            limit_seconds = hook.limit_seconds or settings.notify.limit_seconds
            notice = trial(time.time(), words_in(settings.language))
            deliver(hook, "test", payload(notice, origin), limit_seconds, quiet)
        except Undelivered as failure:
            error = str(failure)
        yield Trial(hook.title, time.monotonic() - began, error)
