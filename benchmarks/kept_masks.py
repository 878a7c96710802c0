"""Computes the alphas of the built-in u2netp that labelled photos have not, and keeps them outside of the data.

    python benchmarks/kept_masks.py [--data DIR]

u2netp is one pass over the photo at most 1,024 pixels wide or high, u2netp_flip one over the mirrored photo, and
u2netp_zoom one over the subject that the first pass found. About a second of one core each. They are kept in
~/.cache/freisteller-benchmarks/masks, or in FREISTELLER_EVAL_CACHE. What is there already is not computed again.
"""

import argparse
import os
import sys
import uuid
from collections.abc import Sequence

import cv2
import numpy as np

from benchmarks.labelled import Labelled, data_argument, kept_mask, photos_or_exit
from daemon.arrays import Alpha, Rgb
from daemon.engines.onnx.onnx_engine import OnnxEngine
from daemon.jobs import Recipe, View
from daemon.judgement.views import crop, place, subject_of, zoom_on
from daemon.settings import LocalEngineSettings

COMPUTED = ("u2netp", "u2netp_flip", "u2netp_zoom")  # in this order: the zoom needs the first pass
PROXY_PIXELS = 1024


def keep_masks(photos: Sequence[Labelled], models: Sequence[str] = COMPUTED) -> int:
    """Compute what is missing, one model after the other; returns how many alphas that were."""
    engine: OnnxEngine | None = None
    wanted = [(photo, model) for model in COMPUTED if model in models for photo in photos if not photo.has(model)]
    for number, (photo, model) in enumerate(wanted, 1):
        engine = engine or OnnxEngine(LocalEngineSettings(threads=1), 1, print)
        _keep(_computed(engine, photo, model), photo.name, model)
        if number % 50 == 0 or number == len(wanted):
            print(f"{number} of {len(wanted)} missing alphas computed", file=sys.stderr, flush=True)
    return len(wanted)


def _computed(engine: OnnxEngine, photo: Labelled, model: str) -> Alpha:
    proxy = proxy_of(photo.photo())
    if model == "u2netp":
        return _seen(engine, proxy, View(), None)
    if model == "u2netp_flip":
        return _seen(engine, proxy, View(mirrored=True), None)
    first = photo.mask("u2netp")
    subject = subject_of(first)
    zoom = zoom_on(subject) if subject else None
    return _seen(engine, proxy, zoom, first) if zoom else first


def _seen(engine: OnnxEngine, proxy: Rgb, view: View, base: Alpha | None) -> Alpha:
    part = np.ascontiguousarray(crop(proxy, view))
    alpha = engine.cut(uuid.uuid4(), part, Recipe("u2netp")).alpha
    return place(alpha, view, proxy.shape[:2], base)


def proxy_of(rgb: Rgb) -> Rgb:
    """The photo as engines get it: at most PROXY_PIXELS wide or high."""
    scale = min(1.0, PROXY_PIXELS / max(rgb.shape[:2]))
    size = round(rgb.shape[1] * scale), round(rgb.shape[0] * scale)
    return np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def _keep(alpha: Alpha, name: str, model: str) -> None:
    path = kept_mask(name, model)
    path.parent.mkdir(parents=True, exist_ok=True)
    whole, encoded = cv2.imencode(".png", np.rint(alpha * 255).astype(np.uint8))
    if not whole:
        raise RuntimeError(f"The alpha of {name} cannot be encoded.")
    partial = path.with_name(f"{path.name}.{os.getpid()}.part")
    partial.write_bytes(encoded.tobytes())
    partial.replace(path)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data_argument(parser)
    cv2.setNumThreads(1)
    photos = photos_or_exit(parser.parse_args().data)
    print(f"{keep_masks(photos)} alphas computed for {len(photos)} photos")


if __name__ == "__main__":
    main()
