"""Compares the built-in engine with rembg's own sessions, on the same pictures and the same networks.

    python benchmarks/rembg_equality.py [--photos DIR] [--most 40] [--rembg-python PYTHON]

u2netp runs with its real weights; every other model of our table that rembg has runs with a drawn network of its input
form, because the weights are too large to fetch: rembg's class for that model, its numbers untouched, gets the drawn
file. The pictures are drawn ones (dark, narrow, tiny, larger than a network's input among them) and those of --photos,
at most `most`, brought to a long side of 1024 pixels as a proxy is. rembg runs in an environment of its own
(benchmarks/rembg_environment.py), whose Pillow must be older than 13: that one filters some shapes in another order.

The last line is {"models", "largest_difference"}: of alphas from 0 to 1. It must be at most 1/255 = 0.0039.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import uuid
from pathlib import Path

import cv2
import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))

from benchmarks import rembg_environment
from daemon.arrays import Rgb
from daemon.engines.onnx.onnx_engine import OnnxEngine
from daemon.engines.onnx.onnx_table import shipped_onnx_models
from daemon.engines.onnx.weights_folder import weights_file
from daemon.jobs import Recipe
from daemon.settings import LocalEngineSettings, load
from tests.engines.drawn_network import Channel, drawn_network

LONG_SIDE = 1024
MAP: Channel = (0.9, -0.6, 0.4, 0.1)
OTHER: Channel = (-0.2, 0.5, 0.1, 0.0)
"""What the further outputs put out. rembg's U-2-Nets have seven; it takes the first."""

REMBG = """
import json, sys, warnings
import numpy as np
import onnxruntime
from PIL import Image
from rembg.sessions import sessions

folder, = sys.argv[1:]
for name, path in json.load(open(f"{folder}/weights.json")).items():
    if name not in sessions:
        continue
    kind = sessions[name]
    own = type(kind.__name__, (kind,), {"download_models": classmethod(lambda cls, *a, path=path, **k: path)})
    session = own(name, onnxruntime.SessionOptions(), providers=["CPUExecutionProvider"])
    pictures = np.load(f"{folder}/pictures.npz")
    masks = {key: np.asarray(session.predict(Image.fromarray(pictures[key]))[0]) for key in pictures.files}
    np.savez(f"{folder}/{name}.npz", **masks)
"""


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--photos", type=Path, help="a folder of photos")
    parser.add_argument("--most", type=int, default=40, help="photos of that folder")
    parser.add_argument("--rembg-python", type=Path, help="the Python of an environment with rembg")
    arguments = parser.parse_args()
    pictures = drawn_pictures() | (photos(arguments.photos, arguments.most) if arguments.photos else {})
    python = arguments.rembg_python or rembg_environment.python()
    with tempfile.TemporaryDirectory() as folder:
        worst = compared(Path(folder), pictures, python)
    print(f"\n{'model':28} {'largest difference':>18} {'pixels that differ':>18}")
    for name, (steps, share) in worst.items():
        print(f"{name:28} {steps:12} / 255 {100 * share:16.5f} %")
    most = max(steps for steps, _ in worst.values())
    print(json.dumps({"models": len(worst), "largest_difference": round(most / 255, 5)}))


def compared(folder: Path, pictures: dict[str, Rgb], python: Path) -> dict[str, tuple[int, float]]:
    """For each model the largest difference in steps of 1/255, and the share of pixels that differ."""
    weights = weights_in(folder)
    (folder / "weights.json").write_text(json.dumps({name: str(path) for name, path in weights.items()}))
    np.savez(folder / "pictures.npz", **pictures)  # type: ignore[arg-type]  # savez takes arrays by any name
    print(f"rembg works on {len(pictures)} pictures …", flush=True)
    subprocess.run([python, "-W", "ignore", "-c", REMBG, str(folder)], check=True)
    worst = {}
    for name in weights:
        if not (folder / f"{name}.npz").exists():
            print(f"{name}: rembg has no such model")
            continue
        engine = OnnxEngine(LocalEngineSettings(model=name, weights_dir=str(folder)), 1, print)
        differences = []
        with np.load(folder / f"{name}.npz") as masks:
            for key, picture in pictures.items():
                alpha = engine.cut(uuid.uuid4(), picture, Recipe(name)).alpha
                differences.append(np.abs(np.rint(alpha * 255).astype(int) - masks[key]).ravel())
        engine.close()
        together = np.concatenate(differences)
        worst[name] = (int(together.max()), float(np.mean(together > 0)))
    return worst


def weights_in(folder: Path) -> dict[str, Path]:
    """Weights for each model of our table, in this folder: real ones for u2netp, else drawn ones."""
    found = {}
    for name, model in shipped_onnx_models().items():
        path = folder / f"{name}.onnx"
        if name == "u2netp":
            real = weights_file(load().engine.local.weights_path, name)
            if real is None:
                sys.exit("The weights of u2netp are missing: run make setup.")
            path.symlink_to(real)
        else:
            path.write_bytes(drawn_network([MAP], [OTHER], size=model.size, batch=1))
        found[name] = path
    return found


def drawn_pictures() -> dict[str, Rgb]:
    """Blurred noise with a disc on it, in sizes and brightnesses that have given trouble."""
    found = {}
    sizes = ((1024, 683), (683, 1024), (1024, 1024), (320, 320), (97, 61), (2, 900), (900, 230), (1500, 1100))
    for number, (width, height) in enumerate(sizes):
        noise = np.random.default_rng(number).integers(0, 256, (height, width, 3), dtype=np.uint8)
        picture = cv2.normalize(cv2.GaussianBlur(noise, (0, 0), 3), None, 0, 255, cv2.NORM_MINMAX)  # type: ignore[call-overload]
        cv2.circle(picture, (width // 2, height // 2), min(width, height) // 3, (200, 120, 40), -1)
        found[f"drawn-{width}x{height}"] = picture
    found["dark"] = found["drawn-1024x683"] // 6
    return found


def photos(folder: Path, most: int) -> dict[str, Rgb]:
    """The first photos of a folder, as RGB."""
    found = {}
    for path in sorted(folder.iterdir())[:most]:
        photo = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if photo is None:
            continue
        scale = min(1.0, LONG_SIDE / max(photo.shape[:2]))
        small = cv2.resize(photo, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        found[path.name] = np.asarray(cv2.cvtColor(small, cv2.COLOR_BGR2RGB), dtype=np.uint8)
    return found


if __name__ == "__main__":
    main()
