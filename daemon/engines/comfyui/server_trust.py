"""How far one server is trusted right now: its circuit breaker, the models paused there, its load. No I/O.

Closed: it works. Open: it gets nothing. Half open: it answered a probe and gets one photo; that decides.
Not thread-safe; the pool holds its lock around every call.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from daemon.engines.comfyui.error_mapping import NodeFailed
from daemon.errors import EngineAway, EngineMisconfigured, FreistellerError

LONGEST_PAUSE = 32  # times the first; a paused model is tried again less and less often
FAILURES_IN_A_ROW = 3  # of a model, on different photos: it is the installation, not the photos
USUAL_SECONDS = 1.0  # of one prompt, until the first has been timed
RECENT = 0.3  # weight of the newest prompt in the running mean of seconds


class Breaker(StrEnum):
    """The three states of a circuit breaker."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(slots=True)
class Pause:
    """A model that this server gets no photos for until then; each failed trial doubles the pause."""

    message: str
    until: float
    seconds: float


@dataclass(slots=True)
class Standing:
    """One server, as the pool sees it."""

    slots: int
    pause_seconds: float
    breaker: Breaker = Breaker.CLOSED
    trouble: FreistellerError | None = None
    in_flight: int = 0
    warm: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    paused: dict[str, Pause] = field(default_factory=dict)
    doubted: dict[str, str] = field(default_factory=dict)
    """Models whose answers are known to be wrong, and in which way; only a right answer to the canary ends that."""
    seconds: float = USUAL_SECONDS
    _failures: dict[str, int] = field(default_factory=dict)

    @property
    def up(self) -> bool:
        """Whether it does any good: reachable, and not every model that was asked of it is paused."""
        if self.breaker is Breaker.OPEN:
            return False
        return not self.stopped or not self.asked <= self.stopped

    @property
    def stopped(self) -> set[str]:
        """The models that get no photos there."""
        return {*self.paused, *self.doubted}

    @property
    def remarks(self) -> str:
        """What is wrong, in words; "" when nothing is."""
        told = [str(self.trouble)] if self.trouble else []
        pauses = (pause.message for pause in self.paused.values())
        return " ".join([*told, *dict.fromkeys([*pauses, *self.doubted.values()])])

    def trusted(self, model: str, now: float) -> bool:
        """Whether it may get a photo for this model at all, be it now or once a slot is free."""
        return model not in self.doubted and self.askable(model, now)

    def askable(self, model: str, now: float) -> bool:
        """The same for a test picture: whether there will be an answer, right or wrong."""
        pause = self.paused.get(model)
        return self.breaker is not Breaker.OPEN and (pause is None or now >= pause.until)

    def free(self) -> bool:
        """Whether it can take one more right now. Half open it takes one at a time."""
        return self.in_flight < (1 if self.breaker is Breaker.HALF_OPEN else self.slots)

    def cost(self, model: str, affinity_seconds: float) -> float:
        """Seconds until it would have this model done, roughly."""
        return (self.in_flight + 1) * self.seconds + (0.0 if model in self.warm else affinity_seconds)

    def take(self, model: str, now: float) -> None:
        """One photo goes there."""
        self.in_flight += 1
        self.asked.add(model)
        if model in self.paused:  # the trial; until its outcome is known nobody else tries
            self.paused[model].until = now + self.paused[model].seconds

    def let_go(self) -> None:
        """One photo came back, however."""
        self.in_flight -= 1

    def answered(self, model: str, seconds: float) -> None:
        """It did well. How long it took says something of the next photo unless a model was loaded first."""
        if model in self.warm:
            self.seconds += RECENT * (seconds - self.seconds)
        self._works(model)

    def right(self, model: str) -> None:
        """It cut out the test picture rightly."""
        self._works(model)
        self.doubted.pop(model, None)

    def wrong(self, model: str, message: str) -> None:
        """It cut out the test picture wrongly."""
        self._works(model)
        self.doubted[model] = message

    def _works(self, model: str) -> None:
        self.breaker, self.trouble = Breaker.CLOSED, None
        self.warm.add(model)
        self.paused.pop(model, None)
        self._failures.pop(model, None)

    def failed(self, model: str, error: FreistellerError, now: float) -> FreistellerError:
        """It did not. Returns the error to believe: a model that fails on photo after photo is broken there."""
        if isinstance(error, EngineAway):
            self.away(error)
            return error
        if self.breaker is Breaker.HALF_OPEN:  # it works: that it says no is an answer too
            self.breaker, self.trouble = Breaker.CLOSED, None
        if isinstance(error, NodeFailed):
            self._failures[model] = self._failures.get(model, 0) + 1
            if self._failures[model] >= FAILURES_IN_A_ROW:
                error = EngineMisconfigured(f"{error} ({FAILURES_IN_A_ROW} photos in a row; is the node broken?)")
        if isinstance(error, EngineMisconfigured):
            before = self.paused.get(model)
            longest = self.pause_seconds * LONGEST_PAUSE
            seconds = min(before.seconds * 2, longest) if before else self.pause_seconds
            self.paused[model] = Pause(str(error), now + seconds, seconds)
        return error

    def away(self, error: FreistellerError) -> None:
        """It does not answer, or not as a ComfyUI server that lets us in."""
        self.breaker, self.trouble = Breaker.OPEN, error

    def probed(self) -> None:
        """It answered a probe. Had it been away, it may have lost every model, and found what it lacked."""
        if self.breaker is Breaker.OPEN:
            self.breaker = Breaker.HALF_OPEN
            self.warm.clear()
            self.paused.clear()
            self._failures.clear()

    def freed(self) -> None:
        """It dropped its models."""
        self.warm.clear()
