"""What the two promises of a result rest on: how each came about, and the limits of its grades."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MadeOf:
    """How a promise came about: `best`, what the best signs would promise, and what each kind of sign takes from that.

    effects: codes and amounts, what lowers most first; only what came after the signs may raise a promise, see
    `judgement.made_of`. `best` plus all of them is the promise, to 4 places.
    """

    best: float
    effects: tuple[tuple[str, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Limits:
    """The lowest promises, 0..1, of the grades: of the region (`Verdict.score`) and of the rim (`Verdict.rim`)."""

    sehr_gut: float
    gut: float
    rim_sehr_gut: float
    rim_gut: float

    def reached_by(self, score: float) -> int:
        """How many limits of the region a score reaches: 0, 1 or 2."""
        return (score >= self.gut) + (score >= self.sehr_gut)

    def rim_reached_by(self, rim: float) -> int:
        """How many limits of the rim its promise reaches: 0, 1 or 2."""
        return (rim >= self.rim_gut) + (rim >= self.rim_sehr_gut)

    def place_of(self, score: float, rim: float | None) -> float:
        """Where a result stands among its grades: that of the promise which stands worse, see `among`.

        rim: None if it was not judged. It is below 1 for ungenügend, below 2 for gut, and from 2 to 3 for sehr_gut.
        """
        region = among(score, self.gut, self.sehr_gut)
        return region if rim is None else min(region, among(rim, self.rim_gut, self.rim_sehr_gut))


def among(promise: float, gut: float, sehr_gut: float) -> float:
    """Where a promise stands among its limits: 0 at 0, 1 at gut, 2 at sehr_gut, 3 at 1, and in proportion between."""
    if promise < gut:
        return promise / gut
    if promise < sehr_gut:
        return 1 + (promise - gut) / (sehr_gut - gut)
    return 2 + (promise - sehr_gut) / (1 - sehr_gut) if sehr_gut < 1 else 3.0
