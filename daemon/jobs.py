"""The values that describe a photo's way: its job, its attempts, the verdict on each, its outcome."""

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Literal

from daemon.promises import Limits as Limits
from daemon.promises import MadeOf as MadeOf
from daemon.recipes import TOUCH_UP as TOUCH_UP  # the values of recipes belong to these, too
from daemon.recipes import UNFINISHED
from daemon.recipes import Finish as Finish
from daemon.recipes import Recipe as Recipe
from daemon.recipes import View as View
from daemon.states import State

ATTEMPTS_PER_PAGE = 100
"""Attempts on the second page of a file are numbered from 101, and so on. No page ever gets that many attempts."""

TICKETS = uuid.UUID("6f0b8f5e-2f6b-5d0e-9d1f-0d6d5b0c7a11")  # our namespace for UUIDv5 tickets; never change it


class Grade(StrEnum):
    """How good a result is; the values are the names of the grade folders."""

    SEHR_GUT = "sehr_gut"
    GUT = "gut"
    UNGENUEGEND = "ungenügend"

    @property
    def label(self) -> str:
        """The grade in ASCII, as metrics label it."""
        return "ungenuegend" if self is Grade.UNGENUEGEND else self.value

    @property
    def rank(self) -> int:
        """2 for the best, 0 for the worst."""
        return {Grade.SEHR_GUT: 2, Grade.GUT: 1, Grade.UNGENUEGEND: 0}[self]


@dataclass(frozen=True, slots=True)
class Measures:
    """The numbers that judge a result, each 0 (worst) .. 1 (best). agreement: None if there is only one alpha."""

    pixel_residue: float
    edge_cleanliness: float
    completeness: float
    agreement: float | None = None


@dataclass(frozen=True, slots=True)
class Spot:
    """A part of the upright photo that a reason is about: a box, and the point x, y in it where the fault is thickest.

    All in fractions 0..1 of the photo's width and height.
    """

    left: float
    top: float
    right: float
    bottom: float
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason for a grade, without words; `words.reason_texts` says it in a language.

    code: its short fixed name. place: the ninth of the picture that it is about, e.g. "lower left"; "" = no one place.
    elsewhere: whether there is more of it in other places. share: 0..1, of what the sentence says, or None.
    parts: codes of what it is made of. pixels: counts of pixels that the sentence tells, in its order.
    """

    code: str
    place: str = ""
    elsewhere: bool = False
    share: float | None = None
    parts: tuple[str, ...] = ()
    pixels: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Correction:
    """What people's verdicts on earlier results add to a score. verdicts: how many it rests on."""

    shift: float
    verdicts: int


@dataclass(frozen=True, slots=True)
class Witnessed:
    """What was heard of another model, which is no engine's answer. apart: 0 = it sees the same .. 1 (1 - soft IoU)."""

    model: str
    apart: float


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the judgement says of one result: two promises, the grade, which is the worse of both, and the reasons.

    score: the region's promise, 0..1: how far the right things are kept. rim: the border's promise, 0..1: the share of
    the border that is right to about 2 pixels at the size in which it is written. None if nobody judged it: the region
    is ungenügend anyway, there is no border, or an earlier version of this program gave the verdict.
    made_of, rim_made_of: how each promise came about. limits: by what it was graded. Earlier versions kept none of it.
    A reason that is text comes from an earlier version of this program, which kept English sentences.
    """

    score: float
    grade: Grade
    measures: Measures
    reasons: tuple[Reason | str, ...] = ()
    defects: tuple[str, ...] = ()
    """Short fixed names of what is wrong, the worst first, e.g. "residue", "holes"; the strategy reads them."""
    spots: tuple[tuple[Spot, ...], ...] = ()
    """Of each reason, in the same order, its spots in the photo, the largest first. Empty if no reason has one, and in
    verdicts of earlier versions."""
    correction: Correction | None = None
    """What people's verdicts moved the score by; None if they moved nothing."""
    uncorrected: float | None = None
    """The score before the correction, 0..1; None if there is none."""
    rim: float | None = None
    made_of: MadeOf | None = None
    rim_made_of: MadeOf | None = None
    limits: Limits | None = None
    witness: Witnessed | None = None
    """The witness beside which this was judged, if there was one."""

    @property
    def own_score(self) -> float:
        """The score as the program alone would give it."""
        return self.score if self.uncorrected is None else self.uncorrected

    @property
    def graded_by(self) -> Literal["score", "rim", "both"]:
        """Which promise made the grade: the one that reaches less, or both. Without a rim, or limits, the score."""
        limits = self.limits
        if limits is None or self.rim is None:
            return "score"
        region, rim = limits.reached_by(self.score), limits.rim_reached_by(self.rim)
        return "both" if rim == region else "rim" if rim < region else "score"

    @property
    def by_rim(self) -> bool:
        """Whether the rim alone made the grade."""
        return self.graded_by == "rim"


@dataclass(frozen=True, slots=True)
class Attempt:
    """A recipe and what came of it. number counts from 1 within a job, see ATTEMPTS_PER_PAGE.

    finish, verdict: of the result. verdict is None if the engine refused the recipe; error then says why.
    subject: the view that just holds what the alpha shows, for a later zoom; None if it shows nothing.
    resolved: how many pixels of its view's longer side the model resolves; 0 if that is not known.
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
    admitted_at, started_at, finished_at: Unix times. best: the number of the attempt that won; of several pages, of the
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
