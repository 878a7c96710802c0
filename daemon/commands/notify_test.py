"""`freisteller notify-test`: each hook is told once, now, that this is a trial."""

import socket
import time
from collections.abc import Iterator
from dataclasses import dataclass

from daemon import __version__
from daemon.errors import BadSettings
from daemon.notify.delivery import Undelivered, deliver
from daemon.notify.notices import Origin, payload, trial
from daemon.settings import Settings


@dataclass(frozen=True, slots=True)
class Trial:
    """How one hook did. error: why it was not told; "" = it was."""

    hook: str
    seconds: float
    error: str

    def values(self) -> dict[str, object]:
        """For JSON."""
        return {"hook": self.hook, "told": not self.error, "seconds": round(self.seconds, 3), "error": self.error}


def try_hooks(settings: Settings, name: str | None, quiet: bool) -> Iterator[Trial]:
    """Tell every hook, or the one of that name, one after the other; quiet: not what programs print.

    Raises BadSettings where there is none.
    """
    hooks = [hook for hook in settings.notify.hooks if name in (None, hook.title)]
    if not hooks:
        known = ", ".join(hook.title for hook in settings.notify.hooks)
        raise BadSettings(f"There is no hook {name}: there are {known}." if known else "notify.hooks lists no hook.")
    origin = Origin(__version__, socket.gethostname(), str(settings.root_path))
    for hook in hooks:
        began = time.monotonic()
        error = ""
        try:
            limit_seconds = hook.limit_seconds or settings.notify.limit_seconds
            deliver(hook, "test", payload(trial(time.time()), origin), limit_seconds, quiet)
        except Undelivered as failure:
            error = str(failure)
        yield Trial(hook.title, time.monotonic() - began, error)
