"""Compares the border of an alpha with the true one, at the photo's own size, on photos whose true border is exact."""

import argparse
import csv
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.borders import photo_of, steepness
from benchmarks.labelled import Labelled
from daemon.arrays import Alpha, Rgb
from daemon.engines.onnx.resampling import resized
from daemon.jobs import View
from daemon.judgement.finish_search import best_finish
from daemon.judgement.grading import Thresholds
from daemon.judgement.scene import look_at
from daemon.pictures.photo import Photo
from daemon.pictures.proxy import make_proxy
from daemon.pictures.refining import full_size_alpha
from daemon.pictures.values import Samples
from daemon.settings import GradingSettings

PROXY = 1024  # px, the longest side of what an engine is shown
STANDARD = 1600  # px: up to this longest side tolerances are in pixels, above they grow with it
NEAR, OFF = 3.0, 2.0  # px: the width of the boundary for boundary IoU, and how far a border point may be off
RIM_BAD = 0.10  # of the true border: with more of it off, a rim is bad
RESOLVED = {"u2netp": 320, "u2netp_flip": 320, "isnet512": 512, "isnet": 1024}
"""The longest side, in px, at which a model sees the whole photo."""
SETS = {
    "alphamatting27": True, "adobe_comp_samples": True, "carvana5": True, "grabcut13": True, "dis5k": True,
    "davis480": True, "made": True, "ecssd": False, "ccp": False,
}  # fmt: skip
"""Sets that are good for rims. True: the border is good to about a pixel. False: only to two."""
_SOFT = (0.02, 0.98)  # truth between these is half transparent


@dataclass(frozen=True, slots=True)
class RimError:
    """How far an alpha's border is from the true one.

    boundary_iou: 0..1 (Cheng et al., CVPR 2021). off: the share of the true border that the alpha's border is not near
    to. For soft truth mad and gradient: the mean absolute error, and the mean squared error of the gradient (Rhemann et
    al., CVPR 2009) in the border band; nan for hard truth.
    """

    boundary_iou: float
    off: float
    mad: float = float("nan")
    gradient: float = float("nan")

    @property
    def is_bad(self) -> bool:
        """Whether more of the border is off than a picture that is published unseen may have."""
        return self.off > RIM_BAD


def rim_error(alpha: Alpha, truth: Alpha, soft: bool) -> RimError:
    """alpha, truth: (H, W) float32 0..1, of one size, the photo's own."""
    error = RimError(boundary_iou(alpha, truth), off_share(alpha, truth))
    if not soft:
        return error
    band = border_band(truth) | border_band(alpha)
    mad = float(np.abs(alpha - truth)[band].mean()) if band.any() else 0.0
    steep = float(np.square(steepness(alpha) - steepness(truth))[band].mean()) if band.any() else 0.0
    return RimError(error.boundary_iou, error.off, mad, steep)


def in_proportion(pixels: float, longest: int) -> float:
    """A tolerance that holds up to STANDARD px, for a photo with this longest side."""
    return pixels * max(1.0, longest / STANDARD)


def boundary_iou(alpha: Alpha, truth: Alpha) -> float:
    """The IoU of what lies inside and near the border; the photo's frame is no border."""
    reach = round(in_proportion(NEAR, max(truth.shape)))
    mine, true = _inner_rim(alpha >= 0.5, reach), _inner_rim(truth >= 0.5, reach)
    union = np.count_nonzero(mine | true)
    return float(np.count_nonzero(mine & true) / union) if union else 1.0


def _inner_rim(inside: NDArray[np.bool_], reach: int) -> NDArray[np.bool_]:
    solid = np.asarray(inside, np.uint8)
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    return np.asarray(solid > cv2.erode(solid, kernel, borderType=cv2.BORDER_REPLICATE), np.bool_)


def off_share(alpha: Alpha, truth: Alpha) -> float:
    """The share of the true border with no border of the alpha within OFF px, 0..1."""
    true, mine = border(truth >= 0.5), border(alpha >= 0.5)
    if not true.any():
        return 0.0
    if not mine.any():
        return 1.0
    away = cv2.distanceTransform(np.asarray(~mine, np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    return float((away[true] > in_proportion(OFF, max(truth.shape)) + 1e-3).mean())


def border(inside: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """The pixels of a shape that touch its outside; at the photo's frame there is no outside."""
    solid = np.asarray(inside, np.uint8)
    kernel = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
    return np.asarray(solid > cv2.erode(solid, kernel, borderType=cv2.BORDER_REPLICATE), np.bool_)


def border_band(truth: Alpha) -> NDArray[np.bool_]:
    """What is half transparent, and NEAR px around where subject and background meet."""
    reach = round(in_proportion(NEAR, max(truth.shape)))
    kernel = np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
    near = cv2.dilate(np.asarray(border(truth >= 0.5), np.uint8), kernel) > 0
    return np.asarray(near | ((truth > _SOFT[0]) & (truth < _SOFT[1])), np.bool_)


@dataclass(frozen=True, slots=True)
class RimPhoto:
    """A photo with an exact border, and the raw alpha of one model. exact: good to a pixel, else to two."""

    labelled: Labelled
    model: str
    exact: bool

    @property
    def name(self) -> str:
        """The photo's name."""
        return self.labelled.name

    @property
    def group(self) -> str:
        """The set that it comes from."""
        return self.labelled.set_name

    @property
    def family(self) -> str:
        """What must lie on one side of a split: frames of a film, numbered series, photos made of one foreground."""
        return family(self.name)

    @property
    def resolved(self) -> int:
        """The longest side in px that the model resolved."""
        return RESOLVED[self.model]

    def raw(self, size: tuple[int, int]) -> Alpha:
        """The raw alpha as the engine hands it over: (h, w) at the proxy's size, (width, height), or finer."""
        mask = self.labelled.mask(self.model)
        if mask.shape[1] >= size[0] and mask.shape[0] >= size[1]:
            return mask
        steps = np.asarray(np.rint(mask * 255), np.uint8)
        return np.asarray(resized(steps, *size, "lanczos") / np.float32(255), np.float32)


def family(name: str) -> str:
    """The name of what a photo shows: without the number of a frame, and of a made photo, the foreground's."""
    return re.sub(r"(?<=[^_])_\d+$", "", name.partition("@")[0].removeprefix("made__"))


def written_alpha(rgb: Rgb, photo: RimPhoto) -> Alpha:
    """The alpha, (H, W) float32 0..1 at the photo's size, that the program writes for the one raw alpha."""
    opened = photo_of(rgb)
    return np.asarray(finished_alpha(opened, raw_alpha(opened, photo))[0] / 255, np.float32)


def raw_alpha(opened: Photo, photo: RimPhoto) -> Alpha:
    """The one raw alpha, as an engine hands it over that was shown the proxy."""
    proxy = make_proxy(opened, View(), PROXY)
    return photo.raw((proxy.shape[1], proxy.shape[0]))


def finished_alpha(opened: Photo, raw: Alpha) -> tuple[Samples, float]:
    """The alpha that the program writes for a photo of 8 bit, (H, W) uint8, and its region's score."""
    limits = GradingSettings()
    proxy = make_proxy(opened, View(), PROXY)
    finished = best_finish(look_at(proxy), raw, Thresholds(limits.sehr_gut, limits.gut))
    return full_size_alpha(opened, finished.alpha), finished.verdict.score


def rim_photos(folders: Sequence[Path], models: Sequence[str] = ("u2netp", "isnet", "isnet512")) -> list[RimPhoto]:
    """Every photo of the sets that are good for rims, once for each of these models whose alpha is there."""
    found = []
    for folder in folders:
        if not (folder / "index.tsv").is_file():
            raise SystemExit(f"There are no labelled photos in {folder}. Name their folders with --data and --more.")
        with (folder / "index.tsv").open(encoding="utf-8", newline="") as lines:
            for row in csv.DictReader(lines, delimiter="\t"):
                if row["set"] not in SETS:
                    continue
                labelled = Labelled(folder, row["name"], row["set"], row["truth"] == "soft")
                for model in models:
                    if (folder / "masks" / model / f"{row['name']}.png").is_file():
                        found.append(RimPhoto(labelled, model, SETS[row["set"]]))
    return found


def folder_arguments(parser: argparse.ArgumentParser) -> None:
    """Add --data, --more and --cache with their usual defaults."""
    above = Path(__file__).resolve().parents[2:4]  # of the checkout, or of a folder of worktrees
    shared = next((folder / "shared" for folder in above if (folder / "shared").is_dir()), above[0] / "shared")
    named = [Path(part) for part in os.environ.get("FREISTELLER_EVAL", "").split(os.pathsep) if part]
    data, more = (*named, *(shared / "eval", shared / "eval-more")[len(named) :])[:2]
    cache = Path(os.environ.get("FREISTELLER_CACHE") or Path.home() / ".cache" / "freisteller-benchmarks")
    parser.add_argument("--data", type=Path, default=data, help="folder of labelled photos (or FREISTELLER_EVAL)")
    parser.add_argument(
        "--more", type=Path, default=more, help="another such folder (or the second in FREISTELLER_EVAL)"
    )
    parser.add_argument("--cache", type=Path, default=cache, help="where made photos are kept (or FREISTELLER_CACHE)")
