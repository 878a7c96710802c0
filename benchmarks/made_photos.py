"""Makes large photos with exact soft borders: foregrounds of known alpha over other photos' backgrounds.

Blur and noise are those of a lens and a sensor, so the border is as soft as the rest of the picture. Large photos with
a measured alpha do not exist among the labelled ones. What is made here is kept in a cache, never in the project.
"""

import csv
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from benchmarks.labelled import Labelled, photos_or_exit
from benchmarks.true_colours import true_colours
from daemon.arrays import Alpha, Rgb
from daemon.engines.onnx.network_input import network_input
from daemon.engines.onnx.network_output import alpha_of_map
from daemon.engines.onnx.onnx_table import OnnxModel

MEGAPIXELS = (1.5, 4, 12, 24)
VARIANTS = 1  # photos made of each foreground, of different sizes
MODEL = "u2netp"
WEIGHTS = Path.home() / ".u2net" / f"{MODEL}.onnx"
PROXY = 1024  # px
QUALITY = 93  # of the JPEGs
STEEPEST = 4.0  # by how much a border that enlarging made soft is made firm again, at most
LENS = (0.5, 1.6)  # px: the standard deviation of the blur over all of the picture
BEHIND = (0.0, 0.004)  # of the longest side: the further blur of what lies behind
NOISE = (0.5, 5.0)  # of 255
U2NETP = OnnxModel(
    fit="stretch", size=(320, 320), divide="maximum", mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225),
    activation="none", range="min-max",
)  # fmt: skip

Floats = NDArray[np.float32]


def made_folder(cache: Path, data: Path, more: Path) -> Path:
    """The folder of made photos, laid out like the labelled ones; what it lacks is made now (some 4 CPU s a photo)."""
    folder = cache / "made-1"
    if (folder / "index.tsv").is_file():
        return folder
    for part in ("images", "alpha", f"masks/{MODEL}"):
        (folder / part).mkdir(parents=True, exist_ok=True)
    foregrounds = [photo for photo in photos_or_exit(data) if photo.soft]
    backgrounds = [photo for photo in photos_or_exit(more) if photo.set_name == "dis5k"]
    session = onnxruntime.InferenceSession(str(WEIGHTS), providers=["CPUExecutionProvider"])
    rows: list[tuple[object, ...]] = []
    for number, foreground in enumerate(foregrounds):
        for variant in range(VARIANTS):
            size = MEGAPIXELS[(number + 2 * variant) % len(MEGAPIXELS)]
            dice = np.random.default_rng([number, variant])
            background = backgrounds[int(dice.integers(len(backgrounds)))]
            name = f"made__{foreground.name}@{size:g}mp"
            mask = folder / "masks" / MODEL / f"{name}.png"
            if not mask.is_file():  # it is written last
                rgb, alpha = made(foreground, background, size, dice)
                quality: Sequence[int] = (cv2.IMWRITE_JPEG_QUALITY, QUALITY)
                cv2.imwrite(str(folder / "images" / f"{name}.jpg"), rgb[:, :, ::-1], quality)
                _write(folder / "alpha" / f"{name}.png", alpha)
                _write(mask, u2netp(session, rgb))
            rows.append((name, "made", size, "soft"))
    with (folder / "index.tsv").open("w", encoding="utf-8", newline="") as lines:
        table = csv.writer(lines, delimiter="\t")
        table.writerows([("name", "set", "megapixels", "truth"), *rows])
    return folder


def made(foreground: Labelled, background: Labelled, megapixels: float, dice: np.random.Generator) -> tuple[Rgb, Alpha]:
    """A photo of about this size, and its alpha, (H, W) float32 0..1."""
    rgb, alpha = foreground.photo(), foreground.truth()
    factor = float(np.sqrt(megapixels * 1e6 / alpha.size))
    size = round(alpha.shape[1] * factor), round(alpha.shape[0] * factor)
    subject = np.asarray(true_colours(rgb, alpha), np.float32)
    cover = _enlarged(alpha, size)
    firm = min(STEEPEST, max(1.0, 0.6 * factor))
    cover = np.clip((cover - 0.5) * firm + 0.5, 0, 1)
    behind = _filled((background.photo() / np.float32(255)).astype(np.float32), size)
    behind = _blurred(behind, float(dice.uniform(*BEHIND)) * max(size))
    picture = _enlarged(subject, size)
    picture -= behind
    picture *= cover[..., None]
    picture += behind
    lens = float(dice.uniform(*LENS))
    picture = 255 * _blurred(picture, lens)
    picture += dice.normal(0, float(dice.uniform(*NOISE)), picture.shape[:2]).astype(np.float32)[..., None]
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8), np.clip(_blurred(cover, lens), 0, 1)


def u2netp(session: onnxruntime.InferenceSession, rgb: Rgb) -> Alpha:
    """What the model answers for the photo's proxy, at the proxy's size."""
    scale = min(1.0, PROXY / max(rgb.shape))
    proxy = np.asarray(cv2.resize(rgb, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA), np.uint8)
    found = session.run(None, {session.get_inputs()[0].name: network_input(proxy, U2NETP)})[0][0, 0]
    return alpha_of_map(found, U2NETP, *proxy.shape[:2])


def _write(path: Path, alpha: Alpha) -> None:
    cv2.imwrite(str(path), np.rint(alpha * 255).astype(np.uint8))


def _filled(picture: Floats, size: tuple[int, int]) -> Floats:
    """The middle of a picture, of such a shape that it fills `size`, (width, height), and at that size."""
    height, width = picture.shape[:2]
    scale = min(width / size[0], height / size[1])
    wide, high = round(size[0] * scale), round(size[1] * scale)
    left, top = (width - wide) // 2, (height - high) // 2
    return _enlarged(picture[top : top + high, left : left + wide], size)


def _enlarged(picture: Floats, size: tuple[int, int]) -> Floats:
    return np.clip(np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC), np.float32), 0, 1)


def _blurred(picture: Floats, sigma: float) -> Floats:
    return np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.float32) if sigma > 0.3 else picture
