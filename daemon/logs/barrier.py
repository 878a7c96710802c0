"""Keeps what goes wrong with one thing of many from stopping the others."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from daemon.errors import JournalDamaged, NoRoom, RootAway
from daemon.logs.log import log

CONCERNS_ALL = (NoRoom, RootAway, JournalDamaged)
"""Errors that a barrier lets through: with the next thing they would come again."""


class Barrier:
    """Remembers what met an error, so that each thing is logged once until it succeeds. Only one thread uses it."""

    def __init__(self) -> None:
        self._failed: set[str] = set()

    @contextmanager
    def around(self, name: str) -> Iterator[None]:
        """Do one thing in the block: an error ends the block, and no more. name: of the thing, for people.

        Raises NoRoom, RootAway and JournalDamaged, which concern all things.
        """
        try:
            yield
        except CONCERNS_ALL:
            raise
        except Exception as error:  # noqa: BLE001 - whatever it is, it concerns this thing only
            if name not in self._failed:
                self._failed.add(name)
                text = f"{name} waits: {type(error).__name__}: {error}"
                log("internal_error", text, level=logging.ERROR, error=error, name=name)
        else:
            self._failed.discard(name)
