"""How far one server is trusted: its circuit breaker, the models set aside there, and its load. No I/O.

Closed: the server works. Open: it gets nothing. Half open: it answered a probe and gets one photo; the outcome decides.
Not thread-safe: change it only inside `Servers.changing`. Anybody may read `reachable`.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from daemon.engines.comfyui.error_mapping import NodeFailed
from daemon.errors import EngineAway, EngineMisconfigured, FreistellerError, Said, said_of, said_together

LONGEST_FACTOR = 32  # times the first back-off: a model set aside is tried again more and more rarely, up to this
FAILURES_IN_A_ROW = 3  # of one model, with different photos: then the installation is at fault, not the photos
DEADLY_SECONDS = 600.0  # until a model that ended the server is tried there again; each further time, twice as long
MOST_DEADLY_SECONDS = 86400.0
MOST_FAILED_PHOTOS = 64  # remembered for each model
USUAL_SECONDS = 1.0  # assumed for one prompt, until the first one was timed
NEWEST_WEIGHT = 0.3  # of the newest prompt in the running mean of seconds


class Breaker(StrEnum):
    """The three states of a circuit breaker."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


@dataclass(slots=True)
class SetAside:
    """A model that gets no photos on this server until then. Each failed trial doubles the seconds.

    What tells most is tried first: from `until` on, a test picture, or a photo that has not failed on the model if no
    test pictures are sent. Any other photo is tried when so many seconds more have passed and nobody else came.
    """

    message: Said
    until: float
    seconds: float


@dataclass(slots=True)
class ServerTrust:
    """The trust in one server.

    slots: photos that it may get at once.
    set_aside_seconds: how long a model is set aside for the first time.
    trouble: why the breaker is open.
    warm: models that the server has loaded, as far as we know.
    asked: models that were ever asked for there.
    failed_canaries: models that cut out the test picture wrongly, with a message. Only a correct answer to the canary
    removes one.
    proven: models that gave an alpha there since it was last away.
    deadly: models whose test picture ended the server. That it is back removes none: the file is the same.
    seconds: running mean of the seconds of one prompt.
    tested: models for which test pictures are sent.
    """

    slots: int
    set_aside_seconds: float
    breaker: Breaker = Breaker.CLOSED
    trouble: FreistellerError | None = None
    in_flight: int = 0
    warm: set[str] = field(default_factory=set)
    asked: set[str] = field(default_factory=set)
    set_aside: dict[str, SetAside] = field(default_factory=dict)
    failed_canaries: dict[str, Said] = field(default_factory=dict)
    proven: set[str] = field(default_factory=set)
    deadly: dict[str, SetAside] = field(default_factory=dict)
    seconds: float = USUAL_SECONDS
    tested: frozenset[str] = frozenset()
    _failures: dict[str, list[str]] = field(default_factory=dict)  # model -> photos that failed since it last worked

    @property
    def reachable(self) -> bool:
        """Whether the breaker lets anything through."""
        return self.breaker is not Breaker.OPEN

    @property
    def up(self) -> bool:
        """Whether the server is of use: reachable, and not every model that it was asked for is without photos."""
        without = self.models_without_photos
        return self.reachable and not (without and self.asked <= without)

    @property
    def models_without_photos(self) -> set[str]:
        """The models that get no photos on this server."""
        return {*self.set_aside, *self.failed_canaries, *self.deadly}

    @property
    def message(self) -> str:
        """What is wrong, for people. "" if nothing is."""
        texts = [said_of(self.trouble)] if self.trouble else []
        aside = (*self.set_aside.values(), *self.deadly.values())
        models = (*(each.message for each in aside), *self.failed_canaries.values())
        return said_together([*texts, *dict.fromkeys(models)])

    def accepts_photo(self, model: str, now: float, photo: str = "") -> bool:
        """Whether the server may get a photo for this model, now or when a slot becomes free. photo: its digest."""
        aside = self.set_aside.get(model)
        others_first = model in self.tested or photo in self._failures.get(model, ())
        back_off = aside.seconds if aside and others_first else 0.0
        return model not in self.failed_canaries and self.accepts_test_picture(model, now - back_off)

    def accepts_test_picture(self, model: str, now: float) -> bool:
        """Whether the server may get a test picture for this model: it will answer, correctly or not."""
        aside = (self.set_aside.get(model), self.deadly.get(model))
        return self.reachable and all(each is None or now >= each.until for each in aside)

    def has_free_slot(self) -> bool:
        """Whether the server can take one more photo now. While half open it takes only one at a time."""
        return self.in_flight < (1 if self.breaker is Breaker.HALF_OPEN else self.slots)

    def seconds_until_done(self, model: str, affinity_seconds: float) -> float:
        """Roughly how long one more photo would take. affinity_seconds is added if the model is not loaded there."""
        return (self.in_flight + 1) * self.seconds + (0.0 if model in self.warm else affinity_seconds)

    def take_slot(self, model: str, now: float) -> None:
        """Count one more photo on the server."""
        self.in_flight += 1
        self.asked.add(model)
        if model in self.set_aside:  # this photo is the trial; nobody else tries the model until its outcome is known
            self.set_aside[model].until = now + self.set_aside[model].seconds

    def free_slot(self) -> None:
        """Count one photo less, whatever its outcome."""
        self.in_flight -= 1

    def record_answer(self, model: str, seconds: float) -> None:
        """The model gave an alpha. Its seconds predict the next photo's, unless the model had to be loaded first.

        seconds: from taking the slot to the alpha. All photos in flight shared them.
        """
        if model in self.warm:
            self.seconds += NEWEST_WEIGHT * (seconds / max(1, self.in_flight) - self.seconds)
        self._record_works(model)

    def record_right_canary(self, model: str) -> None:
        """The model cut out the test picture correctly."""
        self._record_works(model)
        self.failed_canaries.pop(model, None)

    def record_wrong_canary(self, model: str, message: Said) -> None:
        """The model cut out the test picture wrongly."""
        self._record_works(model)
        self.failed_canaries[model] = message

    def record_deadly(self, model: str, message: Said, now: float) -> None:
        """The test picture ended the server's process. Nothing goes through the model there for a long while."""
        before = self.deadly.get(model)
        seconds = min(before.seconds * 2, MOST_DEADLY_SECONDS) if before else DEADLY_SECONDS
        self.deadly[model] = SetAside(message, now + seconds, seconds)

    def _record_works(self, model: str) -> None:
        self.breaker, self.trouble = Breaker.CLOSED, None
        self.warm.add(model)
        self.proven.add(model)
        self.deadly.pop(model, None)
        self.set_aside.pop(model, None)
        self._failures.pop(model, None)

    def record_failure(self, model: str, error: FreistellerError, now: float, photo: str = "") -> FreistellerError:
        """The model gave no alpha. Returns the error to raise. photo: its digest.

        A model that fails on photo after photo is broken there: its error becomes EngineMisconfigured.
        """
        if isinstance(error, EngineAway):
            self.record_absence(error)
            return error
        if self.breaker is Breaker.HALF_OPEN:  # a refusal is an answer too, so the server works
            self.breaker, self.trouble = Breaker.CLOSED, None
        if isinstance(error, NodeFailed):
            failed = [each for each in self._failures.get(model, ()) if each != photo]
            self._failures[model] = [*failed, photo][-MOST_FAILED_PHOTOS:]
            if len(self._failures[model]) >= FAILURES_IN_A_ROW:
                error = EngineMisconfigured(Said("many_in_a_row", what=error, n=FAILURES_IN_A_ROW))
        if isinstance(error, EngineMisconfigured):
            before = self.set_aside.get(model)
            longest = self.set_aside_seconds * LONGEST_FACTOR
            seconds = min(before.seconds * 2, longest) if before else self.set_aside_seconds
            self.set_aside[model] = SetAside(said_of(error), now + seconds, seconds)
        return error

    def record_absence(self, error: FreistellerError) -> None:
        """The server does not answer, refuses access, or is no ComfyUI server."""
        self.breaker, self.trouble = Breaker.OPEN, error

    def record_probe(self) -> None:
        """The server answered a probe. If it was away, it may have lost its models, and got what it lacked before."""
        if not self.reachable:
            self.breaker = Breaker.HALF_OPEN
            self.warm.clear()
            self.proven.clear()
            self.set_aside.clear()
            self._failures.clear()

    def record_freed_memory(self) -> None:
        """The server dropped its models."""
        self.warm.clear()
