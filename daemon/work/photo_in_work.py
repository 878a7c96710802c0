"""Holds one photo while it is cut out: its pixels, its small picture and the alphas that engines gave for it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from daemon.arrays import Alpha, Rgb
from daemon.jobs import TOUCH_UP, Attempt, Finish, Limits, Recipe, Verdict, View
from daemon.judgement import finish, finish_search, grading, views
from daemon.judgement.both_promises import has_better_rim, may_rise_with, rim_counts, with_rim
from daemon.judgement.finish_search import FinishedAlpha
from daemon.judgement.grading import Thresholds
from daemon.judgement.scene import Scene, look_at
from daemon.judgement.witness import Witness
from daemon.observe.stage_clock import Timed, untimed
from daemon.pictures import codec, proxy, refining
from daemon.pictures.large_photo import LargePhoto
from daemon.pictures.photo import Photo
from daemon.pictures.values import Samples
from daemon.settings.pixel_settings import PixelSettings
from daemon.work.rims_in_work import RimsInWork

MOST_FRAME_PIXELS = 2048  # the longest side of an alpha that a zoom was put into; no model resolves more


@dataclass(frozen=True, slots=True)
class PhotoInWork:
    """One decoded photo and what is known of it so far. Alphas are (H, W) float32, 0..1.

    scene: the whole photo as the judgement sees it. whole: raw alphas by attempt number, in the frame of the whole
    photo. finished: the alphas that this run finished, with the evidence for their verdicts. painted: PNGs of alphas
    that a person touched up, as large as the photo, by attempt number. heard: the witness, if there is one. timed:
    times the stages.
    """

    photo: Photo | LargePhoto
    scene: Scene
    settings: PixelSettings
    timed: Timed = untimed
    whole: dict[int, Alpha] = field(default_factory=dict)
    finished: dict[int, FinishedAlpha] = field(default_factory=dict)
    painted: dict[int, bytes] = field(default_factory=dict)
    heard: list[Witness] = field(default_factory=list)
    rims: RimsInWork = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "rims", RimsInWork(self.photo, self.settings.proxy_pixels, self.timed))

    @classmethod
    def of(cls, photo: Photo | LargePhoto, settings: PixelSettings, timed: Timed = untimed) -> "PhotoInWork":
        """Make the small picture of a decoded photo, and look at it."""
        with timed("proxy"):
            small = proxy.make_proxy(photo, View(), settings.proxy_pixels)
        with timed("signs"):
            return cls(photo, look_at(small), settings, timed)

    @property
    def small(self) -> Rgb:
        """The whole photo as engines and the judgement see it, (H, W, 3) uint8."""
        return self.scene.rgb

    def proxy(self, view: View) -> Rgb:
        """The picture that an engine sees of this view."""
        if view.whole:
            return np.ascontiguousarray(self.small[:, ::-1]) if view.mirrored else self.small
        with self.timed("proxy"):
            return proxy.make_proxy(self.photo, view, self.settings.proxy_pixels)

    def add(self, number: int, recipe: Recipe, alpha: Alpha, base: Attempt | None) -> None:
        """Keep the alpha of an attempt in the frame of the whole photo.

        base: the best attempt so far; its alpha fills what a zoom did not see.
        """
        self.whole[number] = self._in_frame(alpha, recipe.view, base)

    def add_kept(self, number: int, recipe: Recipe, png: bytes, base: Attempt | None) -> bool:
        """The same of an alpha that was kept, in a PNG. Returns False if it cannot be read.

        One that was touched up is as large as the photo. It is never in memory as numbers: 400 MB of 100 megapixels.
        """
        try:
            if recipe.model == TOUCH_UP and codec.alpha_size(png) == (self.photo.width, self.photo.height):
                self.whole[number] = codec.small_alpha(png, self.small.shape[1::-1])
                self.painted[number] = png
            else:
                self.add(number, recipe, codec.decode_alpha(png), base)
        except ValueError:
            return False
        return True

    def hear(self, witness: Witness) -> None:
        """Let a witness stand beside all verdicts from now on."""
        self.heard[:] = [Witness(witness.model, self.scene.reduced(witness.alpha))]

    def judge(self, attempt: Attempt) -> Attempt:
        """Search the best finish of the attempt's alpha; returns the attempt with its finish, verdict and subject."""
        raw, others = self.whole[attempt.number], self._before(attempt.number)
        limits = self._thresholds(attempt)
        if self.settings.finishes:
            with self.timed("search"):
                found = finish_search.best_finish(self.scene, raw, limits, others, witness=self._witness)
        else:
            with self.timed("signs"):
                verdict = grading.judge(self.small, raw, limits, tuple(others.values()), self._witness)
            found = FinishedAlpha(Finish(), raw, verdict)
        self.finished[attempt.number] = found
        subject = views.subject_of(found.alpha)
        judged = self._with_rim(replace(attempt, finish=found.finish, subject=subject), found.verdict)
        return self._with_better_rim(judged)

    def judge_again(self, attempts: Sequence[Attempt]) -> list[Attempt]:
        """Attempts with the verdicts that they get beside all alphas that are known by now."""
        if not attempts:
            return []
        return [self._with_verdict_now(attempt) for attempt in attempts]

    def finished_alpha(self, attempt: Attempt) -> Alpha:
        """An attempt's alpha with its finish, in the frame of the whole photo, not yet at full size."""
        if attempt.number in self.finished:
            return self.finished[attempt.number].alpha
        raw, others = self.whole[attempt.number], self._before(attempt.number)
        return finish.apply_finish(self.small, raw, attempt.finish, others)

    def full_alpha(self, attempt: Attempt) -> Samples:
        """The alpha that a result by this attempt has: (H, W), at the photo's size and depth.

        If it was made to judge its rim, and it is the best one, it is not made again; but it is given away only once.
        """
        kept = self.rims.full(attempt)
        return self._full_alpha(attempt) if kept is None else kept

    def _full_alpha(self, attempt: Attempt) -> Samples:
        png = self.painted.get(attempt.number)
        if png is not None:
            return refining.painted_alpha(self.photo, png)
        return refining.full_size_alpha(self.photo, self.finished_alpha(attempt))

    def _thresholds(self, attempt: Attempt) -> Thresholds:
        """What the score of an attempt is graded by."""
        settings = self.settings
        return Thresholds(settings.sehr_gut, settings.gut, settings.corrections.get(attempt.recipe.model))

    @property
    def _witness(self) -> Witness | None:
        return self.heard[0] if self.heard else None

    def _before(self, number: int) -> Mapping[int, Alpha]:
        return {earlier: alpha for earlier, alpha in self.whole.items() if earlier < number}

    def _with_verdict_now(self, attempt: Attempt) -> Attempt:
        if attempt.verdict is None or attempt.number not in self.whole:
            return attempt
        raw = self.whole[attempt.number]
        others = {number: alpha for number, alpha in self.whole.items() if number != attempt.number}
        if attempt.number not in self.finished:  # an earlier run finished it
            alpha = self.finished_alpha(attempt)
            self.finished[attempt.number] = FinishedAlpha(attempt.finish, alpha, attempt.verdict)
        found = self.finished[attempt.number]
        limits = self._thresholds(attempt)
        with self.timed("signs"):
            verdict = finish_search.verdict_now(self.scene, raw, found, limits, others, witness=self._witness)
        return self._with_rim(attempt, verdict)

    def _with_rim(self, attempt: Attempt, region: Verdict) -> Attempt:
        """The attempt with the verdict on both its region and its rim, which is looked at if it may change a grade."""
        rim = self.rims.judge(attempt, self._full_alpha, self._unfinished(attempt)) if rim_counts(region) else None
        verdict = with_rim(region, rim, self._limits)
        self.rims.note(attempt, verdict)
        return replace(attempt, verdict=verdict)

    def _with_better_rim(self, attempt: Attempt) -> Attempt:
        """The attempt with the plain form of its finish, if it is better for that: a finish may harm the rim."""
        found, verdict = self.finished[attempt.number], attempt.verdict
        plain = finish_search.plain_of(found.finish)
        if plain == found.finish or verdict is None or not may_rise_with(verdict):
            return attempt
        raw, others = self.whole[attempt.number], self._before(attempt.number)
        limits = self._thresholds(attempt)
        with self.timed("search"):
            other = finish_search.finished_otherwise(self.scene, raw, found, plain, limits, others, self._witness)
        changed = replace(attempt, finish=plain, finish_not_taken=found.finish)
        self.finished[attempt.number] = other
        rim = self.rims.judge_otherwise(changed, self._full_alpha, self._unfinished(changed))
        changed = replace(changed, verdict=with_rim(other.verdict, rim, self._limits))
        if changed.verdict is None or not has_better_rim(changed.verdict, verdict):
            self.finished[attempt.number] = found
            self.rims.leave()
            return attempt
        self.rims.take(changed, rim)
        self.rims.note(changed, changed.verdict)
        return changed

    def _unfinished(self, attempt: Attempt) -> Alpha | None:
        """What an attempt's alpha is finished from: its raw one, blended with others; None if a person made it."""
        if attempt.number in self.painted:
            return None
        return finish.blended(self.whole[attempt.number], attempt.finish.blend, self._before(attempt.number))

    @property
    def _limits(self) -> Limits:
        settings = self.settings
        return Limits(settings.sehr_gut, settings.gut, settings.rim_sehr_gut, settings.rim_gut)

    def _in_frame(self, alpha: Alpha, view: View, base: Attempt | None) -> Alpha:
        if view == View():
            return alpha
        height, width = self.small.shape[:2]
        if view.whole:
            return views.place(alpha, view, (height, width), None)
        grow = max(1.0, alpha.shape[1] / (max(view.right - view.left, 1e-6) * width))
        grow = min(grow, MOST_FRAME_PIXELS / max(height, width))
        frame = (max(1, round(height * grow)), max(1, round(width * grow)))
        return views.place(alpha, view, frame, self.whole[base.number] if base else None)
