"""The values that describe a photo's way: its job, its attempts, its outcome."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field

from daemon.jobs.recipes import UNFINISHED, Finish, Recipe, View
from daemon.jobs.verdict import Grade, Verdict
from daemon.states import State

ATTEMPTS_PER_PAGE = 100
"""Attempts on the second page of a file are numbered from 101, and so on. No page ever gets that many attempts."""

TICKETS = uuid.UUID("6f0b8f5e-2f6b-5d0e-9d1f-0d6d5b0c7a11")  # our namespace for UUIDv5 tickets; never change it


@dataclass(frozen=True, slots=True)
class Attempt:
    """A recipe and what came of it. number counts from 1 within a job, see ATTEMPTS_PER_PAGE.

    finish, verdict: of the result. verdict is None if the engine refused the recipe; error then says why.
    subject: the view that just holds what the alpha shows, for a later zoom; None if it shows nothing.
    resolved: how many pixels of its view's longer side the model resolves; 0 if that is not known.
    finish_not_taken: the finish that was searched, if `finish` is its plain form because it made the rim worse.
    why: always empty now. In rows of earlier versions it says why this recipe came first.
    """

    number: int
    recipe: Recipe
    server: str = ""
    seconds: float = 0.0
    finish: Finish = UNFINISHED
    verdict: Verdict | None = None
    subject: View | None = None
    error: str | None = None
    error_reason: str | None = None
    why: str = ""
    resolved: int = 0
    finish_not_taken: Finish | None = None

    @property
    def page(self) -> int:
        """The page of the file that was tried, from 1."""
        return (self.number - 1) // ATTEMPTS_PER_PAGE + 1


@dataclass(frozen=True, slots=True)
class Choice:
    """That a person took an attempt instead of the best one. who: "" = unknown. at: Unix seconds.

    alphas_round: the round in which the attempts were made. replaces: places of the earlier result, below the root,
    that are still to be moved to `archiv/`. Of a file of several pages, page is the one that is made anew, and taken
    are the attempts that people took of any page, with who and when; otherwise 0 and nothing.
    """

    who: str
    at: float
    alphas_round: int
    replaces: tuple[str, ...] = ()
    page: int = 0
    taken: tuple[tuple[int, str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Job:
    """One photo on its way.

    name: its path below `inbox/`, POSIX, NFC. tries: starts so far that did not end in order. round: 0, plus one each
    time that a person wants another try. attempts: those of this round; tried_before: those of earlier rounds.
    admitted_at, started_at, finished_at: Unix times. worked_seconds: of work in this round, as far as they are kept;
    stops, outages and back-off are no work. best: the number of the attempt that won; of several pages, of the
    worst. choice: why this round began, if a person took an attempt of an earlier round.
    fresh: whether it was started just now for the first time in its round, so that no engine can know its tickets.
    """

    id: str
    name: str
    state: State = State.WAITING
    tries: int = 0
    round: int = 0
    size_bytes: int = 0
    admitted_at: float = 0.0
    started_at: float | None = None
    finished_at: float | None = None
    worked_seconds: float = 0.0
    attempts: tuple[Attempt, ...] = field(default=())
    tried_before: tuple[Attempt, ...] = field(default=())
    grade: Grade | None = None
    score: float | None = None
    best: int | None = None
    reason: str | None = None
    fresh: bool = False
    choice: Choice | None = None

    def ticket(self, attempt_number: int) -> uuid.UUID:
        """The name under which an engine knows this attempt. It is a UUIDv5, so a repeat after a crash is harmless.

        The round is part of it: another try that a person asked for is new work and gets no old answer.
        """
        return uuid.uuid5(TICKETS, f"{self.id}/{self.round}/{attempt_number}")


@dataclass(frozen=True, slots=True)
class Outcome:
    """All attempts of a job and the best one of them."""

    attempts: tuple[Attempt, ...]
    best: Attempt

    @property
    def verdict(self) -> Verdict:
        """The best attempt's verdict."""
        if self.best.verdict is None:
            raise ValueError("the best attempt has no verdict")
        return self.best.verdict


def attempt_numbered(attempts: Sequence[Attempt], number: int | None) -> Attempt | None:
    """The attempt of that number; None if there is none."""
    return next((attempt for attempt in attempts if attempt.number == number), None)
