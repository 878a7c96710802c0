"""How fast, how lean and how true the pictures are, side by side with rembg in one run.

    python benchmarks/pictures.py [--runs 5] [--photos 6] [--truth DIR] [--no-throughput]

Each figure is the median of `runs`, each run a process of its own, ours and rembg's in turns so that a busy machine
meets both. "Without inference" is everything between a file and a finished PNG but the network: both sides get the same
drawn matte in its place. Throughput runs the two programs as a user does, weights and all.

--truth DIR: a folder with index.tsv, images/ and alpha/ of photos with soft mattes, for the last figure; a drawn scene
takes their place without it. The last line is one JSON object.
"""

import argparse
import json
import os
import re
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Rgb = NDArray[np.uint8]
Alpha = NDArray[np.float32]

MATTE_SIDE = 320  # what u2netp gives
PROXY_PIXELS = 1024
REMBG_FOLDER = """\
import sys
from pathlib import Path
from rembg import new_session, remove

session = new_session("u2netp")
for path in sorted(Path(sys.argv[1]).iterdir()):
    (Path(sys.argv[2]) / f"{path.stem}.png").write_bytes(remove(path.read_bytes(), session=session))
"""  # what `rembg p -m u2netp` does with a folder; the command itself needs the extra rembg[cli]
LIMIT_MEGAPIXELS = 500.0


def main() -> None:
    arguments = parsed()
    if arguments.worker:
        side, photo, result = arguments.worker
        print(json.dumps({"ours": ours, "rembg": rembgs}[side](Path(photo), Path(result))))
        return
    with tempfile.TemporaryDirectory(prefix="freisteller-benchmark-") as folder:
        figures = measured(Path(folder), arguments)
    print(json.dumps({name: None if figure is None else round(figure, 3) for name, figure in figures.items()}))


def parsed() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--photos", type=int, default=6, help="24 megapixel photos for the throughput")
    parser.add_argument("--truth", type=Path)
    parser.add_argument("--no-throughput", action="store_true")
    parser.add_argument("--worker", nargs=3, help=argparse.SUPPRESS)
    return parser.parse_args()


def measured(folder: Path, arguments: argparse.Namespace) -> dict[str, float | None]:
    jpeg = drawn(folder / "24mp.jpg", 6000, 4000)
    deep = drawn(folder / "60mp.tif", 9480, 6330, deep=True)
    huge = drawn(folder / "100mp.tif", 12240, 8172, deep=True)
    figures: dict[str, float | None] = {
        "cpu_ratio_24mp_jpeg": cpu_ratio(jpeg, arguments.runs),
        "cpu_ratio_60mp_tiff16": cpu_ratio(deep, arguments.runs),
        "throughput_ratio_24mp": None,
        "throughput_ratio_1mp": None,
        "peak_mb_100mp_tiff16": statistics.median(
            worker("ours", huge)["peak_mb"] for _ in range(min(arguments.runs, 3))
        ),
        "band_mad_ratio_to_bilinear": band_ratio(arguments.truth),
    }
    if not arguments.no_throughput:
        small = drawn(folder / "1mp.jpg", 1224, 816)
        figures["throughput_ratio_24mp"] = throughput_ratio(folder, jpeg, arguments.photos, arguments.runs)
        figures["throughput_ratio_1mp"] = throughput_ratio(folder, small, 4 * arguments.photos, arguments.runs)
    return figures


# --- without inference


def cpu_ratio(photo: Path, runs: int) -> float:
    sides: dict[str, list[float]] = {"ours": [], "rembg": []}
    for _ in range(runs):
        for side, seconds in sides.items():
            seconds.append(worker(side, photo)["cpu_seconds"])
    mine, theirs = statistics.median(sides["ours"]), statistics.median(sides["rembg"])
    print(f"{photo.name}: ours {mine:.2f} CPU s, rembg {theirs:.2f} CPU s")
    return mine / theirs


def worker(side: str, photo: Path) -> dict[str, float]:
    with tempfile.TemporaryDirectory(dir=photo.parent) as folder:
        command = [sys.executable, __file__, "--worker", side, str(photo), str(Path(folder) / "result.png")]
        found: dict[str, float] = json.loads(subprocess.check_output(command))
    return found


def ours(photo_path: Path, result: Path) -> dict[str, float]:
    from daemon.jobs import View
    from daemon.pictures import compositing, proxy, reading, refining, writing

    began = time.process_time()
    photo = reading.open_photo(photo_path, LIMIT_MEGAPIXELS)
    small = proxy.make_proxy(photo, View(), PROXY_PIXELS)
    alpha = np.asarray(cv2.resize(matte(), small.shape[1::-1], interpolation=cv2.INTER_LINEAR), np.float32)
    full = refining.full_size_alpha(photo, alpha)
    writing.write(result, compositing.cut_out(photo, full, clean_rims=True), photo, "png", "benchmark")
    return spent(began)


def rembgs(photo_path: Path, result: Path) -> dict[str, float]:
    from rembg.bg import remove
    from rembg.sessions.u2netp import U2netpSession

    class DrawnAnswer:
        """Stands where the network would: the same matte, at no cost."""

        def get_inputs(self) -> list[Any]:
            return [argparse.Namespace(name="input.1")]

        def run(self, *_: Any) -> list[Any]:
            return [matte()[None, None]]

    session = object.__new__(U2netpSession)
    session.inner_session = DrawnAnswer()
    began = time.process_time()
    result.write_bytes(remove(photo_path.read_bytes(), session=session))
    return spent(began)


def spent(began: float) -> dict[str, float]:
    seconds = time.process_time() - began
    # Not getrusage: its peak is inherited from the parent across exec.
    peak = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text("ascii"))
    return {"cpu_seconds": seconds, "peak_mb": int(peak[1]) / 1024 if peak else float("nan")}


# --- whole programs


def throughput_ratio(folder: Path, photo: Path, photos: int, runs: int) -> float:
    inbox = folder / f"inbox of {photo.stem}"
    inbox.mkdir()
    for number in range(photos):
        shutil.copy(photo, inbox / f"{number}.jpg")
    seconds: dict[str, list[float]] = {"ours": [], "rembg": []}
    for _ in range(runs):
        for side, taken in seconds.items():
            with tempfile.TemporaryDirectory(dir=folder) as out:
                taken.append(whole_run(side, inbox, Path(out)))
    mine, theirs = statistics.median(seconds["ours"]), statistics.median(seconds["rembg"])
    print(f"{photos} x {photo.name}: ours {mine:.1f} s, rembg {theirs:.1f} s")
    return theirs / mine


def whole_run(side: str, inbox: Path, out: Path) -> float:
    if side == "ours":
        photos = [str(path) for path in sorted(inbox.iterdir())]
        command = [sys.executable, "-m", "daemon", "process", *photos, "--out", str(out)]
    else:
        command = [sys.executable, "-c", REMBG_FOLDER, str(inbox), str(out)]
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    taken = time.perf_counter() - began
    made = sum(1 for _ in out.rglob("*.png"))
    if made < len(list(inbox.iterdir())):
        raise SystemExit(f"{side} made only {made} pictures")
    return taken


# --- borders


def band_ratio(truth: Path | None) -> float:
    """Mean absolute error in the border band against bilinear interpolation, alpha shrunk four times and back.

    Prints the gradient error (C. Rhemann et al., CVPR 2009: Gaussian derivatives, sigma 1.4, squared) and eight times
    as well, and what is left of the old background where rims are laid on other colours.
    """
    found = list(scenes(truth))
    ratios = {factor: band_ratios(found, factor) for factor in (4, 8)}
    for factor, (mad, gradient) in ratios.items():
        print(f"border band at x{factor}: MAD {mad:.3f}, gradient error {gradient:.3f} of bilinear's")
    print(f"old background left in rims: {halo_ratio(found):.3f} of what is there without cleaning")
    return ratios[4][0]


def band_ratios(found: Sequence[tuple[Rgb, Alpha]], factor: int) -> tuple[float, float]:
    from daemon.pictures.refining import full_size_alpha

    errors: list[tuple[float, float, float, float]] = []
    for rgb, alpha in found:
        height, width = (side // factor * factor for side in alpha.shape)
        rgb, alpha = rgb[:height, :width], alpha[:height, :width]
        small = cv2.resize(alpha, (width // factor, height // factor), interpolation=cv2.INTER_AREA)
        bilinear = np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR), np.float32)
        full = np.asarray(full_size_alpha(photo_of(rgb), np.asarray(small, np.float32)) / 255, np.float32)
        band = (bilinear > 0) & (bilinear < 1)
        steep = steepness(alpha)
        errors.append((
            float(np.abs(full - alpha)[band].mean()),
            float(np.abs(bilinear - alpha)[band].mean()),
            float(np.square(steepness(full) - steep)[band].mean()),
            float(np.square(steepness(bilinear) - steep)[band].mean()),
        ))  # fmt: skip
    guided, plain, guided_steep, plain_steep = (statistics.mean(column) for column in zip(*errors, strict=True))
    return guided / plain, guided_steep / plain_steep


def steepness(alpha: Alpha) -> Alpha:
    """The length of the gradient of a Gaussian, sigma 1.4."""
    smooth = cv2.GaussianBlur(alpha, (0, 0), 1.4)
    across, down = (cv2.Sobel(smooth, cv2.CV_32F, *order, ksize=1, scale=0.5) for order in ((1, 0), (0, 1)))
    return np.asarray(np.hypot(across, down), np.float32)


def halo_ratio(found: Sequence[tuple[Rgb, Alpha]]) -> float:
    """Error in the rims of composites, whatever the new colour, of photos that were taken before green and before blue.

    The true colours of the subject are those that pymatting's estimation finds in the photo.
    """
    from pymatting.foreground.estimate_foreground_ml import estimate_foreground_ml

    from daemon.pictures.compositing import cut_out

    cleaned: list[float] = []
    raw: list[float] = []
    for rgb, alpha in found:
        subject = estimate_foreground_ml(rgb / 255, alpha.astype(np.float64))
        cover = alpha[..., None]
        rim = (alpha > 0) & (alpha < 1)
        for old in ((0.0, 0.8, 0.0), (0.0, 0.0, 1.0)):
            taken = np.rint(255 * (cover * subject + (1 - cover) * np.array(old))).astype(np.uint8)
            for clean, errors in ((True, cleaned), (False, raw)):
                rgba = cut_out(photo_of(taken), np.rint(alpha * 255).astype(np.uint8), clean)
                # The new background is the same in truth and composite: what differs is the subject's share.
                errors.append(float(np.abs(cover * (rgba[..., :3] / 255 - subject))[rim].mean()))
    return statistics.mean(cleaned) / statistics.mean(raw)


def photo_of(rgb: Rgb) -> Any:
    from daemon.pictures.reading import Photo
    from daemon.pictures.values import Metadata

    rgba = np.dstack([rgb, np.full(rgb.shape[:2], 255, np.uint8)])
    return Photo(np.ascontiguousarray(rgba), False, Metadata(), "drawn")


def scenes(truth: Path | None) -> Iterator[tuple[NDArray[np.uint8], NDArray[np.float32]]]:
    from daemon.pictures.reading import open_photo

    if truth is None:
        yield from (furry(seed) for seed in range(3))
        return
    for line in (truth / "index.tsv").read_text("utf-8").splitlines():
        name, *rest = line.split("\t")
        if "soft" in rest:
            photo = open_photo(truth / "images" / f"{name}.jpg", LIMIT_MEGAPIXELS)
            matte_photo = open_photo(truth / "alpha" / f"{name}.png", LIMIT_MEGAPIXELS)
            yield np.asarray(photo.pixels, np.uint8), np.asarray(matte_photo.pixels[..., 0] / 255, np.float32)


def furry(seed: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
    """A ball with fine hair in front of a wall, drawn four times larger and shrunk."""
    random = np.random.default_rng(seed)
    canvas = np.zeros((2400, 3200), np.uint8)
    cv2.circle(canvas, (1600, 1200), 700, 255, -1)
    for angle in random.uniform(0, 2 * np.pi, 900):
        length = random.uniform(720, 1000)
        bend = angle + random.normal(0, 0.06)
        start = (int(1600 + 690 * np.cos(angle)), int(1200 + 690 * np.sin(angle)))
        end = (int(1600 + length * np.cos(bend)), int(1200 + length * np.sin(bend)))
        cv2.line(canvas, start, end, 255, int(random.integers(2, 7)), cv2.LINE_AA)
    alpha = np.asarray(cv2.resize(canvas, (800, 600), interpolation=cv2.INTER_AREA), np.float32) / 255
    subject, wall = random.uniform(30, 120, 3), random.uniform(130, 230, 3)
    mixed = alpha[..., None] * subject + (1 - alpha[..., None]) * wall + random.normal(0, 2, (600, 800, 3))
    return np.asarray(np.clip(np.rint(mixed), 0, 255), np.uint8), np.asarray(alpha, np.float32)


# --- drawn input


def matte() -> NDArray[np.float32]:
    """(320, 320) 0..1: a blob with a wavy border, about a third of the picture."""
    y, x = np.mgrid[:MATTE_SIDE, :MATTE_SIDE] - MATTE_SIDE / 2
    border = 105 + 8 * np.sin(9 * np.arctan2(y, x))
    blob: NDArray[np.float32] = np.clip((border - np.hypot(y, x)) / 2 + 0.5, 0, 1).astype(np.float32)
    return blob


def drawn(path: Path, width: int, height: int, deep: bool = False) -> Path:
    """A photo that ships with scikit-image, enlarged, with a camera's grain."""
    import pyvips
    from skimage import data

    coffee: NDArray[np.uint8] = data.coffee()  # type: ignore[no-untyped-call]
    large = cv2.resize(coffee, (width, height), interpolation=cv2.INTER_CUBIC)
    scale = 257 if deep else 1
    grainy = np.empty(large.shape, np.uint16 if deep else np.uint8)
    random = np.random.default_rng(0)
    for top in range(0, height, 512):  # in strips, for the memory's sake
        strip = large[top : top + 512].astype(np.float32) + random.normal(0, 2, large[top : top + 512].shape)
        grainy[top : top + 512] = np.clip(np.rint(strip * scale), 0, 255 * scale)
    image = pyvips.Image.new_from_memory(grainy.data, width, height, 3, "ushort" if deep else "uchar")
    image = image.copy(interpretation="rgb16" if deep else "srgb")
    if path.suffix == ".jpg":
        image.jpegsave(str(path), Q=92)
    else:
        image.tiffsave(str(path))
    return path


if __name__ == "__main__":
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parent.parent), os.environ.get("PYTHONPATH", "")])
    sys.path.insert(0, str(Path(__file__).parent.parent))
    main()
