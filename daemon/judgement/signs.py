"""Takes the signs from one alpha in its scene: plain numbers that tell a good cut-out from a bad one."""

from dataclasses import dataclass, fields, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from daemon.arrays import Alpha
from daemon.judgement import shapes
from daemon.judgement.colour_signs import TINY, faint_border, foreign_and_missing, ring_contrast
from daemon.judgement.scene import Scene
from daemon.judgement.shapes import SURE, Mask

FAINTEST = 0.05  # the lowest alpha that belongs to the part it touches
FIRM, FAINT = 0.9, 0.1  # alphas above and below which there is no doubt
RUN_OVER = 0.05  # of a side of the photo: a subject that covers as much runs out of the picture there


@dataclass(frozen=True, slots=True)
class Doubts:
    """The signs, see `Signs`, of the network's own doubt. No finish removes one, however clean it makes the picture."""

    haze: float
    haze_peak: float
    hollow: float
    unsure: float
    wavering: float
    soft_rim: float
    weak_rim: float


@dataclass(frozen=True, slots=True)
class Signs:
    """What one alpha shows. Shares are of the subject's area unless said otherwise. A higher number is a worse sign,
    except for girth and ring_contrast. The main part is the biggest one with its pinholes filled: it does not depend on
    specks that a finish removes."""

    haze: float
    """Alpha outside of the border band."""
    haze_peak: float
    """The 99th percentile of alpha outside of the border band, 0..1."""
    stray: float
    """Subject outside of its biggest part."""
    hollow: float
    """Transparency inside of the border band."""
    holes: float
    """Enclosed holes."""
    unsure: float
    """One minus the IoU to expect if alpha were the probability that a pixel is subject, 0..1; the main part's."""
    wavering: float
    """One minus the area above 0.9 over the area above 0.1, 0..1: how much depends on where the line is drawn."""
    soft_rim: float
    """Mean a(1 - a) summed across the border, in thousandths of the longest side."""
    weak_rim: float
    """One minus the steepness of the softer stretches of the border (15th percentile), 0..1."""
    ragged: float
    """Length of the main part's border over the square root of its area: 3.5 for a disc, 20 for lace."""
    thin: float
    """Share of the main part that a disc with a radius of 1 % of the longest side does not fit into: wires, legs."""
    frayed: float
    """Share of the main part that changes sides when its outline is smoothed over 5 % of the longest side."""
    off_edge: float
    """Share of the border that lies on no edge of the photo, 0..1."""
    foreign: float
    """How much of the subject has colours of the rest of the picture rather than of the subject, 0..1."""
    missing: float
    """How much outside of the subject has, beyond doubt, colours of the subject rather than of the rest."""
    framed: float
    """Share of the photo's own rim that is subject: some of it in a portrait, nearly all in an inverted alpha."""
    high: float
    """By how much the main part's centre lies above the middle of the photo, as a share of its height, 0..0.5: things
    stand on the ground, so something high up may be only a part of them."""
    runs_out: float
    """How much the subject runs out of the photo above, at the left and at the right, each 0..1, minus the same below:
    photographers cut people and things off at the bottom; what runs out at the other sides is often background."""
    small: float
    """Minus the logarithm of the subject's share of the photo."""
    girth: float
    """Radius of the largest disc inside, over the square root of the area: 0.56 for a disc."""
    ring_contrast: float
    """Distance between the subject's mean colour and that of its surroundings, in 8-bit Lab units."""
    plain: float
    """How plain the subject is inside, 0..1: one over one plus the mean slope of its colours, in 8-bit Lab units a
    pixel. Sky, walls and ground that were taken for the subject are plain."""
    faint_border: float
    """Share of the border whose two sides hardly differ in colour, 0..1: there a network must guess."""

    @property
    def doubts(self) -> Doubts:
        """Those of them that are doubts."""
        return Doubts(*(getattr(self, name) for name in DOUBTS))

    def with_doubts(self, doubts: Doubts) -> "Signs":
        """The same signs, but with these doubts: those of the raw alpha that this one was finished from."""
        return replace(self, **{name: getattr(doubts, name) for name in DOUBTS})


NAMES: tuple[str, ...] = tuple(field.name for field in fields(Signs))
DOUBTS: tuple[str, ...] = tuple(field.name for field in fields(Doubts))


def read_signs(scene: Scene, alpha: Alpha) -> Signs:
    """All signs of `alpha`, (H, W) float32 0..1 of the whole photo at any size."""
    a = scene.reduced(alpha)
    sure = a >= SURE
    solid = shapes.area(sure) + TINY
    main, stray = shapes.main_part(sure)
    main_area = shapes.area(main) + TINY
    doubts = _doubts(scene, alpha, main)
    foreign, missing = foreign_and_missing(scene, a, sure)
    border = shapes.border_of(sure)
    sides = (sure[0], sure[:, 0], sure[:, -1], sure[-1])
    return Signs(
        haze=doubts.haze,
        haze_peak=doubts.haze_peak,
        stray=stray,
        hollow=doubts.hollow,
        holes=shapes.area(shapes.enclosed(sure)) / solid,
        unsure=doubts.unsure,
        wavering=doubts.wavering,
        soft_rim=doubts.soft_rim,
        weak_rim=doubts.weak_rim,
        ragged=shapes.length(shapes.contours(main)) / float(np.sqrt(main_area)),
        thin=shapes.thin(main, scene.longest) / main_area,
        frayed=shapes.frayed(main, scene.longest) / main_area,
        off_edge=_off_edge(scene, border),
        foreign=foreign,
        missing=missing,
        framed=float(np.concatenate(sides).mean()),
        high=_high(main),
        runs_out=_runs_out(*sides),
        small=-float(np.log(solid / a.size)),
        girth=shapes.inner_radius(sure) / float(np.sqrt(solid)),
        ring_contrast=ring_contrast(scene, sure),
        plain=_plain(scene, sure),
        faint_border=faint_border(scene, sure, border),
    )


def read_doubts(scene: Scene, alpha: Alpha) -> Doubts:
    """The doubts alone, as `read_signs` reads them, in half of the time."""
    return _doubts(scene, alpha, shapes.main_part(scene.reduced(alpha) >= SURE)[0])


def _doubts(scene: Scene, alpha: Alpha, main: Mask) -> Doubts:
    a = scene.reduced(alpha)
    outside, inside = shapes.beyond_band(a >= SURE, scene.longest)
    subject = float(a.sum()) + TINY
    around = shapes.reached_from(main, a, FAINTEST)
    soft_rim, weak_rim = _rim(scene, alpha)
    return Doubts(
        haze=shapes.total(a, outside) / subject,
        haze_peak=_percentile(a[outside], 99, 0.0),
        hollow=shapes.total(1 - a, inside) / subject,
        unsure=doubt(np.asarray(a * (around | main), dtype=np.float32), main),
        wavering=1 - shapes.area(a > FIRM) / (shapes.area(a > FAINT) + TINY),
        soft_rim=soft_rim,
        weak_rim=weak_rim,
    )


def doubt(probability: Alpha, sure: Mask) -> float:
    """One minus the IoU to expect of `sure` if `probability` says how likely each pixel is subject."""
    return 1 - shapes.total(probability, sure) / (shapes.area(sure) + shapes.total(probability, ~sure) + TINY)


def _rim(scene: Scene, alpha: Alpha) -> tuple[float, float]:
    a = scene.rim(alpha)
    longest = max(a.shape)
    sure = a >= SURE
    border = shapes.border_of(sure)
    length = shapes.area(border) / 2 + 1
    outside, inside = shapes.beyond_band(sure, longest)
    across, down = cv2.Sobel(a, cv2.CV_32F, 1, 0)[border], cv2.Sobel(a, cv2.CV_32F, 0, 1)[border]
    steepness = np.asarray(np.hypot(across, down) / 4, dtype=np.float32)  # 1 for a step from 0 to 1
    soft = shapes.total(a * (1 - a), ~(outside | inside)) / length / longest * 1000
    return soft, 1 - min(1.0, _percentile(steepness, 15, 0.0))


def _off_edge(scene: Scene, border: Mask) -> float:
    if not border.any():
        return 1.0
    return float(scene.edgeless[border].mean())


def _plain(scene: Scene, sure: Mask) -> float:
    _, inside = shapes.beyond_band(sure, scene.longest)
    within = inside if inside.any() else sure
    return 1 / (1 + shapes.total(scene.detail, within) / (shapes.area(within) + TINY))


def _high(main: Mask) -> float:
    rows = main.sum(axis=1)
    if not rows.any():
        return 0.0
    centre = float(np.average(np.arange(len(rows)) + 0.5, weights=rows)) / len(rows)
    return max(0.0, 0.5 - centre)


def _runs_out(top: Mask, left: Mask, right: Mask, bottom: Mask) -> float:
    above, at_left, at_right, below = (min(1.0, float(side.mean()) / RUN_OVER) for side in (top, left, right, bottom))
    return above + at_left + at_right - below


def _percentile(values: NDArray[np.float32], percent: float, empty: float) -> float:
    return float(np.percentile(values, percent)) if values.size > 10 else empty
