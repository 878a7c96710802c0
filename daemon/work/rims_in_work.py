"""Judges rims of one photo's results at full size, and keeps the full alpha of the best result so far."""

from collections.abc import Callable
from dataclasses import dataclass, field

from daemon.arrays import Alpha
from daemon.jobs import Attempt, Verdict, View
from daemon.judgement.best_of_pages import Standing, standing
from daemon.judgement.rims import JudgedRim, judge_rim
from daemon.observe.stage_clock import Timed
from daemon.pictures.large_photo import LargePhoto
from daemon.pictures.packed_alpha import PackedAlpha
from daemon.pictures.photo import Photo
from daemon.pictures.rim_patches import rim_patches
from daemon.pictures.values import Samples


@dataclass(slots=True)
class RimsInWork:
    """Full alphas take a byte or two for each pixel of the photo, so there are never more than two: that of the best
    result so far, and the one that is judged just now. Of a large photo, the first one is packed.

    most_seen: the longest side of the picture that engines get. judged: by number of the attempt; None = no border.
    """

    photo: Photo | LargePhoto
    most_seen: int
    timed: Timed
    judged: dict[int, JudgedRim | None] = field(default_factory=dict)
    _newest: tuple[int, Samples] | None = None
    _best: tuple[int, Samples | PackedAlpha] | None = None
    _standing: Standing | None = None

    def judge(self, attempt: Attempt, make: Callable[[Attempt], Samples], raw: Alpha | None) -> JudgedRim | None:
        """What is said of the rim of an attempt's result.

        make: makes its full alpha. raw: what that is finished from, (h, w) float32 0..1 of the whole photo; None if a
        person made it.
        """
        number = attempt.number
        if number not in self.judged:
            self.judged[number] = self.judge_otherwise(attempt, make, raw)
        return self.judged[number]

    def judge_otherwise(
        self, attempt: Attempt, make: Callable[[Attempt], Samples], raw: Alpha | None
    ) -> JudgedRim | None:
        """The same if the attempt had another finish, which `make` gives it. `take` or `leave` that afterwards."""
        self._newest = None
        with self.timed("refine"):
            full = make(attempt)
        with self.timed("rim"):
            patches = rim_patches(self.photo, full, self._resolved(attempt), raw)
            judged = None if patches is None else judge_rim(patches, (self.photo.width, self.photo.height))
        self._newest = attempt.number, full
        return judged

    def take(self, attempt: Attempt, rim: JudgedRim | None) -> None:
        """The attempt has the other finish now; `note` its verdict next."""
        self.judged[attempt.number] = rim
        if self._best is not None and self._best[0] == attempt.number:
            self._best = self._standing = None

    def leave(self) -> None:
        """The attempt keeps the finish that it had."""
        self._newest = None

    def note(self, attempt: Attempt, verdict: Verdict) -> None:
        """An attempt has this verdict now: keep its full alpha if it is the best one, as far as it is at hand."""
        rank = standing(verdict)
        if self._best is not None and self._best[0] == attempt.number:
            self._standing = rank
        elif self._newest is not None and self._newest[0] == attempt.number:
            if self._standing is None or rank > self._standing:
                number, full = self._newest
                self._best = number, PackedAlpha.of(full) if isinstance(self.photo, LargePhoto) else full
                self._standing = rank
            self._newest = None

    def full(self, attempt: Attempt) -> Samples | None:
        """The full alpha of an attempt's result if it is kept; nothing is kept any more then."""
        kept = next((each[1] for each in (self._best, self._newest) if each and each[0] == attempt.number), None)
        self._best = self._newest = self._standing = None
        return kept.unpacked() if isinstance(kept, PackedAlpha) else kept

    def _resolved(self, attempt: Attempt) -> int:
        """How many pixels of the whole photo's longest side the engine resolved; 0 if that is not known."""
        view, photo = attempt.recipe.view, self.photo
        seen = min(attempt.resolved, self.most_seen)
        return round(seen * max(photo.width, photo.height) / _longer_side(view, photo))


def _longer_side(view: View, photo: Photo | LargePhoto) -> float:
    return max(1.0, (view.right - view.left) * photo.width, (view.bottom - view.top) * photo.height)
