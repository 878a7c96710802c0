"""Measures in which form a proxy is best sent to a ComfyUI server: bytes, processor time, and what the alpha loses.

    python benchmarks/upload_form.py [--photos 40] [--data DIR]

Each photo's proxy is encoded in each form, decoded as the server does, and cut out by u2netp. "alpha" is the mean
difference to the alpha of the proxy itself, and "worst photo" that of the photo that suffers most, in steps of 255;
"error" is the mean difference to the true matte. A form loses nothing that matters if "alpha" is below half a step,
which rounding to 8 bit may cost as well, and "error" is not worse by a tenth of a step. The limit is that low because
u2netp sees 320 pixels only, and networks that see all 1,024 may lose more. The cheapest of those forms is the choice:
by encoding, decoding, and sending its bytes at 100 Mbit/s. The last line is one JSON object.
"""

import argparse
import json
import statistics
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field

import cv2
import numpy as np
import pyvips

from benchmarks import labelled
from benchmarks.kept_masks import proxy_of
from daemon.arrays import Alpha, Rgb
from daemon.engines.onnx.onnx_engine import OnnxEngine
from daemon.jobs import Recipe
from daemon.pictures import codec, vips
from daemon.settings import load

LEAST_SIDE = 600  # pixels of a photo's longer side; smaller ones are no smaller as a proxy
BYTES_PER_MS = 12_500  # 100 Mbit/s
STEPS = 255.0
MOST_STEPS, MOST_WORSE = 0.5, 0.1
NOW = "JPEG 95 4:4:4"
LOSSLESS = "PNG 2 up"


def _jpeg(quality: int, subsampled: bool) -> Callable[[Rgb], bytes]:
    mode = "on" if subsampled else "off"
    return lambda rgb: bytes(vips.image_of(rgb).jpegsave_buffer(Q=quality, subsample_mode=mode, keep="none"))


def _png(level: int, filtered: str) -> Callable[[Rgb], bytes]:
    return lambda rgb: bytes(vips.image_of(rgb).pngsave_buffer(compression=level, filter=filtered, keep="none"))


FORMS: dict[str, Callable[[Rgb], bytes]] = {
    NOW: codec.encode_proxy,
    "JPEG 90 4:4:4": _jpeg(90, subsampled=False),
    "JPEG 95 4:2:0": _jpeg(95, subsampled=True),
    "PNG 1 up": _png(1, "up"),
    LOSSLESS: _png(2, "up"),
    "PNG 6 none": _png(6, "none"),
}


@dataclass(slots=True)
class Figures:
    """What a form cost and did, photo by photo. Differences are in steps of 255."""

    encode_ms: list[float] = field(default_factory=list)
    decode_ms: list[float] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    differences: list[float] = field(default_factory=list)
    errors: list[float] = field(default_factory=list)

    @property
    def cost_ms(self) -> float:
        """Encoding, sending and decoding, in ms."""
        sending = statistics.mean(self.sizes) / BYTES_PER_MS
        return statistics.median(self.encode_ms) + sending + statistics.median(self.decode_ms)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--photos", type=int, default=40)
    labelled.data_argument(parser)
    arguments = parser.parse_args()
    figures, exact = measured(chosen(labelled.photos_or_exit(arguments.data), arguments.photos))
    print(f"{'form':14} {'bytes':>8} {'encode ms':>10} {'decode ms':>10} {'alpha':>7} {'worst photo':>12} {'error':>7}")
    for name, each in figures.items():
        print(
            f"{name:14} {statistics.mean(each.sizes):8.0f} {statistics.median(each.encode_ms):10.1f} "
            f"{statistics.median(each.decode_ms):10.1f} {statistics.mean(each.differences):7.3f} "
            f"{max(each.differences):12.3f} {statistics.mean(each.errors):7.3f}"
        )
    harmless = {name for name, each in figures.items() if is_harmless(each, exact)}
    choice = min(harmless, key=lambda name: figures[name].cost_ms)
    now = figures[NOW]
    print(
        json.dumps(
            {
                "photos": len(exact),
                "choice": choice,
                "in_use": NOW,
                "alpha_difference_in_use": round(statistics.mean(now.differences), 3),
                "cost_ms_in_use": round(now.cost_ms, 1),
                "cost_ms_lossless": round(figures[LOSSLESS].cost_ms, 1),
            }
        )
    )


def chosen(photos: list[labelled.Labelled], most: int) -> list[labelled.Labelled]:
    """So many photos, evenly out of all that are not small."""
    large = [photo for photo in photos if max(photo.photo().shape[:2]) >= LEAST_SIDE]
    return large[:: max(1, len(large) // most)][:most]


def measured(photos: list[labelled.Labelled]) -> tuple[dict[str, Figures], list[float]]:
    """The figures of each form, and the error of each photo's exact proxy."""
    engine = OnnxEngine(load().engine.local, 1, print)
    figures = {name: Figures() for name in FORMS}
    exact: list[float] = []
    for photo in photos:
        proxy, truth = proxy_of(photo.photo()), photo.truth()
        reference = cut(engine, proxy)
        exact.append(difference(reference, truth))
        for name, encode in FORMS.items():
            each = figures[name]
            began = time.process_time()
            sent = encode(proxy)
            encoded = time.process_time()
            received = decoded(sent)
            each.decode_ms.append((time.process_time() - encoded) * 1000)
            each.encode_ms.append((encoded - began) * 1000)
            each.sizes.append(len(sent))
            alpha = reference if np.array_equal(received, proxy) else cut(engine, received)
            each.differences.append(difference(alpha, reference))
            each.errors.append(difference(alpha, truth))
    return figures, exact


def is_harmless(each: Figures, exact: list[float]) -> bool:
    """Whether a form changes nothing that matters to an alpha. exact: the errors without any form."""
    worse = statistics.mean(each.errors) - statistics.mean(exact)
    return statistics.mean(each.differences) < MOST_STEPS and worse < MOST_WORSE


def decoded(sent: bytes) -> Rgb:
    """As a server does: libjpeg or libpng."""
    return np.asarray(vips.array_of(pyvips.Image.new_from_buffer(sent, "")), np.uint8)


def cut(engine: OnnxEngine, proxy: Rgb) -> Alpha:
    return engine.cut(uuid.uuid4(), proxy, Recipe("u2netp")).alpha


def difference(alpha: Alpha, other: Alpha) -> float:
    """The mean difference of two alphas at the size of the first, in steps of 255."""
    fitted = cv2.resize(other, alpha.shape[1::-1], interpolation=cv2.INTER_AREA)
    return float(np.abs(alpha - fitted).mean()) * STEPS


if __name__ == "__main__":
    main()
