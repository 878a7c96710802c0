"""Holds the settings that the daemon works with now."""

from daemon.settings.tree import Settings


class CurrentSettings:
    """A reload writes, all others read; from any thread and without a lock, since all of it is one reference.

    now: the settings. Whoever needs two of them that fit together reads `now` once.
    """

    def __init__(self, settings: Settings) -> None:
        self.now = settings
