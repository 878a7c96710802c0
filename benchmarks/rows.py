"""Makes the alphas that cards are fitted to and tested on, and keeps what was read of them outside of the data."""

import hashlib
import inspect
import os
import pickle
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, dataclass
from functools import cache
from pathlib import Path

import cv2
import numpy as np

import daemon.judgement
from benchmarks.labelled import MODELS, Labelled, fitted, iou, kept_mask
from benchmarks.mistakes import mistakes
from benchmarks.spoiling import SPOILS
from daemon.arrays import Alpha
from daemon.jobs import Finish
from daemon.judgement.disagreement import Disagreement, measure_disagreement
from daemon.judgement.finish import apply_finish
from daemon.judgement.grading import plausible
from daemon.judgement.scene import Scene, look_at
from daemon.judgement.signs import read_signs

PASSES = ("u2netp", "isnet", "u2netp_flip", "u2netp_zoom")
JUDGED = ("u2netp", "isnet", "isnet512")  # the models that the report is about; other alphas serve the fit
BLENDS = (("u2netp", "u2netp_flip"), ("u2netp", "isnet"), ("u2netp", "u2netp_flip", "isnet"))
CRISP = frozenset({"cut", "steep", "guided", "truth", "missed", "added", "shadow", "closed", "spoilt"})
"""Forms of alphas in black and white, or nearly so."""
ONE_IN = 3  # photos that also give absurd and spoilt alphas: these teach the same everywhere
READ_BY = ("scene", "shapes", "signs", "colour_signs", "disagreement")


@dataclass(frozen=True, slots=True)
class Row:
    """One alpha of one photo.

    group: the photo's film or series. size: the photo's longest side in pixels. model: whose alpha it was made from, ""
    if from the truth. form: "raw", "cut" and so on. signs: the values of `Signs`. disagreements: with each company of
    other alphas of the photo. witness: with the alpha of an independent network, None if there is none. quality: the
    true IoU.
    """

    photo: str
    group: str
    set_name: str
    size: int
    model: str
    form: str
    signs: tuple[float, ...]
    disagreements: tuple[Disagreement, ...]
    witness: Disagreement | None
    quality: float
    plausible: float


@dataclass(frozen=True, slots=True)
class _Made:
    """An alpha, and beside which others it is judged."""

    model: str
    form: str
    alpha: Alpha
    companies: tuple[tuple[Alpha, ...], ...] = ()
    witness: Alpha | None = None


def gather(photos: Sequence[Labelled]) -> list[Row]:
    """The rows of all photos. What was read before with the same code is taken from the cache."""
    with ProcessPoolExecutor() as pool:
        return [row for rows in pool.map(kept_rows, photos, chunksize=4) for row in rows]


def kept_rows(photo: Labelled) -> list[Row]:
    """The rows of a photo, from the cache if they are there: reading them takes 0.3 seconds."""
    have = _models(photo)
    key = hashlib.sha256(" ".join([_code(), *have]).encode()).hexdigest()[:12]
    path = kept_mask(photo.name, "rows").with_suffix(f".{key}.pickle")
    if path.is_file():
        return list(pickle.loads(path.read_bytes()))
    rows = rows_of(photo)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(f".{os.getpid()}.part")
    partial.write_bytes(pickle.dumps(rows))
    partial.replace(path)
    return rows


def _models(photo: Labelled) -> list[str]:
    """A zoom that had to be computed is left out: it adds little, and takes long."""
    return [model for model in MODELS if model in photo.models or (model != "u2netp_zoom" and photo.has(model))]


@cache
def _code() -> str:
    """What the rows depend on; read once, when this code is what runs."""
    here, judged_by = Path(__file__).parent, Path(daemon.judgement.__file__).parent
    read = [judged_by / f"{name}.py" for name in READ_BY]
    read += [here / f"{name}.py" for name in ("rows", "mistakes", "spoiling")]
    sources = [path.read_bytes() for path in read] + [inspect.getsource(plausible).encode()]
    return hashlib.sha256(b"".join(sources)).hexdigest()


def rows_of(photo: Labelled) -> list[Row]:
    """The rows of a photo, for the models whose alphas there are."""
    cv2.setNumThreads(1)
    scene, truth = look_at(photo.photo()), photo.truth()
    masks = {model: photo.mask(model) for model in _models(photo)}
    dice = np.random.default_rng(list(photo.name.encode()))
    return [_row(photo, scene, truth, made) for made in _all_made(scene, truth, masks, dice)]


def _all_made(scene: Scene, truth: Alpha, masks: Mapping[str, Alpha], dice: np.random.Generator) -> Iterator[_Made]:
    for model, raw in masks.items():
        around = _companies(model, masks), _witness_of(model, masks)
        yield _Made(model, "raw", raw, *around)
        if model in JUDGED:
            cut = (raw >= 0.5).astype(np.float32)
            yield _Made(model, "cut", cut, *around)
            if dice.random() < 0.5:
                yield _Made(model, "steep", np.clip((raw - 0.4) / 0.2, 0, 1).astype(np.float32), *around)
            else:
                yield _Made(model, "guided", apply_finish(scene.rgb, cut, Finish(guided=True)), *around)
    for names in BLENDS:
        if all(name in masks for name in names):
            blended = tuple(fitted(masks[name], masks[names[-1]]) for name in names)
            yield _Made("+".join(names), "blend", np.asarray(np.mean(blended, axis=0), np.float32), (blended,))
    first = masks.get("u2netp")
    second = next((masks[name] for name in ("isnet", "isnet512", "u2netp_flip") if name in masks), None)
    if first is None or second is None:
        return
    around = ((first, second), (second,)), first
    yield _Made("", "truth", truth, *around)
    for form, alpha in mistakes(scene, truth, first, second):
        yield _Made("", form, alpha, *around)
    if dice.integers(ONE_IN) == 0:
        for form, alpha in _absurd(first, dice).items():
            yield _Made("", form, alpha, *around)
        small = np.asarray(cv2.resize(truth, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), dtype=np.float32)
        for name in ("cut_limb", "holes", "islands", "jagged"):
            yield _Made("", "spoilt", SPOILS[name][0](small, float(dice.uniform(0.1, 1)), dice), *around)


def _companies(model: str, masks: Mapping[str, Alpha]) -> tuple[tuple[Alpha, ...], ...]:
    """The groups of other alphas beside which an alpha may be judged. The report is about the first one."""
    mirrored = masks.get("u2netp" if model == "u2netp_flip" else "u2netp_flip")
    others = ("u2netp",) if model.startswith("isnet") else ("isnet", "isnet512")
    other = next((masks[name] for name in others if name in masks), None)
    groups = ((mirrored, other), (mirrored,), (other,))
    full = [tuple(alpha for alpha in group if alpha is not None) for group in groups]
    return tuple(group for group, wanted in zip(full, groups, strict=True) if len(group) == len(wanted))


def _witness_of(model: str, masks: Mapping[str, Alpha]) -> Alpha | None:
    others = ("u2netp",) if model.startswith("isnet") else ("isnet", "isnet512")
    return next((masks[name] for name in others if name in masks), None)


def _absurd(alpha: Alpha, dice: np.random.Generator) -> dict[str, Alpha]:
    noise = dice.random((32, 32)).astype(np.float32)
    height, width = alpha.shape
    return {
        "inverted": 1 - alpha,
        "noise": np.asarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)).clip(0, 1),
        "faint": alpha * np.float32(0.45),
    }


def _row(photo: Labelled, scene: Scene, truth: Alpha, made: _Made) -> Row:
    alpha = made.alpha
    signs = read_signs(scene, alpha)
    return Row(
        photo=photo.name,
        group=photo.group,
        set_name=photo.set_name,
        size=max(truth.shape),
        model=made.model,
        form=made.form,
        signs=astuple(signs),
        disagreements=tuple(
            found for company in made.companies if (found := measure_disagreement(scene, alpha, company))
        ),
        witness=None if made.witness is None else measure_disagreement(scene, alpha, [made.witness]),
        quality=iou(alpha, truth),
        plausible=plausible(scene, alpha, signs),
    )
