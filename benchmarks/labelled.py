"""Reads the labelled photos that benchmarks use, and compares alphas with the truth."""

import argparse
import csv
import os
import re
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from daemon.arrays import Alpha, Rgb

BAD, GOOD = 0.8, 0.95  # IoU: below is bad, above is very good
MODELS = ("u2netp", "isnet", "isnet512", "u2netp_flip", "u2netp_zoom")
"""All whose raw alphas there may be. Two are one network run twice: u2netp_flip and u2netp_zoom are passes of u2netp,
and isnet and isnet512 are one network at two sizes."""
NETWORKS = {"u2netp": "u2netp", "u2netp_flip": "u2netp", "u2netp_zoom": "u2netp", "isnet": "isnet", "isnet512": "isnet"}

Rims = Literal["no", "soft", "1px", "2px"]
RIMS: dict[str, Rims] = {
    "adobe_comp_samples": "soft", "alphamatting27": "soft", "carvana5": "1px", "grabcut13": "1px", "dis5k": "1px",
    "davis480": "1px", "ecssd": "2px", "ccp": "2px",
}  # fmt: skip
"""How good the true borders of a set are: soft mattes, good to one or two pixels. Those of other sets do not count."""
SERIES = {
    "davis480": re.compile(r"_\d+$"),
    "cars_parts": re.compile(r"[-_]?\d*(__\d+)?$"),
    "furniture": re.compile(r"_[0-9a-f]+$"),
}
"""What the names of one film, or of one series of photos, differ in."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """One photo of the evaluation data. soft: whether its truth has half-transparent parts.

    group: the name of its film or series. Photos of one group look alike, so they belong on one side of a split.
    models: whose alphas lie beside it; `kept_masks` computes and keeps others.
    """

    folder: Path
    name: str
    set_name: str
    soft: bool
    group: str = ""
    models: tuple[str, ...] = MODELS

    @property
    def rims(self) -> Rims:
        """What its true border is good for."""
        return RIMS.get(self.set_name, "no")

    def photo(self) -> Rgb:
        """(H, W, 3) uint8."""
        return np.ascontiguousarray(_read(self.folder / "images" / f"{self.name}.jpg", cv2.IMREAD_COLOR)[:, :, ::-1])

    def truth(self) -> Alpha:
        """(H, W) float32, 0..1, the photo's size."""
        return _alpha(self.folder / "alpha" / f"{self.name}.png")

    def has(self, model: str) -> bool:
        """Whether there is an alpha of `model`, here or in the cache."""
        return model in self.models or kept_mask(self.name, model).is_file()

    def mask(self, model: str) -> Alpha:
        """The raw alpha that `model` gave, (h, w) float32, 0..1: the photo's aspect, any size."""
        here = self.folder / "masks" / model / f"{self.name}.png"
        return _alpha(here if model in self.models else kept_mask(self.name, model))


def kept_mask(name: str, model: str) -> Path:
    """Where the alpha of a photo is kept that the data have not: outside of them, for we add nothing there."""
    cache = Path(os.environ.get("FREISTELLER_EVAL_CACHE") or "~/.cache/freisteller-benchmarks/masks")
    return cache.expanduser() / model / f"{name}.png"


def data_argument(parser: argparse.ArgumentParser) -> None:
    """Add --data; it may be repeated."""
    parser.add_argument(
        "--data",
        type=Path,
        action="append",
        help="folder of labelled photos, may be repeated (or FREISTELLER_EVAL, folders with : between; "
        "usually shared/eval and shared/eval-more beside this checkout)",
    )


def photos_or_exit(folders: Path | Sequence[Path] | None = None) -> list[Labelled]:
    """All photos of the indexes; None: of the usual folders. Exits with code 2 if there is no such folder."""
    if folders is None:
        named = os.environ.get("FREISTELLER_EVAL")
        above = Path(__file__).resolve().parents[2:4]  # of the checkout, or of a folder of worktrees
        usual = [folder / "shared" / name for folder in above for name in ("eval", "eval-more")]
        folders = [Path(part) for part in named.split(os.pathsep)] if named else [f for f in usual if f.is_dir()]
        folders = folders or usual[:1]
    found = []
    for folder in [folders] if isinstance(folders, Path) else folders:
        index = folder / "index.tsv"
        if not index.is_file():
            print(
                f"There are no labelled photos in {folder}. Name their folder with --data or FREISTELLER_EVAL.",
                file=sys.stderr,
            )
            raise SystemExit(2)
        with index.open(encoding="utf-8", newline="") as lines:
            found += [_labelled(folder, row) for row in csv.DictReader(lines, delimiter="\t")]
    return found


def with_masks(photos: Sequence[Labelled], *models: str) -> list[Labelled]:
    """Those of the photos that have alphas of all these models."""
    return [photo for photo in photos if all(photo.has(model) for model in models)]


def _labelled(folder: Path, row: dict[str, str]) -> Labelled:
    name, set_name = row["name"], row["set"]
    listed = row.get("masks")
    if listed is None:  # an index without that column: all that lie there
        models = tuple(model for model in MODELS if (folder / "masks" / model / f"{name}.png").is_file())
    else:
        models = tuple(model for model in listed.split(",") if model != "-")
    return Labelled(folder, name, set_name, row["truth"] == "soft", _group(name, set_name), models)


def _group(name: str, set_name: str) -> str:
    series = SERIES.get(set_name)
    return series.sub("", name.replace("__test_", "__").replace("__train_", "__")) if series else name


def iou(alpha: Alpha, truth: Alpha) -> float:
    """Intersection over union of the two at 0.5, in truth's frame."""
    mine, true = fitted(alpha, truth) >= 0.5, truth >= 0.5
    union = int((mine | true).sum())
    return int((mine & true).sum()) / union if union else 1.0


def mean_error(alpha: Alpha, truth: Alpha) -> float:
    """Mean absolute difference, in truth's frame."""
    return float(np.abs(fitted(alpha, truth) - truth).mean())


def fitted(alpha: Alpha, truth: Alpha) -> Alpha:
    """`alpha` at truth's size."""
    if alpha.shape == truth.shape:
        return alpha
    height, width = truth.shape
    return np.asarray(cv2.resize(alpha, (width, height), interpolation=cv2.INTER_LINEAR), dtype=np.float32)


def folds(names: list[str], count: int, seed: int = 0) -> Iterator[NDArray[np.bool_]]:
    """For each fold the mask of the rows that are held out. All rows of a photo are in the same fold."""
    unique = sorted(set(names))
    order = np.random.default_rng(seed).permutation(len(unique)) % count
    fold_of = dict(zip(unique, order, strict=True))
    rows = np.array([fold_of[name] for name in names])
    for fold in range(count):
        yield rows == fold


def ranks(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ranks from 1; equal values get their mean rank."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2)[inverse], dtype=np.float64)


def spearman(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Spearman's rank correlation."""
    return float(np.corrcoef(ranks(a), ranks(b))[0, 1])


def auroc(score: NDArray[np.float64], positive: NDArray[np.bool_]) -> float:
    """The chance that a positive scores higher than a negative (Mann-Whitney)."""
    hits = int(positive.sum())
    misses = len(positive) - hits
    if not hits or not misses:
        return float("nan")
    return float((ranks(score)[positive].sum() - hits * (hits + 1) / 2) / (hits * misses))


def _alpha(path: Path) -> Alpha:
    return (_read(path, cv2.IMREAD_GRAYSCALE) / np.float32(255)).astype(np.float32)


def _read(path: Path, flags: int) -> Rgb:
    picture = cv2.imdecode(np.frombuffer(path.read_bytes(), np.uint8), flags)
    if picture is None:
        raise SystemExit(f"{path} is not a picture. Replace it, or take it out of index.tsv.")
    return np.asarray(picture, dtype=np.uint8)
