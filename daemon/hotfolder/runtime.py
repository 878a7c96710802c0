"""Carries the clocks, the tick and the stop of the running program to every part that changes something."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Self

from daemon.hotfolder.effects import Effect, Tick
from daemon.hotfolder.lease import Lease
from daemon.observe.stage_clock import StageClock


def _allow(_: Effect) -> None:
    """The tick of a program that has no lease to lose."""


def _never() -> bool:
    return False


@dataclass(frozen=True, slots=True)
class Runtime:
    """One value for the whole program. A test gives it a clock of its own, or a tick that raises.

    clock: Unix seconds. tick: is called before each effect. stopping: whether the program ends, so that it hands back
    the work that it has begun. stages: times the work on photos.
    """

    clock: Callable[[], float] = time.time
    tick: Tick = _allow
    stopping: Callable[[], bool] = _never
    stages: StageClock = field(default_factory=StageClock)

    def fenced(self, lease: Lease) -> Self:
        """The same, with a tick that refuses to change the hot folder while another machine may have it."""

        def tick(effect: Effect) -> None:
            if effect.fenced:
                lease.refuse_unless_sure()
            self.tick(effect)

        return replace(self, tick=tick)
