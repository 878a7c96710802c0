"""The values that say how good a result is: its grade, the two promises behind it, the reasons with their places."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

from daemon.jobs.promises import Limits, MadeOf


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
