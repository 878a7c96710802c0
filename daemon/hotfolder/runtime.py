"""Carries the clock, the tick and the stop of the running program to every part that changes something."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from daemon.hotfolder.effects import Effect, Tick


def _allow(_: Effect) -> None:
    """The tick of a program that has no lease to lose."""


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Runtime:
    """One value for the whole program. A test gives it a clock of its own, or a tick that raises.

    clock: Unix seconds. tick: is called before each effect. stopping: whether the program ends, so that it hands back
    the work that it has begun.
    """

    clock: Callable[[], float] = time.time
    tick: Tick = _allow
    stopping: Callable[[], bool] = _never
