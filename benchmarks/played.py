"""Plays the loop over recorded alphas: what each order of attempts gives, judged by any table of scores.

All that takes time is measured once a photo, and kept in ~/.cache/freisteller-benchmarks/played until the code of the
judgement changes. Alphas are blended, finished and judged as `finish_search` does, but at the size at which the
judgement sees them, of 512 pixels at most.
"""

import hashlib
import inspect
import os
import pickle
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np

from benchmarks.labelled import BAD, Labelled, iou, mean_error
from daemon.arrays import Alpha
from daemon.jobs import Attempt, Grade, Measures, Recipe, Verdict, View
from daemon.judgement.best_of_pages import best_by_score
from daemon.judgement.disagreement import Disagreement, measure_disagreement
from daemon.judgement.finish import apply_finish
from daemon.judgement.finish_search import blends, finish_for
from daemon.judgement.grading import Thresholds, plausible
from daemon.judgement.scene import Scene, look_at, resized
from daemon.judgement.score import ScoreTable
from daemon.judgement.signs import Signs, read_signs
from daemon.settings import GradingSettings

MIRRORED, ZOOM = View(mirrored=True), View(0.1, 0.1, 0.9, 0.9)  # any box stands for the zoom that was recorded
RECIPES = {
    "u2netp": Recipe("u2netp"),
    "isnet": Recipe("isnet"),
    "u2netp_flip": Recipe("u2netp", view=MIRRORED),
    "u2netp_zoom": Recipe("u2netp", view=ZOOM),
}
"""By the name of a recorded alpha how it was asked for. For isnet, isnet512 does where there is no other."""
TRUTH_PIXELS = 640  # longest side of the truth that results are compared with
SAME = 2e-3  # mean difference of alphas: less, and the recorded zoom is the first pass, because nothing could be zoomed

KEPT = Path("~/.cache/freisteller-benchmarks/played").expanduser()
MEASURING = ("colour_signs", "disagreement", "finish", "scene", "shapes", "signs")  # modules of the judgement

Names = tuple[str, ...]
Blend = frozenset[str]


@dataclass(frozen=True, slots=True)
class Look:
    """A blend of raw alphas, and the same finished. raw_iou, iou: with the truth. error: mean difference from it."""

    raw_signs: Signs
    raw_plausible: float
    raw_iou: float
    signs: Signs
    plausible: float
    iou: float
    error: float


@dataclass(frozen=True, slots=True)
class State:
    """Where a photo stands after some attempts: what the program knows, and how good the best result truly is."""

    heard: Names
    attempts: tuple[Attempt, ...]
    score: float
    grade: Grade
    iou: float
    error: float

    @property
    def bad(self) -> bool:
        """Whether the result is truly bad."""
        return self.iou < BAD


@dataclass(frozen=True, slots=True)
class Played:
    """What was measured of a photo: its looks by what is blended; by that and all that was heard, the disagreement."""

    name: str
    set_name: str
    looks: Mapping[Blend, Look]
    apart: Mapping[tuple[Blend, Blend], Disagreement | None]

    def has(self, heard: Names) -> bool:
        """Whether these alphas were recorded, and what they give was measured."""
        return all((frozenset((name,)), frozenset(heard)) in self.apart for name in heard)

    def after(self, heard: Names, table: ScoreTable) -> State:
        """The state after attempts in this order, as `best_finish` and `verdict_now` bring it about."""
        made = [self._best_blend(heard[: number + 1], table) for number in range(len(heard))]
        thresholds = _thresholds()
        attempts = []
        for number, (name, blend) in enumerate(zip(heard, made, strict=True), 1):
            score = self._score(blend, frozenset(heard), table, raw=False)
            verdict = Verdict(round(score, 4), thresholds.grade(score), Measures(score, score, score))
            attempts.append(Attempt(number, RECIPES[name], verdict=verdict))
        best = best_by_score(attempts)
        if best is None or best.verdict is None:
            raise ValueError("no attempt, no state")
        look = self.looks[made[best.number - 1]]
        return State(heard, tuple(attempts), best.verdict.score, best.verdict.grade, look.iou, look.error)

    def _best_blend(self, heard: Names, table: ScoreTable) -> Blend:
        *before, name = heard
        numbers = dict(enumerate(before, 1))
        mixed = [frozenset((name, *(numbers[n] for n in chosen))) for chosen in blends(numbers)]
        return max(mixed, key=lambda blend: self._score(blend, frozenset(heard), table, raw=True))

    def _score(self, blend: Blend, heard: Blend, table: ScoreTable, *, raw: bool) -> float:
        look = self.looks[blend]
        signs, factor = (look.raw_signs, look.raw_plausible) if raw else (look.signs, look.plausible)
        return table.score(signs, self.apart[blend, heard]) * factor


def played(photos: Sequence[Labelled], orders: Sequence[Names]) -> list[Played]:
    """Measure all that these orders of attempts need, of each photo."""
    with ProcessPoolExecutor() as pool:
        return list(pool.map(_measure, photos, [orders] * len(photos), chunksize=4))


def recorded_of(photo: Labelled) -> dict[str, Alpha]:
    """By name the raw alphas that there are of a photo."""
    found = {name: photo.mask(name) for name in RECIPES if photo.has(name)}
    if "isnet" not in found and photo.has("isnet512"):
        found["isnet"] = photo.mask("isnet512")
    zoom, first = found.get("u2netp_zoom"), found.get("u2netp")
    if zoom is not None and first is not None:
        height, width = first.shape
        if float(np.abs(resized(zoom, height, width) - first).mean()) < SAME:
            del found["u2netp_zoom"]
    return found


def _measure(photo: Labelled, orders: Sequence[Names]) -> Played:
    alphas = recorded_of(photo)
    possible = [order for order in orders if all(name in alphas for name in order)]
    kept = KEPT / _code() / f"{photo.set_name}-{photo.name}-{_sum(repr((sorted(alphas), possible)).encode())}.pickle"
    if kept.is_file():
        found: Played = pickle.loads(kept.read_bytes())
        return found
    cv2.setNumThreads(1)
    scene, truth = look_at(photo.photo()), photo.truth()
    scale = min(1.0, TRUTH_PIXELS / max(truth.shape))
    truth = resized(truth, round(truth.shape[0] * scale), round(truth.shape[1] * scale))
    found = measured(photo.name, photo.set_name, scene, alphas, truth, possible)
    kept.parent.mkdir(parents=True, exist_ok=True)
    beside = kept.with_suffix(f".{os.getpid()}")
    beside.write_bytes(pickle.dumps(found))
    beside.replace(kept)
    return found


@cache
def _code() -> str:
    """A sum of all code that a measurement depends on."""
    judgement = Path(__file__).parents[1] / "daemon" / "judgement"
    modules = [(judgement / f"{name}.py").read_text(encoding="utf-8") for name in MEASURING]
    functions = [inspect.getsource(function) for function in (finish_for, plausible, measured, _look)]
    return _sum("".join([*modules, *functions]).encode())


def _sum(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def measured(
    name: str, set_name: str, scene: Scene, alphas: Mapping[str, Alpha], truth: Alpha, orders: Sequence[Names]
) -> Played:
    """Measure what these orders of attempts need of one photo. alphas: raw ones by name, of any size."""
    small = {each: scene.rim(alpha) for each, alpha in alphas.items()}
    looks: dict[Blend, Look] = {}
    seen: dict[Blend, Alpha] = {}
    apart: dict[tuple[Blend, Blend], Disagreement | None] = {}
    for blend, heard in _needed(orders):
        if blend not in looks:
            raw = np.asarray(np.mean([small[each] for each in sorted(blend)], axis=0), dtype=np.float32)
            looks[blend], seen[blend] = _look(scene, raw, truth), scene.reduced(raw)
        witnesses = [each for each in sorted(heard) if len(blend) > 1 or each not in blend]
        apart[blend, heard] = measure_disagreement(
            scene, seen[blend], [scene.reduced(small[each]) for each in witnesses]
        )
    return Played(name, set_name, looks, apart)


def _needed(orders: Sequence[Names]) -> Iterator[tuple[Blend, Blend]]:
    found: dict[tuple[Blend, Blend], None] = {}
    for order in orders:
        for count in range(1, len(order) + 1):
            heard = order[:count]
            for size in range(1, count + 1):
                found |= {(frozenset(blend), frozenset(heard)): None for blend in combinations(heard, size)}
    yield from found


def _look(scene: Scene, raw: Alpha, truth: Alpha) -> Look:
    raw_signs = read_signs(scene, raw)
    alpha = apply_finish(scene.rgb, raw, finish_for(raw_signs.doubts, ()))
    signs = read_signs(scene, scene.rim(alpha))
    return Look(
        raw_signs,
        plausible(scene, scene.reduced(raw), raw_signs),
        iou(raw, truth),
        signs.with_doubts(raw_signs.doubts),
        plausible(scene, scene.reduced(alpha), signs),
        iou(alpha, truth),
        mean_error(alpha, truth),
    )


def _thresholds() -> Thresholds:
    settings = GradingSettings()
    return Thresholds(settings.sehr_gut, settings.gut)
