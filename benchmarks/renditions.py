"""Measures renditions: nine of one photo of 24 megapixels, against the same nine by a plain Pillow script.

    python -m benchmarks.renditions [--runs 5]

Both sides get the same finished cut-out: ours as the worker that made it holds it, in memory; Pillow as its PNG, which
it opens for each rendition, as a plain script does that is called nine times; "once" is a script that opens it once.
So CPU seconds of ours are what nine renditions add to a photo, from the first pixel to files that are proven; those of
Pillow are opening, cropping, resizing, laying on white and saving, without any proof. Each run is a process of its own,
the sides take turns, and the ratio is the median of those within a turn: a machine that others use, too, is as slow
for both.

Every shipped preset is made once besides, of a drawn photo whose subject they all accept, to count the rules that
proof held them against. The last line is one JSON object.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from daemon.pictures import reading, vips
from daemon.renditions.encoded_rendition import SUFFIXES
from daemon.renditions.grounds import original_at
from daemon.renditions.named_renditions import rendition_of
from daemon.renditions.wanted import MadeRendition, Rendition
from daemon.settings.pixel_settings import PixelOutputs
from daemon.settings.rendition_presets import shipped_presets
from daemon.work.composed_renditions import render
from daemon.work.composed_result import ComposedResult

NINE = (
    "amazon-main", "ebay", "google-merchant", "shopify", "walmart", "zalando", "meta-feed", "meta-story", "pinterest",
)  # fmt: skip
MEGABYTE = 1 << 20
LIMIT_MEGAPIXELS = 500.0
OUTPUTS = PixelOutputs("each", True, (255, 255, 255), False, 0.05, 0, 95, ("png",))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.worker:
        side, photo, folder = arguments.worker
        print(json.dumps(SIDES[side](Path(photo), Path(folder))))
        return
    with tempfile.TemporaryDirectory(prefix="freisteller-benchmark-") as folder:
        print(json.dumps(measured(Path(folder), arguments.runs)))


def measured(folder: Path, runs: int) -> dict[str, float]:
    photo = drawn(folder / "photo.jpg", 6000, 4000)
    composed(photo).write(folder / "photo.png", "png", "benchmark")
    found: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    for _ in range(runs):
        for side, taken in found.items():
            with tempfile.TemporaryDirectory(dir=folder) as out:
                command = [sys.executable, "-m", "benchmarks.renditions", "--worker", side, str(photo), out]
                taken.append(json.loads(subprocess.check_output(command)))
    seconds = {side: statistics.median(run["cpu_seconds"] for run in taken) for side, taken in found.items()}
    ratios = [us["cpu_seconds"] / them["cpu_seconds"] for us, them in zip(found["ours"], found["pillow"], strict=True)]
    peak = statistics.median(run["peak_mb"] for run in found["ours"])
    for side, median in seconds.items():
        print(f"{side:7} {median:6.2f} CPU s for {len(NINE)} renditions of 24 megapixels")
    print(f"ours / pillow, turn by turn: {', '.join(f'{ratio:.3f}' for ratio in ratios)}")
    made = every_preset(drawn(folder / "small.jpg", 3600, 3600), folder)
    rules = [proof for each in made for proof in each.proofs]
    exact = [proof.holds for proof in rules if proof.rule == "ground"]
    print(f"\n{'preset':16}{'pixels':>12}{'share':>8}{'bytes':>10}{'rules':>7}  broken")
    for each in made:
        size = f"{each.size[0]}x{each.size[1]}"
        broken = ", ".join(f"{proof.rule}: {proof.found}, {proof.wanted}" for proof in each.broken) or "-"
        print(f"{each.rendition.name:16}{size:>12}{each.share[0]:8.3f}{each.bytes:10,}{len(each.proofs):7}  {broken}")
    return {
        "presets": len(made),
        "rules_checked": len(rules),
        "rules_broken": sum(not proof.holds for proof in rules),
        "cpu_ratio_to_pillow": round(statistics.median(ratios), 3),
        "peak_mb": round(peak),
        "fill_error_max": round(max(map(fill_error, made)), 4),
        "background_exact_share": round(sum(exact) / len(exact), 4) if exact else 0.0,
    }


def fill_error(made: MadeRendition) -> float:
    """How far the subject's share is from what was asked; margins that leave less room ask for less."""
    placing = made.rendition.placing
    share = made.share[placing.fill_by == "area"]
    top, right, bottom, left = placing.margins
    room = max(1 - left - right, 1 - top - bottom)
    return abs(share - min(placing.fill, room))


def every_preset(photo: Path, folder: Path) -> list[MadeRendition]:
    return by_name(composed(photo), photo, folder, sorted(shipped_presets()))


def by_name(result: ComposedResult, photo: Path, folder: Path, names: Sequence[str]) -> list[MadeRendition]:
    original = original_at(photo, LIMIT_MEGAPIXELS)
    wanted = [rendition_of(name) for name in names]
    return list(render(result, original, [(path_of(folder, each), each) for each in wanted], "benchmark"))


def path_of(folder: Path, rendition: Rendition) -> Path:
    return folder / f"{rendition.name}{SUFFIXES[rendition.encoding.format]}"


# --- both sides


def by_us(photo: Path, folder: Path) -> dict[str, float]:
    result = composed(photo)
    before, began = peak_mb(), time.process_time()
    by_name(result, photo, folder, NINE)
    return {"cpu_seconds": time.process_time() - began, "peak_mb": peak_mb(), "before_mb": before}


def by_pillow(photo: Path, folder: Path) -> dict[str, float]:
    began = time.process_time()
    for name in NINE:
        picture = Image.open(photo.with_suffix(".png"))
        plain_rendition(picture, rendition_of(name), folder / f"{name}.jpg")
    return {"cpu_seconds": time.process_time() - began, "peak_mb": peak_mb()}


def by_pillow_opened_once(photo: Path, folder: Path) -> dict[str, float]:
    began = time.process_time()
    picture = Image.open(photo.with_suffix(".png"))
    for name in NINE:
        plain_rendition(picture, rendition_of(name), folder / f"{name}.jpg")
    return {"cpu_seconds": time.process_time() - began, "peak_mb": peak_mb()}


def plain_rendition(picture: Image.Image, rendition: Rendition, path: Path) -> None:
    """What a straightforward script does: crop to what is seen, resize, lay on white, save."""
    canvas = rendition.canvas
    ratio = canvas.ratio or 1.0
    width, height = round(canvas.longest * min(1.0, ratio)), round(canvas.longest / max(1.0, ratio))
    subject = picture.crop(picture.getchannel("A").getbbox())
    scale = min(1.0, rendition.placing.fill * width / subject.width, rendition.placing.fill * height / subject.height)
    size = max(1, round(subject.width * scale)), max(1, round(subject.height * scale))
    subject = subject.resize(size, Image.Resampling.LANCZOS)
    page = Image.new("RGB", (width, height), "white")
    page.paste(subject, ((width - size[0]) // 2, (height - size[1]) // 2), subject)
    page.save(path, quality=rendition.encoding.quality, subsampling=0)


SIDES: dict[str, Callable[[Path, Path], dict[str, float]]] = {
    "ours": by_us,
    "pillow": by_pillow,
    "once": by_pillow_opened_once,
}


def peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


# --- drawn input


def composed(photo: Path) -> ComposedResult:
    """A photo, cut out by a drawn alpha."""
    opened = reading.open_photo(photo, LIMIT_MEGAPIXELS)
    return ComposedResult.of(opened, lambda: blob(opened.width, opened.height), OUTPUTS)


def blob(width: int, height: int) -> NDArray[np.uint8]:
    """(height, width): a body with a wavy border and a thin stem, away from the photo's edges."""
    y, x = np.mgrid[: height // 4, : width // 4].astype(np.float32)
    y, x = y - height / 8, x - width / 8
    border = 0.09 * height + 0.008 * height * np.sin(9 * np.arctan2(y, x))
    small = np.clip((border - np.hypot(y, x)) / 2 + 0.5, 0, 1)
    return np.asarray(cv2.resize(np.rint(255 * small).astype(np.uint8), (width, height)), np.uint8)


def drawn(path: Path, width: int, height: int) -> Path:
    """Write a photo of coloured cloth with a camera's grain."""
    random = np.random.default_rng(0)
    cloth = random.uniform(40, 215, (height // 50, width // 50, 3)).astype(np.float32)
    large = np.empty((height, width, 3), np.uint8)
    smooth = cv2.resize(cloth, (width, height), interpolation=cv2.INTER_CUBIC)
    for top in range(0, height, 512):  # in strips, to save memory
        strip = smooth[top : top + 512]
        large[top : top + 512] = np.clip(np.rint(strip + random.normal(0, 2, strip.shape)), 0, 255)
    with path.open("xb") as file:
        file.write(vips.image_of(large).write_to_buffer(".jpg[Q=92]"))
    return path


if __name__ == "__main__":
    main()
