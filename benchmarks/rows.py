"""Makes the alphas that cards are fitted to and tested on: of models, blends, crisp, spoilt and absurd ones."""

from concurrent.futures import ProcessPoolExecutor
from dataclasses import astuple, dataclass

import cv2
import numpy as np

from benchmarks.labelled import Labelled, iou
from benchmarks.spoiling import SPOILS
from daemon.arrays import Alpha
from daemon.judgement.disagreement import Disagreement, measure_disagreement
from daemon.judgement.grading import plausible
from daemon.judgement.scene import Scene, look_at
from daemon.judgement.signs import read_signs

PASSES = ("u2netp", "isnet", "u2netp_flip", "u2netp_zoom")
JUDGED = ("u2netp", "isnet")  # the models that the report is about; the alphas of the others serve the fit
BLENDS = (("u2netp", "u2netp_flip"), ("u2netp", "isnet"), ("u2netp", "u2netp_flip", "isnet"))


@dataclass(frozen=True, slots=True)
class Row:
    """One alpha of one photo: its signs, its disagreement with each company of other alphas, its true IoU (quality)."""

    photo: str
    group: str
    model: str
    signs: tuple[float, ...]
    disagreements: tuple[Disagreement, ...]
    quality: float
    plausible: float


def gather(photos: list[Labelled]) -> list[Row]:
    with ProcessPoolExecutor() as pool:
        return [row for rows in pool.map(rows_of, photos, chunksize=4) for row in rows]


def rows_of(photo: Labelled) -> list[Row]:
    cv2.setNumThreads(1)
    scene, truth = look_at(photo.photo()), photo.truth()
    masks = {model: photo.mask(model) for model in PASSES}
    rows = [_row(photo, model, scene, masks[model], truth, _companies(model, masks)) for model in PASSES]
    for parts in BLENDS:
        blend = np.asarray(np.mean([masks[part] for part in parts], axis=0), dtype=np.float32)
        company_of_parts = (tuple(masks[part] for part in parts),)
        rows.append(_row(photo, f"blend {'+'.join(parts)}", scene, blend, truth, company_of_parts))
    company = ((masks["u2netp"], masks["isnet"]), (masks["isnet"],))
    for name, made in (_absurd(masks["u2netp"], photo.name) | _made(masks, truth, photo.name)).items():
        rows.append(_row(photo, name, scene, made, truth, company))
    return rows


def _made(masks: dict[str, Alpha], truth: Alpha, seed: str) -> dict[str, Alpha]:
    """Crisp alphas, right and wrong: a strong model's alphas look like the truth, and so do its errors."""
    dice = np.random.default_rng(list(seed.encode()))
    small = np.asarray(cv2.resize(truth, None, fx=0.5, fy=0.5, interpolation=cv2.INTER_AREA), dtype=np.float32)
    made = {f"crisp {model}": (masks[model] >= 0.5).astype(np.float32) for model in JUDGED}
    made["truth"] = truth
    for name in ("cut_limb", "holes", "islands", "jagged"):
        made[f"spoilt {name}"] = SPOILS[name][0](small, float(dice.uniform(0.1, 1)), dice)
    return made


def _companies(model: str, masks: dict[str, Alpha]) -> tuple[tuple[Alpha, ...], ...]:
    """The groups of other alphas beside which an alpha may be judged. The report is about the first one."""
    mirrored = masks["u2netp" if model == "u2netp_flip" else "u2netp_flip"]
    other = masks["u2netp" if model == "isnet" else "isnet"]
    return ((mirrored, other), (mirrored,), (other,))


def _absurd(alpha: Alpha, seed: str) -> dict[str, Alpha]:
    noise = np.random.default_rng(list(seed.encode())).random((32, 32)).astype(np.float32)
    height, width = alpha.shape
    return {
        "inverted": 1 - alpha,
        "noise": np.asarray(cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)).clip(0, 1),
        "faint": alpha * np.float32(0.45),
    }


def _row(
    photo: Labelled, model: str, scene: Scene, alpha: Alpha, truth: Alpha, companies: tuple[tuple[Alpha, ...], ...]
) -> Row:
    disagreements = tuple(found for company in companies if (found := measure_disagreement(scene, alpha, company)))
    signs = read_signs(scene, alpha)
    true, likely = iou(alpha, truth), plausible(scene, alpha, signs)
    return Row(photo.name, photo.set_name, model, astuple(signs), disagreements, true, likely)
