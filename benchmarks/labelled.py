"""Reads the labelled photos that benchmarks use, and compares alphas with the truth."""

import argparse
import csv
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from daemon.arrays import Alpha, Rgb

BAD, GOOD = 0.8, 0.95  # IoU: below is bad, above is very good
MODELS = ("u2netp", "isnet", "u2netp_flip", "u2netp_zoom")


@dataclass(frozen=True, slots=True)
class Labelled:
    """One photo of the evaluation data. soft: whether its truth has half-transparent parts."""

    folder: Path
    name: str
    group: str
    soft: bool

    def photo(self) -> Rgb:
        """(H, W, 3) uint8."""
        return np.ascontiguousarray(_read(self.folder / "images" / f"{self.name}.jpg", cv2.IMREAD_COLOR)[:, :, ::-1])

    def truth(self) -> Alpha:
        """(H, W) float32, 0..1, the photo's size."""
        return _alpha(self.folder / "alpha" / f"{self.name}.png")

    def mask(self, model: str) -> Alpha:
        """The raw alpha that `model` gave, (h, w) float32, 0..1."""
        return _alpha(self.folder / "masks" / model / f"{self.name}.png")


def data_argument(parser: argparse.ArgumentParser) -> None:
    """Add --data with its usual default."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "eval"
    default = Path(os.environ.get("FREISTELLER_EVAL") or beside)
    parser.add_argument("--data", type=Path, default=default, help="folder of labelled photos (or FREISTELLER_EVAL)")


def photos_or_exit(folder: Path) -> list[Labelled]:
    """All photos of the index. Exits with code 2 if there is no such folder."""
    index = folder / "index.tsv"
    if not index.is_file():
        print(
            f"There are no labelled photos in {folder}. Name their folder with --data or FREISTELLER_EVAL.",
            file=sys.stderr,
        )
        raise SystemExit(2)
    with index.open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines, delimiter="\t"))
    return [Labelled(folder, row["name"], row["set"], row["truth"] == "soft") for row in rows]


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
